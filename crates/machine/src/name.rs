//! Names that a program spells out, such as the state in a refusal, on their way between processes. What is read back
//! is one copy per distinct name, kept for the life of the process; how many there can be is bounded, since they come
//! from another process.

use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A name that a program spells out. Under a name of its own because a derived decoder would have the bytes live as long
/// as it sees a `'static`.
pub type Name = &'static str;

/// More distinct names than all refusals of all machines have by far.
const NAMES_MAX: usize = 4_096;
/// The longest name taken, in bytes.
const NAME_BYTES_MAX: usize = 200;

static NAMES: Mutex<BTreeSet<Name>> = Mutex::new(BTreeSet::new());

/// For `#[cbor(n(0), with = "waybill_machine::name")]` on a [`Name`].
///
/// # Errors
/// Those of the writer.
pub fn encode<C, W: minicbor::encode::Write>(
    name: &Name,
    encoder: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    encoder.str(name)?.ok()
}

/// For `#[cbor(n(0), with = "waybill_machine::name")]` on a [`Name`].
///
/// # Errors
/// Bytes that are no text, or a name that is too long.
pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Name, Error> {
    let name = decoder.str()?;
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::message("a name is too long"));
    }
    kept(name).ok_or_else(|| Error::message("there are too many names"))
}

/// The one copy of a name.
#[must_use]
pub fn kept(name: &str) -> Option<Name> {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = names.get(name) {
        return Some(kept);
    }
    if names.len() >= NAMES_MAX {
        return None;
    }
    let kept: Name = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_a_long_one_is_refused() {
        let (first, again) = (kept("waits").unwrap(), kept("waits").unwrap());
        assert!(std::ptr::eq(first, again));
        let mut bytes = Vec::new();
        encode(&"waits", &mut Encoder::new(&mut bytes), &mut ()).unwrap();
        let read = decode(&mut Decoder::new(&bytes), &mut ()).unwrap();
        assert!(std::ptr::eq(first, read));
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let bytes = minicbor::to_vec(&long).unwrap();
        assert!(decode(&mut Decoder::new(&bytes), &mut ()).is_err());
    }
}
