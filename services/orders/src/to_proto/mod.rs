//! From the machine's values to the contracts' messages. With [`crate::from_proto`] the only place that sees both
//! worlds.

mod amending;
pub(crate) mod amendment;
pub(crate) mod back;
pub(crate) mod change;
pub(crate) mod order;
pub(crate) mod policy;
pub(crate) mod timeline;

use waybill_orders::Status;
use waybill_orders::units::Bucket;
use waybill_proto::orders::v1 as proto;
pub(crate) use waybill_service_kit::shown::{attributes, money, time, window};

pub(crate) fn status(status: Status) -> proto::OrderStatus {
    match status {
        Status::Pending => proto::OrderStatus::Pending,
        Status::Refused => proto::OrderStatus::Refused,
        Status::Open => proto::OrderStatus::Open,
        Status::Backordered => proto::OrderStatus::Backordered,
        Status::Reserved => proto::OrderStatus::Reserved,
        Status::Released => proto::OrderStatus::Released,
        Status::Picked => proto::OrderStatus::Picked,
        Status::PartiallyShipped => proto::OrderStatus::PartiallyShipped,
        Status::Shipped => proto::OrderStatus::Shipped,
        Status::PartiallyDelivered => proto::OrderStatus::PartiallyDelivered,
        Status::Delivered => proto::OrderStatus::Delivered,
        Status::Returned => proto::OrderStatus::Returned,
        Status::Cancelled => proto::OrderStatus::Cancelled,
        Status::Undelivered => proto::OrderStatus::Undelivered,
    }
}

pub(crate) fn bucket(bucket: Bucket) -> proto::UnitBucket {
    match bucket {
        Bucket::Open => proto::UnitBucket::Open,
        Bucket::Backordered => proto::UnitBucket::Backordered,
        Bucket::Reserved => proto::UnitBucket::Reserved,
        Bucket::Released => proto::UnitBucket::Released,
        Bucket::Picked => proto::UnitBucket::Picked,
        Bucket::Shipped => proto::UnitBucket::Shipped,
        Bucket::Delivered => proto::UnitBucket::Delivered,
        Bucket::Cancelled => proto::UnitBucket::Cancelled,
        Bucket::Returned => proto::UnitBucket::Returned,
        Bucket::Lost => proto::UnitBucket::Lost,
        Bucket::Refused => proto::UnitBucket::Refused,
        Bucket::ReturnedToSender => proto::UnitBucket::ReturnedToSender,
    }
}
