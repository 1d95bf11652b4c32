//! Collects everything that is wrong with a request, so that a caller mends it in one go.

use crate::error::DoorError;
use std::fmt::Display;
use waybill_machine::FieldViolation;
use waybill_types::{Invalid, Reason, RequestId};

/// What was found so far.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldViolation>);

impl Fields {
    /// Violations listed at most; the rest is not worth a reader's time.
    const LISTED_MAX: usize = 64;

    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// The value, or a violation at `field`.
    pub fn check<T>(&mut self, field: impl Display, value: Result<T, Invalid>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.wrong(field, format!("{} {}", invalid.what, invalid.why));
                None
            }
        }
    }
    /// The value of an optional text: absent when empty.
    pub fn check_unless_empty<T>(
        &mut self,
        field: impl Display,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if text.is_empty() { None } else { self.check(field, parse(text)) }
    }
    /// `field` is wrong because of `description`.
    pub fn wrong(&mut self, field: impl Display, description: impl Into<String>) {
        if self.0.len() < Self::LISTED_MAX {
            self.0.push(FieldViolation { field: field.to_string(), description: description.into() });
        }
    }
    /// The required `request_id` of a write.
    pub fn request_id(&mut self, text: &str) -> Option<RequestId> {
        self.check("request_id", RequestId::new(text))
    }
    /// The `reason` of a write; may be empty.
    pub fn reason(&mut self, text: &str) -> Option<Reason> {
        self.check("reason", Reason::new(text))
    }
    /// Takes over what was found of a part of the request that stands under `path`.
    pub fn under(&mut self, path: &str, part: Self) {
        for FieldViolation { field, description } in part.0 {
            self.wrong(format!("{path}.{field}"), description);
        }
    }
    /// True while nothing is wrong.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.0.is_empty()
    }
    /// Ends the checks: what was parsed if nothing is wrong.
    ///
    /// # Errors
    /// [`DoorError::Malformed`] with all violations. `None` without a violation is our own fault.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, DoorError> {
        match value {
            _ if !self.0.is_empty() => Err(DoorError::Malformed(self.0)),
            Some(value) => Ok(value),
            None => Err(DoorError::Bug { what: "a request failed its checks without a violation".into() }),
        }
    }
}
