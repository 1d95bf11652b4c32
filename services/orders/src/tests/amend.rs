//! Amendments through the door: previewed, applied, refused with what changed, approved, and whose personal data it is.

use super::world::{World, ada, asked, asked_by, eur, fact, journaled, line, order, reason, whole};
use serde_json::Value;
use tonic::{Code, Status};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::amendments_service_server::AmendmentsService;
use waybill_proto::orders::v1::order_change::Change;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_types::Role;

fn change(change: Change) -> proto::OrderChange {
    proto::OrderChange { change: Some(change) }
}

fn quantity(quantity: i64, added: Option<i64>) -> Change {
    let added = added.map(|units| proto::UnitAmounts {
        unit_price: eur(1000),
        total: eur(1000 * units),
        ..Default::default()
    });
    Change::SetQuantity(proto::SetQuantityChange { line_number: 1, quantity, added })
}

fn gift_note(note: &str) -> Change {
    Change::SetNotes(proto::SetNotesChange { gift_note: Some(note.into()), ..Default::default() })
}

fn amend(order: &proto::Order, request_id: &str, changes: Vec<Change>) -> proto::AmendOrderRequest {
    proto::AmendOrderRequest {
        request_id: request_id.into(),
        reason: "the customer called".into(),
        order_id: order.order_id.clone(),
        expected_revision: order.revision,
        changes: changes.into_iter().map(change).collect(),
        ..Default::default()
    }
}

fn preview(order: &proto::Order, changes: Vec<Change>) -> proto::PreviewAmendmentRequest {
    let amend = amend(order, "", changes);
    proto::PreviewAmendmentRequest {
        order_id: amend.order_id,
        expected_revision: amend.expected_revision,
        changes: amend.changes,
        ..Default::default()
    }
}

async fn amended(
    world: &World,
    message: proto::AmendOrderRequest,
) -> Result<proto::AmendOrderResponse, Status> {
    world.door.amend_order(asked(message)).await.map(tonic::Response::into_inner)
}

/// An order of 2 A that is not released today.
async fn reserved(world: &World) -> proto::Order {
    let mut wanted = order("100", vec![line("A", 2)]);
    wanted.release_time = Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 });
    let placed = world.place(wanted).await.unwrap();
    world.once(&placed.order_id, proto::OrderStatus::Reserved).await
}

#[tokio::test]
async fn a_quantity_goes_up_once_however_often_it_is_asked_for() {
    let world = World::new(&[("A", 5)]).await;
    let before = reserved(&world).await;
    let more = amend(&before, "a1", vec![quantity(3, Some(1))]);
    let answer = amended(&world, more.clone()).await.unwrap();
    let amendment = answer.amendment.clone().unwrap();
    assert_eq!(amendment.state(), proto::AmendmentState::Applied, "{amendment:?}");
    let again = amended(&world, more.clone()).await.unwrap();
    assert_eq!(again.amendment.unwrap(), amendment);
    let after = world.get(&before.order_id).await.unwrap();
    assert_eq!((after.lines[0].quantity, after.lines[0].buckets.unwrap().cancelled), (3, 0));
    assert_eq!(after.totals.unwrap().due, eur(3000));
    assert_eq!(after.amendments, [amendment]);
    let other = proto::AmendOrderRequest { changes: vec![change(gift_note("x"))], ..more };
    assert_eq!(amended(&world, other).await.unwrap_err().code(), Code::AlreadyExists);
}

#[tokio::test]
async fn of_two_who_change_one_revision_the_second_is_told_what_the_first_did() {
    let world = World::new(&[("A", 5)]).await;
    let before = reserved(&world).await;
    let first = amend(&before, "a1", vec![quantity(1, None)]);
    let second = amend(&before, "a2", vec![quantity(3, Some(1))]);
    let answer = amended(&world, first).await.unwrap();
    let refused = amended(&world, second).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Aborted, "STALE_REVISION".to_owned()));
    assert_eq!(fact(&refused, "expected"), before.revision.to_string());
    assert_eq!(fact(&refused, "current"), answer.revision.to_string());
    let changes: Vec<Value> = serde_json::from_str(&fact(&refused, "changes")).unwrap();
    assert_eq!(changes[0]["revision"], before.revision + 1);
    assert_eq!(changes[0]["event"], "AmendmentStarted");
    assert_eq!((&changes[0]["by"], &changes[0]["channel"]), (&Value::from("anna"), &Value::from("web")));
    let applied = changes.iter().find(|change| change["event"] == "AmendmentApplied").unwrap();
    assert_eq!(applied["fields"]["lines[0].cancelled"], serde_json::json!(["0", "1"]));
    let mut cancel = whole(&before.order_id, "c1");
    cancel.expected_revision = before.revision;
    assert!(fact(&world.cancel(cancel).await.unwrap_err(), "changes").contains("AmendmentStarted"));
}

#[tokio::test]
async fn a_preview_tells_each_change_and_the_money_and_writes_nothing() {
    let world = World::new(&[("A", 5)]).await;
    let before = reserved(&world).await;
    let written = journaled(&world).await;
    let look = |changes| world.door.preview_amendment(asked(preview(&before, changes)));
    let told = look(vec![quantity(4, Some(2)), gift_note("hello")]).await.unwrap().into_inner();
    assert!(told.allowed, "{told:?}");
    assert_eq!((told.total_before, told.total, told.extra_authorization), (eur(2000), eur(4000), eur(2000)));
    assert!(told.promise.is_some() && told.unserved.is_empty());
    assert_eq!(
        (told.changes[0].kind(), told.changes[0].verdict()),
        (proto::ChangeKind::IncreaseQuantity, proto::Verdict::Allow)
    );
    assert_eq!(told.revision, before.revision);
    let unpriced = look(vec![quantity(4, None)]).await.unwrap().into_inner();
    assert!(unpriced.changes[0].needs_pricing && unpriced.total.is_none());
    let beyond = look(vec![quantity(9, Some(7))]).await.unwrap().into_inner();
    assert_eq!(beyond.unserved[0].quantity, 4, "3 more are there");
    let same = look(vec![quantity(2, None)]).await.unwrap().into_inner();
    assert_eq!((same.allowed, same.changes[0].refusal.as_str()), (false, "NOTHING_CHANGES"));
    let wrong = look(vec![Change::RemoveLine(proto::RemoveLineChange { line_number: 7 })]).await.unwrap_err();
    assert_eq!(super::world::fields(&wrong), ["changes[0].remove_line.line_number"]);
    assert_eq!(journaled(&world).await, written);
}

#[tokio::test]
async fn another_address_is_found_by_its_people_and_erased_with_the_order() {
    let world = World::new(&[("A", 5)]).await;
    let before = reserved(&world).await;
    let mut ship_to = before.ship_to.clone().unwrap();
    (ship_to.name, ship_to.postal_code, ship_to.phone) =
        ("Grace Hopper".into(), "20095".into(), "+49 40 7654321".into());
    let contact = proto_contact("Grace Hopper", "+49 40 7654321");
    let changes = vec![
        Change::SetShipTo(proto::SetShipToChange { ship_to: Some(ship_to) }),
        Change::SetNotes(proto::SetNotesChange { contact: Some(contact), ..Default::default() }),
    ];
    let answer = amended(&world, amend(&before, "a1", changes)).await.unwrap();
    assert_eq!(answer.amendment.unwrap().state(), proto::AmendmentState::Applied);
    let after = world.get(&before.order_id).await.unwrap();
    assert_eq!(after.ship_to.unwrap().postal_code, "20095");
    let find = |phone: &str, name: &str| {
        let (phone, name_prefix) = (phone.to_owned(), name.to_owned());
        world.find(proto::FindOrdersRequest { phone, name_prefix, ..Default::default() })
    };
    assert_eq!(find("+49407654321", "").await.unwrap().orders.len(), 1);
    assert_eq!(find("", "hopp").await.unwrap().orders.len(), 1);
    assert!(find("+49301234567", "").await.unwrap().orders.is_empty(), "the old phone finds nothing");
    assert!(find("", "lovelace").await.unwrap().orders.is_empty());
    let subject = Some(proto::erase_subject_request::Subject::OrderId(before.order_id.clone()));
    let erase = proto::EraseSubjectRequest { request_id: "e1".into(), subject, ..Default::default() };
    world.door.erase_subject(asked_by(erase, "api", Role::Operator)).await.unwrap();
    assert!(find("+49407654321", "").await.unwrap().orders.is_empty());
    let erased = world.get(&before.order_id).await.unwrap();
    assert!(erased.erased && erased.ship_to.is_none());
    let late = amended(&world, amend(&erased, "a2", vec![gift_note("too late")])).await.unwrap_err();
    assert_eq!(reason(&late), "ORDER_ERASED");
    // Not only what is about people: the order cannot be planned any more.
    let less = || vec![quantity(1, None)];
    let late = amended(&world, amend(&erased, "a3", less())).await.unwrap_err();
    assert_eq!((late.code(), reason(&late)), (Code::FailedPrecondition, "ORDER_ERASED".to_owned()));
    let seen = world.door.preview_amendment(asked(preview(&erased, less()))).await.unwrap().into_inner();
    assert_eq!((seen.allowed, seen.changes[0].refusal.as_str()), (false, "ORDER_ERASED"));
}

#[tokio::test]
async fn a_change_that_nothing_serves_is_refused_before_a_node_is_asked_to_give_anything_back() {
    let world = World::new(&[("A", 5)]).await;
    let placed = world.place(order("100", vec![line("A", 2)])).await.unwrap();
    let before = world.once(&placed.order_id, proto::OrderStatus::Released).await;
    let written = journaled(&world).await;
    let fetched = |node: &str| {
        vec![Change::SetDelivery(proto::SetDeliveryChange {
            delivery_method: proto::DeliveryMethod::Pickup.into(),
            pickup_node_id: node.into(),
            ..Default::default()
        })]
    };
    for (node, cause) in [("n2", "no_stock"), ("s9999", "no_pickup")] {
        let seen = world.door.preview_amendment(asked(preview(&before, fetched(node)))).await;
        let seen = seen.unwrap().into_inner();
        assert_eq!((seen.allowed, seen.refusal.as_str()), (false, "AMENDMENT_UNSERVED"), "{seen:?}");
        assert_eq!((seen.unserved[0].quantity, seen.recalled_fulfillment_order_ids.len()), (2, 1));
        for _ in 0..2 {
            let refused = amended(&world, amend(&before, node, fetched(node))).await.unwrap_err();
            assert_eq!(reason(&refused), "AMENDMENT_UNSERVED", "{refused:?}");
            assert_eq!(
                ["line_number", "quantity", "cause"].map(|name| fact(&refused, name)),
                ["1", "2", cause]
            );
            assert!(refused.message().contains("nothing was called back"), "{refused:?}");
        }
    }
    // Without a planner nobody can know.
    world.others.0.lock().unwrap().planner_down = true;
    let later = amended(&world, amend(&before, "n1", fetched("n1"))).await.unwrap_err();
    assert_eq!(later.code(), Code::Unavailable);
    assert_eq!(journaled(&world).await, written, "nothing was recalled, nor even begun");
    world.others.0.lock().unwrap().planner_down = false;
    let change = amend(&before, "n1", fetched("n1"));
    let done = amended(&world, change.clone()).await.unwrap().amendment.unwrap();
    assert_eq!(done.state(), proto::AmendmentState::Applied, "{done:?}");
    // A retry is answered from what was done, whatever planning would say to it by now.
    world.others.0.lock().unwrap().planner_down = true;
    assert_eq!(amended(&world, change).await.unwrap().amendment.unwrap(), done);
}

#[tokio::test]
async fn a_retry_of_a_change_that_came_to_nothing_is_answered_as_it_was_whatever_planning_says_now() {
    let world = World::new(&[("A", 5)]).await;
    let before = reserved(&world).await;
    let amounts = Some(proto::UnitAmounts { unit_price: eur(900), total: eur(1800), ..Default::default() });
    let cheaper = Change::SetPrice(proto::SetPriceChange { line_number: 1, amounts });
    let fetched = Change::SetDelivery(proto::SetDeliveryChange {
        delivery_method: proto::DeliveryMethod::Pickup.into(),
        pickup_node_id: "n1".into(),
        ..Default::default()
    });
    let change = |order: &proto::Order, request_id: &str| {
        amend(order, request_id, vec![cheaper.clone(), fetched.clone()])
    };
    let pending = amended(&world, change(&before, "a1")).await.unwrap().amendment.unwrap();
    assert_eq!(pending.waits_for(), proto::AmendmentWait::Approval, "{pending:?}");
    let no = proto::DecideAmendmentRequest {
        request_id: "d1".into(),
        order_id: before.order_id.clone(),
        amendment: pending.amendment,
        approve: false,
        ..Default::default()
    };
    world.door.decide_amendment(asked_by(no, "call_center", Role::Operator)).await.unwrap();
    world.others.0.lock().unwrap().counter_closed = true;
    let again = amended(&world, change(&before, "a1")).await.unwrap().amendment.unwrap();
    assert_eq!((again.amendment, again.state()), (pending.amendment, proto::AmendmentState::Refused));
    let after = world.get(&before.order_id).await.unwrap();
    let refused = amended(&world, change(&after, "a2")).await.unwrap_err();
    assert_eq!(
        (reason(&refused), fact(&refused, "cause")),
        ("AMENDMENT_UNSERVED".into(), "no_pickup".into())
    );
}

#[tokio::test]
async fn new_units_that_may_wait_are_taken_but_not_for_a_node_that_hands_nothing_over() {
    let world = World::new(&[("A", 2)]).await;
    let before = reserved(&world).await;
    let add = |node: &str| {
        let mut new = line("B", 1);
        new.delivery_method = proto::DeliveryMethod::Pickup.into();
        new.pickup_node_id = node.into();
        vec![Change::AddLine(proto::AddLineChange { line: Some(new) })]
    };
    let refused = amended(&world, amend(&before, "a1", add("s9999"))).await.unwrap_err();
    assert_eq!(
        (reason(&refused), fact(&refused, "cause")),
        ("AMENDMENT_UNSERVED".into(), "no_pickup".into())
    );
    let seen = world.door.preview_amendment(asked(preview(&before, add("n2")))).await.unwrap().into_inner();
    assert!(seen.allowed && seen.unserved[0].quantity == 1, "{seen:?}");
    let taken = amended(&world, amend(&before, "a1", add("n2"))).await.unwrap().amendment.unwrap();
    assert_eq!(taken.state(), proto::AmendmentState::Applied, "the refused request left nothing: {taken:?}");
}

fn proto_contact(name: &str, phone: &str) -> waybill_proto::common::v1::Contact {
    waybill_proto::common::v1::Contact { name: name.into(), phone: phone.into(), ..ada() }
}

#[tokio::test]
async fn a_price_from_the_web_waits_for_an_operator() {
    let world = World::new(&[("A", 5)]).await;
    let before = reserved(&world).await;
    let amounts = Some(proto::UnitAmounts { unit_price: eur(900), total: eur(1800), ..Default::default() });
    let cheaper = Change::SetPrice(proto::SetPriceChange { line_number: 1, amounts });
    let answer = amended(&world, amend(&before, "a1", vec![cheaper])).await.unwrap();
    let pending = answer.amendment.unwrap();
    assert_eq!(
        (pending.state(), pending.waits_for()),
        (proto::AmendmentState::Pending, proto::AmendmentWait::Approval)
    );
    let decide = |request_id: &str, role| {
        let message = proto::DecideAmendmentRequest {
            request_id: request_id.into(),
            order_id: before.order_id.clone(),
            amendment: pending.amendment,
            approve: true,
            ..Default::default()
        };
        world.door.decide_amendment(asked_by(message, "call_center", role))
    };
    assert_eq!(decide("d1", Role::Channel).await.unwrap_err().code(), Code::PermissionDenied);
    for _ in 0..2 {
        let decided = decide("d1", Role::Operator).await.unwrap().into_inner().amendment.unwrap();
        assert_eq!(decided.state(), proto::AmendmentState::Applied);
    }
    assert_eq!(reason(&decide("d2", Role::Operator).await.unwrap_err()), "AMENDMENT_NOT_WAITING");
    let after = world.get(&before.order_id).await.unwrap();
    assert_eq!(after.totals.unwrap().due, eur(1800));
}

#[tokio::test]
async fn every_fault_of_an_amendment_is_named() {
    let world = World::new(&[("A", 5)]).await;
    let before = reserved(&world).await;
    let mut usd = quantity(3, Some(1));
    if let Change::SetQuantity(set) = &mut usd {
        set.added.as_mut().unwrap().unit_price.as_mut().unwrap().currency_code = "USD".into();
    }
    let changes = vec![
        usd,
        quantity(-1, None),
        Change::SetShipTo(proto::SetShipToChange { ship_to: None }),
        Change::SetDelivery(proto::SetDeliveryChange { delivery_method: 2, ..Default::default() }),
        Change::Appease(proto::AppeaseChange { line_number: 0, amount: eur(0) }),
        Change::SetNotes(proto::SetNotesChange::default()),
        Change::AddLine(proto::AddLineChange { line: Some(line("", 1)) }),
    ];
    let mut wrong = amend(&before, "", changes);
    wrong.changes.push(proto::OrderChange::default());
    (wrong.expected_revision, wrong.wait_ms) = (0, -1);
    let refused = amended(&world, wrong).await.unwrap_err();
    assert_eq!(
        super::world::fields(&refused),
        [
            "request_id",
            "expected_revision",
            "changes[0].set_quantity.added.unit_price.currency_code",
            "changes[1].set_quantity.quantity",
            "changes[2].set_ship_to.ship_to",
            "changes[3].set_delivery.pickup_node_id",
            "changes[4].appease.amount.minor_units",
            "changes[5].set_notes",
            "changes[6].add_line.line.sku",
            "changes[7]",
            "wait_ms",
        ]
    );
    let unpriced = amended(&world, amend(&before, "a1", vec![quantity(3, None)])).await.unwrap_err();
    assert_eq!(super::world::fields(&unpriced), ["changes[0].set_quantity.added"]);
    let mut unknown = amend(&before, "a2", vec![quantity(1, None)]);
    unknown.order_id = "W00-99".into();
    assert_eq!(reason(&amended(&world, unknown).await.unwrap_err()), "ORDER_UNKNOWN");
}
