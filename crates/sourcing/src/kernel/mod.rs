//! The exact kernel: who gives what at least cost, and proof of it. It knows numbers only: no network, no order, no
//! clock. The same problem gives the same answer on any machine, ties going to the facility with the lower id.
//!
//! A facility has a fixed cost, and for each item a cost per unit and units at hand; all costs may be negative. The
//! kernel finds the cheapest plan, a lower bound of the cost of every plan, and duals from which the bound can be
//! counted again by [`verify`]. See the package's README for the method.

mod bound;
mod branch;
mod core;
mod form;
mod gather;
mod merge;
mod more;
mod primal;
mod problem;
mod root;
mod sets;
mod solution;
mod solve;
pub mod verify;

pub use gather::{Gather, Shelf, Way};
pub use merge::{Hub, Merged, merge};
pub use problem::{Bond, Complete, Facility, Kind, Limits, Line, Malformed, Problem};
pub use sets::Sets;
pub use solution::{Ask, Certificate, Counts, Days, Part, Share, Solution};
pub use solve::Solver;
