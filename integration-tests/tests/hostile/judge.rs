//! What a caller is told, and whether it is what it should be told.

use super::raw::Outcome;
use super::rows::Row;
use super::values::Hostile;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use tonic::Code;
use tonic_types::StatusExt;

/// What came of a call, as far as it counts here.
#[derive(Debug)]
pub(crate) enum Told {
    /// A refusal of the request, or of the only row in it (`code` is OK then).
    Refused { code: Code, reason: String, fields: Vec<String>, message: String },
    /// It was taken.
    Answered,
    /// Nothing came.
    Hangs,
}

/// What should come.
pub(crate) struct Expected {
    /// Any of these.
    codes: Vec<Code>,
    /// Part of a field's path, or a reason. Empty for anything.
    names: String,
    /// What holds the field, which may be told instead where only one field is told: that of a row.
    holder: String,
}

/// What a request may be refused with that is out of range only by number.
const REFUSALS: [Code; 8] = [
    Code::Ok,
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::PermissionDenied,
];

impl Expected {
    pub(crate) fn undecodable() -> Self {
        Self { codes: vec![Code::InvalidArgument], names: String::new(), holder: String::new() }
    }
    pub(crate) fn for_value(hostile: &Hostile) -> Self {
        // A time or a point is one field to a caller, whatever it is made of.
        const PARTS: [&str; 4] = ["seconds", "nanos", "latitude_degrees_e6", "longitude_degrees_e6"];
        let mut steps = hostile.path.rsplit('.').skip_while(|step| PARTS.contains(step));
        let leaf = steps.next().unwrap_or_default().to_owned();
        let holder = steps.next().unwrap_or_default().to_owned();
        match hostile.what {
            "no UTF-8" => Self::undecodable(),
            // Very many is out of range, or not there, or not the current one.
            "the greatest" => Self { codes: REFUSALS.to_vec(), names: String::new(), holder },
            // A refused row of a bulk write is told in an answer that is OK.
            _ => Self { codes: vec![Code::InvalidArgument, Code::Ok], names: leaf, holder },
        }
    }
    pub(crate) fn for_row(row: &Row) -> Self {
        Self { codes: vec![row.code], names: row.names.to_owned(), holder: String::new() }
    }
}

/// Values at the end of a field's range that a caller may send: the field, the value (empty for all), the reason.
const LEGAL: [(&str, &str, &str); 25] = [
    ("Item.revision", "the greatest", "ignored in writes"),
    ("Node.revision", "the greatest", "ignored in writes"),
    ("Lane.revision", "the greatest", "ignored in writes"),
    ("Zone.revision", "the greatest", "ignored in writes"),
    ("Calendar.revision", "the greatest", "ignored in writes"),
    ("RateCard.revision", "the greatest", "ignored in writes"),
    // The contract's address is also a person's; of a node these are not kept.
    ("nodes.address.name", "", "not kept"),
    ("nodes.address.phone", "", "not kept"),
    ("nodes.address.location.latitude_degrees_e6", "", "not kept"),
    ("nodes.address.location.longitude_degrees_e6", "", "not kept"),
    ("Contact.contact_number", "", "set by the engine"),
    ("contact.contact_time.seconds", "", "set by the engine"),
    ("contact.contact_time.nanos", "", "set by the engine"),
    ("contact.forget_time.seconds", "", "set by the engine"),
    ("contact.forget_time.nanos", "", "set by the engine"),
    ("contact.channel", "", "set by the engine"),
    ("feedback.feedback_time.seconds", "", "set by the engine"),
    ("feedback.feedback_time.nanos", "", "set by the engine"),
    ("Feedback.feedback_number", "", "set by the engine"),
    ("CalendarException.from_minute_of_day", "the greatest", "ignored on a day that is closed"),
    ("CalendarException.to_minute_of_day", "the greatest", "ignored on a day that is closed"),
    ("StockCount.source_sequence", "the greatest", "the source's own affair"),
    ("PartitionCursor.sequence", "the greatest", "nothing comes after it"),
    ("DeliverRequest.first_sequence", "the greatest", "asks what was taken, and hands over nothing"),
    ("SubmitCommandRequest.command", "garbage", "only the owner reads it; every other process refuses to"),
];

pub(crate) fn is_legal(hostile: &Hostile) -> bool {
    LEGAL.iter().any(|(field, value, _)| {
        let is_field = hostile.field.ends_with(field) || hostile.path == *field;
        // Bytes that are no text are refused wherever they stand.
        let is_value = *value == hostile.what || (value.is_empty() && hostile.what != "no UTF-8");
        is_field && is_value
    })
}

/// Methods that journal something when they refuse, with the reason.
const JOURNALED: [(&str, &str); 2] = [
    (".Upsert", "what became of each row is kept for whoever sends the request again"),
    (".PlaceOrder", "an order to confirm stands as pending, and ends refused with nothing reserved"),
];

pub(crate) fn journals_refusals(method: &str) -> bool {
    JOURNALED.iter().any(|(name, _)| method.contains(name))
}

/// What is wrong with what was told; nothing when it is as it should be.
pub(crate) fn fault(expected: &Expected, told: &Told) -> Option<String> {
    match told {
        Told::Hangs => Some("no answer".into()),
        Told::Answered => Some("it was taken".into()),
        Told::Refused { code, reason, fields, message } => {
            let all =
                format!("{code:?} {reason:?} {fields:?} {}", message.chars().take(160).collect::<String>());
            if !expected.codes.contains(code) {
                return Some(format!("{all}; expected {:?}", expected.codes));
            }
            if reason.is_empty()
                || !reason.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            {
                return Some(format!("{all}; no reason in upper snake case"));
            }
            if *code == Code::InvalidArgument && fields.is_empty() {
                return Some(format!("{all}; no field is named"));
            }
            let is_named = |name: &str| fields.iter().any(|field| field.contains(name));
            let by_holder = *code == Code::Ok && !expected.holder.is_empty() && is_named(&expected.holder);
            let named = expected.names == *reason || is_named(&expected.names) || by_holder;
            (!named && !expected.names.is_empty()).then(|| format!("{all}; expected {}", expected.names))
        }
    }
}

pub(crate) fn told(method: &MethodDescriptor, outcome: Outcome) -> Told {
    match outcome {
        Outcome::Refused(status) => Told::Refused {
            code: status.code(),
            reason: status.get_details_error_info().map(|info| info.reason).unwrap_or_default(),
            fields: status.get_details_bad_request().map_or_else(Vec::new, |bad| {
                bad.field_violations.into_iter().map(|violation| violation.field).collect()
            }),
            message: status.message().to_owned(),
        },
        Outcome::Hangs => Told::Hangs,
        Outcome::Silent => Told::Answered,
        Outcome::Answered(answer) => match DynamicMessage::decode(method.output(), answer) {
            Ok(answer) => refused_row(&answer).unwrap_or(Told::Answered),
            Err(error) => Told::Refused {
                code: Code::DataLoss,
                reason: String::new(),
                fields: Vec::new(),
                message: format!("the answer is no message of its contract: {error}"),
            },
        },
    }
}

/// The first refused row of a bulk write.
fn refused_row(answer: &DynamicMessage) -> Option<Told> {
    const REFUSED: i32 = 4;
    let rows = ["results", "failures"].into_iter().find_map(|name| answer.get_field_by_name(name))?;
    let text = |row: &DynamicMessage, name: &str| {
        row.get_field_by_name(name)
            .and_then(|value| value.as_str().map(ToOwned::to_owned))
            .unwrap_or_default()
    };
    rows.as_list()?.iter().filter_map(Value::as_message).find_map(|row| {
        let outcome = row.get_field_by_name("outcome")?.as_enum_number()?;
        (outcome == REFUSED).then(|| Told::Refused {
            code: Code::Ok,
            reason: text(row, "error_reason"),
            fields: vec![text(row, "error_field")],
            message: text(row, "error_message"),
        })
    })
}
