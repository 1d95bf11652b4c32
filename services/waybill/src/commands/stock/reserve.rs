//! `waybill stock reserve` and `release`.

use crate::commands::{
    Common, Flags, Table, Writing, item, json, parse_quantity, refused_of, refused_short, say, show_quantity,
    time, word,
};
use anyhow::Context;
use std::collections::BTreeMap;
use waybill_client::Client;
use waybill_client::proto::inventory::v1::{
    ReleaseReservationRequest, Reservation, ReservationState, ReserveMode, ReserveStockRequest, StockQuantity,
};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("lines[]", "SKU:NODE:QUANTITY"),
    ("lines[].owner", "--owner"),
    ("ttl_ms", "--ttl-s"),
    ("order_id", "--order"),
    ("reservation_id", "RESERVATION"),
];

#[derive(Debug, clap::Args)]
pub(super) struct Reserve {
    /// What, where and how much, such as P000001:S0001:2; one or more.
    #[arg(required = true, value_name = "SKU:NODE:QUANTITY")]
    lines: Vec<String>,
    /// Take what there is instead of all or nothing.
    #[arg(long)]
    best_effort: bool,
    /// How long to hold it, in seconds.
    #[arg(long, default_value_t = 900, conflicts_with = "order")]
    ttl_s: i64,
    /// The order it is for: it does not lapse then.
    #[arg(long)]
    order: Option<String>,
    /// Whose stock; the retailer's own when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
    #[command(flatten)]
    writing: Writing,
}

impl Reserve {
    pub(super) async fn run(&self, client: &Client, common: &Common) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        let mut scales = BTreeMap::new();
        for text in &self.lines {
            let (sku, node, quantity) = parts(text)?;
            let scale = item(client, sku).await?.scale;
            scales.insert(sku.to_owned(), scale);
            lines.push(StockQuantity {
                sku: sku.to_owned(),
                node_id: node.to_owned(),
                quantity: parse_quantity(quantity, scale)?,
                owner: self.owner.clone(),
            });
        }
        let request = self.request(lines);
        let answer = client.reserve_stock(request).await.map_err(refused_short(FLAGS, &scales))?;
        tell(common, &scales, answer.reservation)
    }

    fn request(&self, lines: Vec<StockQuantity>) -> ReserveStockRequest {
        let mode = if self.best_effort { ReserveMode::BestEffort } else { ReserveMode::AllOrNothing };
        ReserveStockRequest {
            request_id: self.writing.request_id.clone(),
            reason: self.writing.reason.clone(),
            lines,
            mode: mode.into(),
            ttl_ms: if self.order.is_some() { 0 } else { self.ttl_s.saturating_mul(1_000) },
            order_id: self.order.clone().unwrap_or_default(),
            ..ReserveStockRequest::default()
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Release {
    /// The reservation's id as the answer to reserve told it.
    reservation: String,
    #[command(flatten)]
    writing: Writing,
}

impl Release {
    pub(super) async fn run(&self, client: &Client, common: &Common) -> anyhow::Result<()> {
        let request = ReleaseReservationRequest {
            request_id: self.writing.request_id.clone(),
            reason: self.writing.reason.clone(),
            reservation_id: self.reservation.clone(),
            lines: Vec::new(),
        };
        let answer = client.release_reservation(request).await.map_err(refused_of(FLAGS))?;
        let mut scales = BTreeMap::new();
        for line in answer.reservation.iter().flat_map(|reservation| &reservation.lines) {
            scales.insert(line.sku.clone(), item(client, &line.sku).await?.scale);
        }
        tell(common, &scales, answer.reservation)
    }
}

/// SKU, node and quantity; from the right, because a SKU may hold a colon.
fn parts(text: &str) -> anyhow::Result<(&str, &str, &str)> {
    let parts = text.rsplit_once(':').and_then(|(rest, quantity)| {
        let (sku, node) = rest.rsplit_once(':')?;
        Some((sku, node, quantity))
    });
    parts.with_context(|| format!("{text:?} is no stock, give SKU:NODE:QUANTITY such as P000001:S0001:2"))
}

fn tell(common: &Common, scales: &BTreeMap<String, u32>, answer: Option<Reservation>) -> anyhow::Result<()> {
    let reservation = answer.context("the server answered without the reservation")?;
    if common.json {
        return say(json("inventory.v1.Reservation", &reservation)?);
    }
    let state = word(reservation.state().as_str_name(), "RESERVATION_STATE");
    let until = match reservation.state() {
        ReservationState::Held => format!("  until {}", time(reservation.expire_time.as_ref())),
        _ => String::new(),
    };
    say(format!("{}  {state}{until}\n\n{}", reservation.reservation_id, table(scales, &reservation)))
}

fn table(scales: &BTreeMap<String, u32>, reservation: &Reservation) -> Table {
    let mut table = Table::new(&["SKU", "NODE", ">ASKED", ">GRANTED", ">RELEASED", ">CONSUMED"]);
    for line in &reservation.lines {
        let scale = scales.get(&line.sku).copied().unwrap_or(0);
        let quantity = |quantity| show_quantity(quantity, scale);
        table.row([
            line.sku.clone(),
            line.node_id.clone(),
            quantity(line.requested),
            quantity(line.granted),
            quantity(line.released),
            quantity(line.consumed),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_is_read_from_the_right() {
        assert_eq!(parts("A:B:S1:2.5").unwrap(), ("A:B", "S1", "2.5"));
        assert!(parts("P1:2").is_err());
    }

    #[test]
    fn a_reservation_for_an_order_has_no_time_limit() {
        let writing = Writing { reason: String::new(), request_id: String::new() };
        let mut reserve = Reserve {
            lines: Vec::new(),
            best_effort: false,
            ttl_s: 900,
            order: None,
            owner: String::new(),
            writing,
        };
        assert_eq!(reserve.request(Vec::new()).ttl_ms, 900_000);
        reserve.order = Some("W03-1".into());
        let request = reserve.request(Vec::new());
        assert_eq!((request.ttl_ms, request.order_id.as_str()), (0, "W03-1"));
    }
}
