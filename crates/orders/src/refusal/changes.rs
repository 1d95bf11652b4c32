//! Why a change of an order, a hold or a return is refused.

use crate::order::Unserved;
use minicbor::{Decode, Encode};
use waybill_machine::Code;
use waybill_machine::name::Name;
use waybill_types::policy::{ChangeKind, ChangeStage};
use waybill_types::{LineNo, OrderId, ReturnId};

/// A refused change; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum ChangeRefusal {
    /// The policy says no.
    #[error(
        "order {order}: {} is not allowed at stage {} (rule {rule} of policy version {version}: {note})",
        .kind.name(), .stage.name()
    )]
    #[n(0)]
    Forbidden {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// What was asked.
        #[n(1)]
        kind: ChangeKind,
        /// How far the units are.
        #[n(2)]
        stage: ChangeStage,
        /// Index of the rule, or `none`.
        #[n(3)]
        rule: String,
        /// Version of the policy.
        #[n(4)]
        version: u64,
        /// The rule's note.
        #[n(5)]
        note: String,
    },
    /// Less than what is in hand or gone.
    #[error("order {order} line {line}: {asked} units asked for, {floor} are picked or gone", line = .line.0)]
    #[n(1)]
    BelowFloor {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Which line.
        #[n(1)]
        line: LineNo,
        /// Asked for in all.
        #[n(2)]
        asked: u64,
        /// The least there can be.
        #[n(3)]
        floor: u64,
    },
    /// Another amendment is under way.
    #[error("order {order} has amendment {amendment} pending; wait for it")]
    #[n(2)]
    AmendmentPending {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// The one that is pending.
        #[n(1)]
        amendment: u32,
    },
    /// No such amendment is waiting for an answer.
    #[error("order {order} has no amendment {amendment} that waits for approval")]
    #[n(3)]
    AmendmentNotWaiting {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// The one named.
        #[n(1)]
        amendment: u32,
    },
    /// Nothing would change.
    #[error("order {order} is so already; nothing would change")]
    #[n(4)]
    NothingChanges {
        /// Which order.
        #[n(0)]
        order: OrderId,
    },
    /// The prices of added units are missing.
    #[error("{field} is needed: the engine never makes up prices")]
    #[n(5)]
    PricingNeeded {
        /// Path of the missing amounts.
        #[n(0)]
        field: String,
    },
    /// A hold stops it.
    #[error("order {order}: hold {hold} ({code}) stops {}", .kind.name())]
    #[n(6)]
    OnHold {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Which hold.
        #[n(1)]
        hold: u16,
        /// Its type.
        #[n(2)]
        code: String,
        /// What was asked.
        #[n(3)]
        kind: ChangeKind,
    },
    /// The policy has no such hold type.
    #[error("hold type {code} is not in the order policy")]
    #[n(7)]
    UnknownHoldType {
        /// The one named.
        #[n(0)]
        code: String,
    },
    /// The order has no such hold, or it is resolved.
    #[error("order {order} has no standing hold {hold}")]
    #[n(8)]
    UnknownOrderHold {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// The one named.
        #[n(1)]
        hold: u16,
    },
    /// Nothing of the order, or of these lines, waits for somebody.
    #[error("order {order} line {line}: no unit waits for somebody now; read the queue again", line = .line.map_or("-".to_owned(), |line| line.0.to_string()))]
    #[n(9)]
    NoException {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// The first line named that does not; `None` where none was named.
        #[n(1)]
        line: Option<LineNo>,
    },
    /// The order is still to be confirmed, or was refused.
    #[error("order {order} is {status}; only an accepted or confirmed order can be changed")]
    #[n(10)]
    NotStanding {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// What it is.
        #[cbor(n(1), with = "waybill_machine::name")]
        status: Name,
    },
    /// More units than can come back.
    #[error("order {order} line {line}: {asked} units to return, {returnable} can be returned", line = .line.0)]
    #[n(11)]
    NotReturnable {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Which line.
        #[n(1)]
        line: LineNo,
        /// Asked.
        #[n(2)]
        asked: u64,
        /// Delivered, not returned and in no other return.
        #[n(3)]
        returnable: u64,
    },
    /// The time for returns has passed.
    #[error("order {order} line {line}: the return window closed on {closed_at} (ms)", line = .line.0)]
    #[n(12)]
    WindowClosed {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// Which line.
        #[n(1)]
        line: LineNo,
        /// When, in milliseconds since 1970.
        #[n(2)]
        closed_at: i64,
    },
    /// More than an order keeps.
    #[error("order {order} has {max} {what}, no more are kept")]
    #[n(13)]
    TooManyReturns {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// What of it.
        #[cbor(n(1), with = "waybill_machine::name")]
        what: Name,
        /// How many there may be.
        #[n(2)]
        max: u64,
    },
    /// No such return.
    #[error("return {0} does not exist")]
    #[n(14)]
    UnknownReturn(#[n(0)] ReturnId),
    /// The return is not in a state for that.
    #[error("cannot {asked}: return {id} is {state}")]
    #[n(15)]
    ReturnState {
        /// Which.
        #[n(0)]
        id: ReturnId,
        /// What was asked.
        #[cbor(n(1), with = "waybill_machine::name")]
        asked: Name,
        /// What it is.
        #[cbor(n(2), with = "waybill_machine::name")]
        state: Name,
    },
    /// An exchange that is not even.
    #[error(
        "the replacements cost {replacements} minor units, what comes back is worth {returned}; only an even exchange is taken"
    )]
    #[n(16)]
    UnevenExchange {
        /// What comes back.
        #[n(0)]
        returned: i64,
        /// What goes out.
        #[n(1)]
        replacements: i64,
    },
    /// The policy in force is another one.
    #[error("order policy version {expected} was expected, {current} is in force; read it again")]
    #[n(17)]
    StalePolicy {
        /// Expected.
        #[n(0)]
        expected: u64,
        /// In force.
        #[n(1)]
        current: u64,
    },
    /// Whose order it is was erased, and with that where it goes.
    #[error("the personal data of order {order} was destroyed; place a new order instead")]
    #[n(18)]
    Erased {
        /// Which order.
        #[n(0)]
        order: OrderId,
    },
    /// What would be planned anew finds no place as things stand.
    #[error(
        "order {order} stays as it is, and nothing was called back: {} units of line {} cannot be served ({})",
        .why.quantity, .why.line.0, .why.reason.name()
    )]
    #[n(19)]
    Unserved {
        /// Which order.
        #[n(0)]
        order: OrderId,
        /// The first units concerned.
        #[n(1)]
        why: Unserved,
    },
}

impl ChangeRefusal {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::StalePolicy { .. } => Code::Stale,
            Self::Unserved { .. } => Code::Short,
            Self::UnknownReturn(_) | Self::UnknownOrderHold { .. } | Self::AmendmentNotWaiting { .. } => {
                Code::Unknown
            }
            Self::PricingNeeded { .. } | Self::UnknownHoldType { .. } => Code::Malformed,
            Self::Forbidden { .. }
            | Self::BelowFloor { .. }
            | Self::AmendmentPending { .. }
            | Self::NothingChanges { .. }
            | Self::Erased { .. }
            | Self::OnHold { .. }
            | Self::NoException { .. }
            | Self::NotStanding { .. }
            | Self::NotReturnable { .. }
            | Self::WindowClosed { .. }
            | Self::TooManyReturns { .. }
            | Self::ReturnState { .. }
            | Self::UnevenExchange { .. } => Code::IllegalNow,
        }
    }

    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden { .. } => "CHANGE_FORBIDDEN",
            Self::BelowFloor { .. } => "BELOW_FLOOR",
            Self::AmendmentPending { .. } => "AMENDMENT_PENDING",
            Self::AmendmentNotWaiting { .. } => "AMENDMENT_NOT_WAITING",
            Self::NothingChanges { .. } => "NOTHING_CHANGES",
            Self::Erased { .. } => "ORDER_ERASED",
            Self::Unserved { .. } => "AMENDMENT_UNSERVED",
            Self::PricingNeeded { .. } => "PRICING_NEEDED",
            Self::OnHold { .. } => "ORDER_ON_HOLD",
            Self::UnknownHoldType { .. } => "HOLD_TYPE_UNKNOWN",
            Self::UnknownOrderHold { .. } => "ORDER_HOLD_UNKNOWN",
            Self::NoException { .. } => "EXCEPTION_NOT_THERE",
            Self::NotStanding { .. } => "ORDER_NOT_STANDING",
            Self::NotReturnable { .. } => "NOT_RETURNABLE",
            Self::WindowClosed { .. } => "RETURN_WINDOW_CLOSED",
            Self::TooManyReturns { .. } => "TOO_MANY_RETURNS",
            Self::UnknownReturn(_) => "RETURN_UNKNOWN",
            Self::ReturnState { .. } => "RETURN_STATE",
            Self::UnevenExchange { .. } => "EXCHANGE_UNEVEN",
            Self::StalePolicy { .. } => "STALE_POLICY",
        }
    }

    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Forbidden { order, kind, stage, rule, version, note } => vec![
                ("order_id", order.to_string()),
                ("change", kind.name().to_owned()),
                ("stage", stage.name().to_owned()),
                ("rule", rule.clone()),
                ("policy_version", version.to_string()),
                ("note", note.clone()),
            ],
            Self::BelowFloor { order, line, asked, floor } => vec![
                ("order_id", order.to_string()),
                ("line_number", line.0.to_string()),
                ("asked", asked.to_string()),
                ("floor", floor.to_string()),
            ],
            Self::AmendmentPending { order, amendment } | Self::AmendmentNotWaiting { order, amendment } => {
                vec![("order_id", order.to_string()), ("amendment", amendment.to_string())]
            }
            Self::NothingChanges { order } | Self::Erased { order } => vec![("order_id", order.to_string())],
            Self::Unserved { order, why } => vec![
                ("order_id", order.to_string()),
                ("line_number", why.line.0.to_string()),
                ("quantity", why.quantity.to_string()),
                ("cause", why.reason.name().to_owned()),
            ],
            Self::PricingNeeded { field } => vec![("field", field.clone())],
            Self::OnHold { order, hold, code, kind } => vec![
                ("order_id", order.to_string()),
                ("hold", hold.to_string()),
                ("hold_type", code.clone()),
                ("change", kind.name().to_owned()),
            ],
            Self::UnknownHoldType { code } => vec![("hold_type", code.clone())],
            Self::UnknownOrderHold { order, hold } => {
                vec![("order_id", order.to_string()), ("hold", hold.to_string())]
            }
            Self::NoException { order, line } => {
                let line = line.map(|line| ("line_number", line.0.to_string()));
                [("order_id", order.to_string())].into_iter().chain(line).collect()
            }
            Self::NotStanding { order, status } => {
                vec![("order_id", order.to_string()), ("status", (*status).to_owned())]
            }
            Self::NotReturnable { order, line, asked, returnable } => vec![
                ("order_id", order.to_string()),
                ("line_number", line.0.to_string()),
                ("asked", asked.to_string()),
                ("returnable", returnable.to_string()),
            ],
            Self::WindowClosed { order, line, closed_at } => vec![
                ("order_id", order.to_string()),
                ("line_number", line.0.to_string()),
                ("closed_at_ms", closed_at.to_string()),
            ],
            Self::TooManyReturns { order, what, max } => {
                vec![("order_id", order.to_string()), ("what", (*what).to_owned()), ("max", max.to_string())]
            }
            Self::UnknownReturn(id) => vec![("return_id", id.to_string())],
            Self::ReturnState { id, asked, state } => vec![
                ("return_id", id.to_string()),
                ("asked", (*asked).to_owned()),
                ("state", (*state).to_owned()),
            ],
            Self::UnevenExchange { returned, replacements } => {
                vec![("returned", returned.to_string()), ("replacements", replacements.to_string())]
            }
            Self::StalePolicy { expected, current } => {
                vec![("expected", expected.to_string()), ("current", current.to_string())]
            }
        }
    }
}
