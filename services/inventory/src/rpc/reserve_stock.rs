//! Reserving: one command at the home of the reservation; over several partitions the outcome is waited for.

use crate::door::Shared;
use crate::from_proto::reservation::{Asked, asked};
use crate::metrics as names;
use crate::rpc::reservations::{gather, merged, short, view_of};
use crate::to_proto;
use std::time::{Duration, Instant};
use tonic::Status;
use waybill_inventory::{Command, Refusal, ReservationState, ReservationView, read};
use waybill_machine::Content;
use waybill_proto::inventory::v1 as proto;
use waybill_replica::{Failure, Token};
use waybill_service_kit::{Caller, DoorError, Fields, Write, failed};
use waybill_types::exchange::{ReserveOutcome, ReserveRequest};
use waybill_types::{HoldId, PartitionId, Reason, RequestId, ReservationId};

/// The first pause before a contended reservation is tried again; each later one is twice as long.
const PAUSE_MS: u64 = 5;

/// A reservation on its way.
struct Call<'a> {
    door: &'a Shared,
    caller: Caller,
    request: RequestId,
    reason: Reason,
    asked: Asked,
    home: PartitionId,
}

/// What one try came to.
enum Tried {
    Made(ReservationView, Token),
    Contended(Refusal),
}

pub(crate) async fn reserve(
    door: &Shared,
    caller: Caller,
    message: proto::ReserveStockRequest,
) -> Result<proto::ReserveStockResponse, Status> {
    let mut fields = Fields::new();
    let (request, reason) = (fields.request_id(&message.request_id), fields.reason(&message.reason));
    let asked = asked(&mut fields, &message);
    let ((request, reason), asked) = fields.finish(request.zip(reason).zip(asked))?;
    let homes = asked.claims.iter().map(|claim| door.home_of(&claim.sku));
    let home = homes.min().ok_or_else(|| DoorError::Bug { what: "a reservation of nothing".into() })?;
    let call = Call { door, caller, request, reason, asked, home };
    let (mut view, token) = call.made().await?;
    in_order_asked(&mut view, &message.lines);
    Ok(proto::ReserveStockResponse {
        reservation: Some(to_proto::reservation(&view)),
        token: token.to_string(),
    })
}

impl Call<'_> {
    /// Tries until it is made or refused. Each try has a name of its own, so that a part of an earlier try that is
    /// still on its way is never taken for one of this try.
    async fn made(&self) -> Result<(ReservationView, Token), Status> {
        let tries =
            if self.asked.hold.is_some() { 1 } else { self.door.settings.reserve_attempts_max.max(1) };
        let mut last = None;
        for attempt in 0..tries {
            if attempt > 0 {
                metrics::counter!(names::CONTENDED).increment(1);
                tokio::time::sleep(Duration::from_millis(PAUSE_MS << (attempt - 1).min(6))).await;
            }
            match self.tried(attempt).await? {
                Tried::Made(view, token) => return Ok((view, token)),
                Tried::Contended(refusal) => last = Some(refusal),
            }
        }
        Err(short(last.unwrap_or_else(|| Refusal::Contended(Vec::new()))))
    }

    fn id(&self, attempt: u32) -> ReservationId {
        let hold = self.asked.hold.unwrap_or_else(|| self.name(attempt));
        ReservationId::Hold { home: self.home.index, hold }
    }

    /// The name follows from the request id, so that a retry finds what an earlier call made.
    fn name(&self, attempt: u32) -> HoldId {
        let mut hasher = blake3::Hasher::new_derive_key("waybill stock hold name v1");
        for text in [self.caller.channel.as_str(), self.request.as_str()] {
            hasher.update(text.as_bytes()).update(&[0]);
        }
        hasher.update(&attempt.to_be_bytes());
        let mut name = [0u8; 16];
        name.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        HoldId(name)
    }

    fn write(&self, attempt: u32) -> Write {
        let mut target = b"reserve\0".to_vec();
        target.extend_from_slice(&attempt.to_be_bytes());
        let content = Content::new()
            .with("lines", &self.asked.claims)
            .with("mode", &self.asked.mode)
            .with("ttl_ms", &self.asked.ttl_ms)
            .with("order_id", &self.asked.order)
            .with("reservation_id", &self.asked.hold);
        let (caller, request, reason) = (self.caller.clone(), self.request.clone(), self.reason.clone());
        Write { caller, request, reason, target, content }
    }

    async fn tried(&self, attempt: u32) -> Result<Tried, Status> {
        let id = self.id(attempt);
        // Before the command, so that an outcome that comes at once is not missed.
        let outcome = self.door.awaited.enter(id);
        // Left on every way out, also when the caller's deadline drops this call half-way.
        let _place = Place { door: self.door, id };
        self.put(attempt, id, outcome).await
    }

    async fn put(
        &self,
        attempt: u32,
        id: ReservationId,
        mut outcome: tokio::sync::oneshot::Receiver<ReserveOutcome>,
    ) -> Result<Tried, Status> {
        let (claims, mode) = (self.asked.claims.clone(), self.asked.mode);
        let expires_at = self.asked.ttl_ms.map(|ttl| self.door.clock.now().plus_ms(ttl));
        let request = ReserveRequest { id, claims, mode, expires_at, takes_over: Vec::new() };
        let command = Command::Reserve { request, order: self.asked.order };
        let accepted = match self.door.put(self.home, &self.write(attempt), command).await {
            Ok(accepted) => accepted,
            Err(Failure::Refused(refusal @ Refusal::Contended(_))) => return Ok(Tried::Contended(refusal)),
            Err(failure) => return Err(failed(&failure)),
        };
        let token = accepted.token;
        let view = view_of(accepted)?;
        if view.state != ReservationState::Undecided {
            return Ok(Tried::Made(view, token));
        }
        // The answer may be one that was given before; the state says how far it is by now.
        let now = self.door.read(self.home, move |state| read::reservation(state, id)).await?;
        let decided = match now {
            Some(view) if view.state == ReservationState::Undecided => Some(self.waited(outcome).await?),
            Some(_) => None,
            None => match outcome.try_recv() {
                Ok(outcome) => Some(outcome),
                Err(_) => return self.found_later(attempt, token).await,
            },
        };
        match decided {
            Some(ReserveOutcome::Refused(shortages)) => Err(short(Refusal::Short(shortages))),
            Some(ReserveOutcome::Contended(shortages)) => Ok(Tried::Contended(Refusal::Contended(shortages))),
            Some(ReserveOutcome::Granted(_)) | None => self.whole(id, token).await,
        }
    }

    async fn waited(
        &self,
        outcome: tokio::sync::oneshot::Receiver<ReserveOutcome>,
    ) -> Result<ReserveOutcome, Status> {
        let began = Instant::now();
        let wait = Duration::from_millis(self.door.settings.reserve_wait_ms);
        let outcome = tokio::time::timeout(wait, outcome).await;
        metrics::histogram!(names::RESERVE_WAIT).record(began.elapsed().as_secs_f64());
        match outcome {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) | Err(_) => {
                let what = "the reservation is not decided yet; ask with the same request_id".to_owned();
                Err(DoorError::Unavailable { what }.into())
            }
        }
    }

    async fn whole(&self, id: ReservationId, token: Token) -> Result<Tried, Status> {
        let views = gather(self.door, id).await?.into_iter().map(|(_, view)| view).collect();
        match merged(views) {
            Some(view) => Ok(Tried::Made(view, token)),
            None => Err(ended(id)),
        }
    }

    /// A retry of a call whose first tries were contended: a later try may have made it.
    async fn found_later(&self, attempt: u32, token: Token) -> Result<Tried, Status> {
        let last = if self.asked.hold.is_some() { 0 } else { self.door.settings.reserve_attempts_max };
        let later: Vec<ReservationId> = (attempt + 1..last).map(|attempt| self.id(attempt)).collect();
        let find = move |state: &waybill_inventory::State| {
            later.into_iter().find(|id| state.reservations.contains(id))
        };
        match self.door.read(self.home, find).await? {
            Some(id) => self.whole(id, token).await,
            None => Err(ended(self.id(attempt))),
        }
    }
}

fn ended(id: ReservationId) -> Status {
    let what = format!("reservation {id} of this request has ended; reserve again with a new request_id");
    DoorError::IllegalNow { what }.into()
}

/// Lines come back in the order in which they were asked.
fn in_order_asked(view: &mut ReservationView, lines: &[proto::StockQuantity]) {
    view.lines.sort_by_cached_key(|line| {
        lines.iter().position(|asked| {
            asked.sku == line.sku.as_str()
                && asked.node_id == line.node.as_str()
                && (asked.owner == line.owner.as_str() || asked.owner.is_empty())
        })
    });
}

struct Place<'a> {
    door: &'a crate::door::Inner,
    id: ReservationId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.door.awaited.leave(self.id);
    }
}
