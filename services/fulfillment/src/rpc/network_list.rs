//! Reads of the network from partition 0: one node, pages of each kind, the version.

use super::list::{Page, page_token};
use crate::door::Shared;
use crate::error::unknown_node;
use crate::from_proto;
use crate::to_proto::network as to_proto;
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::Status;
use waybill_fulfillment::{FulfillmentState, Kept};
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{DoorError, Fields};
use waybill_types::network::{Calendar, Lane, LaneId, Node, NodeKind, RateCard, RateCardId, Zone};
use waybill_types::{CalendarId, Invalid, NodeId, ZoneId};

/// Rows looked at for one page of a filtered list.
const LOOKED_AT_MAX: usize = 5_000;

pub(crate) async fn get_node(
    door: &Shared,
    message: proto::GetNodeRequest,
) -> Result<proto::GetNodeResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.check("node_id", NodeId::new(&message.node_id));
    door.own_token(&mut fields, &message.after);
    let id = fields.finish(id)?;
    let asked = id.clone();
    let node = door.read(door.layout.network_home(), move |state| state.node(&asked)).await?;
    let node = node.ok_or_else(|| unknown_node(&id))?;
    Ok(proto::GetNodeResponse { node: Some(to_proto::node(&node)) })
}

pub(crate) async fn version(
    door: &Shared,
    message: proto::GetNetworkVersionRequest,
) -> Result<proto::GetNetworkVersionResponse, Status> {
    let mut fields = Fields::new();
    door.own_token(&mut fields, &message.after);
    fields.finish(Some(()))?;
    let head = door.read(door.layout.network_home(), FulfillmentState::network).await?;
    Ok(proto::GetNetworkVersionResponse {
        network_version: head.version,
        node_count: head.nodes,
        lane_count: head.lanes,
        zone_count: head.zones,
        calendar_count: head.calendars,
        rate_card_count: head.rate_cards,
    })
}

/// One page as it is asked for: the list's name with its filter, its size, its token, and what it must reflect.
struct Asked<'a> {
    kind: String,
    page_size: u32,
    page_token: &'a str,
    after: &'a str,
}

macro_rules! asked {
    ($kind:expr, $message:expr) => {
        Asked {
            kind: $kind.to_string(),
            page_size: $message.page_size,
            page_token: &$message.page_token,
            after: &$message.after,
        }
    };
}

type Rows<D> = Vec<Arc<Kept<D>>>;

/// A page of documents by id, and the token of the next one.
async fn page<D, I>(
    door: &Shared,
    mut fields: Fields,
    asked: Asked<'_>,
    parse: fn(String) -> Result<I, Invalid>,
    id: fn(&D) -> &I,
    read: fn(&FulfillmentState, Option<&I>, usize) -> Rows<D>,
    fits: impl Fn(&D) -> bool + Send + 'static,
) -> Result<(Rows<D>, String), Status>
where
    D: Send + Sync + 'static,
    I: Clone + ToString + Send + 'static,
{
    let size = page_size(&mut fields, asked.page_size, 100, 1_000);
    door.own_token(&mut fields, asked.after);
    let size = fields.finish(size)?;
    let begin = match page_token::<String>(&asked.kind, asked.page_token)? {
        Some(text) => Some(parse(text).map_err(|invalid| DoorError::malformed("page_token", &invalid))?),
        None => None,
    };
    let place = move |row: &Arc<Kept<D>>| Some(id(&row.document).clone());
    let gather = move |state: &FulfillmentState| {
        let read = |after: &Option<I>, limit: usize| read(state, after.as_ref(), limit);
        Page::gather(size, LOOKED_AT_MAX, begin, place, read, |row| fits(&row.document))
    };
    let page = door.read(door.layout.network_home(), gather).await?;
    let next = page.next_token(&asked.kind, |row| id(&row.document).to_string());
    Ok((page.rows, next))
}

pub(crate) async fn nodes(
    door: &Shared,
    message: proto::ListNodesRequest,
) -> Result<proto::ListNodesResponse, Status> {
    let mut fields = Fields::new();
    let kinds: Vec<Option<NodeKind>> = message
        .kinds
        .iter()
        .enumerate()
        .map(|(index, kind)| from_proto::node::kind(&mut fields, &format!("kinds[{index}]"), *kind))
        .collect();
    let kinds: BTreeSet<NodeKind> = kinds.into_iter().flatten().collect();
    let asked = asked!(format!("nodes {kinds:?}"), message);
    let fits = move |node: &Node| kinds.is_empty() || kinds.contains(&node.kind);
    let (rows, next_page_token) =
        page(door, fields, asked, NodeId::new, |node| &node.id, FulfillmentState::nodes, fits).await?;
    Ok(proto::ListNodesResponse {
        nodes: rows.iter().map(|row| to_proto::node(row)).collect(),
        next_page_token,
    })
}

pub(crate) async fn lanes(
    door: &Shared,
    message: proto::ListLanesRequest,
) -> Result<proto::ListLanesResponse, Status> {
    let mut fields = Fields::new();
    let from = fields.check_unless_empty("from_node_id", &message.from_node_id, |id| NodeId::new(id));
    let asked = asked!(format!("lanes from {from:?}"), message);
    let fits = move |lane: &Lane| from.as_ref().is_none_or(|from| lane.from == *from);
    let (rows, next_page_token) =
        page(door, fields, asked, LaneId::new, |lane| &lane.id, FulfillmentState::lanes, fits).await?;
    Ok(proto::ListLanesResponse {
        lanes: rows.iter().map(|row| to_proto::lane(row)).collect(),
        next_page_token,
    })
}

pub(crate) async fn zones(
    door: &Shared,
    message: proto::ListZonesRequest,
) -> Result<proto::ListZonesResponse, Status> {
    let asked = asked!("zones", message);
    let all = |_: &Zone| true;
    let (rows, next_page_token) =
        page(door, Fields::new(), asked, ZoneId::new, |zone| &zone.id, FulfillmentState::zones, all).await?;
    Ok(proto::ListZonesResponse {
        zones: rows.iter().map(|row| to_proto::zone(row)).collect(),
        next_page_token,
    })
}

pub(crate) async fn calendars(
    door: &Shared,
    message: proto::ListCalendarsRequest,
) -> Result<proto::ListCalendarsResponse, Status> {
    let asked = asked!("calendars", message);
    let (parse, read) = (CalendarId::new, FulfillmentState::calendars);
    let (rows, next_page_token) =
        page(door, Fields::new(), asked, parse, |calendar: &Calendar| &calendar.id, read, |_| true).await?;
    let calendars = rows.iter().map(|row| to_proto::calendar(row)).collect();
    Ok(proto::ListCalendarsResponse { calendars, next_page_token })
}

pub(crate) async fn rate_cards(
    door: &Shared,
    message: proto::ListRateCardsRequest,
) -> Result<proto::ListRateCardsResponse, Status> {
    let asked = asked!("rate cards", message);
    let (parse, read) = (RateCardId::new, FulfillmentState::rate_cards);
    let (rows, next_page_token) =
        page(door, Fields::new(), asked, parse, |card: &RateCard| &card.id, read, |_| true).await?;
    let rate_cards = rows.iter().map(|row| to_proto::rate_card(row)).collect();
    Ok(proto::ListRateCardsResponse { rate_cards, next_page_token })
}
