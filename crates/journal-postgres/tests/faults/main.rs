//! What goes wrong between processes and their database, played against a real server: answers lost, servers killed and
//! stopped, rows damaged, owners that race. Each is answered truly or named, and never guessed.

mod common;
mod damage;
mod failover;
mod lost;
mod outage;
mod proxy;
