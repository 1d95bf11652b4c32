//! A retailer of a given size on a made-up map, its stock and its baskets: seeded, the same everywhere. The basket shape
//! follows published statistics of a general merchandise retailer: 46 % of baskets have one line, 23 % two, 12 % three,
//! the 95th percentile is 7; 83 % of lines ask for one unit; 1 % of SKUs make 32 % of lines, 10 % make 72 %.

use crate::baskets::{popular, popularity, sampled_lines};
use crate::dice::Dice;
use waybill_sourcing::{Documents, Interner, ItemFacts, Mirror, Network, NodeIx, PolicyVersion};
use waybill_types::exchange::{Delivery, Destination, PlanLine, PlanRequest};
use waybill_types::network::{
    Calendar, Capabilities, Departure, Lane, LaneCost, LaneEnd, LaneId, Node, NodeKind, OpenHours,
    PostalArea, Rate, TimeZoneName, Weekday, Weekdays, Zone,
};
use waybill_types::{
    Attributes, CalendarId, Country, Currency, LineNo, Money, NodeId, OwnerId, PostalCode, Quantity,
    ServiceId, Sku, Text, Timestamp, ZoneId,
};

const ZONES: u64 = 50;
/// Tuesday 2 June 2026, 08:00 UTC.
const MORNING_MS: i64 = 1_780_387_200_000;

/// How stock is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regime {
    /// Broad: popular SKUs are nearly everywhere.
    Base,
    /// As base, with 30 % of central stock missing.
    Tight,
    /// Each SKU at two central warehouses only.
    Fragmented,
}

/// Which baskets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// As the statistics say.
    Sampled,
    /// 2 to 12 lines.
    Full,
}

/// A network with what is needed to stock it and to order from it.
pub(crate) struct Town {
    pub(crate) network: Network,
    pub(crate) policy: PolicyVersion,
    nodes: Vec<(NodeIx, NodeKind)>,
    skus: Vec<Sku>,
}

impl Town {
    /// `nodes` nodes in the proportions of 1,000 stores, 40 local and 6 central warehouses and 60 suppliers.
    pub(crate) fn generate(nodes: usize, skus: usize) -> Self {
        let kinds: Vec<NodeKind> = (0..nodes).map(|index| kind_of(index, nodes)).collect();
        let records: Vec<Node> = kinds.iter().enumerate().map(|(index, kind)| node(index, *kind)).collect();
        let zones: Vec<Zone> = (0..ZONES).map(zone).collect();
        let mut lanes = Vec::new();
        for record in &records {
            let place = place_of(record.id.as_str());
            for index in 0..ZONES {
                lanes.extend(lanes_of(record, place, index));
            }
        }
        let calendars = [calendar("shop", 6), calendar("work", 5)];
        let mut interner = Interner::new();
        let documents = Documents {
            nodes: records.iter().collect(),
            lanes: lanes.iter().collect(),
            zones: zones.iter().collect(),
            calendars: calendars.iter().collect(),
            rate_cards: Vec::new(),
        };
        let network = Network::build(&mut interner, 1, &documents);
        assert!(network.left_out().is_empty());
        Self {
            nodes: records.iter().map(|node| interner.intern(&node.id)).zip(kinds).collect(),
            network,
            policy: PolicyVersion::sound(euro(0).currency),
            skus: (0..skus).map(|rank| Sku::new(format!("S{rank:05}")).unwrap()).collect(),
        }
    }

    pub(crate) fn stock(&self, regime: Regime) -> Mirror {
        let mut mirror = Mirror::new();
        let centrals: Vec<NodeIx> = self
            .nodes
            .iter()
            .filter(|(_, kind)| *kind == NodeKind::CentralWarehouse)
            .map(|(n, _)| *n)
            .collect();
        for (rank, sku) in self.skus.iter().enumerate() {
            let dice = &mut Dice::of(1, rank as u64);
            let facts = ItemFacts::new(50 + dice.below(1_500), 0).unwrap();
            mirror.set_item(sku, facts);
            let chosen = (dice.below(centrals.len() as u64), dice.below(centrals.len() as u64));
            for (node, kind) in &self.nodes {
                let central = centrals.iter().position(|central| central == node);
                let holds = match (regime, central) {
                    (Regime::Fragmented, Some(at)) => at as u64 == chosen.0 || at as u64 == chosen.1,
                    (Regime::Fragmented, None) => false,
                    (Regime::Base, Some(_)) => dice.permille(950),
                    (Regime::Tight, Some(_)) => dice.permille(665),
                    (_, None) => dice.permille(breadth_permille(*kind, rank, self.skus.len())),
                };
                let units = if central.is_some() { 20 + dice.below(200) } else { 1 + dice.below(4) };
                if holds {
                    mirror.set_stock(sku, &OwnerId::main(), *node, Quantity::of(units));
                }
            }
        }
        mirror
    }

    pub(crate) fn order(&self, stream: Stream, number: u64) -> PlanRequest {
        let dice = &mut Dice::of(2, number);
        let count = match stream {
            Stream::Sampled => sampled_lines(dice) as u16,
            Stream::Full => {
                2 + (dice.below(6) + dice.below(6)) as u16 / 2 + if dice.permille(80) { 5 } else { 0 }
            }
        };
        let line = |number| {
            let sku = self.skus[popular(dice, self.skus.len())].clone();
            let quantity = if dice.permille(830) { 1 } else { 2 + dice.below(3) };
            PlanLine {
                line: LineNo(number),
                sku,
                owner: OwnerId::main(),
                quantity: Quantity::of(quantity),
                delivery: Delivery::Ship,
            }
        };
        let lines = (1..=count).map(line).collect();
        let now = Timestamp::from_ms(MORNING_MS + dice.below(36_000_000) as i64);
        let zone = dice.below(ZONES);
        PlanRequest {
            lines,
            destination: Some(Destination {
                country: Country::new("DE").unwrap(),
                postal_code: Some(PostalCode::new(format!("{zone:02}{:03}", dice.below(1_000))).unwrap()),
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
}

fn kind_of(index: usize, nodes: usize) -> NodeKind {
    let centrals = (nodes * 6 / 1_106).max(2);
    let locals = nodes * 40 / 1_106;
    let suppliers = nodes * 60 / 1_106;
    match index {
        _ if index < centrals => NodeKind::CentralWarehouse,
        _ if index < centrals + locals => NodeKind::LocalWarehouse,
        _ if index < centrals + locals + suppliers => NodeKind::Supplier,
        _ => NodeKind::Store,
    }
}

/// A place on a map of 1,000 by 1,000 km.
fn place_of(name: &str) -> (i64, i64) {
    let seed = name.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte)));
    let dice = &mut Dice::of(3, seed);
    (dice.below(1_000) as i64, dice.below(1_000) as i64)
}

fn node(index: usize, kind: NodeKind) -> Node {
    let dice = &mut Dice::of(4, index as u64);
    let (handling, pick, hours) = match kind {
        NodeKind::Store => (150, 60, 4),
        NodeKind::LocalWarehouse => (80, 30, 2),
        NodeKind::CentralWarehouse => (50, 20, 3),
        NodeKind::Supplier => (120, 40, 48),
    };
    let calendar = if kind == NodeKind::Store { "shop" } else { "work" };
    Node {
        id: NodeId::new(format!("N{index:04}")).unwrap(),
        kind,
        name: Text::new("").unwrap(),
        address: None,
        point: None,
        time_zone: TimeZoneName::new(["Europe/Berlin", "Europe/Lisbon", "Europe/Helsinki"][index % 3])
            .unwrap(),
        calendar: Some(CalendarId::new(calendar).unwrap()),
        cutoff_minute: Some(12 * 60 + 60 * dice.below(5) as u16),
        handling_ms: hours * 3_600_000,
        handling_cost: Some(euro(handling)),
        unit_handling_cost: Some(euro(pick)),
        day_capacity_units: None,
        can: Capabilities { ships: true, pickup: kind == NodeKind::Store, accepts_returns: true },
        active: true,
        external_codes: Attributes::default(),
        attributes: Attributes::default(),
        lead_days: None,
    }
}

/// The standard lane of a node to a zone, and the express one of warehouses: dearer and slower with distance.
fn lanes_of(node: &Node, from: (i64, i64), zone: u64) -> Vec<Lane> {
    let to = place_of(&format!("zone {zone}"));
    let km = (from.0 - to.0).abs() + (from.1 - to.1).abs();
    let lane = |service: &str, base, days| Lane {
        id: LaneId::new(format!("{}>{zone:02}/{service}", node.id)).unwrap(),
        from: node.id.clone(),
        to: LaneEnd::Zone(ZoneId::new(format!("Z{zone:02}")).unwrap()),
        service: ServiceId::new(service).unwrap(),
        cost: LaneCost::Own(Rate { base: euro(base), per_kg: Some(euro(40)) }),
        transit_ms: 0,
        transit_days: days,
        departures: vec![Departure { weekdays: Weekdays::EVERY, minute: 18 * 60 }],
        calendar: Some(CalendarId::new("work").unwrap()),
        active: true,
        delivery_minutes: None,
        preparation_ms: None,
    };
    let tier = km / 250;
    let mut lanes = vec![lane("standard", 390 + 45 * tier, 1 + tier as u16 / 2)];
    if matches!(node.kind, NodeKind::LocalWarehouse | NodeKind::CentralWarehouse) {
        lanes.push(lane("express", 690 + 60 * tier, 1));
    }
    lanes
}

fn zone(index: u64) -> Zone {
    Zone {
        id: ZoneId::new(format!("Z{index:02}")).unwrap(),
        name: Text::new("").unwrap(),
        areas: vec![PostalArea {
            country: Country::new("DE").unwrap(),
            postal_prefixes: vec![PostalCode::new(format!("{index:02}")).unwrap()],
        }],
        circle: None,
        time_zone: None,
        calendar: None,
    }
}

fn calendar(id: &str, days: usize) -> Calendar {
    let open = |weekday: &Weekday| OpenHours { weekday: *weekday, from_minute: 8 * 60, to_minute: 20 * 60 };
    let weekly = Weekday::ALL[..days].iter().map(open).collect();
    Calendar::sorted(CalendarId::new(id).unwrap(), Text::new("").unwrap(), weekly, Vec::new()).unwrap()
}

fn breadth_permille(kind: NodeKind, rank: usize, skus: usize) -> u64 {
    let popularity = popularity(rank, skus);
    match kind {
        NodeKind::Store => [100, 150, 500, 850][popularity],
        NodeKind::LocalWarehouse => [200, 300, 700, 950][popularity],
        NodeKind::CentralWarehouse => 950,
        NodeKind::Supplier => 30,
    }
}

fn euro(minor: i64) -> Money {
    Money { currency: Currency::new("EUR").unwrap(), minor }
}
