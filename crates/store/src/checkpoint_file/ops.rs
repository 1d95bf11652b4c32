//! One operation as bytes in a frame's payload. It refuses to know frames and files.

use crate::{MAX_KEY_BYTES, MAX_VALUE_BYTES, Op};

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// Appends one operation, whose key and value are within the store's limits.
pub(super) fn encode(op: &Op, out: &mut Vec<u8>) {
    match op {
        Op::Put { key, value } => {
            out.push(PUT);
            out.extend_from_slice(&(key.len() as u16).to_be_bytes());
            out.extend_from_slice(&(value.len() as u32).to_be_bytes());
            out.extend_from_slice(key);
            out.extend_from_slice(value);
        }
        Op::Delete { key } => {
            out.push(DELETE);
            out.extend_from_slice(&(key.len() as u16).to_be_bytes());
            out.extend_from_slice(key);
        }
    }
}

/// An operation where it lies: the key, and the value of a put.
type Borrowed<'a> = (&'a [u8], Option<&'a [u8]>);

/// Takes one operation off the front and returns it with the rest; `None` where the bytes are not one.
pub(super) fn take(bytes: &[u8]) -> Option<(Borrowed<'_>, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (key_len, rest) = rest.split_first_chunk::<2>()?;
    let key_len = usize::from(u16::from_be_bytes(*key_len));
    let (value_len, rest) = match kind {
        PUT => {
            let (value_len, rest) = rest.split_first_chunk::<4>()?;
            (Some(u32::from_be_bytes(*value_len) as usize), rest)
        }
        DELETE => (None, rest),
        _ => return None,
    };
    if key_len > MAX_KEY_BYTES || value_len.is_some_and(|len| len > MAX_VALUE_BYTES) {
        return None;
    }
    let (key, rest) = rest.split_at_checked(key_len)?;
    match value_len {
        Some(value_len) => {
            let (value, rest) = rest.split_at_checked(value_len)?;
            Some(((key, Some(value)), rest))
        }
        None => Some(((key, None), rest)),
    }
}

/// The operation as a value of its own.
pub(super) fn owned((key, value): Borrowed<'_>) -> Op {
    match value {
        Some(value) => Op::Put { key: key.to_vec(), value: value.to_vec() },
        None => Op::Delete { key: key.to_vec() },
    }
}
