//! Rows on disk, the checkpoint file and the vault of subject keys: bytes in, the same bytes out after a crash. It
//! knows nothing of orders, partitions or what a row means.
//!
//! * [`Store`] is the narrow contract of an embedded store: an atomic durable [`Store::commit`], bulk
//!   [`Store::put_unsynced`] for rows that can be put again, point reads and ordered scans.
//! * [`SledStore`] keeps it over sled 0.34.7; this crate is the only user of sled.
//! * [`checkpoint_file`] is one checksummed file of operations, complete or ignored.
//! * [`vault`] holds the keys that personal data is sealed with, in place, so that a key can truly be destroyed.
//! * [`conformance`] is the list of things every implementation of [`Store`] must survive.
//!
//! Every call blocks on the disk. Callers on an async runtime move it to a thread of their own.

mod api;
mod beside;
pub mod checkpoint_file;
pub mod conformance;
mod error;
mod files;
mod identity;
mod packs;
mod rows;
mod sled_store;
pub mod vault;

pub use api::{
    MAX_COMMIT_BYTES, MAX_COMMIT_OPS, MAX_KEY_BYTES, MAX_VALUE_BYTES, Op, Options, Order, Stats, Store,
};
pub use beside::in_place_order;
pub use error::Error;
pub use sled_store::SledStore;
