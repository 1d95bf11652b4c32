//! A node may take work again that it did not take before: partitions of inventory hear of it and wake whoever waits for
//! goods that lie there. It does not know who waits.

use crate::machine::Note;
use crate::state::FulfillmentState;
use waybill_machine::Outbox;
use waybill_types::exchange::Message;
use waybill_types::network::NodeFacts;
use waybill_types::{NodeId, Service};

/// True where the node takes work that it did not take before, or was not known.
pub(super) fn can_do_more(before: Option<&NodeFacts>, now: &NodeFacts) -> bool {
    let does = |facts: &NodeFacts| [facts.active && facts.ships, facts.active && facts.pickup];
    let able = does(now);
    let Some(before) = before else { return able.contains(&true) };
    let more = does(before).iter().zip(able).any(|(did, does)| does && !did);
    let limit = |facts: &NodeFacts| facts.day_capacity_units.unwrap_or(u64::MAX);
    more || (able.contains(&true) && limit(now) > limit(before))
}

pub(super) fn tell(state: &FulfillmentState, node: &NodeId, out: &mut Outbox<Note>) {
    for partition in state.layout.partitions(Service::Inventory) {
        out.send(partition, Message::NodeOpened(node.clone()));
    }
}
