//! Sealing and opening personal data: the doors' view of the vault.

use crate::error::DoorError;
use crate::person::Person;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use waybill_machine::record::{decode, encode};
use waybill_store::vault::{KeyId, Opened, Vault};
use waybill_types::{LookupDigest, Sealed, SubjectKey};

/// What opening gives.
#[derive(Debug, PartialEq, Eq)]
pub enum OpenedPerson {
    /// The data.
    Known(Box<Person>),
    /// The subject was erased: its key is destroyed.
    Erased,
}

/// The vault as the doors use it. Calls are short (one cached read of 64 bytes); erasing waits for the disk.
#[derive(Clone)]
pub struct Seal(Arc<Vault>);

/// Opens recipients: by the vault of this process, or by asking the process that has it.
pub trait OpenPerson: Send + Sync + 'static {
    /// Opens what [`Seal::seal`] sealed.
    ///
    /// # Errors
    /// As [`Seal::open`].
    fn open_person<'a>(
        &'a self,
        sealed: &'a Sealed,
    ) -> Pin<Box<dyn Future<Output = Result<OpenedPerson, DoorError>> + Send + 'a>>;
}

impl OpenPerson for Seal {
    fn open_person<'a>(
        &'a self,
        sealed: &'a Sealed,
    ) -> Pin<Box<dyn Future<Output = Result<OpenedPerson, DoorError>> + Send + 'a>> {
        Box::pin(std::future::ready(self.open(sealed)))
    }
}

/// Ties sealed bytes to their use, so that they cannot be passed off as something else.
const CONTEXT: &[u8] = b"waybill person v1";
const TEXT_CONTEXT: &[u8] = b"waybill text v1";

impl Seal {
    /// Over an open vault.
    #[must_use]
    pub fn new(vault: Arc<Vault>) -> Self {
        Self(vault)
    }

    /// Seals a person under a key of their own.
    ///
    /// # Errors
    /// [`DoorError::Unavailable`] when the vault cannot give a key.
    pub fn seal(&self, person: &Person) -> Result<(SubjectKey, Sealed), DoorError> {
        let key = self.0.next().map_err(|error| unavailable(&error))?;
        let sealed = self.0.seal(key, &encode(person), CONTEXT).map_err(|error| unavailable(&error))?;
        Ok((SubjectKey(key.0), Sealed(sealed.into_bytes())))
    }

    /// Seals another version of a person under the key they have, so that erasing the key erases every version. `None`
    /// when the key is destroyed.
    ///
    /// # Errors
    /// [`DoorError::Unavailable`] when the vault fails.
    pub fn reseal(&self, key: SubjectKey, person: &Person) -> Result<Option<Sealed>, DoorError> {
        match self.0.seal(KeyId(key.0), &encode(person), CONTEXT) {
            Ok(sealed) => Ok(Some(Sealed(sealed.into_bytes()))),
            Err(waybill_store::Error::KeyErased { .. }) => Ok(None),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// A new key, for texts that are erased together.
    ///
    /// # Errors
    /// [`DoorError::Unavailable`] when the vault cannot give one.
    pub fn new_key(&self) -> Result<SubjectKey, DoorError> {
        Ok(SubjectKey(self.0.next().map_err(|error| unavailable(&error))?.0))
    }

    /// Seals a single text under a key; `None` when the key is destroyed.
    ///
    /// # Errors
    /// [`DoorError::Unavailable`] when the vault fails.
    pub fn seal_text(&self, key: SubjectKey, text: &str) -> Result<Option<Sealed>, DoorError> {
        match self.0.seal(KeyId(key.0), text.as_bytes(), TEXT_CONTEXT) {
            Ok(sealed) => Ok(Some(Sealed(sealed.into_bytes()))),
            Err(waybill_store::Error::KeyErased { .. }) => Ok(None),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Opens what [`Self::seal_text`] sealed; `None` when its key is destroyed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_text(&self, sealed: &Sealed) -> Result<Option<String>, DoorError> {
        let bytes = waybill_store::vault::Sealed::from_bytes(sealed.0.clone());
        match self.0.open(&bytes, TEXT_CONTEXT).map_err(|error| unavailable(&error))? {
            Opened::Erased => Ok(None),
            Opened::Plain(plain) => {
                let text = String::from_utf8(plain);
                text.map(Some).map_err(|error| DoorError::Bug { what: error.to_string() })
            }
        }
    }

    /// Opens what [`Self::seal`] sealed.
    ///
    /// # Errors
    /// [`DoorError::Bug`] for bytes that are damaged or not ours, [`DoorError::Unavailable`] when the vault fails.
    pub fn open(&self, sealed: &Sealed) -> Result<OpenedPerson, DoorError> {
        let bytes = waybill_store::vault::Sealed::from_bytes(sealed.0.clone());
        match self.0.open(&bytes, CONTEXT).map_err(|error| unavailable(&error))? {
            Opened::Erased => Ok(OpenedPerson::Erased),
            Opened::Plain(plain) => {
                let person = decode(&plain).map_err(|error| DoorError::Bug { what: error.to_string() })?;
                Ok(OpenedPerson::Known(Box::new(person)))
            }
        }
    }

    /// Destroys a subject's key; what it sealed is gone for good. Waits for the disk; doing it again changes nothing.
    ///
    /// # Errors
    /// [`DoorError::Unavailable`]; do it again.
    pub fn erase(&self, key: SubjectKey) -> Result<(), DoorError> {
        self.0.erase(KeyId(key.0)).map_err(|error| unavailable(&error))
    }

    /// The digest under which a normalised phone, e-mail or customer id is found. `kind` keeps kinds apart.
    #[must_use]
    pub fn digest(&self, kind: &str, normalised: &str) -> LookupDigest {
        LookupDigest(self.0.digest(kind, normalised))
    }
}

fn unavailable(error: &waybill_store::Error) -> DoorError {
    tracing::error!(%error, "the vault failed");
    DoorError::Unavailable { what: "the vault of personal data cannot answer".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erased_person_is_gone_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Seal::new(Arc::new(Vault::load_or_create(dir.path()).unwrap()));
        let ada = Person { name: "Ada".into(), ..Person::default() };
        let (key, sealed) = seal.seal(&ada).unwrap();
        let (_, other) = seal.seal(&ada).unwrap();
        assert_eq!(seal.open(&sealed).unwrap(), OpenedPerson::Known(Box::new(ada.clone())));
        seal.erase(key).unwrap();
        assert_eq!(seal.open(&sealed).unwrap(), OpenedPerson::Erased);
        assert_eq!(seal.open(&other).unwrap(), OpenedPerson::Known(Box::new(ada)));
    }

    #[test]
    fn every_version_of_a_person_goes_with_the_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Seal::new(Arc::new(Vault::load_or_create(dir.path()).unwrap()));
        let ada = Person { name: "Ada".into(), ..Person::default() };
        let (key, first) = seal.seal(&ada).unwrap();
        let moved = Person { gift_note: "for Byron".into(), ..ada };
        let second = seal.reseal(key, &moved).unwrap().unwrap();
        assert_eq!(seal.open(&second).unwrap(), OpenedPerson::Known(Box::new(moved.clone())));
        seal.erase(key).unwrap();
        for sealed in [first, second] {
            assert_eq!(seal.open(&sealed).unwrap(), OpenedPerson::Erased);
        }
        assert_eq!(seal.reseal(key, &moved).unwrap(), None);
    }
}
