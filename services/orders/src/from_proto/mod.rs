//! From the contracts' messages to the machine's commands. With [`crate::to_proto`] the only place that sees both
//! worlds. Every fault of a request is collected before it is refused.

pub(crate) mod amend;
pub(crate) mod back;
pub(crate) mod basket;
pub(crate) mod cancel;
pub(crate) mod exception;
pub(crate) mod find;
pub(crate) mod hold;
pub(crate) mod import;
pub(crate) mod person;
pub(crate) mod place;
pub(crate) mod policy;
pub(crate) mod renamed;
pub(crate) mod values;
