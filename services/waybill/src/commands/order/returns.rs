//! `waybill order returnable`, `return-show`, `return-receive`, `return-decide` and `return-close`: what can come back, and
//! returns that were announced.

use super::back::{told, units};
use super::{Which, read};
use crate::commands::{
    Common, Flags, Table, Writing, from_word, json, money, refused, refused_of, say, show_quantity, time,
    word,
};
use anyhow::Context;
use waybill_client::Client;
use waybill_client::proto::orders::v1::find_returnable_request::By;
use waybill_client::proto::orders::v1::{
    CloseReturnRequest, DecideReturnRequest, Disposition, FindReturnableRequest, GetReturnRequest,
    ReceiveReturnRequest, ReceivedUnits, Return,
};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("return_id", "RETURN"),
    ("lines[]", "--line"),
    ("node_id", "--node"),
    ("receipt", "--receipt"),
    ("customer_id", "--customer"),
    ("member_card", "--card"),
];

/// From what to find it; exactly one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Key {
    /// The number on the receipt, of whatever channel.
    #[arg(long)]
    receipt: Option<String>,
    /// The caller's id of the customer.
    #[arg(long)]
    customer: Option<String>,
    /// The customer's member card.
    #[arg(long)]
    card: Option<String>,
}

/// Whose goods.
#[derive(Debug, clap::Args)]
pub(super) struct Returnable {
    #[command(flatten)]
    key: Key,
    /// How many orders to show at most, up to 50.
    #[arg(long, default_value_t = 10)]
    limit: u32,
}

/// Which return.
#[derive(Debug, clap::Args)]
pub(super) struct ReturnId {
    /// The return's id, such as W03-12345-R1.
    #[arg(value_name = "RETURN")]
    id: String,
}

/// Which return, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Close {
    #[command(flatten)]
    back: ReturnId,
    #[command(flatten)]
    writing: Writing,
}

/// A yes or no to a return that waits for it.
#[derive(Debug, clap::Args)]
pub(super) struct Decide {
    #[command(flatten)]
    back: ReturnId,
    #[command(flatten)]
    writing: Writing,
    /// Say no.
    #[arg(long)]
    refuse: bool,
}

/// Goods that have come.
#[derive(Debug, clap::Args)]
pub(super) struct Receive {
    #[command(flatten)]
    back: ReturnId,
    #[command(flatten)]
    writing: Writing,
    /// The node they lie at.
    #[arg(long)]
    node: String,
    /// Units of a line, LINE:QUANTITY, such as 1:2; may be repeated.
    #[arg(long = "line", value_name = "LINE:QUANTITY", required = true)]
    lines: Vec<String>,
    /// In which condition they lie there: sellable, inspect, damaged, scrapped, or refused.
    #[arg(long, default_value = "inspect")]
    condition: String,
    /// What was found.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

pub(super) async fn returnable(client: &Client, common: &Common, asked: &Returnable) -> anyhow::Result<()> {
    let Key { receipt, customer, card } = &asked.key;
    let by = receipt.clone().map(By::Receipt);
    let by = by.or_else(|| customer.clone().map(By::CustomerId)).or_else(|| card.clone().map(By::MemberCard));
    let request = FindReturnableRequest { by, page_size: asked.limit.clamp(1, 50), ..Default::default() };
    let found = client.find_returnable(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("orders.v1.FindReturnableResponse", &found)?);
    }
    if found.orders.is_empty() {
        return say("nothing can come back");
    }
    let mut table =
        Table::new(&["ORDER", "CHANNEL", "NUMBER", ">LINE", "SKU", ">UNITS", ">NEXT", ">ALL", "UNTIL"]);
    for order in &found.orders {
        for line in &order.lines {
            table.row([
                order.order_id.clone(),
                order.channel.clone(),
                order.external_order_number.clone(),
                line.line_number.to_string(),
                line.sku.clone(),
                show_quantity(line.returnable, line.quantity_scale),
                money(line.next_unit.as_ref()),
                money(line.all_units.as_ref()),
                time(line.window_close_time.as_ref()),
            ]);
        }
    }
    say(table.to_string())
}

async fn get(client: &Client, id: &str) -> anyhow::Result<Return> {
    let request = GetReturnRequest { return_id: id.to_owned(), after: String::new() };
    let answer = client.get_return(request).await.map_err(refused_of(FLAGS))?;
    answer.r#return.context("the server answered without the return")
}

pub(super) async fn show(client: &Client, common: &Common, asked: &ReturnId) -> anyhow::Result<()> {
    let back = get(client, &asked.id).await?;
    if common.json {
        return say(json("orders.v1.Return", &back)?);
    }
    let state = word(back.state().as_str_name(), "RETURN_STATE");
    let kind = if back.exchange { "exchange" } else { "return" };
    let mut table = Table::new(&[">LINE", ">ASKED", ">TAKEN", ">REFUSED", "WHY"]);
    let order = read(client, common, &Which { order: back.order_id.clone(), by_number: false }).await?;
    for line in &back.lines {
        let scale = order.lines.iter().find(|known| known.line_number == line.line_number);
        let scale = scale.map_or(0, |known| known.quantity_scale);
        table.row([
            line.line_number.to_string(),
            show_quantity(line.quantity, scale),
            show_quantity(line.taken, scale),
            show_quantity(line.refused, scale),
            line.why.clone(),
        ]);
    }
    let refunded = money(back.refunded.as_ref());
    say(format!("{}  {kind}  {state}  refunded {refunded}\n\n{table}", back.return_id))
}

pub(super) async fn receive(client: &Client, common: &Common, asked: &Receive) -> anyhow::Result<()> {
    let order_id = get(client, &asked.back.id).await?.order_id;
    let order = read(client, common, &Which { order: order_id, by_number: false }).await?;
    let disposition: Disposition = from_word(&asked.condition, "DISPOSITION", Disposition::as_str_name)?;
    let seen = |text: &String| {
        let (line_number, quantity) = units(&order, text)?;
        Ok(ReceivedUnits { line_number, quantity, disposition: disposition.into(), note: asked.note.clone() })
    };
    let request = ReceiveReturnRequest {
        request_id: asked.writing.request_id.clone(),
        reason: asked.writing.reason.clone(),
        return_id: asked.back.id.clone(),
        node_id: asked.node.clone(),
        lines: asked.lines.iter().map(seen).collect::<anyhow::Result<_>>()?,
    };
    let answer = client.receive_return(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("orders.v1.ReceiveReturnResponse", &answer)?);
    }
    say(told(answer.r#return, answer.refund))
}

pub(super) async fn decide(client: &Client, common: &Common, asked: &Decide) -> anyhow::Result<()> {
    let request = DecideReturnRequest {
        request_id: asked.writing.request_id.clone(),
        reason: asked.writing.reason.clone(),
        return_id: asked.back.id.clone(),
        authorize: !asked.refuse,
    };
    let answer = client.decide_return(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("orders.v1.DecideReturnResponse", &answer)?);
    }
    say(told(answer.r#return, None))
}

pub(super) async fn close(client: &Client, common: &Common, asked: &Close) -> anyhow::Result<()> {
    let request = CloseReturnRequest {
        request_id: asked.writing.request_id.clone(),
        reason: asked.writing.reason.clone(),
        return_id: asked.back.id.clone(),
    };
    let answer = client.close_return(request).await.map_err(refused)?;
    if common.json {
        return say(json("orders.v1.CloseReturnResponse", &answer)?);
    }
    say(told(answer.r#return, None))
}
