//! What the nodes of the world do: each step is reported to orders, and claims end with what leaves or is not there.

use super::world::{NodeWork, World, lower, raise};
use std::collections::BTreeMap;
use waybill_types::exchange::{
    LineUnits, Message, Parcel, RecallManner, Step, StepLine, Substituted, Undelivered,
};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity, Sku, Text};

impl World {
    /// A node reports a step of its work; nothing else happens.
    pub(super) fn step(&mut self, id: FulfillmentOrderId, step: Step) {
        self.reply(id.partition(), Message::WorkProgress(id, step));
    }

    fn node_work(&mut self, id: FulfillmentOrderId) -> &mut NodeWork {
        self.works.get_mut(&id).unwrap_or_else(|| panic!("{id} is unknown"))
    }

    pub(super) fn pick(&mut self, id: FulfillmentOrderId, line: LineNo, quantity: Quantity) {
        let work = self.node_work(id);
        assert!(work.released, "{id} was never released");
        lower(&mut work.to_pick, line, quantity);
        raise(&mut work.picked, line, quantity);
        self.step(id, Step::Picked(vec![LineUnits { line, quantity }]));
    }

    /// Everything picked leaves, and with it its claims.
    pub(super) fn ship(&mut self, id: FulfillmentOrderId) {
        let work = self.node_work(id);
        let lines: Vec<LineUnits> = crate::fold::sum_by_line(std::mem::take(&mut work.picked));
        for units in &lines {
            raise(&mut work.shipped, units.line, units.quantity);
        }
        if lines.is_empty() {
            return;
        }
        self.end_claims(id, &lines);
        let text = |text: &str| Text::new(text).unwrap();
        let parcel = Parcel { number: text("1"), carrier: text("post"), tracking: text("T1"), lines };
        self.step(id, Step::Shipped(vec![parcel]));
        self.answer_cancel(id, false);
    }

    pub(super) fn deliver(&mut self, id: FulfillmentOrderId) {
        let lines = crate::fold::sum_by_line(std::mem::take(&mut self.node_work(id).shipped));
        if !lines.is_empty() {
            self.step(id, Step::Delivered(lines));
        }
    }

    /// The customer takes everything picked at the counter.
    pub(super) fn hand_over(&mut self, id: FulfillmentOrderId) {
        let lines = crate::fold::sum_by_line(std::mem::take(&mut self.node_work(id).picked));
        if !lines.is_empty() {
            self.end_claims(id, &lines);
            self.step(id, Step::HandedOver(lines));
            self.answer_cancel(id, false);
        }
    }

    /// The customer takes one unit of everything in hand; the rest waits on, or is given up.
    pub(super) fn hand_over_one_each(&mut self, id: FulfillmentOrderId, give_up: bool) {
        let work = self.node_work(id);
        let left: Vec<LineUnits> =
            work.picked.keys().map(|line| LineUnits { line: *line, quantity: Quantity::ONE }).collect();
        for units in &left {
            lower(&mut work.picked, units.line, units.quantity);
        }
        if left.is_empty() {
            return;
        }
        self.end_claims(id, &left);
        self.step(id, Step::HandedOver(left));
        self.answer_cancel(id, false);
        if give_up {
            self.no_show(id);
        }
    }

    /// Nobody came for what is in hand.
    pub(super) fn no_show(&mut self, id: FulfillmentOrderId) {
        let work = self.node_work(id);
        let lines = crate::fold::sum_by_line(std::mem::take(&mut work.picked));
        work.instead.clear();
        if !lines.is_empty() {
            self.step(id, Step::NotCollected(lines));
            self.answer_cancel(id, false);
        }
    }

    /// Everything on the road does not reach the customer.
    pub(super) fn undelivered(&mut self, id: FulfillmentOrderId, why: Undelivered) {
        let lines = crate::fold::sum_by_line(std::mem::take(&mut self.node_work(id).shipped));
        if !lines.is_empty() {
            self.step(id, Step::Undelivered(why, lines));
        }
    }

    /// The partition of the node decides a cancel.
    pub(super) fn cancel_work(
        &mut self,
        id: FulfillmentOrderId,
        lines: Vec<LineUnits>,
        recall: u32,
        manner: RecallManner,
    ) -> Message {
        let (mut stopped, mut too_late, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        match self.works.get_mut(&id) {
            None => stopped.extend(lines.iter().map(|units| (units.line, units.quantity))),
            Some(work) => {
                for LineUnits { line, quantity } in lines {
                    let there =
                        |units: &BTreeMap<LineNo, Quantity>| units.get(&line).copied().unwrap_or_default();
                    let on_shelf = quantity.min(there(&work.to_pick));
                    let mut remaining = quantity.saturating_sub(on_shelf);
                    if !on_shelf.is_zero() {
                        lower(&mut work.to_pick, line, on_shelf);
                        stopped.push((line, on_shelf));
                    }
                    let in_hand = there(&work.picked).saturating_sub(work.asked(line)).min(remaining);
                    remaining = remaining.saturating_sub(in_hand);
                    match manner {
                        RecallManner::Ask { .. } => asked.push((line, in_hand)),
                        RecallManner::Firm => too_late.push((line, in_hand)),
                    }
                    too_late.push((line, there(&work.shipped).plus(work.asked(line)).min(remaining)));
                }
                let asked = crate::fold::sum_by_line(asked.iter().copied());
                if !asked.is_empty() {
                    work.asks.push((recall, asked));
                }
            }
        }
        let sum = |units: Vec<(LineNo, Quantity)>| crate::fold::sum_by_line(units);
        let (stopped, too_late, asked) = (sum(stopped), sum(too_late), sum(asked));
        Message::WorkCancelled { id, stopped, too_late, recall, asked }
    }

    /// The node answers every cancel it was asked about: the units are back on the shelf, or it is too late.
    pub(super) fn answer_cancel(&mut self, id: FulfillmentOrderId, stop: bool) {
        let work = self.node_work(id);
        for (recall, units) in std::mem::take(&mut work.asks) {
            let work = self.node_work(id);
            let (mut stopped, mut too_late) = (Vec::new(), units.clone());
            if stop {
                (stopped, too_late) = (units.clone(), Vec::new());
                for units in &units {
                    lower(&mut work.picked, units.line, units.quantity);
                    work.put_back(units.line, units.quantity);
                }
            }
            let asked = Vec::new();
            self.reply(id.partition(), Message::WorkCancelled { id, stopped, too_late, recall, asked });
        }
    }

    /// Every node answers what it was asked: every other one puts back what it can.
    pub(super) fn answer_all_cancels(&mut self) {
        let asked: Vec<FulfillmentOrderId> = self.works.keys().copied().collect();
        for (index, id) in asked.into_iter().enumerate() {
            self.answer_cancel(id, index % 2 == 0);
        }
    }

    /// Other goods are picked in place of units that are not there.
    pub(super) fn substitute(&mut self, id: FulfillmentOrderId, line: LineNo, sku: &Sku) {
        let work = self.node_work(id);
        let (units, node) = (LineUnits { line, quantity: Quantity::ONE }, work.work.node.clone());
        let reservation = work.work.lines[0].reservation;
        let count = work.instead.get(&line).map_or(Quantity::ZERO, |(_, count)| *count);
        work.instead.insert(line, (sku.clone(), count.plus(Quantity::ONE)));
        self.step(id, Step::Substituted(vec![Substituted { units, sku: sku.clone() }]));
        let own = self.works[&id].own(line);
        self.end_claim(reservation, &(own, node.clone()), Quantity::ONE);
        let claimed = self.claims.entry(reservation).or_default().entry((sku.clone(), node)).or_default();
        *claimed = claimed.plus(Quantity::ONE);
        self.pick(id, line, Quantity::ONE);
    }

    /// Units are not on the shelf: their claims end and they never come back.
    pub(super) fn short(&mut self, id: FulfillmentOrderId, line: LineNo, quantity: Quantity) {
        lower(&mut self.node_work(id).to_pick, line, quantity);
        let units = LineUnits { line, quantity };
        self.end_claims(id, &[units]);
        let reason = Text::new("not found").unwrap();
        self.step(id, Step::Shorted(vec![StepLine { units, reason }]));
    }

    /// The node will not do what it has not picked.
    pub(super) fn reject(&mut self, id: FulfillmentOrderId) {
        let lines = crate::fold::sum_by_line(std::mem::take(&mut self.node_work(id).to_pick));
        let reason = Text::new("closed").unwrap();
        let lines = lines.into_iter().map(|units| StepLine { units, reason: reason.clone() });
        let lines: Vec<StepLine> = lines.collect();
        if !lines.is_empty() {
            self.step(id, Step::Rejected(lines));
        }
    }

    fn end_claims(&mut self, id: FulfillmentOrderId, lines: &[LineUnits]) {
        let work = self.node_work(id).work.clone();
        for units in lines {
            let line = work.lines.iter().find(|line| line.line == units.line).unwrap();
            let (reservation, own) = (line.reservation, line.sku.clone());
            // The line's own goods leave before those in place of them; nothing else is left when all of them leave.
            let node_work = self.node_work(id);
            let in_hand = node_work.picked.get(&units.line).copied().unwrap_or_default();
            let instead = node_work.instead.get(&units.line).cloned();
            let (others, count) = instead.unwrap_or((own.clone(), Quantity::ZERO));
            let leaving = count.saturating_sub(in_hand).min(units.quantity);
            if !leaving.is_zero() {
                node_work.put_back(units.line, leaving);
                self.end_claim(reservation, &(others, work.node.clone()), leaving);
            }
            let own_leaving = units.quantity.saturating_sub(leaving);
            if !own_leaving.is_zero() {
                self.end_claim(reservation, &(own, work.node.clone()), own_leaving);
            }
        }
    }
}

impl NodeWork {
    /// Units of a line that the node was asked to put back.
    fn asked(&self, line: LineNo) -> Quantity {
        let of_line = self.asks.iter().flat_map(|(_, units)| units).filter(|units| units.line == line);
        of_line.map(|units| units.quantity).sum()
    }
    fn own(&self, line: LineNo) -> Sku {
        self.work.lines.iter().find(|some| some.line == line).unwrap().sku.clone()
    }
    /// Goods in place of a line's own go first.
    fn put_back(&mut self, line: LineNo, quantity: Quantity) {
        if let Some((_, count)) = self.instead.get_mut(&line) {
            *count = count.saturating_sub(quantity);
        }
        self.instead.retain(|_, (_, count)| !count.is_zero());
    }
}
