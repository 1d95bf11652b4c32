//! An order as it will be after the events decided so far, so that what one command decides builds on itself.

use crate::content::OrderContent;
use crate::event::{AttemptSource, AttemptStarted, CancelledFrom, CancelledUnits, Event, What};
use crate::fold;
use crate::order::{AttemptState, Order, Pinned, Stage};
use crate::state::{Opening, OrdersState};
use crate::units::Bucket;
use std::collections::BTreeMap;
use std::sync::Arc;
use waybill_machine::Context;
use waybill_types::exchange::LineUnits;
use waybill_types::policy::OrderPolicy;
use waybill_types::{LineNo, NodeId, OrderId, Quantity, Timestamp};

/// One order under decision.
pub(crate) struct Draft<'a> {
    pub(crate) id: OrderId,
    pub(crate) opening: Arc<Opening>,
    pub(crate) order: Order,
    pub(crate) events: Vec<Event>,
    pub(crate) cx: &'a Context<'a>,
    state: &'a OrdersState,
}

/// How a new attempt is to go about it.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    pub(crate) source: AttemptSource,
    pub(crate) tries: u8,
    pub(crate) bounces: u8,
    pub(crate) until: Option<Timestamp>,
    /// Claims that the units stand on already.
    pub(crate) pinned: Option<Pinned>,
}

impl Manner {
    /// A first try, of whatever node, now.
    pub(crate) const fn afresh(source: AttemptSource) -> Self {
        Self { source, tries: 1, bounces: 0, until: None, pinned: None }
    }
}

impl<'a> Draft<'a> {
    /// The order as it is.
    pub(crate) fn load(state: &'a OrdersState, id: OrderId, cx: &'a Context<'a>) -> Option<Self> {
        let (opening, order) = state.order(id)?;
        Some(Self { id, opening, order: order.without_history(), events: Vec::new(), cx, state })
    }

    /// The order policy in force and its version.
    pub(crate) fn policy(&self) -> (u64, Arc<OrderPolicy>) {
        self.state.policy()
    }

    /// This happens too.
    pub(crate) fn push(&mut self, what: What) {
        let event = Event { order: self.id, what };
        fold::fold(&mut self.order, self.opening.content(), &event, self.cx.at);
        self.events.push(event);
    }

    /// What is ordered now.
    pub(crate) fn content(&self) -> &OrderContent {
        self.order.content(&self.opening)
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.order.stage, Stage::Pending { .. })
    }

    /// Units are to be sourced: never from a node that did not have them or would not give them, unless its stock has
    /// changed since. Lines that may use different nodes are sourced by attempts of their own.
    pub(crate) fn start_attempt(&mut self, units: Vec<LineUnits>, manner: Manner) {
        if manner.pinned.is_some() || self.order.shunned.is_empty() {
            return self.start_one_attempt(units, Vec::new(), manner);
        }
        let mut groups: BTreeMap<Vec<NodeId>, Vec<LineUnits>> = BTreeMap::new();
        for units in units {
            groups.entry(self.order.shunned_for(self.content(), units.line)).or_default().push(units);
        }
        for (shunned, units) in groups {
            self.start_one_attempt(units, shunned, manner.clone());
        }
    }

    fn start_one_attempt(&mut self, units: Vec<LineUnits>, excluded: Vec<NodeId>, manner: Manner) {
        if units.is_empty() {
            return;
        }
        let Manner { source, tries, bounces, until, pinned } = manner;
        let attempt = self.order.last_attempt + 1;
        let started = AttemptStarted { attempt, units, source, tries, bounces, excluded, until, pinned };
        self.push(What::AttemptStarted(started));
    }

    /// Open units that no live attempt and no pending amendment is for. None are left when a command is decided.
    pub(crate) fn loose(&self) -> Vec<LineUnits> {
        let lines = self.order.lines.iter().enumerate().map(|(index, state)| {
            let line = crate::content::line_no(index);
            let attempted: Quantity = self
                .order
                .live_attempts()
                .flat_map(|attempt| &attempt.units)
                .filter(|units| units.line == line)
                .map(|units| units.quantity)
                .sum();
            let recalled = self.order.pending_amendment();
            let recalled = recalled.map_or(Quantity::ZERO, |(_, pending)| pending.recalled_units(line));
            let open = state.buckets.get(Bucket::Open);
            LineUnits { line, quantity: open.saturating_sub(attempted).saturating_sub(recalled) }
        });
        lines.filter(|units| !units.quantity.is_zero()).collect()
    }

    /// Where units of a line can be cancelled from, those that lose least first: waiting ones, open ones, the newest
    /// attempts, the newest unreleased work.
    pub(crate) fn cancellable(&self, line: LineNo) -> Vec<CancelledUnits> {
        let mut found = Vec::new();
        let mut add = |quantity: Quantity, from: CancelledFrom| {
            if !quantity.is_zero() {
                found.push(CancelledUnits { line, quantity, from });
            }
        };
        let state = self.order.line(line);
        add(state.map_or(Quantity::ZERO, |s| s.buckets.get(Bucket::Backordered)), CancelledFrom::Backordered);
        let loose = self.loose().into_iter().filter(|units| units.line == line);
        add(loose.map(|units| units.quantity).sum(), CancelledFrom::Open);
        for attempt in self.order.attempts.iter().rev().filter(|attempt| attempt.is_live()) {
            match &attempt.state {
                AttemptState::Planning { pinned: Some(pinned), .. } => {
                    for units in pinned.units.iter().rev().filter(|units| units.line == line) {
                        add(
                            units.quantity,
                            CancelledFrom::Pinned(attempt.number, units.node.clone(), pinned.reservation),
                        );
                    }
                }
                AttemptState::Adopting(_)
                | AttemptState::Waiting { .. }
                | AttemptState::Planning { pinned: None, .. }
                | AttemptState::Reserving { .. }
                | AttemptState::Ended(_) => {
                    let units = attempt.units.iter().filter(|units| units.line == line);
                    add(units.map(|u| u.quantity).sum(), CancelledFrom::Attempt(attempt.number));
                }
            }
        }
        for work in self.order.works.iter().rev().filter(|work| work.is_unreleased()) {
            add(work.to_pick(line), CancelledFrom::Work(work.id.number));
        }
        found
    }

    /// What every command ends with: a pending order that is served is confirmed, work that may go is released.
    pub(crate) fn finish(self) -> Vec<Event> {
        self.finish_with_order().0
    }

    /// The same, with the order as it will be.
    pub(crate) fn finish_with_order(mut self) -> (Vec<Event>, Order) {
        self.go_on_amending();
        debug_assert!(self.loose().is_empty(), "order {} forgets {:?}", self.id, self.loose());
        let open: Quantity = crate::status::total(&self.order, Bucket::Open);
        if self.is_pending() && open.is_zero() {
            self.push(What::OrderConfirmed);
        }
        let may_go = self.content().release_at.is_none_or(|at| at <= self.cx.at);
        if may_go && !self.is_pending() {
            let works = crate::apply::ready_to_release(&self.order);
            if !works.is_empty() {
                self.push(What::WorkReleased { works });
            }
        }
        (self.events, self.order)
    }
}
