//! Reading availability: from the mirror alone, so that a page of a shop costs the partitions nothing. Where another process
//! may own them, the mirror is brought up to their owners first: a shop must not be told of stock that is sold.

use crate::door::Shared;
use crate::error::unknown_item;
use crate::to_proto;
use tonic::Status;
use waybill_mirror::{Mirror, Stock};
use waybill_proto::inventory::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{ids, owner};
use waybill_types::{NodeId, OwnerId, Sku};

const NODES_MAX: usize = 1_000;
const SKUS_MAX: usize = 1_000;

pub(crate) async fn get(
    door: &Shared,
    message: &proto::GetAvailabilityRequest,
) -> Result<proto::GetAvailabilityResponse, Status> {
    let mut fields = Fields::new();
    let sku = fields.check("sku", Sku::new(&message.sku));
    let nodes = ids(&mut fields, "node_ids", &message.node_ids, NODES_MAX, |text| NodeId::new(text));
    let owner = owner(&mut fields, "owner", &message.owner);
    door.own_token(&mut fields, &message.after);
    let ((sku, nodes), owner) = fields.finish(sku.zip(nodes).zip(owner))?;
    door.catch_up([&sku]).await?;
    let stock = door.mirror()?.stock(&sku, &owner).ok_or_else(|| unknown_item(&sku))?;
    Ok(proto::GetAvailabilityResponse {
        availability: Some(answer(&sku, &owner, stock, &nodes, true)),
        read_time: Some(to_proto::time(door.clock.now())),
    })
}

pub(crate) async fn batch(
    door: &Shared,
    message: &proto::BatchGetAvailabilityRequest,
) -> Result<proto::BatchGetAvailabilityResponse, Status> {
    let mut fields = Fields::new();
    if message.skus.is_empty() {
        fields.wrong("skus", format!("are none, must be 1 to {SKUS_MAX}"));
    }
    let skus = ids(&mut fields, "skus", &message.skus, SKUS_MAX, |text| Sku::new(text));
    let nodes = ids(&mut fields, "node_ids", &message.node_ids, NODES_MAX, |text| NodeId::new(text));
    let owner = owner(&mut fields, "owner", &message.owner);
    door.own_token(&mut fields, &message.after);
    let ((skus, nodes), owner) = fields.finish(skus.zip(nodes).zip(owner))?;
    door.catch_up(&skus).await?;
    let mirror = door.mirror()?;
    let one = |sku: &Sku| one(mirror, sku, &owner, &nodes, message.include_nodes);
    Ok(proto::BatchGetAvailabilityResponse { availabilities: skus.iter().map(one).collect() })
}

fn one(
    mirror: &Mirror,
    sku: &Sku,
    owner: &OwnerId,
    nodes: &[NodeId],
    include_nodes: bool,
) -> proto::Availability {
    let name = || (sku.to_string(), owner.to_string());
    if !include_nodes && nodes.is_empty() {
        let (sku_name, owner_name) = name();
        return match mirror.total(sku, owner) {
            Some((available, scale, version)) => proto::Availability {
                sku: sku_name,
                available: available.as_i64(),
                scale: u32::from(scale),
                version,
                owner: owner_name,
                ..proto::Availability::default()
            },
            None => unknown(sku_name),
        };
    }
    match mirror.stock(sku, owner) {
        Some(stock) => answer(sku, owner, stock, nodes, include_nodes),
        None => unknown(name().0),
    }
}

fn unknown(sku: String) -> proto::Availability {
    proto::Availability { sku, unknown: true, ..proto::Availability::default() }
}

fn answer(
    sku: &Sku,
    owner: &OwnerId,
    mut stock: Stock,
    wanted: &[NodeId],
    include_nodes: bool,
) -> proto::Availability {
    if !wanted.is_empty() {
        let wanted: hashbrown::HashSet<&NodeId> = wanted.iter().collect();
        stock.nodes.retain(|node| wanted.contains(&node.node));
    }
    let available: waybill_types::Quantity = stock.nodes.iter().map(|node| node.available).sum();
    proto::Availability {
        sku: sku.to_string(),
        available: available.as_i64(),
        scale: u32::from(stock.scale),
        nodes: if include_nodes { stock.nodes.iter().map(to_proto::node).collect() } else { Vec::new() },
        unknown: false,
        version: stock.version,
        owner: owner.to_string(),
    }
}
