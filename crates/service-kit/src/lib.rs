//! What every service shares: the caller's identity, errors to gRPC status, checks of fields and values, opaque page
//! tokens, the change feed, sealed personal data, the planner's and the waiting room's contracts, telemetry. It knows no
//! order, stock or fulfilment rule.

pub mod caller;
pub mod changes;
pub mod error;
pub mod fields;
pub mod names;
pub mod nodes;
pub mod opaque;
pub mod open_stream;
pub mod partitions;
pub mod person;
pub mod planner;
pub mod seal;
pub mod shown;
pub mod telemetry;
pub mod undecodable;
pub mod values;
pub mod waiting;

pub use caller::{Access, Caller, caller, identify};
pub use error::{DoorError, status};
pub use fields::Fields;
pub use nodes::{Nodes, TakesBack};
pub use open_stream::OpenStream;
pub use partitions::{Write, failed};
pub use person::{Person, PostalAddress};
pub use planner::{Planner, PlannerError};
pub use seal::{OpenPerson, OpenedPerson, Seal};
pub use undecodable::explain_undecodable;
pub use waiting::WaitingRoom;
