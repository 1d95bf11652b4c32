//! The stored form of events, answers and rows: CBOR with indexed fields. Indexes are given once and never reused;
//! fields are added only at the end and only as options, so that old bytes stay readable for good.

use minicbor::{Decode, Encode};
use std::cell::RefCell;
use std::sync::Arc;

/// Anything that is journaled or kept in a row.
pub trait Record: Encode<()> + for<'b> Decode<'b, ()> + Send + Sync + 'static {}
impl<T: Encode<()> + for<'b> Decode<'b, ()> + Send + Sync + 'static> Record for T {}

/// Stored bytes that this version cannot read: damaged, or written by a newer version.
#[derive(Debug, thiserror::Error)]
#[error("stored bytes cannot be read as {kind}: {why}; they may come from a newer version")]
pub struct Undecodable {
    /// The type that was expected.
    pub kind: &'static str,
    /// What the decoder said.
    pub why: String,
}

thread_local! {
    /// Grown once and used for every value, so that what is answered is allocated once at its true size.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A buffer that one huge value made larger than this is not kept.
const KEPT_BYTES: usize = 64 << 10;

/// The stored bytes of `value`.
#[must_use]
pub fn encode(value: &(impl Encode<()> + ?Sized)) -> Vec<u8> {
    encode_as(value, <[u8]>::to_vec)
}

/// The stored bytes of `value`, for those who pass them on without changing them.
#[must_use]
pub fn encode_shared(value: &(impl Encode<()> + ?Sized)) -> Arc<[u8]> {
    encode_as(value, |bytes| bytes.into())
}

fn encode_as<T>(value: &(impl Encode<()> + ?Sized), kept: impl FnOnce(&[u8]) -> T) -> T {
    // Taken, not borrowed: an `Encode` that encodes another value on the way finds an empty buffer, not a panic.
    let mut buffer = BUFFER.take();
    encode_into(value, &mut buffer);
    let bytes = kept(&buffer);
    if buffer.capacity() <= KEPT_BYTES {
        buffer.clear();
        BUFFER.set(buffer);
    }
    bytes
}

/// Appends the stored bytes of `value`.
pub fn encode_into(value: &(impl Encode<()> + ?Sized), bytes: &mut Vec<u8>) {
    if let Err(error) = minicbor::encode(value, bytes) {
        panic!("encoding to memory cannot fail: {error}");
    }
}

/// Reads stored bytes, all of them.
///
/// # Errors
/// [`Undecodable`] when the bytes are not exactly one `T` that this version knows.
pub fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, Undecodable> {
    let undecodable = |why: String| Undecodable { kind: std::any::type_name::<T>(), why };
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode::<T>().map_err(|error| undecodable(error.to_string()))?;
    if decoder.position() != bytes.len() {
        return Err(undecodable(format!("{} bytes follow", bytes.len() - decoder.position())));
    }
    Ok(value)
}

/// Stores what an [`Arc`] holds as if it were held alone: for values that are written once and then kept in several
/// places. To be named in `#[cbor(with = ...)]`.
pub mod shared {
    use minicbor::decode::{self, Decode, Decoder};
    use minicbor::encode::{self, Encode, Encoder, Write};
    use std::sync::Arc;

    /// Writes the value.
    ///
    /// # Errors
    /// Those of the value.
    pub fn encode<C, T: Encode<C>, W: Write>(
        value: &Arc<T>,
        e: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        T::encode(value, e, context)
    }

    /// Reads the value.
    ///
    /// # Errors
    /// Those of the value.
    pub fn decode<'b, C, T: Decode<'b, C>>(
        d: &mut Decoder<'b>,
        context: &mut C,
    ) -> Result<Arc<T>, decode::Error> {
        T::decode(d, context).map(Arc::new)
    }
}
