//! The pure stock machine: what exists and who has a claim on it.
