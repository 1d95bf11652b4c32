//! Documents of the network.

use super::{attributes, money, point};
use waybill_fulfillment::Kept;
use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_types::network::{
    Calendar, Lane, LaneCost, LaneEnd, Node, NodeAddress, NodeKind, Rate, RateCard, Weekday, Weekdays, Zone,
};

fn text(id: Option<&impl ToString>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

pub(crate) fn kind(kind: NodeKind) -> proto::NodeKind {
    match kind {
        NodeKind::Store => proto::NodeKind::Store,
        NodeKind::LocalWarehouse => proto::NodeKind::LocalWarehouse,
        NodeKind::CentralWarehouse => proto::NodeKind::CentralWarehouse,
        NodeKind::Supplier => proto::NodeKind::Supplier,
    }
}

pub(crate) fn node(kept: &Kept<Node>) -> proto::Node {
    let node = &kept.document;
    proto::Node {
        node_id: node.id.to_string(),
        revision: kept.revision,
        kind: kind(node.kind).into(),
        name: node.name.to_string(),
        address: node.address.as_ref().map(address),
        location: node.point.map(point),
        time_zone: node.time_zone.to_string(),
        calendar_id: text(node.calendar.as_ref()),
        cutoff_minute_of_day: node.cutoff_minute.map(u32::from),
        handling_ms: i64::try_from(node.handling_ms).unwrap_or(i64::MAX),
        handling_cost: node.handling_cost.map(money),
        unit_handling_cost: node.unit_handling_cost.map(money),
        day_capacity_units: node.day_capacity_units,
        capabilities: Some(proto::NodeCapabilities {
            ships: node.can.ships,
            pickup: node.can.pickup,
            accepts_returns: node.can.accepts_returns,
        }),
        inactive: !node.active,
        external_codes: attributes(&node.external_codes),
        custom_attributes: attributes(&node.attributes),
        lead_days: node.lead_days.unwrap_or(0).into(),
    }
}

pub(crate) fn address(address: &NodeAddress) -> common::Address {
    common::Address {
        company: address.company.to_string(),
        street_lines: address.street_lines.iter().map(ToString::to_string).collect(),
        city: address.city.to_string(),
        region: address.region.to_string(),
        postal_code: text(address.postal_code.as_ref()),
        country_code: address.country.to_string(),
        ..common::Address::default()
    }
}

pub(crate) fn lane(kept: &Kept<Lane>) -> proto::Lane {
    let lane = &kept.document;
    let to = match &lane.to {
        LaneEnd::Node(node) => proto::lane::To::ToNodeId(node.to_string()),
        LaneEnd::Zone(zone) => proto::lane::To::ToZoneId(zone.to_string()),
    };
    let (cost, rate_card_id) = match &lane.cost {
        LaneCost::Own(own) => (Some(rate(own)), String::new()),
        LaneCost::Card(card) => (None, card.to_string()),
    };
    let departures = lane.departures.iter().map(|departure| proto::Departure {
        weekdays: weekdays(departure.weekdays),
        minute_of_day: departure.minute.into(),
    });
    proto::Lane {
        lane_id: lane.id.to_string(),
        revision: kept.revision,
        from_node_id: lane.from.to_string(),
        to: Some(to),
        carrier_service: lane.service.to_string(),
        cost,
        rate_card_id,
        transit_ms: i64::try_from(lane.transit_ms).unwrap_or(i64::MAX),
        transit_days: lane.transit_days.into(),
        departures: departures.collect(),
        calendar_id: text(lane.calendar.as_ref()),
        inactive: !lane.active,
        preparation_ms: i64::try_from(lane.preparation_ms.unwrap_or(0)).unwrap_or(i64::MAX),
        delivery_hours: lane.delivery_minutes.map(|(from, to)| proto::DeliveryHours {
            from_minute_of_day: from.into(),
            to_minute_of_day: to.into(),
        }),
    }
}

fn rate(rate: &Rate) -> proto::LaneCost {
    proto::LaneCost { base: Some(money(rate.base)), per_kg: rate.per_kg.map(money) }
}

/// Every day is written as no day at all.
fn weekdays(days: Weekdays) -> Vec<i32> {
    if days == Weekdays::EVERY { Vec::new() } else { days.iter().map(weekday).collect() }
}

fn weekday(day: Weekday) -> i32 {
    let day = match day {
        Weekday::Monday => common::Weekday::Monday,
        Weekday::Tuesday => common::Weekday::Tuesday,
        Weekday::Wednesday => common::Weekday::Wednesday,
        Weekday::Thursday => common::Weekday::Thursday,
        Weekday::Friday => common::Weekday::Friday,
        Weekday::Saturday => common::Weekday::Saturday,
        Weekday::Sunday => common::Weekday::Sunday,
    };
    day.into()
}

pub(crate) fn zone(kept: &Kept<Zone>) -> proto::Zone {
    let zone = &kept.document;
    let areas = zone.areas.iter().map(|area| proto::PostalArea {
        country_code: area.country.to_string(),
        postal_prefixes: area.postal_prefixes.iter().map(ToString::to_string).collect(),
    });
    let circle = zone.circle.map(|circle| proto::Circle {
        center: Some(point(circle.center)),
        radius_m: i64::try_from(circle.radius_m).unwrap_or(i64::MAX),
    });
    proto::Zone {
        zone_id: zone.id.to_string(),
        revision: kept.revision,
        name: zone.name.to_string(),
        areas: areas.collect(),
        circle,
        time_zone: text(zone.time_zone.as_ref()),
        calendar_id: text(zone.calendar.as_ref()),
    }
}

pub(crate) fn calendar(kept: &Kept<Calendar>) -> proto::Calendar {
    let calendar = &kept.document;
    let weekly = calendar.weekly.iter().map(|hours| proto::OpenHours {
        weekday: weekday(hours.weekday),
        from_minute_of_day: hours.from_minute.into(),
        to_minute_of_day: hours.to_minute.into(),
    });
    let exceptions = calendar.exceptions.iter().map(|exception| {
        let (from, to) = exception.hours.unwrap_or_default();
        proto::CalendarException {
            date: waybill_sourcing::day_text(exception.day),
            closed: exception.hours.is_none(),
            from_minute_of_day: from.into(),
            to_minute_of_day: to.into(),
        }
    });
    proto::Calendar {
        calendar_id: calendar.id.to_string(),
        revision: kept.revision,
        name: calendar.name.to_string(),
        weekly: weekly.collect(),
        exceptions: exceptions.collect(),
    }
}

pub(crate) fn rate_card(kept: &Kept<RateCard>) -> proto::RateCard {
    let card = &kept.document;
    let steps = card.steps.iter().map(|step| proto::RateStep {
        up_to_weight_g: i64::try_from(step.up_to_weight_g.unwrap_or(0)).unwrap_or(i64::MAX),
        cost: Some(rate(&step.rate)),
    });
    proto::RateCard {
        rate_card_id: card.id.to_string(),
        revision: kept.revision,
        name: card.name.to_string(),
        steps: steps.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_proto;
    use waybill_service_kit::Fields;

    /// What is written is read back the same: the two directions agree on every field.
    #[test]
    fn documents_make_the_round_trip() {
        let eur = |minor_units| Some(common::Money { currency_code: "EUR".into(), minor_units });
        let given = proto::Lane {
            lane_id: "l".into(),
            revision: 3,
            from_node_id: "n".into(),
            to: Some(proto::lane::To::ToZoneId("z".into())),
            carrier_service: "std".into(),
            cost: Some(proto::LaneCost { base: eur(490), per_kg: eur(20) }),
            transit_ms: 5,
            transit_days: 2,
            departures: vec![proto::Departure { weekdays: vec![1, 5], minute_of_day: 900 }],
            calendar_id: "c".into(),
            inactive: true,
            preparation_ms: 1_800_000,
            delivery_hours: Some(proto::DeliveryHours { from_minute_of_day: 540, to_minute_of_day: 1080 }),
            ..proto::Lane::default()
        };
        let mut fields = Fields::new();
        let document = from_proto::lane::lane(&mut fields, "lanes[0].", &given).unwrap();
        assert_eq!(lane(&Kept { revision: 3, document }), given);

        let given = proto::Calendar {
            calendar_id: "c".into(),
            revision: 1,
            name: "shop".into(),
            weekly: vec![proto::OpenHours { weekday: 6, from_minute_of_day: 540, to_minute_of_day: 1440 }],
            exceptions: vec![
                proto::CalendarException {
                    date: "2026-12-24".into(),
                    from_minute_of_day: 540,
                    to_minute_of_day: 720,
                    closed: false,
                },
                proto::CalendarException { date: "2026-12-25".into(), closed: true, ..Default::default() },
            ],
        };
        let document = from_proto::calendar::calendar(&mut fields, "calendars[0].", &given).unwrap();
        assert_eq!(calendar(&Kept { revision: 1, document }), given);

        let given = proto::Zone {
            zone_id: "z".into(),
            revision: 2,
            name: "north".into(),
            areas: vec![proto::PostalArea { country_code: "DE".into(), postal_prefixes: vec!["10".into()] }],
            circle: Some(proto::Circle {
                center: Some(common::GeoPoint {
                    latitude_degrees_e6: 52_500_000,
                    longitude_degrees_e6: 13_400_000,
                }),
                radius_m: 20_000,
            }),
            time_zone: "Europe/Berlin".into(),
            calendar_id: "holidays".into(),
        };
        let document = from_proto::zone::zone(&mut fields, "zones[0].", &given).unwrap();
        assert_eq!(zone(&Kept { revision: 2, document }), given);

        let given = proto::RateCard {
            rate_card_id: "r".into(),
            revision: 4,
            name: String::new(),
            steps: vec![
                proto::RateStep {
                    up_to_weight_g: 1000,
                    cost: Some(proto::LaneCost { base: eur(390), per_kg: None }),
                },
                proto::RateStep {
                    up_to_weight_g: 0,
                    cost: Some(proto::LaneCost { base: eur(590), per_kg: eur(10) }),
                },
            ],
        };
        let document = from_proto::lane::rate_card(&mut fields, "rate_cards[0].", &given).unwrap();
        assert_eq!(rate_card(&Kept { revision: 4, document }), given);

        let given = proto::Node {
            node_id: "n".into(),
            revision: 9,
            kind: 2,
            name: "Depot".into(),
            address: Some(common::Address {
                company: "ACME".into(),
                street_lines: vec!["Kai 1".into()],
                city: "Hamburg".into(),
                region: "HH".into(),
                postal_code: "20457".into(),
                country_code: "DE".into(),
                ..Default::default()
            }),
            location: Some(common::GeoPoint {
                latitude_degrees_e6: 53_500_000,
                longitude_degrees_e6: 9_900_000,
            }),
            time_zone: "Europe/Berlin".into(),
            calendar_id: "c".into(),
            cutoff_minute_of_day: Some(840),
            handling_ms: 3_600_000,
            handling_cost: eur(150),
            unit_handling_cost: eur(10),
            day_capacity_units: Some(500),
            capabilities: Some(proto::NodeCapabilities { ships: true, pickup: false, accepts_returns: true }),
            inactive: false,
            external_codes: [("sap".to_owned(), "7".to_owned())].into(),
            custom_attributes: [("tier".to_owned(), "a".to_owned())].into(),
            lead_days: 3,
        };
        let document = from_proto::node::node(&mut fields, "nodes[0].", &given).unwrap();
        assert_eq!(node(&Kept { revision: 9, document }), given);
        assert!(fields.is_fine());
    }
}
