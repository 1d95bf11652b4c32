//! The journal and what a cluster agrees through, in one schema of a database that speaks PostgreSQL's wire protocol.
//! Durability, replication and consensus are the database's; it refuses to know what the bytes mean.

mod bases;
mod fault;
mod frames;
mod journal;
mod keys;
mod leases;
mod log;
mod members;
mod options;
mod pool;
mod read;
mod safety;
mod schema;
#[cfg(feature = "server")]
pub mod server;
mod shared;
mod tail;
mod trim;

pub use journal::PostgresJournal;
pub use options::Options;
