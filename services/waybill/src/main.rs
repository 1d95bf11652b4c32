//! The one binary: serve all of it in one process or a part of it, and the tools around it.
fn main() {}
