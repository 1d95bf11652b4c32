//! The public gRPC contracts as Rust code, generated from `proto/` at build time; knows nothing of machines or doors.
//!
//! Messages, clients and servers are in [`common::v1`], [`orders::v1`], [`customers::v1`], [`inventory::v1`] and
//! [`fulfillment::v1`].
//! What a field may hold is said in the comments of the `.proto` files; the doors check it, not this crate.

/// The descriptors of every file under `proto/` and of what they import, encoded as a
/// `google.protobuf.FileDescriptorSet` with comments, for the gRPC reflection service.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/waybill_descriptors.bin"));

/// What all services share: money, addresses, ranges of time, row results, the change feed, administration.
pub mod common {
    /// Version 1.
    pub mod v1 {
        #![allow(clippy::all, clippy::pedantic, missing_docs)]
        tonic::include_proto!("waybill.common.v1");
    }
}

/// Orders: place, find, cancel, watch.
pub mod orders {
    /// Version 1.
    pub mod v1 {
        #![allow(clippy::all, clippy::pedantic, missing_docs)]
        tonic::include_proto!("waybill.orders.v1");
    }
}

/// Customers: find, show, link, merge, split, erase.
pub mod customers {
    /// Version 1.
    pub mod v1 {
        #![allow(clippy::all, clippy::pedantic, missing_docs)]
        tonic::include_proto!("waybill.customers.v1");
    }
}

/// Items, stock, reservations, availability.
pub mod inventory {
    /// Version 1.
    pub mod v1 {
        #![allow(clippy::all, clippy::pedantic, missing_docs)]
        tonic::include_proto!("waybill.inventory.v1");
    }
}

/// The network, promises and plans, and the work of nodes.
pub mod fulfillment {
    /// Version 1.
    pub mod v1 {
        #![allow(clippy::all, clippy::pedantic, missing_docs)]
        tonic::include_proto!("waybill.fulfillment.v1");
    }
}
