//! The law, as far as one partition can check it alone. Tests, the simulator and audits call the same functions.

use crate::apply::timer_of;
use crate::decide::spot_of;
use crate::position::{Condition, Spot};
use crate::reservation::{ReservationLine, Standing};
use crate::state::{State, Timer, TimerKind};
use std::collections::{BTreeMap, BTreeSet};
use waybill_machine::Violation;
use waybill_types::exchange::Claim;
use waybill_types::{Quantity, ReservationId};

/// Checks every law of stock.
pub fn all(state: &State, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
    let mut found = Vec::new();
    for law in [
        no_oversell,
        movements_sum,
        claims_stand_on_positions,
        take_overs_agree,
        open_work_has_a_timer,
        waits_are_counted,
        codes_are_of_one_item,
    ] {
        let (name, count) = law(state, &mut found);
        checked(name, count);
    }
    found
}

/// ITEM-1, here: the index of codes is what the items say, so that none is of two items. Between partitions an audit of all
/// compares what [`crate::read::each_code`] gives.
pub fn codes_are_of_one_item(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut count = 0;
    let mut broken = |what: String| found.push(Violation { law: "ITEM-1", what });
    state.items.for_each(|sku, record| {
        for alias in &record.item.aliases {
            count += 1;
            let holder = state.aliases.get(alias);
            if holder.as_deref() != Some(&sku) {
                broken(format!("{} {} of item {sku} is indexed for {holder:?}", alias.kind, alias.value));
            }
        }
    });
    state.aliases.for_each(|alias, sku| {
        let has = state.items.get(sku).is_some_and(|record| record.item.aliases.contains(&alias));
        if !has {
            broken(format!("{} {} is indexed for item {sku}, which has it not", alias.kind, alias.value));
        }
    });
    ("ITEM-1", count)
}

type Checked = (&'static str, u64);

/// STOCK-1: what is claimed never exceeds what is sellable, except by what a movement or a seizure flagged.
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

/// STOCK-3, here: what positions say is reserved is exactly what live reservations claim, and of a committed one of which
/// nothing is left nothing is kept.
pub fn claims_stand_on_positions(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut claimed: BTreeMap<Spot, (Quantity, Quantity)> = BTreeMap::new();
    let mut count = 0;
    let mut spent = Vec::new();
    state.reservations.for_each(|id, row| {
        if matches!(row.standing, Standing::Committed { .. }) && row.is_spent() {
            spent.push(id);
        }
        for line in row.lines.iter().filter(|line| !line.live().is_zero()) {
            count += 1;
            let sums = claimed.entry(line.spot()).or_default();
            sums.0 = sums.0.plus(line.live());
            if row.is_undecided() {
                sums.1 = sums.1.plus(line.live());
            }
        }
    });
    for id in spent {
        found
            .push(Violation { law: "STOCK-3", what: format!("{id} is kept although nothing is left of it") });
    }
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

/// STOCK-3, between reservations: what an undecided one takes over stands in the other's name, for nobody else, and both
/// know of it; a decided one has nothing to wait for.
pub fn take_overs_agree(state: &State, found: &mut Vec<Violation>) -> Checked {
    let mut count = 0;
    let mut broken = |what: String| found.push(Violation { law: "STOCK-3", what });
    let mut promised: BTreeMap<(ReservationId, Spot), Quantity> = BTreeMap::new();
    state.reservations.for_each(|id, row| {
        if !row.taking.is_empty() && (!row.is_undecided() || !row.takers.is_empty()) {
            broken(format!(
                "{id} takes units over although it is {:?}, and {:?} take from it",
                row.standing, row.takers
            ));
        }
        if !row.owed.is_empty() && row.takers.is_empty() {
            broken(format!("{id} owes {:?}, which nobody takes over", row.owed));
        }
        for line in &row.lines {
            let place = line.claim(Quantity::ZERO);
            let takes: Quantity = row.taking.iter().map(|take| row.taking_of(take.from, &place)).sum();
            if takes != line.awaited {
                broken(format!("{id} awaits {} of {place:?} and takes {takes} over", line.awaited));
            }
        }
        for take in &row.taking {
            for claim in &take.claims {
                count += 1;
                let sum = promised.entry((take.from, spot_of(claim))).or_default();
                *sum = sum.plus(claim.quantity);
            }
            let giver = state.reservations.get(&take.from);
            if giver.is_none_or(|giver| giver.takers.iter().filter(|taker| **taker == id).count() != 1) {
                broken(format!("{id} takes units over from {}, which does not know of it", take.from));
            }
        }
        for taker in &row.takers {
            let taking =
                state.reservations.get(taker).is_some_and(|row| row.taking.iter().any(|t| t.from == id));
            if !taking {
                broken(format!("{taker} is said to take units over from {id} and does not"));
            }
        }
    });
    for ((from, spot), promised) in promised {
        let giver = state.reservations.get(&from);
        let place = Claim { sku: spot.sku, owner: spot.owner, node: spot.node, quantity: Quantity::ZERO };
        let has = giver.and_then(|giver| giver.line(&place).map(ReservationLine::live)).unwrap_or_default();
        if promised > has {
            broken(format!("{from} has {has} at {place:?} and others take {promised} of them over"));
        }
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
    let mut counted: BTreeMap<_, (u32, u32)> = BTreeMap::new();
    let mut count = 0;
    state.waits.for_each(|key, wait| {
        count += 1;
        let lifts = state.stock.head(&key.sku, &key.owner).map_or(0, |head| head.lifts);
        if wait.knows > lifts {
            let what =
                format!("{} knows of {} rises of {}, there were {lifts}", key.order, wait.knows, key.sku);
            found.push(Violation { law: "STOCK-3", what });
        }
        let (waiting, looking) = counted.entry((key.sku, key.owner)).or_default();
        (*waiting, *looking) = (*waiting + 1, *looking + u32::from(wait.told.is_some()));
    });
    for ((sku, owner), is) in counted {
        let said = state.stock.head(&sku, &owner).map_or((0, 0), |head| (head.waiting, head.looking));
        if said != is {
            let what = format!(
                "{} orders are said to wait for {sku} of {owner} and {} of them to look, {} and {} do",
                said.0, said.1, is.0, is.1
            );
            found.push(Violation { law: "STOCK-3", what });
        }
    }
    ("STOCK-3", count)
}
