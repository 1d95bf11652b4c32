//! ListExceptions and AnswerException: orders that need somebody, over all partitions, oldest first; and what somebody
//! says about one of them.

use crate::door::Inner;
use crate::{from_proto, to_proto};
use futures::future::try_join_all;
use std::collections::BTreeSet;
use tonic::Status;
use waybill_orders::Answer;
use waybill_orders::content::OrderContent;
use waybill_orders::exceptions::{LineException, OrderException};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{Caller, Fields, Write, opaque};
use waybill_types::{OrderId, Timestamp};

const TOKEN_KIND: &str = "order exceptions";

/// What resolves units that nodes refused, besides stock that comes in.
const RESOLVE_WITH: [&str; 3] = ["AnswerException", "AmendOrder", "CancelOrder"];

pub(crate) async fn list(
    door: &Inner,
    message: proto::ListExceptionsRequest,
) -> Result<proto::ListExceptionsResponse, Status> {
    let mut fields = Fields::new();
    let size = page_size(&mut fields, message.page_size, 50, 200);
    door.after(&mut fields, &message.after);
    let size = fields.finish(size)?;
    let after: Option<(Timestamp, OrderId)> = match message.page_token.as_str() {
        "" => None,
        token => Some(opaque::open(TOKEN_KIND, "page_token", token)?),
    };
    let asked = door.everywhere().map(|partition| {
        // One more than a page, to know whether more follow.
        door.read(partition, move |state| {
            let found = state.exceptions(after, size + 1).into_iter();
            let shown = found.filter_map(|exception| {
                let (opening, order) = state.order(exception.order)?;
                Some((exception.since, exception.order, shown(&exception, order.content(&opening))))
            });
            shown.collect::<Vec<_>>()
        })
    });
    let mut found: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
    found.sort_by_key(|(since, order, _)| (*since, *order));
    let more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| more).map(|(since, order, _)| (*since, *order));
    Ok(proto::ListExceptionsResponse {
        exceptions: found.into_iter().map(|(_, _, exception)| exception).collect(),
        next_page_token: last.map(|last| opaque::seal(TOKEN_KIND, &last)).unwrap_or_default(),
    })
}

pub(crate) async fn answer(
    door: &Inner,
    caller: Caller,
    message: proto::AnswerExceptionRequest,
) -> Result<proto::AnswerExceptionResponse, Status> {
    let from_proto::hold::Asked { request, reason, order: id, command, content } =
        from_proto::exception::answer(&message)?;
    caller.must_be_operator("answer exceptions")?;
    if !door.is_here(id) {
        return Err(Inner::unknown(id));
    }
    let target = format!("answer to the exception of order {id}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    let accepted = door.change(id, write, command).await?;
    let Answer::ExceptionAnswered { revision, units, .. } = accepted.answer else {
        return Err(Inner::unexpected("an answer to an exception", &accepted.answer));
    };
    let (order_id, token) = (id.to_string(), accepted.token.to_string());
    let units = to_proto::amendment::units(&units);
    Ok(proto::AnswerExceptionResponse { order_id, revision, units, token })
}

fn shown(exception: &OrderException, content: &OrderContent) -> proto::OrderException {
    let cause = exception.lines.first().map(|line| line.reason.name().to_owned());
    let tried: BTreeSet<String> =
        exception.lines.iter().flat_map(|line| &line.tried).map(ToString::to_string).collect();
    proto::OrderException {
        order_id: exception.order.to_string(),
        cause: cause.unwrap_or_default(),
        since_time: Some(to_proto::time(exception.since)),
        lines: exception.lines.iter().map(|line| shown_line(line, content)).collect(),
        tried_node_ids: tried.into_iter().collect(),
        resolve_with: RESOLVE_WITH.map(ToOwned::to_owned).to_vec(),
    }
}

fn shown_line(line: &LineException, content: &OrderContent) -> proto::ExceptionLine {
    proto::ExceptionLine {
        line_number: line.line.0.into(),
        sku: content.line(line.line).map(|line| line.sku.to_string()).unwrap_or_default(),
        quantity: line.quantity.as_i64(),
        cause: line.reason.name().to_owned(),
        since_time: Some(to_proto::time(line.since)),
    }
}
