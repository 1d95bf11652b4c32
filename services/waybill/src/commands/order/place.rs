//! `waybill order place`: orders of a file, or one order from flags, through the same record and the same checks.

use super::place_file::{self, Wanted};
use super::{print, timeline};
use crate::commands::{
    Common, Flags, Writing, decimals, flag, headline, item, json, parse_quantity, places, refused,
    refused_short, say, show_quantity, unless_closed,
};
use crate::records;
use anyhow::{Context, anyhow, bail, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tonic::Status;
use waybill_client::proto::orders::v1::{BackorderPolicy, PlaceMode, PlaceOrderRequest, PlaceOrderResponse};
use waybill_client::{Client, Identity, facts, request_id};
use waybill_formats::{
    AddressRecord, ContactRecord, DeliveryMethod, Instant, OrderLineRecord, OrderRecord, Record,
};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("external_order_number", "--number"),
    ("customer_id", "--customer"),
    ("contact.name", "--name"),
    ("contact.phone", "--phone"),
    ("contact.email", "--email"),
    ("ship_to", "--ship-to"),
    ("lines[]", "--line"),
    ("lines[].pickup_node_id", "--pickup"),
    ("amounts.shipping", "--shipping"),
    ("hold_id", "--hold"),
    ("release_time", "--release-time"),
    ("backorder_policy", "--backorder"),
];

/// What to place.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["file", "lines"]))]
pub(super) struct Place {
    /// Orders as JSON: requests as in docs/examples/order.json, or records as described in docs/import-formats.md; - reads
    /// standard input.
    #[arg(conflicts_with_all = ["lines", "number", "pickup", "ship_to"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    writing: Writing,
    /// Answer once the stock is reserved, or refuse.
    #[arg(long)]
    confirm: bool,
    /// What happens to units that no stock serves; by default they wait, and with --confirm the order is refused.
    #[arg(long, value_enum)]
    backorder: Option<Backorder>,
    /// A stock hold to adopt as the order's reservation.
    #[arg(long, default_value = "", hide_default_value = true)]
    hold: String,
    /// The order's number in the channel; by default a new one.
    #[arg(long)]
    number: Option<String>,
    /// A line, such as P000001:2:31.99; may be repeated. The price is that of one whole unit.
    #[arg(long = "line", value_name = "SKU:QUANTITY:PRICE")]
    lines: Vec<String>,
    /// ISO 4217 code of the prices.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The shipping charge, such as 5.99.
    #[arg(long, default_value = "0")]
    shipping: String,
    /// The node where all lines are fetched; without it they are sent to --ship-to.
    #[arg(long)]
    pickup: Option<String>,
    /// Where to send it, such as "5649 Willow Terrace; Fort Wayne; 46859; US".
    #[arg(long, value_name = "STREET; CITY; POSTAL CODE; COUNTRY")]
    ship_to: Option<String>,
    /// Full name of the customer.
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Phone in E.164 form.
    #[arg(long, default_value = "", hide_default_value = true)]
    phone: String,
    /// E-mail address.
    #[arg(long, default_value = "", hide_default_value = true)]
    email: String,
    /// The channel's id of the customer.
    #[arg(long, default_value = "", hide_default_value = true)]
    customer: String,
    /// Not to be released before this time, such as 2026-03-02T14:00:00Z.
    #[arg(long)]
    release_time: Option<Instant>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Backorder {
    Allow,
    Forbid,
}

pub(super) async fn place(client: &Client, common: &Common, place: &Place) -> anyhow::Result<()> {
    if let Some(file) = &place.file {
        return from_file(client, common, place, file).await;
    }
    let record = place.record(client, common).await?;
    let mut request = records::place(&record);
    place.complete(&mut request);
    let answer = client.place_order(request).await.map_err(|status| not_served(&record, status))?;
    tell(common, &answer)
}

async fn from_file(client: &Client, common: &Common, place: &Place, file: &Path) -> anyhow::Result<()> {
    ensure!(place.writing.request_id.is_empty(), "--request-id is for one order, a file may have many");
    let orders = place_file::orders(&place_file::text(file)?);
    ensure!(!orders.is_empty(), "{} holds no order", file.display());
    let actor = common.connection.actor.clone().unwrap_or_default();
    let (count, mut refused_count) = (orders.len(), 0);
    for wanted in orders {
        let told = match wanted {
            Ok(Wanted { channel, mut request }) => {
                let client = match &channel {
                    Some(channel) => client.with_identity(Identity::new(channel, &actor, "")?),
                    None => client.clone(),
                };
                place.complete(&mut request);
                let number = request.external_order_number.clone();
                let answer = client.place_order(request).await;
                answer.map_err(|status| format!("{number}: {:#}", refused(status)))
            }
            Err(fault) => Err(fault),
        };
        match told {
            // Nobody may be reading; the other orders are to be placed all the same.
            Ok(answer) => unless_closed(tell(common, &answer))?,
            Err(why) => {
                refused_count += 1;
                eprintln!("{why}");
            }
        }
    }
    ensure!(refused_count == 0, "{refused_count} of {count} orders were not placed");
    Ok(())
}

/// A refusal of an order: which line of it nothing serves, and why.
fn not_served(record: &OrderRecord, status: Status) -> anyhow::Error {
    let facts: BTreeMap<String, String> = facts(&status).into_iter().collect();
    let number = |name: &str| facts.get(name).and_then(|fact| fact.parse::<usize>().ok());
    let line = number("line_number").and_then(|number| record.lines.get(number.checked_sub(1)?));
    if let (Some(line), Some(quantity), Some(why)) = (line, number("quantity"), facts.get("cause")) {
        let quantity = show_quantity(i64::try_from(quantity).unwrap_or(i64::MAX), line.quantity_scale.into());
        let (headline, why) = (headline(&status), timeline::cause(why));
        return anyhow!("{headline}\n  {}: {quantity} not served: {why}", line.sku);
    }
    let scales = record.lines.iter().map(|line| (line.sku.clone(), u32::from(line.quantity_scale))).collect();
    refused_short(FLAGS, &scales)(status)
}

fn tell(common: &Common, answer: &PlaceOrderResponse) -> anyhow::Result<()> {
    if common.json { say(json("orders.v1.PlaceOrderResponse", answer)?) } else { say(print::placed(answer)) }
}

impl Place {
    /// Lays the flags over what a file or a record says.
    fn complete(&self, request: &mut PlaceOrderRequest) {
        let texts = [
            (&self.writing.request_id, &mut request.request_id),
            (&self.writing.reason, &mut request.reason),
            (&self.hold, &mut request.hold_id),
        ];
        for (given, field) in texts.into_iter().filter(|(given, _)| !given.is_empty()) {
            field.clone_from(given);
        }
        if self.confirm {
            request.set_mode(PlaceMode::Confirm);
        }
        match self.backorder {
            Some(Backorder::Allow) => request.set_backorder_policy(BackorderPolicy::Allow),
            Some(Backorder::Forbid) => request.set_backorder_policy(BackorderPolicy::Forbid),
            None => {}
        }
    }

    /// The flags as a record, with the sums that follow from them.
    async fn record(&self, client: &Client, common: &Common) -> anyhow::Result<OrderRecord> {
        if let Some(node) = &self.pickup {
            places::must_hand_over(client, "--pickup", node).await?;
        }
        let mut lines = Vec::new();
        for (index, text) in self.lines.iter().enumerate() {
            let (sku, quantity, price) = parts(text)?;
            let scale = item(client, sku).await.with_context(|| format!("line {}", index + 1))?.scale;
            let mut line = OrderLineRecord {
                external_line_id: (index + 1).to_string(),
                sku: sku.to_owned(),
                quantity: parse_quantity(quantity, scale)?,
                quantity_scale: u8::try_from(scale)?,
                unit_price_minor: parse_quantity(price, decimals(&self.currency)).context("the price")?,
                ..OrderLineRecord::default()
            };
            if let Some(node) = &self.pickup {
                line.delivery_method = DeliveryMethod::Pickup;
                line.pickup_node_id.clone_from(node);
            }
            line.total_minor = line.subtotal_minor().context("the price times the quantity is too much")?;
            lines.push(line);
        }
        self.order(lines, common)
    }

    fn order(&self, lines: Vec<OrderLineRecord>, common: &Common) -> anyhow::Result<OrderRecord> {
        let shipping_minor =
            parse_quantity(&self.shipping, decimals(&self.currency)).context("the shipping charge")?;
        let total = lines.iter().map(|line| line.total_minor).sum::<i64>() + shipping_minor;
        let record = OrderRecord {
            // Only the check needs one: the request's channel is the caller's.
            channel: common.connection.channel.clone().unwrap_or_else(|| "api".to_owned()),
            external_order_number: self.number.clone().unwrap_or_else(request_id),
            customer_id: self.customer.clone(),
            contact: ContactRecord {
                name: self.name.clone(),
                phone: self.phone.clone(),
                email: self.email.clone(),
            },
            ship_to: self.ship_to.as_deref().map(address).transpose()?,
            lines,
            currency_code: self.currency.clone(),
            shipping_minor,
            total_minor: total,
            release_time: self.release_time,
            ..OrderRecord::default()
        };
        if let Err(fault) = record.check() {
            bail!("{}: {}", flag(FLAGS, &fault.field), fault.why);
        }
        Ok(record)
    }
}

/// SKU, quantity and price; from the right, because a SKU may hold a colon.
pub(super) fn parts(line: &str) -> anyhow::Result<(&str, &str, &str)> {
    let parts = line.rsplit_once(':').and_then(|(rest, price)| {
        let (sku, quantity) = rest.rsplit_once(':')?;
        Some((sku, quantity, price))
    });
    parts.with_context(|| format!("{line:?} is no line, give SKU:QUANTITY:PRICE such as P000001:2:31.99"))
}

/// `STREET; CITY; POSTAL CODE; COUNTRY`.
pub(super) fn address(text: &str) -> anyhow::Result<AddressRecord> {
    let parts: Vec<&str> = text.split(';').map(str::trim).collect();
    let [street, city, postal_code, country] = parts[..] else {
        bail!("{text:?} is no address, give \"STREET; CITY; POSTAL CODE; COUNTRY\"");
    };
    Ok(AddressRecord {
        street_lines: vec![street.to_owned()],
        city: city.to_owned(),
        postal_code: postal_code.to_owned(),
        country_code: country.to_owned(),
        ..AddressRecord::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_from_the_right() {
        assert_eq!(parts("A:B:2:31.99").unwrap(), ("A:B", "2", "31.99"));
        assert!(parts("P1:2").is_err());
    }

    #[test]
    fn an_address_has_four_parts() {
        let home = address("5 Elm; Fort Wayne; 46859; US").unwrap();
        assert_eq!((home.city.as_str(), home.country_code.as_str()), ("Fort Wayne", "US"));
        assert!(address("5 Elm, Fort Wayne").is_err());
    }
}
