//! A simulated node on the real instruction stream: it resumes where it was, checks numbers and order, picks and ships.

use super::ledger::{Ask, lock, send};
use super::load::Traffic;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use tonic::transport::Channel;
use waybill_proto::fulfillment::v1::fulfillment_service_client::FulfillmentServiceClient;
use waybill_proto::fulfillment::v1::{
    AcknowledgeInstructionsRequest, AnswerCancelRequest, ConfirmPickRequest, ParcelContent, PickInstruction,
    PickInstructionKind, PickLine, PickedLine, ShipRequest, SubscribeInstructionsRequest,
};

/// How far each node has come; survives the engine's death, as a real warehouse's books would.
#[derive(Default)]
pub(crate) struct Desks(Mutex<BTreeMap<String, u64>>);

impl Desks {
    fn after(&self, node: &str) -> u64 {
        lock(&self.0).get(node).copied().unwrap_or(0)
    }
    fn done(&self, node: &str, number: u64) {
        lock(&self.0).insert(node.to_owned(), number);
    }
}

/// One node, until the stream ends.
pub(crate) async fn work(traffic: Arc<Traffic>, desks: Arc<Desks>, channel: Channel, node: String) {
    let mut client = FulfillmentServiceClient::new(channel.clone());
    let after_number = desks.after(&node);
    let request =
        SubscribeInstructionsRequest { node_id: node.clone(), after_number, resume_token: String::new() };
    let Ok(stream) = client.subscribe_instructions(request).await else { return };
    let mut stream = stream.into_inner();
    let mut last = after_number;
    while let Ok(Some(answer)) = stream.message().await {
        let Some(instruction) = answer.instruction else { continue };
        check(&traffic, &node, last, &instruction);
        last = instruction.number;
        if instruction.kind() == PickInstructionKind::Pick
            && !pick_and_ship(&traffic, &channel, &instruction).await
        {
            return;
        }
        if instruction.kind() == PickInstructionKind::CancelRequested {
            put_back(&channel, &instruction).await;
        }
        desks.done(&node, last);
        if last.is_multiple_of(16) {
            let request = AcknowledgeInstructionsRequest {
                request_id: format!("ack-{node}-{last}"),
                node_id: node.clone(),
                through_number: last,
                ..Default::default()
            };
            // An acknowledgement that is lost is made up for by a later one.
            drop(client.acknowledge_instructions(request).await);
        }
    }
}

/// FULFIL-2 as a node sees it: dense numbers, and the same number always says the same.
fn check(traffic: &Traffic, node: &str, last: u64, instruction: &PickInstruction) {
    if instruction.number != last + 1 {
        traffic.ledger.fault(format!("{node}: instruction {} came after {last}", instruction.number));
    }
    let said = (instruction.fulfillment_order_id.clone(), instruction.revision, instruction.kind);
    let mut seen = lock(&traffic.ledger.seen);
    match seen.get(&(node.to_owned(), instruction.number)) {
        Some(before) if *before != said => {
            let what =
                format!("{node}: instruction {} was {before:?} and is now {said:?}", instruction.number);
            drop(seen);
            traffic.ledger.fault(what);
        }
        Some(_) => {}
        None => {
            seen.insert((node.to_owned(), instruction.number), said);
        }
    }
}

/// False when the engine is gone.
async fn pick_and_ship(traffic: &Traffic, channel: &Channel, instruction: &PickInstruction) -> bool {
    let id = &instruction.fulfillment_order_id;
    let lines = instruction.lines.iter().map(|line| PickedLine {
        line_number: line.line_number,
        picked_quantity: line.quantity,
        ..Default::default()
    });
    let pick = ConfirmPickRequest {
        request_id: format!("pick-{id}"),
        fulfillment_order_id: id.clone(),
        revision: instruction.revision,
        lines: lines.collect(),
        ..Default::default()
    };
    let Some(revision) = step(traffic, channel, Ask::Pick(pick)).await else { return false };
    let Some(revision) = revision else { return true };
    let ship = ShipRequest {
        request_id: format!("ship-{id}"),
        fulfillment_order_id: id.clone(),
        revision,
        carrier: "test".into(),
        tracking_number: id.clone(),
        ..Default::default()
    };
    step(traffic, channel, Ask::Ship(ship)).await.is_some()
}

/// Puts back what somebody wants cancelled. One that comes too late changes nothing: the parcel has left, or the engine is
/// gone, and then the cancel is too late when its time is over.
async fn put_back(channel: &Channel, instruction: &PickInstruction) {
    let content = |line: &PickLine| ParcelContent { line_number: line.line_number, quantity: line.quantity };
    let request = AnswerCancelRequest {
        request_id: format!("put-back-{}-{}", instruction.fulfillment_order_id, instruction.revision),
        fulfillment_order_id: instruction.fulfillment_order_id.clone(),
        revision: instruction.revision,
        stopped: instruction.lines.iter().map(content).collect(),
        ..Default::default()
    };
    drop(FulfillmentServiceClient::new(channel.clone()).answer_cancel(request).await);
}

/// The revision after the step; `Some(None)` when it was refused, `None` when the engine is gone.
async fn step(traffic: &Traffic, channel: &Channel, ask: Ask) -> Option<Option<u64>> {
    let index = traffic.ledger.intend(ask.clone());
    let answer = send(channel, &ask).await?;
    traffic.ledger.answered(index, answer.clone());
    match answer {
        super::ledger::Answer::Stepped(revision) => Some(Some(revision)),
        _ => Some(None),
    }
}
