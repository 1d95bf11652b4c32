//! `waybill node work`: a node's fulfilment orders.

use super::node;
use crate::commands::{Common, Flags, Table, from_word, json, refused_of, say, time, word};
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{
    FulfillmentOrder, FulfillmentOrderState, GetNodeRequest, ListFulfillmentOrdersRequest,
};

#[derive(Debug, clap::Args)]
pub(super) struct Work {
    /// The node.
    node: String,
    /// Only work in this state, such as released; may be repeated.
    #[arg(long = "state")]
    states: Vec<String>,
    /// How much to show at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

pub(super) async fn work(client: &Client, common: &Common, asked: &Work) -> anyhow::Result<()> {
    let state = |text: &String| {
        from_word(text, STATE, FulfillmentOrderState::as_str_name)
            .map(|state: FulfillmentOrderState| state.into())
    };
    // The list of a node that nobody knows is as empty as that of one without work.
    node(client, GetNodeRequest { node_id: asked.node.clone(), ..Default::default() }).await?;
    let mut request = ListFulfillmentOrdersRequest {
        node_id: asked.node.clone(),
        states: asked.states.iter().map(state).collect::<anyhow::Result<_>>()?,
        page_size: u32::try_from(asked.limit.clamp(1, 500))?,
        ..Default::default()
    };
    let mut found = Vec::new();
    loop {
        let page = client.list_fulfillment_orders(request.clone()).await.map_err(refused_of(FLAGS))?;
        found.extend(page.fulfillment_orders);
        request.page_token = page.next_page_token;
        if found.len() >= asked.limit || request.page_token.is_empty() {
            break;
        }
    }
    let more = found.len() > asked.limit || !request.page_token.is_empty();
    found.truncate(asked.limit);
    if common.json {
        return found.iter().try_for_each(|work| say(json("fulfillment.v1.FulfillmentOrder", work)?));
    }
    say(table(&found).to_string())?;
    if more {
        eprintln!("more may follow: raise --limit");
    }
    Ok(())
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[("node_id", "NODE"), ("states[]", "--state"), ("page_size", "--limit")];

const STATE: &str = "FULFILLMENT_ORDER_STATE";

pub(super) fn table(work: &[FulfillmentOrder]) -> Table {
    let mut table = Table::new(&["WORK", "NODE", "STATE", ">REVISION", "ORDER", "SHIP BY", "LINES"]);
    for work in work {
        let lines =
            work.lines.iter().map(|line| format!("{}: {} {}", line.line_number, line.sku, done(line)));
        table.row([
            work.fulfillment_order_id.clone(),
            work.node_id.clone(),
            word(work.state().as_str_name(), STATE),
            work.revision.to_string(),
            work.external_order_number.clone(),
            time(work.ship_by_time.as_ref()),
            lines.collect::<Vec<_>>().join(", "),
        ]);
    }
    table
}

/// How far a line is, at the item's scale: a fulfilment order does not carry the scale.
fn done(line: &waybill_client::proto::fulfillment::v1::FulfillmentLine) -> String {
    let parts = [
        (line.picked, "picked"),
        (line.shorted, "short"),
        (line.shipped, "shipped"),
        (line.cancelled, "cancelled"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        format!("x{}", line.quantity)
    } else {
        format!("x{} ({})", line.quantity, parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::fulfillment::v1::FulfillmentLine;

    #[test]
    fn a_line_tells_how_far_it_is() {
        let mut line = FulfillmentLine { quantity: 3, ..FulfillmentLine::default() };
        assert_eq!(done(&line), "x3");
        (line.picked, line.shorted) = (2, 1);
        assert_eq!(done(&line), "x3 (2 picked, 1 short)");
    }
}
