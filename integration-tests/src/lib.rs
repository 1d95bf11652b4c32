//! What the integration tests share: engines started as processes, a small retailer, clients with a ledger, judges.
//! It knows the engine only from outside: its binary and its protos.

pub mod certificates;
pub mod chaos;
pub mod desk;
pub mod engine;
pub mod fault;
pub mod plain;
mod program;
pub mod races;
pub mod retailer;
pub mod shared_journal;
pub mod world;
