//! Single values of answers: times, windows, amounts, attributes. The counterpart of [`crate::values`]. Knows no message
//! of any one service.

use std::collections::BTreeMap;
use waybill_proto::common::v1 as common;
use waybill_types::exchange::PromiseWindow;
use waybill_types::{Attributes, Currency, Timestamp};

/// A point in time, to the millisecond.
#[must_use]
pub fn time(at: Timestamp) -> prost_types::Timestamp {
    let ms = at.as_ms();
    prost_types::Timestamp { seconds: ms.div_euclid(1000), nanos: (ms.rem_euclid(1000) as i32) * 1_000_000 }
}

/// What the customer was told.
#[must_use]
pub fn window(window: PromiseWindow) -> common::PromiseWindow {
    common::PromiseWindow { earliest: Some(time(window.earliest)), latest: Some(time(window.latest)) }
}

/// An amount in minor units.
#[must_use]
pub fn money(currency: Currency, minor_units: i64) -> common::Money {
    common::Money { currency_code: currency.as_str().to_owned(), minor_units }
}

/// Custom attributes.
#[must_use]
pub fn attributes(attributes: &Attributes) -> BTreeMap<String, String> {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_before_1970_has_nanoseconds_of_zero_or_more() {
        let shown = time(Timestamp::from_ms(-1));
        assert_eq!((shown.seconds, shown.nanos), (-1, 999_000_000));
        assert_eq!(time(Timestamp::from_ms(1_234)).nanos, 234_000_000);
    }
}
