//! The Rust client: one channel to a running engine, who is calling, retries that are safe, streams that resume. It
//! knows the contracts and the status codes, and no rule of orders, stock or fulfilment.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use waybill_client::{Client, Identity};
//! use waybill_client::proto::inventory::v1::GetAvailabilityRequest;
//!
//! let client = Client::connect("http://127.0.0.1:7700", Identity::new("web", "shop-1", "channel")?).await?;
//! let request = GetAvailabilityRequest { sku: "P000001".into(), ..Default::default() };
//! let answer = client.get_availability(request).await?;
//! # Ok(()) }
//! ```

mod calls;
mod client;
mod error;
mod explain;
mod identity;
mod import;
mod request_id;
mod retry;
mod stream;
mod watch;

pub use client::{Client, Door};
pub use error::ClientError;
pub use explain::{Violation, explain, explain_as, facts, reason, violations};
pub use identity::Identity;
pub use request_id::request_id;
pub use retry::{Retry, may_retry};
pub use stream::Resumed;

/// The generated messages and clients that this crate speaks.
pub use waybill_proto as proto;
