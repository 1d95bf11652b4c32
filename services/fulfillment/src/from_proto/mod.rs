//! From the contracts' messages to the machine's values. Everything wrong is collected; nothing is guessed. With
//! [`crate::to_proto`] the only place that sees both worlds.

pub(crate) mod calendar;
pub(crate) mod lane;
pub(crate) mod node;
pub(crate) mod outlook;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod report;
pub(crate) mod zone;
