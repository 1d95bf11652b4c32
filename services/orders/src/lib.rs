//! The door of the order machine: gRPC in, commands out.
