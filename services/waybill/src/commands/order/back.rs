//! `waybill order return`: goods that come back, at once at a counter or announced, for money or in exchange.

use super::{Which, read};
use crate::commands::{
    Common, Flags, Writing, from_word, json, money, parse_quantity, refused_of, say, word,
};
use anyhow::Context;
use waybill_client::Client;
use waybill_client::proto::common::v1::Money;
use waybill_client::proto::orders::v1::{
    CreateReturnRequest, Disposition, Order, ReceivedUnits, ReturnUnits,
};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("order_id", "ORDER"),
    ("lines[]", "--line"),
    ("received[]", "--line"),
    ("node_id", "--node"),
    ("expected_revision", "--revision"),
    ("replacements[]", "--replacement"),
    ("beyond_window", "--beyond-window"),
];

/// What comes back.
#[derive(Debug, clap::Args)]
pub(super) struct Return {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    writing: Writing,
    /// Units of a line, LINE:QUANTITY, such as 1:2; may be repeated.
    #[arg(long = "line", value_name = "LINE:QUANTITY", required = true)]
    lines: Vec<String>,
    /// Why, such as too_small.
    #[arg(long, default_value = "", hide_default_value = true)]
    why: String,
    /// The goods are here: the node they lie at. Without it they are still to come.
    #[arg(long)]
    node: Option<String>,
    /// In which condition they lie there: sellable, inspect, damaged, scrapped, or refused.
    #[arg(long, default_value = "inspect", requires = "node")]
    condition: String,
    /// What the customer gets instead, at exactly what comes back; may be repeated.
    #[arg(long = "replacement", value_name = "SKU:QUANTITY:PRICE")]
    replacements: Vec<String>,
    /// Replacements are fetched at this node; by default they are sent home.
    #[arg(long, value_name = "NODE", requires = "replacements")]
    pickup: Option<String>,
    /// Take them only if the order still has this revision.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    revision: u64,
    /// Take them although the return window has passed.
    #[arg(long)]
    beyond_window: bool,
}

pub(super) async fn back(client: &Client, common: &Common, back: &Return) -> anyhow::Result<()> {
    let order = read(client, common, &back.which).await?;
    let mut request = back.request(&order)?;
    for text in &back.replacements {
        let line = super::amend::lines::new_line(client, &order, text, back.pickup.as_deref()).await?;
        request.replacements.push(line);
    }
    let answer = client.create_return(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("orders.v1.CreateReturnResponse", &answer)?);
    }
    say(told(answer.r#return, answer.refund))
}

/// How far a return is, in one line.
pub(super) fn told(back: Option<waybill_client::proto::orders::v1::Return>, refund: Option<Money>) -> String {
    let back = back.unwrap_or_default();
    let state = word(back.state().as_str_name(), "RETURN_STATE");
    let refund = money(refund.filter(|refund| refund.minor_units != 0).as_ref());
    let refund = if refund.is_empty() { String::new() } else { format!("  {refund} to pay back") };
    format!("{}  {state}{refund}", back.return_id)
}

impl Return {
    fn request(&self, order: &Order) -> anyhow::Result<CreateReturnRequest> {
        let units = self.lines.iter().map(|text| units(order, text));
        let units: Vec<(u32, i64)> = units.collect::<anyhow::Result<_>>()?;
        let mut request = CreateReturnRequest {
            request_id: self.writing.request_id.clone(),
            reason: self.writing.reason.clone(),
            order_id: order.order_id.clone(),
            beyond_window: self.beyond_window,
            expected_revision: self.revision,
            ..CreateReturnRequest::default()
        };
        for (line_number, quantity) in units {
            request.lines.push(ReturnUnits { line_number, quantity, why: self.why.clone() });
            if self.node.is_some() {
                let disposition: Disposition =
                    from_word(&self.condition, "DISPOSITION", Disposition::as_str_name)?;
                let (disposition, note) = (disposition.into(), String::new());
                request.received.push(ReceivedUnits { line_number, quantity, disposition, note });
            }
        }
        request.node_id = self.node.clone().unwrap_or_default();
        Ok(request)
    }
}

/// `1:2`, the quantity in whole units of the line.
pub(super) fn units(order: &Order, text: &str) -> anyhow::Result<(u32, i64)> {
    let shape = || format!("{text:?} is no LINE:QUANTITY");
    let (number, quantity) = text.split_once(':').with_context(shape)?;
    let number: u32 = number.parse().with_context(shape)?;
    let line = order.lines.iter().find(|line| line.line_number == number);
    let line = line.with_context(|| format!("{} has no line {number}", order.order_id))?;
    Ok((number, parse_quantity(quantity, line.quantity_scale)?))
}
