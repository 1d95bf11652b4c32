//! The door of the order machine: gRPC in, commands out.
//!
//! It promises that a request is taken whole or refused with every fault named, that an order placed twice is one order,
//! that personal data leaves sealed and is opened only for who may see it, and that streams resume. It refuses to decide
//! anything about an order: the machine does. It asks the planner what the machine wants planned and hands the answer in.
//!
//! [`open`] starts the partitions; the answered [`Door`] implements the gRPC services: orders,
//! amendments, returns, and the order policy.

mod amendments_service;
mod config;
mod customers;
mod door;
mod effects;
mod error;
mod from_proto;
mod metrics;
mod policy_service;
mod returns_service;
mod rpc;
mod service;
mod stale;
mod to_proto;

#[cfg(test)]
mod tests;

pub use config::Settings;
pub use customers::{CustomersDoor, open as open_customers};
pub use door::{Door, open};
