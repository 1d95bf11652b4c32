//! Who issued a command, from where and why. Every command carries it and every event keeps it.

use minicbor::{Decode, Encode};

crate::text_type!(
    /// Where a command comes from: `web`, `app`, `store`, `call_center`, `marketplace`, or a named one.
    Channel, "channel", 1..=32
);
crate::text_type!(
    /// The person or system that issued a command, as an opaque id (never a person's name).
    Actor, "actor", 1..=64
);
crate::text_type!(
    /// Why: a short reason in the caller's words, not personal data. May be empty.
    Reason, "reason", 0..=200
);

impl Default for Reason {
    /// None given.
    fn default() -> Self {
        Self::new("").unwrap_or_else(|_| unreachable!("a reason may be empty"))
    }
}

/// What the caller may do; decided by the door's interceptor, never by the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// May do everything; the only role on an open loopback listener.
    #[n(0)]
    Operator,
    /// A sales channel: orders and promises.
    #[n(1)]
    Channel,
    /// A node: its own instructions and fulfilment orders.
    #[n(2)]
    Node,
    /// Another waybill process.
    #[n(3)]
    Peer,
}

impl Role {
    /// As it is spelled in metadata and in histories.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Channel => "channel",
            Self::Node => "node",
            Self::Peer => "peer",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Operator, Self::Channel, Self::Node, Self::Peer].into_iter().find(|role| role.name() == name)
    }
}

/// Channel, actor, role and reason of one command.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Origin {
    /// Where the command came from.
    #[n(0)]
    pub channel: Channel,
    /// Who issued it.
    #[n(1)]
    pub actor: Actor,
    /// Why; may be empty.
    #[n(2)]
    pub reason: Reason,
    /// The role it was issued in; `None` for what the engine does by itself.
    #[n(3)]
    pub role: Option<Role>,
}

impl Origin {
    /// The engine itself: timers, messages between partitions.
    #[must_use]
    pub fn engine(reason: &'static str) -> Self {
        let text = |s: &'static str| Channel::new(s).ok();
        match (text("engine"), Actor::new("engine"), Reason::new(reason)) {
            (Some(channel), Ok(actor), Ok(reason)) => Self { channel, actor, reason, role: None },
            _ => panic!("the engine's own origin is valid text"),
        }
    }
}
