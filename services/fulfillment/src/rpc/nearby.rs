//! Nodes near a place that have something to hand over. Changes nothing and plans nothing.

use crate::door::Shared;
use crate::error::{unknown_item, unknown_place};
use crate::{from_proto, to_proto};
use tonic::Status;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_sourcing::NearbyQuestion;

pub(crate) async fn find(
    door: &Shared,
    message: proto::FindNearbyRequest,
) -> Result<proto::FindNearbyResponse, Status> {
    let mut fields = Fields::new();
    let near = from_proto::page::near(&mut fields, &message);
    let token = door.planning_token(&mut fields, &message.after);
    let near = fields.finish(near)?;
    door.plans_see(token).await?;
    let stock = door.stock_now()?;
    if let Some((sku, ..)) = near.basket.iter().find(|(sku, ..)| stock.item_scale(sku).is_none()) {
        return Err(unknown_item(sku));
    }
    let (now, view) = (door.clock.now(), door.network.view());
    let basket = stock.basket(near.basket.iter().map(|(sku, owner, _)| (sku, owner)));
    let question = NearbyQuestion {
        around: &near.around,
        basket: &near.basket,
        now,
        within_m: near.within_m,
        nodes_max: near.nodes_max,
        open_now: message.open_now,
        ready_by: near.ready_by,
    };
    let found = waybill_sourcing::nearby(&view.network, &basket, &question).ok_or_else(unknown_place)?;
    let nodes = found.iter().filter_map(|near| {
        let node = view.network.node(&near.node)?;
        Some(to_proto::page::nearby(node, near))
    });
    Ok(proto::FindNearbyResponse { nodes: nodes.collect(), read_time: Some(to_proto::time(now)) })
}
