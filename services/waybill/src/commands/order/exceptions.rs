//! `waybill order exceptions`: orders that need somebody.

use crate::commands::{Common, Table, json, refused, say, time};
use waybill_client::Client;
use waybill_client::proto::orders::v1::{ListExceptionsRequest, OrderException};

/// How many to show.
#[derive(Debug, clap::Args)]
pub(super) struct Exceptions {
    /// How many to show at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

pub(super) async fn list(client: &Client, common: &Common, asked: &Exceptions) -> anyhow::Result<()> {
    let page_size = u32::try_from(asked.limit.clamp(1, 200))?;
    let mut request = ListExceptionsRequest { page_size, ..ListExceptionsRequest::default() };
    let mut found: Vec<OrderException> = Vec::new();
    loop {
        let page = client.list_exceptions(request.clone()).await.map_err(refused)?;
        found.extend(page.exceptions);
        request.page_token = page.next_page_token;
        if found.len() >= asked.limit || request.page_token.is_empty() {
            break;
        }
    }
    found.truncate(asked.limit);
    if common.json {
        return found.iter().try_for_each(|exception| say(json("orders.v1.OrderException", exception)?));
    }
    if found.is_empty() {
        return say("no order needs anybody");
    }
    let mut table = Table::new(&["ORDER", "SINCE", "LINES", "WHY", "ASKED", "RESOLVE WITH"]);
    for exception in &found {
        let lines: Vec<String> =
            exception.lines.iter().map(|line| format!("{} {}", line.line_number, line.sku)).collect();
        table.row([
            exception.order_id.clone(),
            time(exception.since_time.as_ref()),
            lines.join(", "),
            super::timeline::cause(&exception.cause),
            exception.tried_node_ids.join(" "),
            exception.resolve_with.join(" "),
        ]);
    }
    say(table.to_string())
}
