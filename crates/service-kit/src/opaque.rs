//! Opaque tokens for pages and streams: encoded records with a check sum, so that a token of another list, a cut one
//! or an invented one is refused instead of believed.

use crate::error::DoorError;
use crate::values::hex;
use waybill_machine::record::{decode, encode};

/// The token text of `value`. `kind` ties it to one list or stream.
#[must_use]
pub fn seal(kind: &str, value: &impl minicbor::Encode<()>) -> String {
    let mut bytes = encode(value);
    let check = checksum(kind, &bytes);
    bytes.extend(check);
    hex(&bytes)
}

/// Reads a token text back.
///
/// # Errors
/// [`DoorError::Malformed`] at `field` for anything [`seal`] did not make for this `kind`.
pub fn open<T: for<'b> minicbor::Decode<'b, ()>>(
    kind: &str,
    field: &'static str,
    text: &str,
) -> Result<T, DoorError> {
    let refused = || DoorError::field(field, "is not a token that this call returned");
    let bytes = unhex(text).ok_or_else(refused)?;
    let (value, check) = bytes.split_at_checked(bytes.len().saturating_sub(4)).ok_or_else(refused)?;
    if checksum(kind, value) != check {
        return Err(refused());
    }
    decode(value).map_err(|_| refused())
}

fn checksum(kind: &str, bytes: &[u8]) -> [u8; 4] {
    let mut hasher = blake3::Hasher::new_derive_key("waybill opaque token v1");
    hasher.update(kind.as_bytes());
    hasher.update(&[0]);
    hasher.update(bytes);
    let mut check = [0u8; 4];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..4]);
    check
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > 8192 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|d| d as u8);
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_other_lists_and_invented_ones_are_refused() {
        let token = seal("orders", &(7u64, 9u64));
        assert_eq!(open::<(u64, u64)>("orders", "page_token", &token).unwrap(), (7, 9));
        for wrong in ["", "zz", "00", &token[..token.len() - 2], "81ff00112233"] {
            assert!(open::<(u64, u64)>("orders", "page_token", wrong).is_err(), "{wrong:?}");
        }
        assert!(open::<(u64, u64)>("items", "page_token", &token).is_err());
    }
}
