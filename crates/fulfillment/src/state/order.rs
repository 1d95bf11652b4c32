//! A fulfilment order: the work of one node for one order and one destination, and how far it has come.

use crate::command::RejectKind;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{LineUnits, Parcel, Work, WorkDestination, WorkLine};
use waybill_types::network::LocalDay;
use waybill_types::{LineNo, Quantity, Reason, Text, Timestamp};

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
    /// Called off whole before it was picked.
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
        }
    }
    pub(crate) const fn whereabouts(&self) -> Whereabouts {
        match self {
            Self::Planned | Self::Released | Self::Accepted | Self::Picking => Whereabouts::Unpicked,
            Self::Picked | Self::Packed { .. } | Self::ReadyForPickup { .. } => Whereabouts::InHand,
            Self::Shipped { .. } | Self::Delivered { .. } | Self::HandedOver { .. } => Whereabouts::Gone,
            Self::Cancelled { .. } | Self::Rejected { .. } | Self::Shorted { .. } => Whereabouts::CalledOff,
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
            | Self::ReadyForPickup { packages, .. }
            | Self::HandedOver { packages, .. } => packages,
            Self::Planned
            | Self::Released
            | Self::Accepted
            | Self::Picking
            | Self::Picked
            | Self::Cancelled { .. }
            | Self::Rejected { .. }
            | Self::Shorted { .. } => &[],
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
    /// Called off before it was picked.
    #[n(2)]
    pub cancelled: Quantity,
    /// Left the node: all that was picked, or none of it.
    #[n(3)]
    pub shipped: Quantity,
    /// Lots of the picked units.
    #[n(4)]
    pub lots: Vec<Text>,
    /// Serial numbers of the picked units.
    #[n(5)]
    pub serials: Vec<Text>,
}

impl LineProgress {
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
