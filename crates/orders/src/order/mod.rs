//! The changing part of an order: where its units are, what was tried, which nodes work for it. What was ordered is
//! [`crate::content::OrderContent`]; its status is computed in [`crate::status`].

mod amendment;
mod attempt;
mod back;
mod hold;
mod recall;
mod work;

pub use amendment::{
    Amendment, AmendmentRefused, AmendmentState, AmendmentWait, CallOff, PendingAmendment, RecalledUnits,
    Replan, WorkShare,
};
pub use attempt::{Attempt, AttemptState, Ending, Pinned, PinnedUnits};
pub use back::{LookedAt, Return, ReturnState, ReturnUnits};
pub use hold::{OrderHold, Resolved};
pub use recall::{Recall, RecallPurpose};
pub use work::{WorkRef, WorkState, WorkUnits};

use crate::content::{LookupKind, OrderContent};
use crate::state::Opening;
use crate::units::Buckets;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{PromiseWindow, Shortage, UnplannedReason};
use waybill_types::{LineNo, NodeId, OwnerId, Quantity, Sku, Timestamp};

/// How far the order as a whole is with its caller.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Stage {
    /// To be confirmed and neither confirmed nor refused yet.
    #[n(0)]
    Pending {
        /// Refused when undecided by then.
        #[n(0)]
        confirm_by: Timestamp,
    },
    /// Accepted, or confirmed.
    #[n(1)]
    Standing,
    /// Refused; its number is free again.
    #[n(2)]
    Refused(#[n(0)] RefusedWhy),
}

/// Why an order was refused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefusedWhy {
    /// What could not be served.
    #[n(0)]
    pub unserved: Vec<Unserved>,
    /// What inventory said last, where it was asked.
    #[n(1)]
    pub shortages: Vec<Shortage>,
}

/// Why units are not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum UnservedReason {
    /// No node that may serve it has any.
    #[n(0)]
    NoStock,
    /// Nodes have it but none reaches the destination.
    #[n(1)]
    NoRoute,
    /// The pickup node is unknown, inactive or does not hand over.
    #[n(2)]
    NoPickup,
    /// Others were faster at every try.
    #[n(3)]
    Contended,
    /// Every node that was asked said no or did not find it.
    #[n(4)]
    NodesRefused,
    /// The planner cannot plan it, such as for an address that was erased.
    #[n(5)]
    Unplannable,
    /// Not decided in time.
    #[n(6)]
    TooLate,
}

impl From<UnplannedReason> for UnservedReason {
    fn from(reason: UnplannedReason) -> Self {
        match reason {
            UnplannedReason::NoStock => Self::NoStock,
            UnplannedReason::NoRoute => Self::NoRoute,
            UnplannedReason::NoPickup => Self::NoPickup,
        }
    }
}

impl UnservedReason {
    /// True when waiting for stock alone may never end it: somebody has to look.
    #[must_use]
    pub const fn needs_somebody(self) -> bool {
        match self {
            Self::NoRoute | Self::NoPickup | Self::NodesRefused | Self::Unplannable => true,
            Self::NoStock | Self::Contended | Self::TooLate => false,
        }
    }
    /// The name used in facts and timelines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStock => "no_stock",
            Self::NoRoute => "no_route",
            Self::NoPickup => "no_pickup",
            Self::Contended => "contended",
            Self::NodesRefused => "nodes_refused",
            Self::Unplannable => "unplannable",
            Self::TooLate => "too_late",
        }
    }
}

/// Units of a line that nothing serves now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Unserved {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Why.
    #[n(2)]
    pub reason: UnservedReason,
}

/// Where the units of one line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LineState {
    /// In which buckets.
    #[n(0)]
    pub buckets: Buckets,
    /// Of the units still on their way, those a node was asked to stop. A mark, not a bucket.
    #[n(1)]
    pub cancel_requested: Quantity,
    /// Inventory knows that the order waits for the line's SKU; until none of its units is open or backordered.
    #[n(2)]
    pub awaited: bool,
    /// Why units wait and since when; until none of them is open or backordered.
    #[n(3)]
    pub waits: Option<Waits>,
}

/// Why units of a line wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Waits {
    /// Why; a reason that needs somebody stays until all units are served.
    #[n(0)]
    pub reason: UnservedReason,
    /// Since when for that kind of reason.
    #[n(1)]
    pub since: Timestamp,
}

/// Goods that a node did not find or rejected.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Shunned {
    /// What.
    #[n(0)]
    pub sku: Sku,
    /// Whose.
    #[n(1)]
    pub owner: OwnerId,
    /// Where.
    #[n(2)]
    pub node: NodeId,
}

/// The changing part of an order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Order {
    /// How many entries its history has; raised by each event.
    #[n(0)]
    pub revision: u64,
    /// How far it is with its caller.
    #[n(1)]
    pub stage: Stage,
    /// Where units are; line number n stands at index n - 1.
    #[n(2)]
    pub lines: Vec<LineState>,
    /// Live attempts and the last ones that are over, by number.
    #[n(3)]
    pub attempts: Vec<Attempt>,
    /// The last number given to an attempt.
    #[n(4)]
    pub last_attempt: u32,
    /// Work of nodes, by number; work that came to nothing is dropped from here after a while.
    #[n(5)]
    pub works: Vec<WorkRef>,
    /// The last number given to a fulfilment order.
    #[n(6)]
    pub last_work: u16,
    /// When it last changed.
    #[n(7)]
    pub updated_at: Timestamp,
    /// Its personal data was destroyed.
    #[n(8)]
    pub erased: bool,
    /// The newest history entries, not yet moved to a chunk.
    #[n(9)]
    pub tail: Tail,
    /// What is ordered now, where an amendment or an exchange changed it; `None` is as placed.
    #[n(10)]
    pub amended: Option<Box<OrderContent>>,
    /// The pending amendment and the last ones that are over, by number.
    #[n(11)]
    pub amendments: Vec<Amendment>,
    /// The last number given to an amendment.
    #[n(12)]
    pub last_amendment: u32,
    /// Holds, by number; those that stand and the last ones that were resolved.
    #[n(13)]
    pub holds: Vec<OrderHold>,
    /// The last number given to a hold.
    #[n(14)]
    pub last_hold: u16,
    /// Returns, by number.
    #[n(15)]
    pub returns: Vec<Return>,
    /// Cancels that nodes' partitions have not answered in full, by number.
    #[n(16)]
    pub recalls: Vec<Recall>,
    /// The last number given to a recall.
    #[n(17)]
    pub last_recall: u32,
    /// Goods that a node did not have or would not give: nobody asks it again until its stock has changed.
    #[n(18)]
    pub shunned: Vec<Shunned>,
    /// The last attempt that was numbered when stock the order waits for arrived during one: none up to it has surely seen
    /// that stock. 0 where there was none.
    #[cbor(n(19), skip_if = "never")]
    pub heard: u32,
}

/// An attempt's number that stands for none takes no bytes.
fn never(attempt: &u32) -> bool {
    *attempt == 0
}

/// The newest history entries and how many chunks stand before them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tail {
    /// Chunks in the history table, numbered from 0.
    #[n(0)]
    pub chunks: u16,
    /// Encoded entries, oldest first.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub entries: Vec<u8>,
}

impl Order {
    /// What is ordered now.
    #[must_use]
    pub fn content<'a>(&'a self, opening: &'a Opening) -> &'a OrderContent {
        self.amended.as_deref().unwrap_or_else(|| opening.content())
    }
    /// The amendment that is pending.
    #[must_use]
    pub fn pending_amendment(&self) -> Option<(u32, &PendingAmendment)> {
        self.amendments.iter().find_map(|amendment| Some((amendment.number, amendment.pending()?)))
    }
    /// Holds that nobody has resolved.
    pub fn standing_holds(&self) -> impl Iterator<Item = &OrderHold> {
        self.holds.iter().filter(|hold| hold.stands())
    }
    /// Nodes that nobody asks for a line's goods until their stock has changed, by name.
    #[must_use]
    pub fn shunned_for(&self, content: &OrderContent, line: LineNo) -> Vec<NodeId> {
        let Some(line) = content.line(line) else { return Vec::new() };
        let same = |shunned: &&Shunned| shunned.sku == line.sku && shunned.owner == line.owner;
        let mut nodes: Vec<NodeId> = self.shunned.iter().filter(same).map(|s| s.node.clone()).collect();
        nodes.sort();
        nodes
    }
    /// The return with this number.
    #[must_use]
    pub fn return_numbered(&self, number: u16) -> Option<&Return> {
        self.returns.iter().find(|back| back.number == number)
    }
    /// The state of a line.
    #[must_use]
    pub fn line(&self, line: LineNo) -> Option<&LineState> {
        self.lines.get(usize::from(line.0).checked_sub(1)?)
    }
    /// The attempt with this number, if it is still listed.
    #[must_use]
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }
    /// The work with this number, if it is still listed.
    #[must_use]
    pub fn work(&self, number: u16) -> Option<&WorkRef> {
        self.works.iter().find(|work| work.id.number == number)
    }
    /// True when stock arrived that this attempt may have been too early to see.
    #[must_use]
    pub const fn missed_news(&self, attempt: u32) -> bool {
        attempt <= self.heard
    }
    /// Attempts that are not over.
    pub fn live_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.is_live())
    }
    /// The dates the customer was given: the widest over all work that is not called off.
    #[must_use]
    pub fn promise(&self) -> Option<PromiseWindow> {
        let live = self.works.iter().filter(|work| work.lines.iter().any(|units| !units.all().is_zero()));
        live.map(|work| work.promise).reduce(widest)
    }
    /// The same, for one line.
    #[must_use]
    pub fn line_promise(&self, line: LineNo) -> Option<PromiseWindow> {
        let serves =
            |work: &&WorkRef| work.lines.iter().any(|units| units.line == line && !units.all().is_zero());
        self.works.iter().filter(serves).map(|work| work.promise).reduce(widest)
    }
    /// The order without its history, for comparing with one rebuilt from history.
    #[must_use]
    pub fn without_history(&self) -> Order {
        Order { tail: Tail::default(), ..self.clone() }
    }
}

/// The window that covers both.
#[must_use]
pub fn widest(a: PromiseWindow, b: PromiseWindow) -> PromiseWindow {
    PromiseWindow { earliest: a.earliest.min(b.earliest), latest: a.latest.max(b.latest) }
}

/// Kinds of look-up that an erasure removes.
#[must_use]
pub const fn is_erased_with_subject(kind: LookupKind) -> bool {
    match kind {
        LookupKind::Phone
        | LookupKind::Email
        | LookupKind::MemberCard
        | LookupKind::SocialId
        | LookupKind::NamePrefix => true,
        LookupKind::Customer => false,
    }
}
