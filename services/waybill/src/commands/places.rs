//! Nodes that somebody typed or that a file names, held against the network. Inventory takes stock anywhere and orders are
//! taken as they come, since neither knows the network: a wrong id is found here, where a person can mend it.

use anyhow::{bail, ensure};
use futures::StreamExt;
use std::collections::BTreeSet;
use tonic::Code;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{GetNodeRequest, Node};

/// Questions on their way at once.
const AT_ONCE: usize = 16;
/// Ids that are told; the others are counted.
const TOLD_MAX: usize = 10;

/// Says on standard error which of these are not in the network; nothing where that cannot be known, as at a server of
/// inventory alone.
pub(crate) async fn warn(client: &Client, named: BTreeSet<String>) {
    let answers = futures::stream::iter(named).map(|id| async move { (node(client, &id).await, id) });
    let answers = answers.buffered(AT_ONCE);
    let unknown = answers.filter_map(|(known, id)| async move { (known == Known::No).then_some(id) });
    let unknown: Vec<String> = unknown.collect().await;
    if let Some(warning) = warning(&unknown) {
        eprintln!("{warning}");
    }
}

fn warning(unknown: &[String]) -> Option<String> {
    let told = unknown.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join(", ");
    let more = match unknown.len().saturating_sub(TOLD_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!unknown.is_empty()).then(|| {
        format!("not in the network, so that no order is planned from there: {told}{more}; check the ids, or import nodes")
    })
}

/// Refuses a node where nothing can be fetched.
///
/// # Errors
/// The node is unknown, inactive or hands nothing over.
pub(crate) async fn must_hand_over(client: &Client, flag: &str, id: &str) -> anyhow::Result<()> {
    let found = match node(client, id).await {
        Known::Yes(node) => node,
        Known::No => bail!("{flag}: node {id} does not exist; check the id (NODE_UNKNOWN)"),
        // Whoever can be asked decides.
        Known::Unasked => return Ok(()),
    };
    ensure!(!found.inactive, "{flag}: node {id} is inactive; nothing can be fetched there now");
    let hands_over = found.capabilities.is_some_and(|can| can.pickup);
    ensure!(
        hands_over,
        "{flag}: node {id} hands nothing over; give one with pickup, as `waybill node list` shows"
    );
    Ok(())
}

/// What is known of a node.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Yes(Box<Node>),
    No,
    Unasked,
}

async fn node(client: &Client, id: &str) -> Known {
    let request = GetNodeRequest { node_id: id.to_owned(), after: String::new() };
    match client.get_node(request).await {
        Ok(answer) => answer.node.map_or(Known::Unasked, |node| Known::Yes(Box::new(node))),
        Err(status) if status.code() == Code::NotFound => Known::No,
        Err(_) => Known::Unasked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unknown_nodes_are_named_and_the_others_counted() {
        assert_eq!(warning(&[]), None);
        let many: Vec<String> = (0..12).map(|index| format!("S{index}")).collect();
        let told = warning(&many).unwrap();
        assert!(told.contains("S9 and 2 more") && !told.contains("S10"), "{told}");
    }
}
