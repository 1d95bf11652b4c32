//! Who is calling: channel, actor and role come from metadata through one interceptor and from nowhere else. Until
//! access control exists, callers on loopback are trusted and all others are refused.

use crate::error::DoorError;
use tonic::{Request, Status};
use waybill_types::{Actor, Channel, Origin, Reason, Role};

/// Metadata key of the channel; `api` where a caller says nothing.
pub const CHANNEL: &str = "waybill-channel";
/// Metadata key of the actor; `anonymous` where a caller says nothing.
pub const ACTOR: &str = "waybill-actor";
/// Metadata key of the role: `operator` (where a caller says nothing), `channel`, `node` or `peer`.
pub const ROLE: &str = "waybill-role";

/// Whom the listener lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Callers on loopback and inside the process; everybody else is refused.
    Loopback,
}

/// Who is calling, as the interceptor found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Where from.
    pub channel: Channel,
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// The origin of a command of this caller, with the reason from the request.
    #[must_use]
    pub fn origin(&self, reason: Reason) -> Origin {
        Origin { channel: self.channel.clone(), actor: self.actor.clone(), reason, role: Some(self.role) }
    }

    /// Refuses everybody but operators; `what` ends the sentence "only operators may".
    ///
    /// # Errors
    /// NOT_ALLOWED for every other role.
    pub fn must_be_operator(&self, what: &str) -> Result<(), DoorError> {
        match self.role {
            Role::Operator => Ok(()),
            Role::Channel | Role::Node | Role::Peer => {
                Err(DoorError::NotAllowed { what: format!("only operators may {what}") })
            }
        }
    }
}

/// The interceptor: reads the metadata, checks it, and leaves a [`Caller`] in the request's extensions.
///
/// # Errors
/// PERMISSION_DENIED off loopback, INVALID_ARGUMENT for metadata that is no channel, actor or role.
pub fn identify(access: Access, mut request: Request<()>) -> Result<Request<()>, Status> {
    let Access::Loopback = access;
    // Inside the process there is no address.
    if request.remote_addr().is_some_and(|address| !address.ip().to_canonical().is_loopback()) {
        return Err(DoorError::NotAllowed {
            what: "callers from other machines are refused until access control is configured".into(),
        }
        .into());
    }
    let text = |key: &'static str, default: &'static str| match request.metadata().get(key) {
        None => Ok(default.to_owned()),
        Some(value) => value.to_str().map(ToOwned::to_owned).map_err(|_| garbled(key)),
    };
    let invalid = |invalid: waybill_types::Invalid| Status::from(DoorError::malformed("metadata", &invalid));
    let caller = Caller {
        channel: Channel::new(text(CHANNEL, "api")?).map_err(invalid)?,
        actor: Actor::new(text(ACTOR, "anonymous")?).map_err(invalid)?,
        role: Role::named(&text(ROLE, "operator")?).ok_or_else(|| garbled(ROLE))?,
    };
    request.extensions_mut().insert(caller);
    Ok(request)
}

fn garbled(key: &'static str) -> Status {
    DoorError::field(key, "is not a value this engine knows").into()
}

/// The caller of a request that came through [`identify`].
///
/// # Errors
/// PERMISSION_DENIED when it did not.
pub fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let found = request.extensions().get::<Caller>().cloned();
    found.ok_or_else(|| DoorError::NotAllowed { what: "the caller is not known".into() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_becomes_the_caller_and_garbage_is_refused() {
        let mut request = Request::new(());
        request.metadata_mut().insert(CHANNEL, "call_center".parse().unwrap());
        request.metadata_mut().insert(ACTOR, "agent-7".parse().unwrap());
        let request = identify(Access::Loopback, request).unwrap();
        let caller = caller(&request).unwrap();
        assert_eq!((caller.channel.as_str(), caller.actor.as_str()), ("call_center", "agent-7"));
        let mut request = Request::new(());
        request.metadata_mut().insert(ROLE, "king".parse().unwrap());
        let refused = identify(Access::Loopback, request).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
