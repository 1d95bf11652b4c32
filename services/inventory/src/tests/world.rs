//! A data directory with the inventory door open on it.

use crate::{Door, Settings};
use tempfile::TempDir;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;
use waybill_mirror::Mirror;
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;
use waybill_replica::{Clock, DataDir, Host, HostOptions, Limits};
use waybill_service_kit::Caller;
use waybill_types::{Actor, Channel, Layout, Role, Sku, Timestamp};

pub(crate) struct World {
    pub(crate) door: Door,
    pub(crate) host: Host,
    dir: TempDir,
}

pub(crate) const NOON: Timestamp = Timestamp::from_ms(1_767_610_800_000);

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(TempDir::new().unwrap()).await
    }

    async fn over(dir: TempDir) -> Self {
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
        let host = Host::open(DataDir::new(dir.path()), options).unwrap();
        let mirror = Mirror::new(host.layout());
        let door = crate::open(&host, Settings::default(), mirror.clone()).await.unwrap();
        let mut changes = mirror.changes();
        while mirror.ready().is_err() {
            changes.changed().await.unwrap();
        }
        Self { door, host, dir }
    }

    /// Stops everything and opens it again.
    pub(crate) async fn restarted(self) -> Self {
        self.door.partitions().drain().await;
        let Self { door, host, dir } = self;
        drop((door, host));
        Self::over(dir).await
    }

    /// SKUs in as many different partitions, known and with `units` at `node`.
    pub(crate) async fn stocked_apart(&self, count: u8, node: &str, units: i64) -> Vec<String> {
        let layout = self.host.layout();
        let code = |part| {
            let mut codes = (0..10_000).map(|number| format!("P{part}-{number}"));
            codes.find(|code| layout.sku_home(&Sku::new(code).unwrap()).index == part).unwrap()
        };
        let codes: Vec<String> = (0..count).map(code).collect();
        for code in &codes {
            self.stocked(code, node, units).await;
        }
        codes
    }

    pub(crate) async fn with_item(&self, sku: &str) {
        let message = proto::UpsertItemsRequest {
            request_id: format!("item {sku}"),
            rows: vec![proto::ItemRow { item: Some(item(sku)), expected_revision: 0 }],
            ..Default::default()
        };
        self.door.upsert_items(asked(message)).await.unwrap();
    }

    pub(crate) async fn stocked(&self, sku: &str, node: &str, units: i64) {
        self.with_item(sku).await;
        self.receive(&format!("receive {sku} {node}"), sku, node, units).await.unwrap();
    }

    pub(crate) async fn receive(
        &self,
        request_id: &str,
        sku: &str,
        node: &str,
        quantity: i64,
    ) -> Result<proto::ReceiveStockResponse, Status> {
        let message = proto::ReceiveStockRequest {
            request_id: request_id.into(),
            sku: sku.into(),
            node_id: node.into(),
            quantity,
            ..Default::default()
        };
        self.door.receive_stock(asked(message)).await.map(Response::into_inner)
    }

    pub(crate) async fn position(&self, sku: &str, node: &str) -> proto::Position {
        let message =
            proto::GetPositionRequest { sku: sku.into(), node_id: node.into(), ..Default::default() };
        self.door.get_position(asked(message)).await.unwrap().into_inner().position.unwrap()
    }

    pub(crate) async fn hold(
        &self,
        request_id: &str,
        ttl_ms: i64,
        lines: Vec<proto::StockQuantity>,
    ) -> Result<proto::Reservation, Status> {
        let message =
            proto::ReserveStockRequest { request_id: request_id.into(), ttl_ms, lines, ..Default::default() };
        let answer = self.door.reserve_stock(asked(message)).await?.into_inner();
        Ok(answer.reservation.unwrap())
    }

    pub(crate) async fn get(&self, reservation_id: &str) -> Result<proto::Reservation, Status> {
        let message =
            proto::GetReservationRequest { reservation_id: reservation_id.into(), ..Default::default() };
        let answer = self.door.get_reservation(asked(message)).await?.into_inner();
        Ok(answer.reservation.unwrap())
    }

    /// Every partition's durable sequence: unchanged means that nothing was written.
    pub(crate) fn sequences(&self) -> Vec<u64> {
        let of =
            |p: &waybill_replica::Partition<_>| p.status().sequence.load(std::sync::atomic::Ordering::SeqCst);
        self.door.partitions().iter().map(of).collect()
    }
}

pub(crate) fn item(sku: &str) -> proto::Item {
    proto::Item {
        sku: sku.into(),
        name: "a thing".into(),
        unit: proto::Unit::Piece.into(),
        ..Default::default()
    }
}

pub(crate) fn line(sku: &str, node: &str, quantity: i64) -> proto::StockQuantity {
    proto::StockQuantity { sku: sku.into(), node_id: node.into(), quantity, owner: String::new() }
}

pub(crate) fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        channel: Channel::new("web").unwrap(),
        actor: Actor::new("shop-1").unwrap(),
        role: Role::Channel,
    });
    request
}

/// The code and reason of a refusal.
pub(crate) fn why(status: &Status) -> (Code, String) {
    let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
    (status.code(), reason.unwrap_or_default())
}

/// The fields a refusal complains about.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}
