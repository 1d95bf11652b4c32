//! FindReturnable: what can come back, from a receipt or a card, without an order id.

use super::find::{Hit, Place, Search};
use crate::door::Inner;
use crate::from_proto::find::Filter;
use crate::from_proto::person::{by_card, by_customer, check_card};
use crate::to_proto;
use tonic::Status;
use waybill_orders::content::OrderContent;
use waybill_orders::{Returnable, returnable};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::find_returnable_request::By;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{Fields, Seal};
use waybill_types::policy::ReturnTerms;
use waybill_types::{CustomerRef, ExternalNumber, PartitionId, Service};

/// Orders looked at for one answer, whether or not something of them can come back.
const LOOKED_AT_MAX: usize = 200;

pub(crate) async fn find(
    door: &Inner,
    message: proto::FindReturnableRequest,
) -> Result<proto::FindReturnableResponse, Status> {
    let mut fields = Fields::new();
    let wanted = wanted(&mut fields, &door.seal, message.by.as_ref());
    let size = page_size(&mut fields, message.page_size, 10, 50);
    door.after(&mut fields, &message.after);
    let (wanted, size) = fields.finish(wanted.zip(size))?;
    let kind = format!("what can come back of {wanted:?}");
    let mut places = Place::opened(&kind, &message.page_token, door.everywhere().count())?;
    // Every partition has the policy; the one that decides about it has it first.
    let home = PartitionId::new(Service::Orders, 0);
    let terms = door.read(home, |state| state.policy().1.returns).await?;
    let mut search = Search::new(door, wanted, size);
    let (mut orders, mut looked_at) = (Vec::new(), 0);
    while search.size > 0 && looked_at < LOOKED_AT_MAX && places.iter().any(|place| *place != Place::Done) {
        let (hits, next) = search.page(places).await?;
        looked_at += hits.len().max(1);
        places = next;
        orders.extend(hits.iter().filter_map(|hit| shown(hit, &terms)));
        search.size = size - orders.len();
    }
    Ok(proto::FindReturnableResponse { orders, next_page_token: Place::sealed(&kind, &places) })
}

fn wanted(fields: &mut Fields, seal: &Seal, by: Option<&By>) -> Option<Filter> {
    match by {
        Some(By::Receipt(number)) => {
            let number = fields.check("receipt", ExternalNumber::new(number))?;
            Some(Filter { number: Some(number), ..Filter::default() })
        }
        Some(By::CustomerId(id)) => {
            let customer = fields.check("customer_id", CustomerRef::new(id))?;
            Some(Filter { lookups: vec![by_customer(seal, &customer)], ..Filter::default() })
        }
        Some(By::MemberCard(card)) => {
            check_card(fields, "member_card", card);
            if card.is_empty() {
                fields.wrong("member_card", "is empty");
            }
            Some(Filter { lookups: vec![by_card(seal, card)], ..Filter::default() })
        }
        None => {
            fields.wrong("receipt", "or customer_id or member_card must be given");
            None
        }
    }
}

fn shown(hit: &Hit, terms: &ReturnTerms) -> Option<proto::ReturnableOrder> {
    let content = hit.order.content(&hit.opening);
    let lines: Vec<_> =
        returnable(content, &hit.order, terms).iter().map(|some| line(content, some)).collect();
    if lines.is_empty() {
        return None;
    }
    Some(proto::ReturnableOrder {
        order_id: hit.id.to_string(),
        revision: hit.order.revision,
        channel: content.channel.to_string(),
        external_order_number: content.external.to_string(),
        place_time: Some(to_proto::time(content.placed_at)),
        lines,
    })
}

fn line(content: &OrderContent, some: &Returnable) -> proto::ReturnableLine {
    let currency = content.amounts.currency;
    let ordered = content.line(some.line);
    proto::ReturnableLine {
        line_number: some.line.0.into(),
        sku: ordered.map(|line| line.sku.to_string()).unwrap_or_default(),
        returnable: some.units.as_i64(),
        quantity_scale: ordered.map_or(0, |line| line.scale.into()),
        next_unit: Some(to_proto::money(currency, some.next_unit)),
        all_units: Some(to_proto::money(currency, some.all_units)),
        window_close_time: Some(to_proto::time(some.closes_at)),
    }
}
