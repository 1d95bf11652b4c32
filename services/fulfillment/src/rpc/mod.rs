//! One file per kind of call: parse, then a command or a read.

pub(crate) mod acknowledge;
pub(crate) mod decision;
pub(crate) mod gather;
pub(crate) mod list;
pub(crate) mod nearby;
pub(crate) mod network_list;
pub(crate) mod orders;
pub(crate) mod page;
pub(crate) mod policy;
pub(crate) mod project;
pub(crate) mod promise;
pub(crate) mod report;
pub(crate) mod subscribe;
pub(crate) mod upsert;
pub(crate) mod watch_changes;
