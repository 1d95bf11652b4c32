//! Orders that wait for stock, and who is told when it rises.

use crate::event::Event;
use crate::position::Spot;
use crate::state::State;
use crate::wait::{Turn, Wait, WaitKey, WaitPlace};
use std::sync::Arc;
use waybill_machine::ScanOrder;
use waybill_types::{NodeId, OrderId, OwnerId, Quantity, Sku, Timestamp};

/// The most orders told of one rise at a time; the rest hear of the next.
const TOLD_MAX: usize = 20_000;
/// The most nodes one order is told of at a time; it hears of the rest when it waits again.
pub(crate) const NODES_MAX: usize = 32;

/// The most goods looked for at a time at a node that opened; the rest is looked for by the next ticks.
const GOODS_MAX: usize = 512;

/// How far the clocks of two partitions may be apart: an order's time is another clock's than the stock's. Told once too
/// often is a plan more; told once too rarely would be for good.
const CLOCKS_APART_MS: i64 = 60_000;

/// What an order waits for.
pub(crate) struct Awaited<'a> {
    pub(crate) order: OrderId,
    pub(crate) sku: &'a Sku,
    pub(crate) owner: &'a OwnerId,
    pub(crate) quantity: Quantity,
    pub(crate) priority: u8,
    pub(crate) since: Timestamp,
}

pub(crate) fn on_await(state: &State, wait: &Awaited<'_>) -> Vec<Event> {
    let Awaited { order, sku, owner, quantity, priority, since } = *wait;
    let waited = earlier(state, wait);
    let mut events = vec![Event::StockAwaited {
        order,
        sku: sku.clone(),
        owner: owner.clone(),
        quantity,
        priority,
        since,
    }];
    if missed_a_rise(state, wait, waited.as_deref()) && !total(state, sku, owner).is_zero() {
        let knows = waited.map_or(u64::MAX, |waited| waited.knows);
        events.push(told(state, sku, owner, &[(order, knows)], false));
    }
    events
}

/// The wait that this one replaces.
fn earlier(state: &State, wait: &Awaited<'_>) -> Option<Arc<Wait>> {
    let place = state.wait_places.get(&(wait.order, wait.sku.clone(), wait.owner.clone()))?;
    let (priority, since) = (place.priority, place.since);
    let (sku, owner, order) = (wait.sku.clone(), wait.owner.clone(), wait.order);
    state.waits.get(&WaitKey { sku, owner, priority, since, order })
}

/// Stock may have risen between the order's last look and this wait; then nobody would ever tell it.
fn missed_a_rise(state: &State, wait: &Awaited<'_>, earlier: Option<&Wait>) -> bool {
    let Some(head) = state.stock.head(wait.sku, wait.owner) else { return false };
    match earlier {
        Some(earlier) => earlier.told.is_some_and(|told| head.rises > told),
        None => head.rises > 0 && head.risen_at >= wait.since.plus_ms(-CLOCKS_APART_MS),
    }
}

pub(crate) fn on_forget(state: &State, order: OrderId, sku: &Sku, owner: &OwnerId) -> Vec<Event> {
    if !state.wait_places.contains(&(order, sku.clone(), owner.clone())) {
        return Vec::new();
    }
    vec![Event::StockForgotten { order, sku: sku.clone(), owner: owner.clone() }]
}

/// The orders to tell that stock rose, or that those who were told have left some: in the order they are served, from
/// where the last offer ended, while what they wait for fits what there is, but always the first, who may be content with
/// less. Who was told of this very rise is not told again; what it waits for is counted.
pub(crate) fn tell(state: &State, sku: &Sku, owner: &OwnerId) -> Event {
    let available = total(state, sku, owner);
    let mut orders = Vec::new();
    if !available.is_zero() {
        let (rises, turn) = state.stock.head(sku, owner).map_or((0, None), |head| (head.rises, head.turn));
        let after = turn.map(|Turn { place: WaitPlace { priority, since }, order }| {
            let (sku, owner) = (sku.clone(), owner.clone());
            WaitKey { sku, owner, priority, since, order }
        });
        let queue = (sku.clone(), owner.clone());
        let queue = state.waits.scan(&queue, after.as_ref(), ScanOrder::Ascending, TOLD_MAX);
        let (mut wanted, mut somebody) = (Quantity::ZERO, false);
        for (key, wait) in queue {
            wanted = wanted.plus(wait.quantity);
            if wanted > available && somebody {
                break;
            }
            somebody = true;
            if wait.told != Some(rises) {
                orders.push((key.order, wait.knows));
            }
        }
    }
    told(state, sku, owner, &orders, true)
}

/// Tells orders, each with the on-hand rises it knows of, at which nodes there were others: whatever lies there now, since
/// a node that said no is asked again once its stock has changed.
fn told(state: &State, sku: &Sku, owner: &OwnerId, orders: &[(OrderId, u64)], in_turn: bool) -> Event {
    let known = orders.iter().map(|(_, knows)| *knows).min().unwrap_or(u64::MAX);
    let mut lifted = Vec::new();
    if state.stock.head(sku, owner).is_some_and(|head| head.lifts > known) {
        state.stock.each_of(sku, owner, |position| {
            if position.lifted > known {
                lifted.push((position.lifted, position.node.clone()));
            }
        });
    }
    lifted.sort_unstable();
    let news_of = |knows: u64| {
        let news = lifted.iter().filter(|(rise, _)| *rise > knows).take(NODES_MAX);
        news.map(|(_, node)| node.clone()).collect()
    };
    let nodes = if lifted.is_empty() {
        Vec::new()
    } else {
        orders.iter().map(|(_, knows)| news_of(*knows)).collect()
    };
    let orders = orders.iter().map(|(order, _)| *order).collect();
    Event::WaitersTold { sku: sku.clone(), owner: owner.clone(), orders, nodes, in_turn }
}

/// A node may take work again that it did not take before. Whoever waits for what lies there is told as of a rise.
pub(crate) fn on_opened(state: &State, node: &NodeId) -> Vec<Event> {
    let event = opened(state, node, None);
    let Event::NodeOpened { goods, through, .. } = &event else { return vec![event] };
    // One that is looked through already is looked through from the start.
    let begun = state.opened.iter().any(|(begun, ..)| begun == node);
    if goods.is_empty() && through.is_none() && !begun { Vec::new() } else { vec![event] }
}

/// The next of the goods waited for, at a node that opened.
pub(crate) fn open_more(state: &State, at: &(NodeId, Sku, OwnerId)) -> Event {
    let (node, sku, owner) = at;
    opened(state, node, Some((sku.clone(), owner.clone())))
}

fn opened(state: &State, node: &NodeId, after: Option<(Sku, OwnerId)>) -> Event {
    let (mut goods, mut last) = (Vec::new(), after);
    for _ in 0..GOODS_MAX {
        // Past every wait for the last goods.
        let past = last.take().map(|(sku, owner)| WaitKey {
            sku,
            owner,
            priority: 0,
            since: Timestamp::from_ms(i64::MAX),
            order: OrderId::new(u8::MAX, u64::MAX),
        });
        let next = state.waits.scan(&(), past.as_ref(), ScanOrder::Ascending, 1);
        let Some((WaitKey { sku, owner, .. }, _)) = next.into_iter().next() else {
            return Event::NodeOpened { node: node.clone(), goods, through: None };
        };
        let spot = Spot { sku: sku.clone(), owner: owner.clone(), node: node.clone() };
        // What is claimed there may be given back: then the node is asked for it again too.
        if state.stock.look(&spot, |position| !position.sellable.is_zero()) == Some(true) {
            goods.push((sku.clone(), owner.clone()));
        }
        last = Some((sku, owner));
    }
    Event::NodeOpened { node: node.clone(), goods, through: last }
}

fn total(state: &State, sku: &Sku, owner: &OwnerId) -> Quantity {
    let mut total = Quantity::ZERO;
    state.stock.each_of(sku, owner, |position| total = total.plus(position.available()));
    total
}
