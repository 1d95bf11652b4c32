//! A node says how far it has its instructions. A lower number than before changes nothing.

use super::Decided;
use crate::answer::Answer;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::FulfillmentState;
use waybill_machine::Decision;
use waybill_types::NodeId;

pub(super) fn decide(state: &FulfillmentState, node: &NodeId, through: u64) -> Decided {
    let desk = state.desk(node).ok_or_else(|| Refusal::UnknownNode { node: node.clone() })?;
    let last = desk.last_instruction;
    if through > last {
        return Err(Refusal::AcknowledgedTooFar { node: node.clone(), through, last });
    }
    if through <= desk.acknowledged {
        return Ok(Decision::nothing(Answer::Acknowledged { through: desk.acknowledged, last }));
    }
    let event = Event::InstructionsAcknowledged(node.clone(), through);
    Ok(Decision::new(vec![event], Answer::Acknowledged { through, last }))
}
