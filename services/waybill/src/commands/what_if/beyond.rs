//! `waybill what-if --stock FILE --means FILE`: orders as they were decided beside what they could cost over other stock
//! and with more than the engine can carry out. What it cannot is marked, and no order is ever planned so.

use super::{FLAGS, verify};
use crate::commands::{Table, from_json, json, money, refused_of, say, time, word};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{
    Beyond, OutlookLeg, PlanFigures, ProjectSourcingDecisionsRequest, SourcingOutlook, StatedStock,
};
use waybill_formats::{Condition, Rows, StockRecord};

/// What is stated besides the order.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Stated {
    /// Stock as it shall be taken to be, a file as `waybill import stock` reads it.
    #[arg(long, value_name = "FILE")]
    stock: Option<PathBuf>,
    /// What may be weighed besides parcels of what is there, a JSON file with `means` and `stock` (see docs/sourcing.md).
    #[arg(long, value_name = "FILE")]
    means: Option<PathBuf>,
}

impl Stated {
    pub(super) const fn any(&self) -> bool {
        self.stock.is_some() || self.means.is_some()
    }

    /// Fills in what the files say.
    fn fill(&self, request: &mut ProjectSourcingDecisionsRequest) -> anyhow::Result<()> {
        if let Some(file) = &self.means {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let value =
                serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
            let stated: ProjectSourcingDecisionsRequest =
                from_json("fulfillment.v1.ProjectSourcingDecisionsRequest", value)
                    .with_context(|| format!("{} holds no means", file.display()))?;
            (request.means, request.stock) = (stated.means, stated.stock);
        }
        if let Some(file) = &self.stock {
            request.stock.extend(read_stock(file)?);
        }
        Ok(())
    }
}

/// What may be sold of a file of counts; damaged goods and goods to be looked at serve no order.
fn read_stock(file: &Path) -> anyhow::Result<Vec<StatedStock>> {
    let mut rows =
        Rows::<StockRecord>::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut stock = Vec::new();
    while let Some(row) = rows.next() {
        let row = row.with_context(|| format!("{}, line {}", file.display(), rows.line()))?;
        if row.condition != Condition::Sellable {
            continue;
        }
        stock.push(StatedStock {
            sku: row.sku,
            node_id: row.node_id,
            quantity: row.quantity,
            ..StatedStock::default()
        });
    }
    Ok(stock)
}

/// Asks, and prints an order after the other, or the sums of many.
pub(super) async fn run(
    client: &Client,
    stated: &Stated,
    mut request: ProjectSourcingDecisionsRequest,
    as_json: bool,
) -> anyhow::Result<()> {
    stated.fill(&mut request)?;
    let one = !request.order_id.is_empty();
    let answers = client.sourcing().project_sourcing_decisions(request).await;
    let mut answers = answers.map_err(refused_of(FLAGS))?.into_inner();
    let (bar, mut sums) = (verify::bar(0), Sums::default());
    while let Some(answer) = answers.message().await.map_err(refused_of(FLAGS))? {
        bar.set_length(answer.total);
        bar.set_position(answer.done);
        let Some(outlook) = &answer.outlook else {
            sums.skipped += 1;
            continue;
        };
        sums.add(outlook);
        if as_json {
            let line = json("fulfillment.v1.SourcingOutlook", outlook)?;
            bar.suspend(|| say(line))?;
        } else if one {
            bar.suspend(|| say(text(outlook)))?;
        }
    }
    bar.finish_and_clear();
    if sums.orders == 0 {
        bail!("no decision of that time is kept whole and open: {} were looked at", sums.skipped);
    }
    if as_json || one { Ok(()) } else { say(sums.to_string()) }
}

fn needs(beyond: &[i32]) -> String {
    let name = |one: &i32| Beyond::try_from(*one).map(|one| word(one.as_str_name(), "BEYOND")).ok();
    let names: Vec<String> = beyond.iter().filter_map(name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn means(leg: &OutlookLeg) -> String {
    let over = leg.over_node_ids.join(" > ");
    match (leg.carrier_service.as_str(), leg.hub_node_id.as_str()) {
        ("", _) if leg.node_id.is_empty() => "backorder".to_owned(),
        ("", _) if over.is_empty() => "pickup".to_owned(),
        ("", _) => format!("brought: {over}"),
        (service, "") => service.to_owned(),
        (service, hub) if over.is_empty() => format!("{service} from {hub}"),
        (service, hub) => format!("{over} > {hub}, {service}"),
    }
}

/// One order for people.
fn text(outlook: &SourcingOutlook) -> String {
    let none = PlanFigures::default();
    let cost = |figures: &Option<PlanFigures>| money(figures.as_ref().unwrap_or(&none).cost.as_ref());
    let mut table = Table::new(&["NODE", "HOW", "LINES", "READY", "ARRIVES", ">COST", "NEEDS"]);
    for leg in &outlook.legs {
        let units: Vec<String> = leg
            .units
            .iter()
            .map(|units| format!("{}: {} {}", units.line_number, units.quantity, units.sku))
            .collect();
        table.row([
            if leg.node_id.is_empty() { "-".to_owned() } else { leg.node_id.clone() },
            means(leg),
            units.join(", "),
            time(leg.ready_time.as_ref()),
            crate::commands::window(leg.promise.as_ref()),
            money(leg.cost.as_ref()),
            needs(&leg.beyond),
        ]);
    }
    let left: i64 = outlook.unserved.iter().map(|units| units.quantity).sum();
    let bound = match &outlook.lower_bound {
        Some(bound) => format!("nothing below {} exists", money(Some(bound))),
        None => "hubs were looked at: no bound is proven".to_owned(),
    };
    format!(
        "order {}  attempt {}  {}\nwas {}, the engine's plan over this stock {}, with all means {}; {bound}\n{table}\n{} \
         units unserved; beyond the engine: {}",
        outlook.order_id,
        outlook.attempt,
        time(outlook.plan_time.as_ref()),
        cost(&outlook.was),
        cost(&outlook.would_be),
        money(outlook.total_cost.as_ref()),
        left,
        needs(&outlook.beyond)
    )
}

/// Many orders added up.
#[derive(Debug, Default)]
struct Sums {
    orders: u64,
    skipped: u64,
    beyond: u64,
    currency: String,
    was: i64,
    would_be: i64,
    with_all: i64,
    needs: std::collections::BTreeMap<i32, u64>,
}

impl Sums {
    fn add(&mut self, outlook: &SourcingOutlook) {
        let cost = |figures: &Option<PlanFigures>| {
            figures.as_ref().and_then(|figures| figures.cost.as_ref()).map_or(0, |cost| cost.minor_units)
        };
        self.orders += 1;
        self.was += cost(&outlook.was);
        self.would_be += cost(&outlook.would_be);
        if let Some(total) = &outlook.total_cost {
            self.with_all += total.minor_units;
            self.currency.clone_from(&total.currency_code);
        }
        self.beyond += u64::from(!outlook.beyond.is_empty());
        for one in &outlook.beyond {
            *self.needs.entry(*one).or_default() += 1;
        }
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let amount = |minor_units| {
            let currency_code = self.currency.clone();
            money(Some(&waybill_client::proto::common::v1::Money { currency_code, minor_units }))
        };
        let mut table = Table::new(&["", ">COST"]);
        table.row(["as decided".to_owned(), amount(self.was)]);
        table.row(["the engine's plan over this stock".to_owned(), amount(self.would_be)]);
        table.row(["with all means".to_owned(), amount(self.with_all)]);
        writeln!(
            f,
            "{} orders, {} left out: not kept whole, or with units reserved",
            self.orders, self.skipped
        )?;
        write!(f, "{table}")?;
        write!(f, "\n{} orders would need what the engine cannot do", self.beyond)?;
        for (one, orders) in &self.needs {
            write!(f, "\n  {}: {orders}", needs(&[*one]))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_leg_reaches_the_customer_is_said_in_words() {
        let leg = |node: &str, service: &str, over: &[&str], hub: &str| OutlookLeg {
            node_id: node.into(),
            carrier_service: service.into(),
            over_node_ids: over.iter().map(|node| (*node).to_owned()).collect(),
            hub_node_id: hub.into(),
            ..OutlookLeg::default()
        };
        assert_eq!(means(&leg("", "", &[], "")), "backorder");
        assert_eq!(means(&leg("s1", "", &[], "")), "pickup");
        assert_eq!(means(&leg("w1", "", &["w1", "w2"], "")), "brought: w1 > w2");
        assert_eq!(means(&leg("w1", "parcel", &[], "")), "parcel");
        assert_eq!(means(&leg("w1", "parcel", &["w1"], "h")), "w1 > h, parcel");
        assert_eq!(means(&leg("h", "parcel", &[], "h")), "parcel from h");
        assert_eq!(needs(&[Beyond::DatedSupply as i32, Beyond::Merge as i32]), "dated supply, merge");
    }

    #[test]
    fn only_what_may_be_sold_counts_as_stock() {
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("stock.csv");
        let text =
            "sku,node_id,quantity,condition\nP1,S1,12,sellable\nP1,S1,1,damaged\nP1,S1,3,inspect\nP2,S1,4,\n";
        std::fs::write(&file, text).unwrap();
        let stock = read_stock(&file).unwrap();
        let stock: Vec<_> = stock.iter().map(|row| (row.sku.as_str(), row.quantity)).collect();
        assert_eq!(stock, [("P1", 12), ("P2", 4)]);
    }

    #[test]
    fn the_sums_say_what_was_and_what_could_be() {
        let amount = |minor_units| {
            Some(waybill_client::proto::common::v1::Money { currency_code: "EUR".into(), minor_units })
        };
        let figures = |minor| Some(PlanFigures { cost: amount(minor), ..PlanFigures::default() });
        let mut sums = Sums::default();
        sums.add(&SourcingOutlook {
            was: figures(1_000),
            would_be: figures(900),
            total_cost: amount(450),
            beyond: vec![Beyond::DatedSupply as i32],
            ..SourcingOutlook::default()
        });
        sums.add(&SourcingOutlook {
            was: figures(300),
            would_be: figures(300),
            total_cost: amount(300),
            ..SourcingOutlook::default()
        });
        let text = sums.to_string();
        assert!(text.contains("13.00") && text.contains("12.00") && text.contains("7.50"), "{text}");
        assert!(text.contains("1 orders would need") && text.contains("dated supply: 1"), "{text}");
    }
}
