//! Who is calling: metadata on every call. The server believes it or not; nothing here does.

use crate::ClientError;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

const CHANNEL: &str = "waybill-channel";
const ACTOR: &str = "waybill-actor";
const ROLE: &str = "waybill-role";

/// Channel, actor and role of a caller. What is not given is not sent, and the server's default holds.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    channel: Option<MetadataValue<Ascii>>,
    actor: Option<MetadataValue<Ascii>>,
    role: Option<MetadataValue<Ascii>>,
}

impl Identity {
    /// Says where the caller stands (`channel`, such as `web`), who it is (`actor`, an opaque id, no personal name) and
    /// what it may do (`role`: `operator`, `channel` or `node`). An empty text is not sent.
    ///
    /// # Errors
    /// [`ClientError::Identity`] for a text that is longer than 64 bytes or holds anything but visible ASCII.
    pub fn new(channel: &str, actor: &str, role: &str) -> Result<Self, ClientError> {
        Ok(Self {
            channel: value("the channel", channel)?,
            actor: value("the actor", actor)?,
            role: value("the role", role)?,
        })
    }
}

fn value(what: &'static str, text: &str) -> Result<Option<MetadataValue<Ascii>>, ClientError> {
    if text.is_empty() {
        return Ok(None);
    }
    let refused = || ClientError::Identity { what, value: text.to_owned() };
    if text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused());
    }
    text.parse().map(Some).map_err(|_| refused())
}

impl Interceptor for Identity {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (key, value) in [(CHANNEL, &self.channel), (ACTOR, &self.actor), (ROLE, &self.role)] {
            if let Some(value) = value {
                request.metadata_mut().insert(key, value.clone());
            }
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_sent() {
        let mut identity = Identity::new("web", "", "node").unwrap();
        let request = identity.call(Request::new(())).unwrap();
        assert_eq!(request.metadata().get(CHANNEL).unwrap(), "web");
        assert_eq!(request.metadata().get(ROLE).unwrap(), "node");
        assert!(request.metadata().get(ACTOR).is_none());
    }

    #[test]
    fn texts_that_cannot_travel_are_refused_by_name() {
        for text in ["büro", "two words", "line\nbreak", &"x".repeat(65)] {
            let refused = Identity::new("web", text, "").unwrap_err();
            assert!(refused.to_string().starts_with("the actor is"), "{refused}");
        }
    }
}
