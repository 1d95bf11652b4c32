//! A small world for tests: documents, stock and items in one place, and requests against them.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod dice;
pub(crate) mod random;
pub(crate) mod terms;

use waybill_sourcing::{
    Documents, Interner, ItemFacts, Mirror, Network, PolicyVersion, instant_of, parse_day,
};
use waybill_types::exchange::{Claim, Delivery, Destination, Plan, PlanLine, PlanRequest};
use waybill_types::network::{
    Calendar, Capabilities, DayException, Departure, Lane, LaneCost, LaneEnd, LaneId, Node, NodeKind,
    OpenHours, PostalArea, Rate, RateCard, RateCardId, RateStep, TimeZoneName, Weekday, Weekdays, Zone,
};
use waybill_types::{
    Attributes, CalendarId, Country, Currency, LineNo, Money, NodeId, OwnerId, PostalCode, Quantity,
    ServiceId, Sku, Text, Timestamp, ZoneId,
};

/// Everything a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) rate_cards: Vec<RateCard>,
    pub(crate) stock: Vec<(String, String, u64)>,
    pub(crate) items: Vec<(String, ItemFacts)>,
    /// By item: its class for sourcing rules.
    pub(crate) classes: Vec<(String, String)>,
    pub(crate) policy: PolicyVersion,
}

/// A world made ready.
pub(crate) struct Ready {
    pub(crate) network: Network,
    pub(crate) mirror: Mirror,
    pub(crate) policy: PolicyVersion,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut policy = PolicyVersion::sound(Currency::new("EUR").unwrap());
        policy.policy.kind_costs.clear();
        Self {
            nodes: Vec::new(),
            lanes: Vec::new(),
            zones: Vec::new(),
            calendars: Vec::new(),
            rate_cards: Vec::new(),
            stock: Vec::new(),
            items: Vec::new(),
            classes: Vec::new(),
            policy,
        }
    }

    /// Adds a node that is always open and free.
    pub(crate) fn node(&mut self, id: &str, kind: NodeKind, zone: &str) -> &mut Node {
        self.nodes.push(Node {
            id: node_id(id),
            kind,
            name: text(""),
            address: None,
            point: None,
            time_zone: zone_name(zone),
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
        });
        self.nodes.last_mut().unwrap()
    }

    /// Adds a lane named `from>zone/service` at a flat rate.
    pub(crate) fn lane(
        &mut self,
        from: &str,
        zone: &str,
        service: &str,
        base: i64,
        per_kg: i64,
    ) -> &mut Lane {
        self.lanes.push(Lane {
            id: LaneId::new(format!("{from}>{zone}/{service}")).unwrap(),
            from: node_id(from),
            to: LaneEnd::Zone(ZoneId::new(zone).unwrap()),
            service: ServiceId::new(service).unwrap(),
            cost: LaneCost::Own(rate(base, per_kg)),
            transit_ms: 0,
            transit_days: 1,
            departures: Vec::new(),
            calendar: None,
            active: true,
            delivery_minutes: None,
            preparation_ms: None,
        });
        self.lanes.last_mut().unwrap()
    }

    /// Adds a zone of whole postal prefixes in Germany.
    pub(crate) fn zone(&mut self, id: &str, prefixes: &[&str]) -> &mut Zone {
        self.zones.push(Zone {
            id: ZoneId::new(id).unwrap(),
            name: text(""),
            areas: vec![PostalArea {
                country: Country::new("DE").unwrap(),
                postal_prefixes: prefixes.iter().map(|p| PostalCode::new(p).unwrap()).collect(),
            }],
            circle: None,
            time_zone: None,
            calendar: None,
        });
        self.zones.last_mut().unwrap()
    }

    /// Adds a calendar open from `from` to `to` on `days` days of the week from Monday on, closed on `closed`.
    pub(crate) fn calendar(&mut self, id: &str, days: usize, from: u16, to: u16, closed: &[&str]) {
        let hours = |day: &Weekday| OpenHours { weekday: *day, from_minute: from, to_minute: to };
        let weekly = Weekday::ALL[..days].iter().map(hours).collect();
        let exceptions =
            closed.iter().map(|day| DayException { day: parse_day(day).unwrap(), hours: None }).collect();
        let id = CalendarId::new(id).unwrap();
        self.calendars.push(Calendar::sorted(id, text(""), weekly, exceptions).unwrap());
    }

    /// Adds a rate card of (heaviest gram, base, per kg).
    pub(crate) fn card(&mut self, id: &str, steps: &[(Option<u64>, i64, i64)]) {
        let steps = steps.iter().map(|(up_to_weight_g, base, per_kg)| RateStep {
            up_to_weight_g: *up_to_weight_g,
            rate: rate(*base, *per_kg),
        });
        self.rate_cards.push(RateCard { id: card_id(id), name: text(""), steps: steps.collect() });
    }

    pub(crate) fn has(&mut self, node: &str, sku: &str, units: u64) {
        self.stock.push((node.into(), sku.into(), units));
    }

    pub(crate) fn item(&mut self, sku: &str, item: ItemFacts) {
        self.items.push((sku.into(), item));
    }

    pub(crate) fn ready(&self) -> Ready {
        self.ready_with(&mut Interner::new())
    }

    pub(crate) fn ready_with(&self, interner: &mut Interner) -> Ready {
        let documents = Documents {
            nodes: self.nodes.iter().collect(),
            lanes: self.lanes.iter().collect(),
            zones: self.zones.iter().collect(),
            calendars: self.calendars.iter().collect(),
            rate_cards: self.rate_cards.iter().collect(),
        };
        let network = Network::build(interner, 3, &documents);
        let mut mirror = Mirror::new();
        for (node, of_sku, units) in &self.stock {
            let number = interner.intern(&node_id(node));
            mirror.set_stock(&sku(of_sku), &OwnerId::main(), number, Quantity::of(*units));
        }
        for (of_sku, item) in &self.items {
            mirror.set_item(&sku(of_sku), *item);
        }
        for (of_sku, class) in &self.classes {
            mirror.set_class(&sku(of_sku), Some(text(class)));
        }
        mirror.set_version(9);
        Ready { network, mirror, policy: self.policy.clone() }
    }
}

impl Ready {
    pub(crate) fn plan(&self, request: &PlanRequest) -> Plan {
        waybill_sourcing::plan(&self.network, &self.policy, &self.mirror, request)
    }
    /// The cost counted again from the documents.
    pub(crate) fn cost(&self, request: &PlanRequest, plan: &Plan) -> i64 {
        let again =
            waybill_sourcing::check::recompute(&self.network, &self.policy, &self.mirror, request, plan);
        again.unwrap_or_else(|fault| panic!("{fault}\n{plan:#?}"))
    }
}

/// A request to Berlin at `now`.
pub(crate) fn request(now: Timestamp, lines: Vec<PlanLine>) -> PlanRequest {
    PlanRequest {
        lines,
        destination: Some(Destination {
            country: Country::new("DE").unwrap(),
            postal_code: Some(PostalCode::new("10115").unwrap()),
            point: None,
        }),
        now,
        release_at: now,
        excluded: Vec::new(),
        pinned: Vec::new(),
        own: Vec::new(),
        channel: None,
        asked_for: None,
    }
}

pub(crate) fn ship(line: u16, of_sku: &str, units: u64) -> PlanLine {
    let quantity = Quantity::of(units);
    PlanLine {
        line: LineNo(line),
        sku: sku(of_sku),
        owner: OwnerId::main(),
        quantity,
        delivery: Delivery::Ship,
    }
}

pub(crate) fn collect(line: u16, of_sku: &str, units: u64, at: &str) -> PlanLine {
    PlanLine { delivery: Delivery::Pickup(node_id(at)), ..ship(line, of_sku, units) }
}

pub(crate) fn pin(node: &str, of_sku: &str, units: u64) -> Claim {
    Claim { sku: sku(of_sku), owner: OwnerId::main(), node: node_id(node), quantity: Quantity::of(units) }
}

/// `hh:mm:ss` by the wall clock of a zone on a day.
pub(crate) fn at(zone: &str, day: &str, hour: u16, minute: u16, second: i64) -> Timestamp {
    instant_of(&zone_name(zone), parse_day(day).unwrap(), hour * 60 + minute).unwrap().plus_ms(second * 1_000)
}

pub(crate) fn every_day(hour: u16, minute: u16) -> Departure {
    Departure { weekdays: Weekdays::EVERY, minute: hour * 60 + minute }
}

pub(crate) fn rate(base: i64, per_kg: i64) -> Rate {
    Rate { base: euro(base), per_kg: (per_kg > 0).then_some(euro(per_kg)) }
}
pub(crate) fn euro(minor: i64) -> Money {
    Money { currency: Currency::new("EUR").unwrap(), minor }
}
pub(crate) fn node_id(id: &str) -> NodeId {
    NodeId::new(id).unwrap()
}
pub(crate) fn sku(id: &str) -> Sku {
    Sku::new(id).unwrap()
}
pub(crate) fn card_id(id: &str) -> RateCardId {
    RateCardId::new(id).unwrap()
}
pub(crate) fn zone_name(name: &str) -> TimeZoneName {
    TimeZoneName::new(name).unwrap()
}
pub(crate) fn text(value: &str) -> Text {
    Text::new(value).unwrap()
}

/// Who gives what: `line node units` in the plan's order.
pub(crate) fn given(plan: &Plan) -> Vec<(u16, String, u64)> {
    let part = |a: &waybill_types::exchange::Assignment| (a.line.0, a.node.to_string(), a.quantity.units());
    plan.assignments.iter().map(part).collect()
}
