//! Values to answers.

pub(crate) mod change;

use waybill_inventory::{
    Alias, Item, ItemRecord, PositionView, ReservationLine, ReservationState, ReservationView, Unit,
};
use waybill_mirror::{NodeStock, StockChange};
use waybill_proto::inventory::v1 as proto;
pub(crate) use waybill_service_kit::shown::time;
use waybill_types::PartitionId;

pub(crate) fn item(record: &ItemRecord) -> proto::Item {
    let Item { sku, name, unit, scale, weight_g, dimensions, flags, .. } = &record.item;
    let item = &record.item;
    proto::Item {
        sku: sku.to_string(),
        revision: record.revision,
        name: name.to_string(),
        unit: unit_of(*unit).into(),
        scale: u32::from(*scale),
        weight_g: *weight_g as i64,
        dimensions: dimensions.map(|d| proto::Dimensions {
            length_mm: i64::from(d.length_mm),
            width_mm: i64::from(d.width_mm),
            height_mm: i64::from(d.height_mm),
        }),
        flags: Some(proto::ItemFlags {
            no_split: flags.no_split,
            hazmat: flags.hazmat,
            lot_tracked: flags.lot_tracked,
            serial_tracked: flags.serial_tracked,
            expiry_tracked: flags.expiry_tracked,
        }),
        aliases: item.aliases.iter().map(alias).collect(),
        return_window_days: item.return_window_days.map(u32::from),
        bundle_parts: item
            .bundle_parts
            .iter()
            .map(|part| proto::BundlePart { sku: part.sku.to_string(), quantity: part.quantity.as_i64() })
            .collect(),
        substitute_skus: item.substitutes.iter().map(ToString::to_string).collect(),
        custom_attributes: waybill_service_kit::shown::attributes(&item.attributes),
        owner: item.owner.to_string(),
        inactive: item.inactive,
    }
}

fn alias(alias: &Alias) -> proto::ItemAlias {
    proto::ItemAlias { kind: alias.kind.to_string(), value: alias.value.to_string() }
}

fn unit_of(unit: Unit) -> proto::Unit {
    match unit {
        Unit::Piece => proto::Unit::Piece,
        Unit::Kilogram => proto::Unit::Kilogram,
        Unit::Metre => proto::Unit::Metre,
        Unit::Litre => proto::Unit::Litre,
        Unit::SquareMetre => proto::Unit::SquareMetre,
    }
}

pub(crate) fn position(view: &PositionView) -> proto::Position {
    let p = &view.position;
    proto::Position {
        sku: view.sku.to_string(),
        node_id: p.node.to_string(),
        owner: view.owner.to_string(),
        revision: p.revision,
        sellable: p.sellable.as_i64(),
        inspect: p.inspect.as_i64(),
        damaged: p.damaged.as_i64(),
        reserved: p.reserved.as_i64(),
        safety_stock: p.safety_stock.as_i64(),
        available: p.available().as_i64(),
        over_committed: p.over_committed.as_i64(),
        update_time: (p.revision > 0).then(|| time(p.changed_at)),
    }
}

fn line(line: &ReservationLine) -> proto::ReservationLine {
    proto::ReservationLine {
        sku: line.sku.to_string(),
        node_id: line.node.to_string(),
        requested: line.requested.as_i64(),
        granted: line.granted.as_i64(),
        released: line.released.as_i64(),
        consumed: line.consumed.as_i64(),
        owner: line.owner.to_string(),
    }
}

pub(crate) fn reservation(view: &ReservationView) -> proto::Reservation {
    let state = match view.state {
        ReservationState::Undecided => proto::ReservationState::Undecided,
        ReservationState::Held => proto::ReservationState::Held,
        ReservationState::Committed => proto::ReservationState::Committed,
        ReservationState::Consumed => proto::ReservationState::Consumed,
        ReservationState::Released => proto::ReservationState::Released,
    };
    proto::Reservation {
        reservation_id: view.id.to_string(),
        revision: view.revision,
        state: state.into(),
        lines: view.lines.iter().map(line).collect(),
        order_id: view.order.map_or_else(String::new, |order| order.to_string()),
        expire_time: view.expires_at.map(time),
        create_time: view.created_at.map(time),
    }
}

pub(crate) fn node(stock: &NodeStock) -> proto::NodeAvailability {
    proto::NodeAvailability {
        node_id: stock.node.to_string(),
        available: stock.available.as_i64(),
        sellable: stock.figures.sellable.as_i64(),
        reserved: stock.figures.reserved.as_i64(),
        safety_stock: stock.figures.safety_stock.as_i64(),
    }
}

pub(crate) fn change(partition: PartitionId, change: &StockChange) -> proto::AvailabilityChange {
    proto::AvailabilityChange {
        sku: change.sku.to_string(),
        node: Some(proto::NodeAvailability {
            node_id: change.node.to_string(),
            available: change.figures.available().as_i64(),
            sellable: change.figures.sellable.as_i64(),
            reserved: change.figures.reserved.as_i64(),
            safety_stock: change.figures.safety_stock.as_i64(),
        }),
        partition: u32::from(partition.index),
        version: change.version,
        event_time: Some(time(change.at)),
        owner: change.owner.to_string(),
    }
}
