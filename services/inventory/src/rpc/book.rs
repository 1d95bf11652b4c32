//! Booking stock at one position, and reading it.

use crate::door::Shared;
use crate::error::{unexpected, unknown_item};
use crate::from_proto::stock::{condition, count as count_row, spot};
use crate::to_proto;
use tonic::Status;
use waybill_inventory::{Answer, Command, Condition, PositionView, Spot, read};
use waybill_machine::Content;
use waybill_proto::inventory::v1 as proto;
use waybill_service_kit::values::{some_quantity, some_text, text};
use waybill_service_kit::{Caller, Fields, Write};
use waybill_types::{Quantity, Reason, RequestId};

/// What every write of a position has.
type Head = (RequestId, Reason);

fn head(fields: &mut Fields, request_id: &str, reason: &str) -> Option<Head> {
    let (request, reason) = (fields.request_id(request_id), fields.reason(reason));
    request.zip(reason)
}

/// Puts a command about one position to its partition.
async fn put(
    door: &Shared,
    caller: Caller,
    (request, reason): Head,
    spot: &Spot,
    content: Content,
    command: Command,
) -> Result<(PositionView, bool, String), Status> {
    let target = format!("position\0{}\0{}\0{}", spot.sku, spot.owner, spot.node).into_bytes();
    let write = Write { caller, request, reason, target, content };
    let accepted = door.submit(door.home_of(&spot.sku), &write, command).await?;
    let token = accepted.token.to_string();
    match accepted.answer {
        Answer::Position(view) => Ok((view, true, token)),
        Answer::Counted(view, applied) => Ok((view, applied, token)),
        other => Err(unexpected(&other)),
    }
}

pub(crate) async fn receive(
    door: &Shared,
    caller: Caller,
    message: proto::ReceiveStockRequest,
) -> Result<proto::ReceiveStockResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let spot = spot(&mut fields, "", &message.sku, &message.node_id, &message.owner);
    let condition = condition(&mut fields, "", message.condition);
    let quantity = some_quantity(&mut fields, "quantity", message.quantity);
    let reference = text(&mut fields, "document_reference", &message.document_reference, 64);
    let parsed = head.zip(spot).zip(condition.zip(quantity)).zip(reference);
    let (((head, spot), (condition, quantity)), reference) = fields.finish(parsed)?;
    let content = Content::new()
        .with("quantity", &quantity)
        .with("condition", &condition)
        .with("document_reference", &reference);
    let command = Command::Receive { spot: spot.clone(), condition, quantity, reference };
    let (view, _, token) = put(door, caller, head, &spot, content, command).await?;
    Ok(proto::ReceiveStockResponse { position: Some(to_proto::position(&view)), token })
}

pub(crate) async fn adjust(
    door: &Shared,
    caller: Caller,
    message: proto::AdjustStockRequest,
) -> Result<proto::AdjustStockResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    if message.reason.is_empty() {
        fields.wrong("reason", "is empty: an adjustment says why");
    }
    let spot = spot(&mut fields, "", &message.sku, &message.node_id, &message.owner);
    let condition = condition(&mut fields, "", message.condition);
    let delta = message.quantity_delta;
    if delta == 0 || delta.unsigned_abs() > Quantity::MAX {
        let most = Quantity::MAX;
        fields.wrong("quantity_delta", format!("is {delta}, must be 1 to {most} either way"));
    }
    let ((head, spot), condition) = fields.finish(head.zip(spot).zip(condition))?;
    let content = Content::new().with("quantity_delta", &delta).with("condition", &condition);
    let command = Command::Adjust { spot: spot.clone(), condition, delta };
    let (view, _, token) = put(door, caller, head, &spot, content, command).await?;
    Ok(proto::AdjustStockResponse { position: Some(to_proto::position(&view)), token })
}

pub(crate) async fn dispose(
    door: &Shared,
    caller: Caller,
    message: proto::DisposeStockRequest,
) -> Result<proto::DisposeStockResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let spot = spot(&mut fields, "", &message.sku, &message.node_id, &message.owner);
    let unsaid = i32::from(proto::StockCondition::Unspecified);
    let from = match message.from_condition == unsaid {
        true => Some(Condition::Inspect),
        false => condition(&mut fields, "from_", message.from_condition),
    };
    let to = condition(&mut fields, "to_", message.to_condition);
    if message.to_condition == unsaid {
        fields.wrong("to_condition", "is not given");
    } else if from.is_some() && from == to {
        fields.wrong("to_condition", "is what it was before");
    }
    let quantity = some_quantity(&mut fields, "quantity", message.quantity);
    let reference = text(&mut fields, "document_reference", &message.document_reference, 64);
    let parsed = head.zip(spot).zip(from.zip(to)).zip(quantity.zip(reference));
    let (((head, spot), (from, to)), (quantity, reference)) = fields.finish(parsed)?;
    let content = Content::new()
        .with("quantity", &quantity)
        .with("from_condition", &from)
        .with("to_condition", &to)
        .with("document_reference", &reference);
    let command = Command::Disposition { spot: spot.clone(), from, to, quantity, reference };
    let (view, _, token) = put(door, caller, head, &spot, content, command).await?;
    Ok(proto::DisposeStockResponse { position: Some(to_proto::position(&view)), token })
}

pub(crate) async fn count(
    door: &Shared,
    caller: Caller,
    message: proto::SetStockCountRequest,
) -> Result<proto::SetStockCountResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let source = some_text(&mut fields, "source", &message.source, 64);
    let row = match &message.count {
        Some(count) => count_row(&mut fields, "count.", count),
        None => {
            fields.wrong("count", "is missing");
            None
        }
    };
    let ((head, source), row) = fields.finish(head.zip(source).zip(row))?;
    let content = Content::new()
        .with("source", &source)
        .with("count.quantity", &row.counted)
        .with("count.condition", &row.condition)
        .with("count.source_sequence", &row.sequence);
    let spot = row.spot.clone();
    let command = Command::Count { source, row };
    let (view, applied, token) = put(door, caller, head, &spot, content, command).await?;
    Ok(proto::SetStockCountResponse { position: Some(to_proto::position(&view)), applied, token })
}

pub(crate) async fn safety_stock(
    door: &Shared,
    caller: Caller,
    message: proto::SetSafetyStockRequest,
) -> Result<proto::SetSafetyStockResponse, Status> {
    let mut fields = Fields::new();
    let head = head(&mut fields, &message.request_id, &message.reason);
    let spot = spot(&mut fields, "", &message.sku, &message.node_id, &message.owner);
    let safety_stock = fields.check("safety_stock", Quantity::new(message.safety_stock));
    let ((head, spot), safety_stock) = fields.finish(head.zip(spot).zip(safety_stock))?;
    let content = Content::new().with("safety_stock", &safety_stock);
    let command = Command::SetSafetyStock { spot: spot.clone(), safety_stock };
    let (view, _, token) = put(door, caller, head, &spot, content, command).await?;
    Ok(proto::SetSafetyStockResponse { position: Some(to_proto::position(&view)), token })
}

pub(crate) async fn position(
    door: &Shared,
    message: proto::GetPositionRequest,
) -> Result<proto::GetPositionResponse, Status> {
    let mut fields = Fields::new();
    let spot = spot(&mut fields, "", &message.sku, &message.node_id, &message.owner);
    door.own_token(&mut fields, &message.after);
    let spot = fields.finish(spot)?;
    let asked = spot.clone();
    let found = door.read(door.home_of(&spot.sku), move |state| read::position(state, &asked)).await?;
    match found {
        Some(view) => Ok(proto::GetPositionResponse { position: Some(to_proto::position(&view)) }),
        None => Err(unknown_item(&spot.sku)),
    }
}
