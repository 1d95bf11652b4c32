//! Random histories of a node's partition. After every step the driver checks the laws; here the whole history is
//! checked too: instructions as the node saw them, units as orders counts them, and replay.

use super::given::{
    delivery, hand_over, hand_over_some, id, node, node_id, package, pick, put_back, ship, text, units, work,
};
use crate::driver::Driver;
use crate::{
    Command, InstructionKind, PickReport, RejectKind, Report, Rest, UndeliveredKind, WorkState, open_units,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use waybill_types::exchange::Undelivered::{self, Lost, ReturnedToSender as Returned};
use waybill_types::exchange::{Landing, LineUnits, Message, RecallManner, Step, WorkDestination};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity, Sku};

const ORDERS: u64 = 6;

#[derive(Clone, Debug)]
enum Act {
    Capacity(Option<u64>, bool),
    Assign {
        order: u64,
        lines: Vec<u64>,
        pickup: bool,
    },
    Release(u64),
    /// Orders wants units stopped; the node is asked about those in hand, or not.
    Cancel(u64, Vec<(u16, u64)>, bool),
    Later(i64),
    /// The report of this kind on the order, on its current revision less `behind`.
    Report {
        order: u64,
        behind: u64,
        kind: u8,
        short: u64,
    },
    Acknowledge(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let order = 1..=ORDERS;
    prop_oneof![
        1 => (prop::option::of(0u64..12), any::<bool>()).prop_map(|(c, active)| Act::Capacity(c, active)),
        4 => (order.clone(), prop::collection::vec(1u64..4, 1..4), any::<bool>())
            .prop_map(|(order, lines, pickup)| Act::Assign { order, lines, pickup }),
        4 => order.clone().prop_map(Act::Release),
        4 => (order.clone(), prop::collection::vec((1u16..5, 1u64..4), 1..4), any::<bool>())
            .prop_map(|(o, l, ask)| Act::Cancel(o, l, ask)),
        2 => prop_oneof![4 => 1i64..90_000, 1 => 100_000_000i64..900_000_000].prop_map(Act::Later),
        20 => (order, prop_oneof![6 => Just(0u64), 1 => 1u64..3], 0u8..14, 0u64..3)
            .prop_map(|(order, behind, kind, short)| Act::Report { order, behind, kind, short }),
        2 => (0u64..12).prop_map(Act::Acknowledge),
    ]
}

/// What orders and the node know from messages and instructions alone.
#[derive(Default)]
struct Outside {
    /// Which fulfilment order stands for each order now: a cancelled or refused one is assigned anew under a new number.
    ids: BTreeMap<u64, FulfillmentOrderId>,
    /// Units per line that orders thinks the node has.
    there: BTreeMap<(FulfillmentOrderId, LineNo), u64>,
    seen: Vec<(u64, FulfillmentOrderId, u64, InstructionKind)>,
    /// Recalls that are not answered in full; true where the node was asked.
    recalls: BTreeMap<(FulfillmentOrderId, u32), bool>,
    /// Units that left for good, by what became of them on the road.
    on_the_road: BTreeMap<(FulfillmentOrderId, LineNo), u64>,
}

impl Outside {
    fn take(&mut self, from: FulfillmentOrderId, lines: impl Iterator<Item = (LineNo, u64)>) {
        for (line, quantity) in lines {
            let there = self.there.get_mut(&(from, line)).expect("a line that was assigned");
            *there = there.checked_sub(quantity).expect("no unit leaves twice");
        }
    }
    /// Units on the road have arrived, are lost or are back: each once.
    fn end(&mut self, id: FulfillmentOrderId, lines: &[LineUnits]) {
        for units in lines {
            let there = self.on_the_road.get_mut(&(id, units.line)).expect("a line that was shipped");
            *there = there.checked_sub(units.quantity.units()).expect("no unit ends twice");
        }
    }
    fn hear(&mut self, message: &Message, assigned: &BTreeMap<FulfillmentOrderId, Vec<u64>>) {
        match message {
            Message::WorkPlanned(id) => {
                for (line, quantity) in (1..).zip(&assigned[id]) {
                    self.there.insert((*id, LineNo(line)), *quantity);
                }
            }
            Message::WorkProgress(id, Step::Shorted(lines) | Step::Rejected(lines)) => {
                self.take(*id, lines.iter().map(|line| (line.units.line, line.units.quantity.units())));
            }
            Message::WorkProgress(id, Step::Shipped(parcels)) => {
                let units = parcels.iter().flat_map(|parcel| &parcel.lines);
                for units in units.clone() {
                    *self.on_the_road.entry((*id, units.line)).or_default() += units.quantity.units();
                }
                self.take(*id, units.map(|units| (units.line, units.quantity.units())));
            }
            Message::WorkProgress(id, Step::HandedOver(lines) | Step::NotCollected(lines)) => {
                self.take(*id, lines.iter().map(|units| (units.line, units.quantity.units())));
            }
            Message::WorkCancelled { id, stopped, recall, asked, .. } => {
                if self.there.contains_key(&(*id, LineNo(1))) {
                    self.take(*id, stopped.iter().map(|units| (units.line, units.quantity.units())));
                }
                let open = self.recalls.remove(&(*id, *recall)).expect("each recall is answered, and once");
                assert!(!open || asked.is_empty(), "the node is asked once about {id} recall {recall}");
                if !asked.is_empty() {
                    self.recalls.insert((*id, *recall), true);
                }
            }
            Message::WorkProgress(id, Step::Delivered(lines) | Step::Undelivered(Lost | Returned, lines)) => {
                self.end(*id, lines);
            }
            Message::WorkProgress(id, Step::Undelivered(Undelivered::RefusedBack, lines)) => {
                self.end(*id, lines);
            }
            _ => {}
        }
    }
}

fn report(driver: &Driver, id: FulfillmentOrderId, kind: u8, short: u64) -> Report {
    let order = driver.state.fulfillment_order(&id);
    let live: Vec<u64> = order.as_ref().map(|o| o.live().map(|q| q.units()).collect()).unwrap_or_default();
    let picked: Vec<(u16, u64)> = order
        .map(|o| o.picked().iter().map(|units| (units.line.0, units.quantity.units())).collect())
        .unwrap_or_default();
    match kind {
        0 => Report::Accept,
        1 => Report::StartPicking,
        2 | 3 => {
            let lines: Vec<(u16, u64, u64)> = (1..)
                .zip(&live)
                .map(|(line, live)| (line, live - short.min(*live), short.min(*live)))
                .collect();
            pick(&lines)
        }
        4 => Report::Pack(vec![package("P", &picked)]),
        5 => ship(vec![]),
        6 if short == 0 => Report::Reject { kind: RejectKind::OutOfStock },
        6 => delivery(&[]),
        7 => Report::ReadyForPickup { shelf: text("K1") },
        8 => hand_over("code"),
        9 => Report::NoShow,
        10 => {
            let some: Vec<(u16, u64)> = picked.iter().map(|(line, _)| (*line, 1)).collect();
            hand_over_some(&some, if short == 0 { Rest::Later } else { Rest::GiveUp })
        }
        11 => {
            let asked = driver.state.fulfillment_order(&id);
            let asked = asked
                .iter()
                .flat_map(|order| order.work.lines.iter().map(|l| (l.line.0, order.asked(l.line))));
            let some = asked.map(|(line, asked)| (line, asked.units().min(short)));
            put_back(&some.filter(|(_, count)| *count > 0).collect::<Vec<_>>())
        }
        12 => {
            let kind = match short {
                0 => UndeliveredKind::Lost,
                1 => UndeliveredKind::Refused,
                _ => UndeliveredKind::ReturnedToSender(Landing::Sellable),
            };
            Report::ReportUndelivered { kind, parcels: Vec::new() }
        }
        _ => pick_instead(&live),
    }
}

/// Everything that is asked for is picked, half of it as something else.
fn pick_instead(live: &[u64]) -> Report {
    let lines = (1..).zip(live).map(|(line, live)| PickReport {
        line: LineNo(line),
        picked: Quantity::of(live / 2),
        short: Quantity::ZERO,
        short_kind: None,
        lots: Vec::new(),
        serials: Vec::new(),
        substitute: Some((Sku::new("X").unwrap(), Quantity::of(live - live / 2))),
    });
    Report::ConfirmPick(lines.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_laws_hold_over_every_history(acts in prop::collection::vec(act(), 200..400)) {
        let mut driver = Driver::alone();
        driver.run(&Command::UpsertNodes(vec![node("n1", Some(9))])).unwrap();
        let mut outside = Outside::default();
        let mut assigned: BTreeMap<FulfillmentOrderId, Vec<u64>> = BTreeMap::new();
        let mut recalls = 0;
        for act in acts {
            let of = |outside: &Outside, order: u64| outside.ids.get(&order).copied().unwrap_or(id(order));
            match act {
                Act::Capacity(capacity, active) => {
                    let mut changed = node("n1", capacity);
                    changed.active = active;
                    driver.run(&Command::UpsertNodes(vec![changed])).unwrap();
                }
                Act::Assign { order, lines, pickup } => {
                    let mut next = of(&outside, order);
                    let idle = driver.state.fulfillment_order(&next).is_none_or(|o| !o.state.is_open());
                    if !idle {
                        continue;
                    }
                    next.number += 1;
                    outside.ids.insert(order, next);
                    let skus: Vec<(&str, u64)> = ["A", "B", "A"].into_iter().zip(lines.iter().copied()).collect();
                    let mut given = work(order, &skus);
                    given.id = next;
                    for line in &mut given.lines {
                        line.substitutes = vec![Sku::new("X").unwrap()];
                    }
                    if pickup {
                        given.destination = WorkDestination::Pickup;
                    }
                    assigned.insert(next, lines);
                    driver.receive(Message::AssignWork(Box::new(given)));
                }
                Act::Release(order) => driver.receive(Message::ReleaseWork(of(&outside, order))),
                Act::Cancel(order, lines, with_node) => {
                    let id = of(&outside, order);
                    recalls += 1;
                    outside.recalls.insert((id, recalls), false);
                    let manner = if with_node { RecallManner::Ask { within_ms: 60_000 } } else { RecallManner::Firm };
                    let (units, reason) = (units(&lines), Default::default());
                    driver.receive(Message::CancelWork { id, units, recall: recalls, manner, reason });
                }
                Act::Later(ms) => driver.later(ms),
                Act::Report { order, behind, kind, short } => {
                    let id = of(&outside, order);
                    let current = driver.state.fulfillment_order(&id).map_or(1, |order| order.revision);
                    let report = report(&driver, id, kind, short);
                    let answer = driver.report(id, current.saturating_sub(behind), report);
                    if behind > 0 {
                        prop_assert!(answer.is_err(), "a stale report has no effect");
                    }
                }
                Act::Acknowledge(through) => {
                    let _ = driver.run(&Command::AcknowledgeInstructions { node: node_id("n1"), through });
                }
            }
            for message in driver.take_sent() {
                outside.hear(&message, &assigned);
            }
            let last = outside.seen.last().map_or(0, |(number, ..)| *number);
            for row in driver.state.instructions(&node_id("n1"), last, 100) {
                outside.seen.push((row.number, row.id, row.revision, row.kind));
            }
            // FULFIL-1: what orders can tell from messages is what the node has.
            let mut open: BTreeMap<(FulfillmentOrderId, LineNo), u64> = BTreeMap::new();
            open_units(&driver.state, |units| { open.insert((units.id, units.line), units.units.units()); });
            open.retain(|_, units| *units > 0);
            let thought: BTreeMap<_, _> = outside.there.iter().filter(|(_, units)| **units > 0).collect();
            prop_assert_eq!(thought, open.iter().collect::<BTreeMap<_, _>>());
        }
        // FULFIL-2 over the whole history, as a node that reads everything sees it.
        let mut revisions: BTreeMap<FulfillmentOrderId, (u64, InstructionKind)> = BTreeMap::new();
        for ((number, id, revision, kind), expected) in outside.seen.iter().zip(1..) {
            prop_assert_eq!(*number, expected);
            if let Some((before, last)) = revisions.insert(*id, (*revision, *kind)) {
                prop_assert!(before < *revision, "revisions rise");
                prop_assert!(last != InstructionKind::Cancel, "nothing is said after a cancel");
            }
        }
        for (id, (_, kind)) in revisions {
            let state = &driver.state.fulfillment_order(&id).unwrap().state;
            // A node that put everything back, or reported a no-show itself, is not told what it knows.
            match (kind, state) {
                (InstructionKind::Cancel, WorkState::Cancelled { .. } | WorkState::NotCollected { .. }) => {}
                (InstructionKind::Cancel, WorkState::HandedOver { .. }) => {}
                (InstructionKind::CancelRequested, _) => {}
                (_, WorkState::NotCollected { .. }) => {}
                (InstructionKind::Pick | InstructionKind::Amend | InstructionKind::Cancel, state) => {
                    let cancelled = matches!(state, WorkState::Cancelled { .. });
                    prop_assert_eq!(kind == InstructionKind::Cancel, cancelled, "{} ended {}", id, state.name());
                }
            }
        }
        prop_assert_eq!(driver.hash(), driver.replayed(), "history alone rebuilds the state");
        // Past every deadline nothing is asked any more and nothing waits at a counter.
        driver.later(900_000_000);
        for message in driver.take_sent() {
            outside.hear(&message, &assigned);
        }
        prop_assert!(outside.recalls.is_empty(), "{:?} are not answered", outside.recalls);
        prop_assert!(driver.state.timers.all().is_empty());
    }
}
