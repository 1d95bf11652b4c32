//! Pick instructions. The recipient comes opened, or is told to be erased; items are called what they are called now,
//! which costs the journal nothing.

use super::{attributes, time};
use waybill_fulfillment::{Instruction, InstructionKind};
use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::{OpenedPerson, Person, PostalAddress};
use waybill_types::exchange::WorkDestination;
use waybill_types::{Sku, Text};

/// Attributes of an order that have a field of their own in its instructions.
const SERVICE_LEVEL: &str = "service_level";
const PACKING_NOTE: &str = "packing_note";

pub(crate) fn instruction(
    row: &Instruction,
    recipient: Option<&OpenedPerson>,
    name_of: impl Fn(&Sku) -> Option<Text>,
) -> proto::PickInstruction {
    let kind = match row.kind {
        InstructionKind::Pick => proto::PickInstructionKind::Pick,
        InstructionKind::Amend => proto::PickInstructionKind::Amend,
        InstructionKind::Cancel => proto::PickInstructionKind::Cancel,
        InstructionKind::CancelRequested => proto::PickInstructionKind::CancelRequested,
    };
    let lines = row.lines.iter().map(|line| proto::PickLine {
        line_number: line.line.0.into(),
        external_line_id: line.external_line.to_string(),
        sku: line.sku.to_string(),
        item_name: name_of(&line.sku).map_or_else(String::new, |name| name.to_string()),
        quantity: line.quantity.as_i64(),
        scale: line.scale.into(),
        custom_attributes: attributes(&line.attributes),
        owner: line.owner.to_string(),
        substitute_skus: line.substitutes.iter().map(ToString::to_string).collect(),
    });
    let person = match recipient {
        Some(OpenedPerson::Known(person)) => Some(&**person),
        Some(OpenedPerson::Erased) | None => None,
    };
    let contact = person.map(contact);
    let (destination, carrier_service) = match &row.destination {
        WorkDestination::Ship(service) => {
            let address = person.and_then(|person| person.address.as_ref()).map(address);
            let ship = proto::ShipDestination { contact, address };
            (proto::pick_instruction::Destination::ShipTo(ship), service.to_string())
        }
        WorkDestination::Pickup => {
            let pickup = proto::PickupDestination { contact, node_id: row.node.to_string() };
            (proto::pick_instruction::Destination::Pickup(pickup), String::new())
        }
    };
    let said =
        |key: &str| row.attributes.iter().find(|(known, _)| *known == key).map(|(_, said)| said.to_owned());
    let usual = || match &row.destination {
        WorkDestination::Ship(service) => service.to_string(),
        WorkDestination::Pickup => "pickup".to_owned(),
    };
    proto::PickInstruction {
        number: row.number,
        kind: kind.into(),
        fulfillment_order_id: row.id.to_string(),
        revision: row.revision,
        order_id: row.order.to_string(),
        external_order_number: row.external.to_string(),
        channel: row.channel.to_string(),
        lines: lines.collect(),
        destination: Some(destination),
        erased: matches!(recipient, Some(OpenedPerson::Erased)),
        ship_by_time: Some(time(row.ship_by)),
        deliver_by_time: Some(time(row.deliver_by)),
        carrier_service,
        service_level: said(SERVICE_LEVEL).unwrap_or_else(usual),
        packing_note: said(PACKING_NOTE).unwrap_or_default(),
        gift_note: person.map(|person| person.gift_note.clone()).unwrap_or_default(),
        custom_attributes: attributes(&row.attributes),
        reason: row.reason.to_string(),
        create_time: Some(time(row.at)),
        priority: row.priority.into(),
        answer_by_time: row.answer_by.map(time),
    }
}

fn contact(person: &Person) -> common::Contact {
    // A node needs nobody's member card or social id.
    common::Contact {
        name: person.name.clone(),
        phone: person.phone.clone(),
        email: person.email.clone(),
        ..common::Contact::default()
    }
}

fn address(address: &PostalAddress) -> common::Address {
    let point = address.point.map(|(lat_e6, lon_e6)| common::GeoPoint {
        latitude_degrees_e6: lat_e6.into(),
        longitude_degrees_e6: lon_e6.into(),
    });
    common::Address {
        name: address.name.clone(),
        company: address.company.clone(),
        street_lines: address.street_lines.clone(),
        city: address.city.clone(),
        region: address.region.clone(),
        postal_code: address.postal_code.clone(),
        country_code: address.country_code.clone(),
        location: point,
        phone: address.phone.clone(),
    }
}
