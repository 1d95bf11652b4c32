//! A reservation as one partition keeps it: its own lines, and at home the record of the whole. It knows claims, not
//! why they are made.

use crate::position::Spot;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{Claim, ReserveMode, TakeOver};
use waybill_types::{NodeId, OrderId, OwnerId, Quantity, ReservationId, Sku, Timestamp};

/// One claimed quantity of this partition.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReservationLine {
    /// What.
    #[n(0)]
    pub sku: Sku,
    /// Whose.
    #[n(1)]
    pub owner: OwnerId,
    /// Where.
    #[n(2)]
    pub node: NodeId,
    /// Asked for.
    #[n(3)]
    pub requested: Quantity,
    /// Got; less than requested only with best effort.
    #[n(4)]
    pub granted: Quantity,
    /// Of those granted, given back (or not found).
    #[n(5)]
    pub released: Quantity,
    /// Of those granted, gone out of the building.
    #[n(6)]
    pub consumed: Quantity,
    /// Of those granted, still standing on other reservations, which hand them over when this one is decided.
    #[cbor(n(7), skip_if = "no_units")]
    pub awaited: Quantity,
}

fn no_units(quantity: &Quantity) -> bool {
    quantity.is_zero()
}

impl ReservationLine {
    /// Units that are neither given back nor gone, wherever they stand.
    #[must_use]
    pub fn kept(&self) -> Quantity {
        self.granted.saturating_sub(self.released).saturating_sub(self.consumed)
    }
    /// Units that stand on the position in this reservation's own name. What is given back of a line that awaits units
    /// is taken from these first; what is given back beyond them is free as soon as it is handed over.
    #[must_use]
    pub fn live(&self) -> Quantity {
        self.kept().saturating_sub(self.awaited)
    }
    /// Where.
    #[must_use]
    pub fn spot(&self) -> Spot {
        Spot { sku: self.sku.clone(), owner: self.owner.clone(), node: self.node.clone() }
    }
    /// The claim of `quantity` of its units.
    #[must_use]
    pub fn claim(&self, quantity: Quantity) -> Claim {
        Claim { sku: self.sku.clone(), owner: self.owner.clone(), node: self.node.clone(), quantity }
    }
    /// A new line: `granted` units of what is claimed.
    pub(crate) fn granted(claim: &Claim, granted: Quantity) -> Self {
        Self {
            sku: claim.sku.clone(),
            owner: claim.owner.clone(),
            node: claim.node.clone(),
            requested: claim.quantity,
            granted,
            released: Quantity::ZERO,
            consumed: Quantity::ZERO,
            awaited: Quantity::ZERO,
        }
    }
    fn is_at(&self, claim: &Claim) -> bool {
        self.sku == claim.sku && self.owner == claim.owner && self.node == claim.node
    }
}

/// What the claimant asked for while the parts were still undecided; home acts on it when they are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Intent {
    /// Give it back.
    #[n(0)]
    Release,
    /// Make it this order's.
    #[n(1)]
    Adopt(#[n(0)] OrderId),
}

/// Where a live reservation stands in this partition. What has ended has no row.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Standing {
    /// Parts are being collected; counts as reserved and has no expiry of its own.
    #[n(0)]
    Undecided {
        /// At home: when the last part is asked to end it. At a part: when home is asked. `None` when already done.
        #[n(0)]
        due: Option<Timestamp>,
        /// When it lapses once it is held; `None` is committed when decided.
        #[n(1)]
        expires_at: Option<Timestamp>,
        /// The order it is for, where the claimant said so.
        #[n(2)]
        order: Option<OrderId>,
        /// At home: what the claimant wants done when it is decided.
        #[n(3)]
        intent: Option<Intent>,
    },
    /// A hold; only home may end it.
    #[n(1)]
    Held {
        /// When it lapses.
        #[n(0)]
        expires_at: Timestamp,
    },
    /// It belongs to an order and does not lapse.
    #[n(2)]
    Committed {
        /// The order; parts of a hold are not told which.
        #[n(0)]
        order: Option<OrderId>,
    },
}

/// A live reservation in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reservation {
    /// Where it stands.
    #[n(0)]
    pub standing: Standing,
    /// What happens when not everything is there.
    #[n(1)]
    pub mode: ReserveMode,
    /// When this partition took it.
    #[n(2)]
    pub created_at: Timestamp,
    /// Raised by each change here, from 1.
    #[n(3)]
    pub revision: u64,
    /// This partition's lines.
    #[n(4)]
    pub lines: Vec<ReservationLine>,
    /// All partitions it touches, home first, then ascending.
    #[n(5)]
    pub chain: Vec<u8>,
    /// At home, once decided: what other partitions granted. At an undecided last part: what the earlier ones granted.
    #[n(6)]
    pub elsewhere: Vec<Claim>,
    /// While it is undecided: units of others here that it takes over when it is decided. They stand in the other's name
    /// until then, and nobody else can have them.
    #[cbor(n(7), skip_if = "Vec::is_empty")]
    pub taking: Vec<TakeOver>,
    /// Undecided reservations that take units of this one over, here.
    #[cbor(n(8), skip_if = "Vec::is_empty")]
    pub takers: Vec<ReservationId>,
    /// Given back while several take units of it over: what of it nobody takes in the end is free then.
    #[cbor(n(9), skip_if = "Vec::is_empty")]
    pub owed: Vec<Claim>,
}

impl Reservation {
    /// True while it is not decided.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.standing, Standing::Undecided { .. })
    }
    /// Units that still stand on positions of this partition.
    #[must_use]
    pub fn live(&self) -> Quantity {
        self.lines.iter().map(ReservationLine::live).sum()
    }
    /// This partition's live claims.
    #[must_use]
    pub fn live_claims(&self) -> Vec<Claim> {
        let live = self.lines.iter().filter(|line| !line.live().is_zero());
        live.map(|line| line.claim(line.live())).collect()
    }
    /// What this partition's lines claim, wherever the units stand.
    #[must_use]
    pub fn kept_claims(&self) -> Vec<Claim> {
        let kept = self.lines.iter().filter(|line| !line.kept().is_zero());
        kept.map(|line| line.claim(line.kept())).collect()
    }
    /// What was granted here and, where it is known, elsewhere.
    #[must_use]
    pub fn granted(&self) -> Vec<Claim> {
        let own = self.lines.iter().filter(|line| !line.granted.is_zero());
        own.map(|line| line.claim(line.granted)).chain(self.elsewhere.iter().cloned()).collect()
    }
    /// The line a claim is about.
    #[must_use]
    pub fn line(&self, claim: &Claim) -> Option<&ReservationLine> {
        self.lines.iter().find(|line| line.is_at(claim))
    }
    /// Live units of the claim's line, at most the claim's quantity.
    #[must_use]
    pub fn live_of(&self, claim: &Claim) -> Quantity {
        self.line(claim).map_or(Quantity::ZERO, |line| line.live().min(claim.quantity))
    }
    /// Units of the claim's line that are neither given back nor gone, at most the claim's quantity.
    #[must_use]
    pub fn kept_of(&self, claim: &Claim) -> Quantity {
        self.line(claim).map_or(Quantity::ZERO, |line| line.kept().min(claim.quantity))
    }
    /// How many units of `from` it takes over at the claim's position when it is decided.
    #[must_use]
    pub fn taking_of(&self, from: ReservationId, claim: &Claim) -> Quantity {
        let claims = self.taking.iter().filter(|take| take.from == from).flat_map(|take| &take.claims);
        claims.filter(|taken| at_same_place(taken, claim)).map(|taken| taken.quantity).sum()
    }
    /// What is granted elsewhere at the claim's position, at most the claim's quantity.
    #[must_use]
    pub fn elsewhere_of(&self, claim: &Claim) -> Quantity {
        let found = self.elsewhere.iter().find(|c| at_same_place(c, claim));
        found.map_or(Quantity::ZERO, |c| c.quantity.min(claim.quantity))
    }
    /// Nothing is left of it here that anyone may still ask for.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        match self.standing {
            Standing::Undecided { .. } => false,
            // Home's record of a hold stands for units elsewhere; a committed reservation is its parts.
            Standing::Held { .. } => self.live().is_zero() && self.elsewhere.is_empty(),
            Standing::Committed { .. } => self.live().is_zero(),
        }
    }

    pub(crate) fn release(&mut self, claim: &Claim) {
        match self.lines.iter_mut().find(|line| line.is_at(claim)) {
            Some(line) => line.released = line.released.plus(claim.quantity),
            None => {
                for other in self.elsewhere.iter_mut().filter(|c| at_same_place(c, claim)) {
                    other.quantity = other.quantity.saturating_sub(claim.quantity);
                }
                self.elsewhere.retain(|c| !c.quantity.is_zero());
            }
        }
    }
    /// What it owes of the claim's position.
    pub(crate) fn owed_of(&self, claim: &Claim) -> Quantity {
        self.owed.iter().filter(|owed| at_same_place(owed, claim)).map(|owed| owed.quantity).sum()
    }
    /// Units of `from` are handed over and stand in this reservation's name; what of them it has given back already is
    /// not counted in the answer.
    pub(crate) fn take_in(&mut self, from: ReservationId, claim: &Claim) -> Quantity {
        for take in self.taking.iter_mut().filter(|take| take.from == from) {
            for taken in take.claims.iter_mut().filter(|taken| at_same_place(taken, claim)) {
                taken.quantity = taken.quantity.saturating_sub(claim.quantity);
            }
            take.claims.retain(|taken| !taken.quantity.is_zero());
        }
        self.taking.retain(|take| !take.claims.is_empty());
        let Some(line) = self.lines.iter_mut().find(|line| line.is_at(claim)) else {
            panic!("{claim:?} is handed over to a reservation that does not claim there");
        };
        let before = line.live();
        line.awaited = line.awaited.saturating_sub(claim.quantity);
        line.live().saturating_sub(before)
    }
    /// Adds units to the line at the claim's position, or such a line.
    pub(crate) fn add(&mut self, claim: &Claim) {
        match self.lines.iter_mut().find(|line| line.is_at(claim)) {
            Some(line) => {
                line.requested = line.requested.plus(claim.quantity);
                line.granted = line.granted.plus(claim.quantity);
            }
            None => self.lines.push(ReservationLine::granted(claim, claim.quantity)),
        }
    }
    pub(crate) fn consume(&mut self, claim: &Claim) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.is_at(claim)) {
            line.consumed = line.consumed.plus(claim.quantity);
        }
    }
    pub(crate) fn release_all(&mut self) {
        for line in &mut self.lines {
            line.released = line.released.plus(line.live());
        }
        self.elsewhere.clear();
    }

    /// What a caller is told about it.
    #[must_use]
    pub fn view(&self, id: ReservationId) -> ReservationView {
        let (state, order, expires_at) = match &self.standing {
            Standing::Undecided { order, expires_at, .. } => {
                (ReservationState::Undecided, *order, *expires_at)
            }
            Standing::Held { expires_at } => (ReservationState::Held, None, Some(*expires_at)),
            Standing::Committed { order } => (ReservationState::Committed, *order, None),
        };
        let consumed = self.lines.iter().any(|line| !line.consumed.is_zero());
        let state = match (self.is_spent(), consumed) {
            (false, _) => state,
            (true, true) => ReservationState::Consumed,
            (true, false) => ReservationState::Released,
        };
        ReservationView {
            id,
            state,
            revision: self.revision,
            lines: self.lines.clone(),
            elsewhere: self.elsewhere.clone(),
            chain: self.chain.clone(),
            order: order.or_else(|| order_of(id)),
            expires_at,
            created_at: Some(self.created_at),
        }
    }
}

/// True when both are about the same position.
#[must_use]
pub fn at_same_place(a: &Claim, b: &Claim) -> bool {
    a.sku == b.sku && a.owner == b.owner && a.node == b.node
}

/// The order that an order's own reservation belongs to.
#[must_use]
pub fn order_of(id: ReservationId) -> Option<OrderId> {
    match id {
        ReservationId::Order { order, .. } => Some(order),
        ReservationId::Hold { .. } => None,
    }
}

/// Where a reservation is in its life, as callers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ReservationState {
    /// Parts in several partitions are being asked.
    #[n(0)]
    Undecided,
    /// Held until it expires.
    #[n(1)]
    Held,
    /// Belongs to an order.
    #[n(2)]
    Committed,
    /// Ended; at least one unit was consumed here.
    #[n(3)]
    Consumed,
    /// Given back.
    #[n(4)]
    Released,
}

/// What a partition knows of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReservationView {
    /// Its name.
    #[n(0)]
    pub id: ReservationId,
    /// Where it is in its life.
    #[n(1)]
    pub state: ReservationState,
    /// Raised by each change here; 0 when the id was unknown.
    #[n(2)]
    pub revision: u64,
    /// This partition's lines.
    #[n(3)]
    pub lines: Vec<ReservationLine>,
    /// What is known to be granted in other partitions.
    #[n(4)]
    pub elsewhere: Vec<Claim>,
    /// All partitions it touches, home first.
    #[n(5)]
    pub chain: Vec<u8>,
    /// The order it belongs to, where this partition knows.
    #[n(6)]
    pub order: Option<OrderId>,
    /// When a hold lapses.
    #[n(7)]
    pub expires_at: Option<Timestamp>,
    /// When it was taken here; `None` when the id was unknown.
    #[n(8)]
    pub created_at: Option<Timestamp>,
}
