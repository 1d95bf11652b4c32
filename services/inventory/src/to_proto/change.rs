//! Events of items, stock and reservations as the change feed shows them: their content as JSON. Fields may be added,
//! never renamed. Nothing here is personal.

use serde_json::{Value, json};
use waybill_inventory::event::{ConsumedLine, GrantedLine, LostLine};
use waybill_inventory::reservation::Intent;
use waybill_inventory::{Condition, Event, Inventory, MovementKind, Spot};
use waybill_service_kit::changes::Teller;
use waybill_service_kit::shown;
use waybill_types::exchange::{Claim, Fate, HoldAnswer, ReserveMode, ReserveOutcome, Shortage, TakeOver};
use waybill_types::{NodeId, OrderId, OwnerId, ReservationId, Sku};

/// Tells the events of inventory.
pub(crate) struct InventoryTeller;

impl Teller for InventoryTeller {
    type Machine = Inventory;
    const TOKEN_KIND: &'static str = "inventory changes";
    const STREAMS: &'static str = crate::metrics::CHANGE_STREAMS;

    fn event_type(event: &Event) -> &'static str {
        name(event)
    }
    fn order(event: &Event) -> Option<OrderId> {
        order(event)
    }
    fn resource(event: &Event) -> String {
        resource(event)
    }
    fn payload(event: &Event) -> Value {
        payload(event)
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::ItemUpserted(_) => "ItemUpserted",
        Event::AliasClaimed(..) => "AliasClaimed",
        Event::ItemFenced(..) => "ItemFenced",
        Event::StockMoved { .. } => "StockMoved",
        Event::StockCounted { .. } => "StockCounted",
        Event::SafetyStockSet { .. } => "SafetyStockSet",
        Event::StockDisposed { .. } => "StockDisposed",
        Event::ReservationGranted { .. } => "ReservationGranted",
        Event::PartTaken { .. } => "PartTaken",
        Event::ReservationRefused { .. } => "ReservationRefused",
        Event::ReservationDecided { .. } => "ReservationDecided",
        Event::PartSettled { .. } => "PartSettled",
        Event::ReservationCommitted { .. } => "ReservationCommitted",
        Event::ReservationReleased { .. } => "ReservationReleased",
        Event::ReservationExpired { .. } => "ReservationExpired",
        Event::IntentKept { .. } => "IntentKept",
        Event::UnitsReleased { .. } => "UnitsReleased",
        Event::UnitsConsumed { .. } => "UnitsConsumed",
        Event::UnitsNotFound { .. } => "UnitsNotFound",
        Event::UnitsTakenOver { .. } => "UnitsTakenOver",
        Event::UnitsSeized { .. } => "UnitsSeized",
        Event::TombstoneLeft { .. } => "TombstoneLeft",
        Event::TombstoneForgotten { .. } => "TombstoneForgotten",
        Event::AbandonSent { .. } => "AbandonSent",
        Event::HomeAsked { .. } => "HomeAsked",
        Event::OutcomeRepeated { .. } => "OutcomeRepeated",
        Event::PartAnswered { .. } => "PartAnswered",
        Event::HoldAnswered { .. } => "HoldAnswered",
        Event::StockAwaited { .. } => "StockAwaited",
        Event::StockForgotten { .. } => "StockForgotten",
        Event::WaitersTold { .. } => "WaitersTold",
        Event::NodeOpened { .. } => "NodeOpened",
    }
}

/// The reservation an event is about.
fn reservation(event: &Event) -> Option<ReservationId> {
    match event {
        Event::PartTaken { request, .. } => Some(request.id),
        Event::UnitsTakenOver { to, .. } => Some(*to),
        Event::ReservationGranted { id, .. }
        | Event::ReservationRefused { id, .. }
        | Event::ReservationDecided { id, .. }
        | Event::PartSettled { id, .. }
        | Event::ReservationCommitted { id, .. }
        | Event::ReservationReleased { id, .. }
        | Event::ReservationExpired { id, .. }
        | Event::IntentKept { id, .. }
        | Event::UnitsReleased { id, .. }
        | Event::UnitsConsumed { id, .. }
        | Event::UnitsNotFound { id, .. }
        | Event::UnitsSeized { id, .. }
        | Event::TombstoneLeft { id, .. }
        | Event::TombstoneForgotten { id, .. }
        | Event::AbandonSent { id, .. }
        | Event::HomeAsked { id, .. }
        | Event::OutcomeRepeated { id, .. }
        | Event::PartAnswered { id, .. }
        | Event::HoldAnswered { id, .. } => Some(*id),
        Event::ItemUpserted(_)
        | Event::AliasClaimed(..)
        | Event::ItemFenced(..)
        | Event::StockMoved { .. }
        | Event::StockCounted { .. }
        | Event::SafetyStockSet { .. }
        | Event::StockDisposed { .. }
        | Event::StockAwaited { .. }
        | Event::StockForgotten { .. }
        | Event::WaitersTold { .. }
        | Event::NodeOpened { .. } => None,
    }
}

/// The order that claims: as the event says, or as the reservation's name does.
fn order(event: &Event) -> Option<OrderId> {
    let said = match event {
        Event::ReservationGranted { order, .. } | Event::PartTaken { order, .. } => *order,
        Event::ReservationCommitted { order, .. }
        | Event::HoldAnswered { order, .. }
        | Event::StockAwaited { order, .. }
        | Event::StockForgotten { order, .. }
        | Event::IntentKept { intent: Intent::Adopt(order), .. } => Some(*order),
        _ => None,
    };
    said.or(match reservation(event)? {
        ReservationId::Order { order, .. } => Some(order),
        ReservationId::Hold { .. } => None,
    })
}

/// The reservation where there is one, else the SKU.
fn resource(event: &Event) -> String {
    match event {
        Event::ItemUpserted(record) => record.item.sku.to_string(),
        Event::AliasClaimed(_, claim) => claim.sku.to_string(),
        Event::ItemFenced(sku, _) => sku.to_string(),
        Event::StockMoved { spot, .. }
        | Event::StockCounted { spot, .. }
        | Event::StockDisposed { spot, .. }
        | Event::SafetyStockSet { spot, .. } => spot.sku.to_string(),
        Event::StockAwaited { sku, .. }
        | Event::StockForgotten { sku, .. }
        | Event::WaitersTold { sku, .. } => sku.to_string(),
        Event::NodeOpened { node, .. } => node.to_string(),
        _ => reservation(event).map_or_else(String::new, |id| id.to_string()),
    }
}

fn payload(event: &Event) -> Value {
    match event {
        Event::ItemUpserted(record) => {
            json!({ "item": shown::json("inventory.v1.Item", &super::item(record)) })
        }
        Event::AliasClaimed(alias, claim) => json!({
            "kind": alias.kind.as_str(), "value": alias.value.as_str(), "sku": claim.sku.as_str(),
            "revision": claim.revision,
        }),
        Event::ItemFenced(sku, revision) => json!({ "sku": sku.as_str(), "revision": revision }),
        Event::StockMoved { spot, condition, kind, delta, reference } => at(
            spot,
            json!({
                "condition": self::condition(*condition), "kind": movement(*kind), "delta": delta,
                "reference": reference.as_str(),
            }),
        ),
        Event::StockCounted { spot, condition, counted, delta, source, sequence } => at(
            spot,
            json!({
                "condition": self::condition(*condition), "counted": counted.units(), "delta": delta,
                "source": source.as_str(), "source_sequence": sequence,
            }),
        ),
        Event::SafetyStockSet { spot, safety_stock } => {
            at(spot, json!({ "safety_stock": safety_stock.units() }))
        }
        Event::StockDisposed { spot, from, to, quantity, reference } => at(
            spot,
            json!({
                "from": condition(*from), "to": condition(*to), "quantity": quantity.units(),
                "reference": reference.as_str(),
            }),
        ),
        Event::ReservationGranted { id, order, mode, expires_at, lines, taken } => json!({
            "reservation": id.to_string(), "order": order.map(|order| order.to_string()), "mode": self::mode(*mode),
            "expires_at_ms": expires_at.map(|at| at.as_ms()), "lines": granted(lines),
            "taken_over": taken_over(taken),
        }),
        Event::PartTaken { request, order, before, lines, taking, .. } => json!({
            "reservation": request.id.to_string(), "order": order.map(|order| order.to_string()),
            "mode": mode(request.mode), "expires_at_ms": request.expires_at.map(|at| at.as_ms()),
            "asked": claims(&request.claims), "granted_before": claims(before), "lines": granted(lines),
            "takes_over": taken_over(taking),
        }),
        Event::ReservationRefused { id, outcome }
        | Event::ReservationDecided { id, outcome }
        | Event::OutcomeRepeated { id, outcome } => {
            json!({ "reservation": id.to_string(), "outcome": self::outcome(outcome) })
        }
        Event::PartSettled { id, fate } => {
            json!({ "reservation": id.to_string(), "fate": self::fate(*fate) })
        }
        Event::PartAnswered { id, part, fate } => {
            json!({ "reservation": id.to_string(), "part": part.index, "fate": self::fate(*fate) })
        }
        Event::ReservationCommitted { id, order } => {
            json!({ "reservation": id.to_string(), "order": order.to_string() })
        }
        Event::ReservationReleased { id }
        | Event::ReservationExpired { id }
        | Event::TombstoneForgotten { id }
        | Event::AbandonSent { id } => json!({ "reservation": id.to_string() }),
        Event::IntentKept { id, intent } => {
            let (intent, order) = match intent {
                Intent::Release => ("release", None),
                Intent::Adopt(order) => ("adopt", Some(order.to_string())),
            };
            json!({ "reservation": id.to_string(), "intent": intent, "order": order })
        }
        Event::UnitsReleased { id, claims: given } => {
            json!({ "reservation": id.to_string(), "lines": claims(given) })
        }
        Event::UnitsConsumed { id, lines } => {
            json!({ "reservation": id.to_string(), "lines": lines.iter().map(consumed).collect::<Value>() })
        }
        Event::UnitsNotFound { id, lines } => {
            json!({ "reservation": id.to_string(), "lines": lines.iter().map(lost).collect::<Value>() })
        }
        Event::UnitsTakenOver { from, to, claims: taken } => {
            json!({ "reservation": to.to_string(), "from": from.to_string(), "lines": claims(taken) })
        }
        Event::UnitsSeized { id, claims: seized } => {
            json!({ "reservation": id.to_string(), "lines": claims(seized) })
        }
        Event::TombstoneLeft { id, until } => {
            json!({ "reservation": id.to_string(), "until_ms": until.as_ms() })
        }
        Event::HomeAsked { id, again_at } => {
            json!({ "reservation": id.to_string(), "again_at_ms": again_at.as_ms() })
        }
        Event::HoldAnswered { id, order, answer } => {
            let (adopted, taken_by) = match answer {
                HoldAnswer::Adopted(given) => (Some(claims(given)), None),
                HoldAnswer::Gone(taken_by) => (None, taken_by.map(|order| order.to_string())),
            };
            json!({
                "reservation": id.to_string(), "order": order.to_string(), "adopted": adopted, "taken_by": taken_by,
            })
        }
        Event::StockAwaited { order, sku, owner, quantity, priority, since } => json!({
            "order": order.to_string(), "sku": sku.as_str(), "owner": owner.as_str(), "quantity": quantity.units(),
            "priority": priority, "since_ms": since.as_ms(),
        }),
        Event::StockForgotten { order, sku, owner } => {
            json!({ "order": order.to_string(), "sku": sku.as_str(), "owner": owner.as_str() })
        }
        Event::NodeOpened { node, goods, through: _ } => {
            let named =
                |(sku, owner): &(Sku, OwnerId)| json!({ "sku": sku.as_str(), "owner": owner.as_str() });
            json!({ "node": node.as_str(), "goods": goods.iter().map(named).collect::<Value>() })
        }
        Event::WaitersTold { sku, owner, orders, nodes, in_turn: _ } => {
            let orders = orders.iter().map(ToString::to_string).collect::<Vec<_>>();
            let named = |nodes: &Vec<NodeId>| nodes.iter().map(NodeId::as_str).collect::<Value>();
            let nodes = nodes.iter().map(named).collect::<Value>();
            json!({ "sku": sku.as_str(), "owner": owner.as_str(), "orders": orders, "nodes": nodes })
        }
    }
}

/// `value`, an object, with where it happened.
fn at(spot: &Spot, mut value: Value) -> Value {
    value["sku"] = spot.sku.as_str().into();
    value["owner"] = spot.owner.as_str().into();
    value["node"] = spot.node.as_str().into();
    value
}

fn claim(claim: &Claim) -> Value {
    json!({
        "sku": claim.sku.as_str(), "owner": claim.owner.as_str(), "node": claim.node.as_str(),
        "quantity": claim.quantity.units(),
    })
}

fn claims(claims: &[Claim]) -> Value {
    claims.iter().map(claim).collect()
}

fn taken_over(taken: &[TakeOver]) -> Value {
    let one = |take: &TakeOver| json!({ "from": take.from.to_string(), "lines": claims(&take.claims) });
    taken.iter().map(one).collect()
}

fn granted(lines: &[GrantedLine]) -> Value {
    let one = |line: &GrantedLine| {
        let mut value = claim(&line.asked);
        value["granted"] = line.granted.units().into();
        value
    };
    lines.iter().map(one).collect()
}

fn consumed(line: &ConsumedLine) -> Value {
    let mut value = claim(&line.shipped);
    value["of_claim"] = line.of_claim.units().into();
    value
}

fn lost(line: &LostLine) -> Value {
    let mut value = claim(&line.missing);
    value["of_claim"] = line.of_claim.units().into();
    value["corrected"] = line.corrected.units().into();
    value
}

fn outcome(outcome: &ReserveOutcome) -> Value {
    let short = |shortages: &[Shortage]| -> Value {
        let one =
            |short: &Shortage| json!({ "asked": claim(&short.asked), "available": short.available.units() });
        shortages.iter().map(one).collect()
    };
    match outcome {
        ReserveOutcome::Granted(given) => json!({ "type": "granted", "claims": claims(given) }),
        ReserveOutcome::Refused(shortages) => json!({ "type": "refused", "shortages": short(shortages) }),
        ReserveOutcome::Contended(shortages) => json!({ "type": "contended", "shortages": short(shortages) }),
    }
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Held => "held",
        Fate::Committed => "committed",
        Fate::Released => "released",
        Fate::Expired => "expired",
        Fate::Refused => "refused",
    }
}

fn mode(mode: ReserveMode) -> &'static str {
    match mode {
        ReserveMode::AllOrNothing => "all_or_nothing",
        ReserveMode::BestEffort => "best_effort",
    }
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Sellable => "sellable",
        Condition::Inspect => "inspect",
        Condition::Damaged => "damaged",
    }
}

fn movement(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Receipt => "receipt",
        MovementKind::Shipment => "shipment",
        MovementKind::Adjustment => "adjustment",
        MovementKind::Count => "count",
        MovementKind::Return => "return",
        MovementKind::Transfer => "transfer",
        MovementKind::Disposition => "disposition",
    }
}
