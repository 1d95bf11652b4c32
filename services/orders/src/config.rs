//! Settings of this door, read once and passed as values.

/// Typed settings with their ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long CONFIRM waits when the caller does not say, in milliseconds, 0 to 60,000.
    pub confirm_wait_ms: u64,
    /// Questions put to the planner at once, over all partitions, 1 to 10,000.
    pub plans_at_once: usize,
    /// The first delay before a planner that did not answer is asked again, in milliseconds, 1 and up; doubles.
    pub plan_retry_ms: u64,
    /// The longest such delay, in milliseconds.
    pub plan_retry_ms_max: u64,
    /// Rows of one partition that one page of a search looks at, 64 and up.
    pub find_rows_max: usize,
    /// Messages under way to one slow stream before it waits, 1 to 1,000.
    pub stream_buffer: usize,
    /// Orders of an import put to the partitions at once, 1 to 10,000.
    pub imports_at_once: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            confirm_wait_ms: 5_000,
            plans_at_once: 256,
            plan_retry_ms: 20,
            plan_retry_ms_max: 2_000,
            find_rows_max: 512,
            stream_buffer: 64,
            imports_at_once: 128,
        }
    }
}
