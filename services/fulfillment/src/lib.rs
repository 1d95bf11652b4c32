//! The door of the fulfilment machine: gRPC in, commands out.
