//! The door over real partitions on a real disk: what callers see, what hostile callers do not break.

mod changes;
mod counter;
mod decisions;
mod gather;
mod hostile;
mod network;
mod page;
mod plans;
mod policy;
mod reports;
mod streams;
mod undelivered;
mod world;
