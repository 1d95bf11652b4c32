//! Decisions that can be shown and checked again: what a plan was made from, kept small, and everything else counted from
//! that when somebody asks. It keeps no files and knows no time but that of the question.
//!
//! [`Record::of`] takes the question, the plan and the stock it was made from; [`Record::explain`] makes the same plan
//! again over the network and policy of that time and looks around it; [`Record::verify`] counts without the planner.

mod around;
mod explain;
mod project;
mod question;
mod record;
mod usual;
mod verify;

pub use explain::{Alternative, Explained, NodeSeen, Shipment, Standing};
pub use project::Stated;
pub use record::Record;
pub use verify::Finding;
