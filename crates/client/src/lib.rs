//! The Rust client: the way to a running engine over one process or several, who is calling, retries that are safe, streams
//! that resume. It knows the contracts and the status codes, and no rule of orders, stock or fulfilment.
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
//!
//! Processes over one journal are one engine, so a client may know several of them, and show a certificate:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use waybill_client::{Client, Identity, Servers, Tls};
//!
//! let read = |name: &str| std::fs::read(format!("/etc/waybill/{name}.pem"));
//! let tls = Tls::new(read("ca")?).with_certificate(read("shop-1")?, read("shop-1-key")?);
//! let servers = Servers::secured("https://east-1:7700,https://east-2:7700", &tls)?;
//! let client = Client::connect_to(&servers, Identity::new("web", "shop-1", "channel")?).await?;
//! # Ok(()) }
//! ```

mod calls;
mod client;
mod error;
mod explain;
mod health;
mod identity;
mod import;
mod request_id;
mod retry;
mod route;
mod servers;
mod stream;
mod tls;
mod watch;

pub use client::{Client, Door};
pub use error::{ClientError, Fault};
pub use explain::{Violation, explain, explain_as, facts, reason, violations};
pub use identity::Identity;
pub use request_id::request_id;
pub use retry::{Retry, may_retry};
pub use route::Route;
pub use servers::Servers;
pub use stream::Resumed;
pub use tls::Tls;

/// The generated messages and clients that this crate speaks.
pub use waybill_proto as proto;
