//! The pure planner: a network of nodes and lanes, what is available, and the units asked go in; which node serves what,
//! by which service, by when and at what cost comes out. It reads no clock, makes no ids, does no I/O and knows no
//! order, reservation or task: the same input gives the same bytes on any machine.
#![doc = include_str!("../README.md")]

pub mod check;
mod civil;
mod dates;
pub mod decision;
mod geo;
mod interner;
pub mod kernel;
mod mirror;
mod nearby;
mod nearest;
mod network;
pub mod outlook;
mod planner;
mod policy;
mod routes;
mod rules;
mod tariff;
#[cfg(test)]
mod testing;

pub use civil::{check_time_zone, day_text, instant_of, parse_day};
pub use interner::{Interner, NodeIx};
pub use mirror::{Availability, ItemFacts, Mirror, StockRow};
pub use nearby::{Nearby, NearbyQuestion, nearby};
pub use nearest::nearest_complete;
pub use network::{Documents, LeftOut, Network};
pub use planner::{Duals, PromiseOption, Recount};
pub use policy::PolicyVersion;
pub use routes::{
    CandidateDay, Direct, DirectLane, Journey, Label, Leg, Merge, ReadyDay, RouteCounts, Routes,
    TransferSource, WeightClass,
};
pub use rules::{Proof, plan, plan_with_proof, promise};
