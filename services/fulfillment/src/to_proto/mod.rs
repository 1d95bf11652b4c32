//! From the machine's values to the contracts' messages. With [`crate::from_proto`] the only place that sees both
//! worlds.

pub(crate) mod change;
pub(crate) mod decision;
pub(crate) mod instruction;
pub(crate) mod network;
pub(crate) mod order;
pub(crate) mod outlook;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod policy;

use waybill_proto::common::v1 as common;
pub(crate) use waybill_service_kit::shown::{attributes, money as minor, time, window};
use waybill_types::{GeoPoint, Money};

pub(crate) fn money(money: Money) -> common::Money {
    minor(money.currency, money.minor)
}

pub(crate) fn point(point: GeoPoint) -> common::GeoPoint {
    common::GeoPoint { latitude_degrees_e6: point.lat_e6.into(), longitude_degrees_e6: point.lon_e6.into() }
}
