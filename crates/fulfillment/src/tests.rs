//! Scenarios and properties of the machine: given events, when a command, then events, messages or a refusal.

mod asks;
mod cancel;
mod counter;
mod given;
mod instructions;
mod network;
mod node_work;
mod property;
mod stored;
mod substitutes;
mod undelivered;
