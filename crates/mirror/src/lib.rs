//! A process's own copy of what may be promised: stock by SKU, owner and node, and what planning needs to know of
//! items. It is fed only by changes that are journaled already, states its version per inventory partition, and is
//! read by the doors of inventory (availability) and fulfilment (planning). It journals nothing, decides nothing, and
//! knows no reservation.
//!
//! Feeding: [`Mirror::load`] once per partition with all it has, then [`Mirror::apply`] with each batch of changes, in
//! order. A peer process feeds its copy with the same calls from the availability stream. Reading: [`Mirror::shelf`]
//! for a page, [`Mirror::basket`] for the planner, [`Mirror::since`] for streams.

mod basket;
mod change;
mod mirror;
mod shard;

pub use basket::Basket;
pub use change::{Figures, ItemChange, NodeStock, Stock, StockChange};
pub use mirror::{Cursor, Mirror, NotReady};
