//! FindOrders as a filter.

use super::person::{by_customer, by_email, by_phone, check_email, check_phone};
use super::values::{id_or_none, range};
use std::collections::BTreeSet;
use waybill_orders::Status;
use waybill_orders::content::{Lookup, Requested};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{Fields, Seal};
use waybill_types::{Channel, CustomerRef, ExternalNumber, Sku};

/// What to find; all given must hold.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) number: Option<ExternalNumber>,
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) sku: Option<Sku>,
    pub(crate) statuses: BTreeSet<Status>,
    pub(crate) channel: Option<Channel>,
    pub(crate) placed: Requested,
}

/// Checks the filters of a request.
pub(crate) fn filter(fields: &mut Fields, seal: &Seal, given: &proto::FindOrdersRequest) -> Option<Filter> {
    let number = id_or_none(fields, "external_order_number", &given.external_order_number, |text| {
        ExternalNumber::new(text)
    });
    check_phone(fields, "phone", &given.phone);
    check_email(fields, "email", &given.email);
    let customer = id_or_none(fields, "customer_id", &given.customer_id, |text| CustomerRef::new(text));
    let sku = id_or_none(fields, "sku", &given.sku, |text| Sku::new(text));
    let channel = id_or_none(fields, "channel", &given.channel, |text| Channel::new(text));
    let statuses = statuses(fields, &given.statuses);
    let placed = range(fields, "placed", given.placed.as_ref());
    let mut lookups = Vec::new();
    if !given.phone.is_empty() {
        lookups.push(by_phone(seal, &given.phone));
    }
    if !given.email.is_empty() {
        lookups.push(by_email(seal, &given.email));
    }
    lookups.extend(customer.clone().flatten().map(|customer| by_customer(seal, &customer)));
    let filter = Filter {
        number: number?,
        lookups,
        sku: sku?,
        statuses: statuses?,
        channel: channel?,
        placed: placed?.unwrap_or_default(),
    };
    customer?;
    if filter.is_empty() {
        fields.wrong("external_order_number", "or any other filter must be given");
        return None;
    }
    Some(filter)
}

impl Filter {
    fn is_empty(&self) -> bool {
        let Self { number, lookups, sku, statuses, channel, placed } = self;
        let keys = number.is_none() && lookups.is_empty() && sku.is_none() && channel.is_none();
        keys && statuses.is_empty() && *placed == Requested::default()
    }
}

fn statuses(fields: &mut Fields, numbers: &[i32]) -> Option<BTreeSet<Status>> {
    let mut wanted = BTreeSet::new();
    for (index, number) in numbers.iter().enumerate() {
        match proto::OrderStatus::try_from(*number).ok().and_then(status) {
            Some(status) => {
                wanted.insert(status);
            }
            None => fields.wrong(format!("statuses[{index}]"), format!("is {number}, must be a status")),
        }
    }
    Some(wanted)
}

fn status(given: proto::OrderStatus) -> Option<Status> {
    Some(match given {
        proto::OrderStatus::Unspecified => return None,
        proto::OrderStatus::Pending => Status::Pending,
        proto::OrderStatus::Refused => Status::Refused,
        proto::OrderStatus::Open => Status::Open,
        proto::OrderStatus::Backordered => Status::Backordered,
        proto::OrderStatus::Reserved => Status::Reserved,
        proto::OrderStatus::Released => Status::Released,
        proto::OrderStatus::Picked => Status::Picked,
        proto::OrderStatus::PartiallyShipped => Status::PartiallyShipped,
        proto::OrderStatus::Shipped => Status::Shipped,
        proto::OrderStatus::PartiallyDelivered => Status::PartiallyDelivered,
        proto::OrderStatus::Delivered => Status::Delivered,
        proto::OrderStatus::Returned => Status::Returned,
        proto::OrderStatus::Cancelled => Status::Cancelled,
        proto::OrderStatus::Undelivered => Status::Undelivered,
    })
}
