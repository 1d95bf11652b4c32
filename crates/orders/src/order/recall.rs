//! Recalls: units that a node's partition was asked to stop and has not answered in full. Only that partition decides
//! what becomes of them; orders remembers what it asked, for what, and how much of it is still wanted.

use crate::order::{Order, WorkRef};
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;
use waybill_types::exchange::LineUnits;
use waybill_types::{LineNo, Quantity, Timestamp};

/// One cancel sent to a node's partition and not answered in full.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Recall {
    /// Its number within the order, from 1; never reused. The messages about it carry it.
    #[n(0)]
    pub number: u32,
    /// Number of the fulfilment order.
    #[n(1)]
    pub work: u16,
    /// Units asked for whose fate is open, by line. For a cancel never more than the node has.
    #[n(2)]
    pub units: Vec<LineUnits>,
    /// What for.
    #[n(3)]
    pub purpose: RecallPurpose,
    /// When it was sent.
    #[n(4)]
    pub asked_at: Timestamp,
    /// The node itself was asked to put units back: one further answer will come.
    #[n(5)]
    pub with_node: bool,
}

/// What units are recalled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RecallPurpose {
    /// The units were not released and are cancelled already; the answer only says that the node's partition knows.
    #[n(0)]
    Planned,
    /// Somebody cancels them: what stops is cancelled.
    #[n(1)]
    Cancel,
    /// This amendment needs them back: what stops keeps its claim for it.
    #[n(2)]
    Amendment(#[n(0)] u32),
}

impl Recall {
    /// Units of a line whose fate is open.
    #[must_use]
    pub fn of_line(&self, line: LineNo) -> Quantity {
        self.units.iter().filter(|units| units.line == line).map(|units| units.quantity).sum()
    }
    /// True when what stops is cancelled.
    #[must_use]
    pub const fn is_cancel(&self) -> bool {
        matches!(self.purpose, RecallPurpose::Cancel)
    }
}

impl Order {
    /// How many cancels nodes' partitions have not answered in full.
    #[must_use]
    pub fn recalls(&self) -> u32 {
        u32::try_from(self.recalls.len()).unwrap_or(u32::MAX)
    }
    /// The recall with this number; `None` once it is answered in full.
    #[must_use]
    pub fn recall(&self, number: u32) -> Option<&Recall> {
        self.recalls.iter().find(|recall| recall.number == number)
    }
    /// Units of a line of a fulfilment order that somebody has cancelled and whose fate is open.
    #[must_use]
    pub fn cancel_wished(&self, work: u16, line: LineNo) -> Quantity {
        let cancels = self.recalls.iter().filter(|recall| recall.work == work && recall.is_cancel());
        cancels.map(|recall| recall.of_line(line)).sum()
    }
    /// Takes up to `quantity` units of a line off the cancels that wait for a fulfilment order, the oldest first.
    pub(crate) fn lower_wish(&mut self, work: u16, line: LineNo, quantity: Quantity) {
        let mut remaining = quantity;
        for recall in self.recalls.iter_mut().filter(|recall| recall.work == work && recall.is_cancel()) {
            for units in recall.units.iter_mut().filter(|units| units.line == line) {
                let taken = units.quantity.min(remaining);
                units.quantity = units.quantity.saturating_sub(taken);
                remaining = remaining.saturating_sub(taken);
            }
            recall.units.retain(|units| !units.quantity.is_zero());
        }
    }
    /// Units that have left a node can no longer be cancelled there: no cancel asks for more than the node has.
    pub(crate) fn trim_wishes(&mut self, number: u16) {
        let Some(work) = self.work(number) else { return };
        let at_node = |work: &WorkRef, line: LineNo| -> Quantity {
            work.lines.iter().filter(|units| units.line == line).map(|units| units.at_node()).sum()
        };
        let cancels = self.recalls.iter().filter(|recall| recall.work == number && recall.is_cancel());
        let lines: BTreeSet<LineNo> =
            cancels.flat_map(|recall| &recall.units).map(|units| units.line).collect();
        let beyond = |line| (line, self.cancel_wished(number, line).saturating_sub(at_node(work, line)));
        let beyond: Vec<(LineNo, Quantity)> = lines.into_iter().map(beyond).collect();
        for (line, excess) in beyond {
            self.lower_wish(number, line, excess);
        }
    }
    /// The marks of lines say how many of their units are asked of nodes.
    pub(crate) fn mark_wishes(&mut self) {
        for index in 0..self.lines.len() {
            let line = crate::content::line_no(index);
            let cancels = self.recalls.iter().filter(|recall| recall.is_cancel());
            self.lines[index].cancel_requested = cancels.map(|recall| recall.of_line(line)).sum();
        }
    }
}
