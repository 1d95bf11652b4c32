//! Commands for people: each asks the running engine over its API and shows the answer as a table or as JSON. They keep
//! nothing and decide nothing.

pub mod customer;
pub mod explain;
pub mod node;
pub mod order;
pub(crate) mod places;
pub mod policy;
pub mod promise;
pub mod rules;
pub mod stock;
pub mod verify;
pub mod what_if;

mod json;
mod quantity;
mod reach;
mod refusal;
mod show;
mod table;

pub(crate) use json::{from_json, json, pretty};
pub(crate) use quantity::{parse_quantity, show_quantity};
pub use reach::Reach;
pub(crate) use refusal::{Flags, flag, headline, named, refused, refused_of, refused_short};
pub(crate) use show::{decimals, from_word, money, time, window, word};
pub(crate) use table::Table;

use anyhow::Context;
use std::io::{ErrorKind, Write};
use waybill_client::proto::inventory::v1::{GetItemRequest, Item, get_item_request};
use waybill_client::{Client, Identity};

/// Where the engine is and who asks.
#[derive(Clone, Debug, clap::Args)]
pub struct Connection {
    #[command(flatten)]
    pub reach: Reach,
    /// The channel to act in, such as web, store or call_center; the server's default when not given.
    #[arg(long, global = true, env = "WAYBILL_CHANNEL")]
    pub channel: Option<String>,
    /// Who acts: an opaque id of a person or system, no personal name.
    #[arg(long, global = true, env = "WAYBILL_ACTOR")]
    pub actor: Option<String>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// An endpoint that is no address or that nobody serves, a channel or actor that cannot be sent.
    pub async fn connect(&self) -> anyhow::Result<Client> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let identity = Identity::new(&text(&self.channel), &text(&self.actor), "")?;
        self.reach.client(identity).await
    }
}

/// What every command for people takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Answer as JSON: one object per line, in the JSON form of the contracts.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What every command that changes something takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Writing {
    /// Why, kept in the history; at most 200 characters.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
    /// Id of the request, to repeat a command safely; by default a new one.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) request_id: String,
}

/// Writes one line to standard output.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn say(text: impl AsRef<str>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.as_ref())?;
    Ok(out.flush()?)
}

/// Somebody who reads only the first lines, as `head` does, has what they want: that is no failure.
///
/// # Errors
/// Every other fault.
pub fn unless_closed(done: anyhow::Result<()>) -> anyhow::Result<()> {
    match done {
        Err(error) if is_closed(&error) => Ok(()),
        done => done,
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// The item of a SKU: its scale says how quantities are read and shown.
pub(crate) async fn item(client: &Client, sku: &str) -> anyhow::Result<Item> {
    let key = Some(get_item_request::Key::Sku(sku.to_owned()));
    let request = GetItemRequest { key, ..Default::default() };
    let answer = client.get_item(request).await.map_err(refused_of(&[("sku", "SKU")]))?;
    answer.item.context("the server answered without the item")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_who_leaves_is_no_failure_and_a_full_disk_is() {
        let leaves = std::io::Error::from(ErrorKind::BrokenPipe);
        assert!(unless_closed(Err(leaves.into())).is_ok());
        let full = std::io::Error::from(ErrorKind::StorageFull);
        assert!(unless_closed(Err(full.into())).is_err());
    }
}
