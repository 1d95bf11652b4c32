//! EraseSubject: destroys keys in the vault and marks the orders, so that what is left says that it happened. A retry
//! goes on where the first call stopped and is told the same number.

use super::may_erase;
use crate::door::Inner;
use crate::error::undecodable;
use crate::from_proto::person::{
    by_card, by_customer, by_email, by_phone, by_social, check_card, check_email, check_phone, check_social,
};
use std::collections::BTreeSet;
use tonic::Status;
use waybill_machine::{Content, Undecodable};
use waybill_orders::content::Lookup;
use waybill_orders::{Answer, Command, OrdersState, What};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::erase_subject_request::Subject;
use waybill_service_kit::{Caller, DoorError, Fields, Seal, Write};
use waybill_types::{CustomerRef, ExternalNumber, OrderId, SubjectKey};

/// Of whom, checked.
#[derive(Clone, Copy)]
enum Whose {
    Order(OrderId),
    Everything(Lookup),
}

/// An order whose personal data is there, and its keys: one, but for an order that had nobody when it was placed.
struct Known {
    order: OrderId,
    keys: BTreeSet<SubjectKey>,
    /// It had nobody when it was placed, so that an amendment may bring a new key.
    had_nobody: bool,
}

pub(crate) async fn erase(
    door: &Inner,
    caller: Caller,
    message: proto::EraseSubjectRequest,
) -> Result<proto::EraseSubjectResponse, Status> {
    let mut fields = Fields::new();
    let request = fields.request_id(&message.request_id);
    let reason = fields.reason(&message.reason);
    let whose = whose(&mut fields, &door.seal, message.subject.as_ref());
    let (request, (reason, whose)) = fields.finish(request.zip(reason.zip(whose)))?;
    may_erase(&caller)?;
    let known = match whose {
        Whose::Order(order) => vec![of_order(door, order).await?],
        Whose::Everything(lookup) => everywhere(door, lookup).await?,
    };
    let known: Vec<Known> = known.into_iter().flatten().collect();
    let content = match whose {
        Whose::Order(order) => Content::new().with("order_id", &order),
        Whose::Everything(lookup) => Content::new().with("subject", &lookup),
    };
    // Any partition may keep the answer, so long as a retry finds it.
    let number = ExternalNumber::new(request.as_str()).map_err(|e| DoorError::malformed("request_id", &e))?;
    let home = match whose {
        Whose::Order(order) => order.partition(),
        Whose::Everything(_) => door.layout.order_home(&caller.channel, &number),
    };
    let origin = caller.origin(reason.clone());
    let write = Write { caller, request, reason, target: b"erasure".to_vec(), content };
    let begun = door.write(home, write, Command::BeginErasure { orders: known.len() as u64 }).await?;
    let Answer::Erasing { orders } = begun.answer else {
        return Err(Inner::unexpected("an erasure", &begun.answer));
    };
    let mut token = begun.token;
    for Known { order, keys: found, had_nobody } in known {
        for key in found {
            destroy(door, key).await?;
        }
        token = door.submit(order.partition(), origin.clone(), Command::EraseSubject(order)).await?.token;
        if had_nobody {
            // One that came between looking and marking; now that it is marked none comes any more.
            let late = door.read(order.partition(), move |state| keys(state, order)).await?;
            for key in late.map_err(|error| undecodable(&error))? {
                destroy(door, key).await?;
            }
        }
    }
    Ok(proto::EraseSubjectResponse { order_count: orders, token: token.to_string() })
}

fn whose(fields: &mut Fields, seal: &Seal, subject: Option<&Subject>) -> Option<Whose> {
    match subject {
        Some(Subject::OrderId(id)) => fields.check("order_id", id.parse()).map(Whose::Order),
        Some(Subject::CustomerId(id)) => {
            let customer = fields.check("customer_id", CustomerRef::new(id))?;
            Some(Whose::Everything(by_customer(seal, &customer)))
        }
        Some(Subject::Email(email)) => {
            check_email(fields, "email", email);
            check_given(fields, "email", email);
            Some(Whose::Everything(by_email(seal, email)))
        }
        Some(Subject::Phone(phone)) => {
            check_phone(fields, "phone", phone);
            check_given(fields, "phone", phone);
            Some(Whose::Everything(by_phone(seal, phone)))
        }
        Some(Subject::MemberCard(card)) => {
            check_card(fields, "member_card", card);
            check_given(fields, "member_card", card);
            Some(Whose::Everything(by_card(seal, card)))
        }
        Some(Subject::SocialId(id)) => {
            check_social(fields, "social_id", id);
            check_given(fields, "social_id", id);
            Some(Whose::Everything(by_social(seal, id)))
        }
        None => {
            fields.wrong("order_id", "or another subject must be given");
            None
        }
    }
}

fn check_given(fields: &mut Fields, field: &str, text: &str) {
    if text.is_empty() {
        fields.wrong(field, "is empty");
    }
}

/// The vault writes to disk: not on a task that serves others.
async fn destroy(door: &Inner, key: SubjectKey) -> Result<(), Status> {
    let seal = door.seal.clone();
    match tokio::task::spawn_blocking(move || seal.erase(key)).await {
        Ok(erased) => Ok(erased?),
        Err(error) => Err(DoorError::Bug { what: error.to_string() }.into()),
    }
}

async fn of_order(door: &Inner, order: OrderId) -> Result<Option<Known>, Status> {
    if !door.is_here(order) {
        return Err(Inner::unknown(order));
    }
    let found = door.read(order.partition(), move |state| Some((known(state, order)?,)));
    let (found,) = found.await?.ok_or_else(|| Inner::unknown(order))?;
    found.map_err(|error| undecodable(&error))
}

/// Every order that is found by `lookup` and not erased yet.
async fn everywhere(door: &Inner, lookup: Lookup) -> Result<Vec<Option<Known>>, Status> {
    const ROWS: usize = 256;
    let mut known_ones = Vec::new();
    for partition in door.everywhere() {
        let mut before = None;
        loop {
            let page = door.read(partition, move |state| {
                let ids = state.by_lookup(lookup.kind, lookup.digest, before, ROWS);
                ids.into_iter().filter_map(|id| Some((id, known(state, id)?))).collect::<Vec<_>>()
            });
            let page = page.await?;
            let ended = page.len() < ROWS;
            before = page.last().map(|(id, _)| *id);
            for (_, found) in page {
                known_ones.push(found.map_err(|error| undecodable(&error))?);
            }
            if ended {
                break;
            }
        }
    }
    Ok(known_ones)
}

/// The order with every key that ever sealed its people; `Some(Ok(None))` when it is erased already, `None` where there is
/// no such order.
fn known(state: &OrdersState, id: OrderId) -> Option<Result<Option<Known>, Undecodable>> {
    let (opening, order) = state.order(id)?;
    if order.erased {
        return Some(Ok(None));
    }
    let had_nobody = opening.content().subject.is_none();
    Some(keys(state, id).map(|keys| Some(Known { order: id, keys, had_nobody })))
}

/// Every key that ever sealed the order's people. Every version is sealed under the order's own key; an order that had
/// none got one with its first address, and another with each that was refused.
fn keys(state: &OrdersState, id: OrderId) -> Result<BTreeSet<SubjectKey>, Undecodable> {
    let Some((opening, order)) = state.order(id) else { return Ok(BTreeSet::new()) };
    let own = opening.content().subject;
    if own.is_some() || order.last_amendment == 0 {
        return Ok(own.into_iter().collect());
    }
    let history = state.history(id).unwrap_or(Ok(Vec::new()))?;
    let started = history.iter().filter_map(|entry| match &entry.what {
        What::AmendmentStarted(started) => started.pending.proposed.subject,
        _ => None,
    });
    Ok(started.collect())
}
