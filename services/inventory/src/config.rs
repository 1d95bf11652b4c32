//! Settings of this door, read once and passed as values.

/// Typed settings with their ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a reservation over several partitions is waited for, in milliseconds, 1 to 60,000. Undecided after
    /// that, the caller asks again with the same request id.
    pub reserve_wait_ms: u64,
    /// How often a reservation that only undecided claims of others stood in the way of is tried, 1 to 10.
    pub reserve_attempts_max: u32,
    /// Changes under way to one slow stream before it waits, 1 to 10,000.
    pub stream_buffer: usize,
    /// Rows of a bulk feed put to a partition at once, 1 to 10,000.
    pub import_chunk_rows: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reserve_wait_ms: 15_000,
            reserve_attempts_max: 6,
            stream_buffer: 256,
            import_chunk_rows: 1_000,
        }
    }
}
