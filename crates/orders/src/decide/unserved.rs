//! What becomes of units that nothing serves: they wait, or they are cancelled, or the whole order is refused.

use super::TRIES_MAX;
use super::draft::{Draft, Manner};
use crate::content::Backorder;
use crate::event::{AttemptSource, CancelCause, CancelledFrom, CancelledUnits, What};
use crate::order::{RefusedWhy, Unserved, UnservedReason};
use waybill_types::exchange::{LineUnits, ReserveMode, Shortage};

impl Draft<'_> {
    /// True when the order stands or falls as a whole now.
    pub(crate) fn is_all_or_nothing(&self) -> bool {
        self.is_pending() && self.content().backorder == Backorder::Forbid
    }

    /// How a try asks inventory: the last one takes what there is, unless the order stands or falls as a whole.
    pub(crate) fn mode(&self, tries: u8) -> ReserveMode {
        match tries >= TRIES_MAX && !self.is_all_or_nothing() {
            true => ReserveMode::BestEffort,
            false => ReserveMode::AllOrNothing,
        }
    }

    /// Open units that `attempt` did not serve: tried once more where stock arrived that it may have been too early to see.
    pub(crate) fn not_served(&mut self, attempt: u32, units: Vec<Unserved>, shortages: Vec<Shortage>) {
        if !self.order.missed_news(attempt) || self.is_all_or_nothing() {
            return self.give_up(units, shortages);
        }
        let units = units.into_iter().map(|some| LineUnits { line: some.line, quantity: some.quantity });
        self.start_attempt(units.collect(), Manner::afresh(AttemptSource::Open));
    }

    /// Open units outside any attempt are not served now.
    pub(crate) fn give_up(&mut self, units: Vec<Unserved>, shortages: Vec<Shortage>) {
        if units.is_empty() {
            return;
        }
        if self.is_all_or_nothing() {
            return self.refuse(RefusedWhy { unserved: units, shortages });
        }
        match self.content().backorder {
            Backorder::Allow => {
                let units = units.into_iter().map(|some| self.with_refusals(some)).collect();
                self.push(What::UnitsBackordered { units });
            }
            Backorder::Forbid => {
                let from_open = |some: &Unserved| CancelledUnits {
                    line: some.line,
                    quantity: some.quantity,
                    from: CancelledFrom::Open,
                };
                let units = units.iter().map(from_open).collect();
                self.push(What::UnitsCancelled { cause: CancelCause::Unserved, units });
            }
        }
    }

    /// Where a node said no or did not find the goods, that is why nothing serves them, and not that none has any.
    fn with_refusals(&self, some: Unserved) -> Unserved {
        let refused = !self.order.shunned_for(self.content(), some.line).is_empty();
        match some.reason {
            UnservedReason::NoStock | UnservedReason::NoPickup if refused => {
                Unserved { reason: UnservedReason::NodesRefused, ..some }
            }
            UnservedReason::NoStock
            | UnservedReason::NoPickup
            | UnservedReason::NoRoute
            | UnservedReason::Contended
            | UnservedReason::NodesRefused
            | UnservedReason::Unplannable
            | UnservedReason::TooLate => some,
        }
    }

    /// Open units that came back from a node are planned without it and without any that said no before, as long as their
    /// stock has not changed since; a bounded number of times.
    pub(crate) fn plan_elsewhere(&mut self, units: Vec<LineUnits>, bounces: u8) {
        if bounces >= self.policy().1.bounces_max {
            return self.give_up(with_reason(units, UnservedReason::NodesRefused), Vec::new());
        }
        let bounces = bounces + 1;
        self.start_attempt(units, Manner { bounces, ..Manner::afresh(AttemptSource::Open) });
    }

    /// Nothing of a pending order stays: all its units are called off, what was reserved is given back, and its number
    /// is free. What is still being asked of inventory is given back when it answers.
    pub(crate) fn refuse(&mut self, why: RefusedWhy) {
        let lines = (0..self.order.lines.len()).map(crate::content::line_no);
        let units: Vec<CancelledUnits> = lines.flat_map(|line| self.cancellable(line)).collect();
        if !units.is_empty() {
            self.push(What::UnitsCancelled { cause: CancelCause::OrderRefused, units });
        }
        self.push(What::OrderRefused(why));
    }
}

pub(crate) fn with_reason(units: Vec<LineUnits>, reason: UnservedReason) -> Vec<Unserved> {
    let unserved = |units: LineUnits| Unserved { line: units.line, quantity: units.quantity, reason };
    units.into_iter().map(unserved).collect()
}
