//! The sums of an order are checked, unit by unit and cent by cent.

use waybill_formats::{
    AddressRecord, DeliveryMethod, Instant, OrderLineRecord, OrderRecord, OutcomeRecord, Record,
};

fn line(quantity: i64, unit_price_minor: i64, total_minor: i64) -> OrderLineRecord {
    OrderLineRecord { sku: "A".into(), quantity, unit_price_minor, total_minor, ..OrderLineRecord::default() }
}

fn order(lines: Vec<OrderLineRecord>, total_minor: i64) -> OrderRecord {
    OrderRecord {
        channel: "web".into(),
        external_order_number: "1".into(),
        place_time: Instant::from_ms(0),
        ship_to: Some(AddressRecord {
            street_lines: vec!["1 Mill Road".into()],
            city: "Joliet".into(),
            country_code: "US".into(),
            ..AddressRecord::default()
        }),
        lines,
        currency_code: "USD".into(),
        total_minor,
        ..OrderRecord::default()
    }
}

/// The field that an order is refused for.
fn fault(order: &OrderRecord) -> String {
    order.check().map_or_else(|fault| fault.field, |()| String::new())
}

#[test]
fn taxes_are_added_unless_they_are_inside() {
    let mut taxed = line(10, 2_390, 0);
    (taxed.discount_minor, taxed.tax_minor, taxed.total_minor) = (5_975, 2_988, 17_925);
    let mut order = order(vec![taxed], 17_925);
    order.tax_included = true;
    assert_eq!(fault(&order), "");
    order.tax_included = false;
    assert_eq!(fault(&order), "lines[0].total_minor");
}

#[test]
fn the_order_sums_its_lines_shipping_discount_and_tax() {
    let mut order = order(vec![line(1, 500, 500), line(2, 250, 500)], 1_549);
    (order.shipping_minor, order.discount_minor, order.tax_minor) = (599, 100, 50);
    assert_eq!(fault(&order), "");
    order.total_minor += 1;
    let refusal = order.check().unwrap_err();
    assert_eq!(
        (refusal.field.as_str(), refusal.why.as_str()),
        ("total_minor", "is 1550, but the amounts sum to 1549")
    );
}

#[test]
fn scaled_quantities_round_half_up() {
    let mut cloth = line(250, 999, 2_498);
    cloth.quantity_scale = 2;
    assert_eq!(cloth.subtotal_minor(), Some(2_498));
    assert_eq!(fault(&order(vec![cloth], 2_498)), "");
}

#[test]
fn hostile_numbers_are_refused_without_overflow() {
    let huge = line(1_000_000_000_000, 1_000_000_000_000_000, 1);
    assert_eq!(fault(&order(vec![huge], 1)), "lines[0].unit_price_minor");
    assert_eq!(fault(&order(vec![line(i64::MAX, 1, 1)], 1)), "lines[0].quantity");
    assert_eq!(fault(&order(vec![line(0, 1, 0)], 0)), "lines[0].quantity");
    assert_eq!(fault(&order(vec![line(1, -1, -1)], -1)), "lines[0].unit_price_minor");
    assert_eq!(fault(&order(vec![line(1, i64::MIN, i64::MIN)], 0)), "lines[0].unit_price_minor");
    assert_eq!(fault(&order(vec![], 0)), "lines");
}

#[test]
fn where_a_line_goes_must_be_said_exactly_once() {
    let mut sent = order(vec![line(1, 5, 5)], 5);
    sent.ship_to = None;
    assert_eq!(fault(&sent), "ship_to");
    sent.lines[0].delivery_method = DeliveryMethod::Pickup;
    assert_eq!(fault(&sent), "lines[0].pickup_node_id");
    sent.lines[0].pickup_node_id = "S1".into();
    assert_eq!(fault(&sent), "");
    sent.lines[0].delivery_method = DeliveryMethod::ShipHome;
    assert_eq!(fault(&sent), "lines[0].pickup_node_id");
}

#[test]
fn history_needs_an_end_for_every_unit() {
    let mut order = order(vec![line(3, 5, 15)], 15);
    assert_eq!(order.check_finished().unwrap_err().field, "lines[0].outcome");
    let mut end = |outcome: OutcomeRecord| {
        order.lines[0].outcome = Some(outcome);
        order.check_finished().is_ok()
    };
    assert!(end(OutcomeRecord { delivered: 1, returned: 1, lost: 1, ..OutcomeRecord::default() }));
    assert!(!end(OutcomeRecord { delivered: 2, ..OutcomeRecord::default() }));
    assert!(!end(OutcomeRecord { delivered: 4, cancelled: -1, ..OutcomeRecord::default() }));
    assert!(!end(OutcomeRecord { delivered: i64::MAX, cancelled: i64::MAX, ..OutcomeRecord::default() }));
}

#[test]
fn a_line_name_stands_once() {
    let mut order = order(vec![line(1, 5, 5), line(1, 5, 5)], 10);
    assert_eq!(fault(&order), "");
    for line in &mut order.lines {
        line.external_line_id = "x".into();
    }
    assert_eq!(fault(&order), "lines[1].external_line_id");
}
