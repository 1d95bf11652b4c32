//! Goods of several nodes that meet at a hub and go on as one parcel: the nested search over sets of units, for small
//! orders of which everything is sent and everything is there now.

use super::gather::{Field, How};
use super::tell::{Telling, Told, parts_of};
use super::{Beyond, Leg, Means};
use crate::dates::DateBook;
use crate::interner::NodeIx;
use crate::kernel::{self, Bond, Facility, Hub, Kind, Merged, Problem, Sets, Share};
use crate::network::Site;
use crate::planner::cost::{micro, minor_up, opening_minor, per_unit_micro, times, unit_weight_mg};
use crate::planner::terms::{clamped, price_at};
use crate::routes::{Merge, WeightClass};
use waybill_types::exchange::PromiseWindow;
use waybill_types::network::Completeness;
use waybill_types::{NodeId, Timestamp};

/// Pairs of sets that all givers together may take.
const STEPS_MAX: u64 = 60_000_000;
/// Times that a lot drawn on twice is looked at again.
const RETRIES: usize = 64;
/// Days on which parcels of a hub may arrive.
const DAYS: usize = 4;
/// Days over which goods may gather at a hub.
const GATHER_DAYS: i64 = 5;

/// A parcel of a hub, and who can bring what to it.
struct Gathering<'f> {
    hub: &'f NodeId,
    merge: Merge,
    way: u32,
    fixed_minor: i64,
    promise: PromiseWindow,
    inbound: Problem,
    /// By facility of `inbound`: node, when its goods are ready, and what bringing them costs.
    brought: Vec<(NodeIx, i64, i64)>,
}

/// The cheapest plan with hubs; `None` where there are none, or the order is not such that they are looked at.
pub(super) fn merged(field: &Field<'_>) -> Option<Told> {
    let question = field.question;
    let plain = field.lines.iter().all(|(line, items)| line.bond == Bond::Free && *items == 1);
    let asked = &question.request.lines;
    let sent = asked.iter().all(|line| line.delivery == waybill_types::exchange::Delivery::Ship);
    if field.wider.hubs.is_empty() || !plain || !sent || question.completeness() != Completeness::Apart {
        return None;
    }
    let gatherings = gatherings(field)?;
    let now = |candidate: &super::gather::Candidate<'_>| {
        candidate.at_hand_ms <= field.now_ms && matches!(candidate.how, How::Parcel { .. })
    };
    let places: Vec<u32> =
        (0u32..).zip(&field.candidates).filter(|(_, one)| now(one)).map(|(place, _)| place).collect();
    let mut direct = field.tell(0, now);
    let quantities: Vec<u32> = field.lines.iter().map(|(line, _)| line.quantity).collect();
    let givers = places.len() + gatherings.iter().map(|one| one.brought.len()).sum::<usize>();
    if gatherings.is_empty() || Sets::pairs(&quantities).saturating_mul(givers as u64) > STEPS_MAX {
        return None;
    }
    let mut inbound: Vec<Problem> = gatherings.iter().map(|one| one.inbound.clone()).collect();
    let found = settle(field, &gatherings, &places, &mut direct, &mut inbound, &mut 0)?;
    if found.through.iter().all(Vec::is_empty) {
        return None;
    }
    Some(told(field, &gatherings, &places, &found))
}

/// The parcels that hubs could send, day by day.
fn gatherings<'f>(field: &'f Field<'_>) -> Option<Vec<Gathering<'f>>> {
    let question = field.question;
    let network = question.network;
    let lanes = question.lanes?;
    let zone = network.zone_of(question.request.destination.as_ref()?)?;
    let weights = field.lines.iter().zip(&field.items);
    let load_mg =
        weights.map(|((line, _), item)| u64::from(line.quantity).saturating_mul(unit_weight_mg(item.facts)));
    let class = WeightClass::of_g(load_mg.fold(0u64, u64::saturating_add).div_ceil(1_000));
    let mut found = Vec::new();
    for hub in &field.wider.hubs {
        let Some(number) = network.node_index(hub).filter(|node| !question.excluded.contains(node)) else {
            continue;
        };
        let ready = (0..=GATHER_DAYS)
            .filter_map(|days| {
                network.ready(number, Timestamp::from_ms(field.now_ms).plus_ms(days * 86_400_000))
            })
            .map(|ready| (number, ready));
        let ready: Vec<(NodeIx, Timestamp)> = ready.collect();
        for day in network.arrival_days(zone, &ready, DAYS) {
            for merge in network.merges_at(hub, zone, day.by, class) {
                let of_merge =
                    |entry: &&crate::network::Entry| network.way(entry.way).record.id == merge.last_mile;
                let Some(entry) = lanes.from(number).iter().find(of_merge) else { continue };
                let days = question.dates.days_late(network.way(entry.way), day.day);
                let fixed_minor =
                    opening_minor(question.policy, network.costs(number), days) + merge.cost_minor;
                let Some(promise) = promise_of(field, number, entry.way, &merge) else { continue };
                let (inbound, brought) = bring(field, number, &merge);
                let way = entry.way;
                found.push(Gathering { hub, merge, way, fixed_minor, promise, inbound, brought });
            }
        }
    }
    Some(found)
}

fn promise_of(field: &Field<'_>, hub: NodeIx, way: u32, merge: &Merge) -> Option<PromiseWindow> {
    let network = field.question.network;
    let (site, way) = (network.site(hub)?, network.way(way));
    let ready_ms = merge.gather_by.as_ms() + site.handling_ms;
    let book = DateBook::around(network, ready_ms);
    let leaving = book.leaving(site, way, ready_ms)?;
    Some(book.window(way, leaving, book.arrival_day(way, leaving)?))
}

/// Who can bring what to a hub in time.
fn bring(field: &Field<'_>, hub: NodeIx, merge: &Merge) -> (Problem, Vec<(NodeIx, i64, i64)>) {
    let network = field.question.network;
    let mut inbound = Problem::new();
    for (line, items) in &field.lines {
        inbound.add_line(*line, *items);
    }
    let mut nodes: Vec<NodeIx> =
        field.items.iter().flat_map(|item| field.shelves[item.shelf].1.nodes.keys().copied()).collect();
    nodes.sort_unstable_by_key(|node| network.costs(*node).rank);
    nodes.dedup();
    let mut brought = Vec::new();
    for node in nodes {
        let Some((site, ready_ms)) = field.question.ready(node).filter(|(site, _)| site.takes_work()) else {
            continue;
        };
        let Some(label) = merge.reach.cheapest(node, Timestamp::from_ms(ready_ms)) else { continue };
        let handling = if node == hub { 0 } else { site.handling_cost_minor };
        let cost_minor = label.cost_minor() + handling;
        let id = brought.len() as u32;
        let fixed = clamped(micro(cost_minor));
        let facility = Facility { id, node: id, fixed, day: 0, kind: Kind::Virtual, barred: 0 };
        let (costs, stock) = inbound.add_facility(facility);
        for (number, item) in field.items.iter().enumerate() {
            costs[number] = unit_micro(field, (node, site), item, ready_ms);
            stock[number] = field.shelves[item.shelf].1.units(node, field.now_ms);
        }
        brought.push((node, ready_ms, cost_minor));
    }
    (inbound, brought)
}

fn unit_micro(
    field: &Field<'_>,
    (node, site): (NodeIx, &Site),
    item: &super::gather::Item<'_>,
    ready_ms: i64,
) -> i64 {
    let day = field.question.dates.local(site.clock, ready_ms).0;
    let each = site.pick_cost_minor + price_at(item.prices(), (node, site), || Some(day));
    per_unit_micro(item.facts, each)
}

/// Solves, and where a node's units are given twice, solves again with one of the draws made smaller, each in turn: in a
/// plan that keeps to the stock one of them is.
fn settle(
    field: &Field<'_>,
    gatherings: &[Gathering<'_>],
    places: &[u32],
    direct: &mut Problem,
    inbound: &mut [Problem],
    tries: &mut usize,
) -> Option<Merged> {
    *tries += 1;
    if *tries > RETRIES {
        return None;
    }
    let units = vec![0; field.items.len()];
    let hubs: Vec<Hub<'_>> = gatherings
        .iter()
        .zip(&*inbound)
        .map(|(one, inbound)| Hub { fixed: clamped(micro(one.fixed_minor)), units: &units, inbound })
        .collect();
    let found = kernel::merge(direct, &hubs).ok()?;
    let Some(draws) = overdrawn(field, gatherings, places, &found) else { return Some(found) };
    let mut best: Option<Merged> = None;
    for (which, share) in draws {
        let problem = match which {
            None => &mut *direct,
            Some(hub) => &mut inbound[hub],
        };
        let before = problem.set_units(share.facility as usize, share.item as usize, share.units - 1);
        let found = settle(field, gatherings, places, direct, inbound, tries);
        let problem = match which {
            None => &mut *direct,
            Some(hub) => &mut inbound[hub],
        };
        problem.set_units(share.facility as usize, share.item as usize, before);
        best = match (best, found?) {
            (Some(best), found) if best.cost <= found.cost => Some(best),
            (_, found) => Some(found),
        };
    }
    best
}

/// The draws on the first shelf that gives more than it has; each is direct or to a hub.
fn overdrawn(
    field: &Field<'_>,
    gatherings: &[Gathering<'_>],
    places: &[u32],
    found: &Merged,
) -> Option<Vec<(Option<usize>, Share)>> {
    let node_of = |which: Option<usize>, share: &Share| match which {
        None => field.candidates[places[share.facility as usize] as usize].site.map(|(node, _)| node),
        Some(hub) => Some(gatherings[hub].brought[share.facility as usize].0),
    };
    let through =
        (0..).zip(&found.through).flat_map(|(hub, shares)| shares.iter().map(move |s| (Some(hub), *s)));
    let all: Vec<(Option<usize>, Share)> = found.direct.iter().map(|s| (None, *s)).chain(through).collect();
    for (which, share) in &all {
        let (shelf, node) = (field.items[share.item as usize].shelf, node_of(*which, share)?);
        let same = |(which, other): &&(Option<usize>, Share)| {
            field.items[other.item as usize].shelf == shelf && node_of(*which, other) == Some(node)
        };
        let draws: Vec<(Option<usize>, Share)> = all.iter().filter(same).copied().collect();
        let drawn: u64 = draws.iter().map(|(_, share)| u64::from(share.units)).sum();
        if drawn > u64::from(field.shelves[shelf].1.units(node, field.now_ms)) {
            return Some(draws);
        }
    }
    None
}

fn told(field: &Field<'_>, gatherings: &[Gathering<'_>], places: &[u32], found: &Merged) -> Told {
    let mut telling = Telling { given: vec![0; field.items.len()], ..Telling::default() };
    let direct: Vec<Share> = found
        .direct
        .iter()
        .map(|share| Share { facility: places[share.facility as usize], ..*share })
        .collect();
    telling.add(field, &direct);
    for (one, shares) in gatherings.iter().zip(&found.through) {
        let mut fixed = micro(one.fixed_minor);
        telling.parcels += usize::from(!shares.is_empty());
        for of_node in shares.chunk_by(|a, b| a.facility == b.facility) {
            let leg = leg(field, one, of_node, &mut fixed, &mut telling);
            telling.legs.extend(leg);
        }
    }
    telling.finish(field)
}

/// What one node brings; the first bears what the hub's parcel costs.
fn leg(
    field: &Field<'_>,
    one: &Gathering<'_>,
    shares: &[Share],
    fixed: &mut i128,
    telling: &mut Telling,
) -> Option<Leg> {
    let network = field.question.network;
    let (node, ready_ms, cost_minor) = one.brought[shares[0].facility as usize];
    let site = network.site(node)?;
    let ready = Timestamp::from_ms(ready_ms);
    let label = one.merge.reach.cheapest(node, ready)?;
    let journey = network.journey(&one.merge.reach, label, ready)?;
    let first = *fixed != 0;
    let mut cost = micro(cost_minor) + std::mem::take(fixed);
    let mut parts = Vec::new();
    for share in shares {
        let (item, units) = (share.item as usize, u64::from(share.units));
        cost += times(units, unit_micro(field, (node, site), &field.items[item], ready_ms));
        telling.given[item] += units;
        parts.push((item, units));
    }
    telling.micro += cost;
    Some(Leg {
        node: Some(site.record.id.clone()),
        means: Means::Merge {
            hub: one.hub.clone(),
            over: journey.legs.iter().map(|leg| leg.from.clone()).collect(),
            service: network.way(one.way).record.service.clone(),
        },
        parts: parts_of(field, &parts),
        ready,
        promise: one.promise,
        cost_minor: minor_up(cost - telling.penalty(field, first)),
        beyond: vec![Beyond::Merge],
    })
}
