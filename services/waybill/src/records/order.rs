//! Orders: to be placed now, or finished and kept as history.

use super::{money, point, timestamp};
use waybill_formats::{
    AddressRecord, ContactRecord, DeliveryMethod, OrderLineRecord, OrderRecord, OutcomeRecord,
};
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;

/// An order to be placed. Its channel is not in the request: call with an identity of `record.channel`. The request id is
/// the order's number, which is unique in its channel for good, so that placing the same record again is one order.
/// Mode and backorder policy are left to the server's defaults.
#[must_use]
pub fn place(record: &OrderRecord) -> proto::PlaceOrderRequest {
    proto::PlaceOrderRequest {
        request_id: record.external_order_number.clone(),
        external_order_number: record.external_order_number.clone(),
        customer_id: record.customer_id.clone(),
        contact: contact(&record.contact),
        ship_to: record.ship_to.as_ref().map(address),
        lines: record.lines.iter().map(|line| place_line(record, line)).collect(),
        amounts: Some(amounts(record)),
        release_time: record.release_time.map(timestamp),
        priority: record.priority,
        gift_note: record.gift_note.clone(),
        custom_attributes: record.custom_attributes.clone(),
        ..proto::PlaceOrderRequest::default()
    }
}

/// A finished order as history. A line without an outcome has no units anywhere, which the server refuses.
#[must_use]
pub fn historic(record: &OrderRecord) -> proto::HistoricOrder {
    proto::HistoricOrder {
        channel: record.channel.clone(),
        external_order_number: record.external_order_number.clone(),
        place_time: Some(timestamp(record.place_time)),
        customer_id: record.customer_id.clone(),
        contact: contact(&record.contact),
        ship_to: record.ship_to.as_ref().map(address),
        lines: record
            .lines
            .iter()
            .map(|line| proto::HistoricLine {
                line: Some(place_line(record, line)),
                buckets: line.outcome.as_ref().map(buckets),
                node_id: line.node_id.clone(),
            })
            .collect(),
        amounts: Some(amounts(record)),
        custom_attributes: record.custom_attributes.clone(),
    }
}

fn place_line(order: &OrderRecord, line: &OrderLineRecord) -> proto::PlaceLine {
    let amount = |minor| Some(money(&order.currency_code, minor));
    let method = match line.delivery_method {
        DeliveryMethod::ShipHome => proto::DeliveryMethod::ShipHome,
        DeliveryMethod::Pickup => proto::DeliveryMethod::Pickup,
    };
    proto::PlaceLine {
        external_line_id: line.external_line_id.clone(),
        sku: line.sku.clone(),
        quantity: line.quantity,
        quantity_scale: line.quantity_scale.into(),
        delivery_method: method.into(),
        pickup_node_id: line.pickup_node_id.clone(),
        amounts: Some(proto::LineAmounts {
            unit_price: amount(line.unit_price_minor),
            subtotal: None,
            discount: amount(line.discount_minor).filter(|discount| discount.minor_units != 0),
            tax: amount(line.tax_minor).filter(|tax| tax.minor_units != 0),
            total: amount(line.total_minor),
        }),
        owner: line.owner.clone(),
        custom_attributes: line.custom_attributes.clone(),
        ..Default::default()
    }
}

fn amounts(record: &OrderRecord) -> proto::OrderAmounts {
    let amount = |minor: i64| (minor != 0).then(|| money(&record.currency_code, minor));
    proto::OrderAmounts {
        shipping: amount(record.shipping_minor),
        discount: amount(record.discount_minor),
        tax: amount(record.tax_minor),
        total: Some(money(&record.currency_code, record.total_minor)),
        tax_included: record.tax_included,
    }
}

fn contact(record: &ContactRecord) -> Option<common::Contact> {
    (record != &ContactRecord::default()).then(|| common::Contact {
        name: record.name.clone(),
        phone: record.phone.clone(),
        email: record.email.clone(),
        ..common::Contact::default()
    })
}

/// Where goods go.
#[must_use]
pub fn address(record: &AddressRecord) -> common::Address {
    common::Address {
        street_lines: record.street_lines.clone(),
        city: record.city.clone(),
        region: record.region.clone(),
        postal_code: record.postal_code.clone(),
        country_code: record.country_code.clone(),
        location: point(record.latitude_e6, record.longitude_e6),
        ..common::Address::default()
    }
}

fn buckets(outcome: &OutcomeRecord) -> proto::UnitBuckets {
    proto::UnitBuckets {
        delivered: outcome.delivered,
        cancelled: outcome.cancelled,
        returned: outcome.returned,
        lost: outcome.lost,
        refused: outcome.refused,
        returned_to_sender: outcome.returned_to_sender,
        ..proto::UnitBuckets::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{"channel":"web","external_order_number":"WEB-5","place_time":"2026-03-02T14:00:22Z",
        "customer_id":"K1","contact":{"name":"Keiko Ito","phone":"+17585550100"},
        "ship_to":{"street_lines":["5649 Willow Terrace"],"city":"Fort Wayne","postal_code":"46859","country_code":"US"},
        "lines":[{"external_line_id":"1","sku":"P1","quantity":2,"unit_price_minor":3199,"discount_minor":398,
                  "tax_minor":420,"total_minor":6420,"outcome":{"delivered":1,"returned":1},"node_id":"S1"},
                 {"sku":"F7","quantity":250,"quantity_scale":2,"delivery_method":"pickup","pickup_node_id":"S1",
                  "unit_price_minor":999,"total_minor":2498,"outcome":{"lost":250}}],
        "currency_code":"USD","shipping_minor":599,"total_minor":9517,"priority":3,"gift_note":"Hello"}"#;

    #[test]
    fn an_order_is_placed_under_its_own_number() {
        let request = place(&serde_json::from_str(ORDER).unwrap());
        assert_eq!((request.request_id.as_str(), request.external_order_number.as_str()), ("WEB-5", "WEB-5"));
        assert_eq!(request.contact.unwrap().name, "Keiko Ito");
        assert_eq!(request.ship_to.unwrap().street_lines, ["5649 Willow Terrace"]);
        assert_eq!((request.priority, request.gift_note.as_str()), (3, "Hello"));
        let amounts = request.amounts.unwrap();
        assert_eq!((amounts.shipping, amounts.discount), (Some(money("USD", 599)), None));
        assert_eq!(amounts.total, Some(money("USD", 9_517)));
        let [first, second] = &request.lines[..] else { panic!("two lines") };
        let sums = first.amounts.clone().unwrap();
        assert_eq!((sums.unit_price, sums.subtotal), (Some(money("USD", 3_199)), None));
        assert_eq!((sums.discount, sums.tax), (Some(money("USD", 398)), Some(money("USD", 420))));
        assert_eq!(first.delivery_method(), proto::DeliveryMethod::ShipHome);
        assert_eq!((second.pickup_node_id.as_str(), second.quantity_scale), ("S1", 2));
        assert_eq!(second.delivery_method(), proto::DeliveryMethod::Pickup);
    }

    #[test]
    fn history_keeps_channel_time_and_where_units_ended() {
        let order = historic(&serde_json::from_str(ORDER).unwrap());
        assert_eq!((order.channel.as_str(), order.place_time.unwrap().seconds), ("web", 1_772_460_022));
        let ends = order.lines[0].buckets.unwrap();
        assert_eq!((ends.delivered, ends.returned, ends.open), (1, 1, 0));
        assert_eq!(order.lines[0].node_id, "S1");
        assert_eq!(order.lines[1].buckets.unwrap().lost, 250);
    }

    #[test]
    fn nobody_to_talk_to_is_absent() {
        let mut record: OrderRecord = serde_json::from_str(ORDER).unwrap();
        record.contact = ContactRecord::default();
        assert_eq!(place(&record).contact, None);
    }
}
