//! The Rust client: channels, retries that are safe, streams that resume.
