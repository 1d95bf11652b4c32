//! The door of the stock machine: gRPC in, commands out.
