//! Finding orders over all partitions, newest first, page by page.

use super::import::{client, historic, rows};
use super::world::{World, line, order, whole};
use std::sync::Arc;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;

async fn all(world: &World, mut filter: proto::FindOrdersRequest) -> Vec<proto::OrderSummary> {
    let mut found = Vec::new();
    loop {
        let page = world.find(filter.clone()).await.unwrap();
        assert!(page.orders.len() <= filter.page_size as usize);
        found.extend(page.orders);
        if page.next_page_token.is_empty() {
            return found;
        }
        filter.page_token = page.next_page_token;
    }
}

fn numbers(orders: &[proto::OrderSummary]) -> Vec<&str> {
    orders.iter().map(|order| order.external_order_number.as_str()).collect()
}

/// The world with a door that looks at two rows of each partition per page, so that most pages of a search without an
/// index are empty.
fn narrow(world: World) -> World {
    let inner = crate::door::Inner {
        settings: crate::Settings { find_rows_max: 2, ..crate::Settings::default() },
        partitions: world.door.0.partitions.clone(),
        layout: world.door.0.layout,
        seal: world.door.0.seal.clone(),
        ears: world.door.0.ears.clone(),
        clock: world.door.0.clock.clone(),
        planner: Arc::clone(&world.door.0.planner),
        nodes: Arc::clone(&world.door.0.nodes),
    };
    World { door: crate::Door(Arc::new(inner)), ..world }
}

#[tokio::test]
async fn orders_are_found_by_every_key_the_moment_they_are_placed() {
    let world = World::new(&[]).await;
    for number in 0..20 {
        let mut wanted = order(&number.to_string(), vec![line(if number % 2 == 0 { "A" } else { "B" }, 1)]);
        if number % 5 == 0 {
            wanted.contact.as_mut().unwrap().phone = "+33 1 5555 0000".into();
            wanted.customer_id = "c-2".into();
        }
        world.place(wanted).await.unwrap();
        world.host.clock().advance(1);
    }
    let newest_first: Vec<String> = (0..20).rev().map(|number| number.to_string()).collect();
    let any = proto::FindOrdersRequest { page_size: 3, ..Default::default() };
    let by_channel = proto::FindOrdersRequest { channel: "web".into(), ..any.clone() };
    assert_eq!(numbers(&all(&world, by_channel).await), newest_first);
    let by_email = proto::FindOrdersRequest { email: "ADA@example.com".into(), ..any.clone() };
    assert_eq!(numbers(&all(&world, by_email).await), newest_first);
    let by_phone = proto::FindOrdersRequest { phone: "0033155550000".into(), ..any.clone() };
    assert_eq!(numbers(&all(&world, by_phone.clone()).await), ["15", "10", "5", "0"]);
    let both = proto::FindOrdersRequest { sku: "B".into(), customer_id: "c-2".into(), ..by_phone };
    assert_eq!(numbers(&all(&world, both).await), ["15", "5"]);
    let by_number = proto::FindOrdersRequest { external_order_number: "7".into(), ..any.clone() };
    let found = all(&world, by_number).await;
    assert_eq!((numbers(&found), found[0].customer_name.as_str()), (vec!["7"], "Ada Lovelace"));
    let cancelled = &all(&world, proto::FindOrdersRequest { sku: "A".into(), ..any.clone() }).await[0];
    world.cancel(whole(&cancelled.order_id, "c")).await.unwrap();
    let statuses = vec![proto::OrderStatus::Cancelled.into()];
    let by_status = proto::FindOrdersRequest { statuses, ..any };
    assert_eq!(numbers(&all(&world, by_status).await), [cancelled.external_order_number.as_str()]);
}

#[tokio::test]
async fn a_search_of_many_rows_goes_on_where_it_stopped() {
    let world = World::new(&[]).await;
    for number in 0..40 {
        let sku = if number == 3 { "RARE" } else { "A" };
        world.place(order(&number.to_string(), vec![line(sku, 1)])).await.unwrap();
    }
    let filter = proto::FindOrdersRequest { sku: "RARE".into(), page_size: 5, ..Default::default() };
    let world = narrow(world);
    assert_eq!(numbers(&all(&world, filter.clone()).await), ["3"]);
    assert!(world.find(filter).await.unwrap().orders.is_empty(), "the first page looks at few rows");
    let everything = proto::FindOrdersRequest { channel: "web".into(), page_size: 5, ..Default::default() };
    assert_eq!(all(&world, everything).await.len(), 40);
}

#[tokio::test]
async fn orders_are_found_by_the_beginnings_of_names_in_any_script_by_card_and_by_social_id() {
    let world = World::new(&[]).await;
    let names = ["Zoë Müllerová", "王小明", "Li Wei", "Adam Müller", "Maria del Carmen García López"];
    for (number, name) in names.iter().enumerate() {
        let mut wanted = order(&number.to_string(), vec![line("A", 1)]);
        let contact = wanted.contact.as_mut().unwrap();
        contact.name = (*name).into();
        contact.member_card = format!("M-{number}00");
        contact.social_id = format!("WeChat:user{number}");
        wanted.ship_to.as_mut().unwrap().name = String::new();
        world.place(wanted).await.unwrap();
        world.host.clock().advance(1);
    }
    let by_name = |name: &str| proto::FindOrdersRequest {
        name_prefix: name.into(),
        page_size: 1,
        ..Default::default()
    };
    for (name, expected) in [
        ("mül", vec!["3", "0"]),
        ("MU\u{308}LLER", vec!["3", "0"]),
        ("müllero", vec!["0"]),
        ("ZOE\u{308}", vec!["0"]),
        ("zoë mül", vec!["0"]),
        ("王", vec!["1"]),
        ("王小", vec!["1"]),
        ("王大", vec![]),
        ("li", vec!["2"]),
        ("ló", vec![]),
        ("lóp", vec!["4"]),
    ] {
        assert_eq!(numbers(&all(&world, by_name(name)).await), expected, "{name}");
    }
    let card = proto::FindOrdersRequest { member_card: "m200".into(), page_size: 5, ..Default::default() };
    assert_eq!(numbers(&all(&world, card).await), ["2"]);
    let social =
        |id: &str| proto::FindOrdersRequest { social_id: id.into(), page_size: 5, ..Default::default() };
    assert_eq!(numbers(&all(&world, social("wechat:user4")).await), ["4"]);
    assert!(all(&world, social("wechat:USER4")).await.is_empty(), "the id is the network's");
}

#[tokio::test]
async fn a_day_a_hold_and_a_node_are_found_at_once_however_many_newer_orders_there_are() {
    let world = World::new(&[("A", 1)]).await;
    let mut held = order("held", vec![line("A", 1)]);
    held.hold_types = vec!["fraud".into()];
    let placed = world.place(held).await.unwrap();
    world.once(&placed.order_id, proto::OrderStatus::Reserved).await;
    // Only now, since a door opened by hand plans nothing.
    let world = narrow(world);
    let mut older = historic("older", 2);
    older.place_time.as_mut().unwrap().seconds = 1_500_000_000;
    let past = rows("i1", vec![historic("old", 2), older]);
    client(&world).await.import_orders(tokio_stream::iter([past])).await.unwrap();
    for number in 0..20 {
        world.host.clock().advance(1);
        world.place(order(&number.to_string(), vec![line("B", 1)])).await.unwrap();
    }
    let any = proto::FindOrdersRequest { page_size: 5, ..Default::default() };
    let by_hold = proto::FindOrdersRequest { hold_type: "fraud".into(), ..any.clone() };
    let by_node = proto::FindOrdersRequest { node_id: "n1".into(), ..any.clone() };
    for filter in [by_hold, by_node] {
        assert_eq!(numbers(&world.find(filter.clone()).await.unwrap().orders), ["held"], "{filter:?}");
    }
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let placed = |earliest, latest| proto::FindOrdersRequest {
        placed: Some(common::TimeRange { earliest, latest }),
        ..any.clone()
    };
    let that_day = placed(at(1_600_000_000), at(1_600_000_001));
    assert_eq!(numbers(&world.find(that_day).await.unwrap().orders), ["old"]);
    let before = placed(None, at(1_600_000_000));
    assert_eq!(numbers(&all(&world, before).await), ["older"]);
    let newest_first: Vec<String> = (0..20).rev().map(|number: i32| number.to_string()).collect();
    let mut expected: Vec<&str> = newest_first.iter().map(String::as_str).collect();
    expected.extend(["held", "old", "older"]);
    assert_eq!(numbers(&all(&world, placed(at(1), None)).await), expected);
}
