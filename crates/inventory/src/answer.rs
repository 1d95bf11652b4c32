//! What callers are told. Journaled with the request id, so that a retry hears the same.

use crate::code::AliasClaim;
use crate::position::{Position, Spot};
use crate::refusal::RowRefusal;
use crate::reservation::ReservationView;
use minicbor::{Decode, Encode};
use waybill_types::{OwnerId, Sku};

/// A position with its name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PositionView {
    /// What.
    #[n(0)]
    pub sku: Sku,
    /// Whose.
    #[n(1)]
    pub owner: OwnerId,
    /// Where and how much.
    #[n(2)]
    pub position: Position,
}

impl PositionView {
    /// The view of `position` at `spot`.
    #[must_use]
    pub fn new(spot: &Spot, position: Position) -> Self {
        Self { sku: spot.sku.clone(), owner: spot.owner.clone(), position }
    }
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ItemOutcome {
    /// It is new.
    #[n(0)]
    Created(#[n(0)] u64),
    /// It has this revision now.
    #[n(1)]
    Updated(#[n(0)] u64),
    /// It was so already.
    #[n(2)]
    Unchanged(#[n(0)] u64),
    /// Not written.
    #[n(3)]
    Refused(#[n(0)] RowRefusal),
}

/// What became of one count.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CountOutcome {
    /// The position has this revision now.
    #[n(0)]
    Applied(#[n(0)] u64),
    /// Not newer than what was known.
    #[n(1)]
    Ignored(#[n(0)] u64),
    /// Not booked.
    #[n(2)]
    Refused(#[n(0)] RowRefusal),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// To ticks and messages.
    #[n(0)]
    Nothing,
    /// One per row.
    #[n(1)]
    Items(#[n(0)] Vec<ItemOutcome>),
    /// The position afterwards.
    #[n(2)]
    Position(#[n(0)] PositionView),
    /// The position afterwards, and whether the count was taken.
    #[n(3)]
    Counted(#[n(0)] PositionView, #[n(1)] bool),
    /// One per row.
    #[n(4)]
    CountedMany(#[n(0)] Vec<CountOutcome>),
    /// The reservation afterwards, as this partition knows it.
    #[n(5)]
    Reservation(#[n(0)] ReservationView),
    /// One per code: the claim that stands in the way, or none.
    #[n(6)]
    Codes(#[n(0)] Vec<Option<AliasClaim>>),
}
