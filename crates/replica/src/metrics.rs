//! Names of the runtime's metrics, with unit and help.

/// Commands, messages and ticks decided; label `partition`.
pub(crate) const STEPS: &str = "waybill_partition_steps_total";
/// Frames appended; label `partition`.
pub(crate) const FRAMES: &str = "waybill_partition_frames_total";
/// Bytes of frame bodies appended; label `partition`.
pub(crate) const FRAME_BYTES: &str = "waybill_partition_frame_bytes_total";
/// Messages not yet acknowledged; label `partition`.
pub(crate) const OUTBOX_DEPTH: &str = "waybill_partition_outbox_depth";
/// Checkpoints finished; label `partition`.
pub(crate) const CHECKPOINTS: &str = "waybill_partition_checkpoints_total";
/// Seconds of the last checkpoint; label `partition`.
pub(crate) const CHECKPOINT_SECONDS: &str = "waybill_partition_checkpoint_seconds";

/// Frames of a log after its newest base, told by its owner: alarm at 100,000; label `partition`.
pub(crate) const FRAMES_SINCE_BASE: &str = "waybill_log_frames_since_base";
/// Bytes that a log takes, where the engine tells; label `partition`.
pub(crate) const LOG_BYTES: &str = "waybill_log_bytes";
/// Bytes that a log may take, 0 where the engine has no bound: alarm at 70% of it; label `partition`.
pub(crate) const LOG_BYTES_MAX: &str = "waybill_log_bytes_max";
/// Times that the engine could not be given a base: alarm on any that goes on; label `partition`.
pub(crate) const BASE_FAILURES: &str = "waybill_log_base_failures_total";
/// The last frame at which a copy was found to be what its owner has; label `partition`.
pub(crate) const COPY_EQUAL: &str = "waybill_copy_equal_sequence";
/// Times that a copy was found not to be what its owner has: alarm on any; label `partition`.
pub(crate) const COPY_DIFFERENT: &str = "waybill_copy_differences_total";

/// What one partition counts at every turn, looked up once.
pub(crate) struct Meters {
    pub(crate) steps: metrics::Counter,
    pub(crate) frames: metrics::Counter,
    pub(crate) frame_bytes: metrics::Counter,
    pub(crate) outbox_depth: metrics::Gauge,
}

impl Meters {
    /// Those of the partition called `label`.
    pub(crate) fn new(label: &str) -> Self {
        Self {
            steps: metrics::counter!(STEPS, "partition" => label.to_owned()),
            frames: metrics::counter!(FRAMES, "partition" => label.to_owned()),
            frame_bytes: metrics::counter!(FRAME_BYTES, "partition" => label.to_owned()),
            outbox_depth: metrics::gauge!(OUTBOX_DEPTH, "partition" => label.to_owned()),
        }
    }
}

/// Registers the descriptions.
pub(crate) fn describe() {
    metrics::describe_counter!(STEPS, "commands, messages and ticks decided");
    metrics::describe_counter!(FRAMES, "journal frames appended");
    metrics::describe_counter!(FRAME_BYTES, metrics::Unit::Bytes, "bytes of journal frame bodies appended");
    metrics::describe_gauge!(OUTBOX_DEPTH, "messages not yet acknowledged by their receivers");
    metrics::describe_counter!(CHECKPOINTS, "checkpoints finished");
    metrics::describe_gauge!(FRAMES_SINCE_BASE, "frames of the log after its newest base");
    metrics::describe_gauge!(LOG_BYTES, metrics::Unit::Bytes, "bytes of the log in the shared journal");
    metrics::describe_gauge!(
        LOG_BYTES_MAX,
        metrics::Unit::Bytes,
        "bytes that the log may take, 0 without a bound"
    );
    metrics::describe_counter!(BASE_FAILURES, "bases that the shared journal did not take");
    metrics::describe_gauge!(
        COPY_EQUAL,
        "last frame at which the copy here was found equal to its owner's state"
    );
    metrics::describe_counter!(
        COPY_DIFFERENT,
        "times that the copy here was found different from its owner's state"
    );
    metrics::describe_gauge!(CHECKPOINT_SECONDS, metrics::Unit::Seconds, "duration of the last checkpoint");
}
