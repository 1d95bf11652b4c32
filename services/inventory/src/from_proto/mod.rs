//! Requests to values: every field is checked and every violation reported. Nothing here panics on input.

pub(crate) mod item;
pub(crate) mod reservation;
pub(crate) mod stock;
