//! Merge at a hub: goods of several nodes come together at a hub and leave it as one parcel. The problem has two levels,
//! so the sharing of units is nested: for each hub the cheapest way to bring each set of units there, and over all hubs
//! and direct facilities the cheapest way to share the order. It knows no node; a hub is a cost and what can reach it.

use crate::kernel::problem::{Kind, Limits, Malformed, Problem};
use crate::kernel::sets::Sets;
use crate::kernel::solution::Share;

/// A hub: what its one parcel costs, and who can bring what to it.
#[derive(Clone, Copy, Debug)]
pub struct Hub<'h> {
    /// The cost of the parcel that leaves it, however much is in it.
    pub fixed: i64,
    /// The cost of a unit of each item in that parcel.
    pub units: &'h [i64],
    /// Ways to the hub, with the same lines as the order's own problem; their limits are not looked at, and what they
    /// bring is not a shipment of its own.
    pub inbound: &'h Problem,
}

/// What the order is served by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// What it costs, with what stays unfilled.
    pub cost: i64,
    /// What facilities of the order's own problem give.
    pub direct: Vec<Share>,
    /// By hub, in the order they were given: what comes through it.
    pub through: Vec<Vec<Share>>,
    /// By line: units that nobody gives.
    pub unfilled: Vec<u32>,
}

/// The cheapest plan with direct facilities and hubs. Lines have one item each and no bonds; what goes through a hub and
/// what goes directly must not draw on the same stock, which the caller sees to. A hub counts as one shipment.
///
/// # Errors
/// [`Malformed::TooManySets`] for orders of too many units, [`Malformed`] when a problem is not sound.
pub fn merge(direct: &Problem, hubs: &[Hub<'_>]) -> Result<Merged, Malformed> {
    direct.check()?;
    let quantities: Vec<u32> = direct.lines().iter().map(|line| line.quantity).collect();
    let mut inner = Vec::with_capacity(hubs.len());
    for hub in hubs {
        hub.inbound.check()?;
        let mut sets = Sets::new();
        sets.start(&quantities, u32::MAX)?;
        add_facilities(&mut sets, hub.inbound);
        inner.push(sets);
    }
    let Limits { shipments_max, .. } = direct.limits;
    let mut outer = Sets::new();
    outer.start(&quantities, shipments_max)?;
    add_facilities(&mut outer, direct);
    for (hub, sets) in hubs.iter().zip(&inner) {
        outer.add(true, |units| {
            let leaving: i64 =
                units.iter().zip(hub.units).map(|(units, each)| i64::from(*units) * each).sum();
            Some(sets.cost(units)? + leaving + hub.fixed)
        });
    }
    Ok(tell(direct, hubs, &inner, &outer))
}

/// Every facility that may be used, as a giver.
fn add_facilities(sets: &mut Sets, problem: &Problem) {
    for (place, facility) in problem.facilities().iter().enumerate() {
        let usable = facility.barred == 0;
        sets.add(facility.kind == Kind::Ship, |units| {
            let has = |(item, units): (usize, &u32)| *units <= problem.units_at(place, item);
            let each = |(item, units): (usize, &u32)| i64::from(*units) * problem.unit_cost(place, item);
            let can = usable && units.iter().enumerate().all(has);
            can.then(|| facility.fixed + units.iter().enumerate().map(each).sum::<i64>())
        });
    }
}

fn tell(direct: &Problem, hubs: &[Hub<'_>], inner: &[Sets], outer: &Sets) -> Merged {
    let mut best: Option<(i64, Vec<u32>)> = None;
    outer.each(|units, cost| {
        let left = units.iter().zip(direct.lines());
        let unfilled: i64 = left.map(|(units, line)| i64::from(line.quantity - units) * line.unfilled).sum();
        if best.as_ref().is_none_or(|(least, _)| cost + unfilled < *least) {
            best = Some((cost + unfilled, units.to_vec()));
        }
    });
    let (cost, served) = best.expect("giving nothing can always be done");
    let mut merged = Merged {
        cost,
        direct: Vec::new(),
        through: vec![Vec::new(); hubs.len()],
        unfilled: direct.lines().iter().zip(&served).map(|(line, units)| line.quantity - units).collect(),
    };
    for (giver, units) in outer.parts(&served) {
        match giver.checked_sub(direct.facilities().len()) {
            None => merged.direct.extend(shares(giver, &units)),
            Some(hub) => {
                for (giver, units) in inner[hub].parts(&units) {
                    merged.through[hub].extend(shares(giver, &units));
                }
                merged.through[hub].sort_unstable();
            }
        }
    }
    merged.direct.sort_unstable();
    merged
}

fn shares(facility: usize, units: &[u32]) -> impl Iterator<Item = Share> {
    let share = move |(item, units): (usize, &u32)| Share {
        facility: facility as u32,
        item: item as u32,
        units: *units,
    };
    units.iter().enumerate().filter(|(_, units)| **units > 0).map(share)
}
