//! The stored form of events, answers and rows: CBOR with indexed fields. Indexes are given once and never reused;
//! fields are added only at the end and only as options, so that old bytes stay readable for good.

use minicbor::{Decode, Encode};

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

/// The stored bytes of `value`.
#[must_use]
pub fn encode(value: &(impl Encode<()> + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    if let Err(error) = minicbor::encode(value, &mut bytes) {
        panic!("encoding to memory cannot fail: {error}");
    }
    bytes
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
