//! Customers, agents and tills: they place, cancel, amend, hold, return and ask again. They look at the order before they
//! speak, as people do, and are sometimes late all the same.

use super::facts::{Fact, Wish};
use super::mutants::Mutant;
use super::part::Part;
use super::sim::{LAYOUT, Lawful, Sim};
use std::sync::Arc;
use waybill_machine::Content;
use waybill_orders::command::{
    AddedAmounts, Amend, Basket, Cancel, CancelLine, Change, NewLine, Place, Received, ReceivedLine,
    Recipient, RequestReturn, ReturnLine,
};
use waybill_orders::content::{Backorder, Mode, OrderAmounts, Requested};
use waybill_orders::{Answer, Bucket, Command, Opening, Order, Orders, Refusal, returnable};
use waybill_types::exchange::{Delivery, Landing};
use waybill_types::policy::{HoldCode, OrderPolicy, Verdict};
use waybill_types::{
    Actor, Attributes, Channel, Currency, ExternalNumber, LineNo, OrderId, Origin, OwnerId, Quantity, Reason,
    ReturnId, Sealed, Sku, SubjectKey, Text, Timestamp,
};

const CHANNELS: [&str; 5] = ["web", "app", "store", "call_center", "marketplace"];
const HOLDS: [&str; 4] = ["fraud", "payment", "address", "manual"];

pub(crate) fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

pub(crate) fn origin(channel: &str, actor: &str) -> Origin {
    Origin {
        channel: Channel::new(channel).unwrap(),
        actor: Actor::new(actor).unwrap(),
        reason: Reason::default(),
        role: None,
    }
}

fn somebody(sim: &mut Sim) -> Origin {
    let channel = CHANNELS[sim.dice.below(5) as usize];
    origin(channel, "somebody")
}

/// An order that was placed before, with its rows.
fn known(sim: &mut Sim) -> Option<(OrderId, Arc<Opening>, Arc<Order>)> {
    // Newer ones more often: more happens to them.
    let count = sim.placed.len() as u64;
    if count == 0 {
        return None;
    }
    let back = sim.dice.below(count).min(sim.dice.below(count));
    let id = sim.placed[(count - 1 - back) as usize];
    read(sim, id).map(|(opening, order)| (id, opening, order))
}

fn read(sim: &Sim, id: OrderId) -> Option<(Arc<Opening>, Arc<Order>)> {
    sim.orders[usize::from(id.partition().index)].core.state().order(id)
}

fn put(
    sim: &mut Sim,
    id: OrderId,
    command: Command,
    from: &Origin,
    told: impl Fn(&Answer, &mut Part<Orders>),
) -> Lawful<Result<Answer, Refusal>> {
    sim.say(|| format!("{}: {id} {command:?}", from.channel));
    sim.ask::<Orders>(usize::from(id.partition().index), command, from, told)
}

fn delivery(sim: &mut Sim) -> Delivery {
    match sim.dice.chance(70) {
        true => Delivery::Ship,
        false => Delivery::Pickup(sim.dice.one(&sim.nodes).unwrap().clone()),
    }
}

/// A line of so many units of a SKU at a random price; what it costs can be given.
fn line(sim: &mut Sim, sku: Option<Sku>, count: u64, total: Option<i64>) -> NewLine {
    let sku = sku.unwrap_or_else(|| sim.dice.one(&sim.skus).unwrap().clone());
    let price = total.map_or_else(|| sim.dice.between(1, 2_999) as i64, |total| total / count as i64);
    let gross = total.unwrap_or(price * count as i64);
    let discount = if total.is_none() && sim.dice.chance(30) { gross / 7 } else { 0 };
    let others: Vec<Sku> = sim.skus.iter().filter(|other| **other != sku).cloned().collect();
    let substitutes = if sim.dice.chance(30) { others.into_iter().take(2).collect() } else { Vec::new() };
    NewLine {
        external: text(""),
        sku,
        owner: OwnerId::main(),
        quantity: Quantity::of(count),
        scale: 0,
        delivery: delivery(sim),
        unit_price: price,
        subtotal: total,
        discount,
        tax: 0,
        total: gross - discount,
        attributes: Attributes::default(),
        substitutes,
    }
}

pub(crate) fn place(sim: &mut Sim) -> Lawful {
    let mut lines: Vec<NewLine> = Vec::new();
    for _ in 0..sim.dice.between(1, 3) {
        let count = sim.dice.between(1, 4);
        lines.push(line(sim, None, count, None));
    }
    let goods: i64 = lines.iter().map(|line| line.total).sum();
    let dice = &mut sim.dice;
    let shipping = if dice.chance(40) { dice.below(700) as i64 } else { 0 };
    let off = if dice.chance(30) { dice.below(1 + goods as u64 / 2) as i64 } else { 0 };
    let tax = if dice.chance(30) { dice.below(500) as i64 } else { 0 };
    let tax_included = dice.chance(50);
    let total = goods + shipping - off + if tax_included { 0 } else { tax };
    let number = format!("n-{}", sim.act);
    let mut digests = Content::new();
    for line in &lines {
        digests = digests.with("lines", &(&line.sku, line.quantity));
    }
    let hold = if sim.dice.chance(25) { sim.holds.pop() } else { None };
    let dice = &mut sim.dice;
    let confirm = dice.chance(40);
    let place = Place {
        basket: Basket {
            external: ExternalNumber::new(&number).unwrap(),
            digests,
            customer: None,
            subject: Some(SubjectKey(7)),
            recipient: Some(Sealed(vec![1, 2, 3])),
            lookups: Vec::new(),
            amounts: OrderAmounts {
                currency: Currency::new("EUR").unwrap(),
                shipping,
                discount: off,
                tax,
                total,
                tax_included,
            },
            attributes: Attributes::default(),
            lines,
        },
        mode: if confirm { Mode::Confirm } else { Mode::Accept },
        hold: hold.map(|some| some.0),
        release_at: dice.chance(20).then(|| sim.now.plus_ms(dice.between(1, 200_000) as i64)),
        requested: None,
        backorder: if dice.chance(40) { Backorder::Forbid } else { Backorder::Allow },
        priority: dice.below(3) as u8,
        journey: None,
        order_holds: if dice.chance(15) { vec![HoldCode::new("fraud").unwrap()] } else { Vec::new() },
    };
    let from = somebody(sim);
    let units: Vec<u64> = place.basket.lines.iter().map(|line| line.quantity.units()).collect();
    let at = usize::from(LAYOUT.order_home(&from.channel, &place.basket.external).index);
    sim.say(|| {
        let lines = place.basket.lines.iter();
        let lines: Vec<_> = lines.map(|one| (&one.sku, one.quantity, &one.delivery, one.total)).collect();
        let (mode, backorder, later) = (place.mode, place.backorder, place.release_at);
        format!(
            "{}: place {mode:?} {backorder:?} {lines:?} hold {:?} later {later:?}",
            from.channel, place.hold
        )
    });
    let told = |answer: &Answer, part: &mut Part<Orders>| {
        if let Answer::Placed { order, .. } = answer {
            part.tell(Fact::Placed { order: *order, lines: units.clone(), total });
        }
    };
    let answer = sim.ask::<Orders>(at, Command::Place(Box::new(place)), &from, told)?;
    if let Ok(Answer::Placed { order, .. }) = answer {
        sim.say(|| format!("     is {order}"));
        sim.placed.push(order);
    }
    Ok(())
}

pub(crate) fn cancel(sim: &mut Sim) -> Lawful {
    let Some((id, _, order)) = known(sim) else { return Ok(()) };
    let mut lines = Vec::new();
    for number in 1..=order.lines.len() as u16 {
        if sim.dice.chance(40) {
            let quantity = sim.dice.chance(60).then(|| Quantity::of(sim.dice.between(1, 3)));
            lines.push(CancelLine { line: LineNo(number), quantity });
        }
    }
    let command = Command::Cancel(Cancel { order: id, expected_revision: None, lines });
    let from = somebody(sim);
    let told = |answer: &Answer, part: &mut Part<Orders>| {
        if let Answer::Cancelled { order, lines, amendment, .. } = answer {
            // One that needs somebody's yes is a change like any other until then.
            if let Some(amendment) = *amendment {
                part.tell(Fact::Amended { order: *order, amendment, wishes: vec![Wish::Else] });
            }
            let lines = lines
                .iter()
                .map(|line| (line.line, line.cancelled.units(), line.asked_of_node.units()))
                .collect();
            part.tell(Fact::Cancelled { order: *order, lines });
        }
    };
    put(sim, id, command, &from, told).map(drop)
}

fn amounts(each: i64, count: u64) -> AddedAmounts {
    AddedAmounts { unit_price: each, discount: 0, tax: 0, total: each * count as i64 }
}

fn live(order: &Order, line: LineNo) -> u64 {
    let state = &order.lines[usize::from(line.0) - 1];
    state.buckets.sum().units() - state.buckets.get(Bucket::Cancelled).units()
}

fn here(order: &Order, line: LineNo) -> u64 {
    let state = &order.lines[usize::from(line.0) - 1];
    Bucket::ALL[..5].iter().map(|bucket| state.buckets.get(*bucket).units()).sum()
}

fn change(sim: &mut Sim, order: &Order) -> (Change, Wish) {
    let line_no = LineNo(sim.dice.between(1, order.lines.len() as u64) as u16);
    let each = sim.dice.between(1, 1_500) as i64;
    match sim.dice.below(10) {
        0..=2 => {
            let now = live(order, line_no);
            let quantity = sim.dice.between(0, now + 2);
            let more = quantity.saturating_sub(now);
            let added = (more > 0).then(|| amounts(each, more));
            let wish = Wish::Units { line: line_no, quantity, added: each * more as i64 };
            (Change::SetQuantity { line: line_no, quantity: Quantity::of(quantity), added }, wish)
        }
        3 => {
            let count = sim.dice.between(1, 3);
            let new = line(sim, None, count, None);
            let wish = Wish::Line { units: count, total: new.total };
            (Change::AddLine(Box::new(new)), wish)
        }
        4 => (Change::ShipTo, Wish::Else),
        5 => (Change::SetDelivery { lines: vec![line_no], delivery: delivery(sim) }, Wish::Else),
        6 => {
            let later = sim.now.plus_ms(sim.dice.between(0, 300_000) as i64);
            let release_at = sim.dice.chance(50).then_some(later);
            (Change::SetTime { release_at, requested: Some(Requested::default()) }, Wish::Else)
        }
        7 => {
            let count = here(order, line_no).max(1);
            let new = amounts(each, count);
            (
                Change::SetPrice { line: line_no, amounts: new },
                Wish::Price { line: line_no, total: new.total },
            )
        }
        8 => {
            let amount = sim.dice.between(1, 400) as i64;
            let on = sim.dice.chance(50).then_some(line_no);
            (Change::Appease { line: on, amount }, Wish::Off { amount })
        }
        _ => {
            let count = sim.dice.between(1, 2);
            let with = line(sim, None, count, None);
            let wish = Wish::Instead { line: line_no, units: count, total: with.total };
            (Change::Substitute { line: line_no, with: Box::new(with) }, wish)
        }
    }
}

pub(crate) fn amend(sim: &mut Sim) -> Lawful {
    let Some((id, _, order)) = known(sim) else { return Ok(()) };
    let (mut changes, mut wishes) = (Vec::new(), Vec::new());
    for _ in 0..sim.dice.between(1, 2) {
        let (change, wish) = change(sim, &order);
        changes.push(change);
        wishes.push(wish);
    }
    let recipient = changes.iter().any(|change| matches!(change, Change::ShipTo)).then(|| Recipient {
        subject: SubjectKey(7),
        sealed: Sealed(vec![4, 5, 6]),
        lookups: Vec::new(),
    });
    let late = sim.dice.chance(5);
    let expected_revision = if late { order.revision - 1 } else { order.revision };
    let command =
        Command::Amend(Box::new(Amend { order: id, expected_revision, changes, recipient, unserved: None }));
    let from = somebody(sim);
    let told = |answer: &Answer, part: &mut Part<Orders>| {
        if let Answer::Amended { order, amendment, .. } = answer {
            part.tell(Fact::Amended { order: *order, amendment: *amendment, wishes: wishes.clone() });
        }
    };
    put(sim, id, command, &from, told).map(drop)
}

/// Says yes or no to everything that waits for it, in the order or in one of them.
pub(crate) fn decide(sim: &mut Sim) -> Lawful {
    let Some((id, _, order)) = known(sim) else { return Ok(()) };
    let from = origin("call_center", "boss");
    if let Some((amendment, _)) = order.pending_amendment() {
        let approve = sim.dice.chance(70);
        let command = Command::DecideAmendment { order: id, amendment, approve };
        drop(put(sim, id, command, &from, |_, _| {})?);
    }
    for back in order.returns.iter().filter(|back| back.state.is_open()) {
        let id = ReturnId { order: id, number: back.number };
        let authorise = sim.dice.chance(70);
        drop(put(sim, id.order, Command::DecideReturn { id, authorise }, &from, |_, _| {})?);
    }
    Ok(())
}

pub(crate) fn order_hold(sim: &mut Sim) -> Lawful {
    let Some((id, _, order)) = known(sim) else { return Ok(()) };
    let from = somebody(sim);
    let standing: Vec<u16> = order.standing_holds().map(|hold| hold.number).collect();
    let command = match sim.dice.one(&standing).copied() {
        Some(hold) if sim.dice.chance(70) => {
            Command::ResolveOrderHold { order: id, hold, note: text("looked at") }
        }
        _ => {
            let line = sim.dice.chance(30).then_some(LineNo(1));
            let code = HoldCode::new(HOLDS[sim.dice.below(4) as usize]).unwrap();
            Command::PlaceOrderHold { order: id, line, code, note: text("") }
        }
    };
    put(sim, id, command, &from, |_, _| {}).map(drop)
}

/// Everybody lets go of everything: holds are resolved.
pub(crate) fn resolve_all(sim: &mut Sim) -> Lawful {
    for id in sim.placed.clone() {
        let Some((_, order)) = read(sim, id) else { continue };
        for hold in order.standing_holds().map(|hold| hold.number).collect::<Vec<_>>() {
            let command = Command::ResolveOrderHold { order: id, hold, note: text("") };
            drop(put(sim, id, command, &origin("web", "boss"), |_, _| {})?);
        }
    }
    Ok(())
}

fn paid_back(twice: bool) -> impl Fn(&Answer, &mut Part<Orders>) {
    move |answer, part| {
        if let Answer::Returning { id, refund, .. } = answer {
            let amount = if twice { 2 * refund } else { *refund };
            part.tell(Fact::PaidBack { order: id.order, amount });
        }
    }
}

fn landing(sim: &mut Sim) -> Option<Landing> {
    let all = [Landing::Sellable, Landing::Sellable, Landing::Inspect, Landing::Damaged, Landing::Scrapped];
    all.get(sim.dice.below(6) as usize).copied()
}

/// A customer wants to give goods back, or brings them.
pub(crate) fn give_back(sim: &mut Sim) -> Lawful {
    let Some((id, opening, order)) = known(sim) else { return Ok(()) };
    let at = usize::from(id.partition().index);
    let (_, policy) = sim.orders[at].core.state().policy();
    let found = returnable(order.content(&opening), &order, &policy.returns);
    let Some(some) = sim.dice.one(&found).copied() else { return Ok(()) };
    let all = sim.dice.chance(40);
    let (count, worth) = if all { (some.units.units(), some.all_units) } else { (1, some.next_unit) };
    let replacements = if sim.dice.chance(30) { vec![line(sim, None, 1, Some(worth))] } else { Vec::new() };
    let received = match sim.dice.chance(40) {
        true => {
            let landing = landing(sim);
            let line =
                ReceivedLine { line: some.line, quantity: Quantity::of(count), landing, note: text("") };
            Some(Received { node: sim.dice.one(&sim.nodes).unwrap().clone(), lines: vec![line] })
        }
        false => None,
    };
    let command = Command::RequestReturn(Box::new(RequestReturn {
        order: id,
        expected_revision: None,
        lines: vec![ReturnLine { line: some.line, quantity: Quantity::of(count), why: text("too_small") }],
        replacements,
        received,
        beyond_window: sim.dice.chance(20),
    }));
    let from = somebody(sim);
    let twice = sim.is(Mutant::RefundsComeTwice);
    put(sim, id, command, &from, paid_back(twice)).map(drop)
}

/// Goods of a return arrive somewhere, or will not come.
pub(crate) fn receive_back(sim: &mut Sim) -> Lawful {
    let Some((id, _, order)) = known(sim) else { return Ok(()) };
    let open: Vec<_> = order.returns.iter().filter(|back| back.state.is_open()).collect();
    let Some(back) = sim.dice.one(&open).copied() else { return Ok(()) };
    let return_id = ReturnId { order: id, number: back.number };
    let twice = sim.is(Mutant::RefundsComeTwice);
    let from = origin("store", "till");
    if sim.dice.chance(15) {
        return put(sim, id, Command::CloseReturn { id: return_id }, &from, paid_back(twice)).map(drop);
    }
    let mut lines = Vec::new();
    for some in &back.lines {
        let awaited = some.awaited().units();
        if awaited > 0 {
            let quantity = Quantity::of(sim.dice.between(1, awaited));
            lines.push(ReceivedLine { line: some.line, quantity, landing: landing(sim), note: text("") });
        }
    }
    let node = sim.dice.one(&sim.nodes).unwrap().clone();
    let command = Command::ReceiveReturn { id: return_id, received: Received { node, lines } };
    put(sim, id, command, &from, paid_back(twice)).map(drop)
}

pub(crate) fn erase(sim: &mut Sim) -> Lawful {
    let Some((id, _, _)) = known(sim) else { return Ok(()) };
    put(sim, id, Command::EraseSubject(id), &origin("web", "privacy"), |_, _| {}).map(drop)
}

/// Another version of the policy: stricter here, laxer there.
pub(crate) fn policy(sim: &mut Sim) -> Lawful {
    let mut policy = OrderPolicy::sound();
    let dice = &mut sim.dice;
    if dice.chance(50) {
        let rule = dice.below(policy.rules.len() as u64) as usize;
        let verdicts = [Verdict::Allow, Verdict::Refuse, Verdict::NeedsApproval];
        policy.rules[rule].verdict = verdicts[dice.below(3) as usize];
    }
    policy.returns.authorise_at_once = dice.chance(60);
    policy.bounces_max = dice.between(1, 8) as u8;
    policy.cancel_answer_within_ms = dice.between(1_000, 900_000) as i64;
    policy.amend_within_ms = dice.between(1_000, 120_000) as i64;
    let command = Command::SetOrderPolicy { policy: Box::new(policy), expected_version: None };
    sim.say(|| "policy".to_owned());
    sim.ask::<Orders>(0, command, &origin("call_center", "boss"), |_, _| {}).map(drop)
}

/// Time goes by: moments, or past some deadline.
pub(crate) fn later(sim: &mut Sim) {
    let dice = &mut sim.dice;
    let ms = match dice.below(20) {
        0..=11 => dice.between(1, 500),
        12..=16 => dice.between(500, 70_000),
        17..=18 => dice.between(70_000, 90_000_000),
        _ => dice.between(90_000_000, 12 * 86_400_000),
    };
    sim.now = Timestamp::from_ms(sim.now.as_ms() + ms as i64);
    sim.say(|| format!("{ms} ms later"));
}
