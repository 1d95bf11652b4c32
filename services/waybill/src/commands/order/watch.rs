//! `waybill order watch`: an order, and then what happens to it.

use super::{FLAGS, Which, id, print, timeline};
use crate::commands::{Common, from_word, json, refused_of, say, word};
use anyhow::bail;
use futures::StreamExt;
use waybill_client::Client;
use waybill_client::proto::orders::v1::{
    Order, OrderStatus, WatchOrderRequest, watch_order_response::Update,
};

/// Which order to watch, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    #[command(flatten)]
    which: Which,
    /// End as soon as the order has this status, such as delivered; a failure when it has ended and never can.
    #[arg(long)]
    until: Option<String>,
}

pub(super) async fn watch(client: &Client, common: &Common, watch: &Watch) -> anyhow::Result<()> {
    let until = watch.until.as_deref();
    let until: Option<OrderStatus> =
        until.map(|text| from_word(text, "ORDER_STATUS", OrderStatus::as_str_name)).transpose()?;
    let order_id = id(client, common, &watch.which).await?;
    let mut updates = client.watch_order(WatchOrderRequest { order_id, resume_token: String::new() });
    let mut known = Order::default();
    while let Some(update) = updates.next().await {
        let update = update.map_err(refused_of(FLAGS))?;
        let status = update.status();
        if common.json {
            say(json("orders.v1.WatchOrderResponse", &update)?)?;
        } else {
            match update.update {
                Some(Update::Order(order)) => {
                    say(print::order(&order, &timeline::causes(client, &order).await?))?;
                    known = order;
                }
                Some(Update::Entry(entry)) => say(timeline::line(&entry, &known, Some(status)))?,
                None => {}
            }
        }
        match until {
            Some(wanted) if wanted == status => return Ok(()),
            Some(wanted) if !may_become(status, wanted) => {
                let name = |status: OrderStatus| word(status.as_str_name(), "ORDER_STATUS");
                bail!("the order has ended as {}: it will not be {} any more", name(status), name(wanted));
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// False when an order of this status has ended and cannot have the other one any more.
fn may_become(status: OrderStatus, wanted: OrderStatus) -> bool {
    match status {
        OrderStatus::Refused | OrderStatus::Returned | OrderStatus::Cancelled => false,
        // What is with the customer may come back, and what is lost may turn up.
        OrderStatus::Delivered | OrderStatus::Undelivered => {
            matches!(wanted, OrderStatus::Delivered | OrderStatus::Returned | OrderStatus::Undelivered)
        }
        OrderStatus::Unspecified
        | OrderStatus::Pending
        | OrderStatus::Open
        | OrderStatus::Backordered
        | OrderStatus::Reserved
        | OrderStatus::Released
        | OrderStatus::Picked
        | OrderStatus::PartiallyShipped
        | OrderStatus::Shipped
        | OrderStatus::PartiallyDelivered => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_has_ended_is_not_waited_for() {
        assert!(may_become(OrderStatus::Backordered, OrderStatus::Delivered));
        assert!(may_become(OrderStatus::Delivered, OrderStatus::Returned));
        for ended in [OrderStatus::Cancelled, OrderStatus::Refused, OrderStatus::Returned] {
            assert!(!may_become(ended, OrderStatus::Delivered), "{ended:?}");
        }
        assert!(!may_become(OrderStatus::Delivered, OrderStatus::Released));
    }
}
