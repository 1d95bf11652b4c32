//! Small documents for tests.

use waybill_types::network::{
    Capabilities, Lane, LaneCost, LaneEnd, LaneId, Node, NodeKind, Rate, TimeZoneName, Zone,
};
use waybill_types::{Attributes, Currency, Money, NodeId, ServiceId, Text, ZoneId};

pub(crate) fn euro(minor: i64) -> Money {
    Money { currency: Currency::new("EUR").unwrap(), minor }
}

pub(crate) fn node(id: &str) -> Node {
    Node {
        id: NodeId::new(id).unwrap(),
        kind: NodeKind::LocalWarehouse,
        name: Text::new("").unwrap(),
        address: None,
        point: None,
        time_zone: TimeZoneName::new("UTC").unwrap(),
        calendar: None,
        cutoff_minute: None,
        handling_ms: 0,
        handling_cost: None,
        unit_handling_cost: None,
        day_capacity_units: None,
        can: Capabilities { ships: true, pickup: true, accepts_returns: true },
        active: true,
        external_codes: Attributes::default(),
        attributes: Attributes::default(),
        lead_days: None,
    }
}

pub(crate) fn lane(id: &str, from: &str, zone: &str, service: &str) -> Lane {
    Lane {
        id: LaneId::new(id).unwrap(),
        from: NodeId::new(from).unwrap(),
        to: LaneEnd::Zone(ZoneId::new(zone).unwrap()),
        service: ServiceId::new(service).unwrap(),
        cost: LaneCost::Own(Rate { base: euro(0), per_kg: None }),
        transit_ms: 0,
        transit_days: 0,
        departures: Vec::new(),
        calendar: None,
        active: true,
        delivery_minutes: None,
        preparation_ms: None,
    }
}

pub(crate) fn zone(id: &str) -> Zone {
    let (id, name) = (ZoneId::new(id).unwrap(), Text::new("").unwrap());
    Zone { id, name, areas: Vec::new(), circle: None, time_zone: None, calendar: None }
}
