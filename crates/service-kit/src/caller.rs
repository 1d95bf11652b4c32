//! Who is calling: channel, actor and role come from metadata through one interceptor and from nowhere else. Without
//! certificates callers on loopback are trusted and all others are refused; with them the listener lets in whom the
//! authority vouches for, and only a certificate that names processes acts as one. It checks no signature: the listener has.

use crate::error::DoorError;
use std::sync::Arc;
use tonic::{Request, Status};
use waybill_types::{Actor, Channel, Origin, Reason, Role};

/// Metadata key of the channel; `api` where a caller says nothing.
pub const CHANNEL: &str = "waybill-channel";
/// Metadata key of the actor; `anonymous` where a caller says nothing.
pub const ACTOR: &str = "waybill-actor";
/// Metadata key of the role: `operator` (where a caller says nothing), `channel`, `node` or `peer`.
pub const ROLE: &str = "waybill-role";

/// Whom the listener lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Callers on loopback and inside the process; everybody else is refused.
    Loopback,
    /// Callers from anywhere whose certificate the listener has verified.
    Certificate {
        /// The DNS name that a certificate must carry, letter by letter, for its holder to act as a process.
        peer_name: Arc<str>,
    },
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
/// PERMISSION_DENIED for callers that are not let in or claim to be a process and are none, INVALID_ARGUMENT for metadata
/// that is no channel, actor or role.
pub fn identify(access: &Access, mut request: Request<()>) -> Result<Request<()>, Status> {
    let_in(access, &request)?;
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
    if let (Access::Certificate { peer_name }, Role::Peer) = (access, caller.role)
        && !is_named(&request, peer_name)
    {
        let what = format!("the role peer needs a certificate with the DNS name {peer_name}");
        return Err(DoorError::NotAllowed { what }.into());
    }
    request.extensions_mut().insert(caller);
    Ok(request)
}

fn let_in(access: &Access, request: &Request<()>) -> Result<(), Status> {
    let refused = match access {
        // Inside the process there is no address.
        Access::Loopback
            if request.remote_addr().is_some_and(|address| !address.ip().to_canonical().is_loopback()) =>
        {
            "callers from other machines are refused until certificates are configured (tls.certificate)"
        }
        // The handshake has demanded one already; a listener that did not is a fault of ours and lets nobody in.
        Access::Certificate { .. } if request.peer_certs().is_none_or(|chain| chain.is_empty()) => {
            "callers need a certificate"
        }
        Access::Loopback | Access::Certificate { .. } => return Ok(()),
    };
    Err(DoorError::NotAllowed { what: refused.into() }.into())
}

/// True when the caller's own certificate carries the name itself, not a pattern that covers it.
fn is_named(request: &Request<()>, name: &str) -> bool {
    let Some(chain) = request.peer_certs() else { return false };
    let Some(own) = chain.first().and_then(|own| webpki::EndEntityCert::try_from(own).ok()) else {
        return false;
    };
    own.valid_dns_names().any(|found| found.eq_ignore_ascii_case(name))
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
        let request = identify(&Access::Loopback, request).unwrap();
        let caller = caller(&request).unwrap();
        assert_eq!((caller.channel.as_str(), caller.actor.as_str()), ("call_center", "agent-7"));
        let mut request = Request::new(());
        request.metadata_mut().insert(ROLE, "king".parse().unwrap());
        let refused = identify(&Access::Loopback, request).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn where_certificates_are_asked_for_nobody_comes_in_without_one() {
        let access = Access::Certificate { peer_name: "peer.waybill.internal".into() };
        let refused = identify(&access, Request::new(())).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    }
}
