//! Two tills and one unit: money at the one, another piece at the other.

use super::Outcome;
use super::round::{Round, lost};
use anyhow::{bail, ensure};
use waybill_proto::common::v1::Money;
use waybill_proto::orders::v1::{
    CreateReturnRequest, DeliveryMethod, Disposition, LineAmounts, Order, OrderStatus, PlaceLine,
    ReceivedUnits, ReturnUnits,
};

/// One unit was delivered. It is brought back for money and for another one at the same time.
pub(super) async fn return_against_exchange(round: &mut Round<'_>) -> anyhow::Result<Outcome> {
    let (seen, mut work) = round.released(1).await?;
    let at_node = round.at_node(&work).await?;
    let picked = work.pick(&at_node).await?;
    let packed = work.desk.pack(&picked).await?;
    let shipped = work.desk.ship(&packed).await?;
    work.desk.deliver(&shipped).await?;
    let order = round.world.order_at(&seen.order_id, OrderStatus::Delivered).await?;
    let (one, other) = (round.moment(), round.moment());
    let (mut here, mut there) = (round.returns(), round.returns());
    let mut exchange = back(round, &order, 2);
    exchange.replacements = vec![replacement(&order)];
    let returned = async {
        one.await;
        here.create_return(back(round, &order, 1)).await
    };
    let exchanged = async {
        other.await;
        there.create_return(exchange).await
    };
    let (returned, exchanged) = tokio::join!(returned, exchanged);
    let after = round.world.order(&order.order_id).await?;
    let units = after.lines[0].buckets.unwrap_or_default();
    ensure!((units.returned, units.delivered) == (1, 0), "one unit came back: {units:?}");
    let refunded = after.totals.as_ref().and_then(|totals| totals.refunded.as_ref());
    let (refunded, lines) = (refunded.map_or(0, |money| money.minor_units), after.lines.len());
    match (returned, exchanged) {
        (Ok(_), Err(status)) => {
            ensure!((refunded, lines) == (price(&order).minor_units, 1), "{refunded} back, {lines} lines");
            Ok(Outcome { winner: "return", told: lost(&status)? })
        }
        (Err(status), Ok(_)) => {
            ensure!((refunded, lines) == (0, 2), "{refunded} back, {lines} lines");
            Ok(Outcome { winner: "exchange", told: lost(&status)? })
        }
        (returned, exchanged) => bail!("the tills said {returned:?} and {exchanged:?}"),
    }
}

fn price(order: &Order) -> Money {
    let amounts = order.lines[0].amounts.as_ref();
    amounts.and_then(|amounts| amounts.unit_price.clone()).unwrap_or_default()
}

fn back(round: &Round<'_>, order: &Order, till: usize) -> CreateReturnRequest {
    let units = ReturnUnits { line_number: 1, quantity: 1, why: String::new() };
    let received = ReceivedUnits {
        line_number: 1,
        quantity: 1,
        disposition: Disposition::Sellable.into(),
        ..Default::default()
    };
    CreateReturnRequest {
        request_id: format!("{}-till-{till}", round.name),
        order_id: order.order_id.clone(),
        lines: vec![units],
        node_id: crate::retailer::node(till),
        received: vec![received],
        ..Default::default()
    }
}

fn replacement(order: &Order) -> PlaceLine {
    let price = || Some(price(order));
    PlaceLine {
        sku: order.lines[0].sku.clone(),
        quantity: 1,
        delivery_method: DeliveryMethod::ShipHome.into(),
        amounts: Some(LineAmounts { unit_price: price(), total: price(), ..Default::default() }),
        ..Default::default()
    }
}
