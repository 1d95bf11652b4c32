//! Errors to gRPC status: the only place that maps a [`Code`].

use std::collections::HashMap;
use std::time::Duration;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};
use waybill_machine::{Code, Coded, FieldViolation};
use waybill_types::Invalid;

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "waybill";

/// What a door itself refuses, before any machine is asked.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The request is wrong; every field at fault is listed.
    #[error("the request has {} invalid field(s): {}", .0.len(), first(.0))]
    Malformed(Vec<FieldViolation>),
    /// The caller may not.
    #[error("{what}")]
    NotAllowed {
        /// What is refused.
        what: String,
    },
    /// The token asks for history that is no longer kept.
    #[error("the resume token is too old: the oldest that is kept is {oldest}")]
    OutOfRange {
        /// The oldest token.
        oldest: String,
    },
    /// The cursor or token names a place that was never reached here.
    #[error(
        "cursor {asked} of partition {partition} is beyond the newest event there, {newest}: it is of another \
         installation or of a state that was restored over; begin after {newest}, or anew"
    )]
    Ahead {
        /// Which partition of the service.
        partition: u8,
        /// The sequence asked for.
        asked: u64,
        /// A sequence to go on from: everything until now.
        newest: u64,
    },
    /// Not allowed in this state.
    #[error("{what}")]
    IllegalNow {
        /// What is and what to do.
        what: String,
    },
    /// A bound is reached.
    #[error("{what}; try again in {retry_after_ms} ms")]
    Busy {
        /// Which bound.
        what: &'static str,
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// Something this process needs is not there now.
    #[error("{what}; try again")]
    Unavailable {
        /// What.
        what: String,
    },
    /// Our fault; the detail goes to the log only.
    #[error("internal error")]
    Bug {
        /// For the log.
        what: String,
    },
}

fn first(violations: &[FieldViolation]) -> String {
    violations.first().map_or_else(String::new, |v| format!("{} {}", v.field, v.description))
}

impl DoorError {
    /// One field is wrong.
    #[must_use]
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Malformed(vec![FieldViolation { field: field.into(), description: description.into() }])
    }
    /// One field holds an invalid value.
    #[must_use]
    pub fn malformed(field: impl Into<String>, invalid: &Invalid) -> Self {
        Self::field(field, format!("{} {}", invalid.what, invalid.why))
    }
}

impl Coded for DoorError {
    fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::Malformed,
            Self::NotAllowed { .. } => Code::NotAllowed,
            Self::OutOfRange { .. } | Self::Ahead { .. } => Code::OutOfRange,
            Self::IllegalNow { .. } => Code::IllegalNow,
            Self::Busy { .. } => Code::TooMuch,
            Self::Unavailable { .. } => Code::Unavailable,
            Self::Bug { .. } => Code::Bug,
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "INVALID_REQUEST",
            Self::NotAllowed { .. } => "NOT_ALLOWED",
            Self::OutOfRange { .. } => "RESUME_TOKEN_TOO_OLD",
            Self::Ahead { .. } => "CURSOR_AHEAD",
            Self::IllegalNow { .. } => "ILLEGAL_NOW",
            Self::Busy { .. } => "BUSY",
            Self::Unavailable { .. } => "UNAVAILABLE",
            Self::Bug { .. } => "INTERNAL",
        }
    }
    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Malformed(violations) => violations.clone(),
            _ => Vec::new(),
        }
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::OutOfRange { oldest } => vec![("oldest", oldest.clone())],
            Self::Ahead { partition, asked, newest } => vec![
                ("partition", partition.to_string()),
                ("asked", asked.to_string()),
                ("newest", newest.to_string()),
            ],
            Self::Busy { retry_after_ms, .. } => vec![("retry_after_ms", retry_after_ms.to_string())],
            _ => Vec::new(),
        }
    }
}

impl From<DoorError> for Status {
    fn from(error: DoorError) -> Self {
        if let DoorError::Bug { what } = &error {
            tracing::error!(%what, "internal error");
        }
        status(&error)
    }
}

/// The gRPC status of any coded error, with `google.rpc` details. The message of a [`Code::Bug`] never leaves.
#[must_use]
pub fn status(error: &dyn Coded) -> Status {
    let code = error.code();
    let facts = error.facts();
    let mut details = ErrorDetails::new();
    let metadata: HashMap<String, String> =
        facts.iter().map(|(k, v)| ((*k).to_owned(), clip(v, FACT_BYTES_MAX))).collect();
    details.set_error_info(error.reason(), DOMAIN, metadata);
    let mut room = VIOLATIONS_BYTES_MAX;
    for violation in error.violations() {
        let field = clip(&violation.field, TEXT_BYTES_MAX);
        let description = clip(&violation.description, TEXT_BYTES_MAX);
        let Some(left) = room.checked_sub(field.len() + description.len()) else { break };
        room = left;
        details.add_bad_request_violation(field, description);
    }
    let message = clip(&error.to_string(), TEXT_BYTES_MAX);
    if matches!(code, Code::IllegalNow | Code::Short) {
        details.add_precondition_failure_violation(error.reason(), "", message.clone());
    }
    let retry_ms =
        facts.iter().find(|(name, _)| *name == "retry_after_ms").and_then(|(_, ms)| ms.parse().ok());
    if let Some(ms) = retry_ms.or((code == Code::Unavailable).then_some(100)) {
        details.set_retry_info(Some(Duration::from_millis(ms)));
    }
    let message = if code == Code::Bug { "internal error".to_owned() } else { message };
    Status::with_error_details(grpc_code(code), message, details)
}

/// A refusal travels in headers, which clients take up to 8 KiB of: more breaks the connection with everybody else's calls
/// on it. So what a caller sent is not sent back at any length.
const TEXT_BYTES_MAX: usize = 240;
const FACT_BYTES_MAX: usize = 1_024;
const VIOLATIONS_BYTES_MAX: usize = 3_000;

/// At most `max` bytes of a text, and a sign that there was more.
fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

fn grpc_code(code: Code) -> tonic::Code {
    match code {
        Code::Malformed => tonic::Code::InvalidArgument,
        Code::NotAllowed => tonic::Code::PermissionDenied,
        Code::Unknown => tonic::Code::NotFound,
        Code::Conflict => tonic::Code::AlreadyExists,
        Code::Stale => tonic::Code::Aborted,
        Code::IllegalNow | Code::Short => tonic::Code::FailedPrecondition,
        Code::TooMuch => tonic::Code::ResourceExhausted,
        Code::Unavailable => tonic::Code::Unavailable,
        Code::OutOfRange => tonic::Code::OutOfRange,
        Code::Bug => tonic::Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_request_lists_every_field() {
        let error = DoorError::Malformed(vec![
            FieldViolation { field: "lines[0].sku".into(), description: "is empty".into() },
            FieldViolation { field: "lines[1].quantity".into(), description: "is -1".into() },
        ]);
        let status = Status::from(error);
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
        assert_eq!(details.error_info().unwrap().reason, "INVALID_REQUEST");
    }

    #[test]
    fn what_a_caller_sent_is_not_sent_back_at_any_length() {
        let long = "ä".repeat(1 << 20);
        let violation =
            |index| FieldViolation { field: format!("lines[{index}].sku"), description: long.clone() };
        let status = Status::from(DoorError::Malformed((0..64).map(violation).collect()));
        let bytes = status.message().len() + status.details().len();
        assert!(bytes < 5_000, "{bytes} bytes");
        let named = status.get_error_details().bad_request().unwrap().field_violations.len();
        assert!((5..64).contains(&named), "{named} fields are named");
        let status = Status::from(DoorError::OutOfRange { oldest: long });
        assert!(status.message().len() + status.details().len() < 5_000);
    }

    #[test]
    fn our_own_faults_keep_their_details_to_the_log() {
        let status = Status::from(DoorError::Bug { what: "row 17 of customer Ada".into() });
        assert_eq!((status.code(), status.message()), (tonic::Code::Internal, "internal error"));
    }
}
