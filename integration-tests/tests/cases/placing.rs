//! The same order more than once: case 3, pitfalls 3 to 5.

use anyhow::{Context, ensure};
use futures::future::join_all;
use tonic::Code;
use tonic_types::StatusExt;
use waybill_integration_tests::retailer::{Shape, order};
use waybill_integration_tests::world::{World, from_channel};
use waybill_proto::orders::v1::{FindOrdersRequest, OrderStatus, PlaceMode, PlaceOrderRequest};

const SHAPE: Shape = Shape { nodes: 1, items: 2, stock: 10 };

#[tokio::test]
async fn five_callers_at_once_with_one_order_make_one_order() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    let request = order("S-3", &[(0, 2)], PlaceMode::Confirm);
    let answers = join_all((0..5).map(|_| world.place(request.clone()))).await;
    let answers: Vec<_> = answers.into_iter().collect::<anyhow::Result<_>>()?;
    for answer in &answers {
        ensure!(answer.order_id == answers[0].order_id, "{answer:?} is not {:?}", answers[0]);
        ensure!(answer.outcome == answers[0].outcome && answer.lines == answers[0].lines, "{answer:?}");
    }
    let request = FindOrdersRequest { channel: "web".into(), ..Default::default() };
    let found = world.orders().find_orders(request).await?.into_inner().orders;
    ensure!(found.len() == 1, "{} orders were made", found.len());
    world.check().await?;
    let position = world.position(0, 0).await?;
    ensure!(position.reserved == 2, "{position:?}");
    Ok(())
}

/// Sends `changed` and expects it to be refused, naming `field`.
async fn refused(world: &World, changed: PlaceOrderRequest, field: &str) -> anyhow::Result<()> {
    let what = format!("{:?}", changed.request_id);
    let answer = world.orders().place_order(from_channel("web", changed)).await;
    let status = answer.err().with_context(|| format!("{what} with another {field} was taken"))?;
    ensure!(status.code() == Code::AlreadyExists, "{status:?}");
    let info = status.get_details_error_info().context("no ErrorInfo")?;
    let named = info.metadata.get("field").cloned().unwrap_or_default();
    ensure!(named.contains(field), "{what}: {named:?} is named where {field} differs: {status:?}");
    Ok(())
}

#[tokio::test]
async fn an_order_sent_again_with_other_content_is_refused_and_the_field_is_named() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    let first = order("S-4", &[(0, 2)], PlaceMode::Confirm);
    let placed = world.place(first.clone()).await?;
    let before = world.order_at(&placed.order_id, OrderStatus::Released).await?;

    let other_lines = order("S-4", &[(0, 3)], PlaceMode::Confirm);
    refused(&world, other_lines.clone(), "lines").await?;
    let mut other_customer = first.clone();
    other_customer.customer_id = "somebody-else".into();
    refused(&world, other_customer, "customer_id").await?;
    let mut other_address = first.clone();
    other_address.ship_to.get_or_insert_default().city = "Hamburg".into();
    refused(&world, other_address, "ship_to").await?;
    // Under a new request id it is the number that is known.
    let mut new_id = other_lines;
    new_id.request_id = "another-try".into();
    refused(&world, new_id, "lines").await?;

    let after = world.order(&placed.order_id).await?;
    ensure!(after == before, "a refused order changed the first one: {after:?}");
    let again = world.place(first).await?;
    ensure!(again.order_id == placed.order_id, "{again:?}");
    world.check().await
}

#[tokio::test]
async fn a_known_number_under_a_new_request_id_is_the_order_that_is_there() -> anyhow::Result<()> {
    let mut world = World::open(SHAPE, Vec::new()).await?;
    let first = order("S-5", &[(0, 1)], PlaceMode::Confirm);
    let placed = world.place(first.clone()).await?;
    let mut again = first.clone();
    again.request_id = "a-new-request".into();
    let answer = world.place(again.clone()).await?;
    ensure!(answer.order_id == placed.order_id, "a second order {answer:?}");
    let elsewhere = world.orders().place_order(from_channel("store", again.clone())).await?.into_inner();
    ensure!(elsewhere.order_id != placed.order_id, "the number of another channel is another order");
    world.crash().await?;
    again.request_id = "after-the-crash".into();
    let answer = world.place(again).await?;
    ensure!(answer.order_id == placed.order_id, "a second order after a restart: {answer:?}");
    world.check().await?;
    ensure!(world.position(0, 0).await?.reserved == 2, "two orders of one unit");
    Ok(())
}
