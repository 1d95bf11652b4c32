//! One message on its way: the bytes that are kept until it is applied, and beside them, the first time it travels
//! within a process, the message itself, so that nobody has to read the bytes again. It knows nothing of numbers.

use std::sync::Arc;
use waybill_machine::Undecodable;
use waybill_machine::record::{decode, encode_shared};
use waybill_types::exchange::Message;

/// A message with its stored form.
#[derive(Clone, Debug)]
pub struct Letter {
    bytes: Arc<[u8]>,
    message: Option<Box<Message>>,
}

impl Letter {
    /// Seals a message.
    #[must_use]
    pub fn new(message: Message) -> Self {
        Self { bytes: encode_shared(&message), message: Some(Box::new(message)) }
    }

    /// Takes in what a peer sent.
    ///
    /// # Errors
    /// [`Undecodable`] when it is no message of this version.
    pub fn read(bytes: &[u8]) -> Result<Self, Undecodable> {
        Ok(Self { bytes: bytes.into(), message: Some(Box::new(decode(bytes)?)) })
    }

    /// A letter of which only the bytes are left.
    pub(crate) fn kept(bytes: Arc<[u8]>) -> Self {
        Self { bytes, message: None }
    }

    /// The letter that goes now; what stays behind to be sent again is its bytes.
    pub(crate) fn sent(&mut self) -> Self {
        Self { bytes: Arc::clone(&self.bytes), message: self.message.take() }
    }

    /// The stored form.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn shared(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// The message.
    ///
    /// # Errors
    /// [`Undecodable`] when only the bytes are left and are no message of this version.
    pub fn open(self) -> Result<Message, Undecodable> {
        match self.message {
            Some(message) => {
                debug_assert_eq!(decode::<Message>(&self.bytes).ok().as_ref(), Some(&*message));
                Ok(*message)
            }
            None => decode(&self.bytes),
        }
    }
}
