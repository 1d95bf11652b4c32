//! Single values: text, quantities, times, attributes. A field's path is given so that a caller can find it.

use prost_types::Timestamp as ProtoTimestamp;
use std::collections::BTreeMap;
use waybill_orders::content::Requested;
use waybill_proto::common::v1 as common;
use waybill_service_kit::Fields;
use waybill_types::{Attributes, Invalid, Quantity, Text, Timestamp};

/// Text of at most `max` bytes that is not personal data; may be empty.
pub(crate) fn text(fields: &mut Fields, field: impl Into<String>, value: &str, max: usize) -> Option<Text> {
    let field = field.into();
    if value.len() > max {
        fields.wrong(field, format!("has {} bytes, at most {max} are allowed", value.len()));
        return None;
    }
    fields.check(field, Text::new(value))
}

/// A quantity of more than zero.
pub(crate) fn some_quantity(fields: &mut Fields, field: impl Into<String>, units: i64) -> Option<Quantity> {
    let field = field.into();
    if units == 0 {
        fields.wrong(field, "is 0, must be more than 0");
        return None;
    }
    fields.check(field, Quantity::new(units))
}

/// A whole number from 0 to `max`.
pub(crate) fn up_to(fields: &mut Fields, field: impl Into<String>, value: i64, max: u64) -> Option<u64> {
    match u64::try_from(value) {
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
    field: impl Into<String>,
    value: Option<&ProtoTimestamp>,
) -> Option<Option<Timestamp>> {
    match value {
        None => Some(None),
        Some(value) => time(fields, field, value).map(Some),
    }
}

/// A range of time, each side of which may be open.
pub(crate) fn range(
    fields: &mut Fields,
    field: &str,
    value: Option<&common::TimeRange>,
) -> Option<Option<Requested>> {
    let Some(value) = value else { return Some(None) };
    let earliest = time_or_none(fields, format!("{field}.earliest"), value.earliest.as_ref());
    let latest = time_or_none(fields, format!("{field}.latest"), value.latest.as_ref());
    let range = Requested { earliest: earliest?, latest: latest? };
    if let (Some(earliest), Some(latest)) = (range.earliest, range.latest)
        && earliest >= latest
    {
        fields.wrong(format!("{field}.latest"), "must be after earliest");
        return None;
    }
    Some(Some(range))
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
    value: &BTreeMap<String, String>,
) -> Option<Attributes> {
    fields.check(field, Attributes::new(value))
}

/// The bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
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
        assert_eq!(some_quantity(&mut fields, "q", i64::MIN), None);
        assert_eq!(some_quantity(&mut fields, "q", 0), None);
        assert_eq!(up_to(&mut fields, "u", -1, 9), None);
        assert_eq!(text(&mut fields, "x", "a\u{0}", 9), None);
        let at = |seconds| Some(ProtoTimestamp { seconds, nanos: 0 });
        let backwards = common::TimeRange { earliest: at(9), latest: at(9) };
        assert_eq!(range(&mut fields, "r", Some(&backwards)), None);
        assert!(fields.finish(Some(())).is_err());
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
