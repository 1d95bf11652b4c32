//! From one sound message many unsound ones: each field in turn gets a value that no caller may send.

use bytes::Bytes;
use prost_reflect::prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};
use std::collections::HashMap;

/// One field with one hostile value.
#[derive(Clone, Debug)]
pub(crate) struct Hostile {
    /// Path of the field, such as `lines.sku`.
    pub(crate) path: String,
    /// The field's full name in the contracts, such as `waybill.orders.v1.PlaceLine.sku`.
    pub(crate) field: String,
    /// What is wrong with the value.
    pub(crate) what: &'static str,
    pub(crate) message: Bytes,
}

/// Stands where bytes that are no UTF-8 are put in after encoding; as long as what replaces it.
const NOT_YET_BAD: &str = "@@no-utf-8@@";
/// Deep enough for every contract; messages that hold themselves end here.
const DEPTH_MAX: usize = 6;

/// Every field of `message`, given or not, with each hostile value of its kind.
pub(crate) fn hostile(message: &DynamicMessage) -> Vec<Hostile> {
    let mut places = Vec::new();
    walk(&message.descriptor(), &mut Vec::new(), &mut places);
    let mut all = Vec::new();
    for place in places {
        let Some(field) = place.last() else { continue };
        let path = place.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".");
        for (what, value) in values(field) {
            let mut changed = message.clone();
            own_request_id(&mut changed, all.len());
            put(&mut changed, &place, value);
            let message = spoil(changed.encode_to_vec());
            all.push(Hostile { path: path.clone(), field: field.full_name().to_owned(), what, message });
        }
    }
    all
}

/// A request id that no other request has, so that none is refused for another's sake.
pub(crate) fn own_request_id(message: &mut DynamicMessage, number: usize) {
    if message.descriptor().get_field_by_name("request_id").is_some() {
        message.set_field_by_name("request_id", Value::String(format!("hostile-{number}")));
    }
}

/// All leaves below a message.
fn walk(
    message: &MessageDescriptor,
    above: &mut Vec<FieldDescriptor>,
    places: &mut Vec<Vec<FieldDescriptor>>,
) {
    for field in message.fields() {
        above.push(field.clone());
        match field.kind() {
            Kind::Message(inner) if !field.is_map() && above.len() < DEPTH_MAX => walk(&inner, above, places),
            _ => places.push(above.clone()),
        }
        above.pop();
    }
}

fn values(field: &FieldDescriptor) -> Vec<(&'static str, Value)> {
    if field.is_map() {
        let pair = |key: &str, value: &str| {
            Value::Map(HashMap::from([(MapKey::String(key.into()), Value::String(value.into()))]))
        };
        return vec![
            ("a key of 1 MB", pair(&huge(), "v")),
            ("a value of 1 MB", pair("k", &huge())),
            ("an empty key", pair("", "v")),
        ];
    }
    match field.kind() {
        Kind::String => vec![
            ("1 MB", Value::String(huge())),
            ("control characters", Value::String("a\u{0}b\u{7}\n".into())),
            ("no UTF-8", Value::String(NOT_YET_BAD.into())),
        ],
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            vec![("the least", Value::I64(i64::MIN)), ("the greatest", Value::I64(i64::MAX))]
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            vec![("the least", Value::I32(i32::MIN)), ("the greatest", Value::I32(i32::MAX))]
        }
        Kind::Uint64 | Kind::Fixed64 => vec![("the greatest", Value::U64(u64::MAX))],
        Kind::Uint32 | Kind::Fixed32 => vec![("the greatest", Value::U32(u32::MAX))],
        Kind::Enum(_) => {
            vec![("unknown", Value::EnumNumber(9_999)), ("negative", Value::EnumNumber(-1))]
        }
        Kind::Bytes => vec![("garbage", Value::Bytes(Bytes::from_static(&[0xff; 64])))],
        Kind::Bool | Kind::Float | Kind::Double | Kind::Message(_) => Vec::new(),
    }
}

fn huge() -> String {
    "x".repeat(1 << 20)
}

/// Sets the field at `place`, making what lies above it where it is not there.
fn put(message: &mut DynamicMessage, place: &[FieldDescriptor], value: Value) {
    let Some((field, below)) = place.split_first() else { return };
    let wrapped = |value| if field.is_list() { Value::List(vec![value]) } else { value };
    if below.is_empty() {
        message.set_field(field, if field.is_map() { value } else { wrapped(value) });
        return;
    }
    let Kind::Message(inner) = field.kind() else { return };
    if !message.has_field(field) {
        message.set_field(field, wrapped(Value::Message(DynamicMessage::new(inner))));
    }
    let held = message.get_field_mut(field);
    let held = match held {
        Value::List(list) => list.first_mut(),
        other => Some(other),
    };
    if let Some(inner) = held.and_then(Value::as_message_mut) {
        put(inner, below, value);
    }
}

/// Replaces the place-holder by bytes that are no UTF-8.
fn spoil(mut bytes: Vec<u8>) -> Bytes {
    let wanted = NOT_YET_BAD.as_bytes();
    if let Some(at) = bytes.windows(wanted.len()).position(|window| window == wanted) {
        bytes[at..at + wanted.len()].fill(0xfe);
    }
    bytes.into()
}

/// Bytes that are no message at all, whatever the contract.
pub(crate) fn garbage(sound: &[u8]) -> Vec<(&'static str, Bytes)> {
    // Field 1 as a group that begins and never ends, a thousand deep.
    let nested = vec![0x0b; 1_000];
    // Field 1 of a length that the message does not have.
    let cut = vec![0x0a, 0xff, 0xff, 0xff, 0x7f, b'x'];
    let mut torn = sound.to_vec();
    torn.extend_from_slice(&[0x0a, 0x7f]);
    vec![
        ("groups without an end", nested.into()),
        ("a length beyond the end", cut.into()),
        ("a torn end", torn.into()),
        ("0xff throughout", Bytes::from_static(&[0xff; 4_096])),
    ]
}
