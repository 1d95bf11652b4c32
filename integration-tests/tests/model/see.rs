//! What is seen of the machines, in the plain words of the judge; and the machines' own audits.

use super::facts::{Ended, SeenLine, SeenOrder, SeenPlace, SeenReturn};
use super::sim::{Lawful, Sim, Wrong};
use waybill::audit::{Cut, FulfillmentPart, InventoryPart, OrdersPart};
use waybill_inventory::State as Stock;
use waybill_orders::order::AmendmentState;
use waybill_orders::{Bucket, OrdersState, Stage, order_money};
use waybill_types::OrderId;

/// One order.
pub(crate) fn order(state: &OrdersState, id: OrderId) -> Option<SeenOrder> {
    let (opening, order) = state.order(id)?;
    let content = order.content(&opening);
    let money = order_money(content, &order);
    let lines = content.lines.iter().zip(&order.lines).map(|(line, state)| SeenLine {
        units: Bucket::ALL.map(|bucket| state.buckets.get(bucket).units()),
        cancel_requested: state.cancel_requested.units(),
        prices: line
            .shares
            .iter()
            .flat_map(|run| std::iter::repeat_n(run.total(content.amounts.tax_included), run.count as usize))
            .collect(),
    });
    let ended = |state: &AmendmentState| match state {
        AmendmentState::Pending(_) => Ended::Pending,
        AmendmentState::Applied => Ended::Applied,
        AmendmentState::Refused(_) => Ended::Refused,
    };
    let returns = order.returns.iter().map(|back| SeenReturn {
        exchange: back.is_exchange(),
        taken: back.lines.iter().map(|units| (units.line, units.taken().units())).collect(),
        refunded: back.refunded,
        joined: back.joined.clone(),
    });
    Some(SeenOrder {
        id,
        revision: order.revision,
        refused: matches!(order.stage, Stage::Refused(_)),
        lines: lines.collect(),
        total: content.amounts.total,
        due: money.due,
        refunded: money.refunded,
        amendments: order.amendments.iter().map(|one| (one.number, ended(&one.state))).collect(),
        returns: returns.collect(),
    })
}

/// All positions of one partition.
pub(crate) fn places(state: &Stock) -> Vec<SeenPlace> {
    let mut found = Vec::new();
    state.stock.each(|sku, _, position| {
        let on_hand = [position.sellable, position.inspect, position.damaged].map(|count| count.units());
        let place = (sku.clone(), position.node.clone());
        found.push(SeenPlace { place, on_hand, reserved: position.reserved.units() });
    });
    found
}

/// Every law that the machines and the audit of all partitions know, on a durable cut.
pub(crate) fn audit(sim: &Sim) -> Lawful {
    let cut = Cut {
        orders: sim.orders.iter().map(|part| OrdersPart::look(&part.core)).collect(),
        inventory: sim.inventory.iter().map(|part| InventoryPart::look(&part.core)).collect(),
        fulfillment: sim.fulfillment.iter().map(|part| FulfillmentPart::look(&part.core)).collect(),
        ..Cut::default()
    };
    let report = cut.judge();
    let broken: Vec<String> = report
        .laws()
        .flat_map(|(law, found)| found.violations.into_iter().map(move |what| format!("{law}: {what}")))
        .collect();
    if broken.is_empty() { Ok(()) } else { Err(Wrong(format!("audit: {}", broken.join("\n  ")))) }
}
