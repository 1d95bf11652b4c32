//! An order as text for people.

use crate::commands::{Table, money, show_quantity, time, window, word};
use std::collections::BTreeMap;
use waybill_client::proto::common::v1::{Address, Money};
use waybill_client::proto::orders::v1::{
    AmendmentWait, CancelOrderResponse, FulfillmentOrderRef, LineUnits, Order, OrderLine, OrderStatus,
    PlaceOrderResponse, UnitBuckets,
};

/// Why units of a line wait, by line number.
pub(super) type Causes = BTreeMap<u32, String>;

/// The whole order.
pub(super) fn order(order: &Order, causes: &Causes) -> String {
    let mut blocks = vec![head(order), lines(order, causes).to_string()];
    let work = work(&order.fulfillment_orders);
    if !work.is_empty() {
        blocks.push(work.to_string());
    }
    let said = changes(order);
    if !said.is_empty() {
        blocks.push(said.join("\n"));
    }
    let attempts = attempts(order);
    if !attempts.is_empty() {
        blocks.push(attempts.to_string());
    }
    blocks.join("\n\n")
}

fn status(status: OrderStatus) -> String {
    word(status.as_str_name(), "ORDER_STATUS")
}

/// What stands above the lines: one fact per line, facts that are not there left out.
fn head(order: &Order) -> String {
    let amounts = order.amounts.clone().unwrap_or_default();
    let contact = order.contact.clone().unwrap_or_default();
    let person: Vec<String> =
        [contact.name, contact.phone, contact.email].into_iter().filter(|text| !text.is_empty()).collect();
    let facts = [
        ("number", format!("{} in {}", order.external_order_number, order.channel)),
        ("placed", time(order.place_time.as_ref())),
        ("customer", order.customer_id.clone()),
        ("contact", if order.erased { "erased".to_owned() } else { person.join(", ") }),
        ("ship to", order.ship_to.as_ref().map_or_else(String::new, address)),
        ("promise", window(order.promise.as_ref())),
        ("release", time(order.release_time.as_ref())),
        ("shipping", some(amounts.shipping.as_ref())),
        ("discount", some(amounts.discount.as_ref())),
        ("tax", some(amounts.tax.as_ref())),
        ("total", money(amounts.total.as_ref())),
        ("now", due(order)),
        ("ended", order.end_reason.clone()),
    ];
    let mut text = format!("{}  {}  revision {}", order.order_id, status(order.status()), order.revision);
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        text.push_str(&format!("\n{name:<10}{fact}"));
    }
    text
}

/// What is to be paid for all that is not cancelled, where that is not the total that was ordered.
fn due(order: &Order) -> String {
    let total = order.amounts.as_ref().and_then(|amounts| amounts.total.as_ref());
    let due = order.totals.as_ref().and_then(|totals| totals.due.as_ref());
    money(due.filter(|due| Some(*due) != total))
}

/// The amount, empty when it is nothing.
fn some(amount: Option<&Money>) -> String {
    money(amount.filter(|amount| amount.minor_units != 0))
}

fn address(address: &Address) -> String {
    let city = format!("{} {}", address.postal_code, address.city);
    let parts = address.street_lines.iter().map(String::as_str);
    let parts = parts.chain([city.trim(), address.region.as_str(), address.country_code.as_str()]);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn lines(order: &Order, causes: &Causes) -> Table {
    let mut table = Table::new(&[">LINE", "SKU", ">QUANTITY", ">PRICE", ">TOTAL", "UNITS", "PROMISE"]);
    for line in &order.lines {
        let amounts = line.amounts.clone().unwrap_or_default();
        table.row([
            line.line_number.to_string(),
            line.sku.clone(),
            show_quantity(line.quantity, line.quantity_scale),
            money(amounts.unit_price.as_ref()),
            money(amounts.total.as_ref()),
            units(line, causes.get(&line.line_number).map(String::as_str)),
            window(line.promise.as_ref()),
        ]);
    }
    table
}

/// Where a line's units are: `2 reserved, 1 backordered (no node has stock)`, and what of it is to be called back.
fn units(line: &OrderLine, cause: Option<&str>) -> String {
    let buckets = line.buckets.unwrap_or_default();
    let why =
        |name| cause.filter(|_| name == "backordered").map_or(String::new(), |cause| format!(" ({cause})"));
    let mut parts: Vec<String> = named(&buckets)
        .into_iter()
        .filter(|(_, quantity)| *quantity != 0)
        .map(|(name, quantity)| {
            format!("{} {name}{}", show_quantity(quantity, line.quantity_scale), why(name))
        })
        .collect();
    if line.cancel_requested != 0 {
        parts
            .push(format!("{} to be called back", show_quantity(line.cancel_requested, line.quantity_scale)));
    }
    if !line.pickup_node_id.is_empty() {
        parts.push(format!("pickup at {}", line.pickup_node_id));
    }
    parts.join(", ")
}

fn named(buckets: &UnitBuckets) -> [(&'static str, i64); 12] {
    [
        ("open", buckets.open),
        ("backordered", buckets.backordered),
        ("reserved", buckets.reserved),
        ("released", buckets.released),
        ("picked", buckets.picked),
        ("shipped", buckets.shipped),
        ("delivered", buckets.delivered),
        ("cancelled", buckets.cancelled),
        ("returned", buckets.returned),
        ("lost", buckets.lost),
        ("refused", buckets.refused),
        ("returned to sender", buckets.returned_to_sender),
    ]
}

fn work(work: &[FulfillmentOrderRef]) -> Table {
    let mut table = Table::new(&["WORK", "NODE", "STATE", "SHIP BY", "LINES", "TRACKING"]);
    for work in work {
        let lines: Vec<String> = work.lines.iter().map(|line| line.line_number.to_string()).collect();
        let tracking = [&[work.carrier.clone()][..], &work.tracking_numbers[..]].concat().join(" ");
        table.row([
            work.fulfillment_order_id.clone(),
            work.node_id.clone(),
            word(work.state().as_str_name(), "FULFILLMENT_REF_STATE"),
            time(work.ship_by_time.as_ref()),
            lines.join(" "),
            tracking.trim().to_owned(),
        ]);
    }
    table
}

/// Holds, amendments and returns, one per line.
fn changes(order: &Order) -> Vec<String> {
    let holds = order.holds.iter().map(|hold| {
        let line =
            if hold.line_number == 0 { String::new() } else { format!(" on line {}", hold.line_number) };
        let state = if hold.resolved { "resolved" } else { "stands" };
        let again = if hold.changed_since && !hold.resolved { ", changed since" } else { "" };
        format!("hold {}: {}{line} {state}{again}", hold.hold, hold.hold_type)
    });
    let amendments = order.amendments.iter().map(|amendment| {
        let kinds: Vec<String> =
            amendment.kinds().map(|kind| word(kind.as_str_name(), "CHANGE_KIND")).collect();
        let state = word(amendment.state().as_str_name(), "AMENDMENT_STATE");
        let why = match (amendment.refusal.as_str(), amendment.waits_for()) {
            ("", AmendmentWait::Unspecified) => String::new(),
            ("", wait) => format!(", waits for {}", word(wait.as_str_name(), "AMENDMENT_WAIT")),
            (refusal, _) => format!(", {}", refusal.replace('_', " ")),
        };
        format!("amendment {}: {} {state}{why}", amendment.amendment, kinds.join(" and "))
    });
    let returns = order.returns.iter().map(|back| {
        let state = word(back.state().as_str_name(), "RETURN_STATE");
        let refunded = back.refunded.as_ref().filter(|refunded| refunded.minor_units != 0);
        let refunded = refunded.map_or_else(String::new, |sum| format!(", {} paid back", money(Some(sum))));
        format!("return {}: {state}{refunded}", back.return_id)
    });
    holds.chain(amendments).chain(returns).collect()
}

/// `2.50 of line 1 (F7)`.
pub(super) fn some_units(order: &Order, units: &LineUnits) -> String {
    let line = order.lines.iter().find(|line| line.line_number == units.line_number);
    let (scale, sku) = line.map_or((0, ""), |line| (line.quantity_scale, line.sku.as_str()));
    let sku = if sku.is_empty() { String::new() } else { format!(" ({sku})") };
    format!("{} of line {}{sku}", show_quantity(units.quantity, scale), units.line_number)
}

fn attempts(order: &Order) -> Table {
    let mut table = Table::new(&[">ATTEMPT", "OUTCOME", "BEGAN", "REFUSAL"]);
    for attempt in &order.attempts {
        table.row([
            attempt.attempt.to_string(),
            word(attempt.outcome().as_str_name(), "SOURCING_ATTEMPT_OUTCOME"),
            time(attempt.start_time.as_ref()),
            attempt.refusal.clone(),
        ]);
    }
    table
}

/// What became of a cancel.
pub(super) fn cancelled(order: &Order, answer: &CancelOrderResponse) -> String {
    let mut table = Table::new(&[">LINE", "OUTCOME", ">ASKED", ">CANCELLED", ">ASKED OF NODE", ">TOO LATE"]);
    for line in &answer.lines {
        let scale = order.lines.iter().find(|known| known.line_number == line.line_number);
        let scale = scale.map_or(0, |known| known.quantity_scale);
        table.row([
            line.line_number.to_string(),
            word(line.outcome().as_str_name(), "CANCEL_LINE_OUTCOME"),
            show_quantity(line.requested, scale),
            show_quantity(line.cancelled, scale),
            show_quantity(line.cancel_requested, scale),
            show_quantity(line.too_late, scale),
        ]);
    }
    let waits = match answer.amendment {
        0 => String::new(),
        number => format!("  waits for an approval (amendment {number})"),
    };
    let (id, status) = (&answer.order_id, status(answer.status()));
    format!("{id}  {status}  revision {}{waits}\n\n{table}", answer.revision)
}

/// One placed order as one line.
pub(super) fn placed(answer: &PlaceOrderResponse) -> String {
    let outcome = word(answer.outcome().as_str_name(), "PLACE_OUTCOME");
    let promise = window(answer.promise.as_ref());
    format!("{}  {}  {outcome}  {promise}", answer.order_id, answer.external_order_number)
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::money as amount;
    use waybill_client::proto::common::v1::Contact;
    use waybill_client::proto::orders::v1::{FulfillmentOrderRefLine, LineAmounts, OrderAmounts};

    fn sample() -> Order {
        let amounts = LineAmounts {
            unit_price: Some(amount("USD", 999)),
            total: Some(amount("USD", 2_498)),
            ..LineAmounts::default()
        };
        let line = OrderLine {
            line_number: 1,
            sku: "F7".into(),
            quantity: 250,
            quantity_scale: 2,
            buckets: Some(UnitBuckets { reserved: 200, backordered: 50, ..UnitBuckets::default() }),
            cancel_requested: 100,
            amounts: Some(amounts),
            ..OrderLine::default()
        };
        Order {
            order_id: "W03-1".into(),
            revision: 4,
            channel: "web".into(),
            external_order_number: "WEB-5".into(),
            status: OrderStatus::Backordered.into(),
            contact: Some(Contact { name: "Keiko Ito".into(), ..Contact::default() }),
            amounts: Some(OrderAmounts { total: Some(amount("USD", 2_498)), ..OrderAmounts::default() }),
            lines: vec![line],
            ..Order::default()
        }
    }

    #[test]
    fn an_order_is_told_with_its_units_and_without_what_it_lacks() {
        let text = order(&sample(), &Causes::from([(1, "others were faster".to_owned())]));
        assert_eq!(
            text,
            "W03-1  backordered  revision 4\n\
             number    WEB-5 in web\n\
             contact   Keiko Ito\n\
             total     USD 24.98\n\n\
             LINE  SKU  QUANTITY     PRICE      TOTAL  \
             UNITS                                                                         PROMISE\n   \
             1  F7       2.50  USD 9.99  USD 24.98  \
             0.50 backordered (others were faster), 2.00 reserved, 1.00 to be called back"
        );
    }

    #[test]
    fn an_erased_order_says_so_and_work_is_listed() {
        let mut sample = sample();
        sample.contact = None;
        sample.erased = true;
        sample.fulfillment_orders.push(FulfillmentOrderRef {
            fulfillment_order_id: "W03-1-F1.05".into(),
            node_id: "S1".into(),
            lines: vec![FulfillmentOrderRefLine { line_number: 1, quantity: 200 }],
            carrier: "DHL".into(),
            tracking_numbers: vec!["JD1".into()],
            ..FulfillmentOrderRef::default()
        });
        let text = order(&sample, &Causes::new());
        assert!(text.contains("contact   erased"), "{text}");
        assert!(text.ends_with("W03-1-F1.05  S1    unspecified           1      DHL JD1"), "{text}");
    }

    #[test]
    fn an_address_is_one_line() {
        let to = Address {
            street_lines: vec!["5 Elm".into()],
            city: "Fort Wayne".into(),
            postal_code: "46859".into(),
            country_code: "US".into(),
            ..Address::default()
        };
        assert_eq!(address(&to), "5 Elm, 46859 Fort Wayne, US");
    }
}
