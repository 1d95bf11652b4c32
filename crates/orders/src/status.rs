//! The status of an order, computed from where its units are. It is never stored and never set.

use crate::order::{Order, Stage};
use crate::units::Bucket;
use minicbor::{Decode, Encode};
use waybill_types::Quantity;

/// Where an order is as a whole. Cancelled units count only when there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Status {
    /// To be confirmed; neither confirmed nor refused yet.
    #[n(0)]
    Pending,
    /// Refused; its number is free again.
    #[n(1)]
    Refused,
    /// Some units are not sourced yet and nothing has left.
    #[n(2)]
    Open,
    /// Some units wait for stock and nothing has left.
    #[n(3)]
    Backordered,
    /// All units are reserved or further, none has left.
    #[n(4)]
    Reserved,
    /// All units are released to nodes or further, none has left.
    #[n(5)]
    Released,
    /// All units are picked, none has left.
    #[n(6)]
    Picked,
    /// Some units have left, others have not.
    #[n(7)]
    PartiallyShipped,
    /// All units have left, none was delivered.
    #[n(8)]
    Shipped,
    /// All units have left, some were delivered.
    #[n(9)]
    PartiallyDelivered,
    /// All units were delivered.
    #[n(10)]
    Delivered,
    /// All delivered units were returned.
    #[n(11)]
    Returned,
    /// All units were cancelled.
    #[n(12)]
    Cancelled,
    /// All units have left and none is with the customer.
    #[n(13)]
    Undelivered,
}

impl Status {
    /// The name used in messages and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Refused => "refused",
            Status::Open => "open",
            Status::Backordered => "backordered",
            Status::Reserved => "reserved",
            Status::Released => "released",
            Status::Picked => "picked",
            Status::PartiallyShipped => "partially_shipped",
            Status::Shipped => "shipped",
            Status::PartiallyDelivered => "partially_delivered",
            Status::Delivered => "delivered",
            Status::Returned => "returned",
            Status::Cancelled => "cancelled",
            Status::Undelivered => "undelivered",
        }
    }
}

/// The status of `order`.
#[must_use]
pub fn status(order: &Order) -> Status {
    match order.stage {
        Stage::Pending { .. } => return Status::Pending,
        Stage::Refused(_) => return Status::Refused,
        Stage::Standing => {}
    }
    let any = |bucket: Bucket| !total(order, bucket).is_zero();
    let stuck = any(Bucket::Lost) || any(Bucket::Refused) || any(Bucket::ReturnedToSender);
    let with_customer = any(Bucket::Delivered) || any(Bucket::Returned);
    let has_left = any(Bucket::Shipped) || with_customer || stuck;
    let still_here = [Bucket::Open, Bucket::Backordered, Bucket::Reserved, Bucket::Released, Bucket::Picked];
    let least = still_here.into_iter().find(|bucket| any(*bucket));
    match (least, has_left) {
        (None, false) => Status::Cancelled,
        (Some(_), true) => Status::PartiallyShipped,
        (Some(Bucket::Open), false) => Status::Open,
        (Some(Bucket::Backordered), false) => Status::Backordered,
        (Some(Bucket::Reserved), false) => Status::Reserved,
        (Some(Bucket::Released), false) => Status::Released,
        (Some(_), false) => Status::Picked,
        (None, true) => {
            match (any(Bucket::Shipped) || stuck, any(Bucket::Delivered), any(Bucket::Returned)) {
                (true, true, _) => Status::PartiallyDelivered,
                (true, false, true) => Status::PartiallyDelivered,
                (true, false, false) if any(Bucket::Shipped) => Status::Shipped,
                (true, false, false) => Status::Undelivered,
                (false, true, _) => Status::Delivered,
                (false, false, _) => Status::Returned,
            }
        }
    }
}

/// The least and the most advanced bucket that hold a unit still on its way; `None` when no unit is.
#[must_use]
pub fn span(order: &Order) -> Option<(Bucket, Bucket)> {
    let mut on_its_way = Bucket::ALL.into_iter().filter(|b| !b.is_final() && !total(order, *b).is_zero());
    let least = on_its_way.next()?;
    Some((least, on_its_way.next_back().unwrap_or(least)))
}

/// Units of all lines in a bucket.
#[must_use]
pub fn total(order: &Order, bucket: Bucket) -> Quantity {
    order.lines.iter().map(|line| line.buckets.get(bucket)).sum()
}

/// True when nothing will happen to the order unless somebody asks: it may leave memory.
#[must_use]
pub fn is_closed(order: &Order) -> bool {
    span(order).is_none()
        && order.live_attempts().next().is_none()
        && order.recalls() == 0
        && order.pending_amendment().is_none()
}
