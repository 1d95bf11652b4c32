//! `waybill stock nearby`: nodes near a place that have something, and from when it can be fetched there.

use crate::commands::promise::destination;
use crate::commands::{
    Common, Flags, Table, item, json, parse_quantity, refused_of, say, show_quantity, time, word,
};
use anyhow::Context;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{FindNearbyRequest, NearbyItem, NearbyNode};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("items[]", "SKU:QUANTITY"),
    ("items[].owner", "--owner"),
    ("near", "--near"),
    ("within_m", "--within-m"),
    ("nodes_max", "--count"),
];

#[derive(Debug, clap::Args)]
pub(super) struct Nearby {
    /// What a node must have and how much of it, such as P000001:2, all of it; any node when not given.
    #[arg(value_name = "SKU:QUANTITY")]
    items: Vec<String>,
    /// Around which place: country, or country and postal code, such as US:60601.
    #[arg(long, value_name = "COUNTRY[:POSTAL_CODE]")]
    near: String,
    /// Where that is, in degrees, such as 41.88,-87.63; by default from its zone or the nodes with its postal code.
    #[arg(long, value_name = "LATITUDE,LONGITUDE", allow_hyphen_values = true)]
    point: Option<String>,
    /// No farther than this, in metres.
    #[arg(long, default_value_t = 100_000)]
    within_m: i64,
    /// Nodes at most, 1 to 100.
    #[arg(long, default_value_t = 10)]
    count: u32,
    /// Only nodes that are open now.
    #[arg(long)]
    open: bool,
    /// Whose stock; the retailer's own when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
}

impl Nearby {
    pub(super) async fn run(&self, client: &Client, common: &Common) -> anyhow::Result<()> {
        let (mut items, mut scales) = (Vec::new(), Vec::new());
        for text in &self.items {
            let parts = text.rsplit_once(':');
            let (sku, quantity) = parts
                .with_context(|| format!("{text:?} is no quantity, give SKU:QUANTITY such as P000001:2"))?;
            let scale = item(client, sku).await?.scale;
            let quantity = parse_quantity(quantity, scale)?;
            items.push(NearbyItem { sku: sku.to_owned(), owner: self.owner.clone(), quantity });
            scales.push(scale);
        }
        let request = FindNearbyRequest {
            near: Some(destination(&self.near, self.point.as_deref())?),
            items,
            within_m: self.within_m,
            nodes_max: self.count,
            open_now: self.open,
            ..FindNearbyRequest::default()
        };
        let answer = client.find_nearby(request).await.map_err(refused_of(FLAGS))?;
        if common.json {
            let mut nodes = answer.nodes.iter();
            return nodes.try_for_each(|node| say(json("fulfillment.v1.NearbyNode", node)?));
        }
        say(table(&answer.nodes, &scales).to_string())
    }
}

fn table(nodes: &[NearbyNode], scales: &[u32]) -> Table {
    let mut table = Table::new(&["NODE", "KIND", ">KM", ">AVAILABLE", "OPEN", "READY", "CITY", "NAME"]);
    for node in nodes {
        let available = node.available_quantities.iter().zip(scales);
        let available: Vec<String> = available.map(|(units, scale)| show_quantity(*units, *scale)).collect();
        table.row([
            node.node_id.clone(),
            word(node.kind().as_str_name(), "NODE_KIND"),
            show_quantity(node.distance_m.saturating_add(50) / 100, 1),
            available.join(" "),
            if node.open_now { "open".into() } else { String::new() },
            time(node.ready_time.as_ref()),
            node.address.as_ref().map(|address| address.city.clone()).unwrap_or_default(),
            node.name.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_kilometres() {
        let node = NearbyNode {
            node_id: "S1".into(),
            distance_m: 1_449,
            available_quantities: vec![2, 2_350],
            ..NearbyNode::default()
        };
        let text = table(&[node], &[0, 3]).to_string();
        let values: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(values, ["S1", "unspecified", "1.4", "2", "2.350"]);
    }
}
