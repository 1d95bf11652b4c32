//! What becomes of a reservation: committed, released, consumed, read. Its home decides while it is a hold; once it is
//! committed each partition decides about its own units, and this file puts their answers together.

use crate::door::Shared;
use crate::error::{refused, unexpected, unknown_reservation};
use crate::from_proto::reservation::{id as reservation_id, some_lines};
use crate::to_proto;
use futures::future::{join_all, try_join_all};
use std::collections::BTreeMap;
use tonic::Status;
use waybill_inventory::{
    Answer, Command, Inventory, Refusal, ReservationLine, ReservationState, ReservationView, read,
};
use waybill_machine::{Content, Machine};
use waybill_proto::inventory::v1 as proto;
use waybill_replica::{Accepted, Failure, Token};
use waybill_service_kit::{Caller, DoorError, Fields, Write, failed};
use waybill_types::exchange::Claim;
use waybill_types::{OrderId, PartitionId, Quantity, Reason, RequestId, ReservationId};

/// What every partition knows of a reservation, home first. Empty when none knows it.
pub(crate) async fn gather(
    door: &Shared,
    id: ReservationId,
) -> Result<Vec<(PartitionId, ReservationView)>, Status> {
    let home = id.home();
    let at_home = door.read(home, move |state| read::reservation(state, id)).await?;
    // Home forgets a committed reservation when its own units are gone; other parts may still be there.
    let others: Vec<PartitionId> = match &at_home {
        Some(view) => door.all().filter(|p| *p != home && view.chain.contains(&p.index)).collect(),
        None => door.all().filter(|p| *p != home).collect(),
    };
    let reads = others.iter().map(|part| door.read(*part, move |state| read::reservation(state, id)));
    let found = try_join_all(reads).await?;
    let parts = others.into_iter().zip(found).filter_map(|(part, view)| view.map(|view| (part, view)));
    Ok(at_home.map(|view| (home, view)).into_iter().chain(parts).collect())
}

/// One view of what several partitions know. The first decides about the whole.
pub(crate) fn merged(views: Vec<ReservationView>) -> Option<ReservationView> {
    let mut views = views.into_iter();
    let mut whole = views.next()?;
    let mut live = is_live(whole.state);
    let mut state = whole.state;
    for view in views {
        whole.lines.extend(view.lines);
        whole.revision += view.revision;
        whole.order = whole.order.or(view.order);
        whole.created_at = whole.created_at.min(view.created_at).or(view.created_at);
        if is_live(view.state) && !live {
            (state, live) = (view.state, true);
        } else if !live && view.state == ReservationState::Consumed {
            state = ReservationState::Consumed;
        }
    }
    whole.state = state;
    whole.elsewhere.clear();
    Some(whole)
}

fn is_live(state: ReservationState) -> bool {
    match state {
        ReservationState::Undecided | ReservationState::Held | ReservationState::Committed => true,
        ReservationState::Consumed | ReservationState::Released => false,
    }
}

pub(crate) async fn get(
    door: &Shared,
    message: &proto::GetReservationRequest,
) -> Result<proto::GetReservationResponse, Status> {
    let mut fields = Fields::new();
    let id = reservation_id(&mut fields, &message.reservation_id, &door.layout);
    door.own_token(&mut fields, &message.after);
    let id = fields.finish(id)?;
    let views = gather(door, id).await?.into_iter().map(|(_, view)| view).collect();
    let view = merged(views).ok_or_else(|| unknown_reservation(id))?;
    Ok(proto::GetReservationResponse { reservation: Some(to_proto::reservation(&view)) })
}

pub(crate) async fn commit(
    door: &Shared,
    caller: Caller,
    message: proto::CommitStockHoldRequest,
) -> Result<proto::CommitStockHoldResponse, Status> {
    let mut fields = Fields::new();
    let (request, reason) = (fields.request_id(&message.request_id), fields.reason(&message.reason));
    let id = reservation_id(&mut fields, &message.reservation_id, &door.layout);
    if let Some(ReservationId::Order { .. }) = id {
        fields.wrong("reservation_id", "is an order's own reservation, which is committed already");
    }
    let order = fields.check("order_id", message.order_id.parse::<OrderId>());
    let ((request, reason), (id, order)) = fields.finish(request.zip(reason).zip(id.zip(order)))?;
    let content = Content::new().with("order_id", &order);
    let write = Write { caller, request, reason, target: target(id), content };
    let accepted = door.submit(id.home(), &write, Command::CommitHold { id, order }).await?;
    let token = accepted.token.to_string();
    let mut views = vec![view_of(accepted)?];
    let others = gather(door, id).await?.into_iter().filter(|(part, _)| *part != id.home());
    views.extend(others.map(|(_, view)| view));
    let reservation = merged(views).map(|view| to_proto::reservation(&view));
    Ok(proto::CommitStockHoldResponse { reservation, token })
}

/// A release or consumption, parsed.
struct Units {
    id: ReservationId,
    claims: Option<Vec<Claim>>,
    write: Write,
}

fn units(
    door: &Shared,
    caller: Caller,
    head: (&str, &str),
    id: &str,
    lines: &[proto::StockQuantity],
) -> Result<Units, DoorError> {
    let mut fields = Fields::new();
    let (request, reason): (Option<RequestId>, Option<Reason>) =
        (fields.request_id(head.0), fields.reason(head.1));
    let id = reservation_id(&mut fields, id, &door.layout);
    let claims = some_lines(&mut fields, lines);
    let ((request, reason), (id, claims)) = fields.finish(request.zip(reason).zip(id.zip(claims)))?;
    let content = Content::new().with("lines", &claims);
    Ok(Units { id, claims, write: Write { caller, request, reason, target: target(id), content } })
}

fn target(id: ReservationId) -> Vec<u8> {
    format!("reservation\0{id}").into_bytes()
}

pub(crate) async fn release(
    door: &Shared,
    caller: Caller,
    message: proto::ReleaseReservationRequest,
) -> Result<proto::ReleaseReservationResponse, Status> {
    let head = (message.request_id.as_str(), message.reason.as_str());
    let Units { id, claims, write } = units(door, caller, head, &message.reservation_id, &message.lines)?;
    let before = gather(door, id).await?;
    let home = id.home();
    let home_decides = before.first().is_some_and(|(part, view)| {
        *part == home && matches!(view.state, ReservationState::Held | ReservationState::Undecided)
    });
    let (views, token) = if home_decides {
        let accepted = door.submit(home, &write, Command::Release { id, claims }).await?;
        let token = accepted.token;
        let after = view_of(accepted)?;
        if after.order.is_some() && after.state != ReservationState::Undecided {
            // It was committed in between: home gave its own units back, the other parts are asked for theirs.
            let others = before.iter().skip(1).map(|(part, _)| (*part, None)).collect();
            with_parts(door, &write, id, after, token, others).await?
        } else {
            (whole_after(after, &before), token)
        }
    } else {
        let parts = match &claims {
            Some(claims) => by_partition(door, claims.clone()),
            // Home is always asked: it answers a retry, and keeps an unknown id from coming to life.
            None => std::iter::once(home).chain(before.iter().map(|(p, _)| *p)).map(|p| (p, None)).collect(),
        };
        let command = |claims| Command::Release { id, claims };
        each_part(door, &write, parts, command).await?
    };
    let reservation = merged(views).map(|view| to_proto::reservation(&view));
    Ok(proto::ReleaseReservationResponse { reservation, token: token.to_string() })
}

pub(crate) async fn consume(
    door: &Shared,
    caller: Caller,
    message: proto::ConsumeReservationRequest,
) -> Result<proto::ConsumeReservationResponse, Status> {
    let head = (message.request_id.as_str(), message.reason.as_str());
    let Units { id, claims, write } = units(door, caller, head, &message.reservation_id, &message.lines)?;
    let before = gather(door, id).await?;
    let command = |claims| Command::Consume { id, claims };
    let (views, token) = match &claims {
        Some(claims) => each_part(door, &write, by_partition(door, claims.clone()), command).await?,
        None if before.is_empty() => retried(door, &write, id).await?,
        None => {
            let parts = before.iter().map(|(part, _)| (*part, None)).collect();
            each_part(door, &write, parts, command).await?
        }
    };
    let reservation = merged(views).map(|view| to_proto::reservation(&view));
    Ok(proto::ConsumeReservationResponse { reservation, token: token.to_string() })
}

/// The other parts' units of a reservation whose home has released its own already.
async fn with_parts(
    door: &Shared,
    write: &Write,
    id: ReservationId,
    home: ReservationView,
    token: Token,
    others: BTreeMap<PartitionId, Option<Vec<Claim>>>,
) -> Result<Views, Status> {
    if others.is_empty() {
        return Ok((vec![home], token));
    }
    let (mut views, _) = each_part(door, write, others, |claims| Command::Release { id, claims }).await?;
    views.insert(0, home);
    Ok((views, token))
}

fn by_partition(door: &Shared, claims: Vec<Claim>) -> BTreeMap<PartitionId, Option<Vec<Claim>>> {
    let mut parts: BTreeMap<PartitionId, Option<Vec<Claim>>> = BTreeMap::new();
    for claim in claims {
        let part = parts.entry(door.home_of(&claim.sku)).or_default();
        part.get_or_insert_default().push(claim);
    }
    parts
}

type Views = (Vec<ReservationView>, Token);

/// Puts a command to each part. A part that refuses fails the call; what the others did stands, and a retry with the
/// same request id finds it done.
async fn each_part(
    door: &Shared,
    write: &Write,
    parts: BTreeMap<PartitionId, Option<Vec<Claim>>>,
    command: impl Fn(Option<Vec<Claim>>) -> Command,
) -> Result<Views, Status> {
    let puts = parts.into_iter().map(|(part, claims)| door.put(part, write, command(claims)));
    let mut views = Vec::new();
    let mut token = None;
    let mut first_refusal = None;
    for accepted in join_all(puts).await {
        match accepted {
            Ok(accepted) => {
                token = Some(accepted.token);
                let view = view_of(accepted)?;
                // A part that never heard of it adds nothing, but an answer there must be.
                if view.revision > 0 || views.is_empty() {
                    views.push(view);
                }
            }
            Err(failure) => first_refusal = first_refusal.or(Some(failure)),
        }
    }
    match (first_refusal, token) {
        (Some(failure), _) => Err(failed(&failure)),
        (None, Some(token)) => {
            views.sort_by_key(|view| view.revision == 0);
            Ok((views, token))
        }
        (None, None) => Err(DoorError::Bug { what: "a command was put to no partition".into() }.into()),
    }
}

/// Nothing of it is live: only a retry of the call that ended it has an answer, wherever it is remembered.
async fn retried(door: &Shared, write: &Write, id: ReservationId) -> Result<Views, Status> {
    let puts = door.all().map(|part| door.put(part, write, Command::Consume { id, claims: None }));
    let mut views = Vec::new();
    let mut token = None;
    for accepted in join_all(puts).await {
        match accepted {
            Ok(accepted) => {
                token = Some(accepted.token);
                views.push(view_of(accepted)?);
            }
            Err(Failure::Refused(Refusal::UnknownReservation(_))) => {}
            Err(failure) => return Err(failed(&failure)),
        }
    }
    token.map(|token| (views, token)).ok_or_else(|| unknown_reservation(id))
}

/// The whole after home decided: its own view, and the other parts as they stood, which it has told.
fn whole_after(after: ReservationView, before: &[(PartitionId, ReservationView)]) -> Vec<ReservationView> {
    let mut views = vec![after.clone()];
    for (_, part) in before.iter().skip(1) {
        let mut part = part.clone();
        let ended = !is_live(after.state);
        part.lines.iter_mut().for_each(|line| {
            let left = after.elsewhere.iter().find(|claim| is_line(line, claim));
            let left =
                if ended { Quantity::ZERO } else { left.map_or(Quantity::ZERO, |claim| claim.quantity) };
            line.released = line.granted.saturating_sub(line.consumed).saturating_sub(left);
        });
        part.state = after.state;
        views.push(part);
    }
    views
}

fn is_line(line: &ReservationLine, claim: &Claim) -> bool {
    line.sku == claim.sku && line.owner == claim.owner && line.node == claim.node
}

pub(crate) fn view_of(accepted: Accepted<<Inventory as Machine>::Answer>) -> Result<ReservationView, Status> {
    match accepted.answer {
        Answer::Reservation(view) => Ok(view),
        other => Err(unexpected(&other)),
    }
}

/// The refusal of a reservation that was short.
pub(crate) fn short(refusal: Refusal) -> Status {
    refused(refusal)
}
