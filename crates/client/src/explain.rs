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

/// The numbers and names of a refusal, such as `available`, by name.
#[must_use]
pub fn facts(status: &Status) -> Vec<(String, String)> {
    let found = status.get_details_error_info().map(|info| info.metadata).unwrap_or_default();
    let mut facts: Vec<(String, String)> = found.into_iter().collect();
    facts.sort();
    facts
}

/// The whole refusal for a person: message, reason, one line per field at fault, one per fact that the message does not
/// name already.
#[must_use]
pub fn explain(status: &Status) -> String {
    explain_as(status, str::to_owned)
}

/// As [`explain`], for people who did not write the request: `name` tells what a field of it is called where they come
/// from, such as the flag of a command.
#[must_use]
pub fn explain_as(status: &Status, name: impl Fn(&str) -> String) -> String {
    if let Some(why) = crate::error::broken(status) {
        return why;
    }
    let violations = violations(status);
    let message = headline(status.message(), &violations);
    let mut text = if message.is_empty() { status.code().description() } else { message }.to_owned();
    if let Some(reason) = reason(status) {
        text = format!("{text} ({reason})");
    }
    for Violation { field, why } in &violations {
        text.push_str(&format!("\n  {}: {why}", name(field)));
    }
    // A number may stand in the message by chance; a name does not.
    let is_news = |fact: &str| fact.parse::<i64>().is_ok() || !message.contains(fact);
    for (name, fact) in facts(status).iter().filter(|(_, fact)| is_news(fact)) {
        text.push_str(&format!("\n  {name}: {fact}"));
    }
    text
}

/// The message without the fields at fault, which follow one by one.
fn headline<'a>(message: &'a str, violations: &[Violation]) -> &'a str {
    let told = violations.first().and_then(|first| message.find(&format!(": {} {}", first.field, first.why)));
    told.map_or(message, |at| &message[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;
    use tonic_types::ErrorDetails;

    #[test]
    fn a_refusal_is_told_with_reason_and_fields() {
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_REQUEST", "waybill", []);
        details.add_bad_request_violation("lines[0].sku", "is empty");
        let status = Status::with_error_details(Code::InvalidArgument, "1 field is wrong", details);
        assert_eq!(explain(&status), "1 field is wrong (INVALID_REQUEST)\n  lines[0].sku: is empty");
        assert_eq!(reason(&status).as_deref(), Some("INVALID_REQUEST"));
    }

    #[test]
    fn a_field_is_told_once_and_by_the_name_it_has_for_the_caller() {
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_REQUEST", "waybill", []);
        details.add_bad_request_violation("lines[0].sku", "is empty");
        details.add_bad_request_violation("reason", "is too long");
        let message = "the request is wrong: lines[0].sku is empty; reason is too long";
        let status = Status::with_error_details(Code::InvalidArgument, message, details);
        let name = |field: &str| field.replace("lines[0].sku", "--line");
        assert_eq!(
            explain_as(&status, name),
            "the request is wrong (INVALID_REQUEST)\n  --line: is empty\n  reason: is too long"
        );
    }

    #[test]
    fn the_numbers_of_a_refusal_are_told_and_names_are_not_told_twice() {
        let facts =
            [("sku", "P1"), ("available", "1")].map(|(name, fact)| (name.to_owned(), fact.to_owned()));
        let details = ErrorDetails::with_error_info("STOCK_SHORT", "waybill", facts);
        let status = Status::with_error_details(Code::FailedPrecondition, "P1 is short at 1 place", details);
        assert_eq!(explain(&status), "P1 is short at 1 place (STOCK_SHORT)\n  available: 1");
    }

    #[test]
    fn a_status_without_words_still_says_something() {
        assert_eq!(explain(&Status::new(Code::NotFound, "")), Code::NotFound.description());
    }
}
