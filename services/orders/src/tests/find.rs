//! Finding orders over all partitions, newest first, page by page.

use super::world::{World, line, order, whole};
use std::sync::Arc;
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
    // Two rows of each partition per page, so that most pages are empty.
    let narrow = crate::Settings { find_rows_max: 2, ..crate::Settings::default() };
    let filter = proto::FindOrdersRequest { sku: "RARE".into(), page_size: 5, ..Default::default() };
    let mut inner = crate::door::Inner {
        partitions: world.door.0.partitions.clone(),
        layout: world.door.0.layout,
        settings: narrow,
        seal: world.door.0.seal.clone(),
        ears: world.door.0.ears.clone(),
        clock: world.door.0.clock.clone(),
        planner: Arc::clone(&world.door.0.planner),
        nodes: Arc::clone(&world.door.0.nodes),
    };
    inner.settings.find_rows_max = 2;
    let world = World { door: crate::Door(Arc::new(inner)), ..world };
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
