//! What tests begin with: a node that does everything, and work for it.

use crate::driver::Driver;
use crate::{Command, FulfillmentOrder, Package, PickReport, Report, Rest, ShortKind};
use std::sync::Arc;
use waybill_types::exchange::{
    Claim, LineUnits, Message, Parcel, PromiseWindow, RecallManner, Work, WorkDestination, WorkLine,
};
use waybill_types::network::{Capabilities, LocalDay, Node, NodeKind, TimeZoneName};
use waybill_types::{
    Attributes, Channel, ExternalNumber, FulfillmentOrderId, LineNo, NodeId, OrderId, OwnerId, Quantity,
    Reason, ReservationId, Sealed, ServiceId, Sku, Text, Timestamp,
};

pub(crate) const DAY: LocalDay = LocalDay(20_000);

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

pub(crate) fn node_id(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn node(name: &str, day_capacity_units: Option<u64>) -> Node {
    Node {
        id: node_id(name),
        kind: NodeKind::Store,
        name: text(name),
        address: None,
        point: None,
        time_zone: TimeZoneName::new("Europe/Berlin").unwrap(),
        calendar: None,
        cutoff_minute: None,
        handling_ms: 0,
        handling_cost: None,
        unit_handling_cost: None,
        day_capacity_units,
        can: Capabilities { ships: true, pickup: true, accepts_returns: true },
        active: true,
        external_codes: Attributes::default(),
        attributes: Attributes::default(),
        lead_days: None,
    }
}

/// A partition with node `n1` of this capacity.
pub(crate) fn with_node(day_capacity_units: Option<u64>) -> Driver {
    let mut driver = Driver::alone();
    driver.run(&Command::UpsertNodes(vec![node("n1", day_capacity_units)])).unwrap();
    driver.take_sent();
    driver
}

pub(crate) fn id(order: u64) -> FulfillmentOrderId {
    FulfillmentOrderId { order: OrderId::new(0, order), number: 1, partition_index: 0 }
}

/// Work for order number `order` at `n1`: one line per (SKU, quantity).
pub(crate) fn work(order: u64, lines: &[(&str, u64)]) -> Work {
    let reservation = ReservationId::Order { home: 0, order: OrderId::new(0, order), attempt: 1 };
    let lines = lines.iter().zip(1..).map(|((sku, quantity), number)| WorkLine {
        line: LineNo(number),
        external_line: text(""),
        sku: Sku::new(sku).unwrap(),
        owner: OwnerId::main(),
        quantity: Quantity::of(*quantity),
        attributes: Attributes::default(),
        reservation,
        scale: 0,
        substitutes: Vec::new(),
    });
    Work {
        id: id(order),
        node: node_id("n1"),
        order: OrderId::new(0, order),
        channel: Channel::new("web").unwrap(),
        external: ExternalNumber::new(format!("A-{order}")).unwrap(),
        lines: lines.collect(),
        destination: WorkDestination::Ship(ServiceId::new("standard").unwrap()),
        recipient: Some(Sealed(vec![1, 2, 3])),
        ship_by: Timestamp::from_ms(1_728_000_000_000),
        promise: PromiseWindow {
            earliest: Timestamp::from_ms(1_728_000_000_000),
            latest: Timestamp::from_ms(1_728_100_000_000),
        },
        priority: 5,
        attributes: Attributes::default(),
        capacity_day: Some(DAY),
    }
}

pub(crate) fn assign(driver: &mut Driver, work: Work) {
    driver.receive(Message::AssignWork(Box::new(work)));
}

/// Order `order`, planned and released, at revision 2; nothing said about it is left to take.
pub(crate) fn released(driver: &mut Driver, order: u64, lines: &[(&str, u64)]) -> FulfillmentOrderId {
    assign(driver, work(order, lines));
    driver.receive(Message::ReleaseWork(id(order)));
    driver.take_sent();
    id(order)
}

pub(crate) fn order(driver: &Driver, id: FulfillmentOrderId) -> Arc<FulfillmentOrder> {
    driver.state.fulfillment_order(&id).expect("the fulfilment order is known")
}

/// Orders calls units off.
pub(crate) fn recall(id: FulfillmentOrderId, units: Vec<LineUnits>) -> Message {
    Message::CancelWork { id, units, recall: 1, manner: RecallManner::Firm, reason: Reason::default() }
}

/// Orders wants units stopped, and the node asked about those in hand, within a minute.
pub(crate) fn ask(id: FulfillmentOrderId, recall: u32, lines: &[(u16, u64)]) -> Message {
    let (units, reason) = (units(lines), Reason::new("changed my mind").unwrap());
    Message::CancelWork { id, units, recall, manner: RecallManner::Ask { within_ms: 60_000 }, reason }
}

/// The outcome of recall number `recall`.
pub(crate) fn recalled(
    id: FulfillmentOrderId,
    recall: u32,
    stopped: &[(u16, u64)],
    too_late: &[(u16, u64)],
    asked: &[(u16, u64)],
) -> Message {
    let (stopped, too_late, asked) = (units(stopped), units(too_late), units(asked));
    Message::WorkCancelled { id, stopped, too_late, recall, asked }
}

/// What the node says it put back.
pub(crate) fn put_back(lines: &[(u16, u64)]) -> Report {
    Report::AnswerCancel { stopped: units(lines) }
}

/// Goods of the tests' only owner at `n1`.
pub(crate) fn claim(sku: &str, quantity: u64) -> Claim {
    let (sku, owner) = (Sku::new(sku).unwrap(), OwnerId::main());
    Claim { sku, owner, node: node_id("n1"), quantity: Quantity::of(quantity) }
}

/// What the work of order number `order` stands on.
pub(crate) fn reservation(order: u64) -> ReservationId {
    ReservationId::Order { home: 0, order: OrderId::new(0, order), attempt: 1 }
}

/// A pickup for order number `order`, picked, at revision 3; nothing said about it is left to take.
pub(crate) fn picked_pickup(driver: &mut Driver, order: u64, lines: &[(&str, u64)]) -> FulfillmentOrderId {
    let mut pickup = work(order, lines);
    pickup.destination = WorkDestination::Pickup;
    assign(driver, pickup);
    driver.receive(Message::ReleaseWork(id(order)));
    let all: Vec<(u16, u64, u64)> = (1..).zip(lines).map(|(line, (_, count))| (line, *count, 0)).collect();
    driver.report(id(order), 2, pick(&all)).unwrap();
    driver.take_sent();
    id(order)
}

pub(crate) fn units(pairs: &[(u16, u64)]) -> Vec<LineUnits> {
    pairs
        .iter()
        .map(|(line, quantity)| LineUnits { line: LineNo(*line), quantity: Quantity::of(*quantity) })
        .collect()
}

/// A pick confirmation: (line, picked, short).
pub(crate) fn pick(lines: &[(u16, u64, u64)]) -> Report {
    let line = |(line, picked, short): &(u16, u64, u64)| PickReport {
        line: LineNo(*line),
        picked: Quantity::of(*picked),
        short: Quantity::of(*short),
        short_kind: (*short > 0).then_some(ShortKind::NotFound),
        lots: Vec::new(),
        serials: Vec::new(),
        substitute: None,
    };
    Report::ConfirmPick(lines.iter().map(line).collect())
}

pub(crate) fn package(number: &str, contents: &[(u16, u64)]) -> Package {
    let parcel =
        Parcel { number: text(number), carrier: text(""), tracking: text(""), lines: units(contents) };
    Package { parcel, weight_g: 900, tracking_url: text(""), delivered_at: None, undelivered: None }
}

pub(crate) fn ship(packages: Vec<Package>) -> Report {
    Report::Ship { carrier: text("dhl"), tracking: text("T1"), packages, shipped_at: None }
}

/// The customer takes everything in hand.
pub(crate) fn hand_over(proof: &str) -> Report {
    Report::HandOver { proof: text(proof), lines: Vec::new(), rest: Rest::Later }
}

/// The customer takes some of it.
pub(crate) fn hand_over_some(lines: &[(u16, u64)], rest: Rest) -> Report {
    Report::HandOver { proof: text("code"), lines: units(lines), rest }
}

pub(crate) fn delivery(parcels: &[&str]) -> Report {
    let parcels = parcels.iter().map(|number| text(number)).collect();
    Report::ConfirmDelivery { parcels, delivered_at: None }
}
