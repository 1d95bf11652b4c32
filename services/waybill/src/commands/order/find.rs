//! `waybill order find`.

use crate::commands::{Common, Flags, Table, from_word, json, money, refused_of, say, time, window, word};
use crate::records::timestamp;
use anyhow::ensure;
use waybill_client::Client;
use waybill_client::proto::common::v1::TimeRange;
use waybill_client::proto::orders::v1::{FindOrdersRequest, OrderStatus, OrderSummary};
use waybill_formats::Instant;

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("external_order_number", "--number"),
    ("phone", "--phone"),
    ("email", "--email"),
    ("customer_id", "--customer"),
    ("sku", "--sku"),
    ("name_prefix", "--name"),
    ("member_card", "--card"),
    ("social_id", "--social"),
    ("node_id", "--node"),
    ("hold_type", "--hold"),
    ("statuses[]", "--status"),
    ("channel", "--placed-in"),
    ("placed", "--since and --until"),
    ("placed.earliest", "--since"),
    ("placed.latest", "--until"),
    ("page_size", "--limit"),
];

/// What to look for.
#[derive(Debug, clap::Args)]
pub(super) struct Find {
    /// The number in its channel.
    #[arg(long)]
    number: Option<String>,
    /// Phone in E.164 form, such as +12025550123.
    #[arg(long)]
    phone: Option<String>,
    /// E-mail address.
    #[arg(long)]
    email: Option<String>,
    /// The channel's id of the customer.
    #[arg(long)]
    customer: Option<String>,
    /// The beginning of a word of a name, at least 3 letters or 1 Chinese, Japanese or Korean character.
    #[arg(long)]
    name: Option<String>,
    /// Member card.
    #[arg(long)]
    card: Option<String>,
    /// Id in a social network, such as wechat:oXy7.
    #[arg(long)]
    social: Option<String>,
    /// A node that works for the order.
    #[arg(long)]
    node: Option<String>,
    /// A kind of hold that stands, such as fraud.
    #[arg(long)]
    hold: Option<String>,
    /// A SKU that the order has a line of.
    #[arg(long)]
    sku: Option<String>,
    /// A status, such as backordered; may be repeated, any of them counts.
    #[arg(long = "status")]
    statuses: Vec<String>,
    /// The channel the order was placed in.
    #[arg(long)]
    placed_in: Option<String>,
    /// Placed at or after, such as 2026-03-02T00:00:00Z.
    #[arg(long)]
    since: Option<Instant>,
    /// Placed before.
    #[arg(long)]
    until: Option<Instant>,
    /// How many to show at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

impl Find {
    /// # Errors
    /// Nothing to look for, or a beginning of a name that is too short to be looked up.
    fn check(&self, request: &FindOrdersRequest) -> anyhow::Result<()> {
        let unasked = FindOrdersRequest { page_size: request.page_size, ..FindOrdersRequest::default() };
        ensure!(*request != unasked, "say what to look for, such as --number, --phone or --status");
        if let Some(name) = &self.name {
            let ascii = name.trim().is_ascii();
            ensure!(
                !ascii || name.trim().len() >= 3,
                "--name: {name:?} is too short, give at least 3 letters of a word of the name"
            );
        }
        Ok(())
    }

    fn request(&self) -> anyhow::Result<FindOrdersRequest> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let status = |text: &String| {
            from_word(text, "ORDER_STATUS", OrderStatus::as_str_name).map(|status: OrderStatus| status.into())
        };
        let placed = (self.since.is_some() || self.until.is_some())
            .then(|| TimeRange { earliest: self.since.map(timestamp), latest: self.until.map(timestamp) });
        Ok(FindOrdersRequest {
            external_order_number: text(&self.number),
            phone: text(&self.phone),
            email: text(&self.email),
            customer_id: text(&self.customer),
            sku: text(&self.sku),
            name_prefix: text(&self.name),
            member_card: text(&self.card),
            social_id: text(&self.social),
            node_id: text(&self.node),
            hold_type: text(&self.hold),
            statuses: self.statuses.iter().map(status).collect::<anyhow::Result<_>>()?,
            channel: text(&self.placed_in),
            placed,
            page_size: u32::try_from(self.limit.clamp(1, 200))?,
            ..FindOrdersRequest::default()
        })
    }
}

pub(super) async fn find(client: &Client, common: &Common, find: &Find) -> anyhow::Result<()> {
    let mut request = find.request()?;
    find.check(&request)?;
    let mut found: Vec<OrderSummary> = Vec::new();
    loop {
        let page = client.find_orders(request.clone()).await.map_err(refused_of(FLAGS))?;
        found.extend(page.orders);
        request.page_token = page.next_page_token;
        if found.len() >= find.limit || request.page_token.is_empty() {
            break;
        }
    }
    let more = found.len() > find.limit || !request.page_token.is_empty();
    found.truncate(find.limit);
    if common.json {
        return found.iter().try_for_each(|order| say(json("orders.v1.OrderSummary", order)?));
    }
    say(table(&found).to_string())?;
    if more {
        // Not on standard output, where the rows may be read by a program.
        eprintln!("more may follow: raise --limit");
    }
    Ok(())
}

/// Orders in a list, for every command that lists orders.
pub(in crate::commands) fn table(orders: &[OrderSummary]) -> Table {
    let mut table =
        Table::new(&["ORDER", "CHANNEL", "NUMBER", "STATUS", "PLACED", ">LINES", ">TOTAL", "PROMISE"]);
    for order in orders {
        table.row([
            order.order_id.clone(),
            order.channel.clone(),
            order.external_order_number.clone(),
            word(order.status().as_str_name(), "ORDER_STATUS"),
            time(order.place_time.as_ref()),
            order.line_count.to_string(),
            money(order.total.as_ref()),
            window(order.promise.as_ref()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn parsed(words: &[&str]) -> anyhow::Result<FindOrdersRequest> {
        let command = Find::augment_args(clap::Command::new("find").no_binary_name(true));
        Find::from_arg_matches(&command.try_get_matches_from(words)?)?.request()
    }

    #[test]
    fn flags_become_filters() {
        let words =
            ["--status", "partially-shipped", "--status", "open", "--placed-in", "web", "--limit", "7"];
        let request = parsed(&words).unwrap();
        assert_eq!(request.statuses, [OrderStatus::PartiallyShipped as i32, OrderStatus::Open as i32]);
        assert_eq!((request.channel.as_str(), request.page_size, request.placed), ("web", 7, None));
        let request = parsed(&["--since", "2026-03-02T00:00:00Z"]).unwrap();
        assert_eq!(request.placed.unwrap().earliest.unwrap().seconds, 1_772_409_600);
        assert!(parsed(&["--status", "lost"]).is_err());
        assert!(parsed(&["--since", "yesterday"]).is_err());
    }
}
