//! `waybill stock availability`: what may be promised, once or as a stream.

use crate::commands::{Common, Table, json, refused_of, say, show_quantity, time};
use futures::StreamExt;
use std::collections::BTreeMap;
use waybill_client::Client;
use waybill_client::proto::inventory::v1::watch_availability_response::Change;
use waybill_client::proto::inventory::v1::{
    Availability as Answer, AvailabilityChange, BatchGetAvailabilityRequest, WatchAvailabilityRequest,
};

#[derive(Debug, clap::Args)]
pub(super) struct Availability {
    /// The items, at most 1,000.
    #[arg(required = true)]
    skus: Vec<String>,
    /// Only this node; may be repeated.
    #[arg(long = "node")]
    nodes: Vec<String>,
    /// Whose stock; the retailer's own when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
    /// Sums only, without one row per node.
    #[arg(long)]
    sums: bool,
    /// Show every change from now on, until interrupted.
    #[arg(long)]
    watch: bool,
}

pub(super) async fn availability(
    client: &Client,
    common: &Common,
    asked: &Availability,
) -> anyhow::Result<()> {
    let request = BatchGetAvailabilityRequest {
        skus: asked.skus.clone(),
        node_ids: asked.nodes.clone(),
        include_nodes: !asked.sums,
        after: String::new(),
        owner: asked.owner.clone(),
    };
    let flags = &[("skus[]", "SKUS"), ("node_ids[]", "--node")];
    let answer = client.batch_get_availability(request).await.map_err(refused_of(flags))?;
    if asked.watch {
        return watch(client, common, asked, &answer.availabilities).await;
    }
    if common.json {
        let mut answers = answer.availabilities.iter();
        return answers.try_for_each(|answer| say(json("inventory.v1.Availability", answer)?));
    }
    say(table(&answer.availabilities).to_string())
}

fn table(answers: &[Answer]) -> Table {
    let mut table = Table::new(&["SKU", "NODE", ">AVAILABLE", ">SELLABLE", ">RESERVED", ">SAFETY"]);
    for answer in answers {
        let quantity = |quantity| show_quantity(quantity, answer.scale);
        let available = if answer.unknown { "unknown".to_owned() } else { quantity(answer.available) };
        table.row([answer.sku.clone(), "all".to_owned(), available]);
        for node in &answer.nodes {
            table.row([
                answer.sku.clone(),
                node.node_id.clone(),
                quantity(node.available),
                quantity(node.sellable),
                quantity(node.reserved),
                quantity(node.safety_stock),
            ]);
        }
    }
    table
}

async fn watch(
    client: &Client,
    common: &Common,
    asked: &Availability,
    known: &[Answer],
) -> anyhow::Result<()> {
    let scales: BTreeMap<&str, u32> =
        known.iter().map(|answer| (answer.sku.as_str(), answer.scale)).collect();
    let request = WatchAvailabilityRequest { skus: asked.skus.clone(), resume_token: String::new() };
    let mut changes = client.watch_availability(request);
    while let Some(message) = changes.next().await {
        let message = message.map_err(refused_of(&[("skus[]", "SKUS")]))?;
        if common.json {
            say(json("inventory.v1.WatchAvailabilityResponse", &message)?)?;
            continue;
        }
        match &message.change {
            Some(Change::Availability(change)) if asked.shows(change) => {
                say(line(change, scales.get(change.sku.as_str()).copied().unwrap_or(0)))?;
            }
            Some(Change::Availability(_)) | None => {}
            Some(Change::SnapshotComplete(_)) => say("that is what is; changes follow")?,
        }
    }
    Ok(())
}

impl Availability {
    /// The stream has all nodes and owners of the SKUs.
    fn shows(&self, change: &AvailabilityChange) -> bool {
        let node = change.node.as_ref().map_or("", |node| node.node_id.as_str());
        let owner = if self.owner.is_empty() { "default" } else { &self.owner };
        change.owner == owner && (self.nodes.is_empty() || self.nodes.iter().any(|asked| asked == node))
    }
}

fn line(change: &AvailabilityChange, scale: u32) -> String {
    let node = change.node.clone().unwrap_or_default();
    let quantity = |quantity| show_quantity(quantity, scale);
    format!(
        "{}  {} at {}: {} available, {} sellable, {} reserved",
        time(change.event_time.as_ref()),
        change.sku,
        node.node_id,
        quantity(node.available),
        quantity(node.sellable),
        quantity(node.reserved),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::inventory::v1::NodeAvailability;

    #[test]
    fn unknown_items_are_marked_and_nodes_follow_their_sum() {
        let node = NodeAvailability {
            node_id: "S1".into(),
            available: 5,
            sellable: 7,
            reserved: 2,
            safety_stock: 0,
        };
        let known = Answer { sku: "P1".into(), available: 5, nodes: vec![node], ..Answer::default() };
        let unknown = Answer { sku: "P2".into(), unknown: true, ..Answer::default() };
        let text = table(&[known, unknown]).to_string();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            rows[1..],
            [vec!["P1", "all", "5"], vec!["P1", "S1", "5", "7", "2", "0"], vec!["P2", "all", "unknown"]]
        );
    }

    #[test]
    fn a_watch_shows_only_the_nodes_and_owner_asked_for() {
        let asked = Availability {
            skus: vec!["P1".into()],
            nodes: vec!["S1".into()],
            owner: String::new(),
            sums: false,
            watch: true,
        };
        let change = |node: &str, owner: &str| AvailabilityChange {
            node: Some(NodeAvailability { node_id: node.into(), ..NodeAvailability::default() }),
            owner: owner.into(),
            ..AvailabilityChange::default()
        };
        assert!(asked.shows(&change("S1", "default")));
        assert!(!asked.shows(&change("S2", "default")));
        assert!(!asked.shows(&change("S1", "north")));
    }
}
