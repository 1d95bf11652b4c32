//! FindOrders as a filter.

use super::person::{
    by_card, by_customer, by_email, by_phone, by_social, by_word, check_card, check_email, check_phone,
    check_social,
};
use super::values::{id_or_none, range};
use std::collections::BTreeSet;
use waybill_orders::Status;
use waybill_orders::content::{Lookup, Requested};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{Fields, Seal, names};
use waybill_types::policy::HoldCode;
use waybill_types::{Channel, CustomerRef, ExternalNumber, NodeId, Sku};

/// What to find; all given must hold.
#[derive(Clone, Default)]
pub(crate) struct Filter {
    pub(crate) number: Option<ExternalNumber>,
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) sku: Option<Sku>,
    pub(crate) statuses: BTreeSet<Status>,
    pub(crate) channel: Option<Channel>,
    pub(crate) placed: Requested,
    /// Words of a name, as they are looked for; personal data.
    pub(crate) words: Vec<String>,
    /// What those but the first are indexed by, where all words of a person are.
    pub(crate) other_words: Vec<Lookup>,
    pub(crate) node: Option<NodeId>,
    pub(crate) hold: Option<HoldCode>,
}

impl std::fmt::Debug for Filter {
    /// For tying a page's token to its search: without the words, whose digests stand among the lookups.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, lookups, sku, statuses, channel, placed, words, other_words: _, node, hold } =
            self;
        let words = words.len();
        write!(
            f,
            "{number:?} {lookups:?} {sku:?} {statuses:?} {channel:?} {placed:?} {words} {node:?} {hold:?}"
        )
    }
}

/// Checks the filters of a request.
pub(crate) fn filter(fields: &mut Fields, seal: &Seal, given: &proto::FindOrdersRequest) -> Option<Filter> {
    let number = id_or_none(fields, "external_order_number", &given.external_order_number, |text| {
        ExternalNumber::new(text)
    });
    check_phone(fields, "phone", &given.phone);
    check_email(fields, "email", &given.email);
    check_card(fields, "member_card", &given.member_card);
    check_social(fields, "social_id", &given.social_id);
    let words = words(fields, &given.name_prefix);
    let node = id_or_none(fields, "node_id", &given.node_id, |text| NodeId::new(text));
    let hold = id_or_none(fields, "hold_type", &given.hold_type, |text| HoldCode::new(text));
    let customer = id_or_none(fields, "customer_id", &given.customer_id, |text| CustomerRef::new(text));
    let sku = id_or_none(fields, "sku", &given.sku, |text| Sku::new(text));
    let channel = id_or_none(fields, "channel", &given.channel, |text| Channel::new(text));
    let statuses = statuses(fields, &given.statuses);
    let placed = range(fields, "placed", given.placed.as_ref());
    let words = words?;
    // The first one is searched by, so those that fewer people share come first.
    let mut lookups = Vec::new();
    if !given.member_card.is_empty() {
        lookups.push(by_card(seal, &given.member_card));
    }
    if !given.social_id.is_empty() {
        lookups.push(by_social(seal, &given.social_id));
    }
    lookups.extend(customer.clone().flatten().map(|customer| by_customer(seal, &customer)));
    if !given.email.is_empty() {
        lookups.push(by_email(seal, &given.email));
    }
    if !given.phone.is_empty() {
        lookups.push(by_phone(seal, &given.phone));
    }
    lookups.extend(words.iter().take(1).map(|word| by_word(seal, word)));
    let other_words = words.iter().skip(1).map(|word| by_word(seal, word)).collect();
    let filter = Filter {
        number: number?,
        lookups,
        sku: sku?,
        statuses: statuses?,
        channel: channel?,
        placed: placed?.unwrap_or_default(),
        words,
        other_words,
        node: node?,
        hold: hold?,
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
        let Self { number, lookups, sku, statuses, channel, placed, words, other_words: _, node, hold } =
            self;
        let keys = number.is_none() && lookups.is_empty() && words.is_empty() && sku.is_none();
        let places = channel.is_none() && node.is_none() && hold.is_none();
        keys && places && statuses.is_empty() && *placed == Requested::default()
    }
}

/// The words of a name to look for, the longest first. Only the words of the first names of a person are indexed, so
/// one word is searched by and all are compared.
fn words(fields: &mut Fields, given: &str) -> Option<Vec<String>> {
    const CHARACTERS_MAX: usize = 100;
    if given.is_empty() {
        return Some(Vec::new());
    }
    if given.chars().count() > CHARACTERS_MAX || given.chars().any(char::is_control) {
        let what = format!("must have at most {CHARACTERS_MAX} characters, none of them for control");
        fields.wrong("name_prefix", what);
        return None;
    }
    let mut words = names::words(given);
    if words.is_empty() {
        fields.wrong("name_prefix", "has no letters");
        return None;
    }
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    Some(words)
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
