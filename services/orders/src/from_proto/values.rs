//! Values that orders alone has. All others are the service kit's. A field's path is given so that a caller can find it.

use std::fmt::Display;
use waybill_orders::content::Requested;
use waybill_proto::common::v1 as common;
use waybill_service_kit::Fields;
pub(crate) use waybill_service_kit::values::{
    attributes, hex, id_or_none, ids, list, owner, some_quantity, text, time, time_or_none, whole,
};
use waybill_types::LineNo;

/// The number of a line.
pub(crate) fn line_no(fields: &mut Fields, field: impl Display, number: u32) -> Option<LineNo> {
    match u16::try_from(number) {
        Ok(number) if number > 0 => Some(LineNo(number)),
        _ => {
            fields.wrong(field, format!("is {number}, must be the number of a line"));
            None
        }
    }
}

/// The number of a line, or 0 for the whole order: `Some(None)` then.
pub(crate) fn line_or_all(fields: &mut Fields, field: impl Display, number: u32) -> Option<Option<LineNo>> {
    if number == 0 { Some(None) } else { line_no(fields, field, number).map(Some) }
}

/// A number of something that is counted from 1.
pub(crate) fn counted<T: TryFrom<u32>>(fields: &mut Fields, field: impl Display, number: u32) -> Option<T> {
    let counted = (number > 0).then(|| T::try_from(number).ok()).flatten();
    if counted.is_none() {
        fields.wrong(field, format!("is {number}, there is none of that number"));
    }
    counted
}

/// A range of time, each side of which may be open.
pub(crate) fn range(
    fields: &mut Fields,
    field: &str,
    value: Option<&common::TimeRange>,
) -> Option<Option<Requested>> {
    let Some(value) = value else { return Some(None) };
    let earliest = time_or_none(fields, format_args!("{field}.earliest"), value.earliest.as_ref());
    let latest = time_or_none(fields, format_args!("{field}.latest"), value.latest.as_ref());
    let range = Requested { earliest: earliest?, latest: latest? };
    if let (Some(earliest), Some(latest)) = (range.earliest, range.latest)
        && earliest >= latest
    {
        fields.wrong(format_args!("{field}.latest"), "must be after earliest");
        return None;
    }
    Some(Some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_ends_before_it_begins_is_a_violation() {
        let mut fields = Fields::new();
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let open = common::TimeRange { earliest: at(9), latest: None };
        assert!(range(&mut fields, "r", Some(&open)).is_some_and(|range| range.is_some()));
        assert!(fields.is_fine());
        let backwards = common::TimeRange { earliest: at(9), latest: at(9) };
        assert_eq!(range(&mut fields, "r", Some(&backwards)), None);
        assert!(fields.finish(Some(())).is_err());
    }
}
