//! A node's instruction stream: in number order, at least once, resumable, and woken for that node alone.

use crate::door::Shared;
use crate::error::unknown_node;
use crate::{metrics as names, to_proto};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_fulfillment::Instruction;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::{DoorError, Fields, OpenStream, opaque};
use waybill_types::NodeId;

pub(crate) type InstructionStream = ReceiverStream<Result<proto::SubscribeInstructionsResponse, Status>>;

const TOKEN_KIND: &str = "instructions";
/// Instructions read at once.
const PAGE: usize = 64;

pub(crate) async fn subscribe(
    door: &Shared,
    message: proto::SubscribeInstructionsRequest,
) -> Result<InstructionStream, Status> {
    let (node, after) = parse(&message)?;
    check_place(door, &node, after).await?;
    let (sender, receiver) = mpsc::channel(door.settings.stream_buffer.max(1));
    tokio::spawn(run(Arc::clone(door), node, after, sender));
    Ok(ReceiverStream::new(receiver))
}

/// The node, and the number after which its instructions are wanted.
fn parse(message: &proto::SubscribeInstructionsRequest) -> Result<(NodeId, u64), DoorError> {
    let mut fields = Fields::new();
    let node = fields.check("node_id", NodeId::new(&message.node_id));
    if message.resume_token.is_empty() {
        return Ok((fields.finish(node)?, message.after_number));
    }
    let node = fields.finish(node)?;
    let (whose, number): (String, u64) = opaque::open(TOKEN_KIND, "resume_token", &message.resume_token)?;
    if whose != node.as_str() {
        return Err(DoorError::field("resume_token", format!("is of node {whose}, the stream is of {node}")));
    }
    Ok((node, number))
}

fn token(node: &NodeId, number: u64) -> String {
    opaque::seal(TOKEN_KIND, &(node.as_str(), number))
}

/// A place that the node has acknowledged is not kept any more; one that was never reached is not its own. Number 0
/// means from the first that is kept.
async fn check_place(door: &Shared, node: &NodeId, after: u64) -> Result<(), Status> {
    let asked = node.clone();
    let desk = door.read(door.home_of(node), move |state| state.desk(&asked)).await?;
    let Some(desk) = desk else {
        return Err(unknown_node(node));
    };
    if after > desk.last_instruction {
        let last = desk.last_instruction;
        return Err(DoorError::field("after_number", format!("is {after}, the last one is {last}")).into());
    }
    if after > 0 && after < desk.acknowledged {
        return Err(DoorError::OutOfRange { oldest: token(node, desk.acknowledged) }.into());
    }
    Ok(())
}

/// Runs until the caller goes away or the partition stops. A slow caller holds back only this task.
async fn run(
    door: Shared,
    node: NodeId,
    mut after: u64,
    sender: mpsc::Sender<Result<proto::SubscribeInstructionsResponse, Status>>,
) {
    let _open = OpenStream::count(names::STREAMS);
    let home = door.home_of(&node);
    // Before the first look, so that nothing falls between looking and waiting.
    let mut place = door.ears.instructed.enter(node.clone());
    door.items_known().await;
    loop {
        let asked = node.clone();
        let rows = match door.read(home, move |state| state.instructions(&asked, after, PAGE)).await {
            Ok(rows) => rows,
            Err(status) => {
                // A caller that went away needs no reason.
                let _ = sender.send(Err(status)).await;
                return;
            }
        };
        let whole = rows.len() < PAGE;
        for row in rows {
            after = row.number;
            let message = open(&door, row).await;
            let failed = message.is_err();
            if sender.send(message).await.is_err() || failed {
                return;
            }
            metrics::counter!(names::INSTRUCTIONS_SENT).increment(1);
        }
        if whole {
            tokio::select! {
                () = place.woken() => {}
                () = sender.closed() => return,
            }
        }
    }
}

/// The instruction with its recipient opened, which may read the vault's disk.
async fn open(door: &Shared, row: Arc<Instruction>) -> Result<proto::SubscribeInstructionsResponse, Status> {
    let recipient = match &row.recipient {
        Some(sealed) => Some(door.recipients.open_person(sealed).await?),
        None => None,
    };
    let instruction =
        to_proto::instruction::instruction(&row, recipient.as_ref(), |sku| door.stock.item_name(sku));
    Ok(proto::SubscribeInstructionsResponse {
        instruction: Some(instruction),
        resume_token: token(&row.node, row.number),
    })
}
