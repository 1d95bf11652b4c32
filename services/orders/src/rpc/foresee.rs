//! Whether a change could be carried out as things stand: the planner is asked before any node's work is called back. It
//! changes nothing and promises nothing: what is there now may be gone when the units have come back.

use crate::door::Inner;
use crate::effects::{destination, request, ships};
use tonic::Status;
use waybill_machine::{Context, Position};
use waybill_orders::command::Amend;
use waybill_orders::order::Unserved;
use waybill_orders::refusal::ChangeRefusal;
use waybill_orders::{Needs, OrdersState, PlanQuestion, Refusal, needs_once_approved, preview};
use waybill_service_kit::{Caller, DoorError, OpenedPerson, Person, PlannerError, failed, status};
use waybill_types::exchange::Plan;
use waybill_types::{OrderId, Reason};

/// What an amendment that is about to be put to its partition would fail for. One that is refused anyway, or was taken
/// already, is the partition's to answer.
///
/// # Errors
/// UNAVAILABLE without a planner. Nothing has happened.
pub(crate) async fn amendment(
    door: &Inner,
    caller: &Caller,
    amend: &Amend,
    person: Option<Person>,
) -> Result<Option<Unserved>, Status> {
    let (order, asked) = (amend.order, amend.clone());
    let needs = look(door, caller, order, move |state, cx| {
        let seen = preview(state, &asked, cx).ok()?;
        seen.needs_pricing.is_empty().then_some(seen.needs)
    });
    unserved(door, needs.await?, person).await
}

/// Checks an amendment that somebody is about to say yes to.
///
/// # Errors
/// `AMENDMENT_UNSERVED`, UNAVAILABLE without a planner; the amendment goes on waiting.
pub(crate) async fn approval(
    door: &Inner,
    caller: &Caller,
    order: OrderId,
    number: u32,
) -> Result<(), Status> {
    let needs = look(door, caller, order, move |state, cx| needs_once_approved(state, order, number, cx));
    match unserved(door, needs.await?, None).await? {
        Some(why) => Err(status(&Refusal::from(ChangeRefusal::Unserved { order, why }))),
        None => Ok(()),
    }
}

async fn look(
    door: &Inner,
    caller: &Caller,
    order: OrderId,
    look: impl FnOnce(&OrdersState, &Context<'_>) -> Option<Needs> + Send + 'static,
) -> Result<Option<Needs>, Status> {
    let (partition, layout, origin) = (order.partition(), door.layout, caller.origin(Reason::default()));
    let found = door.partition(partition)?.read(move |state, at| {
        let position = Position { sequence: 0, index: 0 };
        look(state, &Context { at, origin: &origin, partition, layout, position })
    });
    found.await.map_err(|failure| failed(&failure))
}

async fn unserved(
    door: &Inner,
    needs: Option<Needs>,
    person: Option<Person>,
) -> Result<Option<Unserved>, Status> {
    let Some(needs) = needs.filter(Needs::are_asked_first) else { return Ok(None) };
    let Some(question) = &needs.question else { return Ok(None) };
    let plan = plan(door, question, person).await?;
    Ok(needs.fails_for(&needs.unserved(plan.as_ref())).filter(|why| needs.is_refused_first(why)))
}

/// Asks the planner; `None` when it can never plan this.
pub(crate) async fn plan(
    door: &Inner,
    question: &PlanQuestion,
    person: Option<Person>,
) -> Result<Option<Plan>, Status> {
    let place = match person {
        _ if !ships(question) => None,
        Some(person) => destination(&person),
        None => match &question.recipient {
            Some(sealed) => match door.seal.open(sealed)? {
                OpenedPerson::Known(person) => destination(&person),
                OpenedPerson::Erased => None,
            },
            None => None,
        },
    };
    if ships(question) && place.is_none() {
        return Ok(None);
    }
    match door.planner.plan(&request(question, place, door.clock.now())).await {
        Ok(plan) => Ok(Some(plan)),
        Err(PlannerError::Malformed(_)) => Ok(None),
        Err(PlannerError::Unavailable(why)) => Err(DoorError::Unavailable { what: why }.into()),
    }
}
