//! What the nodes of the world do: each step is reported to orders, and claims end with what leaves or is not there.

use super::world::{NodeWork, World, lower, raise};
use waybill_types::exchange::{LineUnits, Message, Parcel, Step, StepLine};
use waybill_types::{FulfillmentOrderId, LineNo, Quantity, Text};

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
        }
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
            self.end_claim(line.reservation, &(line.sku.clone(), work.node.clone()), units.quantity);
        }
    }
}
