//! The partition runtime: it drives pure machines. Queue, decide, apply, journal, answer, effects, checkpoint,
//! recover. It knows nothing of orders, stock or fulfilment, and nothing of gRPC.
//!
//! A [`Partition`] is one single-writer task. It takes whatever has queued up, decides and applies it in memory,
//! appends one frame to the journal, and only then answers, sends messages and tells the door. [`Core`] is the part
//! without tasks, disks and clocks: a simulator drives it directly.

pub mod agreed;
mod base;
mod base_chunk;
mod base_rows;
mod books;
mod carried;
mod checkpoint;
mod clock;
mod cluster;
mod compare;
mod core;
mod data_dir;
mod entry;
mod feed;
mod follower;
mod forward;
mod handle;
mod host;
mod hosted;
mod letter;
mod mailbox;
mod metrics;
pub mod moving;
mod ownership;
mod partition;
mod recovery;
pub mod replay;
mod router;
mod saver;
mod seat;
mod sender;
mod snapshot;
mod tenure;
mod token;
pub mod trail;

pub use carried::Routed;
pub use checkpoint::Marker;
pub use clock::Clock;
pub use cluster::{Cluster, ClusterOptions, Elsewhere, Owner, Owners, Wire, WireError, WireFuture, holder};
pub use compare::{Compare, Difference, Digest, StateAt};
pub use core::{Core, Input, RequestKey, Staged};
pub use data_dir::{DataDir, DirLock, Filling};
pub use entry::{Acknowledged, Body, Cause, Entry, Remembered};
pub use feed::{Change, Feed, FeedError};
pub use handle::{Limits, Observer, Partition, Role, Status};
pub use host::{Frozen, Host, HostOptions, OpenError, Partitions};
pub use letter::Letter;
pub use mailbox::{Accepted, Failure, Submission};
pub use ownership::service_names;
pub use recovery::RecoveryError;
pub use router::{Deliver, DeliverError, Delivery, Router};
pub use snapshot::Snapshot;
pub use token::Token;
