//! One checksummed file of operations.
