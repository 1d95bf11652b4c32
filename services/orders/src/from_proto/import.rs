//! One finished order of an import as a command.

use super::basket::basket;
use super::person::{fingerprint, lookups, person};
use super::values::{attributes, id_or_none, time};
use prost::Message;
use waybill_machine::Content;
use waybill_orders::command::{Basket, Import};
use waybill_orders::{Bucket, Buckets};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{DoorError, Fields, Person, Seal};
use waybill_types::{Channel, CustomerRef, ExternalNumber, NodeId, Quantity};

/// A checked row. The person is still to be sealed.
pub(crate) struct Row {
    pub(crate) import: Import,
    pub(crate) person: Option<Person>,
}

/// Checks a row.
pub(crate) fn row(seal: &Seal, given: &proto::HistoricOrder) -> Result<Row, DoorError> {
    let mut fields = Fields::new();
    let row = parse(&mut fields, seal, given);
    fields.finish(row)
}

fn parse(fields: &mut Fields, seal: &Seal, given: &proto::HistoricOrder) -> Option<Row> {
    let channel = fields.check("channel", Channel::new(&given.channel));
    let external = fields.check("external_order_number", ExternalNumber::new(&given.external_order_number));
    let placed_at = match &given.place_time {
        Some(at) => time(fields, "place_time", at),
        None => {
            fields.wrong("place_time", "is required");
            None
        }
    };
    let customer = id_or_none(fields, "customer_id", &given.customer_id, |text| CustomerRef::new(text));
    let person = person(fields, "", given.contact.as_ref(), given.ship_to.as_ref(), "");
    let empty = proto::PlaceLine::default();
    let lines: Vec<(String, &proto::PlaceLine)> = given
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| (format!("lines[{index}].line"), line.line.as_ref().unwrap_or(&empty)))
        .collect();
    let bought = basket(fields, "", lines.into_iter(), given.amounts.as_ref());
    let (mut ended, mut nodes) = (Vec::new(), Vec::new());
    for (index, line) in given.lines.iter().enumerate() {
        ended.push(buckets(fields, index, line.buckets.as_ref()));
        let field = format!("lines[{index}].node_id");
        nodes.push(id_or_none(fields, field, &line.node_id, |text| NodeId::new(text)));
    }
    let attributes = attributes(fields, "custom_attributes", &given.custom_attributes);
    let ((lines, amounts), person, customer) = (bought?, person?, customer?);
    let import = Import {
        basket: Basket {
            external: external?,
            digests: digests(seal, given),
            lookups: lookups(seal, person.as_ref(), customer.as_ref()),
            customer,
            subject: None,
            recipient: None,
            lines,
            amounts,
            attributes: attributes?,
        },
        channel: channel?,
        placed_at: placed_at?,
        ended: ended.into_iter().collect::<Option<_>>()?,
        nodes: nodes.into_iter().collect::<Option<_>>()?,
    };
    Some(Row { import, person })
}

fn buckets(fields: &mut Fields, index: usize, given: Option<&proto::UnitBuckets>) -> Option<Buckets> {
    let Some(given) = given else {
        fields.wrong(format!("lines[{index}].buckets"), "are required");
        return None;
    };
    let named = [
        (Bucket::Open, given.open),
        (Bucket::Backordered, given.backordered),
        (Bucket::Reserved, given.reserved),
        (Bucket::Released, given.released),
        (Bucket::Picked, given.picked),
        (Bucket::Shipped, given.shipped),
        (Bucket::Delivered, given.delivered),
        (Bucket::Cancelled, given.cancelled),
        (Bucket::Returned, given.returned),
        (Bucket::Lost, given.lost),
        (Bucket::Refused, given.refused),
        (Bucket::ReturnedToSender, given.returned_to_sender),
    ];
    let mut buckets = Some(Buckets::default());
    for (bucket, units) in named {
        let field = format!("lines[{index}].buckets.{}", bucket.name());
        let units = fields.check(field, Quantity::new(units));
        buckets = buckets.zip(units).map(|(buckets, units)| buckets.with(bucket, units));
    }
    buckets
}

fn digests(seal: &Seal, given: &proto::HistoricOrder) -> Content {
    let lines: Vec<Vec<u8>> = given.lines.iter().map(Message::encode_to_vec).collect();
    Content::new()
        .with("place_time", &given.place_time.map(|time| (time.seconds, time.nanos)))
        .with("customer_id", &given.customer_id)
        .with("contact", &fingerprint(seal, "contact", given.contact.as_ref()))
        .with("ship_to", &fingerprint(seal, "ship_to", given.ship_to.as_ref()))
        .with("lines", &lines)
        .with("amounts", &given.amounts.as_ref().map(Message::encode_to_vec))
        .with("custom_attributes", &given.custom_attributes)
}
