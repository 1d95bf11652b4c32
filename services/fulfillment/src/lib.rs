//! The door of the fulfilment machine: gRPC in, commands out.
//!
//! It promises that what a node reports is decided once and durably, that a node's instruction stream is in order,
//! resumable and wakes for that node alone, and that a plan or promise changes nothing. It refuses to know what stock
//! exists (that comes in with the [`Surroundings`]), who may call (the interceptor says) and what orders do with a plan.
//!
//! [`open`] starts the partitions; the answered [`Door`] implements both gRPC services and the [`Planner`] of orders.
//!
//! [`Planner`]: waybill_service_kit::Planner

mod config;
mod decisions;
mod door;
mod effects;
mod error;
mod from_proto;
mod metrics;
mod mirror;
mod network_service;
mod nodes;
mod planner;
mod promise_service;
mod remote;
mod rpc;
mod service;
mod sourcing_service;
mod surroundings;
mod to_proto;

#[cfg(test)]
mod tests;

pub use config::{Method, Settings};
pub use decisions::DecisionLog;
pub use door::{Door, open};
pub use mirror::{NetworkMirror, NetworkView};
pub use nodes::RemoteNodes;
pub use remote::RemotePlanner;
pub use surroundings::{FreshStock, OtherPlanner, OtherPlanners, Surroundings};
