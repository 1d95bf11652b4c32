//! Names, units and help of this door's figures.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(crate) const PLACED: &str = "waybill_orders_placed_total";
pub(crate) const PLANS: &str = "waybill_orders_plan_seconds";
pub(crate) const PLAN_RETRIES: &str = "waybill_orders_plan_retries_total";
pub(crate) const STREAMS: &str = "waybill_orders_streams";
pub(crate) const IMPORTED: &str = "waybill_orders_imported_total";

/// Registers the help texts; harmless when done twice.
pub(crate) fn describe() {
    describe_counter!(PLACED, "Calls of PlaceOrder that were answered, by outcome");
    describe_histogram!(PLANS, Unit::Seconds, "Time from asking the planner to its answer");
    describe_counter!(PLAN_RETRIES, "Questions put to the planner again because it did not answer");
    describe_gauge!(STREAMS, "Streams of orders and changes that are open");
    describe_counter!(IMPORTED, "Rows of imports, by outcome");
}
