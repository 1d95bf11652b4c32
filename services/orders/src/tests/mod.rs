//! The door over real partitions on a real disk: what callers see, what hostile callers do not break.

mod amend;
mod customers;
mod erase;
mod exceptions;
mod find;
mod flow;
mod hold;
mod hostile;
mod import;
mod jobs;
mod returns;
mod streams;
mod world;
