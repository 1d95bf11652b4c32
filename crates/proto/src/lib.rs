//! Generated gRPC code only, built from proto/ with protox.
