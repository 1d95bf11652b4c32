//! What a journal frame holds. Fields are only ever added at the end, as options; see docs/adr on the stored form.

use crate::compare::StateAt;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use waybill_machine::Content;
use waybill_types::{Origin, PartitionId, RequestId, Timestamp};

/// The body of one frame: everything one batch came to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Body {
    /// [`Body::VERSION`]; a reader refuses what is newer.
    #[n(0)]
    pub version: u8,
    /// In the order they were decided.
    #[n(1)]
    pub entries: Vec<Entry>,
    /// Messages known to be applied by their receivers: through which number, per receiver.
    #[n(2)]
    pub acknowledged: Vec<Acknowledged>,
    /// What the owner's state was at an earlier frame, now and then, for copies to compare.
    #[n(3)]
    pub state: Option<StateAt>,
}

impl Body {
    /// The version this binary writes.
    pub const VERSION: u8 = 1;
}

/// Every message to `to` up to `through` is applied there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Acknowledged {
    /// The receiver.
    #[n(0)]
    pub to: PartitionId,
    /// Its number.
    #[n(1)]
    pub through: u64,
}

/// One command and what happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// The partition's time.
    #[n(0)]
    pub at: Timestamp,
    /// Channel, actor, reason.
    #[n(1)]
    pub origin: Origin,
    /// What brought it about.
    #[n(2)]
    pub cause: Cause,
    /// The machine's events, encoded.
    #[n(3)]
    pub events: Vec<ByteVec>,
    /// The request id to remember, with its answer.
    #[n(4)]
    pub request: Option<Remembered>,
}

/// What brought an entry about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Cause {
    /// A caller's command.
    #[n(0)]
    Command,
    /// Message `sequence` from partition `from`.
    #[n(1)]
    Message {
        /// The sender.
        #[n(0)]
        from: PartitionId,
        /// Its number at the sender for this receiver.
        #[n(1)]
        sequence: u64,
    },
    /// Something was due.
    #[n(2)]
    Tick,
}

/// An accepted request id, as journaled and as kept in its row.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Remembered {
    /// Digest of the target it is compared within.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub target: [u8; 16],
    /// The caller's id.
    #[n(1)]
    pub id: RequestId,
    /// Digests of the request's fields.
    #[n(2)]
    pub content: Content,
    /// The machine's answer, encoded.
    #[n(3)]
    pub answer: ByteVec,
    /// Forgotten from then on.
    #[n(4)]
    pub expires_at: Timestamp,
}
