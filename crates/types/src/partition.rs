//! Which partition a thing lives with. The hash and the counts are fixed when a data directory is created.

use crate::Invalid;
use minicbor::{Decode, Encode};

/// The services; each is a set of single-writer partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Service {
    /// Orders.
    #[n(0)]
    Orders,
    /// Items, positions, reservations.
    #[n(1)]
    Inventory,
    /// Nodes, the network, fulfilment orders, instructions.
    #[n(2)]
    Fulfillment,
    /// Who customers are and what was said about them. Runs wherever orders run.
    #[n(3)]
    Customers,
}

impl Service {
    /// All services in the order of their numbers.
    pub const ALL: [Service; 4] =
        [Service::Orders, Service::Inventory, Service::Fulfillment, Service::Customers];

    /// The name used in flags, metrics and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Service::Orders => "orders",
            Service::Inventory => "inventory",
            Service::Fulfillment => "fulfillment",
            Service::Customers => "customers",
        }
    }
}

/// One partition of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct PartitionId {
    /// The service it belongs to.
    #[n(0)]
    pub service: Service,
    /// 0 up to the layout's count.
    #[n(1)]
    pub index: u8,
}

impl PartitionId {
    /// The partition `index` of `service`.
    #[must_use]
    pub const fn new(service: Service, index: u8) -> Self {
        Self { service, index }
    }
    /// A number for keys and logs: service in the high byte, index in the low one.
    #[must_use]
    pub const fn number(self) -> u16 {
        (self.service as u16) << 8 | self.index as u16
    }
    /// The partition behind a [`Self::number`].
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        let service = *Service::ALL.get(usize::from(number >> 8))?;
        Some(Self { service, index: (number & 0xff) as u8 })
    }
}

impl std::fmt::Display for PartitionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.service.name(), self.index)
    }
}

/// How many partitions each service has: 1 to 256, fixed for a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Layout {
    /// Partitions of orders.
    #[n(0)]
    pub orders: u16,
    /// Partitions of inventory.
    #[n(1)]
    pub inventory: u16,
    /// Partitions of fulfilment.
    #[n(2)]
    pub fulfillment: u16,
}

impl Layout {
    /// The same count for each service.
    ///
    /// # Errors
    /// [`Invalid`] outside 1 to 256.
    pub fn even(count: u16) -> Result<Self, Invalid> {
        if !(1..=256).contains(&count) {
            return Err(Invalid::new("partitions", format!("are {count}, must be 1 to 256")));
        }
        Ok(Self { orders: count, inventory: count, fulfillment: count })
    }
    /// How many partitions `service` has.
    #[must_use]
    pub const fn count(&self, service: Service) -> u16 {
        match service {
            Service::Orders => self.orders,
            Service::Inventory => self.inventory,
            Service::Fulfillment => self.fulfillment,
            // Records are made by people one at a time; one writer keeps merges and splits in one order.
            Service::Customers => 1,
        }
    }
    /// All partitions of `service`.
    pub fn partitions(&self, service: Service) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.count(service)).map(move |index| PartitionId::new(service, index as u8))
    }
    /// Where orders with this external number from this channel live.
    #[must_use]
    pub fn order_home(&self, channel: &crate::Channel, external: &crate::ExternalNumber) -> PartitionId {
        let mut hash = Fnv::new();
        hash.write(channel.as_str().as_bytes());
        hash.write(&[0]);
        hash.write(external.as_str().as_bytes());
        PartitionId::new(Service::Orders, hash.bucket(self.orders))
    }
    /// Where the positions of a SKU live.
    #[must_use]
    pub fn sku_home(&self, sku: &crate::Sku) -> PartitionId {
        PartitionId::new(Service::Inventory, Fnv::of(sku.as_str().as_bytes()).bucket(self.inventory))
    }
    /// Where it is decided which item has a code.
    #[must_use]
    pub fn code_home(&self, kind: &crate::Text, code: &crate::Text) -> PartitionId {
        let mut hash = Fnv::new();
        hash.write(kind.as_str().as_bytes());
        hash.write(&[0]);
        hash.write(code.as_str().as_bytes());
        PartitionId::new(Service::Inventory, hash.bucket(self.inventory))
    }
    /// Where the work of a node lives.
    #[must_use]
    pub fn node_home(&self, node: &crate::NodeId) -> PartitionId {
        PartitionId::new(Service::Fulfillment, Fnv::of(node.as_str().as_bytes()).bucket(self.fulfillment))
    }
    /// Where nodes, lanes, zones, calendars and policies live.
    #[must_use]
    pub const fn network_home(&self) -> PartitionId {
        PartitionId::new(Service::Fulfillment, 0)
    }
}

/// FNV-1a, 64 bits, with the finaliser of MurmurHash3 so that low bits are well mixed. Never changed: it places data.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
    fn of(bytes: &[u8]) -> Self {
        let mut hash = Self::new();
        hash.write(bytes);
        hash
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    fn bucket(self, count: u16) -> u8 {
        let mut h = self.0;
        h ^= h >> 33;
        h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
        h ^= h >> 33;
        (h % u64::from(count)) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeId, Sku};

    #[test]
    fn placement_never_changes() {
        let layout = Layout::even(8).unwrap();
        let homes: Vec<u8> =
            (0..12).map(|n| layout.sku_home(&Sku::new(format!("SKU-{n}")).unwrap()).index).collect();
        assert_eq!(
            homes,
            vec![5, 2, 7, 2, 5, 7, 1, 3, 7, 7, 7, 7],
            "a changed hash would lose every stored row"
        );
        assert!(layout.node_home(&NodeId::new("store-1").unwrap()).index < 8);
    }

    #[test]
    fn numbers_round_trip() {
        for service in Service::ALL {
            let id = PartitionId::new(service, 255);
            assert_eq!(PartitionId::from_number(id.number()), Some(id));
        }
        assert_eq!(PartitionId::from_number(0x0400), None);
    }
}
