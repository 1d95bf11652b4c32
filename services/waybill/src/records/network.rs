//! Nodes, lanes, zones and calendars.

use super::{money, point};
use waybill_formats::{
    CalendarRecord, LaneRecord, NodeKind, NodeRecord, RateCardRecord, Weekday, ZoneRecord,
};
use waybill_proto::common::v1::{self as common, Address, Money};
use waybill_proto::fulfillment::v1 as proto;

/// A node to be upserted.
#[must_use]
pub fn node(record: &NodeRecord) -> proto::Node {
    proto::Node {
        node_id: record.node_id.clone(),
        revision: 0,
        kind: kind(record.kind).into(),
        name: record.name.clone(),
        address: address(record),
        location: point(record.latitude_e6, record.longitude_e6),
        time_zone: record.time_zone.clone(),
        calendar_id: record.calendar_id.clone(),
        cutoff_minute_of_day: record.cutoff.map(|minute| minute.0),
        handling_ms: record.handling_ms,
        handling_cost: cost(&record.currency_code, record.handling_cost_minor),
        unit_handling_cost: cost(&record.currency_code, record.unit_handling_cost_minor),
        day_capacity_units: record.day_capacity_units,
        capabilities: Some(proto::NodeCapabilities {
            ships: record.ships,
            pickup: record.pickup,
            accepts_returns: record.accepts_returns,
        }),
        inactive: record.inactive,
        external_codes: record.external_codes.clone(),
        custom_attributes: record.custom_attributes.clone(),
        lead_days: record.lead_days,
    }
}

fn kind(kind: NodeKind) -> proto::NodeKind {
    match kind {
        NodeKind::Store => proto::NodeKind::Store,
        NodeKind::LocalWarehouse => proto::NodeKind::LocalWarehouse,
        NodeKind::CentralWarehouse => proto::NodeKind::CentralWarehouse,
        NodeKind::Supplier => proto::NodeKind::Supplier,
    }
}

/// A node that names no country has no address that a carrier could use.
fn address(record: &NodeRecord) -> Option<Address> {
    (!record.country_code.is_empty()).then(|| Address {
        street_lines: Some(record.street.clone()).into_iter().filter(|line| !line.is_empty()).collect(),
        city: record.city.clone(),
        region: record.region.clone(),
        postal_code: record.postal_code.clone(),
        country_code: record.country_code.clone(),
        ..Address::default()
    })
}

/// Nothing is absent, so that no currency is needed for it.
fn cost(currency_code: &str, minor: i64) -> Option<Money> {
    (minor != 0).then(|| money(currency_code, minor))
}

/// A lane to be upserted, with a cost of its own or that of a rate card.
#[must_use]
pub fn lane(record: &LaneRecord) -> proto::Lane {
    let to = if record.to_node_id.is_empty() {
        proto::lane::To::ToZoneId(record.to_zone_id.clone())
    } else {
        proto::lane::To::ToNodeId(record.to_node_id.clone())
    };
    proto::Lane {
        lane_id: record.lane_id.clone(),
        revision: 0,
        from_node_id: record.from_node_id.clone(),
        to: Some(to),
        carrier_service: record.carrier_service.clone(),
        cost: record
            .rate_card_id
            .is_empty()
            .then(|| rate(&record.currency_code, record.base_minor, record.per_kg_minor)),
        rate_card_id: record.rate_card_id.clone(),
        transit_ms: record.transit_ms,
        transit_days: record.transit_days,
        departures: record
            .departures
            .iter()
            .map(|departure| proto::Departure {
                weekdays: departure.weekdays.iter().map(|day| weekday(*day).into()).collect(),
                minute_of_day: departure.at.0,
            })
            .collect(),
        calendar_id: record.calendar_id.clone(),
        inactive: record.inactive,
        preparation_ms: record.preparation_ms,
        delivery_hours: record.delivery_hours.map(|hours| proto::DeliveryHours {
            from_minute_of_day: hours.from.0,
            to_minute_of_day: hours.to.0,
        }),
    }
}

fn rate(currency_code: &str, base_minor: i64, per_kg_minor: i64) -> proto::LaneCost {
    proto::LaneCost {
        base: Some(money(currency_code, base_minor)),
        per_kg: cost(currency_code, per_kg_minor),
    }
}

/// A rate card to be upserted.
#[must_use]
pub fn rate_card(record: &RateCardRecord) -> proto::RateCard {
    let step = |step: &waybill_formats::RateStep| proto::RateStep {
        // 0 in the last step is any weight, and nowhere else does a record hold none.
        up_to_weight_g: step.up_to_weight_g.unwrap_or(0),
        cost: Some(rate(&record.currency_code, step.base_minor, step.per_kg_minor)),
    };
    proto::RateCard {
        rate_card_id: record.rate_card_id.clone(),
        revision: 0,
        name: record.name.clone(),
        steps: record.steps.iter().map(step).collect(),
    }
}

/// A zone to be upserted.
#[must_use]
pub fn zone(record: &ZoneRecord) -> proto::Zone {
    let circle = point(record.latitude_e6, record.longitude_e6)
        .map(|center| proto::Circle { center: Some(center), radius_m: record.radius_m });
    proto::Zone {
        zone_id: record.zone_id.clone(),
        revision: 0,
        name: record.name.clone(),
        areas: record
            .areas
            .iter()
            .map(|area| proto::PostalArea {
                country_code: area.country_code.clone(),
                postal_prefixes: area.postal_prefixes.clone(),
            })
            .collect(),
        circle,
        time_zone: record.time_zone.clone(),
        calendar_id: record.calendar_id.clone(),
    }
}

/// A calendar to be upserted.
#[must_use]
pub fn calendar(record: &CalendarRecord) -> proto::Calendar {
    proto::Calendar {
        calendar_id: record.calendar_id.clone(),
        revision: 0,
        name: record.name.clone(),
        weekly: record
            .weekly
            .iter()
            .map(|hours| proto::OpenHours {
                weekday: weekday(hours.weekday).into(),
                from_minute_of_day: hours.from.0,
                to_minute_of_day: hours.to.0,
            })
            .collect(),
        exceptions: record
            .exceptions
            .iter()
            .map(|day| proto::CalendarException {
                date: day.date.clone(),
                closed: day.open.is_none(),
                from_minute_of_day: day.open.map_or(0, |(from, _)| from.0),
                to_minute_of_day: day.open.map_or(0, |(_, to)| to.0),
            })
            .collect(),
    }
}

fn weekday(day: Weekday) -> common::Weekday {
    match day {
        Weekday::Monday => common::Weekday::Monday,
        Weekday::Tuesday => common::Weekday::Tuesday,
        Weekday::Wednesday => common::Weekday::Wednesday,
        Weekday::Thursday => common::Weekday::Thursday,
        Weekday::Friday => common::Weekday::Friday,
        Weekday::Saturday => common::Weekday::Saturday,
        Weekday::Sunday => common::Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documented_node_keeps_every_field() {
        let record: NodeRecord = serde_json::from_str(
            r#"{"node_id":"S1","kind":"store","time_zone":"America/Chicago","city":"Chicago","region":"IL",
                "postal_code":"60601","country_code":"US","latitude_e6":41850030,"longitude_e6":-87650050,
                "calendar_id":"store-hours","cutoff":"14:00","handling_ms":7200000,"currency_code":"USD",
                "handling_cost_minor":210,"day_capacity_units":120,"ships":true,"external_codes":{"wms":"1"}}"#,
        )
        .unwrap();
        let node = node(&record);
        assert_eq!((node.kind(), node.cutoff_minute_of_day), (proto::NodeKind::Store, Some(840)));
        assert_eq!(node.address.unwrap().street_lines, Vec::<String>::new());
        assert_eq!(node.location.unwrap().longitude_degrees_e6, -87_650_050);
        assert_eq!(node.handling_cost, Some(money("USD", 210)));
        assert_eq!((node.unit_handling_cost, node.day_capacity_units), (None, Some(120)));
        assert!(node.capabilities.unwrap().ships && !node.capabilities.unwrap().pickup);
        assert_eq!(node.external_codes["wms"], "1");
    }

    #[test]
    fn a_lane_ends_where_its_row_says() {
        let mut record = LaneRecord { to_zone_id: "Z1".into(), ..LaneRecord::default() };
        assert_eq!(lane(&record).to, Some(proto::lane::To::ToZoneId("Z1".into())));
        record = LaneRecord { to_node_id: "S1".into(), currency_code: "USD".into(), ..LaneRecord::default() };
        record.departures = vec!["mon+sun@17:30".parse().unwrap()];
        (record.base_minor, record.per_kg_minor) = (460, 35);
        let lane = lane(&record);
        assert_eq!(lane.to, Some(proto::lane::To::ToNodeId("S1".into())));
        let cost = proto::LaneCost { base: Some(money("USD", 460)), per_kg: Some(money("USD", 35)) };
        assert_eq!(lane.cost, Some(cost));
        assert_eq!(
            (lane.departures[0].weekdays.clone(), lane.departures[0].minute_of_day),
            (vec![1, 7], 1_050)
        );
    }

    #[test]
    fn what_routes_count_with_is_in_the_rows() {
        let record = LaneRecord {
            rate_card_id: "PARCEL".into(),
            preparation_ms: 3_600_000,
            delivery_hours: Some("09:00-12:30".parse().unwrap()),
            ..LaneRecord::default()
        };
        let lane = lane(&record);
        assert_eq!((lane.cost, lane.rate_card_id.as_str(), lane.preparation_ms), (None, "PARCEL", 3_600_000));
        let hours = lane.delivery_hours.unwrap();
        assert_eq!((hours.from_minute_of_day, hours.to_minute_of_day), (540, 750));
        let record = ZoneRecord {
            time_zone: "Pacific/Apia".into(),
            calendar_id: "holidays".into(),
            ..ZoneRecord::default()
        };
        let zone = zone(&record);
        assert_eq!((zone.time_zone.as_str(), zone.calendar_id.as_str()), ("Pacific/Apia", "holidays"));
        assert_eq!(node(&NodeRecord { lead_days: 12, ..NodeRecord::default() }).lead_days, 12);
        let record = RateCardRecord {
            rate_card_id: "PARCEL".into(),
            currency_code: "USD".into(),
            steps: vec!["5000:460+35".parse().unwrap(), "any:900".parse().unwrap()],
            ..RateCardRecord::default()
        };
        let steps = rate_card(&record).steps;
        assert_eq!((steps[0].up_to_weight_g, steps[1].up_to_weight_g), (5_000, 0));
        assert_eq!(steps[0].cost.as_ref().unwrap().per_kg, Some(money("USD", 35)));
        assert_eq!(steps[1].cost.as_ref().unwrap().base, Some(money("USD", 900)));
    }

    #[test]
    fn closed_days_and_short_days_stay_apart() {
        let record = CalendarRecord {
            weekly: vec!["sat 10:00-24:00".parse().unwrap()],
            exceptions: vec!["2026-12-25 closed".parse().unwrap(), "2026-12-24 09:00-14:00".parse().unwrap()],
            ..CalendarRecord::default()
        };
        let calendar = calendar(&record);
        assert_eq!((calendar.weekly[0].weekday, calendar.weekly[0].to_minute_of_day), (6, 1_440));
        assert!(calendar.exceptions[0].closed && !calendar.exceptions[1].closed);
        assert_eq!(calendar.exceptions[1].to_minute_of_day, 840);
    }

    #[test]
    fn a_zone_may_be_areas_a_circle_or_both() {
        let mut record = ZoneRecord { areas: vec!["US:606+607".parse().unwrap()], ..ZoneRecord::default() };
        assert_eq!(zone(&record).areas[0].postal_prefixes, ["606", "607"]);
        assert_eq!(zone(&record).circle, None);
        (record.latitude_e6, record.longitude_e6, record.radius_m) = (Some(1), Some(2), 500);
        assert_eq!(zone(&record).circle.unwrap().radius_m, 500);
    }
}
