//! A command on its way to the owner of a partition in another process, and its outcome on the way back. Like messages
//! these are read by binaries of neighbouring versions only and are never stored.

use crate::core::RequestKey;
use crate::mailbox::{Accepted, Failure, Submission};
use crate::token::Token;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use waybill_machine::name::Name;
use waybill_machine::record::{decode, encode};
use waybill_machine::{Content, Machine, Record, Undecodable};
use waybill_types::{Origin, PartitionId, RequestId};

/// A machine whose commands and refusals can travel.
pub trait Routed: Machine<Command: Record, Refusal: Record> {}

impl<M: Machine<Command: Record, Refusal: Record>> Routed for M {}

#[derive(Encode, Decode)]
struct Carried {
    #[n(0)]
    command: ByteVec,
    #[n(1)]
    origin: Origin,
    #[n(2)]
    request: Option<CarriedRequest>,
}

#[derive(Encode, Decode)]
struct CarriedRequest {
    #[n(0)]
    id: RequestId,
    #[n(1)]
    target: ByteVec,
    #[n(2)]
    content: Content,
}

#[derive(Encode, Decode)]
enum Outcome {
    #[n(0)]
    Accepted(#[n(0)] ByteVec, #[n(1)] u64),
    #[n(1)]
    Refused(#[n(0)] ByteVec),
    #[n(2)]
    Conflict(#[n(0)] String),
    #[n(3)]
    Busy(#[cbor(n(0), with = "waybill_machine::name")] Name, #[n(1)] u64),
    #[n(4)]
    Unavailable(#[cbor(n(0), with = "waybill_machine::name")] Name),
    #[n(5)]
    Unknown,
    #[n(6)]
    Damaged(#[n(0)] String),
}

/// The bytes of a submission.
pub(crate) fn pack<M: Routed>(submission: &Submission<M>) -> Vec<u8> {
    let request = submission.request.as_ref().map(|request| CarriedRequest {
        id: request.id.clone(),
        target: ByteVec::from(request.target.clone()),
        content: request.content.clone(),
    });
    let command = ByteVec::from(encode(&submission.command));
    encode(&Carried { command, origin: submission.origin.clone(), request })
}

/// A submission from its bytes.
pub(crate) fn unpack<M: Routed>(bytes: &[u8]) -> Result<Submission<M>, Undecodable> {
    let carried: Carried = decode(bytes)?;
    let request = carried.request.map(|request| RequestKey {
        id: request.id,
        target: request.target.to_vec(),
        content: request.content,
    });
    Ok(Submission { command: decode(&carried.command)?, origin: carried.origin, request })
}

/// The bytes of an outcome.
pub(crate) fn pack_outcome<M: Routed>(outcome: &Result<Accepted<M::Answer>, Failure<M::Refusal>>) -> Vec<u8> {
    encode(&match outcome {
        Ok(accepted) => Outcome::Accepted(ByteVec::from(encode(&accepted.answer)), accepted.token.sequence),
        Err(Failure::Refused(refusal)) => Outcome::Refused(ByteVec::from(encode(refusal))),
        Err(Failure::Conflict { field }) => Outcome::Conflict(field.clone()),
        Err(Failure::Busy { what, retry_after_ms }) => Outcome::Busy(what, *retry_after_ms),
        Err(Failure::Unavailable { why }) => Outcome::Unavailable(why),
        Err(Failure::OutcomeUnknown) => Outcome::Unknown,
        Err(Failure::Damaged { what }) => Outcome::Damaged(what.clone()),
    })
}

/// An outcome from its bytes.
pub(crate) fn unpack_outcome<M: Routed>(
    partition: PartitionId,
    bytes: &[u8],
) -> Result<Result<Accepted<M::Answer>, Failure<M::Refusal>>, Undecodable> {
    Ok(Err(match decode::<Outcome>(bytes)? {
        Outcome::Accepted(answer, sequence) => {
            return Ok(Ok(Accepted { answer: decode(&answer)?, token: Token { partition, sequence } }));
        }
        Outcome::Refused(refusal) => Failure::Refused(decode(&refusal)?),
        Outcome::Conflict(field) => Failure::Conflict { field },
        Outcome::Busy(what, retry_after_ms) => Failure::Busy { what, retry_after_ms },
        Outcome::Unavailable(why) => Failure::Unavailable { why },
        Outcome::Unknown => Failure::OutcomeUnknown,
        Outcome::Damaged(what) => Failure::Damaged { what },
    }))
}
