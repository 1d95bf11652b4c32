//! What customers and tills do with goods that come back, at random, for the laws.

use super::build::{delivered, line, units};
use super::world::World;
use super::world_returns::{here, request};
use crate::command::{Command, NewLine, RequestReturn};
use crate::order::{ReturnState, ReturnUnits};
use crate::{Returnable, returnable};
use proptest::prelude::*;
use waybill_types::exchange::Landing;
use waybill_types::policy::{OrderPolicy, ReturnTerms};
use waybill_types::{OrderId, ReturnId};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub(super) enum Back {
    /// Asks for a return of up to so many units of whatever can be returned.
    Request { pick: usize, count: u64, exchange: bool },
    /// Brings them to a till at once.
    BlindAt { pick: usize, count: u64, exchange: bool, node: usize },
    /// Looks at up to so many units of an open return.
    Receive { pick: usize, count: u64, node: usize, landing: Option<Landing> },
    /// Says yes or no.
    Decide { pick: usize, yes: bool },
    /// Nothing more of an open return comes.
    Close(usize),
    /// Somebody has to say yes from now on, or nobody.
    Terms { at_once: bool },
    /// A finished order is taken over, so that there is something to return.
    Import { counts: (u64, u64), price: i64 },
}

pub(super) fn act() -> impl Strategy<Value = Back> {
    let (some, count, node) = (0usize..64, 1u64..4, 0usize..3);
    let landing = prop_oneof![
        3 => Just(Some(Landing::Sellable)),
        1 => Just(Some(Landing::Inspect)),
        1 => Just(Some(Landing::Scrapped)),
        1 => Just(None),
    ];
    let exchange = prop::bool::weighted(0.4);
    prop_oneof![
        4 => (some.clone(), count.clone(), exchange)
            .prop_map(|(pick, count, exchange)| Back::Request { pick, count, exchange }),
        3 => (some.clone(), count.clone(), exchange, node.clone())
            .prop_map(|(pick, count, exchange, node)| Back::BlindAt { pick, count, exchange, node }),
        5 => (some.clone(), count, node, landing)
            .prop_map(|(pick, count, node, landing)| Back::Receive { pick, count, node, landing }),
        2 => (some.clone(), any::<bool>()).prop_map(|(pick, yes)| Back::Decide { pick, yes }),
        1 => some.prop_map(Back::Close),
        1 => any::<bool>().prop_map(|at_once| Back::Terms { at_once }),
        2 => ((1u64..5, 1u64..4), 0i64..2_000).prop_map(|(counts, price)| Back::Import { counts, price }),
    ]
}

/// What can be returned of all orders.
fn with_customers(world: &World) -> Vec<(OrderId, Returnable)> {
    let (_, policy) = world.state.policy();
    let ids = (1..=world.state.count()).map(|number| OrderId::new(0, number));
    ids.flat_map(|id| {
        let (opening, order) = world.order(id);
        let found = returnable(order.content(&opening), &order, &policy.returns);
        found.into_iter().map(move |some| (id, some))
    })
    .collect()
}

fn open(world: &World) -> Vec<ReturnId> {
    let ids = (1..=world.state.count()).map(|number| OrderId::new(0, number));
    let of = |id: OrderId| {
        let order = world.order(id).1;
        let open: Vec<ReturnId> = order
            .returns
            .iter()
            .filter(|back| back.state.is_open())
            .map(|back| ReturnId { order: id, number: back.number })
            .collect();
        open
    };
    ids.flat_map(of).collect()
}

fn picked<T: Copy>(all: &[T], pick: usize) -> Option<T> {
    all.get(pick % all.len().max(1)).copied()
}

/// A request of up to `count` units of one line; a sound one is never refused.
fn ask(world: &mut World, pick: usize, count: u64, exchange: bool, node: Option<usize>) {
    let Some((id, some)) = picked(&with_customers(world), pick) else { return };
    let count = count.min(some.units.units());
    let mut asked = request(id, &[(some.line.0, count)]);
    if exchange {
        let (opening, order) = world.order(id);
        let price = crate::returnable::worth(order.content(&opening), &order, some.line, units(count));
        asked.replacements = vec![NewLine { unit_price: price, total: price, ..line("B", 1) }];
    }
    asked.received = node.map(|node| here(NODES[node], &[(some.line.0, count, Some(Landing::Sellable))]));
    let over = RequestReturn { received: None, ..request(id, &[(some.line.0, some.units.units() + 1)]) };
    world.give_back_goods(over).unwrap_err();
    if let Err(refusal) = world.give_back_goods(asked) {
        let code = waybill_machine::Coded::reason(&refusal);
        assert_eq!(code, "AMENDMENT_PENDING", "{refusal}");
    }
}

pub(super) fn run(world: &mut World, step: usize, act: &Back) {
    match *act {
        Back::Import { counts: (some, more), price } => {
            let priced = |count: u64| NewLine {
                unit_price: price,
                discount: price / 3,
                total: price * count as i64 - price / 3,
                ..line("A", count)
            };
            let lines = vec![priced(some), priced(more)];
            let import = delivered(&format!("old-{step}"), lines);
            let import = crate::command::Import { placed_at: world.now, ..import };
            world.ask(&Command::Import(Box::new(import))).unwrap();
        }
        Back::Request { pick, count, exchange } => ask(world, pick, count, exchange, None),
        Back::BlindAt { pick, count, exchange, node } => ask(world, pick, count, exchange, Some(node)),
        Back::Receive { pick, count, node, landing } => {
            let Some(id) = picked(&open(world), pick) else { return };
            let order = world.order(id.order).1;
            let back = order.return_numbered(id.number).unwrap();
            let awaited = back.lines.iter().find(|units| !units.awaited().is_zero());
            let ReturnUnits { line, .. } = awaited.unwrap();
            let count = count.min(back.awaited(*line).units());
            let waits = back.state == ReturnState::Requested;
            let taken = world.take(id, here(NODES[node], &[(line.0, count, landing)]));
            if let Err(refusal) = taken {
                let code = waybill_machine::Coded::reason(&refusal);
                assert!(waits || code == "AMENDMENT_PENDING", "{refusal}");
            }
        }
        Back::Decide { pick, yes } => {
            let Some(id) = picked(&open(world), pick) else { return };
            let _ = world.ask(&Command::DecideReturn { id, authorise: yes });
        }
        Back::Close(pick) => {
            let Some(id) = picked(&open(world), pick) else { return };
            world.ask(&Command::CloseReturn { id }).unwrap();
        }
        Back::Terms { at_once } => {
            let returns = ReturnTerms { authorise_at_once: at_once, window_days: 30 };
            let policy = Box::new(OrderPolicy { returns, ..OrderPolicy::sound() });
            world.ask(&Command::SetOrderPolicy { policy, expected_version: None }).unwrap();
        }
    }
}
