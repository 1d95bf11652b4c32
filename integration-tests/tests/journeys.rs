//! The main journeys over gRPC on a running engine: place, hold, work, cancel, wait, find, watch. It looks from outside.

#[path = "journeys/change.rs"]
mod change;
#[path = "journeys/early_stock.rs"]
mod early_stock;
#[path = "journeys/find.rs"]
mod find;
#[path = "journeys/fulfill.rs"]
mod fulfill;
#[path = "journeys/page.rs"]
mod page;
#[path = "journeys/streams.rs"]
mod streams;
