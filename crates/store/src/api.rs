//! The contract of a store: operations, limits and the trait. It refuses to know which engine is below it.

use crate::Error;

/// The longest key, in bytes. With the prefix, length and index that a chunk's key carries it stays below the 256 bytes
/// that sled was measured with.
pub const MAX_KEY_BYTES: usize = 240;

/// The largest value, in bytes. It is stored as chunks of at most 3.5 KiB.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// The most physical rows one [`Store::commit`] may ask for. A delete is one row; a value of up to 3,583 bytes is one row;
/// a larger one is one row and one more for every 3,584 bytes begun. What it takes to remove surplus chunks of older
/// values comes on top and is the store's business. A row is written together with its neighbours, up to 4 KiB.
pub const MAX_COMMIT_OPS: usize = 64;

/// The most bytes of keys and values in one [`Store::commit`]. An engine writes several times as much, and what it writes
/// between two syncs is what a power cut may leave in any order; larger values are put unsynced.
pub const MAX_COMMIT_BYTES: usize = 128 << 10;

/// One change to one logical row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sets the row to this value, whatever was there.
    Put {
        /// At most [`MAX_KEY_BYTES`].
        key: Vec<u8>,
        /// At most [`MAX_VALUE_BYTES`]; may be empty, which is not the same as absent.
        value: Vec<u8>,
    },
    /// Removes the row; removing an absent row is no error.
    Delete {
        /// At most [`MAX_KEY_BYTES`].
        key: Vec<u8>,
    },
}

impl Op {
    /// The row that is changed.
    pub fn key(&self) -> &[u8] {
        match self {
            Op::Put { key, .. } | Op::Delete { key } => key,
        }
    }
}

/// The direction of a [`Store::scan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the lower bound upwards.
    Ascending,
    /// From just below the upper bound downwards.
    Descending,
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engine's page cache, in bytes. sled treats it as a wish: budget five times the data for memory.
    pub cache_bytes: u64,
}

impl Default for Options {
    /// 48 MiB of cache, the middle of the measured good range of 32 to 64 MiB.
    fn default() -> Self {
        Options { cache_bytes: 48 << 20 }
    }
}

/// What a store says of itself, for metrics and alarms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// What the store's files take on disk, in bytes. Budget eight times the data and alarm on it.
    pub disk_bytes: u64,
    /// The cache budget the store was opened with, in bytes.
    pub cache_bytes: u64,
    /// Logical rows, where the engine can tell without reading them all.
    pub rows: Option<u64>,
    /// Durable commits and syncs since the store was created.
    pub commits: u64,
}

/// An embedded ordered store of rows.
///
/// One thread writes; any number may read. A scan that overlaps a write sees every row either before or after it, but
/// not all rows at one point in time: who needs one point in time keeps writes away meanwhile.
pub trait Store: Send + Sync + 'static {
    /// Applies all of `ops` or none, durably: once this returns `Ok` they survive a power cut. A later operation on the
    /// same key wins. At most [`MAX_COMMIT_OPS`] rows and [`MAX_COMMIT_BYTES`] bytes.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`], [`Error::ValueTooLarge`], [`Error::TooManyRows`] and [`Error::TooManyBytes`] refuse before
    /// anything is written.
    /// After any other error the outcome is unknown and the store is poisoned: it answers [`Error::Poisoned`] until it
    /// is opened anew.
    fn commit(&self, ops: &[Op]) -> Result<(), Error>;

    /// Puts any number of operations in bounded batches. **Neither durable nor atomic as a whole** until [`Store::sync`]
    /// returns: for rows that can be put again after a crash because a complete checkpoint file holds them. Until they
    /// are put again, a value larger than one row may read as [`Error::Damaged`].
    ///
    /// # Errors
    /// As for [`Store::commit`], but what was put before the refused operation stays put.
    fn put_unsynced(&self, ops: &mut dyn Iterator<Item = Op>) -> Result<(), Error>;

    /// Makes everything put so far durable.
    ///
    /// # Errors
    /// Any error poisons the store.
    fn sync(&self) -> Result<(), Error>;

    /// The value of one row.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the row cannot be read whole.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The rows with `lower <= key < upper`, at most `limit` of them, in the order asked for. An empty or inverted range
    /// has no rows.
    ///
    /// # Errors
    /// [`Error::Damaged`] where a row cannot be read whole.
    fn scan(
        &self,
        lower: &[u8],
        upper: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error>;

    /// Sizes and counts, cheaply.
    fn stats(&self) -> Stats;

    /// True once an error or a panic of the engine has made this handle unusable.
    fn is_poisoned(&self) -> bool;

    /// Makes everything durable and closes the files.
    ///
    /// # Errors
    /// What [`Store::sync`] answers.
    fn close(self: Box<Self>) -> Result<(), Error>;
}
