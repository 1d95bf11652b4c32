//! What a comparison of two policies comes to, added up order by order.

use crate::commands::{Table, money, word};
use std::collections::BTreeMap;
use waybill_client::proto::common::v1::Money;
use waybill_client::proto::fulfillment::v1::{NodeKind, PlanFigures, PolicyComparison};

/// Sums over orders: as it was, and as it would be.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    orders: u64,
    skipped: u64,
    currency: String,
    was: Sums,
    would_be: Sums,
    /// Orders promised earlier, on the same moment, later.
    dates: [u64; 3],
    /// Orders that cost less, the same, more, by what is paid.
    costs: [u64; 3],
    /// What each order would cost more, in minor units, by what is paid.
    differences: Vec<i64>,
    /// Orders by the days that their last promise would move: five and more earlier, ... the same, ... later.
    days: [u64; 2 * DAYS_MAX + 1],
}

/// Promises that move by more days than this count as this many.
pub(super) const DAYS_MAX: usize = 5;
/// Orders in more parcels than this count as this many.
pub(super) const PARCELS_MAX: usize = 4;
const DAY_S: i64 = 86_400;

#[derive(Clone, Debug, Default)]
struct Sums {
    paid: i64,
    weighed: i64,
    shipments: u64,
    split: u64,
    unserved: u64,
    units: BTreeMap<i32, u64>,
    /// Orders by parcels: none (all is fetched), one, two, ... four and more.
    parcels: [u64; PARCELS_MAX + 1],
}

fn minor(amount: Option<&Money>) -> i64 {
    amount.map_or(0, |amount| amount.minor_units)
}

impl Sums {
    fn add(&mut self, figures: &PlanFigures) {
        self.paid += minor(figures.paid_cost.as_ref());
        self.weighed += minor(figures.cost.as_ref());
        self.shipments += u64::from(figures.shipments);
        self.split += u64::from(figures.shipments > 1);
        self.parcels[(figures.shipments as usize).min(PARCELS_MAX)] += 1;
        self.unserved += u64::from(figures.unserved_units > 0);
        for of_kind in &figures.units {
            *self.units.entry(of_kind.kind).or_default() += of_kind.units;
        }
    }
    fn share(&self, kind: i32) -> f64 {
        let all: u64 = self.units.values().sum();
        self.units.get(&kind).copied().unwrap_or(0) as f64 * 100.0 / all.max(1) as f64
    }
}

impl Report {
    pub(super) fn add(&mut self, comparison: &PolicyComparison) {
        let none = PlanFigures::default();
        let was = comparison.was.as_ref().unwrap_or(&none);
        let would_be = comparison.would_be.as_ref().unwrap_or(&none);
        self.orders += 1;
        if let Some(paid) = &was.paid_cost {
            self.currency.clone_from(&paid.currency_code);
        }
        self.was.add(was);
        self.would_be.add(would_be);
        let seconds = |figures: &PlanFigures| figures.promise_latest.map(|at| (at.seconds, at.nanos));
        self.dates[place(seconds(would_be).cmp(&seconds(was)))] += 1;
        if let (Some(was), Some(would_be)) = (&was.promise_latest, &would_be.promise_latest) {
            let later = (would_be.seconds - was.seconds + DAY_S / 2).div_euclid(DAY_S);
            let at = later.clamp(-(DAYS_MAX as i64), DAYS_MAX as i64) + DAYS_MAX as i64;
            self.days[at as usize] += 1;
        }
        let more = minor(would_be.paid_cost.as_ref()) - minor(was.paid_cost.as_ref());
        self.costs[place(more.cmp(&0))] += 1;
        self.differences.push(more);
    }

    /// A decision that is not kept whole, or gone.
    pub(super) fn skip(&mut self) {
        self.skipped += 1;
    }
    pub(super) fn orders(&self) -> u64 {
        self.orders
    }
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }
    /// What each order would cost more, in minor units.
    pub(super) fn differences(&self) -> &[i64] {
        &self.differences
    }
    /// Orders by the days that their last promise would move; the middle one is "the same day".
    pub(super) fn days(&self) -> &[u64] {
        &self.days
    }
    /// Orders by parcels, from none on: as it was, as it would be.
    pub(super) fn parcels(&self) -> [&[u64]; 2] {
        [&self.was.parcels, &self.would_be.parcels]
    }
    /// Kinds of node with their shares of units in hundredths: as it was, as it would be.
    pub(super) fn shares(&self) -> Vec<(String, f64, f64)> {
        let kinds: std::collections::BTreeSet<i32> =
            self.was.units.keys().chain(self.would_be.units.keys()).copied().collect();
        let named = |kind: i32| {
            NodeKind::try_from(kind).map(|kind| word(kind.as_str_name(), "NODE_KIND")).unwrap_or_default()
        };
        kinds.into_iter().map(|kind| (named(kind), self.was.share(kind), self.would_be.share(kind))).collect()
    }
    /// An amount of the report's currency.
    pub(super) fn amount(&self, minor_units: i64) -> String {
        money(Some(&Money { currency_code: self.currency.clone(), minor_units }))
    }
}

/// Less, the same, more.
fn place(order: std::cmp::Ordering) -> usize {
    match order {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => 1,
        std::cmp::Ordering::Greater => 2,
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut table = Table::new(&["", ">WAS", ">WOULD BE", ">DIFFERENCE"]);
        let (was, would_be) = (&self.was, &self.would_be);
        let mut row = |name: &str, was: String, would_be: String, difference: String| {
            table.row([name.to_owned(), was, would_be, difference]);
        };
        let amount = |minor| self.amount(minor);
        row("paid cost", amount(was.paid), amount(would_be.paid), amount(would_be.paid - was.paid));
        row(
            "cost as the policy weighs it",
            amount(was.weighed),
            amount(would_be.weighed),
            amount(would_be.weighed - was.weighed),
        );
        for (name, was, would_be) in [
            ("parcels", was.shipments, would_be.shipments),
            ("orders in several parcels", was.split, would_be.split),
            ("orders with units unserved", was.unserved, would_be.unserved),
        ] {
            let difference = would_be as i64 - was as i64;
            row(name, was.to_string(), would_be.to_string(), format!("{difference:+}"));
        }
        for (kind, was, would_be) in self.shares() {
            let difference = would_be - was;
            let name = format!("units from {kind}");
            row(&name, format!("{was:.1} %"), format!("{would_be:.1} %"), format!("{difference:+.1}"));
        }
        writeln!(f, "{} orders compared, {} not kept whole", self.orders, self.skipped)?;
        writeln!(f, "{table}")?;
        let [earlier, same, later] = self.dates;
        writeln!(f, "promised earlier {earlier}, the same {same}, later {later}")?;
        let [less, same, more] = self.costs;
        write!(f, "paid less {less}, the same {same}, more {more}")?;
        for (place, count) in
            self.days.iter().enumerate().filter(|(place, count)| *place != DAYS_MAX && **count > 0)
        {
            let days = place as i64 - DAYS_MAX as i64;
            let and_more = if place == 0 || place == 2 * DAYS_MAX { " or more" } else { "" };
            let when = if days < 0 { "earlier" } else { "later" };
            write!(f, "\n  {count} promised {}{and_more} days {when}", days.unsigned_abs())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp;
    use waybill_client::proto::fulfillment::v1::KindUnits;

    fn figures(paid: i64, shipments: u32, kind: NodeKind, seconds: i64) -> Option<PlanFigures> {
        let eur = |minor_units| Some(Money { currency_code: "EUR".into(), minor_units });
        Some(PlanFigures {
            cost: eur(paid + 100),
            shipments,
            unserved_units: 0,
            promise_latest: Some(Timestamp { seconds, nanos: 0 }),
            units: vec![KindUnits { kind: kind.into(), units: 1 }],
            paid_cost: eur(paid),
        })
    }

    #[test]
    fn orders_are_added_up_on_both_sides() {
        let mut report = Report::default();
        report.add(&PolicyComparison {
            was: figures(500, 1, NodeKind::Store, 10),
            would_be: figures(400, 2, NodeKind::CentralWarehouse, 5),
            ..Default::default()
        });
        report.add(&PolicyComparison {
            was: figures(300, 1, NodeKind::Store, 10),
            would_be: figures(300, 1, NodeKind::Store, 10),
            ..Default::default()
        });
        report.skip();
        let text = report.to_string();
        assert!(text.starts_with("2 orders compared, 1 not kept whole"), "{text}");
        assert!(
            text.contains("EUR 8.00") && text.contains("EUR 7.00") && text.contains("EUR -1.00"),
            "{text}"
        );
        assert!(text.contains("promised earlier 1, the same 1, later 0"), "{text}");
        assert!(text.ends_with("paid less 1, the same 1, more 0"), "{text}");
        assert_eq!(report.parcels(), [&[0, 2, 0, 0, 0][..], &[0, 1, 1, 0, 0]]);
        assert_eq!(report.differences(), [-100, 0]);
        assert_eq!(report.shares()[0], ("store".to_owned(), 100.0, 50.0));
    }

    #[test]
    fn promises_move_by_days() {
        let mut report = Report::default();
        for later in [-9 * DAY_S, -DAY_S, 0, DAY_S / 3, 2 * DAY_S, 40 * DAY_S] {
            report.add(&PolicyComparison {
                was: figures(1, 1, NodeKind::Store, 1_000_000),
                would_be: figures(1, 1, NodeKind::Store, 1_000_000 + later),
                ..Default::default()
            });
        }
        assert_eq!(report.days(), [1, 0, 0, 0, 1, 2, 0, 1, 0, 0, 1]);
        let text = report.to_string();
        for line in
            ["1 promised 5 or more days earlier", "1 promised 1 days earlier", "1 promised 2 days later"]
        {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
