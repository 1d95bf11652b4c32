//! One order: what was asked for, what left, what it costs. Every event is judged by what it may change.

use crate::model::facts::{
    BACK, CANCELLED, DELIVERED, Ended, GONE, LOST, Missed, REFUSED, RETURNED, SENT_BACK, SHIPPED, SeenLine,
    SeenOrder, SeenReturn, Wish,
};
use std::collections::BTreeMap;
use waybill_types::{LineNo, OrderId};

/// What hands did with the units of a line.
#[derive(Clone, Copy, Debug, Default)]
struct Hands {
    left: u64,
    arrived: u64,
    lost: u64,
    refused: u64,
    sent_back: u64,
}

/// One order.
#[derive(Default)]
pub(super) struct OrderModel {
    id: Option<OrderId>,
    /// As placed: units per line, and the sum.
    placed: Option<(Vec<u64>, i64)>,
    seen: Option<SeenOrder>,
    hands: BTreeMap<LineNo, Hands>,
    /// Units of a line that were surely cancelled by acknowledged commands.
    cancelled: BTreeMap<LineNo, u64>,
    wishes: BTreeMap<u32, (Vec<Wish>, SeenOrder)>,
    pub(super) paid_back: i64,
}

fn units(line: &SeenLine, of: &[usize]) -> u64 {
    of.iter().map(|bucket| line.units[*bucket]).sum()
}

fn index(line: LineNo) -> usize {
    usize::from(line.0) - 1
}

/// What the customer owes: units that came back take theirs from the front, cancelled ones from the back.
fn owed(line: &SeenLine) -> i64 {
    let all = line.prices.len();
    let (first, last) = (units(line, &BACK) as usize, all - (line.units[CANCELLED] as usize).min(all));
    line.prices.get(first..last).unwrap_or_default().iter().sum()
}

impl OrderModel {
    fn named(&self) -> String {
        self.id.map_or_else(String::new, |id| id.to_string())
    }

    pub(super) fn placed(&mut self, id: OrderId, lines: &[u64], total: i64) -> Result<(), String> {
        self.id = Some(id);
        match &self.placed {
            Some((before, cost)) if (before.as_slice(), *cost) != (lines, total) => Err(format!(
                "ONCE: {id} was placed with {before:?} for {cost} and again with {lines:?} for {total}"
            )),
            _ => {
                self.placed = Some((lines.to_vec(), total));
                Ok(())
            }
        }
    }

    pub(super) fn cancelled(&mut self, lines: &[(LineNo, u64, u64)]) -> Result<(), String> {
        for (line, now, _) in lines {
            let before = self.seen.as_ref().map_or(0, |seen| seen.lines[index(*line)].units[CANCELLED]);
            *self.cancelled.entry(*line).or_default() = before + now;
        }
        Ok(())
    }

    pub(super) fn amended(&mut self, amendment: u32, wishes: Vec<Wish>) -> Result<(), String> {
        let Some(seen) = self.seen.clone() else { return Err(format!("{} is amended unseen", self.named())) };
        self.wishes.insert(amendment, (wishes, seen));
        Ok(())
    }

    pub(super) fn left(&mut self, line: LineNo, units: u64, to_customer: bool) {
        let hands = self.hands.entry(line).or_default();
        hands.left += units;
        hands.arrived += if to_customer { units } else { 0 };
    }

    pub(super) fn arrived(&mut self, line: LineNo, units: u64) -> Result<(), String> {
        self.hands.entry(line).or_default().arrived += units;
        self.no_more_than_left(line)
    }

    pub(super) fn missed(&mut self, line: LineNo, units: u64, how: Missed) -> Result<(), String> {
        let hands = self.hands.entry(line).or_default();
        match how {
            Missed::Lost => hands.lost += units,
            Missed::Refused => hands.refused += units,
            Missed::Back { refused_before, .. } => {
                hands.refused -= if refused_before { units } else { 0 };
                hands.sent_back += units;
            }
        }
        self.no_more_than_left(line)
    }

    fn no_more_than_left(&self, line: LineNo) -> Result<(), String> {
        let hands = self.hands[&line];
        let ends = hands.arrived + hands.lost + hands.refused + hands.sent_back;
        if ends > hands.left {
            return Err(format!("UNITS: {} line {}: {hands:?}", self.named(), line.0));
        }
        Ok(())
    }

    /// The order after an event.
    pub(super) fn seen(&mut self, new: SeenOrder) -> Result<(), String> {
        self.id = Some(new.id);
        let problem = |what: String| format!("{what}\n  in {new:?}\n  after {:?}", self.seen);
        self.alone(&new).map_err(problem)?;
        match &self.seen {
            None => self.as_placed(&new).map_err(problem)?,
            Some(old) => self.change(old, &new).map_err(problem)?,
        }
        self.seen = Some(new);
        Ok(())
    }

    /// What holds at any time.
    fn alone(&self, new: &SeenOrder) -> Result<(), String> {
        let id = new.id;
        for (number, line) in new.lines.iter().enumerate() {
            let line_no = LineNo(number as u16 + 1);
            let sum: u64 = line.units.iter().sum();
            if sum != line.prices.len() as u64 {
                return Err(format!(
                    "UNITS: {id} line {}: {sum} units, {} prices",
                    line_no.0,
                    line.prices.len()
                ));
            }
            if line.prices.iter().any(|price| *price < 0) {
                return Err(format!("MONEY: {id} line {}: a unit costs less than nothing", line_no.0));
            }
            let hands = self.hands.get(&line_no).copied().unwrap_or_default();
            let gone = units(line, &GONE);
            if gone > hands.left || line.units[CANCELLED] + hands.left > sum {
                let cancelled = line.units[CANCELLED];
                return Err(format!(
                    "UNITS: {id} line {}: {gone} of {sum} are gone and {cancelled} cancelled, {} left by hand",
                    line_no.0, hands.left
                ));
            }
            if line.units[CANCELLED] < self.cancelled.get(&line_no).copied().unwrap_or(0) && !new.refused {
                return Err(format!(
                    "UNITS: {id} line {}: a cancel that was said to be done is not",
                    line_no.0
                ));
            }
        }
        let costs: i64 = new.lines.iter().flat_map(|line| &line.prices).sum();
        if costs != new.total {
            return Err(format!("MONEY: {id}: units cost {costs}, the order {}", new.total));
        }
        let due: i64 = new.lines.iter().map(owed).sum();
        if due != new.due {
            return Err(format!("MONEY: {id}: {due} are owed by its units, it says {}", new.due));
        }
        if new.refunded != self.paid_back {
            return Err(format!(
                "MONEY: {id}: it paid {} back, people were told {}",
                new.refunded, self.paid_back
            ));
        }
        Ok(())
    }

    fn as_placed(&self, new: &SeenOrder) -> Result<(), String> {
        let Some((lines, total)) = &self.placed else {
            return Err(format!("ONCE: {} is there and was not placed", new.id));
        };
        let seen: Vec<u64> = new.lines.iter().map(|line| line.units.iter().sum()).collect();
        if seen != *lines || new.total != *total {
            return Err(format!("ORDER: {} was placed with {lines:?} for {total}", new.id));
        }
        let evenly = |line: &SeenLine| {
            let (min, max) = (line.prices.iter().min(), line.prices.iter().max());
            // Six amounts, each dealt to units with a difference of at most one.
            min.zip(max).is_none_or(|(min, max)| max - min <= 6)
        };
        if !new.lines.iter().all(evenly) {
            return Err(format!("MONEY: {}: units of a line do not cost the same", new.id));
        }
        Ok(())
    }

    /// What one event may change.
    fn change(&self, old: &SeenOrder, new: &SeenOrder) -> Result<(), String> {
        let id = new.id;
        if new.revision <= old.revision || new.lines.len() < old.lines.len() {
            return Err(format!("ORDER: {id} went from revision {} to {}", old.revision, new.revision));
        }
        for (number, (was, is)) in old.lines.iter().zip(&new.lines).enumerate() {
            let fewer = |of: &[usize]| units(is, of) < units(was, of);
            if fewer(&[CANCELLED]) || fewer(&GONE) || fewer(&BACK) || fewer(&[RETURNED]) {
                return Err(format!(
                    "UNITS: {id} line {}: units that were gone are back in play",
                    number + 1
                ));
            }
        }
        let state = |order: &SeenOrder, number| order.amendments.iter().find(|a| a.0 == number).map(|a| a.1);
        let ended = |number: &&u32| {
            let was = state(old, **number);
            state(new, **number) == Some(Ended::Applied) && was.is_none_or(|was| was == Ended::Pending)
        };
        for (number, is) in &new.amendments {
            match (state(old, *number), is) {
                (Some(Ended::Applied), Ended::Refused | Ended::Pending)
                | (Some(Ended::Refused), Ended::Applied | Ended::Pending) => {
                    return Err(format!("ORDER: {id}: amendment {number} ended twice"));
                }
                _ => {}
            }
        }
        let applied: Vec<u32> = new.amendments.iter().map(|a| &a.0).filter(ended).copied().collect();
        let joined = self.joined(old, new)?;
        self.paid(old, new)?;
        match applied.as_slice() {
            [] if joined => Ok(()),
            [] => unchanged(id, old, new),
            [one] => match self.wishes.get(one) {
                Some((wishes, asked)) => granted(id, wishes, asked, old, new),
                None => Err(format!("ORDER: {id}: amendment {one} was applied and nobody asked for it")),
            },
            more => Err(format!("ORDER: {id}: amendments {more:?} applied at once")),
        }
    }

    /// Money back is what the units cost that came back, for goods that are not exchanged.
    fn paid(&self, old: &SeenOrder, new: &SeenOrder) -> Result<(), String> {
        for (number, back) in new.returns.iter().enumerate() {
            let none =
                SeenReturn { exchange: back.exchange, taken: Vec::new(), refunded: 0, joined: Vec::new() };
            let was = old.returns.get(number).unwrap_or(&none);
            if back.exchange {
                continue;
            }
            let mut worth = 0;
            for (line, taken) in &back.taken {
                let before = was.taken.iter().find(|some| some.0 == *line).map_or(0, |some| some.1);
                let first = units(&old.lines[index(*line)], &BACK) as usize;
                let prices = &old.lines[index(*line)].prices;
                worth += prices.iter().skip(first).take((taken - before) as usize).sum::<i64>();
            }
            if back.refunded - was.refunded != worth {
                let paid = back.refunded - was.refunded;
                return Err(format!("MONEY: {} return {}: {paid} paid back for {worth}", new.id, number + 1));
            }
        }
        Ok(())
    }

    /// Replacements joined the order: they cost what was taken back for them.
    fn joined(&self, old: &SeenOrder, new: &SeenOrder) -> Result<bool, String> {
        let mut any = false;
        for (number, back) in new.returns.iter().enumerate() {
            let before = old.returns.get(number).is_some_and(|was| !was.joined.is_empty());
            if back.joined.is_empty() || before {
                continue;
            }
            any = true;
            if back.refunded != 0 {
                return Err(format!("MONEY: {}: an exchange paid {} back", new.id, back.refunded));
            }
            let new_units: usize = back.joined.iter().map(|line| new.lines[index(*line)].prices.len()).sum();
            let all: usize = new.lines.iter().map(|line| line.prices.len()).sum();
            let was: usize = old.lines.iter().map(|line| line.prices.len()).sum();
            if all != was + new_units {
                return Err(format!("ORDER: {}: {new_units} replacements, {was} units became {all}", new.id));
            }
        }
        Ok(any)
    }

    /// Nothing is under way.
    pub(super) fn at_rest(&self) -> Result<(), String> {
        let Some(seen) = &self.seen else { return Err(format!("ORDER: {} was never seen", self.named())) };
        let id = seen.id;
        if seen.amendments.iter().any(|a| a.1 == Ended::Pending) {
            return Err(format!("ORDER: {id}: an amendment is pending after every deadline: {seen:?}"));
        }
        for (number, line) in seen.lines.iter().enumerate() {
            let hands = self.hands.get(&LineNo(number as u16 + 1)).copied().unwrap_or_default();
            let shipped = hands.left - hands.arrived - hands.lost - hands.refused - hands.sent_back;
            let arrived = line.units[DELIVERED] + line.units[RETURNED];
            let is =
                [line.units[SHIPPED], arrived, line.units[LOST], line.units[REFUSED], line.units[SENT_BACK]];
            let did = [shipped, hands.arrived, hands.lost, hands.refused, hands.sent_back];
            if is != did {
                return Err(format!(
                    "UNITS: {id} line {}: shipped, arrived, lost, refused, sent back are {is:?}, by hand {did:?}",
                    number + 1
                ));
            }
            if line.cancel_requested > 0 {
                let asked = line.cancel_requested;
                return Err(format!(
                    "UNITS: {id} line {}: {asked} units are neither stopped nor gone",
                    number + 1
                ));
            }
        }
        Ok(())
    }

    /// Nothing is in anybody's hands: each unit arrived, came back, was called off or waits for stock.
    pub(super) fn all_done(&self) -> Result<(), String> {
        let Some(seen) = &self.seen else { return Ok(()) };
        for (number, line) in seen.lines.iter().enumerate() {
            let busy = line.units[0] + line.units[2..=4].iter().sum::<u64>();
            if busy > 0 && !seen.refused {
                return Err(format!(
                    "UNITS: {} line {}: {busy} units get nowhere: {seen:?}",
                    seen.id,
                    number + 1
                ));
            }
        }
        Ok(())
    }
}

fn unchanged(id: OrderId, old: &SeenOrder, new: &SeenOrder) -> Result<(), String> {
    let same = old.lines.len() == new.lines.len()
        && old.lines.iter().zip(&new.lines).all(|(was, is)| was.prices == is.prices);
    if same { Ok(()) } else { Err(format!("ORDER: {id} is ordered otherwise and nobody asked for it")) }
}

/// All of an amendment happened, and nothing else: judged by what was asked for when the order was as `asked`.
fn granted(
    id: OrderId,
    wishes: &[Wish],
    asked: &SeenOrder,
    old: &SeenOrder,
    new: &SeenOrder,
) -> Result<(), String> {
    let live = |line: &SeenLine| line.prices.len() as u64 - line.units[CANCELLED];
    let mut units_of: Vec<u64> = old.lines.iter().map(|line| line.prices.len() as u64).collect();
    let mut drops: BTreeMap<usize, u64> = BTreeMap::new();
    let mut cost = old.total;
    let mut repriced = Vec::new();
    for wish in wishes {
        match wish {
            Wish::Units { line, quantity, added } => {
                let now = live(&asked.lines[index(*line)]);
                if *quantity > now {
                    units_of[index(*line)] += quantity - now;
                    cost += added;
                } else {
                    *drops.entry(index(*line)).or_default() += now - quantity;
                }
            }
            Wish::Line { units, total } => {
                units_of.push(*units);
                cost += total;
            }
            Wish::Instead { line, units, total } => {
                *drops.entry(index(*line)).or_default() += units;
                units_of.push(*units);
                cost += total;
            }
            Wish::Price { line, total } => repriced.push((index(*line), *total)),
            Wish::Off { amount } => cost -= amount,
            Wish::Else => {}
        }
    }
    let is: Vec<u64> = new.lines.iter().map(|line| line.prices.len() as u64).collect();
    if is != units_of {
        return Err(format!("ORDER: {id}: {wishes:?} make {units_of:?} units, it has {is:?}"));
    }
    for (line, dropped) in &drops {
        // Units that nothing serves may have gone in between: then there is less left to drop.
        let (was, is) = (asked.lines[*line].units[CANCELLED], new.lines[*line].units[CANCELLED]);
        if is < was + dropped {
            return Err(format!(
                "ORDER: {id} line {}: {wishes:?} drop {dropped}, {was} became {is}",
                line + 1
            ));
        }
    }
    let off = wishes.iter().any(|wish| matches!(wish, Wish::Off { .. }));
    let mut settled = false;
    for (number, (was, is)) in old.lines.iter().zip(&new.lines).enumerate() {
        let gone = units(was, &GONE) as usize;
        let kept = if off { units(was, &BACK) as usize } else { gone };
        let asked_then = asked.lines.get(number).map_or(0, |line| units(line, &BACK));
        settled |= off && units(was, &BACK) > asked_then;
        if was.prices[..kept] != is.prices[..kept] {
            return Err(format!(
                "MONEY: {id} line {}: units that were gone cost something else now",
                number + 1
            ));
        }
    }
    // What a price replaces depends on what the units carried of the order's own amounts: those are not its business.
    // What came back while the change was under way takes nothing of what is taken off.
    let less = if settled { old.total } else { cost };
    if repriced.is_empty() && !(cost..=less.max(cost)).contains(&new.total) {
        return Err(format!("MONEY: {id}: {wishes:?} make it {cost}, it is {}", new.total));
    }
    Ok(())
}
