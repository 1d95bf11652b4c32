//! What several processes over one journal agree through, beside the log itself: who holds a log, who is there, bases
//! to start from, and the keys of personal data. Knows no engine, and no machine's rows: a base is bytes here.
//!
//! Only the fence of [`crate::Journal::claim`] keeps a log whole. A lease says who should claim and who may answer
//! reads without asking; losing one loses no data.

use std::time::Duration;

use bytes::Bytes;

use crate::arrival::Arrivals;
use crate::{BoxFuture, Error, Hash, Head, Journal, LogId};

/// Largest chunk of a base, in bytes.
pub const BASE_CHUNK_BYTES_MAX: usize = 1 << 20;
/// Longest key that [`Keys`] keeps, in bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// Longest name of a holder or member, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// An engine that several processes share: all of it stands in one place, with one durability.
pub trait Engine: Journal + Leases + Members + Bases + Keys + Arrivals {}

impl<T: Journal + Leases + Members + Bases + Keys + Arrivals> Engine for T {}

/// What came of asking for a lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lease {
    /// It is the asker's. `remaining` counts from an instant on the engine's clock that lies **after** the call was
    /// made, so the asker may rely on it until (its own monotonic clock from before the call) + `remaining`, less
    /// a margin for clocks that do not run alike.
    ///
    /// `term` numbers the holding: it stays for as long as nobody else has held the lease in between, also where the
    /// lease had lapsed when it was renewed. None where the engine does not tell.
    Held { remaining: Duration, term: Option<u64> },
    /// It is somebody else's for so long, by the engine's clock.
    HeldBy { holder: String, remaining: Duration },
}

impl Lease {
    /// For how long it is the asker's; none where it is another's.
    pub fn held_for(&self) -> Option<Duration> {
        match self {
            Self::Held { remaining, .. } => Some(*remaining),
            Self::HeldBy { .. } => None,
        }
    }
}

/// A log's lease as everybody sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseRow {
    pub log: LogId,
    /// Who holds it, or held it last and let it lapse; none where it was released or never taken.
    pub holder: Option<String>,
    /// Zero where it lapsed or nobody holds it.
    pub remaining: Duration,
    /// The number of the holding, as [`Lease::Held`] tells it; none where the engine does not tell, or nobody holds it.
    pub term: Option<u64>,
    /// Who shall hold it, where somebody asked for that. Stays until it is changed.
    pub wish: Option<String>,
}

/// A lease that its holder gives to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    pub log: LogId,
    /// Who shall hold it.
    pub next: String,
    /// The holding that ends with it, as [`LeaseRow::term`] told it.
    pub term: Option<u64>,
}

/// Who owns which log, for as long as it says so again and again. All times are by the engine's clock, so that
/// processes need not agree on theirs. An engine without one clock goes by how long a handle saw a row stand still: there a
/// handle that comes new finds a whole ttl remaining, and lapses are noticed by who asks again and again.
pub trait Leases: Send + Sync + 'static {
    /// Takes or renews the leases of these logs, in one round trip. What is free or lapsed becomes `holder`'s, what
    /// is `holder`'s already lasts for `ttl` from now, and what is another's stays. The answers come in the order
    /// asked; a log that is asked for twice is answered twice.
    ///
    /// Two processes must never use the same holder's name: put something random of each start into it.
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine did not answer in time, after which the lease may or may not have been
    /// renewed; [`Error::Options`] for a name or a ttl out of range (1 ms to 1 h).
    fn hold(&self, logs: &[LogId], holder: &str, ttl: Duration) -> BoxFuture<'_, Result<Vec<Lease>, Error>>;

    /// Gives up those of these leases that are `holder`'s; the others are left alone. They can be taken at once.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn release(&self, logs: &[LogId], holder: &str) -> BoxFuture<'_, Result<(), Error>>;

    /// Gives those of these leases that are `holder`'s, and still of the holding that is named, to others, in one round trip,
    /// each as if the other had taken it for `ttl` from now; the rest is left alone. So one that is carried out late does
    /// nothing to what was taken anew since. The next holder finds it in [`Leases::leases`].
    ///
    /// # Errors
    /// [`Error::Engine`]; [`Error::Options`] for a name or a ttl out of range.
    fn pass(&self, to: &[Pass], holder: &str, ttl: Duration) -> BoxFuture<'_, Result<(), Error>>;

    /// Every log that was ever held or wished for, in order.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn leases(&self) -> BoxFuture<'_, Result<Vec<LeaseRow>, Error>>;

    /// Says who shall own a log, or that nobody in particular shall. The engine only keeps it: owners see it in
    /// [`Leases::leases`] and hand over, and others do not take what is wished for by a living member.
    ///
    /// # Errors
    /// [`Error::Engine`], [`Error::Options`].
    fn wish(&self, log: LogId, owner: Option<&str>) -> BoxFuture<'_, Result<(), Error>>;
}

/// One process of the cluster, as it describes itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name, unique among the living.
    pub name: String,
    /// Random per start: tells a restarted process from one that is still there.
    pub instance: [u8; 16],
    /// Where others reach it, for instance `https://10.0.0.5:7001`.
    pub address: String,
    /// The services it runs, for instance `orders`.
    pub services: Vec<String>,
    /// The version of its binary.
    pub version: String,
    /// The newest version of events that it can read; nobody writes newer ones than the oldest member reads.
    pub events: u32,
}

/// What came of a heartbeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It is known as living for the ttl from now.
    Alive,
    /// Another instance with the same name is alive for so long. Nothing was written.
    NameTaken { remaining: Duration },
}

/// A member with how long it counts as alive without another heartbeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberRow {
    pub member: Member,
    /// Zero for one that is gone and did not say so.
    pub remaining: Duration,
}

/// Which processes there are.
pub trait Members: Send + Sync + 'static {
    /// Says that `member` lives, for `ttl` from now by the engine's clock.
    ///
    /// # Errors
    /// [`Error::Engine`]; [`Error::Options`] for a name or ttl out of range.
    fn beat(&self, member: &Member, ttl: Duration) -> BoxFuture<'_, Result<Presence, Error>>;

    /// Takes the member off the list, if this instance is the one on it.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn leave(&self, name: &str, instance: [u8; 16]) -> BoxFuture<'_, Result<(), Error>>;

    /// The living by name, and those gone for less than an hour.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn members(&self) -> BoxFuture<'_, Result<Vec<MemberRow>, Error>>;
}

/// A partition's state at one frame, kept in the engine in chunks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Base {
    pub log: LogId,
    /// The frame that the state stands at: replay goes on from `at.seq + 1`, and the frame's hash must be `at.hash`.
    pub at: Head,
    pub chunks: u32,
    pub bytes: u64,
    /// [`base_hash`] of its chunks.
    pub hash: Hash,
}

/// The hash of a base, chunk by chunk: begin with zeros and put in the hash so far, the chunk's number and its bytes.
pub fn base_hash(so_far: &Hash, chunk: u32, bytes: &[u8]) -> Hash {
    crate::chain_hash(so_far, u64::from(chunk), 0, bytes)
}

/// A base that is being written. Dropping it unfinished leaves nothing that anybody sees; the engine removes what was
/// written of it later.
pub trait BaseWriter: Send {
    /// Writes the next chunk, 1 to [`BASE_CHUNK_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`Error::Engine`], after which this writer is of no further use; [`Error::TooLarge`], [`Error::Empty`],
    /// [`Error::Full`].
    fn chunk(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), Error>>;

    /// Reads back what was written, compares hashes, and makes the base visible in one step. The two newest bases of
    /// the log stay, older ones go.
    ///
    /// # Errors
    /// [`Error::Base`] where the engine does not give back what was written, or where the log has a base at this frame or
    /// later; [`Error::BadChain`] where the log's frame is another than the base's; [`Error::Engine`],
    /// [`Error::Full`].
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Base, Error>>;
}

/// States to start from, so that a process that has none need not read a log from its beginning, and the log can be
/// trimmed.
pub trait Bases: Send + Sync + 'static {
    /// Begins a base of `log` at frame `at`, which must be durable.
    fn begin_base(&self, log: LogId, at: Head) -> BoxFuture<'_, Result<Box<dyn BaseWriter>, Error>>;

    /// The whole bases of a log, newest first: at most two.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn bases(&self, log: LogId) -> BoxFuture<'_, Result<Vec<Base>, Error>>;

    /// One chunk of a base, from 0. The caller checks the whole with [`base_hash`] before it trusts any of it.
    ///
    /// # Errors
    /// [`Error::Base`] where the base is gone (a newer one took its place: begin anew with [`Bases::bases`]) or the
    /// chunk is not what was written; [`Error::Engine`].
    fn base_chunk(&self, base: &Base, chunk: u32) -> BoxFuture<'_, Result<Bytes, Error>>;
}

/// What a cluster's vault is, beside its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VaultIdentity {
    /// Names the vault.
    pub id: [u8; 16],
    /// The secret of its keyed digests.
    pub digest_secret: [u8; 32],
}

impl std::fmt::Debug for VaultIdentity {
    /// Never shows the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultIdentity").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key of the vault, as the engine has it.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    Live(Bytes),
    Erased,
}

impl std::fmt::Debug for Key {
    /// Never shows the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Live(_) => "Live",
            Self::Erased => "Erased",
        })
    }
}

/// The keys that personal data is sealed with, one per subject, in rows of their own: never in a log or a base.
/// Numbers grow from 0, are never reused and may have gaps.
pub trait Keys: Send + Sync + 'static {
    /// The vault's identity and how many keys it has handed out, or none where it was never founded.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn vault(&self) -> BoxFuture<'_, Result<Option<(VaultIdentity, u64)>, Error>>;

    /// Founds the vault where there is none. Answers the identity it has: of two founders one is believed, by both.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn found_vault(&self, identity: VaultIdentity) -> BoxFuture<'_, Result<VaultIdentity, Error>>;

    /// Keeps these keys, each of 1 to [`KEY_BYTES_MAX`] bytes, at most 1,024, under numbers that nobody had and
    /// nobody else gets; answers the first number once all are durable. Repeating it after an error leaves a gap.
    ///
    /// # Errors
    /// [`Error::Engine`], [`Error::Full`]; [`Error::Options`] where there is no vault or a size is out of range.
    fn add_keys(&self, keys: Vec<Bytes>) -> BoxFuture<'_, Result<u64, Error>>;

    /// Keys by their numbers, in the order asked.
    ///
    /// # Errors
    /// [`Error::NoKey`] for a number that was never handed out; [`Error::Engine`].
    fn keys(&self, numbers: &[u64]) -> BoxFuture<'_, Result<Vec<Key>, Error>>;

    /// Destroys a key, durably and for every process at once. Erasing an erased one is no error. Copies of the engine's
    /// own (backups, its write-ahead log, row versions not yet cleaned up) are the engine's: see its documentation.
    ///
    /// # Errors
    /// [`Error::NoKey`]; [`Error::Engine`], after which the key may or may not survive: repeat.
    fn erase_key(&self, number: u64) -> BoxFuture<'_, Result<(), Error>>;
}
