//! Random histories: whatever is asked, answered, lost, delayed and restarted, the laws hold after every step, and at rest
//! nothing is left over.

use super::build::{confirm, line, node, order, pickup, units};
use super::world::{World, goods};
use super::{law_amends, law_returns};
use crate::command::{Cancel, CancelLine, Command};
use crate::content::Backorder;
use crate::order::AttemptState;
use crate::units::Bucket;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use waybill_types::exchange::{Undelivered, WorkDestination};
use waybill_types::{FulfillmentOrderId, LineNo, OrderId, Quantity};

const SKUS: [&str; 3] = ["A", "B", "C"];
const NODES: [&str; 3] = ["n1", "n2", "n3"];

#[derive(Clone, Debug)]
enum Act {
    Place { lines: Vec<(usize, u64, bool)>, confirm: bool, forbid: bool, hold: bool, later: bool },
    Cancel { order: usize, line: Option<(u16, u64)> },
    Answer,
    Out(usize),
    In(usize),
    Later(i64),
    Receive(usize, usize, u64),
    Lose(usize, usize),
    Pick(usize),
    Ship(usize),
    Deliver(usize),
    HandOver(usize),
    Short(usize),
    Reject(usize),
    AnswerCancel(usize, bool),
    TakeSome(usize, bool),
    NoShow(usize),
    Undelivered(usize, u8),
    Substitute(usize),
    Close(usize),
    Blind(bool),
    Erase(usize),
    Back(law_returns::Back),
    Agent(law_amends::Agent),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let some = 0usize..64;
    let basket = prop::collection::vec((0usize..3, 1u64..5, prop::bool::weighted(0.2)), 1..4);
    prop_oneof![
        4 => (basket, any::<bool>(), any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.3)).prop_map(
            |(lines, confirm, forbid, hold, later)| Act::Place { lines, confirm, forbid, hold, later }
        ),
        3 => (some.clone(), prop::option::of((1u16..4, 1u64..4))).prop_map(|(order, line)| Act::Cancel { order, line }),
        10 => Just(Act::Answer),
        14 => some.clone().prop_map(Act::Out),
        14 => some.clone().prop_map(Act::In),
        3 => (1i64..200).prop_map(Act::Later),
        1 => (50_000i64..100_000).prop_map(Act::Later),
        4 => (0usize..3, 0usize..3, 1u64..6).prop_map(|(s, n, c)| Act::Receive(s, n, c)),
        1 => (0usize..3, 0usize..3).prop_map(|(s, n)| Act::Lose(s, n)),
        4 => some.clone().prop_map(Act::Pick),
        3 => some.clone().prop_map(Act::Ship),
        3 => some.clone().prop_map(Act::Deliver),
        2 => some.clone().prop_map(Act::HandOver),
        2 => some.clone().prop_map(Act::Short),
        1 => some.clone().prop_map(Act::Reject),
        3 => (some.clone(), any::<bool>()).prop_map(|(w, stop)| Act::AnswerCancel(w, stop)),
        1 => (some.clone(), any::<bool>()).prop_map(|(w, give_up)| Act::TakeSome(w, give_up)),
        1 => some.clone().prop_map(Act::NoShow),
        1 => (some.clone(), 0u8..3).prop_map(|(w, why)| Act::Undelivered(w, why)),
        1 => some.clone().prop_map(Act::Substitute),
        1 => some.clone().prop_map(Act::Close),
        1 => any::<bool>().prop_map(Act::Blind),
        6 => law_returns::act().prop_map(Act::Back),
        8 => law_amends::act().prop_map(Act::Agent),
        1 => some.prop_map(Act::Erase),
        1 => Just(Act::Restart),
    ]
}

/// A released work that has such units.
fn work(
    world: &World,
    pick: usize,
    has: impl Fn(&super::world::NodeWork) -> bool,
) -> Option<FulfillmentOrderId> {
    let works: Vec<_> =
        world.works.iter().filter(|(_, work)| work.released && has(work)).map(|(id, _)| *id).collect();
    works.get(pick % works.len().max(1)).copied()
}

fn to_pick(world: &World, pick: usize) -> Option<(FulfillmentOrderId, LineNo, Quantity)> {
    let id = work(world, pick, |work| !work.to_pick.is_empty())?;
    let (line, quantity) = world.works[&id].to_pick.iter().next()?;
    Some((id, *line, *quantity))
}

fn is_pickup(work: &super::world::NodeWork) -> bool {
    matches!(work.work.destination, WorkDestination::Pickup)
}

fn id(world: &World, pick: usize) -> Option<OrderId> {
    let count = world.state.count();
    (count > 0).then(|| OrderId::new(0, pick as u64 % count + 1))
}

fn run(world: &mut World, step: usize, act: &Act) {
    match act {
        Act::Place { lines, confirm: to_confirm, forbid, hold, later } => {
            let lines = lines.iter().map(|(sku, count, collect)| match collect {
                true => pickup(SKUS[*sku], *count, NODES[*count as usize % 3]),
                false => line(SKUS[*sku], *count),
            });
            let number = step.to_string();
            let mut wanted =
                if *to_confirm { confirm(&number, lines.collect()) } else { order(&number, lines.collect()) };
            wanted.backorder = if *forbid { Backorder::Forbid } else { Backorder::Allow };
            wanted.release_at = later.then(|| world.now.plus_ms(300));
            let held = world.stock.iter().find(|(_, there)| !there.is_zero()).map(|(goods, _)| goods.clone());
            if let (true, Some((sku, at))) = (*hold, held) {
                wanted.hold = Some(world.hold(step as u64, &[(sku.as_str(), at.as_str(), 1)]));
            }
            world.place(wanted);
        }
        Act::Cancel { order, line } => {
            let Some(order) = id(world, *order) else { return };
            let lines = line
                .iter()
                .map(|(line, count)| CancelLine { line: LineNo(*line), quantity: Some(units(*count)) });
            let _ = world.ask(&Command::Cancel(Cancel {
                order,
                expected_revision: None,
                lines: lines.collect(),
            }));
        }
        Act::Answer => {
            world.answer_note();
        }
        Act::Out(pick) => {
            world.deliver_out(*pick);
        }
        Act::In(pick) => {
            world.deliver_in(*pick);
        }
        Act::Later(ms) => {
            world.tick(*ms);
        }
        Act::Receive(sku, at, count) => world.receive_stock(SKUS[*sku], NODES[*at], *count),
        Act::Lose(sku, at) => {
            world.stock.remove(&goods(SKUS[*sku], NODES[*at]));
        }
        Act::Pick(pick) => {
            if let Some((id, line, _)) = to_pick(world, *pick) {
                world.pick(id, line, units(1));
            }
        }
        Act::Short(pick) => {
            if let Some((id, line, quantity)) = to_pick(world, *pick) {
                world.short(id, line, quantity);
            }
        }
        Act::Reject(pick) => {
            if let Some(id) = work(world, *pick, |work| !work.to_pick.is_empty()) {
                world.reject(id);
            }
        }
        Act::Ship(pick) => {
            if let Some(id) = work(world, *pick, |work| !work.picked.is_empty()) {
                world.ship(id);
            }
        }
        Act::HandOver(pick) => {
            if let Some(id) = work(world, *pick, |work| !work.picked.is_empty()) {
                world.hand_over(id);
            }
        }
        Act::Deliver(pick) => {
            if let Some(id) = work(world, *pick, |work| !work.shipped.is_empty()) {
                world.deliver(id);
            }
        }
        Act::AnswerCancel(pick, stop) => {
            if let Some(id) = work(world, *pick, |work| !work.asks.is_empty()) {
                world.answer_cancel(id, *stop);
            }
        }
        Act::TakeSome(pick, give_up) => {
            if let Some(id) = work(world, *pick, |work| is_pickup(work) && !work.picked.is_empty()) {
                world.hand_over_one_each(id, *give_up);
            }
        }
        Act::NoShow(pick) => {
            if let Some(id) = work(world, *pick, |work| is_pickup(work) && !work.picked.is_empty()) {
                world.no_show(id);
            }
        }
        Act::Undelivered(pick, why) => {
            let why =
                [Undelivered::Lost, Undelivered::Refused, Undelivered::ReturnedToSender][usize::from(*why)];
            if let Some(id) = work(world, *pick, |work| !work.shipped.is_empty()) {
                world.undelivered(id, why);
            }
        }
        Act::Substitute(pick) => {
            if let Some((id, line, _)) = to_pick(world, *pick) {
                world.substitute(id, line, &super::build::sku("S"));
            }
        }
        Act::Close(pick) => match pick % 4 {
            3 => world.closed.clear(),
            n => world.closed.push(node(NODES[n])),
        },
        Act::Blind(blind) => world.blind_planner = *blind,
        Act::Erase(pick) => {
            if let Some(id) = id(world, *pick) {
                world.ask(&Command::EraseSubject(id)).unwrap();
            }
        }
        Act::Back(back) => law_returns::run(world, step, back),
        Act::Agent(agent) => law_amends::run(world, agent),
        Act::Restart => world.restart(),
    }
}

/// At rest nobody is at work for an order that has nothing open.
fn nothing_is_forgotten(world: &World) {
    for number in 1..=world.state.count() {
        let (_, order) = world.order(OrderId::new(0, number));
        assert_eq!(order.live_attempts().count(), 0, "{order:?}");
        for attempt in &order.attempts {
            assert!(matches!(attempt.state, AttemptState::Ended(_)));
        }
        assert!(order.lines.iter().all(|line| line.buckets.get(Bucket::Open).is_zero()));
        assert_eq!(order.recalls(), 0);
    }
    let waiting: Vec<_> = world.waits.iter().collect();
    for ((sku, order), quantity) in waiting {
        let (opening, order) = world.order(*order);
        let lines = order.content(&opening).lines.iter().zip(&order.lines);
        let lines = lines.filter(|(line, _)| line.sku == *sku);
        let backordered: Quantity = lines.map(|(_, state)| state.buckets.get(Bucket::Backordered)).sum();
        assert_eq!(backordered, *quantity, "inventory knows exactly what is waited for");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_laws_hold_after_every_step_and_nothing_is_left_over_at_rest(
        acts in prop::collection::vec(act(), 50..350)
    ) {
        let mut world = World::with_stock(&[("A", "n1", 6), ("A", "n2", 3), ("B", "n2", 4), ("C", "n3", 2)]);
        for (step, act) in acts.iter().enumerate() {
            run(&mut world, step, act);
            world.audit();
        }
        world.settle();
        // Past every deadline, that of an approval too.
        world.tick(86_400_000);
        world.settle();
        world.answer_all_cancels();
        world.settle();
        world.audit_at_rest();
        nothing_is_forgotten(&world);
        law_amends::all_are_over(&world);
        world.restart();
        world.audit_at_rest();
    }
}

/// A world after so many random acts, the same for the same number: for what must meet every kind of event.
pub(super) fn wander(steps: usize) -> World {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut world = World::with_stock(&[("A", "n1", 9), ("B", "n2", 9), ("C", "n3", 9), ("A", "n3", 4)]);
    for step in 0..steps {
        let tree = act().new_tree(&mut runner).unwrap_or_else(|why| panic!("an act can be drawn: {why}"));
        run(&mut world, step, &tree.current());
    }
    world
}
