//! What a record is: a named kind of row with columns, a check of its own, and one definition for CSV and JSON lines.

use crate::{FieldError, ReadError};
use serde::{Serialize, de::DeserializeOwned};
use std::path::Path;

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header line; columns in any order.
    Csv,
    /// One JSON object per line.
    JsonLines,
}

impl Format {
    /// By the file's name: `.csv`, `.jsonl` or `.ndjson`.
    ///
    /// # Errors
    /// [`ReadError::UnknownFormat`] for any other ending.
    pub fn of_path(path: &Path) -> Result<Self, ReadError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            _ => Err(ReadError::UnknownFormat(path.display().to_string())),
        }
    }
}

/// The cells of one CSV row by column.
pub(crate) struct Cells<'a> {
    pub(crate) columns: &'a [usize],
    pub(crate) row: &'a csv::StringRecord,
}

impl Cells<'_> {
    /// The non-empty cell of field `index`, if the file has that column.
    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        let column = *self.columns.get(index)?;
        self.row.get(column).filter(|text| !text.is_empty())
    }
}

/// A kind of row. Implemented by the records of this crate alone.
pub trait Record: Sized + Serialize + DeserializeOwned + sealed::Flat {
    /// Plural name, such as `items`.
    const KIND: &'static str;
    /// CSV columns in writing order; empty for kinds that are nested and therefore JSON lines only.
    const COLUMNS: &'static [&'static str];
    /// The columns that must be there and filled.
    const REQUIRED: &'static [&'static str];

    /// Checks what the types alone do not: lengths, ranges, sums.
    ///
    /// # Errors
    /// The first field at fault.
    fn check(&self) -> Result<(), FieldError>;
}

pub(crate) mod sealed {
    use super::{Cells, FieldError};

    /// The CSV side of a record.
    pub trait Flat: Sized {
        #[doc(hidden)]
        #[allow(private_interfaces, reason = "nobody outside can implement or call it")]
        fn from_cells(cells: &Cells<'_>) -> Result<Self, FieldError>;
        #[doc(hidden)]
        fn to_cells(&self) -> Result<Vec<String>, FieldError>;
    }
}

/// Defines a flat record: the struct, its JSON form and its CSV columns from one list of fields.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident = $kind:literal
        required { $($(#[$rdoc:meta])* $rfield:ident : $rtype:ty,)* }
        optional { $($(#[$odoc:meta])* $ofield:ident : $otype:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$rdoc])* pub $rfield: $rtype,)*
            $($(#[$odoc])* #[serde(default)] pub $ofield: $otype,)*
        }

        impl $crate::Record for $name {
            const KIND: &'static str = $kind;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($rfield),)* $(stringify!($ofield),)*];
            const REQUIRED: &'static [&'static str] = &[$(stringify!($rfield),)*];
            fn check(&self) -> Result<(), $crate::FieldError> {
                self.check_fields()
            }
        }

        impl $crate::record::sealed::Flat for $name {
            #[allow(private_interfaces, reason = "nobody outside can implement or call it")]
            fn from_cells(cells: &$crate::record::Cells<'_>) -> Result<Self, $crate::FieldError> {
                let mut index = 0..;
                let mut next = || cells.get(index.next().unwrap_or(usize::MAX));
                Ok(Self {
                    $($rfield: match next() {
                        Some(text) => $crate::cell::Cell::parse(text)
                            .map_err(|why| $crate::FieldError::new(stringify!($rfield), why))?,
                        None => return Err($crate::FieldError::new(stringify!($rfield), "is empty, must be given")),
                    },)*
                    $($ofield: match next() {
                        Some(text) => $crate::cell::Cell::parse(text)
                            .map_err(|why| $crate::FieldError::new(stringify!($ofield), why))?,
                        None => <$otype>::default(),
                    },)*
                })
            }
            fn to_cells(&self) -> Result<Vec<String>, $crate::FieldError> {
                Ok(vec![
                    $($crate::cell::Cell::show(&self.$rfield)
                        .map_err(|why| $crate::FieldError::new(stringify!($rfield), why))?,)*
                    $($crate::cell::Cell::show(&self.$ofield)
                        .map_err(|why| $crate::FieldError::new(stringify!($ofield), why))?,)*
                ])
            }
        }
    };
}
pub(crate) use record;

/// Turns a refusal of a checked value into one of field `field`.
pub(crate) fn at<T>(field: &str, checked: Result<T, waybill_types::Invalid>) -> Result<(), FieldError> {
    checked.map(drop).map_err(|invalid| FieldError::new(field, invalid.why))
}

/// Refuses text that is too long or holds control characters.
pub(crate) fn text_up_to(field: &str, text: &str, chars_max: usize) -> Result<(), FieldError> {
    let count = text.chars().count();
    if count > chars_max {
        return Err(FieldError::new(
            field,
            format!("has {count} characters, at most {chars_max} are allowed"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(field, "holds control characters"));
    }
    Ok(())
}

/// Refuses a number outside a range.
pub(crate) fn within(field: &str, number: i64, min: i64, max: i64) -> Result<(), FieldError> {
    if number < min || number > max {
        return Err(FieldError::new(field, format!("is {number}, must be from {min} to {max}")));
    }
    Ok(())
}

/// Refuses a point of which one half is missing or that is not on earth.
pub(crate) fn point(lat: Option<i32>, lon: Option<i32>) -> Result<(), FieldError> {
    match (lat, lon) {
        (Some(lat), Some(lon)) => at("latitude_e6", waybill_types::GeoPoint::new(lat, lon)),
        (None, None) => Ok(()),
        (None, Some(_)) => Err(FieldError::new("latitude_e6", "is empty although longitude_e6 is given")),
        (Some(_), None) => Err(FieldError::new("longitude_e6", "is empty although latitude_e6 is given")),
    }
}
