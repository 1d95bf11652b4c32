//! Where a fulfilment order is in its life, and what that means for its units.

use super::Package;
use crate::command::RejectKind;
use minicbor::{Decode, Encode};
use waybill_types::{Reason, Text, Timestamp};

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
