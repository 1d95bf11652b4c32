//! The door of the order machine: gRPC in, commands out.
//!
//! It promises that a request is taken whole or refused with every fault named, that an order placed twice is one order,
//! that personal data leaves sealed and is opened only for who may see it, and that streams resume. It refuses to decide
//! anything about an order: the machine does. It asks the planner what the machine wants planned and hands the answer in.
//!
//! [`open`] starts the partitions; the answered [`Door`] implements the gRPC service.

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
