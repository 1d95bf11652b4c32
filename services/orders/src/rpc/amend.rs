//! AmendOrder and DecideAmendment: put to the order's partition, then waited for until the amendment is over.

use crate::door::{Inner, Standing};
use crate::error::{NotDone, undecodable};
use crate::from_proto::amend::{Asked, Decided, PersonChange, Wanted};
use crate::from_proto::person::lookups;
use crate::rpc::foresee;
use crate::{from_proto, to_proto};
use std::time::Duration;
use tonic::Status;
use waybill_machine::Content;
use waybill_orders::command::{Amend, Recipient};
use waybill_orders::history::replay;
use waybill_orders::order::{Amendment, AmendmentWait, Order};
use waybill_orders::{Answer, Command};
use waybill_proto::orders::v1 as proto;
use waybill_replica::{Accepted, Token};
use waybill_service_kit::{Caller, DoorError, OpenedPerson, Person, Write, status};
use waybill_types::{OrderId, Sealed, SubjectKey};

/// How long a call waits that does not say, in milliseconds.
const WAIT_MS: u64 = 5_000;

pub(crate) async fn amend(
    door: &Inner,
    caller: Caller,
    message: proto::AmendOrderRequest,
) -> Result<proto::AmendOrderResponse, Status> {
    let standing = match message.order_id.parse() {
        Ok(id) => door.order(id).await?,
        // Refused below, together with every other fault.
        Err(_) => None,
    };
    let known = standing.as_ref().map(|(opening, order)| order.content(opening));
    let Asked { request, reason, wanted, wait_ms } = from_proto::amend::amend(&door.seal, &message, known)?;
    let Wanted { order: id, expected_revision, changes, person, content } = wanted;
    let standing = standing.ok_or_else(|| Inner::unknown(id))?;
    let Receiver { recipient, person } = recipient(door, id, &standing, &person, Sealing::InEarnest)?;
    let mut amend = Amend { order: id, expected_revision, changes, recipient, unserved: None };
    amend.unserved = foresee::amendment(door, &caller, &amend, person).await?;
    let target = format!("amendment of order {id}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    let names = from_proto::renamed::names(&message.changes);
    let renamed = |refusal| from_proto::renamed::renamed(refusal, &names);
    let accepted = door.change_as(id, write, Command::Amend(Box::new(amend)), renamed).await?;
    let (order, amendment, token) = outcome(door, id, accepted, wait_ms).await?;
    Ok(proto::AmendOrderResponse {
        order_id: id.to_string(),
        revision: order.revision,
        amendment: Some(to_proto::amendment::amendment(&amendment)),
        status: to_proto::status(waybill_orders::status(&order)).into(),
        token: token.to_string(),
    })
}

pub(crate) async fn decide(
    door: &Inner,
    caller: Caller,
    message: proto::DecideAmendmentRequest,
) -> Result<proto::DecideAmendmentResponse, Status> {
    let Decided { request, reason, order: id, amendment, approve, wait_ms } =
        from_proto::amend::decide(&message)?;
    caller.must_be_operator("decide amendments")?;
    if !door.is_here(id) {
        return Err(Inner::unknown(id));
    }
    if approve {
        foresee::approval(door, &caller, id, amendment).await?;
    }
    let target = format!("decision on amendment {amendment} of order {id}").into_bytes();
    let content = Content::new().with("approve", &approve);
    let write = Write { caller, request, reason, target, content };
    let command = Command::DecideAmendment { order: id, amendment, approve };
    let accepted = door.change(id, write, command).await?;
    let (order, amendment, token) = outcome(door, id, accepted, wait_ms).await?;
    Ok(proto::DecideAmendmentResponse {
        order_id: id.to_string(),
        revision: order.revision,
        amendment: Some(to_proto::amendment::amendment(&amendment)),
        token: token.to_string(),
    })
}

/// Whether what is sealed is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sealing {
    /// It is.
    InEarnest,
    /// Only looked at: no key is taken.
    ForAPreview,
}

/// Who receives the order as it shall be.
pub(crate) struct Receiver {
    /// For the command, where something personal changes.
    pub(crate) recipient: Option<Recipient>,
    /// In plain, where it had to be opened.
    pub(crate) person: Option<Person>,
}

/// Puts what changes into the order's person and seals it under the order's own key, so that erasing that key erases
/// every version.
pub(crate) fn recipient(
    door: &Inner,
    id: OrderId,
    (opening, order): &Standing,
    change: &PersonChange,
    sealing: Sealing,
) -> Result<Receiver, Status> {
    if change.is_nothing() && change.ships.is_none() {
        return Ok(Receiver { recipient: None, person: None });
    }
    let content = order.content(opening);
    let erased = || status(&NotDone::Erased { order: id });
    if order.erased {
        return Err(erased());
    }
    let before = match &content.recipient {
        None => Person::default(),
        Some(sealed) => match door.seal.open(sealed)? {
            OpenedPerson::Known(person) => *person,
            OpenedPerson::Erased => return Err(erased()),
        },
    };
    let person = change.of(before);
    if let (Some(at), None) = (&change.ships, &person.address) {
        return Err(
            DoorError::field(at, "is sent home, and the order has no address; set_ship_to too").into()
        );
    }
    if change.is_nothing() {
        return Ok(Receiver { recipient: None, person: Some(person) });
    }
    let (subject, sealed) = match (sealing, content.subject) {
        (Sealing::InEarnest, Some(key)) => (key, door.seal.reseal(key, &person)?.ok_or_else(erased)?),
        (Sealing::InEarnest, None) => door.seal.seal(&person)?,
        (Sealing::ForAPreview, key) => (key.unwrap_or(SubjectKey(0)), Sealed(Vec::new())),
    };
    let lookups = lookups(&door.seal, Some(&person), content.customer.as_ref());
    Ok(Receiver { recipient: Some(Recipient { subject, sealed, lookups }), person: Some(person) })
}

/// Waits until the amendment is over, but no longer than asked, and not at all for somebody's approval, which takes as
/// long as it takes.
async fn outcome(
    door: &Inner,
    id: OrderId,
    accepted: Accepted<Answer>,
    wait_ms: u64,
) -> Result<(Order, Amendment, Token), Status> {
    let Answer::Amended { amendment: number, .. } = accepted.answer else {
        return Err(Inner::unexpected("an amendment", &accepted.answer));
    };
    let wait_ms = if wait_ms == 0 { WAIT_MS } else { wait_ms };
    let deadline = tokio::time::sleep(Duration::from_millis(wait_ms));
    tokio::pin!(deadline);
    let mut place = door.ears.changed.enter(id);
    loop {
        let (_, order) = door.order(id).await?.ok_or_else(|| Inner::unknown(id))?;
        let Some(amendment) = order.amendments.iter().find(|some| some.number == number).cloned() else {
            let amendment = long_ago(door, id, number).await?;
            return Ok((Order::clone(&order), amendment, accepted.token));
        };
        let waits = amendment.pending().is_some_and(|pending| pending.waits != AmendmentWait::Approval);
        if waits {
            tokio::select! {
                () = place.woken() => continue,
                () = &mut deadline => {}
            }
        }
        return Ok((Order::clone(&order), amendment, accepted.token));
    }
}

/// An amendment that is so long over that only the order's history still has it.
async fn long_ago(door: &Inner, id: OrderId, number: u32) -> Result<Amendment, Status> {
    let stored = door.read(id.partition(), move |state| state.stored_history(id)).await?;
    let stored = stored.ok_or_else(|| Inner::unknown(id))?;
    let history = stored.entries().map_err(|error| undecodable(&error))?;
    let mut last = None;
    replay(id, &history, |_, order| {
        let found = order.amendments.iter().find(|amendment| amendment.number == number);
        last = found.cloned().or(last.take());
    });
    let missing = || DoorError::Bug { what: format!("order {id} never had amendment {number}") };
    last.ok_or_else(|| missing().into())
}
