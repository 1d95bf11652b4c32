//! Names, units and help of this door's figures.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(crate) const CHANGE_STREAMS: &str = "waybill_inventory_change_streams";
pub(crate) const STREAMS: &str = "waybill_inventory_availability_streams";
pub(crate) const CHANGES_SENT: &str = "waybill_inventory_availability_changes_sent_total";
pub(crate) const POSITIONS: &str = "waybill_inventory_positions";
pub(crate) const CONTENDED: &str = "waybill_inventory_reservations_contended_total";
pub(crate) const RESERVE_WAIT: &str = "waybill_inventory_reserve_wait_seconds";
pub(crate) const IMPORT_ROWS: &str = "waybill_inventory_import_rows_total";

/// Registers the help texts; harmless when done twice.
pub(crate) fn describe() {
    describe_gauge!(CHANGE_STREAMS, "Change streams that are open");
    describe_gauge!(STREAMS, "Availability streams that are open");
    describe_counter!(CHANGES_SENT, "Positions put on an availability stream, repeats counted");
    describe_gauge!(POSITIONS, "Positions in the mirror of this process");
    describe_counter!(CONTENDED, "Reservations tried again because undecided claims stood in the way");
    describe_histogram!(RESERVE_WAIT, Unit::Seconds, "Time until a reservation over partitions is decided");
    describe_counter!(IMPORT_ROWS, "Rows of bulk feeds, by outcome");
}
