//! What is put to a partition and what comes back.

use crate::core::RequestKey;
use crate::router::{DeliverError, Delivery};
use std::sync::Arc;
use tokio::sync::oneshot;
use waybill_machine::{Code, Coded, FieldViolation, Machine};
use waybill_types::{Origin, PartitionId, Timestamp};

/// A command on its way to a partition.
pub struct Submission<M: Machine> {
    /// What is asked.
    pub command: M::Command,
    /// By whom.
    pub origin: Origin,
    /// Under which request id.
    pub request: Option<RequestKey>,
}

/// An accepted command: durable by now.
#[derive(Clone, Debug)]
pub struct Accepted<A> {
    /// The machine's answer.
    pub answer: A,
    /// Reads at or after this see it.
    pub token: crate::Token,
}

/// Why a command or read was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure<R> {
    /// The machine refused.
    #[error(transparent)]
    Refused(R),
    /// The request id was used before with other content.
    #[error("request_id was used before with another {field}; use a new id for a new request")]
    Conflict {
        /// The first field that differs.
        field: String,
    },
    /// A bound is reached; nothing happened.
    #[error("{what}; try again in {retry_after_ms} ms")]
    Busy {
        /// Which bound.
        what: &'static str,
        /// When it is worth trying again, in milliseconds.
        retry_after_ms: u64,
    },
    /// Starting, stopping or stopped; nothing of this command happened.
    #[error("partition is not available: {why}; try again")]
    Unavailable {
        /// What is the matter.
        why: &'static str,
    },
    /// The journal did not answer well: whether it happened is unknown.
    #[error("the outcome is unknown; retry with the same request_id")]
    OutcomeUnknown,
    /// Stored bytes could not be read.
    #[error("stored bytes could not be read: {what}")]
    Damaged {
        /// What the decoder said; for the log, not for callers.
        what: String,
    },
}

impl<R: Coded> Coded for Failure<R> {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Conflict { .. } => Code::Conflict,
            Self::Busy { .. } => Code::TooMuch,
            Self::Unavailable { .. } | Self::OutcomeUnknown => Code::Unavailable,
            Self::Damaged { .. } => Code::Bug,
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason(),
            Self::Conflict { .. } => "REQUEST_ID_REUSED",
            Self::Busy { .. } => "BUSY",
            Self::Unavailable { .. } => "PARTITION_UNAVAILABLE",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::Damaged { .. } => "INTERNAL",
        }
    }
    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Refused(refusal) => refusal.violations(),
            _ => Vec::new(),
        }
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Refused(refusal) => refusal.facts(),
            Self::Conflict { field } => vec![("field", field.clone())],
            Self::Busy { retry_after_ms, .. } => vec![("retry_after_ms", retry_after_ms.to_string())],
            _ => Vec::new(),
        }
    }
}

/// Runs on the partition and answers with what releases the result once it may leave.
pub(crate) type ReadJob<M> = Box<dyn FnOnce(&<M as Machine>::State, Timestamp) -> Release + Send>;
/// Sends a result to whoever waits for it.
pub(crate) type Release = Box<dyn FnOnce() + Send>;
/// Runs on the partition at a durable batch boundary, with the whole core.
pub(crate) type CutJob<M> = Box<dyn FnOnce(&mut crate::Core<M>, u64) + Send>;

type Answered<M> = Result<Accepted<<M as Machine>::Answer>, Failure<<M as Machine>::Refusal>>;

/// From callers: bounded, refused when full.
pub(crate) enum External<M: Machine> {
    Command(Submission<M>, oneshot::Sender<Answered<M>>),
    Read(ReadJob<M>),
    /// A read of what this process has, however old.
    Glance(ReadJob<M>),
}

/// From the engine: has room of its own and goes first.
pub(crate) enum Internal<M: Machine> {
    Deliver(Delivery, oneshot::Sender<Result<u64, DeliverError>>),
    Acknowledged {
        to: PartitionId,
        through: u64,
    },
    CheckpointDone(Result<u64, Arc<crate::checkpoint::CheckpointError>>),
    CheckpointNow(oneshot::Sender<u64>),
    CheckpointPermit(tokio::sync::OwnedSemaphorePermit),
    Freeze {
        job: CutJob<M>,
        thaw: oneshot::Receiver<()>,
    },
    Drain,
    /// The lease is this process's: claim the log and own it.
    Own,
    /// Stop owning; answered once all is durable and nothing more is taken.
    StepDown(oneshot::Sender<()>),
    /// Where the owner is, for reads that wait here; `None` where nobody could be asked.
    Position(Option<u64>),
    /// The owner is this far, and somebody waits until this copy is too.
    Reach(u64),
}
