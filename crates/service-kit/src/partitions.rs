//! What every door asks of its partitions: a write once per request id, the partition with an id, the check of the token
//! a read waits for, the status of a failure. Knows no machine's commands.

use crate::caller::Caller;
use crate::error::{DoorError, status};
use crate::fields::Fields;
use tonic::Status;
use waybill_machine::{Coded, Content, Machine};
use waybill_replica::{Failure, Partition, Partitions, RequestKey, Submission, Token};
use waybill_types::{PartitionId, Reason, RequestId};

/// A write: who asks, under which id, compared within which target and against which content.
#[derive(Clone)]
pub struct Write {
    /// Who asks.
    pub caller: Caller,
    /// Under which id.
    pub request: RequestId,
    /// Why, in the caller's words.
    pub reason: Reason,
    /// What the id is compared within.
    pub target: Vec<u8>,
    /// What a retry must repeat.
    pub content: Content,
}

impl Write {
    /// The command as a partition takes it, once per request id.
    #[must_use]
    pub fn submission<M: Machine>(self, command: M::Command) -> Submission<M> {
        let Self { caller, request, reason, target, content } = self;
        let request = Some(RequestKey { id: request, target, content });
        Submission { command, origin: caller.origin(reason), request }
    }
}

/// The status of a command or read that was not accepted.
#[must_use]
pub fn failed<R: Coded>(failure: &Failure<R>) -> Status {
    if let Failure::Damaged { what } = failure {
        tracing::error!(%what, "stored bytes could not be read");
    }
    status(failure)
}

/// The partition with this id.
///
/// # Errors
/// UNAVAILABLE when it is not among those of this process.
pub fn partition<M: Machine>(
    partitions: &Partitions<M>,
    id: PartitionId,
) -> Result<&Partition<M>, DoorError> {
    let elsewhere = || DoorError::Unavailable { what: format!("{id} is not served by this process") };
    partitions.get(id).ok_or_else(elsewhere)
}

/// Reads `after` of a request: empty, or a token that a write of this service returned. A read of this process sees
/// all that was acknowledged by it, so checking the token is all there is to do.
pub fn own_token<M: Machine>(fields: &mut Fields, partitions: &Partitions<M>, text: &str) {
    if let Some(token) = fields.check_unless_empty("after", text, str::parse::<Token>) {
        check_own(fields, partitions, token);
    }
}

/// As [`own_token`], for a token that has been read already.
pub fn check_own<M: Machine>(fields: &mut Fields, partitions: &Partitions<M>, token: Token) {
    if token.partition.service != M::SERVICE {
        let (theirs, ours) = (token.partition.service.name(), M::SERVICE.name());
        fields.wrong("after", format!("is a token of {theirs}; this read waits for tokens of {ours}"));
        return;
    }
    match partitions.get(token.partition) {
        Some(partition) if partition.status().may_have_reached(token.sequence) => {}
        Some(_) | None => fields.wrong("after", "is not a token that this installation returned"),
    }
}
