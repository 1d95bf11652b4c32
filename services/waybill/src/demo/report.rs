//! Prints the summary: tables for a person, on standard output.

use super::ledger::Closed;
use super::load::Loaded;
use super::restock::Restock;
use super::sourcing::{Side, Sourced};
use super::summary::{Outcome, PROMISE_DAYS, Summary};
use super::warehouse::Tally;
use crate::operate::audit::verdict;
use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;
use waybill_client::proto::common::v1::LawReport;

/// How long the parts of the run took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Loading network, items and stock.
    pub(crate) load: Duration,
    /// From the first order sent to the last one answered.
    pub(crate) place: Duration,
    /// From the first order sent until nothing moved any more.
    pub(crate) rest: Duration,
    /// From start to end.
    pub(crate) whole: Duration,
}

/// Everything that is reported.
pub(crate) struct Report<'a> {
    pub(crate) loaded: Loaded,
    pub(crate) summary: &'a Summary,
    pub(crate) ledger: &'a mut Closed,
    pub(crate) restock: &'a Restock,
    pub(crate) tally: &'a Tally,
    pub(crate) sourced: &'a Sourced,
    pub(crate) laws: &'a [LawReport],
    pub(crate) times: Times,
}

/// 12345 as "12,345".
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0.0 %".to_owned();
    }
    let per_mille = (part * 1_000 + whole / 2) / whole;
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

fn money(currency: &str, minor: i64) -> String {
    let whole = grouped(minor.unsigned_abs() / 100);
    format!("{}{whole}.{:02} {currency}", if minor < 0 { "-" } else { "" }, minor.unsigned_abs() % 100)
}

impl Report<'_> {
    /// The whole text. Writing to a string cannot fail.
    pub(crate) fn text(mut self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        self.orders(&mut out)?;
        self.places(&mut out)?;
        self.service(&mut out)?;
        self.sourcing(&mut out)?;
        self.changes(&mut out)?;
        self.speed(&mut out)?;
        self.laws(&mut out)?;
        Ok(out)
    }

    fn orders(&self, out: &mut String) -> std::fmt::Result {
        let Loaded { nodes, lanes, items, positions } = self.loaded;
        writeln!(
            out,
            "\nThe retailer: {} places, {} lanes, {} items, {} positions of stock\n",
            grouped(nodes),
            grouped(lanes),
            grouped(items),
            grouped(positions)
        )?;
        write!(out, "{:<14}{:>9}", "Orders", "placed")?;
        let shown: Vec<Outcome> =
            Outcome::ALL.into_iter().filter(|outcome| self.total(*outcome) > 0).collect();
        for outcome in &shown {
            write!(out, "{:>11}", outcome.name())?;
        }
        writeln!(out)?;
        for (channel, outcomes) in &self.summary.by_channel {
            let row = |outcome: &Outcome| outcomes.get(outcome).copied().unwrap_or(0);
            self.row(out, channel, &shown, outcomes.values().sum(), row)?;
        }
        let all = self.summary.by_channel.values().flat_map(|outcomes| outcomes.values()).sum();
        self.row(out, "all", &shown, all, |outcome| self.total(*outcome))
    }

    fn total(&self, outcome: Outcome) -> u64 {
        self.summary.by_channel.values().filter_map(|outcomes| outcomes.get(&outcome)).sum()
    }

    fn row(
        &self,
        out: &mut String,
        name: &str,
        shown: &[Outcome],
        sum: u64,
        count: impl Fn(&Outcome) -> u64,
    ) -> std::fmt::Result {
        write!(out, "  {name:<12}{:>9}", grouped(sum))?;
        for outcome in shown {
            write!(out, "{:>11}", grouped(count(outcome)))?;
        }
        writeln!(out)
    }

    fn places(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\n{:<22}{:>8}{:>12}{:>9}{:>9}",
            "Served from", "places", "shipments", "lines", "units"
        )?;
        for (kind, work) in &self.summary.by_kind {
            writeln!(
                out,
                "  {:<20}{:>8}{:>12}{:>9}{:>9}",
                kind.replace('_', " "),
                grouped(work.places),
                grouped(work.fulfillment_orders),
                grouped(work.lines),
                grouped(work.units)
            )?;
        }
        Ok(())
    }

    fn service(&self, out: &mut String) -> std::fmt::Result {
        let summary = self.summary;
        let counts = self.ledger.counts;
        let load = |counter: &std::sync::atomic::AtomicU64| grouped(counter.load(Ordering::Relaxed));
        writeln!(out)?;
        let mut line = |name: &str, text: String| writeln!(out, "  {name:<16}{text}");
        line(
            "lines, units",
            format!(
                "{} lines, {} units ordered; {} units delivered, {} waiting for stock, {} called off",
                grouped(summary.lines_ordered),
                grouped(summary.units_ordered),
                grouped(summary.units_delivered),
                grouped(summary.units_waiting),
                grouped(summary.units_cancelled)
            ),
        )?;
        line(
            "splits",
            format!(
                "{} of {} served orders came from more than one place; {} orders were picked up in a store",
                percent(summary.orders_split, summary.orders_served),
                grouped(summary.orders_served),
                grouped(summary.orders_picked_up)
            ),
        )?;
        line("promised", self.promises())?;
        line(
            "shortages",
            format!(
                "{} orders waited for {} items at half time; {} items came in, {} of {} orders went on",
                grouped(self.restock.orders_waiting),
                grouped(self.restock.items_waited_for),
                grouped(self.restock.items_received),
                grouped(summary.restock_orders_served),
                grouped(summary.restock_orders)
            ),
        )?;
        line(
            "mishaps",
            format!(
                "{} rejected by a node, {} short picks, {} not fetched, {} fetched in part, {} not delivered; \
                 {} orders were sourced more than once",
                load(&self.tally.rejected),
                load(&self.tally.short_picks),
                load(&self.tally.no_shows),
                load(&self.tally.in_parts),
                load(&self.tally.undelivered),
                grouped(summary.orders_sourced_again)
            ),
        )?;
        line(
            "checkouts",
            format!(
                "{} held stock first, {} found it gone; {} refused at CONFIRM for lack of stock",
                grouped(counts.holds),
                grouped(counts.holds_refused),
                grouped(counts.refused_short)
            ),
        )?;
        line(
            "called off",
            format!("{} orders or lines, each in another channel than their own", grouped(counts.cancels)),
        )?;
        line(
            "sent twice",
            format!(
                "{} answered the same, {} with other content refused; {} orders watched to the end",
                grouped(counts.repeats_same),
                grouped(counts.repeats_other_refused),
                grouped(counts.watched)
            ),
        )?;
        line(
            "money",
            format!(
                "{} ordered, of which {} called off",
                money(&summary.currency, summary.money_ordered),
                money(&summary.currency, summary.money_cancelled)
            ),
        )
    }

    /// How well it was sourced, and what the usual rule would have made of the same orders.
    fn sourcing(&self, out: &mut String) -> std::fmt::Result {
        let Sourced { decisions, proven, wrong, compared, alike, planner, rule } = self.sourced;
        let currency = &self.summary.currency;
        writeln!(
            out,
            "\nSourcing: {} decisions, {} of them proven optimal, {} found wrong by the checker",
            grouped(*decisions),
            percent(*proven, *decisions),
            grouped(*wrong)
        )?;
        writeln!(
            out,
            "  {:<44}{:>9}{:>12}{:>18}{:>18}",
            format!("{} first plans over the same stock", grouped(*alike)),
            "parcels",
            "split",
            "paid",
            "with penalties"
        )?;
        let mut row = |name: &str, side: &Side| {
            let amount = |minor| money(currency, minor);
            let split = percent(side.split, *alike);
            let (paid, weighed) = (amount(side.paid), amount(side.weighed));
            writeln!(out, "  {name:<44}{:>9}{split:>12}{paid:>18}{weighed:>18}", grouped(side.parcels))
        };
        row("as planned", planner)?;
        row("nearest node with everything, else nearest", rule)?;
        let saved = self.sourced.saved();
        writeln!(
            out,
            "  saved {}, {} of what the rule would have paid; {} more orders were kept whole and would have been served in \
             part by one of the two",
            money(currency, saved),
            percent(saved.max(0).unsigned_abs(), rule.paid.max(0).unsigned_abs()),
            grouped(compared - alike)
        )
    }

    /// What came of amendments, cancels and returns, and what nodes saw of them.
    fn changes(&self, out: &mut String) -> std::fmt::Result {
        let counts = self.ledger.counts;
        let load = |counter: &std::sync::atomic::AtomicU64| grouped(counter.load(Ordering::Relaxed));
        writeln!(out, "\n{:<22}{:>7}  what they came to", "Changes of mind", "asked")?;
        for (kind, ends) in &self.ledger.changes {
            let mut told: Vec<(&String, &u64)> = ends.iter().collect();
            told.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let told: Vec<String> = told
                .iter()
                .map(|(end, count)| format!("{} {}", grouped(**count), end.replace('_', " ")))
                .collect();
            writeln!(out, "  {kind:<20}{:>7}  {}", grouped(ends.values().sum()), told.join(", "))?;
        }
        writeln!(
            out,
            "  {} previewed first, {} approved by an operator, {} decided anew because the order had changed; {} paid back",
            grouped(counts.previews),
            grouped(counts.approved),
            grouped(counts.read_again),
            money(&self.summary.currency, self.summary.money_refunded)
        )?;
        writeln!(
            out,
            "  nodes: {} picks called off, {} changed, {} cancels of goods in hand of which {} were put back, \
             {} reports that met a change",
            load(&self.tally.called_off),
            load(&self.tally.amended),
            load(&self.tally.asked),
            load(&self.tally.put_back),
            load(&self.tally.looked_again)
        )
    }

    fn promises(&self) -> String {
        let within = &self.summary.promised_within;
        let all: u64 = within.iter().sum();
        let (mut text, mut sum) = (String::new(), 0);
        for (index, days) in PROMISE_DAYS.iter().enumerate() {
            sum += within[index];
            text.push_str(&format!("{} within {days} d, ", percent(sum, all)));
        }
        text.push_str(&format!("{} after that", percent(all - sum, all)));
        text
    }

    fn speed(&mut self, out: &mut String) -> std::fmt::Result {
        let times = self.times;
        let placed = self.ledger.orders.len() as u64 + self.ledger.counts.refused_short;
        let per_s = placed as f64 / times.place.as_secs_f64().max(f64::EPSILON);
        writeln!(
            out,
            "\nTime: {:.1} s in all; {:.1} s to load, {:.1} s to take all orders ({per_s:.0}/s), \
             {:.1} s until the last unit came to rest",
            times.whole.as_secs_f64(),
            times.load.as_secs_f64(),
            times.place.as_secs_f64(),
            times.rest.as_secs_f64()
        )?;
        let instructions = self.tally.instructions.load(Ordering::Relaxed);
        writeln!(out, "  {:<34}{:>9}{:>10}{:>10}", "latency in ms", "calls", "p50", "p99")?;
        for (name, latencies) in [
            ("place, answered when durable", &mut self.ledger.accept),
            ("place, answered when reserved", &mut self.ledger.confirm),
            ("order sent to instruction at node", &mut self.ledger.instructed),
        ] {
            let (p50, p99) = (latencies.percentile_ms(500), latencies.percentile_ms(990));
            writeln!(out, "  {name:<34}{:>9}{p50:>10.1}{p99:>10.1}", grouped(latencies.count() as u64))?;
        }
        writeln!(
            out,
            "  {} instructions reached their nodes, in order and without a gap",
            grouped(instructions)
        )
    }

    fn laws(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n{:<14}{:>12}  result", "Audit", "checked")?;
        for law in self.laws {
            let verdict = verdict(law.not_yet_built, law.checked_count, law.violation_count);
            writeln!(out, "  {:<12}{:>12}  {verdict}", law.law, grouped(law.checked_count))?;
            for violation in &law.violations {
                writeln!(out, "    {violation}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::ledger::Ledger;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_000), grouped(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(percent(1, 8), "12.5 %");
        assert_eq!(percent(1, 0), "0.0 %");
        assert_eq!(money("USD", 123_456_789), "1,234,567.89 USD");
        assert_eq!(money("USD", -5), "-0.05 USD");
    }

    #[test]
    fn a_violation_is_printed_with_its_words() {
        let law = LawReport {
            law: "STOCK-1".into(),
            checked_count: 1_000,
            violation_count: 1,
            violations: vec!["A at C01 is oversold".into()],
            ..Default::default()
        };
        let report = Report {
            loaded: Loaded::default(),
            summary: &Summary::default(),
            ledger: &mut Ledger::default().close(),
            restock: &Restock::default(),
            tally: &Tally::default(),
            sourced: &Sourced::default(),
            laws: &[law],
            times: Times::default(),
        };
        let text = report.text().unwrap();
        assert!(text.contains("1,000  BROKEN 1 time(s)") && text.contains("A at C01 is oversold"), "{text}");
    }
}
