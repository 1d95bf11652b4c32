//! Unit buckets: where each unit of a line is. A unit is in exactly one; moving is the only operation.

use minicbor::{Decode, Encode};
use waybill_types::Quantity;

/// Where one unit is. The first seven are the way to the customer, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Bucket {
    /// Not sourced yet.
    #[n(0)]
    Open,
    /// Waits for stock.
    #[n(1)]
    Backordered,
    /// Stock is reserved for it and a node has it planned.
    #[n(2)]
    Reserved,
    /// A node was told to pick it.
    #[n(3)]
    Released,
    /// Picked.
    #[n(4)]
    Picked,
    /// Left the node.
    #[n(5)]
    Shipped,
    /// With the customer.
    #[n(6)]
    Delivered,
    /// Called off.
    #[n(7)]
    Cancelled,
    /// Came back from the customer.
    #[n(8)]
    Returned,
    /// Lost on the way.
    #[n(9)]
    Lost,
    /// Refused by the recipient.
    #[n(10)]
    Refused,
    /// Came back undelivered.
    #[n(11)]
    ReturnedToSender,
}

impl Bucket {
    /// All buckets in the order of their numbers.
    pub const ALL: [Bucket; 12] = [
        Bucket::Open,
        Bucket::Backordered,
        Bucket::Reserved,
        Bucket::Released,
        Bucket::Picked,
        Bucket::Shipped,
        Bucket::Delivered,
        Bucket::Cancelled,
        Bucket::Returned,
        Bucket::Lost,
        Bucket::Refused,
        Bucket::ReturnedToSender,
    ];

    /// The name used in timelines and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Bucket::Open => "open",
            Bucket::Backordered => "backordered",
            Bucket::Reserved => "reserved",
            Bucket::Released => "released",
            Bucket::Picked => "picked",
            Bucket::Shipped => "shipped",
            Bucket::Delivered => "delivered",
            Bucket::Cancelled => "cancelled",
            Bucket::Returned => "returned",
            Bucket::Lost => "lost",
            Bucket::Refused => "refused",
            Bucket::ReturnedToSender => "returned_to_sender",
        }
    }

    /// True for a unit whose journey is over unless somebody brings it back.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Bucket::Open
            | Bucket::Backordered
            | Bucket::Reserved
            | Bucket::Released
            | Bucket::Picked
            | Bucket::Shipped => false,
            Bucket::Delivered
            | Bucket::Cancelled
            | Bucket::Returned
            | Bucket::Lost
            | Bucket::Refused
            | Bucket::ReturnedToSender => true,
        }
    }
}

/// How many units of a line are in each bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Buckets([u64; 12]);

impl Buckets {
    /// All units in one bucket.
    #[must_use]
    pub fn all_in(bucket: Bucket, quantity: Quantity) -> Self {
        let mut buckets = Self::default();
        buckets.0[bucket as usize] = quantity.units();
        buckets
    }
    /// How many are there.
    #[must_use]
    pub const fn get(&self, bucket: Bucket) -> Quantity {
        Quantity::of(self.0[bucket as usize])
    }
    /// The same with `quantity` units in `bucket`; for building what an import says.
    #[must_use]
    pub fn with(mut self, bucket: Bucket, quantity: Quantity) -> Self {
        self.0[bucket as usize] = quantity.units();
        self
    }
    /// How many in all.
    #[must_use]
    pub fn sum(&self) -> Quantity {
        self.0.iter().map(|units| Quantity::of(*units)).sum()
    }
    /// Moves units.
    ///
    /// # Panics
    /// When there are fewer than that: our own bug, found before it spreads.
    pub fn shift(&mut self, from: Bucket, to: Bucket, quantity: Quantity) {
        let units = quantity.units();
        let there = self.0[from as usize];
        assert!(there >= units, "{units} units to move from {from:?} to {to:?}, {there} are there");
        self.0[from as usize] -= units;
        self.0[to as usize] += units;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_unit_is_in_one_bucket_only() {
        let mut buckets = Buckets::all_in(Bucket::Open, Quantity::of(3));
        buckets.shift(Bucket::Open, Bucket::Reserved, Quantity::of(2));
        assert_eq!(buckets.get(Bucket::Open), Quantity::of(1));
        assert_eq!(buckets.get(Bucket::Reserved), Quantity::of(2));
        assert_eq!(buckets.sum(), Quantity::of(3));
    }

    #[test]
    fn moving_more_than_there_is_stops_at_once() {
        let moved = std::panic::catch_unwind(|| {
            let mut buckets = Buckets::all_in(Bucket::Open, Quantity::ONE);
            buckets.shift(Bucket::Open, Bucket::Cancelled, Quantity::of(2));
        });
        let said = moved.unwrap_err().downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(said.contains("2 units to move from Open to Cancelled, 1 are there"), "{said}");
    }
}
