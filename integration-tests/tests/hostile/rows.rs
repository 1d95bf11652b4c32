//! What is sound in form and still must be refused: unknown, stale, foreign, too much. Each with its code, and with the
//! reason or the field that the caller is told.

use super::sound::Facts;
use serde_json::{Value, json};
use tonic::Code::{self, *};

/// One request that must be refused.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) what: &'static str,
    /// JSON pointers into the sound request, with what to put there.
    pub(crate) changes: Vec<(&'static str, Value)>,
    pub(crate) code: Code,
    /// A reason in upper snake case, or part of a field's path.
    pub(crate) names: &'static str,
}

macro_rules! rows {
    ($(on $method:literal: $($what:literal {$($at:literal: $value:expr),*} => $code:ident $names:literal;)+)*) => {
        vec![$($(Row {
            method: $method,
            what: $what,
            changes: vec![$(($at, json!(&$value))),*],
            code: $code,
            names: $names,
        },)+)*]
    };
}

pub(crate) fn table(facts: &Facts) -> Vec<Row> {
    let mut rows = orders(facts);
    rows.extend(changes(facts));
    rows.extend(inventory(facts));
    rows.extend(fulfillment());
    rows.extend(network());
    rows.extend(sourcing());
    rows.extend(common());
    rows.extend(super::people::rows());
    rows
}

fn orders(facts: &Facts) -> Vec<Row> {
    let line = |sku: &str| {
        json!({"sku": sku, "quantity": 1, "deliveryMethod": "DELIVERY_METHOD_SHIP_HOME",
            "amounts": {"unitPrice": {"currencyCode": "EUR", "minorUnits": 1}, "total": {"currencyCode": "EUR", "minorUnits": 1}}})
    };
    rows! {
        on "orders.v1.OrdersService.PlaceOrder":
            "two currencies" {"/lines/0/amounts/unitPrice/currencyCode": "USD"} => InvalidArgument "unit_price.currency_code";
            "no currency" {"/amounts/total/currencyCode": "EURO"} => InvalidArgument "amounts.total.currency_code";
            "a total that is not the sum" {"/amounts/total/minorUnits": 1998} => InvalidArgument "AMOUNTS_DISAGREE";
            "a line total that is not its sum" {"/lines/0/amounts/total/minorUnits": 1} => InvalidArgument "AMOUNTS_DISAGREE";
            "no lines" {"/lines": json!([])} => InvalidArgument "lines";
            "501 lines" {"/lines": vec![line("SKU-000"); 501]} => InvalidArgument "lines";
            "nothing of a line" {"/lines/0/quantity": 0} => InvalidArgument "lines[0].quantity";
            "no way to the customer" {"/lines/0/deliveryMethod": 0} => InvalidArgument "delivery_method";
            "a shipment to nowhere" {"/shipTo": Value::Null} => InvalidArgument "ship_to";
            "a pickup nowhere" {"/lines/0/deliveryMethod": 2} => InvalidArgument "pickup_node_id";
            "no amounts" {"/amounts": Value::Null} => InvalidArgument "amounts";
            "an e-mail that is none" {"/contact/email": "ada"} => InvalidArgument "contact.email";
            "a hold that is none" {"/holdId": "H00"} => InvalidArgument "hold_id";
            "more than there is" {"/lines/0/quantity": 999, "/lines/0/amounts/unitPrice/minorUnits": 1,
                "/lines/0/amounts/subtotal/minorUnits": 999, "/lines/0/amounts/total/minorUnits": 999,
                "/amounts/total/minorUnits": 999, "/externalOrderNumber": "too-much"} => FailedPrecondition "";
            "a known number with other content" {"/externalOrderNumber": "later", "/requestId": "again"}
                => AlreadyExists "ORDER_NUMBER_TAKEN";
        on "orders.v1.OrdersService.GetOrder":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "of a partition that is not there" {"/orderId": "WFF-1"} => NotFound "";
            "no order id" {"/orderId": "order 7"} => InvalidArgument "order_id";
            "no key" {"/orderId": Value::Null} => InvalidArgument "order_id";
            "an invented token" {"/after": "abc"} => InvalidArgument "after";
        on "orders.v1.OrdersService.FindOrders":
            "no filter" {"/channel": Value::Null} => InvalidArgument "";
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
            "a phone that is none" {"/phone": "call me"} => InvalidArgument "phone";
            "a page too long" {"/pageSize": 201} => InvalidArgument "page_size";
            "a card that is none" {"/memberCard": "#!?"} => InvalidArgument "member_card";
            "a social id without a network" {"/socialId": "somebody"} => InvalidArgument "social_id";
            "a name without letters" {"/namePrefix": " - "} => InvalidArgument "name_prefix";
            "a node that is none" {"/nodeId": " n "} => InvalidArgument "node_id";
            "a hold that is none" {"/holdType": " h "} => InvalidArgument "hold_type";
        on "orders.v1.OrdersService.GetTimeline":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
        on "orders.v1.OrdersService.WatchOrder":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "an invented token" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
        on "orders.v1.OrdersService.WatchChanges":
            "a partition that is not there" {"/partitions": json!([200])} => InvalidArgument "partitions";
            "a cursor of a partition that is not there" {"/cursors": json!([{"partition": 200}])} => InvalidArgument "cursors";
            "a cursor beyond the journal" {"/cursors": json!([{"sequence": "999999999999999"}]), "/orderId": Value::Null} => OutOfRange "CURSOR_AHEAD";
            "an invented token" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
        on "orders.v1.OrdersService.ImportOrders":
            "no request id" {"/requestId": ""} => InvalidArgument "request_id";
            "an unfinished order" {"/orders/0/lines/0/buckets": json!({"open": 1})} => Ok "buckets";
            "units that do not add up" {"/orders/0/lines/0/buckets/delivered": 2} => Ok "buckets";
            "an order without a date" {"/orders/0/placeTime": Value::Null} => Ok "place_time";
        on "orders.v1.OrdersService.CancelOrder":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "stale" {"/expectedRevision": 1} => Aborted "STALE_REVISION";
            "a line that is not there" {"/lines/0/lineNumber": 9} => InvalidArgument "lines";
            "nothing of a line" {"/lines/0/quantity": 0} => InvalidArgument "lines[0].quantity";
        on "orders.v1.OrdersService.EraseSubject":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "nobody" {"/orderId": Value::Null} => InvalidArgument "order_id";
            "no request id" {"/requestId": "", "/orderId": facts.released_order} => InvalidArgument "request_id";
    }
}

fn changes(facts: &Facts) -> Vec<Row> {
    let change = |change: Value| json!([change]);
    rows! {
        on "orders.v1.OrdersService.CancelOrders":
            "no filter" {"/filter": Value::Null} => InvalidArgument "filter";
            "a filter of nothing" {"/filter": json!({})} => InvalidArgument "filter.external_order_number";
            "a page of the filter" {"/filter/pageSize": 5} => InvalidArgument "filter.page_size";
            "too fast" {"/ordersPerSecond": 10_001} => InvalidArgument "orders_per_second";
            "an invented token" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
        on "orders.v1.OrdersService.PlaceOrderHold":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "a kind that is none" {"/holdType": "astrology"} => InvalidArgument "HOLD_TYPE_UNKNOWN";
            "a line that is not there" {"/lineNumber": 9} => InvalidArgument "line_number";
        on "orders.v1.OrdersService.ResolveOrderHold":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "a hold that is not there" {"/hold": 9} => NotFound "ORDER_HOLD_UNKNOWN";
            "no hold" {"/hold": 0} => InvalidArgument "hold";
        on "orders.v1.OrdersService.ListExceptions":
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
            "a page too long" {"/pageSize": 201} => InvalidArgument "page_size";
        on "orders.v1.OrdersService.AnswerException":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "a line that is not there" {"/lineNumbers": [9]} => InvalidArgument "line_numbers[0]";
            "a line twice" {"/lineNumbers": [1, 1]} => InvalidArgument "line_numbers[1]";
            "no answer" {"/answer": 0} => InvalidArgument "answer";
            "nodes for what is called off" {"/answer": "EXCEPTION_ANSWER_CALL_OFF"} => InvalidArgument "ask_all_nodes";
            "an order that needs nobody" {"/orderId": facts.released_order} => FailedPrecondition "EXCEPTION_NOT_THERE";
        on "orders.v1.OrdersService.WatchOrders":
            "of nobody" {"/channel": Value::Null} => InvalidArgument "customer_id";
            "an invented token" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
        on "orders.v1.AmendmentsService.PreviewAmendment":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "stale" {"/expectedRevision": 1} => Aborted "STALE_REVISION";
            "no revision" {"/expectedRevision": 0} => InvalidArgument "expected_revision";
            "a line that is not there" {"/changes/0/setQuantity/lineNumber": 9} => InvalidArgument "changes[0].set_quantity.line_number";
        on "orders.v1.AmendmentsService.AmendOrder":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "stale" {"/expectedRevision": 1} => Aborted "STALE_REVISION";
            "no revision" {"/expectedRevision": 0} => InvalidArgument "expected_revision";
            "no changes" {"/changes": json!([])} => InvalidArgument "changes";
            "a change of nothing" {"/changes": json!([{}])} => InvalidArgument "changes[0]";
            "101 changes" {"/changes": vec![json!({"removeLine": {"lineNumber": 1}}); 101]} => InvalidArgument "changes";
            "one thing twice" {"/changes": vec![json!({"removeLine": {"lineNumber": 1}}); 2]} => InvalidArgument "changes[1]";
            "units without a price" {"/changes/0/setQuantity/added": Value::Null} => InvalidArgument "changes[0].set_quantity.added";
            "a price that is no sum" {"/changes/0/setQuantity/added/total/minorUnits": 1} => InvalidArgument "AMOUNTS_DISAGREE";
            "another currency" {"/changes/0/setQuantity/added/unitPrice/currencyCode": "USD"} => InvalidArgument "currency_code";
            "what is so already" {"/changes": change(json!({"setQuantity": {"lineNumber": 1, "quantity": 2}}))} => FailedPrecondition "NOTHING_CHANGES";
            "an address that is none" {"/changes": change(json!({"setShipTo": {}}))} => InvalidArgument "ship_to";
            "a delivery charge below nothing" {"/changes": change(json!({"setDeliveryCharge": {"charge": {"currencyCode": "EUR", "minorUnits": -1}}}))}
                => InvalidArgument "set_delivery_charge.charge";
            "no delivery charge" {"/changes": change(json!({"setDeliveryCharge": {}}))} => InvalidArgument "set_delivery_charge.charge";
            "more off than it costs" {"/changes": change(json!({"appease": {"amount": {"currencyCode": "EUR", "minorUnits": 999_999}}}))}
                => InvalidArgument "amount";
        on "orders.v1.AmendmentsService.DecideAmendment":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "an amendment that is not there" {"/amendment": 99} => NotFound "AMENDMENT_NOT_WAITING";
            "no amendment" {"/amendment": 0} => InvalidArgument "amendment";
        on "orders.v1.ReturnsService.FindReturnable":
            "of nothing" {"/receipt": Value::Null} => InvalidArgument "receipt";
            "a page too long" {"/pageSize": 51} => InvalidArgument "page_size";
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
        on "orders.v1.ReturnsService.CreateReturn":
            "unknown" {"/orderId": "W00-999999"} => NotFound "ORDER_UNKNOWN";
            "stale" {"/expectedRevision": 999} => Aborted "STALE_REVISION";
            "nothing" {"/lines": json!([])} => InvalidArgument "lines";
            "more than was bought" {"/lines/0/quantity": 99, "/received/0/quantity": 99} => FailedPrecondition "NOT_RETURNABLE";
            "goods that lie nowhere" {"/nodeId": ""} => InvalidArgument "node_id";
            "goods at a node that is not there" {"/nodeId": "no-such"} => NotFound "NODE_UNKNOWN";
            "goods in no condition" {"/received/0/disposition": 0} => InvalidArgument "received[0].disposition";
            "a line that is not there" {"/lines/0/lineNumber": 9, "/received/0/lineNumber": 9} => InvalidArgument "line_number";
        on "orders.v1.ReturnsService.DecideReturn":
            "unknown" {"/returnId": "W00-999999-R1"} => NotFound "RETURN_UNKNOWN";
            "no id" {"/returnId": "return 7"} => InvalidArgument "return_id";
        on "orders.v1.ReturnsService.ReceiveReturn":
            "unknown" {"/returnId": "W00-999999-R1"} => NotFound "RETURN_UNKNOWN";
            "at a node that is not there" {"/nodeId": "no-such"} => NotFound "NODE_UNKNOWN";
            "more than is awaited" {"/lines/0/quantity": 99} => FailedPrecondition "NOT_RETURNABLE";
            "nothing" {"/lines": json!([])} => InvalidArgument "lines";
        on "orders.v1.ReturnsService.CloseReturn":
            "unknown" {"/returnId": "W00-999999-R1"} => NotFound "RETURN_UNKNOWN";
        on "orders.v1.ReturnsService.GetReturn":
            "unknown" {"/returnId": "W00-999999-R1"} => NotFound "RETURN_UNKNOWN";
            "an invented token" {"/after": "abc"} => InvalidArgument "after";
        on "orders.v1.OrderPolicyService.GetOrderPolicy":
            "a version that never was" {"/version": 99} => NotFound "ORDER_POLICY_UNKNOWN";
        on "orders.v1.OrderPolicyService.SetOrderPolicy":
            "nothing" {"/policy": Value::Null} => InvalidArgument "policy";
            "no rules" {"/policy/rules": json!([])} => InvalidArgument "policy.rules";
            "a rule that says nothing" {"/policy/rules/0/verdict": 0} => InvalidArgument "policy.rules[0].verdict";
            "stale" {"/expectedVersion": 99} => Aborted "STALE_POLICY";
        on "orders.v1.OrderPolicyService.ExplainChange":
            "no channel" {"/channel": ""} => InvalidArgument "channel";
            "no kind" {"/kind": 0} => InvalidArgument "kind";
            "no stage" {"/stage": 0} => InvalidArgument "stage";
            "a version that never was" {"/version": 99} => NotFound "ORDER_POLICY_UNKNOWN";
    }
}

fn inventory(facts: &Facts) -> Vec<Row> {
    let ghost = "H00-00000000000000000000000000000000";
    rows! {
        on "inventory.v1.InventoryService.UpsertItems":
            "no rows" {"/rows": json!([])} => InvalidArgument "rows";
            "no unit" {"/rows/0/item/unit": 0} => Ok "unit";
            "stale" {"/rows/0/expectedRevision": 7} => Ok "STALE_REVISION";
            "a scale beyond 3" {"/rows/0/item/scale": 4} => Ok "scale";
        on "inventory.v1.InventoryService.GetItem":
            "unknown" {"/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
            "no key" {"/sku": Value::Null} => InvalidArgument "key";
        on "inventory.v1.InventoryService.ListItems":
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
            "a token of nobody" {"/after": "zz"} => InvalidArgument "after";
        on "inventory.v1.InventoryService.ReceiveStock":
            "unknown" {"/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
            "nothing" {"/quantity": 0} => InvalidArgument "quantity";
            "no request id" {"/requestId": ""} => InvalidArgument "request_id";
            "no node" {"/nodeId": ""} => InvalidArgument "node_id";
        on "inventory.v1.InventoryService.AdjustStock":
            "more than is there" {"/quantityDelta": -999_999} => FailedPrecondition "STOCK_BELOW_ZERO";
            "no reason" {"/reason": ""} => InvalidArgument "reason";
            "no difference" {"/quantityDelta": 0} => InvalidArgument "quantity_delta";
        on "inventory.v1.InventoryService.DisposeStock":
            "unknown" {"/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
            "nothing" {"/quantity": 0} => InvalidArgument "quantity";
            "no other condition" {"/toCondition": 1} => InvalidArgument "to_condition";
            "no condition" {"/toCondition": 0} => InvalidArgument "to_condition";
            "more than is there" {"/quantity": 999_999} => FailedPrecondition "STOCK_BELOW_ZERO";
        on "inventory.v1.InventoryService.SetStockCount":
            "unknown" {"/count/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
            "no source" {"/source": ""} => InvalidArgument "source";
            "no sequence" {"/count/sourceSequence": 0} => InvalidArgument "source_sequence";
            "no count" {"/count": Value::Null} => InvalidArgument "count";
        on "inventory.v1.InventoryService.ImportStock":
            "unknown" {"/rows/0/sku": "NO-SUCH"} => Ok "ITEM_UNKNOWN";
            "no source" {"/source": ""} => InvalidArgument "source";
        on "inventory.v1.InventoryService.SetSafetyStock":
            "unknown" {"/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
        on "inventory.v1.InventoryService.GetPosition":
            "unknown" {"/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
        on "inventory.v1.InventoryService.ReserveStock":
            "unknown" {"/lines/0/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
            "more than there is" {"/lines/0/quantity": 999_999} => FailedPrecondition "STOCK_SHORT";
            "no lines" {"/lines": json!([])} => InvalidArgument "lines";
            "no end and no order" {"/ttlMs": 0} => InvalidArgument "";
            "31 days" {"/ttlMs": 31_i64 * 86_400_000} => InvalidArgument "ttl_ms";
            "a name that is none" {"/reservationId": "my hold"} => InvalidArgument "reservation_id";
        on "inventory.v1.InventoryService.CommitStockHold":
            "unknown" {"/reservationId": ghost} => NotFound "RESERVATION_UNKNOWN";
            "no order" {"/orderId": ""} => InvalidArgument "order_id";
        on "inventory.v1.InventoryService.ConsumeReservation":
            "unknown" {"/reservationId": ghost} => NotFound "RESERVATION_UNKNOWN";
            "a mere hold" {"/reservationId": facts.other_hold} => FailedPrecondition "RESERVATION_NOT_COMMITTED";
        on "inventory.v1.InventoryService.ReleaseReservation":
            "more than is claimed" {"/lines": json!([{"sku": "SKU-001", "nodeId": "node-0", "quantity": 99}])}
                => FailedPrecondition "UNITS_NOT_CLAIMED";
            "of another place" {"/lines": json!([{"sku": "SKU-002", "nodeId": "node-0", "quantity": 1}])}
                => FailedPrecondition "UNITS_NOT_CLAIMED";
        on "inventory.v1.InventoryService.GetReservation":
            "unknown" {"/reservationId": ghost} => NotFound "RESERVATION_UNKNOWN";
            "of a partition that is not there" {"/reservationId": "HFF-00000000000000000000000000000000"} => InvalidArgument "reservation_id";
        on "inventory.v1.InventoryService.GetAvailability":
            "unknown" {"/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
        on "inventory.v1.InventoryService.BatchGetAvailability":
            "nothing" {"/skus": json!([])} => InvalidArgument "skus";
        on "inventory.v1.InventoryService.WatchChanges":
            "a partition that is not there" {"/partitions": json!([200])} => InvalidArgument "partitions";
            "a cursor beyond the journal" {"/cursors": json!([{"sequence": "999999999999999"}])} => OutOfRange "CURSOR_AHEAD";
            "an invented token" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
            "a type that is none" {"/eventTypes": json!(["stock moved"])} => InvalidArgument "event_types[0]";
        on "inventory.v1.InventoryService.WatchAvailability":
            "an invented token" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
    }
}

fn fulfillment() -> Vec<Row> {
    let mut rows = rows! {
        on "fulfillment.v1.FulfillmentService.Promise":
            "no basket" {"/basket": Value::Null} => InvalidArgument "basket";
            "nothing" {"/basket/lines": json!([])} => InvalidArgument "lines";
            "nowhere" {"/basket/destination": Value::Null} => InvalidArgument "destination";
            "too many options" {"/optionsMax": 11} => InvalidArgument "options_max";
        on "fulfillment.v1.FulfillmentService.Plan":
            "no basket" {"/basket": Value::Null} => InvalidArgument "basket";
            "a time that is none" {"/planTime": "9999-12-31T00:00:00Z"} => InvalidArgument "plan_time";
        on "fulfillment.v1.PromiseService.PromiseItem":
            "unknown" {"/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
            "nowhere" {"/places": json!([])} => InvalidArgument "places";
            "no place" {"/places/0": json!({})} => InvalidArgument "places[0]";
            "101 places" {"/places": vec![json!({"pickupNodeId": "node-0"}); 101]} => InvalidArgument "places";
            "nothing" {"/quantity": 0} => InvalidArgument "quantity";
            "too many options" {"/optionsMax": 11} => InvalidArgument "options_max";
            "a token of orders" {"/after": "orders/0@1"} => InvalidArgument "after";
        on "fulfillment.v1.PromiseService.FindNearby":
            "unknown" {"/items/0/sku": "NO-SUCH"} => NotFound "ITEM_UNKNOWN";
            "near nothing" {"/near": Value::Null} => InvalidArgument "near";
            "near a place that nobody knows" {"/near": json!({"countryCode": "FR", "postalCode": "75001"})}
                => NotFound "PLACE_UNKNOWN";
            "an item twice" {"/items": vec![json!({"sku": "SKU-000", "quantity": 1}); 2]} => InvalidArgument "items[1].sku";
            "101 items" {"/items": vec![json!({"sku": "SKU-000", "quantity": 1}); 101]} => InvalidArgument "items";
            "all around the Earth" {"/withinM": 20_100_001} => InvalidArgument "within_m";
            "too many" {"/nodesMax": 101} => InvalidArgument "nodes_max";
        on "fulfillment.v1.FulfillmentService.SubscribeInstructions":
            "an invented token" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
            "no node" {"/nodeId": ""} => InvalidArgument "node_id";
            "of no node" {"/nodeId": "no-such"} => NotFound "NODE_UNKNOWN";
        on "fulfillment.v1.FulfillmentService.WatchChanges":
            "a cursor of a partition that is not there" {"/cursors": json!([{"partition": 200}])} => InvalidArgument "cursors";
            "a cursor beyond the journal" {"/cursors": json!([{"sequence": "999999999999999"}])} => OutOfRange "CURSOR_AHEAD";
            "a token beside cursors" {"/resumeToken": "00ff"} => InvalidArgument "resume_token";
        on "fulfillment.v1.FulfillmentService.AcknowledgeInstructions":
            "of no node" {"/nodeId": "no-such"} => NotFound "NODE_UNKNOWN";
            "a number that was never sent" {"/throughNumber": 999} => FailedPrecondition "INSTRUCTION_UNKNOWN";
        on "fulfillment.v1.FulfillmentService.GetFulfillmentOrder":
            "unknown" {"/fulfillmentOrderId": "W00-999999-F1.00"} => NotFound "FULFILLMENT_ORDER_UNKNOWN";
            "of a partition that is not there" {"/fulfillmentOrderId": "W00-1-F1.FF"} => NotFound "FULFILLMENT_ORDER_UNKNOWN";
            "no id" {"/fulfillmentOrderId": "seven"} => InvalidArgument "fulfillment_order_id";
        on "fulfillment.v1.FulfillmentService.ListFulfillmentOrders":
            "no node" {"/nodeId": ""} => InvalidArgument "node_id";
            "of no node" {"/nodeId": "no-such"} => NotFound "NODE_UNKNOWN";
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
        on "fulfillment.v1.FulfillmentService.ConfirmPick":
            "more than was asked" {"/lines/0/pickedQuantity": 99} => InvalidArgument "";
            "a line that is not there" {"/lines/0/lineNumber": 9} => InvalidArgument "";
            "short without a reason" {"/lines/0/pickedQuantity": 0, "/lines/0/shortQuantity": 1} => InvalidArgument "";
        on "fulfillment.v1.FulfillmentService.Pack":
            "no parcels" {"/parcels": json!([])} => InvalidArgument "parcels";
            "before it was picked" {} => FailedPrecondition "FULFILLMENT_ORDER_STATE";
        on "fulfillment.v1.FulfillmentService.Ship":
            "no carrier" {"/carrier": ""} => InvalidArgument "carrier";
            "before it was picked" {} => FailedPrecondition "FULFILLMENT_ORDER_STATE";
        on "fulfillment.v1.FulfillmentService.ConfirmDelivery":
            "before it was shipped" {} => FailedPrecondition "FULFILLMENT_ORDER_STATE";
        on "fulfillment.v1.FulfillmentService.RejectFulfillmentOrder":
            "no kind of reason" {"/rejectReason": 0} => InvalidArgument "reject_reason";
    };
    for method in REPORTS {
        let row =
            |what, at, value, code, names| Row { method, what, changes: vec![(at, value)], code, names };
        let ghost = json!("W00-999999-F1.00");
        rows.push(row("unknown", "/fulfillmentOrderId", ghost, NotFound, "FULFILLMENT_ORDER_UNKNOWN"));
        rows.push(row("not its revision", "/revision", json!(999), Aborted, "STALE_REVISION"));
        rows.push(row("no revision", "/revision", json!(0), InvalidArgument, "revision"));
    }
    rows
}

/// What nodes report.
const REPORTS: [&str; 12] = [
    "fulfillment.v1.FulfillmentService.AcceptFulfillmentOrder",
    "fulfillment.v1.FulfillmentService.RejectFulfillmentOrder",
    "fulfillment.v1.FulfillmentService.StartPicking",
    "fulfillment.v1.FulfillmentService.ConfirmPick",
    "fulfillment.v1.FulfillmentService.Pack",
    "fulfillment.v1.FulfillmentService.Ship",
    "fulfillment.v1.FulfillmentService.ConfirmDelivery",
    "fulfillment.v1.FulfillmentService.ReadyForPickup",
    "fulfillment.v1.FulfillmentService.HandOver",
    "fulfillment.v1.FulfillmentService.ReportNoShow",
    "fulfillment.v1.FulfillmentService.AnswerCancel",
    "fulfillment.v1.FulfillmentService.ReportUndelivered",
];

fn network() -> Vec<Row> {
    rows! {
        on "fulfillment.v1.NetworkService.UpsertNodes":
            "a time zone that is none" {"/nodes/0/timeZone": "Europe/Atlantis"} => Ok "time_zone";
            "no kind" {"/nodes/0/kind": 0} => Ok "kind";
            "another currency" {"/nodes/0/handlingCost/currencyCode": "USD"} => Ok "NETWORK_CURRENCY_FOREIGN";
            "no rows" {"/nodes": json!([])} => InvalidArgument "nodes";
        on "fulfillment.v1.NetworkService.UpsertLanes":
            "from nowhere" {"/lanes/0/fromNodeId": "no-such"} => Ok "NETWORK_REFERENCE_UNKNOWN";
            "to nowhere" {"/lanes/0/toZoneId": Value::Null} => Ok "to";
            "no cost" {"/lanes/0/cost": Value::Null} => Ok "cost";
        on "fulfillment.v1.NetworkService.UpsertZones":
            "nowhere" {"/zones/0/areas": json!([])} => Ok "";
            "a country that is none" {"/zones/0/areas/0/countryCode": "Austria"} => Ok "country_code";
        on "fulfillment.v1.NetworkService.UpsertCalendars":
            "a date that is none" {"/calendars/0/exceptions/0/date": "2026-02-30"} => Ok "date";
            "closed before it opens" {"/calendars/0/weekly/0/toMinuteOfDay": 1} => Ok "to_minute_of_day";
        on "fulfillment.v1.NetworkService.UpsertRateCards":
            "no steps" {"/rateCards/0/steps": json!([])} => Ok "steps";
        on "fulfillment.v1.NetworkService.GetNode":
            "unknown" {"/nodeId": "no-such"} => NotFound "NODE_UNKNOWN";
        on "fulfillment.v1.NetworkService.ListNodes":
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
            "a page too long" {"/pageSize": 1_001} => InvalidArgument "page_size";
    }
}

fn sourcing() -> Vec<Row> {
    rows! {
        on "fulfillment.v1.SourcingService.GetSourcingPolicy":
            "a version that never was" {"/version": 999} => NotFound "SOURCING_POLICY_UNKNOWN";
        on "fulfillment.v1.SourcingService.SetSourcingPolicy":
            "no policy" {"/policy": Value::Null} => InvalidArgument "policy";
            "a currency that is none" {"/policy/currencyCode": "EURO"} => InvalidArgument "currency_code";
            "another currency" {"/policy/currencyCode": "USD", "/requestId": "usd"} => FailedPrecondition "NETWORK_CURRENCY_FOREIGN";
            "no shipments" {"/policy/shipmentsMax": 0} => InvalidArgument "shipments_max";
            "a step twice" {"/policy/fallback": json!([3, 3])} => InvalidArgument "fallback[1]";
            "more than all of it kept back" {"/policy/buffers/0/keepPercent": 101} => InvalidArgument "keep_percent";
            "a class of a parcel" {"/policy/splitLimits/0/when/skuClasses": json!(["fresh"])} => InvalidArgument "sku_classes";
            "5,001 names" {"/policy/serveRules/0/nodes/nodeIds": vec!["n"; 5_001]} => InvalidArgument "serve_rules";
            "of another version" {"/expectedVersion": 999, "/requestId": "stale"} => Aborted "STALE_POLICY";
        on "fulfillment.v1.SourcingService.CheckSourcingPolicy":
            "no policy" {"/policy": Value::Null} => InvalidArgument "policy";
            "a kind that is none" {"/policy/kindCosts/0/kind": 0} => InvalidArgument "kind_costs[0].kind";
        on "fulfillment.v1.SourcingService.ListSourcingPolicies":
            "an invented page" {"/pageToken": "00ff"} => InvalidArgument "page_token";
            "a page too long" {"/pageSize": 1_001} => InvalidArgument "page_size";
        on "fulfillment.v1.SourcingService.RollBackSourcingPolicy":
            "to nothing" {"/version": 0} => InvalidArgument "version";
            "to a version that never was" {"/version": 999, "/requestId": "never"} => NotFound "SOURCING_POLICY_UNKNOWN";
        on "fulfillment.v1.SourcingService.GetSourcingDecision":
            "of an order that is none" {"/orderId": "W00-999999"} => NotFound "DECISION_UNKNOWN";
            "no order id" {"/orderId": "order 7"} => InvalidArgument "order_id";
        on "fulfillment.v1.SourcingService.VerifySourcingDecisions":
            "backwards" {"/fromTime": "2026-01-02T00:00:00Z", "/untilTime": "2026-01-01T00:00:00Z"} => InvalidArgument "until_time";
        on "fulfillment.v1.SourcingService.CompareSourcingPolicy":
            "no policy" {"/policy": Value::Null} => InvalidArgument "policy";
            "a policy and a rule" {"/usualRule": 1} => InvalidArgument "policy";
            "a rule that is none" {"/usualRule": 77} => InvalidArgument "usual_rule";
            "of an order that is none" {"/orderId": "W00-999999"} => NotFound "DECISION_UNKNOWN";
        on "fulfillment.v1.SourcingService.ProjectSourcingDecisions":
            "of an order that is none" {"/orderId": "W00-999999"} => NotFound "DECISION_UNKNOWN";
            "less than nothing in stock" {"/stock/0/quantity": "-1"} => InvalidArgument "stock[0].quantity";
            "a bundle of nothing" {"/means/bundles/0/parts": json!([])} => InvalidArgument "means.bundles[0].parts";
            "a backorder for years" {"/means/backorder/days": 366} => InvalidArgument "means.backorder.days";
            "an item instead of itself" {"/means/substitutes/0/substituteSku": "HOSTILE-1"} => InvalidArgument "means.substitutes[0].substitute_sku";
    }
}

fn common() -> Vec<Row> {
    rows! {
        on "common.v1.AdminService.Audit":
            "a law that is none" {"/laws": json!(["GRAVITY"])} => InvalidArgument "laws[0]";
        on "common.v1.AdminService.Checkpoint":
            "no request id" {"/requestId": ""} => InvalidArgument "request_id";
        on "common.v1.AdminService.Backup":
            "a path from nowhere" {"/directory": "here"} => InvalidArgument "directory";
            "no path" {"/directory": ""} => InvalidArgument "directory";
            "a place that cannot be" {"/directory": "/proc/none/of/this"} => FailedPrecondition "ILLEGAL_NOW";
        on "common.v1.AdminService.AdvanceClock":
            "back" {"/advanceMs": -1} => InvalidArgument "advance_ms";
            "not at all" {"/advanceMs": 0} => InvalidArgument "advance_ms";
        on "common.v1.PartitionService.OpenSealed":
            "nothing" {"/sealed": ""} => InvalidArgument "sealed";
            "more than any person is" {"/sealed": "A".repeat(40_000)} => InvalidArgument "sealed";
        on "common.v1.ClusterService.MovePartition":
            "no request id" {"/requestId": ""} => InvalidArgument "request_id";
            "of no service" {"/service": 0} => InvalidArgument "service";
            "a partition that is not there" {"/partition": 200} => InvalidArgument "partition";
        on "common.v1.ClusterService.DrainProcess":
            "no request id" {"/requestId": ""} => InvalidArgument "request_id";
        on "common.v1.OwnershipService.SubmitCommand":
            "of no service" {"/service": 0} => InvalidArgument "service";
            "a partition that is not there" {"/partition": 200} => InvalidArgument "partition";
            "nothing" {"/command": ""} => InvalidArgument "command";
            "garbage to one who does not own" {"/command": "////"} => FailedPrecondition "PARTITION_NOT_OWNED";
        on "common.v1.OwnershipService.GetPosition":
            "of no service" {"/service": 0} => InvalidArgument "service";
            "a partition that is not there" {"/partition": 200} => InvalidArgument "partition";
        on "common.v1.PartitionService.Deliver":
            "from nobody" {"/fromService": 0} => InvalidArgument "from_service";
            "a partition that is not there" {"/toPartition": 200} => InvalidArgument "to_partition";
            "numbers from 0" {"/firstSequence": 0} => InvalidArgument "first_sequence";
            "a gap" {"/firstSequence": 1_000_000, "/messages": json!(["AAAA"])} => InvalidArgument "messages[0]";
    }
}
