//! Numbered situations of docs/scenarios.md, played over gRPC by many callers at once against a running engine.

#[path = "cases/counting.rs"]
mod counting;
#[path = "cases/killed.rs"]
mod killed;
#[path = "cases/placing.rs"]
mod placing;
#[path = "cases/reserving.rs"]
mod reserving;
