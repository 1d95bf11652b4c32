//! The network service: one line per call into `rpc`.

use crate::door::Door;
use crate::rpc::upsert::{Kind, Upserted, settle, upsert};
use crate::{from_proto, rpc};
use tonic::{Request, Response, Status, async_trait};
use waybill_fulfillment::Command;
use waybill_proto::common::v1::{RowOutcome, RowResult};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::network_service_server::NetworkService;
use waybill_service_kit::caller;
use waybill_types::NodeId;

/// An upsert of one kind: its rows, how one is read, and the command and response they come to.
macro_rules! upsert {
    ($door:expr, $request:expr, $rows:ident: $row:ident by $key:ident, $parse:expr, $command:expr, $response:ident) => {{
        let caller = caller(&$request)?;
        let message = $request.get_ref();
        let kind = Kind {
            field: stringify!($rows),
            key: |row: &proto::$row| row.$key.as_str(),
            parse: $parse,
            command: $command,
        };
        let upserted =
            upsert($door, caller, kind, &message.request_id, &message.reason, &message.$rows).await?;
        settle($door, upserted.network_version, &changed_nodes(stringify!($rows), &upserted.results)).await;
        let Upserted { results, network_version, token } = upserted;
        Ok(Response::new(proto::$response { results, network_version, token }))
    }};
}

/// Nodes whose own partitions must hear of a change.
fn changed_nodes(rows: &str, results: &[RowResult]) -> Vec<(NodeId, u64)> {
    let changed = [RowOutcome::Created as i32, RowOutcome::Updated as i32];
    let changed = results.iter().filter(|result| rows == "nodes" && changed.contains(&result.outcome));
    changed.filter_map(|result| Some((NodeId::new(&result.key).ok()?, result.revision))).collect()
}

#[async_trait]
impl NetworkService for Door {
    async fn upsert_nodes(
        &self,
        request: Request<proto::UpsertNodesRequest>,
    ) -> Result<Response<proto::UpsertNodesResponse>, Status> {
        let (parse, command) = (from_proto::node::node, Command::UpsertNodes);
        upsert!(&self.0, request, nodes: Node by node_id, parse, command, UpsertNodesResponse)
    }
    async fn get_node(
        &self,
        request: Request<proto::GetNodeRequest>,
    ) -> Result<Response<proto::GetNodeResponse>, Status> {
        rpc::network_list::get_node(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn list_nodes(
        &self,
        request: Request<proto::ListNodesRequest>,
    ) -> Result<Response<proto::ListNodesResponse>, Status> {
        rpc::network_list::nodes(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn upsert_lanes(
        &self,
        request: Request<proto::UpsertLanesRequest>,
    ) -> Result<Response<proto::UpsertLanesResponse>, Status> {
        let (parse, command) = (from_proto::lane::lane, Command::UpsertLanes);
        upsert!(&self.0, request, lanes: Lane by lane_id, parse, command, UpsertLanesResponse)
    }
    async fn list_lanes(
        &self,
        request: Request<proto::ListLanesRequest>,
    ) -> Result<Response<proto::ListLanesResponse>, Status> {
        rpc::network_list::lanes(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn upsert_zones(
        &self,
        request: Request<proto::UpsertZonesRequest>,
    ) -> Result<Response<proto::UpsertZonesResponse>, Status> {
        let (parse, command) = (from_proto::zone::zone, Command::UpsertZones);
        upsert!(&self.0, request, zones: Zone by zone_id, parse, command, UpsertZonesResponse)
    }
    async fn list_zones(
        &self,
        request: Request<proto::ListZonesRequest>,
    ) -> Result<Response<proto::ListZonesResponse>, Status> {
        rpc::network_list::zones(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn upsert_calendars(
        &self,
        request: Request<proto::UpsertCalendarsRequest>,
    ) -> Result<Response<proto::UpsertCalendarsResponse>, Status> {
        let (parse, command) = (from_proto::calendar::calendar, Command::UpsertCalendars);
        upsert!(&self.0, request, calendars: Calendar by calendar_id, parse, command, UpsertCalendarsResponse)
    }
    async fn list_calendars(
        &self,
        request: Request<proto::ListCalendarsRequest>,
    ) -> Result<Response<proto::ListCalendarsResponse>, Status> {
        rpc::network_list::calendars(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn upsert_rate_cards(
        &self,
        request: Request<proto::UpsertRateCardsRequest>,
    ) -> Result<Response<proto::UpsertRateCardsResponse>, Status> {
        let (parse, command) = (from_proto::lane::rate_card, Command::UpsertRateCards);
        upsert!(&self.0, request, rate_cards: RateCard by rate_card_id, parse, command, UpsertRateCardsResponse)
    }
    async fn list_rate_cards(
        &self,
        request: Request<proto::ListRateCardsRequest>,
    ) -> Result<Response<proto::ListRateCardsResponse>, Status> {
        rpc::network_list::rate_cards(&self.0, request.into_inner()).await.map(Response::new)
    }
    async fn get_network_version(
        &self,
        request: Request<proto::GetNetworkVersionRequest>,
    ) -> Result<Response<proto::GetNetworkVersionResponse>, Status> {
        rpc::network_list::version(&self.0, request.into_inner()).await.map(Response::new)
    }
}
