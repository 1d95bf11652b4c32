//! What is said about claims on stock.

use crate::{NodeId, OrderId, OwnerId, Quantity, ReservationId, Sku, Timestamp};
use minicbor::{Decode, Encode};

/// Units of one SKU of one owner at one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Claim {
    /// What.
    #[n(0)]
    pub sku: Sku,
    /// Whose.
    #[n(1)]
    pub owner: OwnerId,
    /// Where.
    #[n(2)]
    pub node: NodeId,
    /// How many, more than zero.
    #[n(3)]
    pub quantity: Quantity,
}

/// What happens when not everything is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ReserveMode {
    /// Everything or nothing.
    #[n(0)]
    AllOrNothing,
    /// What there is.
    #[n(1)]
    BestEffort,
}

/// A reservation to decide.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReserveRequest {
    /// Its name; carries its home.
    #[n(0)]
    pub id: ReservationId,
    /// What is claimed. No two claims share SKU, owner and node: demand is summed first.
    #[n(1)]
    pub claims: Vec<Claim>,
    /// What happens when not everything is there.
    #[n(2)]
    pub mode: ReserveMode,
    /// When it lapses unless committed; `None` is committed at once (an order's own reservation).
    #[n(3)]
    pub expires_at: Option<Timestamp>,
    /// Units of the claimant's own committed reservations that this one takes over when it is granted: they count as
    /// free for it and for nobody else, so that a resize, a move or a split never lets go first. Each stands at a
    /// position that `claims` names too, for at most as many units. A refused request leaves them as they were.
    #[n(4)]
    pub takes_over: Vec<TakeOver>,
}

/// Units of a reservation that another one takes over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TakeOver {
    /// Whose they are until then; committed.
    #[n(0)]
    pub from: ReservationId,
    /// Which units.
    #[n(1)]
    pub claims: Vec<Claim>,
}

/// In which condition goods that came back lie at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Landing {
    /// May be sold again.
    #[n(0)]
    Sellable,
    /// Waits for a look.
    #[n(1)]
    Inspect,
    /// May not be sold.
    #[n(2)]
    Damaged,
    /// Thrown away: no stock.
    #[n(3)]
    Scrapped,
}

/// Goods that came back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LandedGoods {
    /// What, whose, where, how many.
    #[n(0)]
    pub goods: Claim,
    /// In which condition.
    #[n(1)]
    pub landing: Landing,
}

/// What was asked where, and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Shortage {
    /// The claim that could not be met.
    #[n(0)]
    pub asked: Claim,
    /// What is available there now.
    #[n(1)]
    pub available: Quantity,
}

/// The one outcome of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ReserveOutcome {
    /// These claims are granted: all of them, or with best effort what there was (never nothing).
    #[n(0)]
    Granted(#[n(0)] Vec<Claim>),
    /// Nothing is reserved.
    #[n(1)]
    Refused(#[n(0)] Vec<Shortage>),
    /// Nothing is reserved, and only because undecided claims of others stood in the way: worth trying again.
    #[n(2)]
    Contended(#[n(0)] Vec<Shortage>),
}

/// A claim that a partition has granted, used while parts are collected.
pub type Grant = Claim;

/// An undecided reservation on its way from partition to partition, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Part {
    /// The whole reservation as asked.
    #[n(0)]
    pub request: ReserveRequest,
    /// What earlier partitions granted.
    #[n(1)]
    pub granted: Vec<Grant>,
}

/// What a reservation came to, as home tells the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Fate {
    /// Decided yes, still a hold that may lapse.
    #[n(0)]
    Held,
    /// It belongs to an order now.
    #[n(1)]
    Committed,
    /// Given back by its claimant.
    #[n(2)]
    Released,
    /// Lapsed.
    #[n(3)]
    Expired,
    /// Decided no.
    #[n(4)]
    Refused,
}

/// What an order hears about the hold it wants to adopt.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum HoldAnswer {
    /// It is the order's now, with these claims.
    #[n(0)]
    Adopted(#[n(0)] Vec<Claim>),
    /// It lapsed, was released, is unknown, or another order has it.
    #[n(1)]
    Gone(#[n(0)] Option<OrderId>),
}
