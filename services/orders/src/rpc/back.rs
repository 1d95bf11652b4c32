//! Returns: requested, decided, received, closed, read. Where goods lie at a node, it must be one that takes goods back.

use crate::door::{Inner, Standing};
use crate::error::NotDone;
use crate::from_proto::back::{About, Asked};
use crate::{from_proto, to_proto};
use tonic::Status;
use waybill_orders::refusal::ChangeRefusal;
use waybill_orders::{Answer, Command, Refusal};
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_replica::Accepted;
use waybill_service_kit::{Caller, Fields, TakesBack, Write, status};
use waybill_types::{NodeId, ReturnId};

pub(crate) async fn create(
    door: &Inner,
    caller: Caller,
    message: proto::CreateReturnRequest,
) -> Result<proto::CreateReturnResponse, Status> {
    let standing = match message.order_id.parse() {
        Ok(id) => door.order(id).await?,
        // Refused below, together with every other fault.
        Err(_) => None,
    };
    let known = standing.as_ref().map(|(opening, order)| order.content(opening));
    let Asked { request, reason, back, content } = from_proto::back::create(&message, known)?;
    if back.beyond_window {
        caller.must_be_operator("take goods back after the return window")?;
    }
    let id = back.order;
    if standing.is_none() {
        return Err(Inner::unknown(id));
    }
    if let Some(received) = &back.received {
        must_take_back(door, &received.node).await?;
    }
    let target = format!("return of order {id}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    let accepted = door.change(id, write, Command::RequestReturn(Box::new(back))).await?;
    let told = told(door, accepted).await?;
    Ok(proto::CreateReturnResponse {
        r#return: Some(told.back),
        refund: Some(told.refund),
        revision: told.revision,
        token: told.token,
    })
}

pub(crate) async fn decide(
    door: &Inner,
    caller: Caller,
    message: proto::DecideReturnRequest,
) -> Result<proto::DecideReturnResponse, Status> {
    let about = from_proto::back::decide(&message)?;
    caller.must_be_operator("decide returns")?;
    let (id, authorise) = (about.id, about.what);
    let told = change(door, caller, "decision", about, Command::DecideReturn { id, authorise }).await?;
    Ok(proto::DecideReturnResponse { r#return: Some(told.back), token: told.token })
}

pub(crate) async fn receive(
    door: &Inner,
    caller: Caller,
    message: proto::ReceiveReturnRequest,
) -> Result<proto::ReceiveReturnResponse, Status> {
    let about = from_proto::back::receive(&message)?;
    let (id, received) = (about.id, about.what.clone());
    known(door, id).await?;
    must_take_back(door, &received.node).await?;
    let told = change(door, caller, "goods", about, Command::ReceiveReturn { id, received }).await?;
    Ok(proto::ReceiveReturnResponse {
        r#return: Some(told.back),
        refund: Some(told.refund),
        revision: told.revision,
        token: told.token,
    })
}

pub(crate) async fn close(
    door: &Inner,
    caller: Caller,
    message: proto::CloseReturnRequest,
) -> Result<proto::CloseReturnResponse, Status> {
    let about = from_proto::back::close(&message)?;
    let id = about.id;
    let told = change(door, caller, "end", about, Command::CloseReturn { id }).await?;
    Ok(proto::CloseReturnResponse { r#return: Some(told.back), token: told.token })
}

pub(crate) async fn get(
    door: &Inner,
    message: proto::GetReturnRequest,
) -> Result<proto::GetReturnResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.check("return_id", message.return_id.parse::<ReturnId>());
    door.after(&mut fields, &message.after);
    let id = fields.finish(id)?;
    let standing = known(door, id).await?;
    Ok(proto::GetReturnResponse { r#return: Some(shown(id, &standing)?) })
}

/// The order of a return that there is.
async fn known(door: &Inner, id: ReturnId) -> Result<Standing, Status> {
    let found = door.order(id.order).await?;
    let found = found.filter(|(_, order)| order.return_numbered(id.number).is_some());
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: ReturnId) -> Status {
    status(&Refusal::from(ChangeRefusal::UnknownReturn(id)))
}

fn shown(id: ReturnId, (opening, order): &Standing) -> Result<proto::Return, Status> {
    let currency = order.content(opening).amounts.currency;
    let back = order.return_numbered(id.number).ok_or_else(|| unknown(id))?;
    Ok(to_proto::back::back(id.order, currency, back))
}

/// What a caller is told of a return that has changed.
struct Told {
    back: proto::Return,
    refund: common::Money,
    revision: u64,
    token: String,
}

async fn change<T>(
    door: &Inner,
    caller: Caller,
    what: &str,
    about: About<T>,
    command: Command,
) -> Result<Told, Status> {
    let About { request, reason, id, what: _, content } = about;
    if !door.is_here(id.order) {
        return Err(unknown(id));
    }
    let target = format!("{what} of return {id}").into_bytes();
    let write = Write { caller, request, reason, target, content };
    told(door, door.change(id.order, write, command).await?).await
}

async fn told(door: &Inner, accepted: Accepted<Answer>) -> Result<Told, Status> {
    let Answer::Returning { id, revision, refund } = accepted.answer else {
        return Err(Inner::unexpected("a return", &accepted.answer));
    };
    let standing = known(door, id).await?;
    let currency = standing.1.content(&standing.0).amounts.currency;
    Ok(Told {
        back: shown(id, &standing)?,
        refund: to_proto::money(currency, refund),
        revision,
        token: accepted.token.to_string(),
    })
}

async fn must_take_back(door: &Inner, node: &NodeId) -> Result<(), Status> {
    match door.nodes.takes_back(node).await? {
        TakesBack::Yes => Ok(()),
        TakesBack::No => Err(status(&NotDone::NodeRefusesReturns(node.clone()))),
        TakesBack::Unknown => Err(status(&NotDone::NodeUnknown(node.clone()))),
    }
}
