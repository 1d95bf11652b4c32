//! People at nodes: they look at their work and do something about it, not always what was asked. What they hold in their
//! hands is kept here and not taken from the machine.

use super::facts::{Fact, Missed, Place};
use super::mutants::Mutant;
use super::shop::{origin, text};
use super::sim::{Lawful, Sim};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use waybill_fulfillment::{
    Command, Fulfillment, FulfillmentOrder, Package, PickReport, RejectKind, Report, Rest, ShortKind,
    UndeliveredKind, WorkState,
};
use waybill_types::exchange::{Landing, LineUnits, Parcel, Undelivered};
use waybill_types::{FulfillmentOrderId, LineNo, NodeId, Quantity, Sku, Text};

/// What is in hand per fulfilment order and line: a line's own goods before others, as they leave.
#[derive(Default)]
pub(crate) struct Hands(BTreeMap<(FulfillmentOrderId, LineNo), VecDeque<(Sku, u64)>>);

impl Hands {
    fn take_up(&mut self, id: FulfillmentOrderId, line: LineNo, sku: &Sku, units: u64) {
        if units > 0 {
            self.0.entry((id, line)).or_default().push_back((sku.clone(), units));
        }
    }
    fn count(&self, id: FulfillmentOrderId, line: LineNo) -> u64 {
        self.0.get(&(id, line)).map_or(0, |goods| goods.iter().map(|some| some.1).sum())
    }
    /// The first so many units leave.
    fn let_go(&mut self, id: FulfillmentOrderId, line: LineNo, units: u64) -> Vec<(Sku, u64)> {
        let goods = self.0.entry((id, line)).or_default();
        let (mut remaining, mut gone) = (units, Vec::new());
        while let (true, Some((sku, there))) = (remaining > 0, goods.front_mut()) {
            let taken = remaining.min(*there);
            gone.push((sku.clone(), taken));
            (*there, remaining) = (*there - taken, remaining - taken);
            if *there == 0 {
                goods.pop_front();
            }
        }
        gone
    }
    /// The last so many units go back on the shelf.
    fn put_back(&mut self, id: FulfillmentOrderId, line: LineNo, units: u64) {
        let goods = self.0.entry((id, line)).or_default();
        let mut remaining = units;
        while let (true, Some((_, there))) = (remaining > 0, goods.back_mut()) {
            let taken = remaining.min(*there);
            (*there, remaining) = (*there - taken, remaining - taken);
            if *there == 0 {
                goods.pop_back();
            }
        }
    }
}

type Work = Arc<FulfillmentOrder>;

/// Somebody at a node does something about a piece of work.
pub(crate) fn work(sim: &mut Sim) -> Lawful {
    let Some(node) = sim.dice.one(&sim.nodes.clone()).cloned() else { return Ok(()) };
    let open_only = sim.dice.chance(70);
    let at = usize::from(super::sim::LAYOUT.node_home(&node).index);
    let works = sim.fulfillment[at].core.state().work_of(&node, open_only, 0, 200);
    let Some((_, work)) = sim.dice.one(&works).cloned() else { return Ok(()) };
    let finish = sim.dice.chance(50);
    one(sim, &work, finish)
}

/// All nodes do all their work and ship it; answers whether there was any.
pub(crate) fn work_off(sim: &mut Sim) -> Lawful<bool> {
    let mut any = false;
    for node in sim.nodes.clone() {
        let at = usize::from(super::sim::LAYOUT.node_home(&node).index);
        let works = sim.fulfillment[at].core.state().work_of(&node, true, 0, 1_000);
        for (_, work) in works.into_iter().filter(|(_, work)| !matches!(work.state, WorkState::Planned)) {
            any = true;
            one(sim, &work, true)?;
        }
    }
    Ok(any)
}

/// Does the next thing about a piece of work. Who wants to finish neither rejects nor waits.
fn one(sim: &mut Sim, work: &Work, finish: bool) -> Lawful {
    let asked = !work.asks.is_empty();
    match &work.state {
        WorkState::Released | WorkState::Accepted | WorkState::Picking => match sim.dice.below(10) {
            0 if !finish => report(sim, work, Report::Accept, &[]),
            1 if !finish => report(sim, work, Report::StartPicking, &[]),
            2 if !finish => report(sim, work, Report::Reject { kind: RejectKind::Other }, &[]),
            _ => pick(sim, work),
        },
        WorkState::Picked | WorkState::Packed { .. } | WorkState::ReadyForPickup { .. }
            if asked && sim.dice.chance(70) =>
        {
            answer_cancel(sim, work)
        }
        WorkState::Picked if sim.dice.chance(30) => pack(sim, work),
        WorkState::Picked | WorkState::Packed { .. } if !work.is_pickup() => ship(sim, work),
        WorkState::Picked | WorkState::Packed { .. } if !finish && sim.dice.chance(50) => {
            report(sim, work, Report::ReadyForPickup { shelf: text("a3") }, &[])
        }
        WorkState::Picked | WorkState::Packed { .. } | WorkState::ReadyForPickup { .. } => {
            counter(sim, work, finish)
        }
        WorkState::Shipped { .. } | WorkState::Delivered { .. } | WorkState::Undelivered { .. } => {
            road(sim, work)
        }
        WorkState::Planned
        | WorkState::HandedOver { .. }
        | WorkState::Cancelled { .. }
        | WorkState::Rejected { .. }
        | WorkState::Shorted { .. }
        | WorkState::NotCollected { .. } => Ok(()),
    }
}

/// Reports, and says to the judge what it means once it is acknowledged. True when it was taken.
fn said(sim: &mut Sim, work: &Work, what: Report, facts: &[Fact]) -> Lawful<bool> {
    let id = work.work.id;
    let revision = if sim.dice.chance(4) { work.revision.saturating_sub(1) } else { work.revision };
    sim.say(|| format!("node {}: {id} {what:?}", work.work.node));
    let command = Command::Report { id, revision, report: what };
    let at = usize::from(id.partition_index);
    let twice = sim.is(Mutant::ParcelsLeaveTwice);
    let told = |_: &waybill_fulfillment::Answer, part: &mut super::part::Part<Fulfillment>| {
        for fact in facts {
            if let (true, Fact::Left { .. }) = (twice, fact) {
                part.tell(fact.clone());
            }
            part.tell(fact.clone());
        }
    };
    let answer = sim.ask::<Fulfillment>(at, command, &origin("store", "wms"), told)?;
    Ok(answer.is_ok())
}

fn report(sim: &mut Sim, work: &Work, what: Report, facts: &[Fact]) -> Lawful {
    said(sim, work, what, facts).map(|_| ())
}

fn pick(sim: &mut Sim, work: &Work) -> Lawful {
    let mut lines = Vec::new();
    for (line, progress) in work.lines() {
        let live = progress.live(line.quantity).units();
        let mut own = if sim.dice.chance(80) { live } else { sim.dice.between(0, live) };
        let other = sim.dice.one(&line.substitutes).cloned();
        let instead = match other {
            Some(sku) if sim.dice.chance(40) => {
                own = own.min(live.saturating_sub(1));
                Some((sku, sim.dice.between(0, live - own)))
            }
            _ => None,
        };
        let short = live - own - instead.as_ref().map_or(0, |some| some.1);
        let kinds = [ShortKind::NotFound, ShortKind::Damaged, ShortKind::Other];
        lines.push(PickReport {
            line: line.line,
            picked: Quantity::of(own),
            short: Quantity::of(short),
            short_kind: (short > 0).then(|| kinds[sim.dice.below(3) as usize]),
            lots: Vec::new(),
            serials: Vec::new(),
            substitute: instead.map(|(sku, units)| (sku, Quantity::of(units))),
        });
    }
    if said(sim, work, Report::ConfirmPick(lines.clone()), &[])? {
        let id = work.work.id;
        for (line, picked) in work.work.lines.iter().zip(&lines) {
            sim.hands.take_up(id, line.line, &line.sku, picked.picked.units());
            if let Some((sku, units)) = &picked.substitute {
                sim.hands.take_up(id, line.line, sku, units.units());
            }
        }
    }
    Ok(())
}

/// So many units of each line, as lists of lines are sent.
fn units(counts: impl Iterator<Item = (LineNo, u64)>) -> Vec<LineUnits> {
    let some = counts.filter(|(_, units)| *units > 0);
    some.map(|(line, units)| LineUnits { line, quantity: Quantity::of(units) }).collect()
}

fn in_hand(sim: &Sim, work: &Work) -> Vec<LineUnits> {
    let id = work.work.id;
    units(work.work.lines.iter().map(|line| (line.line, sim.hands.count(id, line.line))))
}

fn package(number: &str, lines: Vec<LineUnits>) -> Package {
    let parcel = Parcel { number: text(number), carrier: text("dhl"), tracking: text("t"), lines };
    Package { parcel, weight_g: 0, tracking_url: text(""), delivered_at: None, undelivered: None }
}

/// One parcel, or two.
fn pack(sim: &mut Sim, work: &Work) -> Lawful {
    let all = in_hand(sim, work);
    let first = units(all.iter().map(|some| (some.line, some.quantity.units().div_ceil(2))));
    let second = units(all.iter().map(|some| (some.line, some.quantity.units() / 2)));
    let parcels = match second.is_empty() || sim.dice.chance(40) {
        true => vec![package("p1", all)],
        false => vec![package("p1", first), package("p2", second)],
    };
    report(sim, work, Report::Pack(parcels), &[])
}

/// What leaves when so many units of each line do.
fn leaving(sim: &Sim, work: &Work, lines: &[LineUnits], to_customer: bool) -> Vec<Fact> {
    let (id, node) = (work.work.id, &work.work.node);
    let mut facts = Vec::new();
    for some in lines {
        let mut goods = Hands::default();
        if let Some(there) = sim.hands.0.get(&(id, some.line)) {
            goods.0.insert((id, some.line), there.clone());
        }
        for (sku, units) in goods.let_go(id, some.line, some.quantity.units()) {
            let place: Place = (sku, node.clone());
            facts.push(Fact::Left { order: id.order, line: some.line, place, units, to_customer });
        }
    }
    facts
}

fn ship(sim: &mut Sim, work: &Work) -> Lawful {
    let all = in_hand(sim, work);
    let facts = leaving(sim, work, &all, false);
    let what =
        Report::Ship { carrier: text("dhl"), tracking: text("t"), packages: Vec::new(), shipped_at: None };
    if said(sim, work, what, &facts)? {
        for some in all {
            sim.hands.let_go(work.work.id, some.line, some.quantity.units());
        }
    }
    Ok(())
}

fn counter(sim: &mut Sim, work: &Work, finish: bool) -> Lawful {
    let id = work.work.id;
    let all = in_hand(sim, work);
    let waits = matches!(work.state, WorkState::ReadyForPickup { .. });
    if waits && !finish && sim.dice.chance(30) {
        if said(sim, work, Report::NoShow, &[])? {
            all.iter().for_each(|some| sim.hands.put_back(id, some.line, some.quantity.units()));
        }
        return Ok(());
    }
    let (mut taken, mut rest) = (all.clone(), Rest::Later);
    if !finish && sim.dice.chance(50) {
        let dice = &mut sim.dice;
        let some = units(all.iter().map(|some| (some.line, dice.between(0, some.quantity.units()))));
        if !some.is_empty() {
            (taken, rest) = (some, if dice.chance(50) { Rest::Later } else { Rest::GiveUp });
        }
    }
    let facts = leaving(sim, work, &taken, true);
    let lines = if taken == all { Vec::new() } else { taken.clone() };
    if said(sim, work, Report::HandOver { proof: text(""), lines, rest }, &facts)? {
        for some in &taken {
            sim.hands.let_go(id, some.line, some.quantity.units());
        }
        if rest == Rest::GiveUp {
            let left = in_hand(sim, work);
            left.iter().for_each(|some| sim.hands.put_back(id, some.line, some.quantity.units()));
        }
    }
    Ok(())
}

fn answer_cancel(sim: &mut Sim, work: &Work) -> Lawful {
    let dice = &mut sim.dice;
    let all = dice.chance(50);
    let asked = work.work.lines.iter().map(|line| {
        let asked = work.asked(line.line).units();
        (line.line, if all { asked } else { dice.between(0, asked) })
    });
    let stopped = units(asked.collect::<Vec<_>>().into_iter());
    if said(sim, work, Report::AnswerCancel { stopped: stopped.clone() }, &[])? {
        stopped.iter().for_each(|some| sim.hands.put_back(work.work.id, some.line, some.quantity.units()));
    }
    Ok(())
}

/// On the road: parcels arrive, are lost, refused, or come back.
fn road(sim: &mut Sim, work: &Work) -> Lawful {
    let parcels = work.state.packages();
    let refused = |one: &&Package| one.undelivered == Some(Undelivered::Refused);
    let on_its_way: Vec<&Package> = parcels.iter().filter(|one| one.is_under_way()).collect();
    let refused: Vec<&Package> = parcels.iter().filter(refused).collect();
    let luck = sim.dice.below(10);
    let landings = [Landing::Sellable, Landing::Inspect, Landing::Damaged, Landing::Scrapped];
    let landing = landings[sim.dice.below(4) as usize];
    if let (Some(parcel), true) = (refused.first(), luck < 5) {
        let how = Missed::Back { refused_before: true, landing };
        return missed(sim, work, parcel, UndeliveredKind::ReturnedToSender(landing), how);
    }
    let Some(parcel) = sim.dice.one(&on_its_way).copied() else { return Ok(()) };
    match luck {
        0 => missed(sim, work, parcel, UndeliveredKind::Lost, Missed::Lost),
        1 => missed(sim, work, parcel, UndeliveredKind::Refused, Missed::Refused),
        2 => {
            let how = Missed::Back { refused_before: false, landing };
            missed(sim, work, parcel, UndeliveredKind::ReturnedToSender(landing), how)
        }
        _ => {
            let order = work.work.order;
            let arrived =
                |some: &LineUnits| Fact::Arrived { order, line: some.line, units: some.quantity.units() };
            let facts: Vec<Fact> = parcel.parcel.lines.iter().map(arrived).collect();
            let named: Vec<Text> = vec![parcel.parcel.number.clone()];
            report(sim, work, Report::ConfirmDelivery { parcels: named, delivered_at: None }, &facts)
        }
    }
}

fn missed(sim: &mut Sim, work: &Work, parcel: &Package, kind: UndeliveredKind, how: Missed) -> Lawful {
    let (order, node): (_, NodeId) = (work.work.order, work.work.node.clone());
    let fact = |some: &LineUnits| Fact::Missed {
        order,
        line: some.line,
        units: some.quantity.units(),
        node: node.clone(),
        how,
    };
    let facts: Vec<Fact> = parcel.parcel.lines.iter().map(fact).collect();
    let parcels = vec![parcel.parcel.number.clone()];
    report(sim, work, Report::ReportUndelivered { kind, parcels }, &facts)
}
