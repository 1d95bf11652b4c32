//! Personal data as the journal and the rows may carry it: sealed bytes and keyed digests. The keys live elsewhere.

use minicbor::{Decode, Encode};

/// The number of the key that seals one subject's personal data. Destroying that key erases the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SubjectKey(pub u64);

/// Personal data under authenticated encryption; the bytes name their key themselves.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Sealed(#[cbor(with = "minicbor::bytes")] pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A keyed digest of a normalised phone number, e-mail address or other identity: good for finding, not for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct LookupDigest(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);
