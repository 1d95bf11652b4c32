//! One file per kind of call: parse, then a command or a read.

pub(crate) mod availability;
pub(crate) mod book;
pub(crate) mod import_stock;
mod item_codes;
pub(crate) mod items;
pub(crate) mod reservations;
pub(crate) mod reserve_stock;
pub(crate) mod upsert_items;
pub(crate) mod watch_availability;
pub(crate) mod watch_changes;

use waybill_replica::Token;

/// The token of a write over several partitions. Each of them has told this process before it answered, so any of
/// the tokens stands for all.
pub(crate) fn joint_token(token: Option<Token>) -> String {
    token.map_or_else(String::new, |token| token.to_string())
}
