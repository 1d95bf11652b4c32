//! Counts the streams that are open. Knows nothing of what they carry.

/// Raises a gauge for as long as it lives.
#[derive(Debug)]
pub struct OpenStream(&'static str);

impl OpenStream {
    /// One more on the gauge of this name.
    #[must_use]
    pub fn count(gauge: &'static str) -> Self {
        metrics::gauge!(gauge).increment(1);
        Self(gauge)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1);
    }
}
