//! Names, units and help of this door's figures.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(crate) const CHANGE_STREAMS: &str = "waybill_fulfillment_change_streams";
pub(crate) const STREAMS: &str = "waybill_fulfillment_instruction_streams";
pub(crate) const INSTRUCTIONS_SENT: &str = "waybill_fulfillment_instructions_sent_total";
pub(crate) const PLANS: &str = "waybill_fulfillment_plan_seconds";
pub(crate) const NETWORK_BUILD: &str = "waybill_fulfillment_network_build_seconds";
pub(crate) const NETWORK_VERSION: &str = "waybill_fulfillment_network_version";
pub(crate) const DECISIONS_KEPT: &str = "waybill_fulfillment_decisions_kept_total";
pub(crate) const DECISIONS_DROPPED: &str = "waybill_fulfillment_decisions_dropped_total";
pub(crate) const LEFT_OUT: &str = "waybill_fulfillment_network_left_out";

/// Registers the help texts; harmless when done twice.
pub(crate) fn describe() {
    describe_gauge!(CHANGE_STREAMS, "Change streams that are open");
    describe_gauge!(STREAMS, "Instruction streams that are open");
    describe_counter!(INSTRUCTIONS_SENT, "Instructions put on a stream, repeats counted");
    describe_histogram!(PLANS, Unit::Seconds, "Time to make a plan or the options of a promise");
    describe_histogram!(NETWORK_BUILD, Unit::Seconds, "Time to build the planner's copy of the network");
    describe_gauge!(NETWORK_VERSION, "Version of the network that this process plans with");
    describe_counter!(DECISIONS_KEPT, "Sourcing decisions kept to be shown");
    describe_counter!(DECISIONS_DROPPED, "Sourcing decisions not kept because too many waited to be written");
    describe_gauge!(LEFT_OUT, "Documents of the network that the planner cannot use");
}
