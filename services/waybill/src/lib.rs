//! The rooms of the one binary: serving, operating, importing, showing and measuring. It knows no rule of orders, stock
//! or fulfilment; it starts the doors and talks to them.

pub mod admin;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod demo;
mod fresh_stock;
pub mod import;
pub mod migrate;
pub mod operate;
pub mod peers;
pub mod records;
pub mod remote_stock;
pub mod serve;
pub mod tls;
mod vault;
