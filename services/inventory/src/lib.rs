//! The door of the stock machine: gRPC in, commands out.
//!
//! It promises that a write is durable when it is answered, that a retry with the same request id answers the same,
//! and that availability comes from journaled changes alone. It refuses to know who may call (the interceptor says),
//! what an order is, and how a reservation is decided.
//!
//! [`open`] starts the partitions and feeds the mirror; the answered [`Door`] implements the gRPC service.

mod config;
mod door;
mod effects;
mod error;
mod from_proto;
mod metrics;
mod rpc;
mod service;
mod to_proto;

#[cfg(test)]
mod tests;

pub use config::Settings;
pub use door::{Door, open};
