//! From the machine's values to the contracts' messages. With [`crate::from_proto`] the only place that sees both
//! worlds.

pub(crate) mod instruction;
pub(crate) mod network;
pub(crate) mod order;
pub(crate) mod plan;

use waybill_proto::common::v1 as common;
use waybill_types::exchange::PromiseWindow;
use waybill_types::{Attributes, Currency, GeoPoint, Money, Timestamp};

pub(crate) fn time(at: Timestamp) -> prost_types::Timestamp {
    let (ms, per_second) = (at.as_ms(), 1000);
    prost_types::Timestamp {
        seconds: ms.div_euclid(per_second),
        nanos: (ms.rem_euclid(per_second) as i32) * 1_000_000,
    }
}

pub(crate) fn window(window: PromiseWindow) -> common::PromiseWindow {
    common::PromiseWindow { earliest: Some(time(window.earliest)), latest: Some(time(window.latest)) }
}

pub(crate) fn money(money: Money) -> common::Money {
    minor(money.currency, money.minor)
}

pub(crate) fn minor(currency: Currency, minor_units: i64) -> common::Money {
    common::Money { currency_code: currency.as_str().to_owned(), minor_units }
}

pub(crate) fn point(point: GeoPoint) -> common::GeoPoint {
    common::GeoPoint { latitude_degrees_e6: point.lat_e6.into(), longitude_degrees_e6: point.lon_e6.into() }
}

pub(crate) fn attributes(attributes: &Attributes) -> std::collections::BTreeMap<String, String> {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
