//! A node says how far it has its instructions.

use crate::door::Shared;
use tonic::Status;
use waybill_fulfillment::{Answer, Command};
use waybill_machine::Content;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::{Caller, DoorError, Fields, Write};
use waybill_types::NodeId;

pub(crate) async fn acknowledge(
    door: &Shared,
    caller: Caller,
    message: proto::AcknowledgeInstructionsRequest,
) -> Result<proto::AcknowledgeInstructionsResponse, Status> {
    let mut fields = Fields::new();
    let request = fields.request_id(&message.request_id);
    let reason = fields.reason(&message.reason);
    let node = fields.check("node_id", NodeId::new(&message.node_id));
    let (request, reason, node) = fields.finish((|| Some((request?, reason?, node?)))())?;
    let through = message.through_number;
    let content = Content::new().with("through_number", &through).with("reason", &reason.as_str());
    let target = format!("instructions of {node}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    let home = door.home_of(&node);
    let accepted = door.submit(home, write, Command::AcknowledgeInstructions { node, through }).await?;
    match accepted.answer {
        Answer::Acknowledged { through: through_number, last: last_number } => {
            let token = accepted.token.to_string();
            Ok(proto::AcknowledgeInstructionsResponse { through_number, last_number, token })
        }
        other => Err(DoorError::Bug { what: format!("an acknowledgement was answered {other:?}") }.into()),
    }
}
