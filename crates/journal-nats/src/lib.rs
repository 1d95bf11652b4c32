//! The journal and all else that a cluster agrees through, in streams of NATS JetStream. It refuses to know what frames
//! mean, who should own a log, and how many processes there are.

mod bases;
mod fault;
mod follow;
mod frame;
mod journal;
mod keys;
mod leases;
mod log;
mod members;
mod observed;
mod options;
mod read;
mod servers;
mod shared;
mod slot;
mod streams;
mod table;
mod trim;
mod wire;

pub use journal::{NatsJournal, Room};
pub use options::{Access, Options, SyncCheck};
