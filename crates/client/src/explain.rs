//! What a refusal says, in words for people and in names for programs.

use tonic::Status;
use tonic_types::StatusExt;

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its path in the request, such as `lines[0].sku`.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

/// The refusal's reason in upper snake case, as listed in docs/errors. `None` when no server of the engine sent it.
#[must_use]
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// The fields at fault; empty unless the request is malformed.
#[must_use]
pub fn violations(status: &Status) -> Vec<Violation> {
    let found = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    found.into_iter().map(|found| Violation { field: found.field, why: found.description }).collect()
}

/// The whole refusal for a person: message, reason, and one line per field at fault.
#[must_use]
pub fn explain(status: &Status) -> String {
    let mut text = status.message().to_owned();
    if text.is_empty() {
        text = status.code().description().to_owned();
    }
    if let Some(reason) = reason(status) {
        text = format!("{text} ({reason})");
    }
    for Violation { field, why } in violations(status) {
        text.push_str(&format!("\n  {field}: {why}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;
    use tonic_types::ErrorDetails;

    #[test]
    fn a_refusal_is_told_with_reason_and_fields() {
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_REQUEST", "waybill", [("kind".to_owned(), "order".to_owned())]);
        details.add_bad_request_violation("lines[0].sku", "is empty");
        let status = Status::with_error_details(Code::InvalidArgument, "1 field is wrong", details);
        assert_eq!(explain(&status), "1 field is wrong (INVALID_REQUEST)\n  lines[0].sku: is empty");
        assert_eq!(reason(&status).as_deref(), Some("INVALID_REQUEST"));
    }

    #[test]
    fn a_status_without_words_still_says_something() {
        assert_eq!(explain(&Status::new(Code::NotFound, "")), Code::NotFound.description());
    }
}
