//! The rooms of the one binary: serving, operating, importing, showing and measuring. It knows no rule of orders, stock
//! or fulfilment; it starts the doors and talks to them.

pub mod admin;
pub mod audit;
pub mod backup;
pub mod config;
pub mod peers;
pub mod records;
