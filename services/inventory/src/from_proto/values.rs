//! Single values. A field's path is given so that a caller can find it.

use waybill_service_kit::Fields;
use waybill_types::{Invalid, OwnerId, Quantity, Text};

/// Text of at most `max` bytes; may be empty.
pub(crate) fn text(fields: &mut Fields, field: impl Into<String>, value: &str, max: usize) -> Option<Text> {
    let field = field.into();
    if value.len() > max {
        fields.wrong(field, format!("has {} bytes, at most {max} are allowed", value.len()));
        return None;
    }
    fields.check(field, Text::new(value))
}

/// Text of 1 to `max` bytes.
pub(crate) fn some_text(
    fields: &mut Fields,
    field: impl Into<String>,
    value: &str,
    max: usize,
) -> Option<Text> {
    let field = field.into();
    if value.is_empty() {
        fields.wrong(field, "is empty");
        return None;
    }
    text(fields, field, value, max)
}

/// An owner; empty means the main one.
pub(crate) fn owner(fields: &mut Fields, field: impl Into<String>, value: &str) -> Option<OwnerId> {
    if value.is_empty() { Some(OwnerId::main()) } else { fields.check(field, OwnerId::new(value)) }
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

/// A list of at most `max`, each checked under its own path.
pub(crate) fn list<S, T>(
    fields: &mut Fields,
    field: &str,
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
pub(crate) fn ids<T>(
    fields: &mut Fields,
    field: &str,
    values: &[String],
    max: usize,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<Vec<T>> {
    list(fields, field, values, max, |fields, path, value: &String| fields.check(path, parse(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::NodeId;

    #[test]
    fn every_wrong_value_of_a_list_is_found() {
        let mut fields = Fields::new();
        let values = ["".to_owned(), "fine".to_owned(), "\u{7}".to_owned()];
        assert_eq!(ids(&mut fields, "node_ids", &values, 3, |text| NodeId::new(text)), None);
        assert_eq!(some_quantity(&mut fields, "q", i64::MIN), None);
        assert_eq!(some_quantity(&mut fields, "q", i64::MAX), None);
        assert_eq!(whole(&mut fields, "w", -1, 9), None);
        let waybill_service_kit::DoorError::Malformed(found) = fields.finish(Some(())).unwrap_err() else {
            panic!("must be malformed")
        };
        let paths: Vec<&str> = found.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(paths, ["node_ids[0]", "node_ids[2]", "q", "q", "w"]);
    }
}
