//! One sound request for every method, in JSON. A method without one fails the coverage test.

use anyhow::Context;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};

/// What the requests are about: things that the world of the test holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Its units are released to a node.
    pub(crate) released_order: String,
    /// Not to be released today.
    pub(crate) later_order: String,
    /// A checkout's hold that shall be committed and consumed.
    pub(crate) hold: String,
    /// A checkout's hold that shall be released.
    pub(crate) other_hold: String,
    /// Work to be shipped, at node-0, and its revision.
    pub(crate) shipment: (String, u64),
    /// Work to be fetched, and its revision.
    pub(crate) pickup: (String, u64),
    /// Work to be rejected, and its revision.
    pub(crate) unwanted: (String, u64),
    /// A directory that is not there.
    pub(crate) directory: String,
    /// What was changed, held and sent back.
    pub(crate) changes: Changes,
}

/// Orders that were changed, held and sent back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// An order to change, and its revision.
    pub(crate) amended: (String, u64),
    /// An order with an amendment that waits for approval, and its number.
    pub(crate) waiting: (String, u32),
    /// An order with a hold of number 1.
    pub(crate) held: String,
    /// An order that needs somebody: nothing hands over where it is to be fetched.
    pub(crate) stuck: String,
    /// A finished order of 9 units that were delivered yesterday.
    pub(crate) delivered: String,
    /// A return that waits for a yes.
    pub(crate) asked_back: String,
    /// A return of 2 units that may come.
    pub(crate) coming_back: String,
}

/// How a method is called.
#[derive(Clone)]
pub(crate) struct Sound {
    /// Full name, such as `waybill.orders.v1.OrdersService.PlaceOrder`.
    pub(crate) method: &'static str,
    pub(crate) request: Value,
}

fn report(work: &(String, u64), more: Value) -> Value {
    let mut request =
        json!({"requestId": "sound", "reason": "why", "fulfillmentOrderId": work.0, "revision": work.1});
    if let (Value::Object(request), Value::Object(more)) = (&mut request, more) {
        request.extend(more);
    }
    request
}

fn eur(minor_units: i64) -> Value {
    json!({"currencyCode": "EUR", "minorUnits": minor_units})
}

fn place(number: &str) -> Value {
    json!({
        "requestId": "sound", "reason": "why", "mode": "PLACE_MODE_CONFIRM", "externalOrderNumber": number,
        "customerId": "customer-1",
        "contact": {"name": "Ada Example", "phone": "+49305550100", "email": "ada@example.com"},
        "shipTo": {"name": "Ada Example", "streetLines": ["Teststraße 1"], "city": "Berlin", "postalCode": "10115",
            "countryCode": "DE"},
        "lines": [{"externalLineId": "a", "sku": "SKU-000", "quantity": 1, "deliveryMethod": "DELIVERY_METHOD_SHIP_HOME",
            "amounts": {"unitPrice": eur(1999), "subtotal": eur(1999), "discount": eur(0), "tax": eur(0), "total": eur(1999)}}],
        "amounts": {"shipping": eur(0), "discount": eur(0), "tax": eur(0), "total": eur(1999), "taxIncluded": true},
        "backorderPolicy": "BACKORDER_POLICY_FORBID", "priority": 1, "waitMs": 5000
    })
}

fn orders(facts: &Facts) -> Vec<Sound> {
    let order_id = &facts.later_order;
    vec![
        sound("orders.v1.OrdersService.PlaceOrder", place("SOUND-1")),
        sound("orders.v1.OrdersService.GetOrder", json!({"orderId": order_id})),
        sound("orders.v1.OrdersService.FindOrders", json!({"channel": "web", "pageSize": 5})),
        sound("orders.v1.OrdersService.GetTimeline", json!({"orderId": order_id})),
        sound("orders.v1.OrdersService.WatchOrder", json!({"orderId": order_id})),
        sound("orders.v1.OrdersService.WatchChanges", json!({"orderId": order_id})),
        sound(
            "orders.v1.OrdersService.ImportOrders",
            json!({"requestId": "sound", "orders": [{
                "channel": "old", "externalOrderNumber": "1", "placeTime": "2020-02-03T04:05:06Z",
                "contact": {"name": "Ada Example"},
                "lines": [{"line": place("")["lines"][0], "buckets": {"delivered": 1}, "nodeId": "node-0"}],
                "amounts": {"total": eur(1999), "taxIncluded": true}}]}),
        ),
        sound(
            "orders.v1.OrdersService.CancelOrder",
            json!({"requestId": "sound", "orderId": order_id, "lines": [{"lineNumber": 1, "quantity": 1}], "waitMs": 1000}),
        ),
        sound(
            "orders.v1.OrdersService.CancelOrders",
            json!({"requestId": "sound", "filter": {"externalOrderNumber": "none-such"}, "ordersPerSecond": 10}),
        ),
        sound(
            "orders.v1.OrdersService.PlaceOrderHold",
            json!({"requestId": "sound", "orderId": facts.changes.held, "lineNumber": 1, "holdType": "manual", "note": "why"}),
        ),
        sound(
            "orders.v1.OrdersService.ResolveOrderHold",
            json!({"requestId": "sound", "orderId": facts.changes.held, "hold": 1, "note": "fine"}),
        ),
        sound("orders.v1.OrdersService.ListExceptions", json!({"pageSize": 2})),
        sound(
            "orders.v1.OrdersService.AnswerException",
            json!({"requestId": "sound", "reason": "why", "orderId": facts.changes.stuck, "lineNumbers": [1],
                "answer": "EXCEPTION_ANSWER_SOURCE_AGAIN", "askAllNodes": true, "note": "called the store"}),
        ),
        sound("orders.v1.OrdersService.WatchOrders", json!({"channel": "web"})),
        sound("orders.v1.OrdersService.EraseSubject", json!({"requestId": "sound", "orderId": order_id})),
    ]
}

fn amendments(facts: &Facts) -> Vec<Sound> {
    let (order_id, revision) = &facts.changes.amended;
    let added = json!({"unitPrice": eur(1999), "total": eur(1999)});
    let change = json!({"setQuantity": {"lineNumber": 1, "quantity": 3, "added": added}});
    let (waiting, amendment) = &facts.changes.waiting;
    vec![
        sound(
            "orders.v1.AmendmentsService.PreviewAmendment",
            json!({"orderId": order_id, "expectedRevision": revision, "changes": [change]}),
        ),
        sound(
            "orders.v1.AmendmentsService.AmendOrder",
            json!({"requestId": "sound", "reason": "why", "orderId": order_id, "expectedRevision": revision,
                "changes": [change], "waitMs": 5000}),
        ),
        sound(
            "orders.v1.AmendmentsService.DecideAmendment",
            json!({"requestId": "sound", "orderId": waiting, "amendment": amendment, "approve": true, "waitMs": 1000}),
        ),
    ]
}

fn returns(facts: &Facts) -> Vec<Sound> {
    let Changes { delivered, asked_back, coming_back, .. } = &facts.changes;
    let seen =
        json!([{"lineNumber": 1, "quantity": 1, "disposition": "DISPOSITION_SELLABLE", "note": "as new"}]);
    vec![
        sound("orders.v1.ReturnsService.FindReturnable", json!({"receipt": "delivered", "pageSize": 2})),
        sound(
            "orders.v1.ReturnsService.CreateReturn",
            json!({"requestId": "sound", "reason": "why", "orderId": delivered, "nodeId": "node-1", "received": seen,
                "lines": [{"lineNumber": 1, "quantity": 1, "why": "too_small"}]}),
        ),
        sound(
            "orders.v1.ReturnsService.DecideReturn",
            json!({"requestId": "sound", "returnId": asked_back, "authorize": true}),
        ),
        sound(
            "orders.v1.ReturnsService.ReceiveReturn",
            json!({"requestId": "sound", "returnId": coming_back, "nodeId": "node-1", "lines": seen}),
        ),
        sound("orders.v1.ReturnsService.CloseReturn", json!({"requestId": "sound", "returnId": coming_back})),
        sound("orders.v1.ReturnsService.GetReturn", json!({"returnId": coming_back})),
    ]
}

/// A policy under which returns wait for a yes.
pub(crate) fn policy() -> Value {
    json!({
        "rules": [
            {"kind": "CHANGE_KIND_PRICE", "verdict": "VERDICT_NEEDS_APPROVAL", "note": "prices"},
            {"channel": "web", "stage": "CHANGE_STAGE_UNRELEASED", "verdict": "VERDICT_ALLOW"},
            {"kind": "CHANGE_KIND_CANCEL", "verdict": "VERDICT_ALLOW"}],
        "holdTypes": [{"holdType": "manual", "stopsRelease": true, "stopsChanges": ["CHANGE_KIND_SHIP_TO"]}],
        "returnWindowDays": 30, "amendWithinMs": 60_000, "approveWithinMs": 86_400_000,
        "cancelAnswerWithinMs": 900_000, "bouncesMax": 8
    })
}

fn order_policy() -> Vec<Sound> {
    vec![
        sound("orders.v1.OrderPolicyService.GetOrderPolicy", json!({"version": 1})),
        sound(
            "orders.v1.OrderPolicyService.SetOrderPolicy",
            json!({"requestId": "sound", "reason": "why", "policy": policy(), "expectedVersion": 1}),
        ),
        sound(
            "orders.v1.OrderPolicyService.ExplainChange",
            json!({"channel": "web", "kind": "CHANGE_KIND_NOTES", "stage": "CHANGE_STAGE_RELEASED", "version": 1}),
        ),
    ]
}

fn inventory(facts: &Facts) -> Vec<Sound> {
    let at = |more: Value| {
        let mut request =
            json!({"requestId": "sound", "reason": "why", "sku": "SKU-001", "nodeId": "node-0"});
        if let (Value::Object(request), Value::Object(more)) = (&mut request, more) {
            request.extend(more);
        }
        request
    };
    let claim = json!({"sku": "SKU-001", "nodeId": "node-0", "quantity": 1});
    let count = json!({"sku": "SKU-001", "nodeId": "node-1", "quantity": 9, "sourceSequence": 2});
    let hold = |id: &str| json!({"requestId": "sound", "reservationId": id});
    let commit = json!({"requestId": "sound", "reservationId": facts.hold, "orderId": facts.later_order});
    vec![
        sound(
            "inventory.v1.InventoryService.UpsertItems",
            json!({"requestId": "sound", "rows": [{"item": {"sku": "SKU-NEW", "name": "new", "unit": "UNIT_KILOGRAM",
                "scale": 3, "weightG": 1000, "customAttributes": {"k": "v"}}}]}),
        ),
        sound("inventory.v1.InventoryService.GetItem", json!({"sku": "SKU-001"})),
        sound("inventory.v1.InventoryService.WatchChanges", json!({"orderId": facts.later_order})),
        sound("inventory.v1.InventoryService.ListItems", json!({"pageSize": 2})),
        sound(
            "inventory.v1.InventoryService.ReceiveStock",
            at(json!({"quantity": 3, "documentReference": "note"})),
        ),
        sound("inventory.v1.InventoryService.AdjustStock", at(json!({"quantityDelta": -1}))),
        sound(
            "inventory.v1.InventoryService.DisposeStock",
            at(json!({
                "quantity": 1, "fromCondition": "STOCK_CONDITION_SELLABLE",
                "toCondition": "STOCK_CONDITION_DAMAGED", "documentReference": "W00-1-R1",
            })),
        ),
        sound(
            "inventory.v1.InventoryService.SetStockCount",
            json!({"requestId": "sound", "count": count, "source": "wms"}),
        ),
        sound(
            "inventory.v1.InventoryService.ImportStock",
            json!({"requestId": "sound", "source": "feed", "rows": [count]}),
        ),
        sound("inventory.v1.InventoryService.SetSafetyStock", at(json!({"safetyStock": 1}))),
        sound("inventory.v1.InventoryService.GetPosition", json!({"sku": "SKU-001", "nodeId": "node-0"})),
        sound(
            "inventory.v1.InventoryService.ReserveStock",
            json!({"requestId": "sound", "lines": [claim], "ttlMs": 60_000, "mode": "RESERVE_MODE_ALL_OR_NOTHING"}),
        ),
        sound("inventory.v1.InventoryService.GetReservation", json!({"reservationId": facts.hold})),
        sound("inventory.v1.InventoryService.CommitStockHold", commit),
        sound("inventory.v1.InventoryService.ConsumeReservation", hold(&facts.hold)),
        sound("inventory.v1.InventoryService.ReleaseReservation", hold(&facts.other_hold)),
        sound("inventory.v1.InventoryService.GetAvailability", json!({"sku": "SKU-001"})),
        sound("inventory.v1.InventoryService.BatchGetAvailability", json!({"skus": ["SKU-001", "SKU-002"]})),
        sound("inventory.v1.InventoryService.WatchAvailability", json!({"skus": ["SKU-001"]})),
    ]
}

fn fulfillment(facts: &Facts) -> Vec<Sound> {
    let basket = json!({
        "lines": [{"lineNumber": 1, "sku": "SKU-001", "quantity": 1, "deliveryMethod": "DELIVERY_METHOD_SHIP_HOME"}],
        "destination": {"countryCode": "DE", "postalCode": "10115"}
    });
    let picked = json!({"lines": [{"lineNumber": 1, "pickedQuantity": 1}]});
    let parcel = json!({"parcelId": "box", "contents": [{"lineNumber": 1, "quantity": 1}], "weightG": 300});
    vec![
        sound("fulfillment.v1.FulfillmentService.Promise", json!({"basket": basket, "optionsMax": 2})),
        sound("fulfillment.v1.FulfillmentService.Plan", json!({"basket": basket})),
        sound(
            "fulfillment.v1.PromiseService.PromiseItem",
            json!({"sku": "SKU-000", "owner": "default", "quantity": 1, "channel": "web", "optionsMax": 2,
                "places": [{"destination": {"countryCode": "DE", "postalCode": "10115",
                    "location": {"latitudeDegreesE6": 52_520_000, "longitudeDegreesE6": 13_400_000}}},
                    {"pickupNodeId": "node-0"}]}),
        ),
        sound(
            "fulfillment.v1.PromiseService.FindNearby",
            json!({"near": {"countryCode": "DE", "postalCode": "10115",
                    "location": {"latitudeDegreesE6": 52_520_000, "longitudeDegreesE6": 13_400_000}},
                "items": [{"sku": "SKU-000", "owner": "default", "quantity": 1}], "withinM": 5_000,
                "nodesMax": 3, "readyByTime": "2100-01-01T00:00:00Z"}),
        ),
        sound(
            "fulfillment.v1.FulfillmentService.WatchChanges",
            json!({"cursors": [{"partition": 0}], "eventTypes": ["NodeSet"]}),
        ),
        sound("fulfillment.v1.FulfillmentService.SubscribeInstructions", json!({"nodeId": "node-0"})),
        sound(
            "fulfillment.v1.FulfillmentService.AcknowledgeInstructions",
            json!({"requestId": "sound", "nodeId": "node-0", "throughNumber": 1}),
        ),
        sound(
            "fulfillment.v1.FulfillmentService.GetFulfillmentOrder",
            json!({"fulfillmentOrderId": facts.shipment.0}),
        ),
        sound("fulfillment.v1.FulfillmentService.ListFulfillmentOrders", json!({"nodeId": "node-0"})),
        sound("fulfillment.v1.FulfillmentService.AcceptFulfillmentOrder", report(&facts.shipment, json!({}))),
        sound("fulfillment.v1.FulfillmentService.StartPicking", report(&facts.shipment, json!({}))),
        sound("fulfillment.v1.FulfillmentService.ConfirmPick", report(&facts.shipment, picked)),
        sound(
            "fulfillment.v1.FulfillmentService.Pack",
            report(&facts.shipment, json!({"parcels": [parcel]})),
        ),
        sound(
            "fulfillment.v1.FulfillmentService.AnswerCancel",
            report(&facts.shipment, json!({"stopped": [{"lineNumber": 1, "quantity": 1}]})),
        ),
        sound("fulfillment.v1.FulfillmentService.Ship", report(&facts.shipment, json!({"carrier": "post"}))),
        sound("fulfillment.v1.FulfillmentService.ConfirmDelivery", report(&facts.shipment, json!({}))),
        sound(
            "fulfillment.v1.FulfillmentService.ReadyForPickup",
            report(&facts.pickup, json!({"shelf": "B-7"})),
        ),
        sound(
            "fulfillment.v1.FulfillmentService.HandOver",
            report(&facts.pickup, json!({"proof": "code", "taken": [{"lineNumber": 1, "quantity": 1}]})),
        ),
        sound("fulfillment.v1.FulfillmentService.ReportNoShow", report(&facts.pickup, json!({}))),
        sound(
            "fulfillment.v1.FulfillmentService.ReportUndelivered",
            report(
                &facts.shipment,
                json!({
                    "kind": "UNDELIVERED_KIND_RETURNED_TO_SENDER",
                    "condition": "GOODS_CONDITION_INSPECT", "parcelIds": ["box"],
                }),
            ),
        ),
        sound(
            "fulfillment.v1.FulfillmentService.RejectFulfillmentOrder",
            report(&facts.unwanted, json!({"rejectReason": "REJECT_REASON_CLOSED"})),
        ),
    ]
}

fn network() -> Vec<Sound> {
    let node = json!({"nodeId": "node-new", "kind": "NODE_KIND_STORE", "timeZone": "Europe/Berlin", "name": "new",
        "address": {"streetLines": ["Weg 1"], "city": "Berlin", "countryCode": "DE", "postalCode": "10115"},
        "handlingCost": eur(100), "capabilities": {"ships": true}});
    let lane = json!({"laneId": "lane-new", "fromNodeId": "node-0", "toZoneId": "de", "carrierService": "express",
        "cost": {"base": eur(900)}, "transitDays": 1});
    let zone = json!({"zoneId": "at", "name": "Austria", "areas": [{"countryCode": "AT"}]});
    let calendar = json!({"calendarId": "week", "weekly": [
        {"weekday": "WEEKDAY_MONDAY", "fromMinuteOfDay": 480, "toMinuteOfDay": 1080}],
        "exceptions": [{"date": "2026-12-25", "closed": true}]});
    let card = json!({"rateCardId": "card", "name": "card", "steps": [{"upToWeightG": 0, "cost": {"base": eur(500)}}]});
    let upsert = |rows: &str, row: Value| json!({"requestId": "sound", "reason": "why", rows: [row]});
    vec![
        sound("fulfillment.v1.NetworkService.UpsertNodes", upsert("nodes", node)),
        sound("fulfillment.v1.NetworkService.UpsertLanes", upsert("lanes", lane)),
        sound("fulfillment.v1.NetworkService.UpsertZones", upsert("zones", zone)),
        sound("fulfillment.v1.NetworkService.UpsertCalendars", upsert("calendars", calendar)),
        sound("fulfillment.v1.NetworkService.UpsertRateCards", upsert("rateCards", card)),
        sound("fulfillment.v1.NetworkService.GetNode", json!({"nodeId": "node-0"})),
        sound("fulfillment.v1.NetworkService.ListNodes", json!({"pageSize": 1})),
        sound("fulfillment.v1.NetworkService.ListLanes", json!({"pageSize": 1})),
        sound("fulfillment.v1.NetworkService.ListZones", json!({"pageSize": 1})),
        sound("fulfillment.v1.NetworkService.ListCalendars", json!({"pageSize": 1})),
        sound("fulfillment.v1.NetworkService.ListRateCards", json!({"pageSize": 1})),
        sound("fulfillment.v1.NetworkService.GetNetworkVersion", json!({})),
    ]
}

fn sourcing(facts: &Facts) -> Vec<Sound> {
    let policy = json!({"currencyCode": "EUR", "backorderCostMinor": 100_000, "splitPenaltyMinor": 300,
        "latenessCostMinorPerDay": 50, "shipmentsMax": 16, "name": "sound",
        "kindCosts": [{"kind": "NODE_KIND_STORE", "costMinor": 100}],
        "serveRules": [{"when": {"channels": ["marketplace"], "zoneIds": ["de"], "skuClasses": ["fresh"]},
            "nodes": {"kinds": ["NODE_KIND_SUPPLIER"], "nodeIds": ["node-0"]}, "excluded": true}],
        "buffers": [{"when": {"channels": ["marketplace"]}, "keepUnits": 1, "keepPercent": 5}],
        "preferences": [{"when": {"channels": ["web"]}, "kind": "NODE_KIND_STORE", "costMinor": -5}],
        "splitLimits": [{"when": {"channels": ["marketplace"]}, "shipmentsMax": 2}],
        "fallback": ["FALLBACK_STEP_USE_BUFFERS", "FALLBACK_STEP_ANY_NODE"]});
    let set = json!({"requestId": "sound", "reason": "why", "policy": policy});
    vec![
        sound("fulfillment.v1.SourcingService.GetSourcingPolicy", json!({})),
        sound("fulfillment.v1.SourcingService.SetSourcingPolicy", set),
        sound("fulfillment.v1.SourcingService.CheckSourcingPolicy", json!({"policy": policy})),
        sound("fulfillment.v1.SourcingService.ListSourcingPolicies", json!({"pageSize": 1})),
        sound(
            "fulfillment.v1.SourcingService.RollBackSourcingPolicy",
            json!({"requestId": "sound", "reason": "why", "version": 1}),
        ),
        sound("fulfillment.v1.SourcingService.GetSourcingDecision", json!({"orderId": facts.released_order})),
        sound("fulfillment.v1.SourcingService.VerifySourcingDecisions", json!({})),
        sound("fulfillment.v1.SourcingService.CompareSourcingPolicy", json!({"policy": policy})),
        sound(
            "fulfillment.v1.SourcingService.ProjectSourcingDecisions",
            json!({
                "policy": policy,
                "stock": [{"sku": "HOSTILE-1", "nodeId": "n1", "quantity": "5"}],
                "means": {
                    "transfers": true,
                    "backorder": {"days": 14},
                    "substitutes": [{"sku": "HOSTILE-1", "substituteSku": "HOSTILE-2"}],
                    "bundles": [{"sku": "HOSTILE-3", "parts": [{"sku": "HOSTILE-4", "quantity": 1}]}],
                },
            }),
        ),
    ]
}

fn common(facts: &Facts) -> Vec<Sound> {
    vec![
        sound("common.v1.AdminService.GetStatus", json!({})),
        sound("common.v1.AdminService.Audit", json!({"laws": ["STOCK-1"]})),
        sound("common.v1.AdminService.Checkpoint", json!({"requestId": "sound"})),
        sound("common.v1.AdminService.Backup", json!({"requestId": "sound", "directory": facts.directory})),
        sound("common.v1.AdminService.AdvanceClock", json!({"requestId": "sound", "advanceMs": 1000})),
        sound(
            "common.v1.PartitionService.Deliver",
            json!({"fromService": "SERVICE_KIND_ORDERS", "toService": "SERVICE_KIND_INVENTORY", "firstSequence": 1}),
        ),
        sound("common.v1.ClusterService.GetCluster", json!({})),
        sound(
            "common.v1.ClusterService.MovePartition",
            json!({"requestId": "sound", "service": "SERVICE_KIND_ORDERS", "partition": 1, "process": "east"}),
        ),
        sound("common.v1.ClusterService.DrainProcess", json!({"requestId": "sound"})),
        sound(
            "common.v1.OwnershipService.SubmitCommand",
            json!({"service": "SERVICE_KIND_ORDERS", "partition": 1, "command": "AAAA"}),
        ),
        sound("common.v1.OwnershipService.GetPosition", json!({"service": "SERVICE_KIND_ORDERS"})),
        sound("common.v1.OwnershipService.NudgeOwner", json!({})),
        // Nobody outside holds bytes that the engine has sealed, so this one is sound in form only.
        sound(SEALED, json!({"sealed": "AAAA"})),
    ]
}

/// The one method that no request from outside can make succeed.
pub(crate) const SEALED: &str = "common.v1.PartitionService.OpenSealed";

/// Sound requests that come when there is nothing to say them of, and what they are told.
pub(crate) const OUT_OF_TURN: [(&str, &str); 7] = [
    ("common.v1.ClusterService.GetCluster", "ILLEGAL_NOW"),
    ("common.v1.ClusterService.MovePartition", "ILLEGAL_NOW"),
    ("common.v1.ClusterService.DrainProcess", "ILLEGAL_NOW"),
    ("common.v1.OwnershipService.SubmitCommand", "PARTITION_NOT_OWNED"),
    ("common.v1.OwnershipService.GetPosition", "PARTITION_NOT_OWNED"),
    ("fulfillment.v1.FulfillmentService.AnswerCancel", "CANCEL_NOT_ASKED"),
    ("fulfillment.v1.FulfillmentService.ReportUndelivered", "INVALID_REQUEST"),
];

fn sound(method: &'static str, request: Value) -> Sound {
    Sound { method, request }
}

/// One request per method; sent one after the other in this order, all succeed.
pub(crate) fn table(facts: &Facts) -> Vec<Sound> {
    let changes = [amendments(facts), returns(facts), order_policy()].concat();
    let people = super::people::sound().into_iter().map(|(method, request)| sound(method, request)).collect();
    [
        orders(facts),
        changes,
        people,
        inventory(facts),
        fulfillment(facts),
        network(),
        sourcing(facts),
        common(facts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A method of the contracts by its name without `waybill.`.
pub(crate) fn method(pool: &DescriptorPool, name: &str) -> anyhow::Result<MethodDescriptor> {
    let full = format!("waybill.{name}");
    let found = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    found
        .into_iter()
        .find(|method| method.full_name() == full)
        .with_context(|| format!("there is no method {full}"))
}

/// A request from its JSON.
pub(crate) fn message(method: &MethodDescriptor, request: &Value) -> anyhow::Result<DynamicMessage> {
    DynamicMessage::deserialize(method.input(), request)
        .with_context(|| format!("{}: {request}", method.full_name()))
}

/// The path of a method on the wire.
pub(crate) fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}
