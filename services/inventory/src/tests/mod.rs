//! The door over real partitions in a data directory of its own.

mod availability;
mod changes;
mod dispose;
mod feed;
mod hostile;
mod items;
mod reservations;
mod stock;
mod world;
