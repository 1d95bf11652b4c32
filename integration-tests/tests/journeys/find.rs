//! An order is found by everything it is known by, the moment it is acknowledged.

use anyhow::{Context, ensure};
use std::time::{Duration, SystemTime};
use waybill_integration_tests::retailer::{Shape, order, sku};
use waybill_integration_tests::world::{World, from_channel};
use waybill_proto::common::v1::{Contact, TimeRange};
use waybill_proto::orders::v1::{
    ExternalOrderKey, FindOrdersRequest, GetOrderRequest, OrderStatus, PlaceMode, get_order_request,
};

const SHAPE: Shape = Shape { nodes: 1, items: 2, stock: 100 };

async fn found(world: &World, request: FindOrdersRequest) -> anyhow::Result<Vec<String>> {
    let mut numbers = Vec::new();
    let mut request = request;
    loop {
        let page = world.orders().find_orders(request.clone()).await?.into_inner();
        numbers.extend(page.orders.into_iter().map(|order| order.external_order_number));
        if page.next_page_token.is_empty() {
            return Ok(numbers);
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn an_order_is_found_by_everything_it_is_known_by() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    let mut ada = order("F-1", &[(0, 1)], PlaceMode::Confirm);
    ada.customer_id = "customer-7".into();
    ada.contact = Some(Contact {
        name: "Grace Example".into(),
        phone: "+4930999111".into(),
        email: "Grace.Example@Example.com".into(),
        ..Contact::default()
    });
    let placed = world.orders().place_order(from_channel("store", ada)).await?.into_inner();
    world.place(order("F-2", &[(1, 1)], PlaceMode::Confirm)).await?;
    let only = ["F-1".to_owned()];

    let external = ExternalOrderKey { channel: "store".into(), external_order_number: "F-1".into() };
    let key = Some(get_order_request::Key::External(external));
    let by_number = world.orders().get_order(GetOrderRequest { key, after: placed.token.clone() }).await?;
    ensure!(
        by_number.into_inner().order.is_some_and(|o| o.order_id == placed.order_id),
        "by channel and number"
    );

    let hour_ago = SystemTime::now() - Duration::from_secs(3_600);
    let hence = SystemTime::now() + Duration::from_secs(3_600);
    let asks = [
        FindOrdersRequest { external_order_number: "F-1".into(), ..Default::default() },
        FindOrdersRequest { phone: "+4930999111".into(), ..Default::default() },
        FindOrdersRequest { phone: "+49 30 999-111".into(), ..Default::default() },
        FindOrdersRequest { email: "grace.EXAMPLE@example.com".into(), ..Default::default() },
        FindOrdersRequest { customer_id: "customer-7".into(), ..Default::default() },
        FindOrdersRequest { sku: sku(0), ..Default::default() },
        FindOrdersRequest { channel: "store".into(), ..Default::default() },
        FindOrdersRequest {
            channel: "store".into(),
            placed: Some(TimeRange { earliest: Some(hour_ago.into()), latest: Some(hence.into()) }),
            ..Default::default()
        },
    ];
    for ask in asks {
        let numbers = found(&world, ask.clone()).await?;
        ensure!(numbers == only, "{numbers:?} by {ask:?}");
    }
    let nothing = [
        FindOrdersRequest { phone: "+4930999112".into(), ..Default::default() },
        FindOrdersRequest { email: "grace@example.com".into(), ..Default::default() },
        FindOrdersRequest { customer_id: "customer".into(), ..Default::default() },
        FindOrdersRequest { phone: "+4930999111".into(), channel: "web".into(), ..Default::default() },
        FindOrdersRequest {
            placed: Some(TimeRange { earliest: None, latest: Some(hour_ago.into()) }),
            ..Default::default()
        },
        FindOrdersRequest { statuses: vec![OrderStatus::Cancelled.into()], ..Default::default() },
    ];
    for ask in nothing {
        let numbers = found(&world, ask.clone()).await?;
        ensure!(numbers.is_empty(), "{numbers:?} by {ask:?}");
    }
    world.order_at(&placed.order_id, OrderStatus::Released).await?;
    let released =
        FindOrdersRequest { statuses: vec![OrderStatus::Released.into()], sku: sku(0), ..Default::default() };
    ensure!(found(&world, released).await? == only, "by status");
    Ok(())
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page_none_twice() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    for index in 0..25 {
        world.place(order(&format!("P-{index:02}"), &[(0, 1)], PlaceMode::Accept)).await?;
    }
    let request = FindOrdersRequest { channel: "web".into(), page_size: 4, ..Default::default() };
    let numbers = found(&world, request.clone()).await?;
    let expected: Vec<String> = (0..25).rev().map(|index| format!("P-{index:02}")).collect();
    ensure!(numbers == expected, "{numbers:?}");
    world.crash().await?;
    ensure!(found(&world, request.clone()).await? == expected, "after a restart");

    let page = world.orders().find_orders(request.clone()).await?.into_inner();
    ensure!(page.orders.len() == 4, "a page of {}", page.orders.len());
    let foreign =
        FindOrdersRequest { channel: "store".into(), page_token: page.next_page_token, ..Default::default() };
    let refused =
        world.orders().find_orders(foreign).await.err().context("a token of another list was taken")?;
    ensure!(refused.code() == tonic::Code::InvalidArgument, "{refused:?}");
    Ok(())
}
