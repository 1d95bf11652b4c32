//! The pure fulfilment machine: the work of nodes and the network they stand in.
