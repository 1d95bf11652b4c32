//! What happened to an order. Stored for good: a variant's meaning never changes, a new meaning is a new variant, fields
//! are only added at the end and as options. Each carries only what happened, with nothing left to decide.

mod amend;
mod exception;
mod recall;
mod returns;

pub use amend::{AmendmentApplied, AmendmentPlanAsked, AmendmentPlanned, AmendmentStarted, ChangeDecided};
pub use exception::{ExceptionAnswer, ExceptionAnswered};
pub use recall::RecallAnswered;
pub use returns::{AskedBack, Found, ReplacementsJoined, ReturnReceived, ReturnRequested};

use crate::content::OrderContent;
use crate::order::{AmendmentRefused, Pinned, PinnedUnits, RecallPurpose, RefusedWhy, Unserved};
use crate::units::Buckets;
use minicbor::{Decode, Encode};
use std::sync::Arc;
use waybill_types::exchange::{
    Assignment, Claim, CostTerm, LineUnits, PlanStamp, PromiseWindow, RecallManner, ReserveMode, Shortage,
    Step, WorkRefusal,
};
use waybill_types::network::LocalDay;
use waybill_types::policy::{HoldType, OrderPolicy};
use waybill_types::{
    LineNo, NodeId, OrderId, OwnerId, Quantity, ReservationId, ServiceId, Sku, Text, Timestamp,
};

/// One thing that happened to one order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// Which order.
    #[n(0)]
    pub order: OrderId,
    /// What.
    #[n(1)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum What {
    /// The order exists. Its first attempt begins with it: to adopt its hold, or to plan.
    #[n(0)]
    OrderPlaced(#[cbor(n(0), with = "waybill_machine::record::shared")] Arc<OrderPlaced>),
    /// A finished order was taken over as history.
    #[n(1)]
    OrderImported(#[n(0)] Box<OrderImported>),
    /// Inventory handed a hold over; the planner is asked for its dates.
    #[n(2)]
    HoldAdopted {
        /// The attempt that stands on it.
        #[n(0)]
        attempt: u32,
        /// The units of the order it covers; the attempt is for these from now on.
        #[n(1)]
        pinned: Vec<PinnedUnits>,
        /// What the order has no use for; given back.
        #[n(2)]
        surplus: Vec<Claim>,
    },
    /// The hold had lapsed; its units are planned like any other.
    #[n(3)]
    HoldGone {
        /// The attempt that wanted it.
        #[n(0)]
        attempt: u32,
        /// The order that has it, where one does.
        #[n(1)]
        taken_by: Option<OrderId>,
    },
    /// Units are to be sourced: the planner is asked now or later.
    #[n(4)]
    AttemptStarted(#[n(0)] AttemptStarted),
    /// The planner is asked for an attempt that had waited.
    #[n(5)]
    PlanAsked {
        /// Which.
        #[n(0)]
        attempt: u32,
    },
    /// The planner answered; what it planned is asked of inventory unless it is reserved already.
    #[n(6)]
    PlanRecorded(#[n(0)] PlanRecorded),
    /// Inventory granted what was planned, and nodes are given their work.
    #[n(7)]
    ReservationGranted(#[n(0)] ReservationGranted),
    /// Inventory refused; nothing is reserved.
    #[n(8)]
    ReservationRefused {
        /// The attempt.
        #[n(0)]
        attempt: u32,
        /// Only undecided claims of others stood in the way.
        #[n(1)]
        contended: bool,
        /// What was asked and what is there.
        #[n(2)]
        shortages: Vec<Shortage>,
    },
    /// Units wait for stock from now on.
    #[n(9)]
    UnitsBackordered {
        /// Open units outside any attempt.
        #[n(0)]
        units: Vec<Unserved>,
    },
    /// Units were called off.
    #[n(10)]
    UnitsCancelled {
        /// Why.
        #[n(0)]
        cause: CancelCause,
        /// Which, from where.
        #[n(1)]
        units: Vec<CancelledUnits>,
    },
    /// A pending order is confirmed.
    #[n(11)]
    OrderConfirmed,
    /// A pending order is refused: nothing of it is reserved and its number is free.
    #[n(12)]
    OrderRefused(#[n(0)] RefusedWhy),
    /// The node's partition has the work.
    #[n(13)]
    WorkPlanned {
        /// Number of the fulfilment order.
        #[n(0)]
        work: u16,
    },
    /// The node's partition cannot take the work; its units are open and its claims given back.
    #[n(14)]
    WorkRefused {
        /// Number of the fulfilment order.
        #[n(0)]
        work: u16,
        /// Why.
        #[n(1)]
        refusal: WorkRefusal,
        /// The units it was to pick.
        #[n(2)]
        units: Vec<LineUnits>,
    },
    /// Work is released to its nodes.
    #[n(15)]
    WorkReleased {
        /// Numbers of the fulfilment orders.
        #[n(0)]
        works: Vec<u16>,
    },
    /// Something happened at the node. Units that were shorted or rejected are open.
    #[n(16)]
    WorkProgressed {
        /// Number of the fulfilment order.
        #[n(0)]
        work: u16,
        /// What.
        #[n(1)]
        step: Step,
    },
    /// The node's partition answered a cancel.
    #[n(17)]
    WorkRecalled(#[n(0)] RecallAnswered),
    /// The key of the order's personal data was destroyed.
    #[n(18)]
    SubjectErased,
    /// The order, or a line of it, must not go on.
    #[n(19)]
    OrderHoldPlaced {
        /// The hold's number within the order.
        #[n(0)]
        hold: u16,
        /// Which line; `None` is all of it.
        #[n(1)]
        line: Option<LineNo>,
        /// What it is and stops, as the policy has it now.
        #[n(2)]
        kind: HoldType,
        /// Why; may be empty.
        #[n(3)]
        note: Text,
    },
    /// A hold ended.
    #[n(20)]
    OrderHoldResolved {
        /// The hold's number.
        #[n(0)]
        hold: u16,
        /// What was found out; may be empty.
        #[n(1)]
        note: Text,
    },
    /// A policy came into force in this partition. About no order: the number of its id is 0, and no order's history has
    /// it.
    #[n(21)]
    OrderPolicySet {
        /// Its version.
        #[n(0)]
        version: u64,
        /// The whole policy.
        #[n(1)]
        policy: Box<OrderPolicy>,
    },
    /// A node's partition is asked to stop units that were released.
    #[n(40)]
    RecallAsked {
        /// The recall's number within the order.
        #[n(0)]
        recall: u32,
        /// Number of the fulfilment order.
        #[n(1)]
        work: u16,
        /// Which units.
        #[n(2)]
        units: Vec<LineUnits>,
        /// What becomes of units in hand.
        #[n(3)]
        manner: RecallManner,
        /// What for.
        #[n(4)]
        purpose: RecallPurpose,
    },
    /// Stock of goods that a node did not have or would not give has risen there: it may be asked again.
    #[n(41)]
    NodeRestocked {
        /// Where.
        #[n(0)]
        node: NodeId,
        /// What.
        #[n(1)]
        sku: Sku,
        /// Whose.
        #[n(2)]
        owner: OwnerId,
    },
    /// Stock that the order waits for arrived while units of the same goods were being planned or reserved: what these
    /// attempts do not serve is planned once more, since they may have looked too early.
    #[n(42)]
    StockHeard {
        /// What.
        #[n(0)]
        sku: Sku,
        /// Whose.
        #[n(1)]
        owner: OwnerId,
    },
    /// Somebody looked at units that wait for more than stock, and said what is to become of them.
    #[n(43)]
    ExceptionAnswered(#[n(0)] ExceptionAnswered),
    /// A change was taken. It waits for what it needs; an amendment that needs nothing is applied right after.
    #[n(22)]
    AmendmentStarted(#[n(0)] Box<AmendmentStarted>),
    /// Somebody with the right to said yes.
    #[n(23)]
    AmendmentApproved {
        /// Which.
        #[n(0)]
        amendment: u32,
        /// It must be done by then.
        #[n(1)]
        deadline: Timestamp,
    },
    /// The planner is asked where the units of a pending amendment could come from.
    #[n(24)]
    AmendmentPlanAsked(#[n(0)] AmendmentPlanAsked),
    /// The planner answered; what it planned is asked of inventory.
    #[n(25)]
    AmendmentPlanned(#[n(0)] Box<AmendmentPlanned>),
    /// Inventory refused; nothing has changed there, and the planner is asked again later.
    #[n(26)]
    AmendmentUnreserved {
        /// Which.
        #[n(0)]
        amendment: u32,
        /// Only undecided claims of others stood in the way.
        #[n(1)]
        contended: bool,
        /// What was asked and what is there.
        #[n(2)]
        shortages: Vec<Shortage>,
        /// When the planner is asked again.
        #[n(3)]
        until: Timestamp,
    },
    /// All of an amendment has happened: the order is what it was to become.
    #[n(27)]
    AmendmentApplied(#[n(0)] Box<AmendmentApplied>),
    /// Nothing of an amendment happens. Units that nodes gave back for it are open and outside any attempt.
    #[n(28)]
    AmendmentRefused {
        /// Which.
        #[n(0)]
        amendment: u32,
        /// Why.
        #[n(1)]
        why: AmendmentRefused,
    },
    /// Goods are to come back.
    #[n(60)]
    ReturnRequested(#[n(0)] Box<ReturnRequested>),
    /// Somebody said yes or no to a return.
    #[n(61)]
    ReturnDecided {
        /// The return's number.
        #[n(0)]
        number: u16,
        /// Yes.
        #[n(1)]
        authorised: bool,
    },
    /// Goods of a return lie at a node and were looked at: those that were taken are returned.
    #[n(62)]
    ReturnReceived(#[n(0)] Box<ReturnReceived>),
    /// Nothing more of a return will come.
    #[n(63)]
    ReturnClosed {
        /// The return's number.
        #[n(0)]
        number: u16,
        /// Paid back because of it, in minor units: what was taken for an exchange that comes to nothing.
        #[n(1)]
        refund: i64,
        /// Nobody said so: the time for it to come has passed.
        #[n(2)]
        lapsed: bool,
    },
    /// What the customer gets for goods that came back is part of the order now.
    #[n(64)]
    ReplacementsJoined(#[n(0)] Box<ReplacementsJoined>),
}

/// The order exists.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OrderPlaced {
    /// What was ordered.
    #[n(0)]
    pub content: OrderContent,
    /// A pending order is refused when undecided by then; `None` for an accepted one.
    #[n(1)]
    pub confirm_by: Option<Timestamp>,
    /// Holds it begins with, numbered from 1.
    #[n(2)]
    pub holds: Vec<HoldType>,
}

/// A finished order from before.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OrderImported {
    /// What was ordered.
    #[n(0)]
    pub content: OrderContent,
    /// Where the units of each line ended, by index.
    #[n(1)]
    pub ended: Vec<Buckets>,
    /// The node that served each line, where known, by index.
    #[n(2)]
    pub nodes: Vec<Option<NodeId>>,
}

/// Units are to be sourced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AttemptStarted {
    /// Its number.
    #[n(0)]
    pub attempt: u32,
    /// The units it is for.
    #[n(1)]
    pub units: Vec<LineUnits>,
    /// Where they were: open and outside any attempt, or backordered.
    #[n(2)]
    pub source: AttemptSource,
    /// Which try of this planning round, from 1.
    #[n(3)]
    pub tries: u8,
    /// How often nodes sent these units back in this round.
    #[n(4)]
    pub bounces: u8,
    /// Nodes that must not be used.
    #[n(5)]
    pub excluded: Vec<NodeId>,
    /// The planner is asked then; `None` is now.
    #[n(6)]
    pub until: Option<Timestamp>,
    /// Claims that the units stand on already: they are planned exactly there.
    #[n(7)]
    pub pinned: Option<Pinned>,
}

/// Where the units of a new attempt were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AttemptSource {
    /// Open, outside any attempt.
    #[n(0)]
    Open,
    /// Backordered; stock has arrived.
    #[n(1)]
    Backordered,
}

/// The planner answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PlanRecorded {
    /// For which attempt.
    #[n(0)]
    pub attempt: u32,
    /// Which units from where; only units the attempt is still for.
    #[n(1)]
    pub assignments: Vec<Assignment>,
    /// Units nothing serves; open and outside the attempt from now on.
    #[n(2)]
    pub unserved: Vec<Unserved>,
    /// The reservation that is asked for, or the hold's; `None` when nothing was assigned, or too little for an order
    /// that must be served whole. Then all units are open and outside the attempt from now on.
    #[n(3)]
    pub reservation: Option<ReservationId>,
    /// How it is asked for.
    #[n(4)]
    pub mode: ReserveMode,
    /// Claims of an adopted hold that the plan has no use for; given back.
    #[n(5)]
    pub surplus: Vec<Claim>,
    /// The cost by term.
    #[n(6)]
    pub cost: Vec<CostTerm>,
    /// No plan is cheaper than this, in minor units.
    #[n(7)]
    pub lower_bound_minor: i64,
    /// What it was made from.
    #[n(8)]
    pub stamp: PlanStamp,
    /// The reservation that the attempt's units stood on already; `surplus` is given back to it.
    #[n(9)]
    pub pinned: Option<ReservationId>,
}

/// Inventory granted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReservationGranted {
    /// For which attempt.
    #[n(0)]
    pub attempt: u32,
    /// What the nodes are given.
    #[n(1)]
    pub works: Vec<NewWork>,
    /// Granted claims that the order has no use for any more; given back.
    #[n(2)]
    pub surplus: Vec<Claim>,
    /// Units that were wanted and not granted; open and outside the attempt from now on.
    #[n(3)]
    pub short: Vec<LineUnits>,
    /// What the works' units stand on.
    #[n(4)]
    pub reservation: ReservationId,
}

/// The work of one node for one destination.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NewWork {
    /// Its number within the order.
    #[n(0)]
    pub number: u16,
    /// The node.
    #[n(1)]
    pub node: NodeId,
    /// The fulfilment partition of the node.
    #[n(2)]
    pub partition: u8,
    /// The carrier service; `None` for pickup.
    #[n(3)]
    pub service: Option<ServiceId>,
    /// The node must hand over (or have ready) by then.
    #[n(4)]
    pub ship_by: Timestamp,
    /// What the customer is told.
    #[n(5)]
    pub promise: PromiseWindow,
    /// Its units, each line once.
    #[n(6)]
    pub lines: Vec<LineUnits>,
    /// The node's local day of `ship_by`, which its capacity is counted by.
    #[n(7)]
    pub capacity_day: Option<LocalDay>,
}

/// Why units were called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CancelCause {
    /// Somebody asked; the entry's origin says who and why.
    #[n(0)]
    Asked,
    /// Nothing serves them and backorders are forbidden.
    #[n(1)]
    Unserved,
    /// The order as a whole is refused.
    #[n(2)]
    OrderRefused,
    /// The customer did not fetch them.
    #[n(3)]
    NotCollected,
}

/// Units called off.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CancelledUnits {
    /// Which line.
    #[n(0)]
    pub line: LineNo,
    /// How many units, more than zero.
    #[n(1)]
    pub quantity: Quantity,
    /// Where they were.
    #[n(2)]
    pub from: CancelledFrom,
}

/// Where cancelled units were.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CancelledFrom {
    /// Open, outside any attempt.
    #[n(0)]
    Open,
    /// Waiting for stock.
    #[n(1)]
    Backordered,
    /// In an attempt; what it may still be granted for them is given back then.
    #[n(2)]
    Attempt(#[n(0)] u32),
    /// In an attempt that stands on claims already; their claim on this reservation at this node is given back.
    #[n(3)]
    Pinned(#[n(0)] u32, #[n(1)] NodeId, #[n(2)] ReservationId),
    /// Planned at a node and not released; the node's partition is told and their claim is given back.
    #[n(4)]
    Work(#[n(0)] u16),
    /// Open, outside any attempt: this work's node or its partition has just stopped them because they are cancelled.
    #[n(5)]
    Recalled(#[n(0)] u16),
    /// Open, outside any attempt: they have just come back from this work for another reason; a cancel that its node's
    /// partition has not answered wants them no longer.
    #[n(6)]
    Back(#[n(0)] u16),
}

impl CancelledUnits {
    /// The units, where they were planned at this work and not released.
    pub(crate) fn of_work(&self, work: u16) -> Option<(LineNo, Quantity)> {
        (self.from == CancelledFrom::Work(work)).then_some((self.line, self.quantity))
    }
}

impl What {
    /// The name of the event's type in timelines and the change feed.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            What::OrderPlaced(_) => "OrderPlaced",
            What::OrderImported(_) => "OrderImported",
            What::HoldAdopted { .. } => "HoldAdopted",
            What::HoldGone { .. } => "HoldGone",
            What::AttemptStarted(_) => "AttemptStarted",
            What::PlanAsked { .. } => "PlanAsked",
            What::PlanRecorded(_) => "PlanRecorded",
            What::ReservationGranted(_) => "ReservationGranted",
            What::ReservationRefused { .. } => "ReservationRefused",
            What::UnitsBackordered { .. } => "UnitsBackordered",
            What::UnitsCancelled { .. } => "UnitsCancelled",
            What::OrderConfirmed => "OrderConfirmed",
            What::OrderRefused(_) => "OrderRefused",
            What::WorkPlanned { .. } => "WorkPlanned",
            What::WorkRefused { .. } => "WorkRefused",
            What::WorkReleased { .. } => "WorkReleased",
            What::WorkProgressed { .. } => "WorkProgressed",
            What::WorkRecalled(_) => "WorkRecalled",
            What::RecallAsked { .. } => "RecallAsked",
            What::NodeRestocked { .. } => "NodeRestocked",
            What::ExceptionAnswered(_) => "ExceptionAnswered",
            What::StockHeard { .. } => "StockHeard",
            What::SubjectErased => "SubjectErased",
            What::OrderHoldPlaced { .. } => "OrderHoldPlaced",
            What::OrderHoldResolved { .. } => "OrderHoldResolved",
            What::ReturnRequested(_) => "ReturnRequested",
            What::ReturnDecided { .. } => "ReturnDecided",
            What::ReturnReceived(_) => "ReturnReceived",
            What::ReturnClosed { .. } => "ReturnClosed",
            What::ReplacementsJoined(_) => "ReplacementsJoined",
            What::OrderPolicySet { .. } => "OrderPolicySet",
            What::AmendmentStarted(_) => "AmendmentStarted",
            What::AmendmentApproved { .. } => "AmendmentApproved",
            What::AmendmentPlanAsked(_) => "AmendmentPlanAsked",
            What::AmendmentPlanned(_) => "AmendmentPlanned",
            What::AmendmentUnreserved { .. } => "AmendmentUnreserved",
            What::AmendmentApplied(_) => "AmendmentApplied",
            What::AmendmentRefused { .. } => "AmendmentRefused",
        }
    }
}
