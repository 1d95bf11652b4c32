//! `waybill order hold` and `waybill order resolve`.

use super::Which;
use crate::commands::{Common, Flags, Writing, json, refused_of, say};
use waybill_client::Client;
use waybill_client::proto::orders::v1::{PlaceOrderHoldRequest, ResolveOrderHoldRequest};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("order_id", "ORDER"),
    ("hold_type", "TYPE"),
    ("hold", "HOLD"),
    ("line_number", "--line"),
    ("note", "--note"),
];

/// What to stop.
#[derive(Debug, clap::Args)]
pub(super) struct Hold {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    writing: Writing,
    /// The kind of hold, such as fraud; one of the order policy's.
    #[arg(value_name = "TYPE")]
    hold_type: String,
    /// Only this line; by default the whole order.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    line: u32,
    /// Why, for whoever resolves it.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// What to let go on.
#[derive(Debug, clap::Args)]
pub(super) struct Resolve {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    writing: Writing,
    /// The hold's number, as `waybill order show` tells it.
    hold: u32,
    /// What was found out.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

pub(super) async fn place(client: &Client, common: &Common, hold: &Hold) -> anyhow::Result<()> {
    let request = PlaceOrderHoldRequest {
        request_id: hold.writing.request_id.clone(),
        reason: hold.writing.reason.clone(),
        order_id: super::id(client, common, &hold.which).await?,
        line_number: hold.line,
        hold_type: hold.hold_type.clone(),
        note: hold.note.clone(),
    };
    let answer = client.place_order_hold(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("orders.v1.PlaceOrderHoldResponse", &answer)?);
    }
    say(format!("{}  hold {} stands  revision {}", answer.order_id, answer.hold, answer.revision))
}

pub(super) async fn resolve(client: &Client, common: &Common, resolve: &Resolve) -> anyhow::Result<()> {
    let request = ResolveOrderHoldRequest {
        request_id: resolve.writing.request_id.clone(),
        reason: resolve.writing.reason.clone(),
        order_id: super::id(client, common, &resolve.which).await?,
        hold: resolve.hold,
        note: resolve.note.clone(),
    };
    let answer = client.resolve_order_hold(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("orders.v1.ResolveOrderHoldResponse", &answer)?);
    }
    say(format!("{}  hold {} is resolved  revision {}", answer.order_id, resolve.hold, answer.revision))
}
