//! Sealed bytes: XChaCha20-Poly1305 with a random nonce. It refuses to know where keys come from.
//!
//! ```text
//! version:u8 = 1   key id:u64   nonce:24   ciphertext and tag      integers big-endian
//! ```
//! Version, key id and the caller's context are authenticated. 24 random bytes of nonce do not repeat.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use super::KeyId;
use crate::{Error, MAX_VALUE_BYTES, files};

const VERSION: u8 = 1;
const NONCE_AT: usize = 9;
const TEXT_AT: usize = NONCE_AT + 24;
const TAG_BYTES: usize = 16;

/// Bytes that only the vault opens. Safe to journal, archive and log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

/// What opening gave.
#[derive(Clone, PartialEq, Eq)]
pub enum Opened {
    /// What was sealed.
    Plain(Vec<u8>),
    /// The key is gone, and with it what was sealed.
    Erased,
}

impl std::fmt::Debug for Opened {
    /// Never shows what was sealed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Opened::Plain(plain) => write!(f, "Plain({} bytes)", plain.len()),
            Opened::Erased => f.write_str("Erased"),
        }
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Sealed {
    /// How much longer sealed bytes are than what was sealed.
    pub const OVERHEAD_BYTES: usize = TEXT_AT + TAG_BYTES;

    /// Takes stored bytes as they are; whether they open is found by opening them.
    pub fn from_bytes(bytes: Vec<u8>) -> Sealed {
        Sealed(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to store.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The key they were sealed with.
    ///
    /// # Errors
    /// [`Error::NotSealedHere`] where the bytes are too short or of another version.
    pub fn key(&self) -> Result<KeyId, Error> {
        match self.0.split_first_chunk::<NONCE_AT>() {
            Some((&[VERSION, ref id @ ..], rest)) if rest.len() >= Self::OVERHEAD_BYTES - NONCE_AT => {
                Ok(KeyId(u64::from_be_bytes(*id)))
            }
            Some((&[VERSION, ..], _)) | None => Err(Error::NotSealedHere { what: "they are too short" }),
            Some(_) => Err(Error::NotSealedHere { what: "they have another version" }),
        }
    }
}

pub(super) fn seal(id: KeyId, key: &[u8; 32], plain: &[u8], context: &[u8]) -> Result<Sealed, Error> {
    let too_large = || Error::ValueTooLarge { len: plain.len(), max: MAX_VALUE_BYTES };
    if plain.len() > MAX_VALUE_BYTES {
        return Err(too_large());
    }
    let nonce: [u8; 24] = files::random()?;
    let mut bytes = Vec::with_capacity(plain.len() + Sealed::OVERHEAD_BYTES);
    bytes.push(VERSION);
    bytes.extend_from_slice(&id.0.to_be_bytes());
    let authenticated = [bytes.as_slice(), context].concat();
    bytes.extend_from_slice(&nonce);
    let text = XChaCha20Poly1305::new(Key::from_slice(key))
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: &authenticated })
        .map_err(|_| too_large())?;
    bytes.extend_from_slice(&text);
    Ok(Sealed(bytes))
}

/// Opens bytes whose [`Sealed::key`] was read, which has checked their length.
pub(super) fn open(sealed: &Sealed, key: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, Error> {
    let (head, rest) = sealed.0.split_at(NONCE_AT);
    let (nonce, text) = rest.split_at(TEXT_AT - NONCE_AT);
    let authenticated = [head, context].concat();
    XChaCha20Poly1305::new(Key::from_slice(key))
        .decrypt(XNonce::from_slice(nonce), Payload { msg: text, aad: &authenticated })
        .map_err(|_| Error::NotSealedHere { what: "bytes, context or key are not those of the sealing" })
}
