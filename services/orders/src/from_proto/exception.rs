//! Answers to exceptions as commands.

use super::hold::{Asked, NOTE_BYTES_MAX};
use super::values::{line_no, list, text};
use waybill_machine::Content;
use waybill_orders::event::ExceptionAnswer;
use waybill_orders::{Command, LINES_MAX};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{DoorError, Fields};
use waybill_types::OrderId;

/// Checks an answer.
pub(crate) fn answer(given: &proto::AnswerExceptionRequest) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let order = fields.check("order_id", given.order_id.parse::<OrderId>());
    let lines = list(&mut fields, "line_numbers", &given.line_numbers, LINES_MAX, |fields, at, n| {
        line_no(fields, at, *n)
    });
    let answer = what(&mut fields, given);
    let note = text(&mut fields, "note", &given.note, NOTE_BYTES_MAX);
    let content = Content::new()
        .with("line_numbers", &given.line_numbers)
        .with("answer", &given.answer)
        .with("ask_all_nodes", &given.ask_all_nodes)
        .with("note", &given.note);
    let asked = (|| {
        let order = order?;
        let command = Command::AnswerException { order, lines: lines?, answer: answer?, note: note? };
        Some(Asked { request: request?, reason: reason?, order, command, content })
    })();
    fields.finish(asked)
}

fn what(fields: &mut Fields, given: &proto::AnswerExceptionRequest) -> Option<ExceptionAnswer> {
    match proto::ExceptionAnswer::try_from(given.answer) {
        Ok(proto::ExceptionAnswer::SourceAgain) => {
            Some(ExceptionAnswer::SourceAgain { ask_all: given.ask_all_nodes })
        }
        Ok(proto::ExceptionAnswer::CallOff) if given.ask_all_nodes => {
            fields.wrong("ask_all_nodes", "is set, and no node is asked for units that are called off");
            None
        }
        Ok(proto::ExceptionAnswer::CallOff) => Some(ExceptionAnswer::CallOff),
        Ok(proto::ExceptionAnswer::Unspecified) | Err(_) => {
            fields.wrong("answer", format!("is {}, must be SOURCE_AGAIN or CALL_OFF", given.answer));
            None
        }
    }
}
