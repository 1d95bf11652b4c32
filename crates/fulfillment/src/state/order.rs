//! A fulfilment order: the work of one node for one order and one destination, and how far it has come.

use crate::command::RejectKind;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{LineUnits, Parcel, Undelivered, Work, WorkDestination, WorkLine};
use waybill_types::network::LocalDay;
use waybill_types::{LineNo, Quantity, Reason, Sku, Text, Timestamp};

/// Where a fulfilment order is in its life, with what that state carries.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum WorkState {
    /// Known here, not yet to the node.
    #[n(0)]
    Planned,
    /// The node was told to pick.
    #[n(1)]
    Released,
    /// The node said yes.
    #[n(2)]
    Accepted,
    /// The node is at work.
    #[n(3)]
    Picking,
    /// All that could be picked is in hand.
    #[n(4)]
    Picked,
    /// In parcels.
    #[n(5)]
    Packed {
        /// The parcels.
        #[n(0)]
        packages: Vec<Package>,
    },
    /// With the carrier.
    #[n(6)]
    Shipped {
        /// The parcels; some may be delivered already.
        #[n(0)]
        packages: Vec<Package>,
        /// When the carrier took them.
        #[n(1)]
        shipped_at: Timestamp,
    },
    /// With the customer.
    #[n(7)]
    Delivered {
        /// The parcels.
        #[n(0)]
        packages: Vec<Package>,
        /// When the carrier took them.
        #[n(1)]
        shipped_at: Timestamp,
    },
    /// Waits for the customer at the counter.
    #[n(8)]
    ReadyForPickup {
        /// The parcels; empty when it was not packed.
        #[n(0)]
        packages: Vec<Package>,
        /// Where it waits; may be empty.
        #[n(1)]
        shelf: Text,
        /// Until when: after that nobody is expected to fetch it any more.
        #[n(2)]
        until: Timestamp,
        /// How the person who took a first part of it was checked; may be empty.
        #[n(3)]
        proof: Text,
    },
    /// Fetched by the customer.
    #[n(9)]
    HandedOver {
        /// The parcels; empty when it was not packed.
        #[n(0)]
        packages: Vec<Package>,
        /// How the person was checked; may be empty.
        #[n(1)]
        proof: Text,
    },
    /// Called off whole: before it was picked, or put back.
    #[n(10)]
    Cancelled {
        /// Why; may be empty.
        #[n(0)]
        reason: Reason,
    },
    /// The node said no.
    #[n(11)]
    Rejected {
        /// What kind of reason.
        #[n(0)]
        kind: RejectKind,
        /// In the node's words; may be empty.
        #[n(1)]
        reason: Reason,
    },
    /// Nothing of it could be picked.
    #[n(12)]
    Shorted {
        /// In the node's words; may be empty.
        #[n(0)]
        reason: Reason,
    },
    /// It left the node, and none of it reached the customer or ever will, unless a refused parcel still comes back.
    #[n(13)]
    Undelivered {
        /// The parcels.
        #[n(0)]
        packages: Vec<Package>,
        /// When the carrier took them.
        #[n(1)]
        shipped_at: Timestamp,
    },
    /// The customer fetched none of it; it is back on the shelf.
    #[n(14)]
    NotCollected {
        /// In the node's words; may be empty.
        #[n(0)]
        reason: Reason,
    },
}

/// What a state means for the units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// At the node, on the shelf: can still be stopped.
    Unpicked,
    /// At the node, in hand.
    InHand,
    /// Left the node.
    Gone,
    /// Not this node's work any more.
    CalledOff,
}

impl WorkState {
    /// As messages say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Released => "released",
            Self::Accepted => "accepted",
            Self::Picking => "picking",
            Self::Picked => "picked",
            Self::Packed { .. } => "packed",
            Self::Shipped { .. } => "shipped",
            Self::Delivered { .. } => "delivered",
            Self::ReadyForPickup { .. } => "ready for pickup",
            Self::HandedOver { .. } => "handed over",
            Self::Cancelled { .. } => "cancelled",
            Self::Rejected { .. } => "rejected",
            Self::Shorted { .. } => "shorted",
            Self::Undelivered { .. } => "undelivered",
            Self::NotCollected { .. } => "not collected",
        }
    }
    pub(crate) const fn whereabouts(&self) -> Whereabouts {
        match self {
            Self::Planned | Self::Released | Self::Accepted | Self::Picking => Whereabouts::Unpicked,
            Self::Picked | Self::Packed { .. } | Self::ReadyForPickup { .. } => Whereabouts::InHand,
            Self::Shipped { .. }
            | Self::Delivered { .. }
            | Self::HandedOver { .. }
            | Self::Undelivered { .. } => Whereabouts::Gone,
            Self::Cancelled { .. }
            | Self::Rejected { .. }
            | Self::Shorted { .. }
            | Self::NotCollected { .. } => Whereabouts::CalledOff,
        }
    }
    /// True while the work is at the node: planned up to packed or ready for pickup.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.whereabouts(), Whereabouts::Unpicked | Whereabouts::InHand)
    }
    /// The parcels, as far as there are any.
    #[must_use]
    pub fn packages(&self) -> &[Package] {
        match self {
            Self::Packed { packages }
            | Self::Shipped { packages, .. }
            | Self::Delivered { packages, .. }
            | Self::Undelivered { packages, .. }
            | Self::ReadyForPickup { packages, .. }
            | Self::HandedOver { packages, .. } => packages,
            Self::Planned
            | Self::Released
            | Self::Accepted
            | Self::Picking
            | Self::Picked
            | Self::Cancelled { .. }
            | Self::Rejected { .. }
            | Self::Shorted { .. }
            | Self::NotCollected { .. } => &[],
        }
    }
}

/// How far one line of the work has come. Every unit asked is in at most one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct LineProgress {
    /// In hand, or gone with a parcel.
    #[n(0)]
    pub picked: Quantity,
    /// Not found.
    #[n(1)]
    pub shorted: Quantity,
    /// Called off: before it was picked, or put back on the shelf.
    #[n(2)]
    pub cancelled: Quantity,
    /// Left the node. Less than what is picked only while part of a pickup still waits at the counter.
    #[n(3)]
    pub shipped: Quantity,
    /// Lots of the picked units.
    #[n(4)]
    pub lots: Vec<Text>,
    /// Serial numbers of the picked units.
    #[n(5)]
    pub serials: Vec<Text>,
    /// Of the picked units, those of other goods than the line's own. They leave last and go back first.
    #[n(6)]
    pub substitutes: Vec<Substitute>,
    /// Came back undelivered.
    #[n(7)]
    pub returned: Quantity,
}

/// Units picked in place of a line's own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Substitute {
    /// What was picked.
    #[n(0)]
    pub sku: Sku,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
}

impl LineProgress {
    /// Units in hand at the node.
    #[must_use]
    pub fn in_hand(&self) -> Quantity {
        self.picked.saturating_sub(self.shipped)
    }
    /// The goods of the picked units from number `from` (from 0, in the order in which they leave) on, `count` of them.
    pub(crate) fn goods(&self, own: &Sku, from: Quantity, count: Quantity) -> Vec<(Sku, Quantity)> {
        let of_others: Quantity = self.substitutes.iter().map(|some| some.quantity).sum();
        let runs = std::iter::once((own, self.picked.saturating_sub(of_others)))
            .chain(self.substitutes.iter().map(|some| (&some.sku, some.quantity)));
        let (mut skip, mut remaining) = (from, count);
        let mut found = Vec::new();
        for (sku, run) in runs {
            let skipped = skip.min(run);
            skip = skip.saturating_sub(skipped);
            let taken = run.saturating_sub(skipped).min(remaining);
            remaining = remaining.saturating_sub(taken);
            if !taken.is_zero() {
                found.push((sku.clone(), taken));
            }
        }
        found
    }
    /// Units in hand go back on the shelf.
    pub(crate) fn put_back(&mut self, quantity: Quantity) {
        let mut remaining = quantity;
        for some in self.substitutes.iter_mut().rev() {
            let taken = some.quantity.min(remaining);
            some.quantity = some.quantity.saturating_sub(taken);
            remaining = remaining.saturating_sub(taken);
        }
        self.substitutes.retain(|some| !some.quantity.is_zero());
        self.picked = self.picked.saturating_sub(quantity);
        self.cancelled = self.cancelled.plus(quantity);
    }

    /// Of `asked` units, those that are still this node's work (or were, when they left it).
    #[must_use]
    pub fn live(&self, asked: Quantity) -> Quantity {
        asked.saturating_sub(self.shorted).saturating_sub(self.cancelled)
    }
}

/// A parcel as the node reported it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Package {
    /// Number, carrier, tracking and contents.
    #[n(0)]
    pub parcel: Parcel,
    /// Gross weight in grams; 0 when unknown.
    #[n(1)]
    pub weight_g: u64,
    /// Where to follow it; may be empty.
    #[n(2)]
    pub tracking_url: Text,
    /// When the customer got it.
    #[n(3)]
    pub delivered_at: Option<Timestamp>,
    /// What became of it when the customer did not get it: lost, refused, or back at the node.
    #[n(4)]
    pub undelivered: Option<Undelivered>,
}

impl Package {
    /// True while it is on its way to the customer.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        self.delivered_at.is_none() && self.undelivered.is_none()
    }
}

/// Units in hand that somebody wants cancelled: the node is asked to put them back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ask {
    /// The order's number of the recall.
    #[n(0)]
    pub recall: u32,
    /// Which units, each line once.
    #[n(1)]
    pub units: Vec<LineUnits>,
    /// No answer by then is too late.
    #[n(2)]
    pub answer_by: Timestamp,
    /// Why they are cancelled; may be empty.
    #[n(3)]
    pub reason: Reason,
}

/// The work of one node for one order and one destination.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FulfillmentOrder {
    /// As orders handed it over.
    #[n(0)]
    pub work: Work,
    /// Raised by each change, from 1.
    #[n(1)]
    pub revision: u64,
    /// Where it is in its life.
    #[n(2)]
    pub state: WorkState,
    /// How far each line of `work.lines` has come, in the same order.
    #[n(3)]
    pub progress: Vec<LineProgress>,
    /// Its number among the node's work, from 1.
    #[n(4)]
    pub number: u64,
    /// Number of the last instruction about it; 0 before release.
    #[n(5)]
    pub last_instruction: u64,
    /// When it was planned.
    #[n(6)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[n(7)]
    pub updated_at: Timestamp,
    /// Cancels that the node has not answered, oldest first.
    #[n(8)]
    pub asks: Vec<Ask>,
}

impl FulfillmentOrder {
    /// The lines with how far they have come.
    pub fn lines(&self) -> impl Iterator<Item = (&WorkLine, &LineProgress)> {
        self.work.lines.iter().zip(&self.progress)
    }
    /// Units per line that are still this node's work.
    pub fn live(&self) -> impl Iterator<Item = Quantity> + '_ {
        self.lines().map(|(line, progress)| progress.live(line.quantity))
    }
    /// Units in hand, line by line; lines with none are left out.
    #[must_use]
    pub fn picked(&self) -> Vec<LineUnits> {
        units(self.lines().map(|(line, progress)| (line.line, progress.picked)))
    }
    /// Units in hand at the node, line by line; lines with none are left out.
    #[must_use]
    pub fn in_hand(&self) -> Vec<LineUnits> {
        units(self.lines().map(|(line, progress)| (line.line, progress.in_hand())))
    }
    /// Units of a line that the node is asked to put back.
    #[must_use]
    pub fn asked(&self, line: LineNo) -> Quantity {
        let of_line = self.asks.iter().flat_map(|ask| &ask.units).filter(|units| units.line == line);
        of_line.map(|units| units.quantity).sum()
    }
    /// When something is due by itself: a node that does not answer, a customer who does not come.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let until = match self.state {
            WorkState::ReadyForPickup { until, .. } => Some(until),
            _ => None,
        };
        self.asks.iter().map(|ask| ask.answer_by).chain(until).min()
    }
    /// The local day its capacity is counted by.
    #[must_use]
    pub fn capacity_day(&self) -> LocalDay {
        capacity_day(&self.work)
    }
    /// Whole units of capacity it needs.
    #[must_use]
    pub fn capacity_units(&self) -> u64 {
        self.lines().map(|(line, progress)| whole_units(progress.live(line.quantity), line.scale)).sum()
    }
    /// Whole units of capacity that are used for good.
    #[must_use]
    pub fn used_units(&self) -> u64 {
        self.lines().map(|(line, progress)| whole_units(progress.shipped, line.scale)).sum()
    }
    /// Whole units of capacity that it takes while it is at the node.
    #[must_use]
    pub fn taken_units(&self) -> u64 {
        if self.state.is_open() { self.capacity_units().saturating_sub(self.used_units()) } else { 0 }
    }
    /// True when the customer collects it.
    #[must_use]
    pub fn is_pickup(&self) -> bool {
        matches!(self.work.destination, WorkDestination::Pickup)
    }
    /// The position of a line in `work.lines`.
    pub(crate) fn index_of(&self, line: LineNo) -> Option<usize> {
        self.work.lines.iter().position(|candidate| candidate.line == line)
    }
}

/// Only the lines that have units.
pub(crate) fn units(lines: impl Iterator<Item = (LineNo, Quantity)>) -> Vec<LineUnits> {
    lines
        .filter(|(_, quantity)| !quantity.is_zero())
        .map(|(line, quantity)| LineUnits { line, quantity })
        .collect()
}

/// The day that work counts against; without one from the planner the UTC day of `ship_by`.
pub(crate) fn capacity_day(work: &Work) -> LocalDay {
    const DAY_MS: i64 = 86_400_000;
    work.capacity_day.unwrap_or_else(|| LocalDay(work.ship_by.as_ms().div_euclid(DAY_MS) as i32))
}

/// Whole units behind a quantity at `scale` decimals, each begun one counted.
pub(crate) fn whole_units(quantity: Quantity, scale: u8) -> u64 {
    quantity.units().div_ceil(10u64.pow(u32::from(scale.min(9))))
}

/// Whole units of capacity that new work needs.
pub(crate) fn capacity_needed(work: &Work) -> u64 {
    work.lines.iter().map(|line| whole_units(line.quantity, line.scale)).sum()
}
