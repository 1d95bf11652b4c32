//! A data directory with the fulfilment door open on it, and orders played by the test.

use crate::{Door, FreshStock, OtherPlanners, Settings, Surroundings};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use waybill_mirror::{Figures, ItemChange, Mirror, StockChange};
use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_proto::fulfillment::v1::network_service_server::NetworkService;
use waybill_replica::{Clock, DataDir, Delivery, Host, HostOptions, Letter, Limits, OpenError};
use waybill_service_kit::{Caller, Person, Seal};
use waybill_store::vault::Vault;
use waybill_types::exchange::{
    LineUnits, Message, PromiseWindow, RecallManner, Work, WorkDestination, WorkLine,
};
use waybill_types::{
    Actor, Attributes, Channel, ExternalNumber, FulfillmentOrderId, Layout, LineNo, NodeId, OrderId, OwnerId,
    PartitionId, Quantity, Reason, ReservationId, Role, Sealed, Service, ServiceId, Sku, SubjectKey, Text,
    Timestamp,
};

pub(crate) struct World {
    pub(crate) door: Door,
    pub(crate) host: Host,
    pub(crate) stock: Mirror,
    pub(crate) seal: Seal,
    sent: Mutex<BTreeMap<PartitionId, u64>>,
    pub(crate) dir: TempDir,
}

/// A Monday at noon in Berlin.
pub(crate) const NOON: Timestamp = Timestamp::from_ms(1_767_610_800_000);
const ORDERS: PartitionId = PartitionId::new(Service::Orders, 0);

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(TempDir::new().unwrap()).await
    }

    pub(crate) async fn over(dir: TempDir) -> Self {
        Self::around(dir, None, |_| None).await
    }

    /// One of several processes.
    pub(crate) async fn beside(others: Arc<dyn OtherPlanners>) -> Self {
        Self::around(TempDir::new().unwrap(), Some(others), |_| None).await
    }

    /// Where somebody brings the view of stock up to date.
    pub(crate) async fn with(dir: TempDir, fresh: impl FnOnce(&Mirror) -> Arc<dyn FreshStock>) -> Self {
        Self::around(dir, None, |stock| Some(fresh(stock))).await
    }

    async fn around(
        dir: TempDir,
        others: Option<Arc<dyn OtherPlanners>>,
        fresh: impl FnOnce(&Mirror) -> Option<Arc<dyn FreshStock>>,
    ) -> Self {
        let options = HostOptions {
            layout: layout(),
            clock: Clock::virtual_at(NOON),
            limits: Limits::default(),
            journal: waybill_journal::Options {
                segment_bytes: 4 << 20,
                max_frame_bytes: 1 << 20,
                ..waybill_journal::Options::default()
            },
            store: waybill_store::Options::default(),
        };
        let mut host = Host::open(DataDir::new(dir.path()), options.clone());
        // A stream that was just dropped may still hold the files of the engine before.
        for _ in 0..100_000 {
            if !matches!(
                host,
                Err(OpenError::InUse(_) | OpenError::Journal(waybill_journal::Error::Locked { .. }))
            ) {
                break;
            }
            tokio::task::yield_now().await;
            host = Host::open(DataDir::new(dir.path()), options.clone());
        }
        let host = host.unwrap();
        let seal = Seal::new(Arc::new(Vault::load_or_create(&host.dir().keys()).unwrap()));
        let stock = Mirror::new(host.layout());
        for id in host.layout().partitions(Service::Inventory) {
            stock.load(id, 0, [], []);
        }
        let around = Surroundings { stock: stock.clone(), fresh: fresh(&stock), others };
        let door = crate::open(&host, Settings::default(), Arc::new(seal.clone()), around).await.unwrap();
        Self { door, host, stock, seal, sent: Mutex::default(), dir }
    }

    /// Stops everything and opens it again.
    pub(crate) async fn restarted(self) -> Self {
        self.door.partitions().drain().await;
        let Self { door, host, stock, seal, sent, dir } = self;
        drop((door, host, stock, seal));
        let again = Self::over(dir).await;
        *again.sent.lock().await = sent.into_inner();
        again
    }

    /// Sends a message as orders does, durably applied when this returns.
    pub(crate) async fn send(&self, to: PartitionId, message: &Message) {
        let mut sent = self.sent.lock().await;
        let number = sent.entry(to).or_default();
        *number += 1;
        let delivery =
            Delivery { from: ORDERS, to, first: *number, messages: vec![Letter::new(message.clone())] };
        self.host.router().deliver(delivery).await.unwrap();
    }

    /// A node that ships and hands over, with a lane to Germany, all through the door.
    pub(crate) async fn with_node(&self, node: &str) {
        let rows = self.upsert_nodes(vec![proto_node(node)]).await.unwrap().results;
        assert_ne!(rows[0].outcome(), common::RowOutcome::Refused, "{rows:?}");
        let zone = proto::Zone {
            zone_id: "de".into(),
            areas: vec![proto::PostalArea { country_code: "DE".into(), postal_prefixes: vec![] }],
            ..proto::Zone::default()
        };
        let request_id = format!("zone for {node}");
        let zones = proto::UpsertZonesRequest { request_id, zones: vec![zone], ..Default::default() };
        self.door.upsert_zones(asked(zones)).await.unwrap();
        let lane = proto::Lane {
            lane_id: format!("{node}-de"),
            from_node_id: node.into(),
            to: Some(proto::lane::To::ToZoneId("de".into())),
            carrier_service: "standard".into(),
            cost: Some(proto::LaneCost { base: Some(eur(490)), per_kg: None }),
            transit_days: 1,
            ..proto::Lane::default()
        };
        let request_id = format!("lane for {node}");
        let lanes = proto::UpsertLanesRequest { request_id, lanes: vec![lane], ..Default::default() };
        let rows = self.door.upsert_lanes(asked(lanes)).await.unwrap().into_inner().results;
        assert_ne!(rows[0].outcome(), common::RowOutcome::Refused, "{rows:?}");
    }

    pub(crate) async fn upsert_nodes(
        &self,
        nodes: Vec<proto::Node>,
    ) -> Result<proto::UpsertNodesResponse, Status> {
        let request_id = blake3::hash(format!("{nodes:?}").as_bytes()).to_hex().to_string();
        let message = proto::UpsertNodesRequest { request_id, reason: String::new(), nodes };
        self.door.upsert_nodes(asked(message)).await.map(tonic::Response::into_inner)
    }

    /// Work for order number `order` at `node`: planned and released. Its recipient is sealed.
    pub(crate) async fn released(
        &self,
        node: &str,
        order: u64,
        quantity: u64,
    ) -> (FulfillmentOrderId, SubjectKey) {
        let ada =
            Person { name: "Ada Lovelace".into(), gift_note: "Happy birthday".into(), ..Person::default() };
        let (key, sealed) = self.seal.seal(&ada).unwrap();
        let work = self.work(node, order, quantity, sealed);
        (self.give(work).await, key)
    }

    /// A pickup of `quantity` units of SKU `A`, in whose place SKU `B` may be taken: planned and released.
    pub(crate) async fn released_pickup(&self, node: &str, order: u64, quantity: u64) -> FulfillmentOrderId {
        let (_, sealed) = self.seal.seal(&Person::default()).unwrap();
        let mut work = self.work(node, order, quantity, sealed);
        work.destination = WorkDestination::Pickup;
        work.lines[0].substitutes = vec![Sku::new("B").unwrap()];
        self.give(work).await
    }

    async fn give(&self, work: Work) -> FulfillmentOrderId {
        let (id, home) = (work.id, work.id.partition());
        self.send(home, &Message::AssignWork(Box::new(work))).await;
        self.send(home, &Message::ReleaseWork(id)).await;
        id
    }

    /// Asks the node to give units of the work's line back, as the order does for a cancel.
    pub(crate) async fn ask_back(&self, id: FulfillmentOrderId, recall: u32, quantity: u64) {
        let units = vec![LineUnits { line: LineNo(1), quantity: Quantity::of(quantity) }];
        let manner = RecallManner::Ask { within_ms: 3_600_000 };
        let reason = Reason::new("changed my mind").unwrap();
        let asked = Message::CancelWork { id, units, recall, manner, reason };
        self.send(id.partition(), &asked).await;
    }

    pub(crate) fn home(&self, node: &str) -> PartitionId {
        self.host.layout().node_home(&NodeId::new(node).unwrap())
    }

    fn work(&self, node: &str, order: u64, quantity: u64, recipient: Sealed) -> Work {
        let order = OrderId::new(0, order);
        let text = |text| Text::new(text).unwrap();
        Work {
            id: FulfillmentOrderId { order, number: 1, partition_index: self.home(node).index },
            node: NodeId::new(node).unwrap(),
            order,
            channel: Channel::new("web").unwrap(),
            external: ExternalNumber::new(format!("A-{}", order.number())).unwrap(),
            lines: vec![WorkLine {
                line: LineNo(1),
                external_line: text("pos-10"),
                sku: Sku::new("A").unwrap(),
                owner: OwnerId::main(),
                quantity: Quantity::of(quantity),
                attributes: Attributes::default(),
                reservation: ReservationId::Order { home: 0, order, attempt: 1 },
                scale: 0,
                substitutes: Vec::new(),
            }],
            destination: WorkDestination::Ship(ServiceId::new("standard").unwrap()),
            recipient: Some(recipient),
            ship_by: NOON.plus_ms(3_600_000),
            promise: PromiseWindow { earliest: NOON, latest: NOON.plus_ms(86_400_000) },
            priority: 3,
            attributes: Attributes::new([("packing_note", "this side up")]).unwrap(),
            capacity_day: None,
        }
    }

    /// That much of SKU `A` at the node.
    pub(crate) fn stocked(&self, node: &str, units: u64, version: u64) {
        lamps(&self.stock, node, units, version);
    }

    pub(crate) async fn order(&self, id: FulfillmentOrderId) -> proto::FulfillmentOrder {
        let message =
            proto::GetFulfillmentOrderRequest { fulfillment_order_id: id.to_string(), after: String::new() };
        let found = self.door.get_fulfillment_order(asked(message)).await.unwrap();
        found.into_inner().fulfillment_order.unwrap()
    }
}

/// That much of SKU `A` at the node, told to a view of stock.
pub(crate) fn lamps(stock: &Mirror, node: &str, units: u64, version: u64) {
    let sku = Sku::new("A").unwrap();
    let item = ItemChange {
        sku: sku.clone(),
        scale: 0,
        weight_g: 500,
        no_split: false,
        inactive: false,
        name: Text::new("Lamp").unwrap(),
        class: None,
    };
    let change = StockChange {
        sku: sku.clone(),
        owner: OwnerId::main(),
        node: NodeId::new(node).unwrap(),
        figures: Figures { sellable: Quantity::of(units), ..Figures::default() },
        version,
        at: NOON,
    };
    stock.apply(layout().sku_home(&sku), version, [item], [change]);
}

fn layout() -> Layout {
    Layout::even(4).unwrap()
}

pub(crate) fn eur(minor_units: i64) -> common::Money {
    common::Money { currency_code: "EUR".into(), minor_units }
}

pub(crate) fn proto_node(node: &str) -> proto::Node {
    proto::Node {
        node_id: node.into(),
        kind: proto::NodeKind::Store.into(),
        time_zone: "Europe/Berlin".into(),
        capabilities: Some(proto::NodeCapabilities { ships: true, pickup: true, accepts_returns: true }),
        ..proto::Node::default()
    }
}

/// A request as the interceptor passes it on.
pub(crate) fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        channel: Channel::new("store").unwrap(),
        actor: Actor::new("wms-1").unwrap(),
        role: Role::Node,
    });
    request
}

/// The code and reason of a refusal.
pub(crate) fn why(status: &Status) -> (Code, String) {
    let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
    (status.code(), reason.unwrap_or_default())
}

/// The fields that a refusal names.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let found = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    found.into_iter().map(|violation| violation.field).collect()
}

/// What holds of every report: it counts once however often it is sent, its id is not taken for another content, a
/// revision that has passed is refused with the current one, and so is work that another node's partition does not have.
macro_rules! contract {
    ($world:expr, $call:ident, $message:expr, $other:expr) => {{
        let message = $message;
        let first = $world.door.$call(asked(message.clone())).await.unwrap().into_inner();
        let again = $world.door.$call(asked(message.clone())).await.unwrap().into_inner();
        assert_eq!(first.fulfillment_order, again.fulfillment_order, "one effect, one answer");
        let reused = $world.door.$call(asked($other)).await.unwrap_err();
        assert_eq!(why(&reused), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
        let mut stale = message.clone();
        stale.request_id = "a stale one".into();
        let stale = $world.door.$call(asked(stale)).await.unwrap_err();
        assert_eq!(why(&stale), (Code::Aborted, "STALE_REVISION".to_owned()));
        let current = stale.get_error_details().error_info().unwrap().metadata["current_revision"].clone();
        assert_eq!(current, (message.revision + 1).to_string());
        let id: FulfillmentOrderId = message.fulfillment_order_id.parse().unwrap();
        let elsewhere = FulfillmentOrderId { partition_index: (id.partition_index + 1) % 4, ..id };
        let never = FulfillmentOrderId { number: id.number + 7, ..id };
        for unknown in [elsewhere, never] {
            let mut message = message.clone();
            message.fulfillment_order_id = unknown.to_string();
            let unknown = $world.door.$call(asked(message)).await.unwrap_err();
            assert_eq!(why(&unknown), (Code::NotFound, "FULFILLMENT_ORDER_UNKNOWN".to_owned()));
        }
        assert_eq!($world.order(id).await.revision, message.revision + 1, "nothing else happened");
    }};
}
pub(crate) use contract;
