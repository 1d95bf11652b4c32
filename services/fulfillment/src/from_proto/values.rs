//! Single values: text, money, quantities, times, places. A field's path is given so that a caller can find it.

use prost_types::Timestamp as ProtoTimestamp;
use waybill_proto::common::v1 as common;
use waybill_service_kit::Fields;
use waybill_types::{
    Attributes, Country, Currency, GeoPoint, Invalid, Money, PostalCode, Quantity, Text, Timestamp,
};

/// Text of at most `max` bytes; may be empty.
pub(crate) fn text(fields: &mut Fields, field: impl Into<String>, value: &str, max: usize) -> Option<Text> {
    let field = field.into();
    if value.len() > max {
        fields.wrong(field, format!("has {} bytes, at most {max} are allowed", value.len()));
        return None;
    }
    fields.check(field, Text::new(value))
}

/// An amount of zero or more.
pub(crate) fn amount(fields: &mut Fields, field: &str, value: &common::Money) -> Option<Money> {
    let currency = fields.check(format!("{field}.currency_code"), Currency::new(&value.currency_code));
    let field = format!("{field}.minor_units");
    if value.minor_units < 0 {
        fields.wrong(field, format!("is {}, must not be negative", value.minor_units));
        return None;
    }
    let currency = currency?;
    fields.check(field, Money::new(currency, value.minor_units))
}

/// An amount that may be absent: `Some(None)` then.
pub(crate) fn amount_or_none(
    fields: &mut Fields,
    field: &str,
    value: Option<&common::Money>,
) -> Option<Option<Money>> {
    match value {
        None => Some(None),
        Some(value) => amount(fields, field, value).map(Some),
    }
}

/// A quantity of more than zero.
pub(crate) fn some_quantity(fields: &mut Fields, field: impl Into<String>, units: i64) -> Option<Quantity> {
    let field = field.into();
    if units == 0 {
        fields.wrong(field, "is 0, must be more");
        return None;
    }
    fields.check(field, Quantity::new(units))
}

/// A whole number of zero or more and at most `max`.
pub(crate) fn whole(fields: &mut Fields, field: impl Into<String>, value: i64, max: u64) -> Option<u64> {
    match u64::try_from(value) {
        Ok(value) if value <= max => Some(value),
        _ => {
            fields.wrong(field, format!("is {value}, must be 0 to {max}"));
            None
        }
    }
}

/// A number that fits 16 bits and is at most `max`.
pub(crate) fn small(fields: &mut Fields, field: impl Into<String>, value: u32, max: u16) -> Option<u16> {
    match u16::try_from(value) {
        Ok(value) if value <= max => Some(value),
        _ => {
            fields.wrong(field, format!("is {value}, must be 0 to {max}"));
            None
        }
    }
}

/// A point in time between 1970 and the year 8000, to the millisecond.
pub(crate) fn time(
    fields: &mut Fields,
    field: impl Into<String>,
    value: &ProtoTimestamp,
) -> Option<Timestamp> {
    const SECONDS_MAX: i64 = 190_288_396_800;
    if !(0..=SECONDS_MAX).contains(&value.seconds) || !(0..1_000_000_000).contains(&value.nanos) {
        fields.wrong(field, "must be between the years 1970 and 8000, with nanos of 0 to 999,999,999");
        return None;
    }
    Some(Timestamp::from_ms(value.seconds * 1000 + i64::from(value.nanos) / 1_000_000))
}

/// A time that may be absent: `Some(None)` then.
pub(crate) fn time_or_none(
    fields: &mut Fields,
    field: &str,
    value: Option<&ProtoTimestamp>,
) -> Option<Option<Timestamp>> {
    match value {
        None => Some(None),
        Some(value) => time(fields, field, value).map(Some),
    }
}

/// A point on the map.
pub(crate) fn point(fields: &mut Fields, field: &str, value: &common::GeoPoint) -> Option<GeoPoint> {
    let degrees = |e6: i64| i32::try_from(e6).unwrap_or(i32::MAX);
    let (lat_e6, lon_e6) = (degrees(value.latitude_degrees_e6), degrees(value.longitude_degrees_e6));
    fields.check(field, GeoPoint::new(lat_e6, lon_e6))
}

/// A point that may be absent: `Some(None)` then.
pub(crate) fn point_or_none(
    fields: &mut Fields,
    field: &str,
    value: Option<&common::GeoPoint>,
) -> Option<Option<GeoPoint>> {
    match value {
        None => Some(None),
        Some(value) => point(fields, field, value).map(Some),
    }
}

/// A country: two upper-case letters.
pub(crate) fn country(fields: &mut Fields, field: impl Into<String>, value: &str) -> Option<Country> {
    let upper = value.bytes().all(|byte| byte.is_ascii_uppercase());
    let checked = if upper {
        Country::new(value)
    } else {
        Err(Invalid::new("country", format!("is {value:?}, must be two upper-case letters (ISO 3166-1)")))
    };
    fields.check(field, checked)
}

/// A postal code, or none where the text is empty: `Some(None)` then. Written in upper case.
pub(crate) fn postal_code(
    fields: &mut Fields,
    field: impl Into<String>,
    value: &str,
) -> Option<Option<PostalCode>> {
    if value.is_empty() {
        return Some(None);
    }
    fields.check(field, PostalCode::new(value.to_uppercase())).map(Some)
}

/// An id that may be empty: `Some(None)` then.
pub(crate) fn id_or_none<T>(
    fields: &mut Fields,
    field: impl Into<String>,
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Option<Option<T>> {
    if value.is_empty() { Some(None) } else { fields.check(field, parse(value)).map(Some) }
}

/// Custom attributes.
pub(crate) fn attributes(
    fields: &mut Fields,
    field: impl Into<String>,
    value: &std::collections::BTreeMap<String, String>,
) -> Option<Attributes> {
    fields.check(field, Attributes::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_violations_and_not_panics() {
        let mut fields = Fields::new();
        let far = ProtoTimestamp { seconds: i64::MAX, nanos: 0 };
        assert_eq!(time(&mut fields, "t", &far), None);
        assert_eq!(time(&mut fields, "t", &ProtoTimestamp { seconds: 1, nanos: -1 }), None);
        assert_eq!(some_quantity(&mut fields, "q", -1), None);
        assert_eq!(some_quantity(&mut fields, "q", i64::MAX), None);
        assert_eq!(whole(&mut fields, "w", i64::MIN, 9), None);
        assert_eq!(small(&mut fields, "s", u32::MAX, 9), None);
        let money = common::Money { currency_code: "eur".into(), minor_units: i64::MIN };
        assert_eq!(amount(&mut fields, "m", &money), None);
        assert_eq!(country(&mut fields, "c", "de"), None);
        assert!(fields.finish(Some(())).is_err());
    }
}
