//! What happened to an amendment. Nothing of the order is different before [`AmendmentApplied`].

use super::{CancelledUnits, NewWork};
use crate::content::OrderContent;
use crate::order::{PendingAmendment, Unserved, WorkShare};
use minicbor::{Decode, Encode};
use waybill_types::ReservationId;
use waybill_types::exchange::{Assignment, CostTerm, LineUnits, PlanStamp, TakeOver};
use waybill_types::policy::{ChangeKind, ChangeStage, Verdict};

/// A change was taken.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AmendmentStarted {
    /// Its number within the order.
    #[n(0)]
    pub amendment: u32,
    /// What it is and waits for.
    #[n(1)]
    pub pending: PendingAmendment,
    /// Version of the policy that decided.
    #[n(2)]
    pub policy_version: u64,
    /// What the policy said, in the order of the changes.
    #[n(3)]
    pub decided: Vec<ChangeDecided>,
}

/// What the policy said about one kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChangeDecided {
    /// Index of the change in the request.
    #[n(0)]
    pub change: u16,
    /// What kind it is.
    #[n(1)]
    pub kind: ChangeKind,
    /// The most advanced of the units it concerns.
    #[n(2)]
    pub stage: ChangeStage,
    /// Index of the rule.
    #[n(3)]
    pub rule: Option<u16>,
    /// What it said; never a refusal.
    #[n(4)]
    pub verdict: Verdict,
}

/// The planner is asked for an amendment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AmendmentPlanAsked {
    /// Which.
    #[n(0)]
    pub amendment: u32,
    /// The attempt number that the answer carries.
    #[n(1)]
    pub attempt: u32,
    /// Which try it is, from 1.
    #[n(2)]
    pub tries: u8,
    /// Units of unreleased work that are planned anew.
    #[n(3)]
    pub moves: Vec<WorkShare>,
    /// What the planner is asked for, by line.
    #[n(4)]
    pub units: Vec<LineUnits>,
}

/// The planner answered for an amendment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AmendmentPlanned {
    /// Which.
    #[n(0)]
    pub amendment: u32,
    /// Which units from where.
    #[n(1)]
    pub assignments: Vec<Assignment>,
    /// New units nothing serves.
    #[n(2)]
    pub unserved: Vec<Unserved>,
    /// The reservation that is asked for, all or nothing.
    #[n(3)]
    pub reservation: ReservationId,
    /// Claims of the order's own that it takes over when it is granted.
    #[n(4)]
    pub takes_over: Vec<TakeOver>,
    /// The cost by term.
    #[n(5)]
    pub cost: Vec<CostTerm>,
    /// No plan is cheaper than this, in minor units.
    #[n(6)]
    pub lower_bound_minor: i64,
    /// What it was made from.
    #[n(7)]
    pub stamp: PlanStamp,
}

/// An amendment happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AmendmentApplied {
    /// Which. The order's content is the proposed one from now on.
    #[n(0)]
    pub amendment: u32,
    /// Units called off, from where.
    #[n(1)]
    pub dropped: Vec<CancelledUnits>,
    /// Units called off of those that nodes gave back.
    #[n(2)]
    pub dropped_recalled: Vec<LineUnits>,
    /// Units that leave their node's unreleased work for the new works; their partitions are told.
    #[n(3)]
    pub moved: Vec<WorkShare>,
    /// Units that leave their attempt or their node's unreleased work to be planned anew as the order is now; open and
    /// outside any attempt from now on. Claims that they have stand.
    #[n(4)]
    pub replanned: Vec<CancelledUnits>,
    /// The work of nodes.
    #[n(5)]
    pub works: Vec<NewWork>,
    /// What the works' units stand on; `None` when nothing was reserved.
    #[n(6)]
    pub reservation: Option<ReservationId>,
    /// Claims that the order has no use for any more; given back.
    #[n(7)]
    pub freed: Vec<TakeOver>,
    /// What is ordered from now on, where that is not what was proposed: units left or came back while inventory was asked,
    /// and keep what they cost.
    #[n(8)]
    pub settled: Option<Box<OrderContent>>,
}
