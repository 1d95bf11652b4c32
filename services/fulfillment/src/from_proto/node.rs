//! Nodes.

use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{
    amount_or_none, attributes, country, id_or_none, point_or_none, postal_code, small, text, whole,
};
use waybill_types::network::{Capabilities, Node, NodeAddress, NodeKind, TimeZoneName};
use waybill_types::{CalendarId, NodeId, Quantity};

/// Longest handling time: 90 days.
const HANDLING_MS_MAX: u64 = 90 * 86_400_000;

/// `at` is the path of the row with its dot, such as `nodes[3].`.
pub(crate) fn node(fields: &mut Fields, at: &str, row: &proto::Node) -> Option<Node> {
    let id = fields.check(format!("{at}node_id"), NodeId::new(&row.node_id));
    let kind = kind(fields, &format!("{at}kind"), row.kind);
    let name = text(fields, format!("{at}name"), &row.name, 200);
    let address = match &row.address {
        None => Some(None),
        Some(given) => address(fields, &format!("{at}address"), given).map(Some),
    };
    let point = point_or_none(fields, format!("{at}location"), row.location.as_ref());
    let time_zone = time_zone(fields, &format!("{at}time_zone"), &row.time_zone);
    let calendar = id_or_none(fields, format!("{at}calendar_id"), &row.calendar_id, |id| CalendarId::new(id));
    let cutoff_minute = match row.cutoff_minute_of_day {
        None => Some(None),
        Some(minute) => small(fields, format!("{at}cutoff_minute_of_day"), minute, 1439).map(Some),
    };
    let handling_ms = whole(fields, format!("{at}handling_ms"), row.handling_ms, HANDLING_MS_MAX);
    let handling_cost = amount_or_none(fields, &format!("{at}handling_cost"), row.handling_cost.as_ref());
    let unit_cost =
        amount_or_none(fields, &format!("{at}unit_handling_cost"), row.unit_handling_cost.as_ref());
    let capacity = row.day_capacity_units;
    if let Some(units) = capacity.filter(|units| *units > Quantity::MAX) {
        fields
            .wrong(format!("{at}day_capacity_units"), format!("is {units}, must be 0 to {}", Quantity::MAX));
    }
    let external_codes = attributes(fields, format!("{at}external_codes"), &row.external_codes);
    let custom = attributes(fields, format!("{at}custom_attributes"), &row.custom_attributes);
    let lead_days = small(fields, format!("{at}lead_days"), row.lead_days, 365);
    let can = row.capabilities.unwrap_or_default();
    Some(Node {
        id: id?,
        kind: kind?,
        name: name?,
        address: address?,
        point: point?,
        time_zone: time_zone?,
        calendar: calendar?,
        cutoff_minute: cutoff_minute?,
        handling_ms: handling_ms?,
        handling_cost: handling_cost?,
        unit_handling_cost: unit_cost?,
        day_capacity_units: capacity,
        can: Capabilities { ships: can.ships, pickup: can.pickup, accepts_returns: can.accepts_returns },
        active: !row.inactive,
        external_codes: external_codes?,
        attributes: custom?,
        lead_days: Some(lead_days?).filter(|days| *days > 0),
    })
}

/// The kinds that a number may be.
pub(crate) fn kind(fields: &mut Fields, field: &str, number: i32) -> Option<NodeKind> {
    match proto::NodeKind::try_from(number) {
        Ok(proto::NodeKind::Store) => Some(NodeKind::Store),
        Ok(proto::NodeKind::LocalWarehouse) => Some(NodeKind::LocalWarehouse),
        Ok(proto::NodeKind::CentralWarehouse) => Some(NodeKind::CentralWarehouse),
        Ok(proto::NodeKind::Supplier) => Some(NodeKind::Supplier),
        Ok(proto::NodeKind::Unspecified) | Err(_) => {
            fields.wrong(field, format!("is {number}, must be one of the kinds of node"));
            None
        }
    }
}

/// An IANA time zone that this build knows.
pub(crate) fn time_zone(fields: &mut Fields, field: &str, name: &str) -> Option<TimeZoneName> {
    let checked =
        TimeZoneName::new(name).and_then(|zone| waybill_sourcing::check_time_zone(&zone).map(|()| zone));
    fields.check(field, checked)
}

/// A business address. Names, phones and the point of the contract's address are not kept for nodes.
fn address(fields: &mut Fields, at: &str, given: &common::Address) -> Option<NodeAddress> {
    let country = country(fields, format!("{at}.country_code"), &given.country_code);
    let postal_code = postal_code(fields, format!("{at}.postal_code"), &given.postal_code);
    let region = text(fields, format!("{at}.region"), &given.region, 120);
    let city = text(fields, format!("{at}.city"), &given.city, 120);
    let company = text(fields, format!("{at}.company"), &given.company, 200);
    if given.street_lines.len() > 4 {
        fields.wrong(
            format!("{at}.street_lines"),
            format!("are {}, at most 4 are allowed", given.street_lines.len()),
        );
    }
    let lines = given.street_lines.iter().take(4).enumerate();
    let lines: Vec<Option<_>> =
        lines.map(|(index, line)| text(fields, format!("{at}.street_lines[{index}]"), line, 200)).collect();
    Some(NodeAddress {
        country: country?,
        postal_code: postal_code?,
        region: region?,
        city: city?,
        street_lines: lines.into_iter().collect::<Option<_>>()?,
        company: company?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_of_a_node_is_named() {
        let row = proto::Node {
            node_id: String::new(),
            kind: 77,
            time_zone: "Mars/Olympus".into(),
            handling_ms: -5,
            cutoff_minute_of_day: Some(1440),
            day_capacity_units: Some(u64::MAX),
            lead_days: 366,
            location: Some(common::GeoPoint { latitude_degrees_e6: 91_000_000, longitude_degrees_e6: 0 }),
            ..proto::Node::default()
        };
        let mut fields = Fields::new();
        assert!(node(&mut fields, "nodes[0].", &row).is_none());
        let Err(waybill_service_kit::DoorError::Malformed(found)) = fields.finish(Some(())) else {
            panic!("there are violations")
        };
        let names: Vec<&str> = found.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            names,
            [
                "nodes[0].node_id",
                "nodes[0].kind",
                "nodes[0].location",
                "nodes[0].time_zone",
                "nodes[0].cutoff_minute_of_day",
                "nodes[0].handling_ms",
                "nodes[0].day_capacity_units",
                "nodes[0].lead_days",
            ]
        );
    }
}
