//! Jobs and streams over many orders: cancelled by a filter, watched by customer or channel, the exception queue.

use super::world::{World, asked, asked_by, line, order, reason, whole};
use std::collections::BTreeSet;
use tokio_stream::StreamExt;
use tonic::Code;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_proto::orders::v1::watch_orders_request::Of;
use waybill_types::Role;

fn job(request_id: &str, filter: proto::FindOrdersRequest) -> proto::CancelOrdersRequest {
    proto::CancelOrdersRequest {
        request_id: request_id.into(),
        reason: "recall of SKU A".into(),
        filter: Some(filter),
        orders_per_second: 1_000,
        ..Default::default()
    }
}

fn of_a() -> proto::FindOrdersRequest {
    proto::FindOrdersRequest { sku: "A".into(), ..Default::default() }
}

async fn all(world: &World, message: proto::CancelOrdersRequest) -> Vec<proto::CancelOrdersResponse> {
    let stream = world.door.cancel_orders(asked(message)).await.unwrap().into_inner();
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn a_job_cancels_what_a_filter_finds_each_once_and_goes_on_after_any_message() {
    let world = World::new(&[]).await;
    let mut ids = Vec::new();
    for number in 0..12 {
        let sku = if number % 3 == 0 { "B" } else { "A" };
        let placed = world.place(order(&number.to_string(), vec![line(sku, 1)])).await.unwrap();
        if sku == "A" {
            ids.push(placed.order_id);
        }
    }
    world.host.clock().advance(1_000);
    let mut stream = world.door.cancel_orders(asked(job("j1", of_a()))).await.unwrap().into_inner();
    let mut told = vec![stream.next().await.unwrap().unwrap(), stream.next().await.unwrap().unwrap()];
    drop(stream);
    world.host.clock().advance(1_000);
    let late = world.place(order("late", vec![line("A", 1)])).await.unwrap();
    let resume_token = told[0].resume_token.clone();
    let again = all(&world, proto::CancelOrdersRequest { resume_token, ..job("j1", of_a()) }).await;
    assert_eq!(again[0].order_id, told[1].order_id, "it goes on after the message that was taken");
    assert_eq!(again[0].lines, told[1].lines, "and what was done is told the same");
    assert!(again.iter().all(|one| !one.token.is_empty()));
    told.truncate(1);
    told.extend(again);
    let mut done: Vec<String> = told.iter().map(|one| one.order_id.clone()).collect();
    done.sort();
    ids.sort();
    assert_eq!(done, ids);
    assert!(told.iter().all(|one| one.status() == proto::OrderStatus::Cancelled && one.refusal.is_empty()));
    assert!(told.iter().all(|one| one.lines[0].cancelled == 1));
    let later = world.get(&late.order_id).await.unwrap();
    assert_ne!(later.status(), proto::OrderStatus::Cancelled, "it was placed after the job began");
    let repeated = all(&world, job("j1", of_a())).await;
    assert_eq!(repeated.len(), ids.len(), "the whole job again, and each order is told the same");
    let fresh = all(&world, job("j2", of_a())).await;
    assert_eq!(fresh.len(), ids.len() + 1);
    let outcome =
        |id: &str| fresh.iter().find(|one| one.order_id == id).map(|one| one.lines[0].outcome()).unwrap();
    assert_eq!(outcome(&ids[0]), proto::CancelLineOutcome::AlreadyCancelled);
    assert_eq!(outcome(&late.order_id), proto::CancelLineOutcome::Cancelled);
}

#[tokio::test]
async fn a_job_that_is_wrong_is_refused_before_it_begins() {
    let world = World::new(&[]).await;
    world.place(order("1", vec![line("A", 1)])).await.unwrap();
    let first = all(&world, job("j1", of_a())).await.remove(0);
    let start = |message| world.door.cancel_orders(asked(message));
    let mut wrong = job("", proto::FindOrdersRequest { phone: "x".into(), ..Default::default() });
    wrong.orders_per_second = 10_001;
    let refused = start(wrong).await.unwrap_err();
    assert_eq!(super::world::fields(&refused), ["request_id", "filter.phone", "orders_per_second"]);
    let everything = start(job("j2", proto::FindOrdersRequest::default())).await.unwrap_err();
    assert_eq!(everything.code(), Code::InvalidArgument, "a job over everything is nobody's wish");
    let of_b = proto::FindOrdersRequest { sku: "B".into(), ..Default::default() };
    let other = start(job("j1", of_b)).await.unwrap_err();
    assert_eq!((other.code(), reason(&other)), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
    let resume_token = first.resume_token;
    let stolen = start(proto::CancelOrdersRequest { resume_token, ..job("j3", of_a()) }).await.unwrap_err();
    assert_eq!(super::world::fields(&stolen), ["resume_token"]);
}

#[tokio::test]
async fn orders_of_a_customer_are_watched_entry_by_entry_and_resume_after_any_message() {
    let world = World::new(&[("A", 9)]).await;
    let watch = |of: Of, token: &str| {
        let message = proto::WatchOrdersRequest { of: Some(of), resume_token: token.into() };
        world.door.watch_orders(asked(message))
    };
    let customer = || Of::CustomerId("c-1".into());
    let before = world.place(order("0", vec![line("A", 1)])).await.unwrap();
    let known = world.once(&before.order_id, proto::OrderStatus::Released).await.revision;
    let mut stream = watch(customer(), "").await.unwrap().into_inner();
    let mut other = order("1", vec![line("A", 1)]);
    other.customer_id = "c-2".into();
    world.place(other).await.unwrap();
    let mine = world.place(order("2", vec![line("A", 1)])).await.unwrap();
    world.once(&mine.order_id, proto::OrderStatus::Released).await;
    world.cancel(whole(&before.order_id, "c")).await.unwrap();
    let ended = world.once(&before.order_id, proto::OrderStatus::Cancelled).await.revision;
    let count = 5 + (ended - known) as usize;
    let mut told: Vec<proto::WatchOrdersResponse> = Vec::new();
    while told.len() < count {
        told.push(stream.next().await.unwrap().unwrap());
    }
    let types = |id: &str| -> Vec<String> {
        let of = told.iter().filter(|one| one.order_id == id);
        of.map(|one| one.entry.as_ref().unwrap().event_type.clone()).collect()
    };
    let expected = ["OrderPlaced", "PlanRecorded", "ReservationGranted", "WorkPlanned", "WorkReleased"];
    assert_eq!(types(&mine.order_id), expected);
    let all_mine = told.iter().all(|one| [&before.order_id, &mine.order_id].contains(&&one.order_id));
    assert!(all_mine, "nobody else's orders");
    let numbers: Vec<u64> = told
        .iter()
        .filter(|one| one.order_id == mine.order_id)
        .map(|one| one.entry.as_ref().unwrap().number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let key = |one: &proto::WatchOrdersResponse| (one.order_id.clone(), one.entry.clone().unwrap().number);
    for cut in 0..told.len() - 1 {
        let mut resumed = watch(customer(), &told[cut].resume_token).await.unwrap().into_inner();
        let mut seen: BTreeSet<_> = told[..=cut].iter().map(key).collect();
        // Partitions may overtake each other, and more may happen meanwhile.
        while !told.iter().map(key).all(|one| seen.contains(&one)) {
            let next = key(&resumed.next().await.unwrap().unwrap());
            assert!(seen.insert(next.clone()), "{next:?} is told twice after message {cut}");
        }
    }
    let stolen = watch(Of::Channel("web".into()), &told[0].resume_token).await.unwrap_err();
    assert_eq!(super::world::fields(&stolen), ["resume_token"]);
    let nobody = proto::WatchOrdersRequest::default();
    assert_eq!(world.door.watch_orders(asked(nobody)).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn orders_that_every_node_refused_are_listed_oldest_first_until_they_are_resolved() {
    let world = World::new(&[("A", 9)]).await;
    let list = |page_size: u32, page_token: &str| {
        let page_token = page_token.to_owned();
        let message = proto::ListExceptionsRequest { page_size, page_token, ..Default::default() };
        world.door.list_exceptions(asked_by(message, "call_center", Role::Operator))
    };
    let short = world.place(order("short", vec![line("B", 1)])).await.unwrap();
    let found = world.once(&short.order_id, proto::OrderStatus::Backordered).await;
    assert_eq!(found.lines[0].backorder_cause, "no_stock");
    let empty = list(0, "").await.unwrap().into_inner();
    assert!(empty.exceptions.is_empty() && empty.next_page_token.is_empty(), "stock that comes serves it");
    world.others.0.lock().unwrap().rejects = true;
    let mut ids = Vec::new();
    for number in 0..5 {
        let placed = world.place(order(&number.to_string(), vec![line("A", 1)])).await.unwrap();
        world.once(&placed.order_id, proto::OrderStatus::Backordered).await;
        ids.push(placed.order_id);
        world.host.clock().advance(1);
    }
    let (mut told, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(2, &token).await.unwrap().into_inner();
        assert!(page.exceptions.len() <= 2);
        told.extend(page.exceptions);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(told.iter().map(|one| one.order_id.clone()).collect::<Vec<_>>(), ids);
    let first = &told[0];
    assert_eq!(
        (first.cause.as_str(), first.tried_node_ids.as_slice()),
        ("nodes_refused", &["n1".to_owned()][..])
    );
    assert_eq!((first.lines[0].sku.as_str(), first.lines[0].quantity), ("A", 1));
    world.cancel(whole(&ids[0], "c")).await.unwrap();
    let left = list(0, "").await.unwrap().into_inner();
    assert_eq!(left.exceptions.len(), 4, "a cancelled order needs nobody");
    let wrong = list(201, "00ff").await.unwrap_err();
    assert_eq!(super::world::fields(&wrong), ["page_size"]);
}
