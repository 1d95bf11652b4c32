//! Rows of files as messages of the API: the one place where the two meet. Import, demo and bench use the same functions.
//! Nothing is checked here: the records were checked when they were read, and the server checks again.

mod item;
mod network;
mod order;

pub use item::{item, stock_count};
pub use network::{calendar, lane, node, rate_card, zone};
pub use order::{address, historic, place};

use waybill_formats::Instant;
use waybill_proto::common::v1::{GeoPoint, Money};

/// An amount of `minor_units` in `currency_code`.
#[must_use]
pub fn money(currency_code: &str, minor_units: i64) -> Money {
    Money { currency_code: currency_code.to_owned(), minor_units }
}

/// A point in time.
#[must_use]
pub fn timestamp(at: Instant) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.ms.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    prost_types::Timestamp { seconds: at.ms.div_euclid(1_000), nanos }
}

fn point(latitude_e6: Option<i32>, longitude_e6: Option<i32>) -> Option<GeoPoint> {
    let (latitude, longitude) = latitude_e6.zip(longitude_e6)?;
    Some(GeoPoint { latitude_degrees_e6: latitude.into(), longitude_degrees_e6: longitude.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_their_milliseconds_positive() {
        let before = timestamp(Instant::from_ms(-1));
        assert_eq!((before.seconds, before.nanos), (-1, 999_000_000));
        let after = timestamp(Instant::from_ms(1_772_452_800_250));
        assert_eq!((after.seconds, after.nanos), (1_772_452_800, 250_000_000));
    }

    #[test]
    fn half_a_point_is_no_point() {
        assert_eq!(point(Some(1), None), None);
        let there = GeoPoint { latitude_degrees_e6: -1, longitude_degrees_e6: 2 };
        assert_eq!(point(Some(-1), Some(2)), Some(there));
    }
}
