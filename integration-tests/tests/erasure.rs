//! A planted person: their data stand nowhere in plain, they can be erased for good, and the order stays.

use anyhow::{Context, ensure};
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::plain::{holding, nowhere};
use waybill_integration_tests::retailer::{Shape, node, order};
use waybill_integration_tests::world::World;
use waybill_proto::common::v1::{Address, Contact};
use waybill_proto::fulfillment::v1::{PickInstruction, pick_instruction};
use waybill_proto::orders::v1::{
    EraseSubjectRequest, FindOrdersRequest, GetTimelineRequest, OrderStatus, OrderSummary, PlaceMode,
    PlaceOrderRequest, erase_subject_request,
};

const NAME: &str = "Zenobia Quillfeather";
const PHONE: &str = "+4930777123456";
const EMAIL: &str = "zenobia.quill@planted.example";
const STREET: &str = "Planted Lane 4711";
const CITY: &str = "Quillburg";
const COMPANY: &str = "Quill and Feather Ltd";
const GIFT_NOTE: &str = "For the finest quill in town";
/// Nothing of these may be found; what is not personal must be found, or the search proves nothing.
const PLANTED: [&str; 8] =
    [NAME, "Quillfeather", "30777123456", "zenobia.quill", STREET, CITY, COMPANY, GIFT_NOTE];
const NUMBER: &str = "ERASE-ME-7700";

fn planted() -> PlaceOrderRequest {
    let mut request = order(NUMBER, &[(0, 1)], PlaceMode::Confirm);
    request.contact =
        Some(Contact { name: NAME.into(), phone: PHONE.into(), email: EMAIL.into(), ..Default::default() });
    request.ship_to = Some(Address {
        name: NAME.into(),
        company: COMPANY.into(),
        street_lines: vec![STREET.into()],
        city: CITY.into(),
        postal_code: "10115".into(),
        country_code: "DE".into(),
        ..Default::default()
    });
    request.gift_note = GIFT_NOTE.into();
    request
}

/// Looks through the data directory and the log.
fn search(world: &World) -> anyhow::Result<()> {
    ensure!(!holding(world.data_dir(), NUMBER)?.is_empty(), "the search finds not even the order's number");
    nowhere(&[world.data_dir(), &world.log()], &PLANTED)
}

async fn found(world: &World, ask: FindOrdersRequest) -> anyhow::Result<Vec<OrderSummary>> {
    Ok(world.orders().find_orders(ask).await?.into_inner().orders)
}

async fn instruction(world: &World) -> anyhow::Result<PickInstruction> {
    Desk::new(world.channel(), &node(0)).next(0).await
}

/// Reads the order in every way there is and finds nobody.
async fn reads_as_erased(world: &World, order_id: &str) -> anyhow::Result<()> {
    let order = world.order(order_id).await?;
    ensure!(order.erased && order.contact.is_none() && order.ship_to.is_none(), "{order:?}");
    ensure!(order.gift_note.is_empty() && order.lines.len() == 1, "{order:?}");
    let mut texts = vec![format!("{order:?}")];
    let asks = [
        FindOrdersRequest { phone: PHONE.into(), ..Default::default() },
        FindOrdersRequest { email: EMAIL.into(), ..Default::default() },
    ];
    for ask in asks {
        let orders = found(world, ask).await?;
        ensure!(orders.is_empty(), "an erased person is still found: {orders:?}");
    }
    let ask = FindOrdersRequest { external_order_number: NUMBER.into(), ..Default::default() };
    let orders = found(world, ask).await?;
    ensure!(orders.len() == 1 && orders[0].customer_name.is_empty(), "the order itself stays: {orders:?}");
    let instruction = instruction(world).await?;
    ensure!(instruction.erased && !instruction.lines.is_empty(), "{instruction:?}");
    texts.push(format!("{instruction:?}"));
    let ask = GetTimelineRequest { order_id: order_id.to_owned(), ..Default::default() };
    texts.push(format!("{:?}", world.orders().get_timeline(ask).await?.into_inner()));
    for text in PLANTED {
        ensure!(!texts.iter().any(|read| read.contains(text)), "{text:?} is still read");
    }
    Ok(())
}

#[tokio::test]
async fn an_erased_person_is_nowhere_and_the_order_stays() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
    let placed = world.place(planted()).await?;
    // Somebody else, who must not be erased along with her.
    let other = world.place(order("STAYS", &[(0, 1)], PlaceMode::Confirm)).await?;
    world.order_at(&placed.order_id, OrderStatus::Released).await?;
    let told = instruction(&world).await?;
    let Some(pick_instruction::Destination::ShipTo(to)) = &told.destination else {
        anyhow::bail!("no address: {told:?}")
    };
    ensure!(to.address.as_ref().is_some_and(|a| a.city == CITY) && told.gift_note == GIFT_NOTE, "{told:?}");
    let by_phone = FindOrdersRequest { phone: PHONE.into(), ..Default::default() };
    let before = found(&world, by_phone).await?;
    ensure!(before.len() == 1 && before[0].customer_name == NAME, "{before:?}");

    world.checkpoint("before").await?;
    search(&world).context("while the engine runs")?;
    let copy = world.copy("copy").await?;
    nowhere(&[&copy], &PLANTED).context("in a copy")?;

    let subject = Some(erase_subject_request::Subject::Phone(PHONE.into()));
    let erase = EraseSubjectRequest { request_id: "erase".into(), reason: "asked for it".into(), subject };
    let erased = world.orders().erase_subject(erase.clone()).await?.into_inner();
    ensure!(erased.order_count == 1, "{erased:?}");
    reads_as_erased(&world, &placed.order_id).await?;
    world.checkpoint("after").await?;
    search(&world).context("after the erasure")?;
    world.crash().await?;
    reads_as_erased(&world, &placed.order_id).await.context("after a restart")?;
    world.orders().erase_subject(erase).await.context("erasing again")?;
    search(&world).context("after a restart")?;

    let stays = world.order(&other.order_id).await?;
    ensure!(
        !stays.erased && stays.contact.is_some_and(|c| c.name == "Ada Example"),
        "somebody else is erased"
    );
    let again = world.place(planted()).await?;
    ensure!(again.order_id == placed.order_id, "a retry after the erasure is another order: {again:?}");
    world.check().await
}
