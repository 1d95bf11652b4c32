//! Returns of an order: units on their way back from the customer, and what is paid back for them.

use super::{Order, WorkUnits};
use crate::content::Line;
use crate::units::Bucket;
use minicbor::{Decode, Encode};
use waybill_types::exchange::Landing;
use waybill_types::{LineNo, NodeId, Quantity, Sku, Text, Timestamp};

/// Goods of the order on their way back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Return {
    /// Its number within the order, from 1; never reused.
    #[n(0)]
    pub number: u16,
    /// How far it is.
    #[n(1)]
    pub state: ReturnState,
    /// What comes back, each line once.
    #[n(2)]
    pub lines: Vec<ReturnUnits>,
    /// Paid back so far, in minor units. Nothing is paid back for an exchange before it is settled; then what was taken
    /// is worth, unless the replacements went out for it.
    #[n(3)]
    pub refunded: i64,
    /// Lines that the customer gets instead; empty is a plain return. They join the order when all that was asked back
    /// has been taken. When some of it was refused or does not come they never do, and the refund stands for the rest.
    #[n(4)]
    pub replacements: Vec<Line>,
    /// When it was requested.
    #[n(5)]
    pub requested_at: Timestamp,
    /// What has not come by then will not come.
    #[n(6)]
    pub lapses_at: Timestamp,
    /// The replacements' numbers in the order, once they have joined it.
    #[n(7)]
    pub joined: Vec<LineNo>,
}

/// How far a return is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ReturnState {
    /// Asked for; somebody must say yes.
    #[n(0)]
    Requested,
    /// The goods may come.
    #[n(1)]
    Authorised,
    /// Some of it lies at a node.
    #[n(2)]
    PartlyReceived,
    /// All of it was looked at, or the rest will not come.
    #[n(3)]
    Settled,
    /// Not taken.
    #[n(4)]
    Refused,
}

impl ReturnState {
    /// The name used in messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Authorised => "authorised",
            Self::PartlyReceived => "partly_received",
            Self::Settled => "settled",
            Self::Refused => "refused",
        }
    }
    /// True while goods may still come.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Requested | Self::Authorised | Self::PartlyReceived => true,
            Self::Settled | Self::Refused => false,
        }
    }
}

/// Units of one line of a return.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReturnUnits {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// Asked back.
    #[n(1)]
    pub asked: Quantity,
    /// Why, in the customer's terms; may be empty.
    #[n(2)]
    pub why: Text,
    /// What was looked at.
    #[n(3)]
    pub looked_at: Vec<LookedAt>,
}

/// Units that came to a node and were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LookedAt {
    /// Where.
    #[n(0)]
    pub node: NodeId,
    /// How many units.
    #[n(1)]
    pub quantity: Quantity,
    /// Taken, in this condition; `None` was refused and stays the customer's.
    #[n(2)]
    pub landing: Option<Landing>,
    /// What was found; may be empty.
    #[n(3)]
    pub note: Text,
    /// When.
    #[n(4)]
    pub at: Timestamp,
    /// What it is, where the node that sent it had picked other goods than the line's.
    #[n(5)]
    pub sku: Option<Sku>,
    /// Index of the first of these units in the order of the line's shares; 0 for refused ones.
    #[n(6)]
    pub first: u64,
    /// What these units cost together, in minor units; 0 for refused ones.
    #[n(7)]
    pub worth: i64,
}

impl ReturnUnits {
    /// Units taken back.
    #[must_use]
    pub fn taken(&self) -> Quantity {
        self.looked_at.iter().filter(|seen| seen.landing.is_some()).map(|seen| seen.quantity).sum()
    }
    /// Units asked back and not looked at yet.
    #[must_use]
    pub fn awaited(&self) -> Quantity {
        let seen = self.looked_at.iter().map(|seen| seen.quantity).sum();
        self.asked.saturating_sub(seen)
    }
}

impl Return {
    /// True when the customer gets other goods instead of money.
    #[must_use]
    pub fn is_exchange(&self) -> bool {
        !self.replacements.is_empty()
    }
    /// The line of it.
    #[must_use]
    pub fn line(&self, line: LineNo) -> Option<&ReturnUnits> {
        self.lines.iter().find(|units| units.line == line)
    }
    /// Units of a line that may still come.
    #[must_use]
    pub fn awaited(&self, line: LineNo) -> Quantity {
        match self.state.is_open() {
            true => self.line(line).map_or(Quantity::ZERO, ReturnUnits::awaited),
            false => Quantity::ZERO,
        }
    }
    /// What all units that were taken cost together, in minor units.
    #[must_use]
    pub fn worth(&self) -> i64 {
        self.lines.iter().flat_map(|units| &units.looked_at).map(|seen| seen.worth).sum()
    }
    /// How often something of it was looked at.
    pub(crate) fn looks(&self) -> usize {
        self.lines.iter().map(|units| units.looked_at.len()).sum()
    }
}

impl Order {
    /// Units of a line that open returns still wait for.
    #[must_use]
    pub fn awaited_back(&self, line: LineNo) -> Quantity {
        self.returns.iter().map(|back| back.awaited(line)).sum()
    }
    /// Units of a line that can be returned: delivered, not returned and in no open return.
    #[must_use]
    pub fn returnable(&self, line: LineNo) -> Quantity {
        let delivered = self.line(line).map_or(Quantity::ZERO, |state| state.buckets.get(Bucket::Delivered));
        delivered.saturating_sub(self.awaited_back(line))
    }
    /// Of the units of a line that the customer has, those that a node had picked under another SKU, by SKU. Of a node's
    /// work the line's own leave first.
    #[must_use]
    pub fn substitutes_with_customer(&self, line: LineNo) -> Vec<(Sku, Quantity)> {
        let mut found: Vec<(Sku, Quantity)> = Vec::new();
        for work in &self.works {
            let of_line = || work.lines.iter().filter(|units| units.line == line);
            let substituted = || work.sent_instead.iter().filter(|some| some.units.line == line);
            let at_node: Quantity = of_line().map(WorkUnits::at_node).sum();
            let all = of_line().map(WorkUnits::all).sum::<Quantity>().saturating_sub(at_node);
            let delivered: Quantity = of_line().map(|units| units.delivered).sum();
            let substitutes: Quantity = substituted().map(|some| some.units.quantity).sum();
            let mut remaining = delivered.saturating_sub(all.saturating_sub(substitutes));
            for some in substituted() {
                let quantity = some.units.quantity.min(remaining);
                remaining = remaining.saturating_sub(quantity);
                match found.iter_mut().find(|(sku, _)| *sku == some.sku) {
                    Some((_, sum)) => *sum = sum.plus(quantity),
                    None => found.push((some.sku.clone(), quantity)),
                }
            }
        }
        let looked_at = self.returns.iter().flat_map(|back| &back.lines).filter(|units| units.line == line);
        for seen in looked_at.flat_map(|units| &units.looked_at).filter(|seen| seen.landing.is_some()) {
            if let Some((_, there)) = found.iter_mut().find(|(sku, _)| seen.sku.as_ref() == Some(sku)) {
                *there = there.saturating_sub(seen.quantity);
            }
        }
        found.retain(|(_, quantity)| !quantity.is_zero());
        found
    }
}
