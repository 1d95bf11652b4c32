//! A data directory with the orders door open on it; inventory, nodes and planner are played by the test.

use crate::{Door, Settings};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tonic::{Request, Status};
use tonic_types::StatusExt;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_replica::{
    Clock, DataDir, Deliver, DeliverError, Delivery, Host, HostOptions, Letter, Limits, OpenError, Router,
};
use waybill_service_kit::{Caller, DoorError, Nodes, Planner, PlannerError, Seal, TakesBack};
use waybill_store::vault::Vault;
use waybill_types::exchange::{
    Assignment, Claim, Delivery as Way, HoldAnswer, LineUnits, Message, Plan, PlanRequest, PlanStamp,
    PromiseWindow, ReserveOutcome, ReserveRequest, Shortage, Step, StepLine, Unplanned, UnplannedReason,
    WorkLine,
};
use waybill_types::{
    Actor, Channel, FulfillmentOrderId, Layout, NodeId, PartitionId, Quantity, Role, Service, ServiceId, Sku,
    Text, Timestamp,
};

/// A Monday at noon in Berlin.
pub(super) const NOON: Timestamp = Timestamp::from_ms(1_767_610_800_000);

pub(super) struct World {
    pub(super) door: Door,
    pub(super) host: Host,
    pub(super) others: Others,
    pub(super) dir: TempDir,
}

impl World {
    /// Everything of `stock` lies at one node that takes all work.
    pub(super) async fn new(stock: &[(&str, u64)]) -> Self {
        let others = Others::default();
        for (sku, count) in stock {
            others.0.lock().unwrap().stock.insert(Sku::new(sku).unwrap(), Quantity::of(*count));
        }
        Self::over(TempDir::new().unwrap(), others).await
    }

    async fn over(dir: TempDir, others: Others) -> Self {
        let options = HostOptions {
            layout: Layout::even(4).unwrap(),
            clock: Clock::virtual_at(NOON),
            limits: Limits::default(),
            journal: waybill_journal::Options {
                segment_bytes: 4 << 20,
                max_frame_bytes: 1 << 20,
                ..waybill_journal::Options::default()
            },
            store: waybill_store::Options::default(),
        };
        let host = opened(dir.path(), options).await;
        let seal = Seal::new(Arc::new(Vault::load_or_create(&host.dir().keys()).unwrap()));
        let receiver = Receiver { others: others.clone(), router: host.router().clone() };
        for service in [Service::Inventory, Service::Fulfillment] {
            host.router().register(service, Arc::new(receiver.clone()));
        }
        let planner: Arc<dyn Planner> = Arc::new(others.clone());
        let nodes: Arc<dyn Nodes> = Arc::new(others.clone());
        let door = crate::open(&host, Settings::default(), seal, planner, nodes).await.unwrap();
        Self { door, host, others, dir }
    }

    /// Stops everything and opens it again; what the others know stays.
    pub(super) async fn restarted(self) -> Self {
        self.door.partitions().drain().await;
        let Self { door, host, others, dir } = self;
        // The others hold the router that holds them.
        for service in [Service::Inventory, Service::Fulfillment] {
            host.router().register(service, Arc::new(Nobody));
        }
        drop((door, host));
        Self::over(dir, others).await
    }

    pub(super) async fn place(
        &self,
        order: proto::PlaceOrderRequest,
    ) -> Result<proto::PlaceOrderResponse, Status> {
        self.door.place_order(asked(order)).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn get(&self, order_id: &str) -> Result<proto::Order, Status> {
        let key = Some(proto::get_order_request::Key::OrderId(order_id.into()));
        let message = proto::GetOrderRequest { key, after: String::new() };
        let response = self.door.get_order(asked(message)).await?.into_inner();
        Ok(response.order.unwrap())
    }

    /// The order once it has this status. Woken by its stream, so nothing is polled.
    pub(super) async fn once(&self, order_id: &str, status: proto::OrderStatus) -> proto::Order {
        use tokio_stream::StreamExt;
        let message = proto::WatchOrderRequest { order_id: order_id.into(), resume_token: String::new() };
        let mut stream = self.door.watch_order(asked(message)).await.unwrap().into_inner();
        while let Some(update) = stream.next().await {
            if update.unwrap().status() == status {
                return self.get(order_id).await.unwrap();
            }
        }
        panic!("the stream of {order_id} ended")
    }

    pub(super) async fn cancel(
        &self,
        order: proto::CancelOrderRequest,
    ) -> Result<proto::CancelOrderResponse, Status> {
        self.door.cancel_order(asked(order)).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn find(
        &self,
        filter: proto::FindOrdersRequest,
    ) -> Result<proto::FindOrdersResponse, Status> {
        self.door.find_orders(asked(filter)).await.map(tonic::Response::into_inner)
    }
}

/// Opens the directory once the tasks of whoever had it before have noticed that they are over.
async fn opened(dir: &Path, options: HostOptions) -> Host {
    for _ in 0..1_000 {
        match Host::open(DataDir::new(dir), options.clone()) {
            Ok(host) => return host,
            Err(OpenError::InUse(_) | OpenError::Journal(waybill_journal::Error::Locked { .. })) => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("somebody keeps {} open", dir.display())
}

/// The fields at fault.
pub(super) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

/// The reason of a refusal.
pub(super) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// A fact of a refusal.
pub(super) fn fact(status: &Status, name: &str) -> String {
    let details = status.get_error_details();
    details.error_info().and_then(|info| info.metadata.get(name)).cloned().unwrap_or_default()
}

/// Where the journal of each partition stands.
pub(super) async fn journaled(world: &World) -> Vec<u64> {
    let frozen = world.door.partitions().freeze(|_| ()).await.unwrap();
    frozen.results.iter().map(|(_, sequence, ())| *sequence).collect()
}

/// A request of the web shop.
pub(super) fn asked<T>(message: T) -> Request<T> {
    asked_by(message, "web", Role::Channel)
}

pub(super) fn asked_by<T>(message: T, channel: &str, role: Role) -> Request<T> {
    let mut request = Request::new(message);
    let (channel, actor) = (Channel::new(channel).unwrap(), Actor::new("anna").unwrap());
    request.extensions_mut().insert(Caller { channel, actor, role });
    request
}

pub(super) fn eur(minor_units: i64) -> Option<common::Money> {
    Some(common::Money { currency_code: "EUR".into(), minor_units })
}

/// `quantity` units at 10.00 each, sent home.
pub(super) fn line(sku: &str, quantity: i64) -> proto::PlaceLine {
    proto::PlaceLine {
        sku: sku.into(),
        quantity,
        delivery_method: proto::DeliveryMethod::ShipHome.into(),
        amounts: Some(proto::LineAmounts {
            unit_price: eur(1000),
            total: eur(1000 * quantity),
            ..proto::LineAmounts::default()
        }),
        ..proto::PlaceLine::default()
    }
}

/// An order of Ada Lovelace, accepted.
pub(super) fn order(number: &str, lines: Vec<proto::PlaceLine>) -> proto::PlaceOrderRequest {
    let total = lines.iter().map(|line| line.quantity * 1000).sum();
    proto::PlaceOrderRequest {
        request_id: format!("request {number}"),
        external_order_number: number.into(),
        customer_id: "c-1".into(),
        contact: Some(ada()),
        ship_to: Some(common::Address {
            name: "Ada Lovelace".into(),
            street_lines: vec!["Musterweg 1".into()],
            city: "Berlin".into(),
            postal_code: "10115".into(),
            country_code: "DE".into(),
            ..common::Address::default()
        }),
        amounts: Some(proto::OrderAmounts { total: eur(total), ..proto::OrderAmounts::default() }),
        lines,
        ..proto::PlaceOrderRequest::default()
    }
}

pub(super) fn ada() -> common::Contact {
    common::Contact {
        name: "Ada Lovelace".into(),
        phone: "+49 30 1234567".into(),
        email: "Ada@Example.com".into(),
        ..common::Contact::default()
    }
}

/// The same, to be confirmed.
pub(super) fn confirm(number: &str, lines: Vec<proto::PlaceLine>) -> proto::PlaceOrderRequest {
    proto::PlaceOrderRequest { mode: proto::PlaceMode::Confirm.into(), ..order(number, lines) }
}

pub(super) fn whole(order_id: &str, request_id: &str) -> proto::CancelOrderRequest {
    proto::CancelOrderRequest {
        request_id: request_id.into(),
        order_id: order_id.into(),
        reason: "changed my mind".into(),
        ..proto::CancelOrderRequest::default()
    }
}

/// Inventory, nodes and planner.
#[derive(Clone, Default)]
pub(super) struct Others(pub(super) Arc<Mutex<Known>>);

#[derive(Default)]
pub(super) struct Known {
    pub(super) stock: BTreeMap<Sku, Quantity>,
    /// The planner does not answer.
    pub(super) planner_down: bool,
    /// `n1` hands nothing over any more.
    pub(super) counter_closed: bool,
    /// The node says no to what is released to it.
    pub(super) rejects: bool,
    /// What the node was given.
    given: BTreeMap<FulfillmentOrderId, Vec<WorkLine>>,
    /// Plans are made as if there were plenty.
    pub(super) blind_planner: bool,
    /// Where the planner was told that orders go.
    pub(super) postal_codes: Vec<String>,
    /// Messages applied, per sender and receiver, and sent.
    applied: BTreeMap<(PartitionId, PartitionId), u64>,
    sent: BTreeMap<(PartitionId, PartitionId), u64>,
}

impl Planner for Others {
    fn plan<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Plan, PlannerError>> + Send + 'a>> {
        let mut known = self.0.lock().unwrap();
        let answer = if known.planner_down {
            Err(PlannerError::Unavailable("switched off".into()))
        } else {
            let destination = request.destination.as_ref().and_then(|d| d.postal_code.clone());
            known.postal_codes.extend(destination.map(|code| code.to_string()));
            Ok(known.plan(request))
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Nodes for Others {
    /// `n1` does, `n2` does not, others are not there.
    fn takes_back<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> Pin<Box<dyn Future<Output = Result<TakesBack, DoorError>> + Send + 'a>> {
        let answer = match node.as_str() {
            "n1" => TakesBack::Yes,
            "n2" => TakesBack::No,
            _ => TakesBack::Unknown,
        };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

impl Known {
    fn plan(&self, request: &PlanRequest) -> Plan {
        let mut stock = self.stock.clone();
        for claim in &request.own {
            let there = stock.entry(claim.sku.clone()).or_default();
            *there = there.plus(claim.quantity);
        }
        let (mut assignments, mut unplanned) = (Vec::new(), Vec::new());
        for line in &request.lines {
            let there = stock.entry(line.sku.clone()).or_default();
            let pinned = !request.pinned.is_empty();
            let quantity =
                if self.blind_planner || pinned { line.quantity } else { line.quantity.min(*there) };
            *there = there.saturating_sub(quantity);
            let quantity = if request.excluded.iter().any(|node| node.as_str() == "n1") {
                Quantity::ZERO
            } else {
                quantity
            };
            // `n1` has everything, `n2` nothing, and no other node is there to fetch goods at.
            let (quantity, reason) = match &line.delivery {
                Way::Pickup(node) if node.as_str() == "n2" => (Quantity::ZERO, UnplannedReason::NoStock),
                Way::Pickup(node) if self.counter_closed || node.as_str() != "n1" => {
                    (Quantity::ZERO, UnplannedReason::NoPickup)
                }
                Way::Pickup(_) | Way::Ship => (quantity, UnplannedReason::NoStock),
            };
            let left = line.quantity.saturating_sub(quantity);
            if !left.is_zero() {
                unplanned.push(Unplanned { line: line.line, quantity: left, reason });
            }
            if !quantity.is_zero() {
                assignments.push(Assignment {
                    line: line.line,
                    node: NodeId::new("n1").unwrap(),
                    quantity,
                    service: match line.delivery {
                        Way::Ship => Some(ServiceId::new("standard").unwrap()),
                        Way::Pickup(_) => None,
                    },
                    ship_by: request.now.plus_ms(3_600_000),
                    promise: PromiseWindow {
                        earliest: request.now.plus_ms(86_400_000),
                        latest: request.now.plus_ms(172_800_000),
                    },
                    ship_day: None,
                });
            }
        }
        Plan { assignments, unplanned, cost: Vec::new(), lower_bound_minor: 0, stamp: PlanStamp::default() }
    }

    fn reserve(&mut self, request: &ReserveRequest) -> ReserveOutcome {
        // What the claimant has already is free for it.
        for over in &request.takes_over {
            over.claims.iter().for_each(|claim| self.change(claim, Quantity::plus));
        }
        let there = |claim: &Claim| self.stock.get(&claim.sku).copied().unwrap_or_default();
        let short = request.claims.iter().find(|claim| there(claim) < claim.quantity);
        if let Some(short) = short {
            return ReserveOutcome::Refused(vec![Shortage { asked: short.clone(), available: there(short) }]);
        }
        for claim in &request.claims {
            self.change(claim, |there, quantity| there.saturating_sub(quantity));
        }
        ReserveOutcome::Granted(request.claims.clone())
    }

    fn change(&mut self, claim: &Claim, change: impl Fn(Quantity, Quantity) -> Quantity) {
        let there = self.stock.entry(claim.sku.clone()).or_default();
        *there = change(*there, claim.quantity);
    }

    fn replies(&mut self, message: Message) -> Option<(PartitionId, Message)> {
        match message {
            Message::Reserve(request) => {
                let waybill_types::ReservationId::Order { order, .. } = request.id else { return None };
                Some((order.partition(), Message::Reserved(request.id, self.reserve(&request))))
            }
            Message::Release(_, claims) => {
                claims.iter().for_each(|claim| self.change(claim, Quantity::plus));
                None
            }
            Message::AdoptHold(hold, order) => {
                Some((order.partition(), Message::HoldAnswered(hold, order, HoldAnswer::Gone(None))))
            }
            Message::AssignWork(work) => {
                self.given.insert(work.id, work.lines.clone());
                Some((work.order.partition(), Message::WorkPlanned(work.id)))
            }
            Message::ReleaseWork(id) if self.rejects => {
                let lines = self.given.get(&id).into_iter().flatten();
                let no = |line: &WorkLine| StepLine {
                    units: LineUnits { line: line.line, quantity: line.quantity },
                    reason: Text::new("closed").unwrap(),
                };
                let step = Step::Rejected(lines.map(no).collect());
                Some((id.order.partition(), Message::WorkProgress(id, step)))
            }
            Message::CancelWork { id, units: stopped, recall, .. } => {
                let answer =
                    Message::WorkCancelled { id, stopped, too_late: Vec::new(), recall, asked: Vec::new() };
                Some((id.order.partition(), answer))
            }
            _ => None,
        }
    }
}

/// Applies what orders sends and answers it.
#[derive(Clone)]
struct Receiver {
    others: Others,
    router: Router,
}

impl Deliver for Receiver {
    fn deliver(
        &self,
        delivery: Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<u64, DeliverError>> + Send + '_>> {
        let mut known = self.others.0.lock().unwrap();
        let pair = (delivery.from, delivery.to);
        let mut through = known.applied.get(&pair).copied().unwrap_or(0);
        for (number, letter) in (delivery.first..).zip(&delivery.messages) {
            if number <= through {
                continue;
            }
            through = number;
            let reply = known.replies(letter.clone().open().unwrap());
            if let Some((to, message)) = reply {
                let first = known.sent.entry((delivery.to, to)).or_default();
                *first += 1;
                let answer =
                    Delivery { from: delivery.to, to, first: *first, messages: vec![Letter::new(message)] };
                tokio::spawn(send(self.router.clone(), answer));
            }
        }
        known.applied.insert(pair, through);
        Box::pin(std::future::ready(Ok(through)))
    }
}

/// Nobody who could apply anything.
struct Nobody;

impl Deliver for Nobody {
    fn deliver(
        &self,
        delivery: Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<u64, DeliverError>> + Send + '_>> {
        Box::pin(std::future::ready(Err(DeliverError::Unavailable(delivery.to))))
    }
}

/// Sends until it is applied; later messages may overtake on the way and are told of the gap.
async fn send(router: Router, delivery: Delivery) {
    while let Err(DeliverError::Gap { .. }) = router.deliver(delivery.clone()).await {
        tokio::task::yield_now().await;
    }
}
