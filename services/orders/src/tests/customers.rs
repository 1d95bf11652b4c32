//! Customers: found by any identity, merged and split without touching orders, erased with their orders.

use super::world::{World, ada, asked, asked_by, fields, line, order, reason, whole};
use crate::CustomersDoor;
use tonic::{Code, Status};
use waybill_proto::customers::v1 as proto;
use waybill_proto::customers::v1::customers_service_server::CustomersService;
use waybill_proto::customers::v1::{IdentityKind as Kind, get_customer_view_request::Key};
use waybill_types::Role;

fn value(kind: Kind, value: &str) -> proto::IdentityValue {
    proto::IdentityValue { kind: kind.into(), value: value.into() }
}

async fn door(world: &World) -> CustomersDoor {
    crate::open_customers(&world.host, &world.door).await.unwrap()
}

/// An order with a customer id and phone, and an e-mail address where there is one.
async fn placed(world: &World, number: &str, customer: &str, phone: &str, email: &str) -> String {
    let mut wanted = order(number, vec![line("A", 1)]);
    wanted.customer_id = customer.into();
    let contact = wanted.contact.as_mut().unwrap();
    (contact.phone, contact.email) = (phone.into(), email.into());
    world.host.clock().advance(1);
    world.place(wanted).await.unwrap().order_id
}

async fn link(door: &CustomersDoor, id: &str, identity: proto::IdentityValue) -> Result<String, Status> {
    let request_id = format!("link {id} {}", identity.value);
    let message = proto::LinkIdentityRequest {
        request_id,
        customer_id: id.into(),
        identity: Some(identity),
        verified: true,
        ..Default::default()
    };
    door.link_identity(asked(message)).await.map(|answer| answer.into_inner().customer_id)
}

async fn view_as(
    door: &CustomersDoor,
    key: Key,
    role: Role,
) -> Result<proto::GetCustomerViewResponse, Status> {
    let message = proto::GetCustomerViewRequest { key: Some(key), after: String::new() };
    door.get_customer_view(asked_by(message, "store", role)).await.map(|answer| answer.into_inner())
}

async fn view(door: &CustomersDoor, id: &str) -> proto::GetCustomerViewResponse {
    view_as(door, Key::CustomerId(id.into()), Role::Channel).await.unwrap()
}

async fn find(door: &CustomersDoor, identity: proto::IdentityValue) -> Vec<proto::Customer> {
    let message = proto::FindCustomersRequest { identity: Some(identity), after: String::new() };
    door.find_customers(asked(message)).await.unwrap().into_inner().customers
}

fn numbers(view: &proto::GetCustomerViewResponse) -> Vec<&str> {
    view.orders.iter().map(|order| order.external_order_number.as_str()).collect()
}

fn merge(into: &str, from: &str, expected: u64) -> tonic::Request<proto::MergeCustomersRequest> {
    asked(proto::MergeCustomersRequest {
        request_id: format!("merge {into} {from}"),
        into_customer_id: into.into(),
        from_customer_id: from.into(),
        into_expected_revision: expected,
        ..Default::default()
    })
}

#[tokio::test]
async fn a_phone_that_two_people_share_finds_both_and_merges_nobody() {
    let world = World::new(&[]).await;
    let door = door(&world).await;
    let phone = "+49 30 1234567";
    placed(&world, "1", "c-1", phone, "ada@example.com").await;
    placed(&world, "2", "c-2", phone, "bob@example.com").await;
    placed(&world, "3", "c-1", phone, "ada@example.com").await;
    let found = find(&door, value(Kind::Phone, "0049301234567")).await;
    let names: Vec<_> =
        found.iter().map(|who| (who.customer_id.as_str(), who.identities[0].value.as_str())).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&("", "c-1")) && names.contains(&("", "c-2")), "{names:?}");
    let several = view_as(&door, Key::Identity(value(Kind::Phone, phone)), Role::Channel).await.unwrap_err();
    assert_eq!((several.code(), reason(&several)), (Code::FailedPrecondition, "IDENTITY_OF_SEVERAL".into()));
    let one = view_as(&door, Key::Identity(value(Kind::CustomerId, "c-1")), Role::Channel).await.unwrap();
    assert_eq!(numbers(&one), ["3", "1"]);
    let ada = link(&door, "", value(Kind::CustomerId, "c-1")).await.unwrap();
    link(&door, &ada, value(Kind::Phone, phone)).await.unwrap();
    assert_eq!(
        numbers(&view(&door, &ada).await),
        ["3", "1"],
        "a phone is weaker than the other's customer id"
    );
    assert_eq!(find(&door, value(Kind::Phone, phone)).await.len(), 2);
    let bob = link(&door, "", value(Kind::CustomerId, "c-2")).await.unwrap();
    let taken = link(&door, &bob, value(Kind::Phone, phone)).await.unwrap_err();
    assert_eq!((taken.code(), reason(&taken)), (Code::AlreadyExists, "IDENTITY_TAKEN".into()));
}

#[tokio::test]
async fn merge_and_split_give_orders_to_others_without_touching_them() {
    let world = World::new(&[]).await;
    let door = door(&world).await;
    placed(&world, "1", "", "", "ada@example.com").await;
    let second = placed(&world, "2", "c-1", "", "").await;
    world.cancel(whole(&second, "c")).await.unwrap();
    let by_email = link(&door, "", value(Kind::Email, "ADA@example.com")).await.unwrap();
    let by_id = link(&door, "", value(Kind::CustomerId, "c-1")).await.unwrap();
    assert_eq!(numbers(&view(&door, &by_email).await), ["1"]);
    let stale = door.merge_customers(merge(&by_id, &by_email, 9)).await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "STALE_REVISION".into()));
    door.merge_customers(merge(&by_id, &by_email, 2)).await.unwrap();
    door.merge_customers(merge(&by_id, &by_email, 2)).await.unwrap();
    let merged = view(&door, &by_email).await;
    assert_eq!(
        merged.customer.as_ref().unwrap().customer_id,
        by_id,
        "the other name shows the one that stays"
    );
    assert_eq!(numbers(&merged), ["2", "1"]);
    let figures = merged.figures.unwrap();
    assert_eq!(
        (figures.order_count, figures.cancel_rate_per_mille, figures.net_spend[0].minor_units),
        (2, 500, 1000)
    );
    assert_eq!(figures.usual_channel, "web");
    let list = |page_token: String| {
        let key = Some(proto::list_customer_orders_request::Key::CustomerId(by_id.clone()));
        asked(proto::ListCustomerOrdersRequest { key, page_size: 1, page_token, after: String::new() })
    };
    let page = door.list_customer_orders(list(String::new())).await.unwrap().into_inner();
    let rest = door.list_customer_orders(list(page.next_page_token)).await.unwrap().into_inner();
    assert_eq!((rest.orders[0].external_order_number.as_str(), rest.next_page_token.as_str()), ("1", ""));
    let split = proto::SplitCustomerRequest {
        request_id: "s".into(),
        customer_id: by_id.clone(),
        identities: vec![value(Kind::Email, "ada@example.com")],
        ..Default::default()
    };
    let split = door.split_customer(asked(split)).await.unwrap().into_inner();
    assert_eq!(numbers(&view(&door, &split.new_customer_id).await), ["1"]);
    assert_eq!(numbers(&view(&door, &by_id).await), ["2"]);
}

#[tokio::test]
async fn a_node_sees_nothing_personal() {
    let world = World::new(&[]).await;
    let door = door(&world).await;
    let id = link(&door, "", value(Kind::Email, "ada@example.com")).await.unwrap();
    let profile =
        proto::CustomerProfile { name: "Zoe\u{308}".into(), tier: "gold".into(), ..Default::default() };
    let set = proto::SetCustomerProfileRequest {
        request_id: "p".into(),
        customer_id: id.clone(),
        profile: Some(profile),
        ..Default::default()
    };
    door.set_customer_profile(asked(set)).await.unwrap();
    let contact = proto::Contact {
        kind: proto::ContactKind::Call.into(),
        note: "wants blue".into(),
        ..Default::default()
    };
    let call = proto::RecordContactRequest {
        request_id: "c".into(),
        customer_id: id.clone(),
        contact: Some(contact),
        ..Default::default()
    };
    let first = door.record_contact(asked(call.clone())).await.unwrap().into_inner();
    assert_eq!(
        door.record_contact(asked(call)).await.unwrap().into_inner().contact_number,
        first.contact_number
    );
    let said = proto::Feedback {
        kind: proto::FeedbackKind::Rating.into(),
        rating: 5,
        text: "lovely".into(),
        sku: "A".into(),
        ..Default::default()
    };
    let say = proto::RecordFeedbackRequest {
        request_id: "f".into(),
        customer_id: id.clone(),
        feedback: Some(said),
        ..Default::default()
    };
    door.record_feedback(asked(say)).await.unwrap();
    placed(&world, "1", "", "", "ada@example.com").await;
    let seen = view(&door, &id).await;
    let who = seen.customer.unwrap();
    assert_eq!(
        (who.identities[0].value.as_str(), who.profile.unwrap().name.as_str()),
        ("ada@example.com", "Zoë")
    );
    assert_eq!((seen.contacts[0].note.as_str(), seen.feedback[0].text.as_str()), ("wants blue", "lovely"));
    assert_eq!(seen.contacts.len(), 1, "a repeated request records once");
    let seen = view_as(&door, Key::CustomerId(id), Role::Node).await.unwrap();
    let shown = format!("{seen:?}");
    for personal in ["ada@example.com", "Zoë", "wants blue", "lovely", "Lovelace"] {
        assert!(!shown.contains(personal), "{personal}");
    }
    assert!(shown.contains("gold"));
}

#[tokio::test]
async fn an_erased_customer_is_gone_with_their_orders_and_others_stay() {
    let world = World::new(&[]).await;
    let door = door(&world).await;
    let phone = "+49301234567";
    let own = placed(&world, "1", "c-1", phone, "ada@example.com").await;
    let other = placed(&world, "2", "c-2", phone, "bob@example.com").await;
    let id = link(&door, "", value(Kind::CustomerId, "c-1")).await.unwrap();
    link(&door, &id, value(Kind::Phone, phone)).await.unwrap();
    let erase =
        proto::EraseCustomerRequest { request_id: "e".into(), customer_id: id.clone(), ..Default::default() };
    let refused = door.erase_customer(asked(erase.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    for _ in 0..2 {
        let erased = door.erase_customer(asked_by(erase.clone(), "desk", Role::Operator)).await.unwrap();
        assert_eq!(erased.into_inner().order_count, 1);
    }
    assert!(world.get(&own).await.unwrap().erased);
    assert!(!world.get(&other).await.unwrap().erased, "a shared phone erases nobody else");
    let seen = view(&door, &id).await.customer.unwrap();
    assert!(seen.erased && seen.identities.is_empty());
    let found = find(&door, value(Kind::Phone, phone)).await;
    assert_eq!(found.iter().map(|who| who.identities[0].value.as_str()).collect::<Vec<_>>(), ["c-2"]);
    let link = link(&door, &id, value(Kind::Email, "ada@example.com")).await.unwrap_err();
    assert_eq!(reason(&link), "CUSTOMER_ERASED");
}

#[tokio::test]
async fn what_is_wrong_is_named_without_what_was_sent() {
    let world = World::new(&[]).await;
    let door = door(&world).await;
    let bad = link(&door, "17", value(Kind::Phone, "call me")).await.unwrap_err();
    assert_eq!(
        (bad.code(), fields(&bad)),
        (Code::InvalidArgument, vec!["customer_id".into(), "identity.value".into()])
    );
    assert!(!bad.message().contains("call me"));
    let nobody =
        view_as(&door, Key::Identity(value(Kind::Email, "no@body")), Role::Channel).await.unwrap_err();
    assert_eq!((nobody.code(), reason(&nobody)), (Code::NotFound, "CUSTOMER_UNKNOWN".into()));
    let unknown = view_as(&door, Key::CustomerId("C-9".into()), Role::Channel).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "CUSTOMER_UNKNOWN".into()));
    let visit = proto::Contact { kind: proto::ContactKind::Visit.into(), ..Default::default() };
    let id = link(&door, "", value(Kind::Email, &ada().email)).await.unwrap();
    let visited = proto::RecordContactRequest {
        request_id: "v".into(),
        customer_id: id,
        contact: Some(visit),
        ..Default::default()
    };
    assert_eq!(reason(&door.record_contact(asked(visited)).await.unwrap_err()), "CONSENT_MISSING");
}

#[tokio::test]
async fn a_record_without_a_name_is_called_what_its_newest_order_calls_it() {
    let world = World::new(&[("A", 9)]).await;
    let door = door(&world).await;
    let phone = || value(Kind::Phone, "+4930777");
    let mut wanted = order("1", vec![line("A", 1)]);
    wanted.customer_id = String::new();
    let contact = wanted.contact.as_mut().unwrap();
    (contact.name, contact.phone, contact.email) = ("Bob Web".into(), "+4930777".into(), String::new());
    world.place(wanted).await.unwrap();
    let name = |customer: &proto::Customer| customer.profile.clone().unwrap().name;
    assert_eq!(name(&find(&door, phone()).await[0]), "Bob Web");
    let id = link(&door, "", phone()).await.unwrap();
    assert_eq!(name(&find(&door, phone()).await[0]), "Bob Web", "linking loses nothing");
    assert_eq!(name(view(&door, &id).await.customer.as_ref().unwrap()), "Bob Web");
    let hidden = view_as(&door, Key::CustomerId(id.clone()), Role::Node).await;
    assert!(hidden.is_err() || name(hidden.unwrap().customer.as_ref().unwrap()).is_empty());
    let profile = Some(proto::CustomerProfile { name: "Robert Web".into(), ..Default::default() });
    let said = proto::SetCustomerProfileRequest {
        request_id: "p1".into(),
        customer_id: id.clone(),
        profile,
        ..Default::default()
    };
    door.set_customer_profile(asked(said)).await.unwrap();
    assert_eq!(name(view(&door, &id).await.customer.as_ref().unwrap()), "Robert Web");
}
