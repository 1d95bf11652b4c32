//! Settings of this door, read once and passed as values.

/// Typed settings with their ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long changes of the network are gathered before the planner's copy is built anew, in milliseconds, 0 to
    /// 10,000. Longer is cheaper during imports, shorter is fresher.
    pub network_gather_ms: u64,
    /// How long an upsert waits at most until every partition and this process's planner have heard of it, in
    /// milliseconds, 0 to 60,000. It is durable in any case.
    pub network_settle_ms: u64,
    /// Instructions under way to one slow stream before it waits, 1 to 1,000.
    pub stream_buffer: usize,
    /// How long a read waits at most for the place its `after` names, and an instruction stream for the names of items
    /// after a start, in milliseconds, 0 to 60,000.
    pub after_wait_ms: u64,
    /// Bytes of sourcing decisions to keep on disk, of the newest; 0 keeps none.
    pub decisions_bytes: u64,
    /// How orders are planned.
    pub method: Method,
}

/// How orders are planned. Promises are always planned exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// By the planner: nothing cheaper exists, or the gap is told.
    #[default]
    Exact,
    /// From the nearest node that has everything, else by distance: there to measure what planning exactly costs.
    NearestComplete,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            network_gather_ms: 20,
            network_settle_ms: 5_000,
            stream_buffer: 64,
            after_wait_ms: 5_000,
            decisions_bytes: 256 << 20,
            method: Method::Exact,
        }
    }
}
