//! Reads of fulfilment orders: one by id, a node's page by page.

use super::list::{Page, page_token};
use crate::door::Shared;
use crate::error::{unknown_node, unknown_order};
use crate::to_proto;
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::Status;
use waybill_fulfillment::{FulfillmentOrder, FulfillmentState};
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::page_size;
use waybill_types::{FulfillmentOrderId, NodeId};

pub(crate) async fn get(
    door: &Shared,
    message: proto::GetFulfillmentOrderRequest,
) -> Result<proto::GetFulfillmentOrderResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.check("fulfillment_order_id", message.fulfillment_order_id.parse::<FulfillmentOrderId>());
    door.own_token(&mut fields, &message.after);
    let id = fields.finish(id)?;
    if door.partitions.get(id.partition()).is_none() {
        return Err(unknown_order(id));
    }
    let order = door.read(id.partition(), move |state| state.fulfillment_order(&id)).await?;
    let order = order.ok_or_else(|| unknown_order(id))?;
    Ok(proto::GetFulfillmentOrderResponse { fulfillment_order: Some(to_proto::order::order(&order)) })
}

pub(crate) async fn list(
    door: &Shared,
    message: proto::ListFulfillmentOrdersRequest,
) -> Result<proto::ListFulfillmentOrdersResponse, Status> {
    let mut fields = Fields::new();
    let node = fields.check("node_id", NodeId::new(&message.node_id));
    let wanted = states(&mut fields, &message.states);
    let size = page_size(&mut fields, message.page_size, 50, 500);
    door.own_token(&mut fields, &message.after);
    let (node, wanted, size) = fields.finish((|| Some((node?, wanted?, size?)))())?;
    let kind = format!("fulfillment orders of {node} in {wanted:?}");
    let after: u64 = page_token(&kind, &message.page_token)?.unwrap_or(0);
    let home = door.home_of(&node);
    let asked = node.clone();
    let look = move |state: &FulfillmentState| {
        state.desk(&asked).is_some().then(|| filtered(state, &asked, &wanted, after, size))
    };
    let page = door.read(home, look).await?.ok_or_else(|| unknown_node(&node))?;
    Ok(proto::ListFulfillmentOrdersResponse {
        next_page_token: page.next_token(&kind, |(number, _)| *number),
        fulfillment_orders: page.rows.iter().map(|(_, order)| to_proto::order::order(order)).collect(),
    })
}

/// The states asked for; empty is all.
fn states(fields: &mut Fields, numbers: &[i32]) -> Option<BTreeSet<i32>> {
    let mut wanted = BTreeSet::new();
    for (index, number) in numbers.iter().enumerate() {
        match proto::FulfillmentOrderState::try_from(*number) {
            Ok(proto::FulfillmentOrderState::Unspecified) | Err(_) => {
                fields.wrong(format!("states[{index}]"), format!("is {number}, must be a state"));
            }
            Ok(state) => {
                wanted.insert(state as i32);
            }
        }
    }
    Some(wanted)
}

/// States of work that is not at the node any more; any other is found among open work alone.
const CLOSED: [proto::FulfillmentOrderState; 8] = [
    proto::FulfillmentOrderState::Shipped,
    proto::FulfillmentOrderState::Delivered,
    proto::FulfillmentOrderState::HandedOver,
    proto::FulfillmentOrderState::Cancelled,
    proto::FulfillmentOrderState::Rejected,
    proto::FulfillmentOrderState::Shorted,
    proto::FulfillmentOrderState::Undelivered,
    proto::FulfillmentOrderState::NotCollected,
];
/// Rows looked at for one page: a page of a rare state may be short and have a next one.
const LOOKED_AT_MAX: usize = 1_000;

fn filtered(
    state: &FulfillmentState,
    node: &NodeId,
    wanted: &BTreeSet<i32>,
    after: u64,
    size: usize,
) -> Page<(u64, Arc<FulfillmentOrder>)> {
    let closed_too = wanted.is_empty() || CLOSED.iter().any(|closed| wanted.contains(&(*closed as i32)));
    let fits = |order: &FulfillmentOrder| {
        wanted.is_empty() || wanted.contains(&(to_proto::order::state(&order.state) as i32))
    };
    Page::gather(
        size,
        LOOKED_AT_MAX,
        after,
        |(number, _)| *number,
        |after, limit| state.work_of(node, !closed_too, *after, limit),
        |(_, order)| fits(order),
    )
}
