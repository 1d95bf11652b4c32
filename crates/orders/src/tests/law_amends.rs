//! What agents do to orders at random, for the laws: changes of every kind, by people who look at an old revision, from
//! channels with other rules, and approvals.

use super::amending::{add, amending, collect, cost, quantity};
use super::build::line;
use super::world::World;
use crate::command::{AddedAmounts, Amend, Change, Command};
use crate::event::ExceptionAnswer;
use crate::order::AmendmentWait;
use crate::preview;
use crate::units::Bucket;
use proptest::prelude::*;
use waybill_types::exchange::Delivery;
use waybill_types::{LineNo, OrderId, Text};

const SKUS: [&str; 3] = ["A", "B", "C"];
const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// One change.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Quantity(u16, u64),
    Add(usize, u64),
    Substitute(u16, usize, u64),
    ShipTo,
    Collect(u16, usize),
    Ship(u16),
    Time(Option<i64>),
    Price(u16, i64),
    Appease(Option<u16>, i64),
    Charge(i64),
    Notes,
}

/// What somebody does.
#[derive(Clone, Debug)]
pub(super) enum Agent {
    Amend { pick: usize, edits: Vec<Edit>, channel: usize, stale: bool },
    Decide { pick: usize, yes: bool },
    Exception { pick: usize, line: Option<u16>, again: Option<bool> },
}

fn edit() -> impl Strategy<Value = Edit> {
    let number = prop_oneof![40 => 0u16..4, 1 => Just(99u16)];
    prop_oneof![
        4 => (number.clone(), 0u64..7).prop_map(|(line, count)| Edit::Quantity(line, count)),
        2 => (0usize..3, 1u64..4).prop_map(|(sku, count)| Edit::Add(sku, count)),
        1 => (number.clone(), 0usize..3, 1u64..3).prop_map(|(line, sku, count)| Edit::Substitute(line, sku, count)),
        4 => Just(Edit::ShipTo),
        2 => (number.clone(), 0usize..3).prop_map(|(line, node)| Edit::Collect(line, node)),
        1 => number.clone().prop_map(Edit::Ship),
        1 => prop::option::of(0i64..500).prop_map(Edit::Time),
        1 => (number.clone(), 0i64..2_000).prop_map(|(line, price)| Edit::Price(line, price)),
        1 => (prop::option::of(number), 1i64..900).prop_map(|(line, off)| Edit::Appease(line, off)),
        1 => (0i64..900).prop_map(Edit::Charge),
        1 => Just(Edit::Notes),
    ]
}

pub(super) fn act() -> impl Strategy<Value = Agent> {
    let some = 0usize..64;
    let stale = prop::bool::weighted(0.05);
    prop_oneof![
        8 => (some.clone(), prop_oneof![prop::collection::vec(edit(), 1..2), prop::collection::vec(edit(), 1..4)], 0usize..6, stale)
            .prop_map(|(pick, edits, channel, stale)| Agent::Amend { pick, edits, channel, stale }),
        1 => (some.clone(), any::<bool>()).prop_map(|(pick, yes)| Agent::Decide { pick, yes }),
        1 => (some, prop::option::of(0u16..4), prop::option::of(any::<bool>()))
            .prop_map(|(pick, line, again)| Agent::Exception { pick, line, again }),
    ]
}

/// Units of a line that are not cancelled, and those of them that have not left.
fn units_of(world: &World, id: OrderId, line: LineNo) -> (u64, u64) {
    let (_, order) = world.order(id);
    let Some(state) = order.line(line) else { return (0, 0) };
    let here = [Bucket::Open, Bucket::Backordered, Bucket::Reserved, Bucket::Released, Bucket::Picked];
    let live = state.buckets.sum().units() - state.buckets.get(Bucket::Cancelled).units();
    (live, here.into_iter().map(|bucket| state.buckets.get(bucket).units()).sum())
}

/// A line that the order has, most of the time.
fn line_of(world: &World, id: OrderId, number: u16) -> LineNo {
    let lines = world.order(id).1.lines.len() as u16;
    LineNo(if number == 99 { number } else { number % lines + 1 })
}

fn change(world: &World, id: OrderId, edit: &Edit) -> Change {
    let line_of = |number: &u16| line_of(world, id, *number);
    match edit {
        Edit::Quantity(number, count) => {
            let (live, _) = units_of(world, id, line_of(number));
            quantity(line_of(number), *count, count.saturating_sub(live))
        }
        Edit::Add(sku, count) => add(line(SKUS[*sku], *count)),
        Edit::Substitute(number, sku, count) => {
            Change::Substitute { line: line_of(number), with: Box::new(line(SKUS[*sku], *count)) }
        }
        Edit::ShipTo => Change::ShipTo,
        Edit::Collect(number, node) => collect(&[line_of(number)], NODES[*node]),
        Edit::Ship(number) => Change::SetDelivery { lines: vec![line_of(number)], delivery: Delivery::Ship },
        Edit::Time(later) => {
            Change::SetTime { release_at: later.map(|ms| world.now.plus_ms(ms)), requested: None }
        }
        Edit::Price(number, price) => {
            let (_, here) = units_of(world, id, line_of(number));
            let amounts = AddedAmounts { unit_price: *price, total: *price * here as i64, ..cost(0) };
            Change::SetPrice { line: line_of(number), amounts }
        }
        Edit::Appease(number, amount) => {
            Change::Appease { line: number.as_ref().map(line_of), amount: *amount }
        }
        Edit::Charge(charge) => Change::SetDeliveryCharge { charge: *charge },
        Edit::Notes => Change::Notes { attributes: None },
    }
}

pub(super) fn run(world: &mut World, agent: &Agent) {
    let count = world.state.count();
    if count == 0 {
        return;
    }
    let id = |pick: usize| OrderId::new(0, pick as u64 % count + 1);
    match agent {
        Agent::Amend { pick, edits, channel, stale } => {
            let id = id(*pick);
            let changes = edits.iter().map(|edit| change(world, id, edit)).collect();
            let mut amend: Amend = amending(world, id, changes);
            amend.expected_revision -= u64::from(*stale);
            let seen = world.look(|state, cx| preview(state, &amend, cx));
            let channel = ["web", "web", "web", "call_center", "call_center", "marketplace"][*channel];
            let done = world.ask_from(channel, &Command::Amend(Box::new(amend)));
            if channel == "web" {
                assert_eq!(seen.as_ref().err(), done.as_ref().err(), "a preview says what would happen");
            }
        }
        Agent::Exception { pick, line, again } => {
            let queue = world.state.exceptions(None, 64);
            let Some(exception) = queue.get(pick % queue.len().max(1)) else { return };
            let order = exception.order;
            let lines = line.iter().map(|line| line_of(world, order, *line)).collect();
            let answer = match again {
                Some(ask_all) => ExceptionAnswer::SourceAgain { ask_all: *ask_all },
                None => ExceptionAnswer::CallOff,
            };
            // All of its units may just be being tried again, and a hold may stop a cancel.
            let _ = world.ask(&Command::AnswerException { order, lines, answer, note: Text::default() });
        }
        Agent::Decide { pick, yes } => {
            let waiting: Vec<(OrderId, u32)> = (1..=count)
                .filter_map(|number| {
                    let id = OrderId::new(0, number);
                    let (_, order) = world.order(id);
                    let (amendment, pending) = order.pending_amendment()?;
                    matches!(pending.waits, AmendmentWait::Approval).then_some((id, amendment))
                })
                .collect();
            let Some((order, amendment)) = waiting.get(pick % waiting.len().max(1)).copied() else { return };
            // A hold that came meanwhile may stop it.
            let _ = world.ask(&Command::DecideAmendment { order, amendment, approve: *yes });
        }
    }
}

/// At rest, past every deadline: each amendment happened or did not.
pub(super) fn all_are_over(world: &World) {
    for number in 1..=world.state.count() {
        let (_, order) = world.order(OrderId::new(0, number));
        assert!(order.pending_amendment().is_none(), "{:?}", order.amendments);
    }
}
