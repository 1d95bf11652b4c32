//! Single values of requests: text, quantities, times, places, amounts, lists. The one place where they are checked, so
//! that the same field means the same at every door. A field's path is given so that a caller can find it. Knows no
//! message of any one service.

use crate::fields::Fields;
use prost_types::Timestamp as ProtoTimestamp;
use std::collections::BTreeMap;
use std::fmt::Display;
use waybill_proto::common::v1 as common;
use waybill_types::{
    Attributes, Country, Currency, GeoPoint, Invalid, Money, OwnerId, PostalCode, Quantity, Text, Timestamp,
};

/// Text of at most `max` bytes that is not personal data; may be empty.
pub fn text(fields: &mut Fields, field: impl Display, value: &str, max: usize) -> Option<Text> {
    if value.len() > max {
        fields.wrong(field, format!("has {} bytes, at most {max} are allowed", value.len()));
        return None;
    }
    fields.check(field, Text::new(value))
}

/// Text of 1 to `max` bytes that is not personal data.
pub fn some_text(fields: &mut Fields, field: impl Display, value: &str, max: usize) -> Option<Text> {
    if value.is_empty() {
        fields.wrong(field, "is empty");
        return None;
    }
    text(fields, field, value, max)
}

/// An owner; empty means the main one.
pub fn owner(fields: &mut Fields, field: impl Display, value: &str) -> Option<OwnerId> {
    if value.is_empty() { Some(OwnerId::main()) } else { fields.check(field, OwnerId::new(value)) }
}

/// An id that may be empty: `Some(None)` then.
pub fn id_or_none<T>(
    fields: &mut Fields,
    field: impl Display,
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Option<Option<T>> {
    if value.is_empty() { Some(None) } else { fields.check(field, parse(value)).map(Some) }
}

/// A quantity of more than zero.
pub fn some_quantity(fields: &mut Fields, field: impl Display, units: i64) -> Option<Quantity> {
    if units == 0 {
        fields.wrong(field, "is 0, must be more than 0");
        return None;
    }
    fields.check(field, Quantity::new(units))
}

/// A whole number from 0 to `max`.
pub fn whole(fields: &mut Fields, field: impl Display, value: i64, max: u64) -> Option<u64> {
    match u64::try_from(value) {
        Ok(value) if value <= max => Some(value),
        _ => {
            fields.wrong(field, format!("is {value}, must be 0 to {max}"));
            None
        }
    }
}

/// A whole number from 0 to `max` that fits 16 bits.
pub fn small(fields: &mut Fields, field: impl Display, value: u32, max: u16) -> Option<u16> {
    let value = whole(fields, field, value.into(), max.into())?;
    u16::try_from(value).ok()
}

/// Rows per page: 0 is what is `usual`.
pub fn page_size(fields: &mut Fields, asked: u32, usual: usize, max: usize) -> Option<usize> {
    match asked as usize {
        0 => Some(usual),
        size if size <= max => Some(size),
        size => {
            fields.wrong("page_size", format!("is {size}, must be 0 to {max}"));
            None
        }
    }
}

/// A point in time between 1970 and the year 8000, to the millisecond.
pub fn time(fields: &mut Fields, field: impl Display, value: &ProtoTimestamp) -> Option<Timestamp> {
    const SECONDS_MAX: i64 = 190_288_396_800;
    if !(0..=SECONDS_MAX).contains(&value.seconds) || !(0..1_000_000_000).contains(&value.nanos) {
        fields.wrong(field, "must be between the years 1970 and 8000, with nanos of 0 to 999,999,999");
        return None;
    }
    Some(Timestamp::from_ms(value.seconds * 1000 + i64::from(value.nanos) / 1_000_000))
}

/// A time that may be absent: `Some(None)` then.
pub fn time_or_none(
    fields: &mut Fields,
    field: impl Display,
    value: Option<&ProtoTimestamp>,
) -> Option<Option<Timestamp>> {
    match value {
        None => Some(None),
        Some(value) => time(fields, field, value).map(Some),
    }
}

/// An amount of zero or more.
pub fn amount(fields: &mut Fields, field: &str, value: &common::Money) -> Option<Money> {
    let currency = fields.check(format_args!("{field}.currency_code"), Currency::new(&value.currency_code));
    let field = format_args!("{field}.minor_units");
    if value.minor_units < 0 {
        fields.wrong(field, format!("is {}, must not be negative", value.minor_units));
        return None;
    }
    let currency = currency?;
    fields.check(field, Money::new(currency, value.minor_units))
}

/// An amount that may be absent: `Some(None)` then.
pub fn amount_or_none(
    fields: &mut Fields,
    field: &str,
    value: Option<&common::Money>,
) -> Option<Option<Money>> {
    match value {
        None => Some(None),
        Some(value) => amount(fields, field, value).map(Some),
    }
}

/// A point on the map.
pub fn point(fields: &mut Fields, field: impl Display, value: &common::GeoPoint) -> Option<GeoPoint> {
    let degrees = |e6: i64| i32::try_from(e6).unwrap_or(i32::MAX);
    let (lat_e6, lon_e6) = (degrees(value.latitude_degrees_e6), degrees(value.longitude_degrees_e6));
    fields.check(field, GeoPoint::new(lat_e6, lon_e6))
}

/// A point that may be absent: `Some(None)` then.
pub fn point_or_none(
    fields: &mut Fields,
    field: impl Display,
    value: Option<&common::GeoPoint>,
) -> Option<Option<GeoPoint>> {
    match value {
        None => Some(None),
        Some(value) => point(fields, field, value).map(Some),
    }
}

/// A country: two upper-case letters.
pub fn country(fields: &mut Fields, field: impl Display, value: &str) -> Option<Country> {
    let upper = value.bytes().all(|byte| byte.is_ascii_uppercase());
    let checked = if upper {
        Country::new(value)
    } else {
        Err(Invalid::new("country", format!("is {value:?}, must be two upper-case letters (ISO 3166-1)")))
    };
    fields.check(field, checked)
}

/// A postal code, or none where the text is empty: `Some(None)` then. Written in upper case.
pub fn postal_code(fields: &mut Fields, field: impl Display, value: &str) -> Option<Option<PostalCode>> {
    if value.is_empty() {
        return Some(None);
    }
    fields.check(field, PostalCode::new(value.to_uppercase())).map(Some)
}

/// Custom attributes.
pub fn attributes(
    fields: &mut Fields,
    field: impl Display,
    value: &BTreeMap<String, String>,
) -> Option<Attributes> {
    fields.check(field, Attributes::new(value))
}

/// A list of at most `max`, each checked under its own path.
pub fn list<S, T>(
    fields: &mut Fields,
    field: impl Display,
    values: &[S],
    max: usize,
    mut parse: impl FnMut(&mut Fields, String, &S) -> Option<T>,
) -> Option<Vec<T>> {
    if values.len() > max {
        fields.wrong(field, format!("are {}, at most {max} are allowed", values.len()));
        return None;
    }
    let parsed =
        values.iter().enumerate().map(|(index, value)| parse(fields, format!("{field}[{index}]"), value));
    // All are parsed even when one is wrong, so that every violation is found.
    let parsed: Vec<Option<T>> = parsed.collect();
    parsed.into_iter().collect()
}

/// A list of ids of at most `max`.
pub fn ids<T>(
    fields: &mut Fields,
    field: impl Display,
    values: &[String],
    max: usize,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<Vec<T>> {
    list(fields, field, values, max, |fields, path, value: &String| fields.check(path, parse(value)))
}

/// The bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.map(|digit| char::from(DIGITS[usize::from(digit)])));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DoorError;
    use waybill_types::NodeId;

    fn paths(fields: Fields) -> Vec<String> {
        let DoorError::Malformed(found) = fields.finish(Some(())).unwrap_err() else {
            panic!("must be malformed")
        };
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn values_out_of_range_are_violations_and_not_panics() {
        let mut fields = Fields::new();
        let far = ProtoTimestamp { seconds: i64::MAX, nanos: 0 };
        assert_eq!(time(&mut fields, "t", &far), None);
        assert_eq!(time(&mut fields, "t", &ProtoTimestamp { seconds: 1, nanos: -1 }), None);
        for units in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(some_quantity(&mut fields, "q", units), None, "{units}");
        }
        assert_eq!(whole(&mut fields, "w", i64::MIN, 9), None);
        assert_eq!(whole(&mut fields, "w", 10, 9), None);
        assert_eq!(small(&mut fields, "s", u32::MAX, 9), None);
        assert_eq!(page_size(&mut fields, u32::MAX, 50, 500), None);
        let money = common::Money { currency_code: "eur".into(), minor_units: i64::MIN };
        assert_eq!(amount(&mut fields, "m", &money), None);
        assert_eq!(country(&mut fields, "c", "de"), None);
        assert_eq!(text(&mut fields, "x", "a\u{0}", 9), None);
        assert_eq!(some_text(&mut fields, "x", "", 9), None);
        let point = common::GeoPoint { latitude_degrees_e6: i64::MIN, longitude_degrees_e6: 0 };
        assert_eq!(super::point(&mut fields, "p", &point), None);
        let expected = "t t q q q q w w s page_size m.currency_code m.minor_units c x x p"
            .split(' ')
            .collect::<Vec<_>>();
        assert_eq!(paths(fields), expected);
    }

    #[test]
    fn what_may_be_absent_is_no_violation_and_the_edges_are_allowed() {
        let mut fields = Fields::new();
        assert_eq!(time_or_none(&mut fields, "t", None), Some(None));
        assert_eq!(amount_or_none(&mut fields, "m", None), Some(None));
        assert_eq!(point_or_none(&mut fields, "p", None), Some(None));
        assert_eq!(postal_code(&mut fields, "z", ""), Some(None));
        assert_eq!(id_or_none(&mut fields, "n", "", |id| NodeId::new(id)), Some(None));
        assert_eq!(owner(&mut fields, "o", ""), Some(OwnerId::main()));
        assert_eq!(small(&mut fields, "s", 9, 9), Some(9));
        assert_eq!(page_size(&mut fields, 0, 50, 500), Some(50));
        assert_eq!(page_size(&mut fields, 500, 50, 500), Some(500));
        assert!(fields.is_fine());
    }

    #[test]
    fn every_wrong_value_of_a_list_is_found() {
        let mut fields = Fields::new();
        let values = ["".to_owned(), "fine".to_owned(), "\u{7}".to_owned()];
        assert_eq!(ids(&mut fields, "node_ids", &values, 3, |text| NodeId::new(text)), None);
        assert_eq!(ids(&mut fields, "node_ids", &values, 2, |text| NodeId::new(text)), None);
        assert_eq!(paths(fields), ["node_ids[0]", "node_ids[2]", "node_ids"]);
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
