//! Callers who want the same few things at the same time, and write down when they asked and what they were told. Whether that
//! can be is judged elsewhere.

use super::doors::{Asked, Doors, Trouble, ask, lock};
use super::linear::Call;
use super::registers::{Amended, Page, PageCall, Shelf, ShelfCall};
use crate::fault::Chance;
use crate::retailer::node;
use crate::world::from_channel;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tonic::transport::Channel;
use tonic::{Code, Status};
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::inventory::v1::{
    GetPositionRequest, ReleaseReservationRequest, ReserveMode, ReserveStockRequest, StockQuantity,
};
use waybill_proto::orders::v1::amendments_service_client::AmendmentsServiceClient;
use waybill_proto::orders::v1::order_change::Change;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{
    AmendOrderRequest, AmendmentState, GetOrderRequest, OrderChange, SetNotesChange, get_order_request,
};

/// A partition, as ids show it: its service's letter and its number.
pub type Home = (char, u32);

/// How long somebody waited for one answer.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// Where the thing asked for lives.
    pub home: Home,
    /// From the first attempt.
    pub begun: Instant,
    /// To the answer.
    pub ended: Instant,
    /// What it took.
    pub trouble: Trouble,
}

/// What all callers of a round share.
pub struct Round {
    /// The processes.
    pub doors: Arc<Doors>,
    /// Everybody stops after the call under way.
    pub stop: AtomicBool,
    /// Every wait.
    pub waits: Mutex<Vec<Wait>>,
    /// What no engine may answer.
    pub faults: Mutex<Vec<String>>,
    /// Part of every request id.
    pub name: String,
    began: Instant,
    next: AtomicU64,
}

impl Round {
    /// One that begins now.
    #[must_use]
    pub fn new(doors: Arc<Doors>, name: String) -> Self {
        Self {
            doors,
            stop: AtomicBool::new(false),
            waits: Mutex::default(),
            faults: Mutex::default(),
            name,
            began: Instant::now(),
            next: AtomicU64::new(0),
        }
    }

    fn id(&self, what: &str) -> String {
        format!("{}-{what}-{}", self.name, self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn waited<T>(&self, home: Home, asked: &Asked<T>) {
        let (begun, ended, trouble) = (asked.begun, asked.ended, asked.trouble);
        lock(&self.waits).push(Wait { home, begun, ended, trouble });
    }

    fn call<O, T>(&self, what: O, asked: &Asked<T>, settled: bool) -> Call<O> {
        let since = |at: Instant| at.duration_since(self.began).as_micros() as u64;
        Call { what, begun: since(asked.begun), ended: settled.then(|| since(asked.ended)) }
    }

    fn fault(&self, what: &str, said: &Status) {
        lock(&self.faults).push(format!("{what}: {said}"));
    }
}

/// What was seen of one thing.
pub struct Register<O, S> {
    /// Its name: an item, or an order.
    pub name: String,
    /// Where it lives.
    pub home: Home,
    /// How it stood when the round began.
    pub begin: S,
    /// What was asked of it since.
    pub calls: Mutex<Vec<Call<O>>>,
}

/// An item at the first node.
pub type ShelfRegister = Register<ShelfCall, Shelf>;
/// An order.
pub type PageRegister = Register<PageCall, Page>;

impl<O, S> Register<O, S> {
    /// One that nobody has asked anything of yet.
    pub fn new(name: String, home: Home, begin: S) -> Self {
        Self { name, home, begin, calls: Mutex::default() }
    }
}

/// The shelf as a process tells it.
///
/// # Errors
/// The process does not.
pub async fn read_shelf(at: Channel, sku: &str) -> Result<Shelf, Status> {
    let request = GetPositionRequest { sku: sku.to_owned(), node_id: node(0), ..Default::default() };
    let position = InventoryServiceClient::new(at).get_position(request).await?.into_inner().position;
    let position = position.unwrap_or_default();
    Ok(Shelf { available: position.available, revision: position.revision })
}

/// The attribute that changes are marked by.
pub const MARK: &str = "mark";

/// The order as a process tells it.
///
/// # Errors
/// The process does not.
pub async fn read_page(at: Channel, order_id: &str) -> Result<Page, Status> {
    let key = Some(get_order_request::Key::OrderId(order_id.to_owned()));
    let request = GetOrderRequest { key, after: String::new() };
    let order = OrdersServiceClient::new(at).get_order(request).await?.into_inner().order.unwrap_or_default();
    let mark = order.custom_attributes.get(MARK).cloned().unwrap_or_default();
    Ok(Page { revision: order.revision, mark })
}

/// Units that one caller claims, and gives back sooner or later.
struct Claim {
    id: String,
    quantity: i64,
}

/// One caller at a shelf, until the round is over; then it gives back what it has.
pub async fn at_shelf(round: Arc<Round>, shelf: Arc<ShelfRegister>, mut chance: Chance, pace: Duration) {
    let mut door = chance.below(3) as usize;
    let mut claims: Vec<Claim> = Vec::new();
    while !round.is_over() {
        match chance.below(4) {
            0 => look_at_shelf(&round, &shelf, &mut door).await,
            1 if !claims.is_empty() => {
                let claim = claims.swap_remove(chance.below(claims.len() as u64) as usize);
                release(&round, &shelf, &mut door, claim).await;
            }
            _ if claims.len() < 3 => {
                let quantity = 1 + chance.below(3) as i64;
                claims.extend(reserve(&round, &shelf, &mut door, &mut chance, quantity).await);
            }
            _ => look_at_shelf(&round, &shelf, &mut door).await,
        }
        tokio::time::sleep(pace).await;
    }
    for claim in claims {
        release(&round, &shelf, &mut door, claim).await;
    }
}

async fn look_at_shelf(round: &Round, shelf: &ShelfRegister, door: &mut usize) {
    let asked = ask(&round.doors, door, |at| read_shelf(at, &shelf.name)).await;
    round.waited(shelf.home, &asked);
    match &asked.answer {
        Some(Ok(read)) => {
            let call = round.call(ShelfCall::Read(read.clone()), &asked, true);
            lock(&shelf.calls).push(call);
        }
        Some(Err(status)) => round.fault(&format!("read {}", shelf.name), status),
        None => {}
    }
}

async fn reserve(
    round: &Round,
    shelf: &ShelfRegister,
    door: &mut usize,
    chance: &mut Chance,
    quantity: i64,
) -> Option<Claim> {
    let line = StockQuantity { sku: shelf.name.clone(), node_id: node(0), quantity, ..Default::default() };
    let request = ReserveStockRequest {
        request_id: round.id("reserve"),
        reservation_id: format!("{:016x}{:016x}", chance.draw(), chance.draw()),
        lines: vec![line],
        mode: ReserveMode::AllOrNothing.into(),
        // Far longer than a round: nothing lapses by itself.
        ttl_ms: 3_600_000,
        ..Default::default()
    };
    let asked = ask(&round.doors, door, |at| {
        let request = request.clone();
        async move { InventoryServiceClient::new(at).reserve_stock(request).await }
    })
    .await;
    round.waited(shelf.home, &asked);
    let (granted, claim) = match &asked.answer {
        Some(Ok(answer)) => {
            let id = answer.get_ref().reservation.as_ref().map(|r| r.reservation_id.clone());
            (Some(true), Some(Claim { id: id.unwrap_or_default(), quantity }))
        }
        // A refusal binds nothing: an attempt that is still on its way may be granted after it.
        Some(Err(status)) if status.code() == Code::FailedPrecondition => {
            ((!asked.trouble.in_limbo).then_some(false), None)
        }
        Some(Err(status)) => {
            round.fault(&format!("reserve {}", shelf.name), status);
            (None, None)
        }
        None => (None, None),
    };
    let call = round.call(ShelfCall::Reserve(quantity, granted), &asked, granted.is_some());
    lock(&shelf.calls).push(call);
    claim
}

async fn release(round: &Round, shelf: &ShelfRegister, door: &mut usize, claim: Claim) {
    let request = ReleaseReservationRequest {
        request_id: round.id("release"),
        reservation_id: claim.id.clone(),
        ..Default::default()
    };
    let asked = ask(&round.doors, door, |at| {
        let request = request.clone();
        async move { InventoryServiceClient::new(at).release_reservation(request).await }
    })
    .await;
    round.waited(shelf.home, &asked);
    let known = matches!(asked.answer, Some(Ok(_)));
    if let Some(Err(status)) = &asked.answer {
        round.fault(&format!("release {} of {}", claim.id, shelf.name), status);
    }
    let call = round.call(ShelfCall::Release(claim.quantity, known), &asked, known);
    lock(&shelf.calls).push(call);
}

/// One caller of an order, until the round is over.
pub async fn at_page(round: Arc<Round>, page: Arc<PageRegister>, mut chance: Chance, pace: Duration) {
    let mut door = chance.below(3) as usize;
    let mut revision = page.begin.revision;
    while !round.is_over() {
        if chance.below(2) == 0 {
            revision = look_at_page(&round, &page, &mut door).await.unwrap_or(revision);
        } else {
            revision = amend(&round, &page, &mut door, revision).await.unwrap_or(revision);
        }
        tokio::time::sleep(pace).await;
    }
}

async fn look_at_page(round: &Round, page: &PageRegister, door: &mut usize) -> Option<u64> {
    let asked = ask(&round.doors, door, |at| read_page(at, &page.name)).await;
    round.waited(page.home, &asked);
    match &asked.answer {
        Some(Ok(read)) => {
            let call = round.call(PageCall::Read(read.clone()), &asked, true);
            lock(&page.calls).push(call);
            Some(read.revision)
        }
        Some(Err(status)) => {
            round.fault(&format!("read {}", page.name), status);
            None
        }
        None => None,
    }
}

/// Answers with the revision that the order has now, where that is known.
async fn amend(round: &Round, page: &PageRegister, door: &mut usize, revision: u64) -> Option<u64> {
    let mark = round.id("mark");
    let notes = SetNotesChange {
        custom_attributes: [(MARK.to_owned(), mark.clone())].into(),
        replace_attributes: true,
        ..Default::default()
    };
    let request = AmendOrderRequest {
        request_id: mark.clone(),
        order_id: page.name.clone(),
        expected_revision: revision,
        changes: vec![OrderChange { change: Some(Change::SetNotes(notes)) }],
        ..Default::default()
    };
    let asked = ask(&round.doors, door, |at| {
        let request = from_channel("web", request.clone());
        async move { AmendmentsServiceClient::new(at).amend_order(request).await }
    })
    .await;
    round.waited(page.home, &asked);
    let outcome = match &asked.answer {
        Some(Ok(answer)) => {
            let amendment = answer.get_ref().amendment.as_ref();
            let applied = amendment.is_some_and(|one| one.state() == AmendmentState::Applied);
            if !applied {
                lock(&round.faults).push(format!("amend {}: {amendment:?}", page.name));
            }
            applied.then_some(Amended::Applied)
        }
        // Nothing of it happened, and nothing can: the order never has that revision again.
        Some(Err(status)) if status.code() == Code::Aborted => Some(Amended::Stale),
        Some(Err(status)) => {
            round.fault(&format!("amend {}", page.name), status);
            None
        }
        None => None,
    };
    let call = round.call(PageCall::Amend(revision, mark, outcome), &asked, outcome.is_some());
    lock(&page.calls).push(call);
    match (outcome, &asked.answer) {
        (Some(Amended::Applied), Some(Ok(answer))) => Some(answer.get_ref().revision),
        // Whoever is stale looks first.
        _ => look_at_page(round, page, door).await,
    }
}
