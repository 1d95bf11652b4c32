//! The law, as far as one partition can check it alone. Tests, the simulator and audits call the same functions.

use crate::apply::timer_of;
use crate::position::{Condition, Spot};
use crate::state::{State, Timer, TimerKind};
use std::collections::{BTreeMap, BTreeSet};
use waybill_machine::Violation;
use waybill_types::Quantity;

/// Checks every law of stock.
pub fn all(state: &State, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
    let mut found = Vec::new();
    for law in
        [no_oversell, movements_sum, claims_stand_on_positions, open_work_has_a_timer, waits_are_counted]
    {
        let (name, count) = law(state, &mut found);
        checked(name, count);
    }
    found
}

type Checked = (&'static str, u64);

/// STOCK-1: what is claimed never exceeds what is sellable, except by what a movement flagged.
pub fn no_oversell(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut count = 0;
    state.stock.each(|sku, owner, p| {
        count += 1;
        if p.excess() != p.over_committed {
            let what = format!(
                "{sku} of {owner} at {}: {} reserved, {} sellable, {} flagged over-committed",
                p.node, p.reserved, p.sellable, p.over_committed
            );
            found.push(Violation { law: "STOCK-1", what });
        }
    });
    ("STOCK-1", count)
}

/// STOCK-2: on-hand stock is the sum of its movements.
pub fn movements_sum(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut count = 0;
    state.stock.each(|sku, owner, p| {
        for condition in Condition::ALL {
            count += 1;
            let (on_hand, moved) = (p.on_hand(condition).as_i64(), p.moved(condition));
            if on_hand != moved {
                let what = format!(
                    "{sku} of {owner} at {}: {on_hand} {condition:?} on hand, movements sum to {moved}",
                    p.node
                );
                found.push(Violation { law: "STOCK-2", what });
            }
        }
    });
    ("STOCK-2", count)
}

/// STOCK-3, here: what positions say is reserved is exactly what live reservations claim.
pub fn claims_stand_on_positions(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut claimed: BTreeMap<Spot, (Quantity, Quantity)> = BTreeMap::new();
    let mut count = 0;
    state.reservations.for_each(|_, row| {
        for line in row.lines.iter().filter(|line| !line.live().is_zero()) {
            count += 1;
            let sums = claimed.entry(line.spot()).or_default();
            sums.0 = sums.0.plus(line.live());
            if row.is_undecided() {
                sums.1 = sums.1.plus(line.live());
            }
        }
    });
    let mut differs = |spot: &Spot, said: (Quantity, Quantity), is: (Quantity, Quantity)| {
        if said != is {
            let what = format!(
                "{} of {} at {}: the position has {} reserved and {} of it undecided, live claims are {} and {}",
                spot.sku, spot.owner, spot.node, said.0, said.1, is.0, is.1
            );
            found.push(Violation { law: "STOCK-3", what });
        }
    };
    state.stock.each(|sku, owner, p| {
        let spot = Spot { sku: sku.clone(), owner: owner.clone(), node: p.node.clone() };
        let is = claimed.remove(&spot).unwrap_or_default();
        differs(&spot, (p.reserved, p.undecided), is);
    });
    for (spot, is) in &claimed {
        differs(spot, Default::default(), *is);
    }
    ("STOCK-3", count)
}

/// STOCK-3, in time: whatever may be left over has a timer that ends it, and no timer is about nothing.
pub fn open_work_has_a_timer(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut expected = BTreeSet::new();
    state.reservations.for_each(|id, row| {
        expected.extend(timer_of(id, row, state.partition));
    });
    state.tombstones.for_each(|id, until| {
        expected.insert(Timer { due: *until, kind: TimerKind::Forget, id });
    });
    for timer in expected.iter().filter(|timer| !state.timers.contains(timer)) {
        found.push(Violation { law: "STOCK-3", what: format!("{timer:?} is missing: nothing would end it") });
    }
    for timer in state.timers.iter().filter(|timer| !expected.contains(timer)) {
        found.push(Violation { law: "STOCK-3", what: format!("{timer:?} is about nothing") });
    }
    ("STOCK-3", state.timers.len() as u64)
}

/// The counters that decide whether anyone must be told agree with the queue.
pub fn waits_are_counted(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut counted: BTreeMap<_, u32> = BTreeMap::new();
    let mut count = 0;
    state.waits.for_each(|key, _| {
        count += 1;
        *counted.entry((key.sku, key.owner)).or_default() += 1;
    });
    for ((sku, owner), waiting) in counted {
        let said = state.stock.head(&sku, &owner).map_or(0, |head| head.waiting);
        if said != waiting {
            let what = format!("{said} orders are said to wait for {sku} of {owner}, {waiting} do");
            found.push(Violation { law: "STOCK-3", what });
        }
    }
    ("STOCK-3", count)
}
