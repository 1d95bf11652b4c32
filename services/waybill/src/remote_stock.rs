//! Feeds the stock mirror of a process that plans but does not run inventory: from the availability stream of the one
//! that does. What it knows of an item is read when the item first appears, and again whenever the stream is opened.

use crate::config::ServiceName;
use std::collections::BTreeSet;
use std::time::Duration;
use tonic::transport::Channel;
use waybill_mirror::{Figures, ItemChange, Mirror, StockChange};
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::inventory::v1::watch_availability_response::Change;
use waybill_proto::inventory::v1::{
    AvailabilityChange, GetItemRequest, Item, ListItemsRequest, WatchAvailabilityRequest, get_item_request,
};
use waybill_types::network::SKU_CLASS;
use waybill_types::{Invalid, Layout, NodeId, OwnerId, PartitionId, Quantity, Service, Sku, Text, Timestamp};

const PAUSE: Duration = Duration::from_millis(500);

/// Follows inventory behind `channel` for as long as the process lives.
pub fn follow(channel: Channel, layout: Layout, mirror: Mirror) {
    tokio::spawn(async move {
        loop {
            // While nobody answers, the mirror keeps what it had; plans say which version they were made from.
            if let Err(error) = stream(&channel, layout, &mirror).await {
                tracing::debug!(service = ?ServiceName::Inventory, %error, "the availability stream ended");
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
}

async fn stream(channel: &Channel, layout: Layout, mirror: &Mirror) -> anyhow::Result<()> {
    let mut client = InventoryServiceClient::new(channel.clone()).max_decoding_message_size(16 << 20);
    let mut known = items(&mut client, layout, mirror).await?;
    let mut changes = client.watch_availability(WatchAvailabilityRequest::default()).await?.into_inner();
    while let Some(answer) = changes.message().await? {
        match answer.change {
            Some(Change::Availability(change)) => {
                let stock = parse(&change)?;
                let partition = layout.sku_home(&stock.sku);
                let item = match known.insert(stock.sku.clone()) {
                    true => item(&mut client, &stock.sku).await?,
                    false => None,
                };
                mirror.apply(partition, stock.version, item, [stock]);
            }
            Some(Change::SnapshotComplete(_)) => {
                for partition in layout.partitions(Service::Inventory) {
                    mirror.load(partition, 0, [], []);
                }
            }
            None => {}
        }
    }
    Ok(())
}

/// Every item there is; answers with their SKUs.
async fn items(
    client: &mut InventoryServiceClient<Channel>,
    layout: Layout,
    mirror: &Mirror,
) -> anyhow::Result<BTreeSet<Sku>> {
    let mut known = BTreeSet::new();
    let mut request = ListItemsRequest { page_size: 1_000, ..Default::default() };
    loop {
        let page = client.list_items(request.clone()).await?.into_inner();
        for item in &page.items {
            let change = describe(item)?;
            known.insert(change.sku.clone());
            mirror.apply(home(layout, &change.sku), 0, [change], []);
        }
        if page.next_page_token.is_empty() {
            return Ok(known);
        }
        request.page_token = page.next_page_token;
    }
}

fn home(layout: Layout, sku: &Sku) -> PartitionId {
    layout.sku_home(sku)
}

async fn item(client: &mut InventoryServiceClient<Channel>, sku: &Sku) -> anyhow::Result<Option<ItemChange>> {
    let key = Some(get_item_request::Key::Sku(sku.to_string()));
    let found = client.get_item(GetItemRequest { key, ..Default::default() }).await?.into_inner().item;
    Ok(found.as_ref().map(describe).transpose()?)
}

fn describe(item: &Item) -> Result<ItemChange, Invalid> {
    Ok(ItemChange {
        sku: Sku::new(&item.sku)?,
        scale: item.scale as u8,
        weight_g: u64::try_from(item.weight_g).unwrap_or(0),
        no_split: item.flags.is_some_and(|flags| flags.no_split),
        inactive: item.inactive,
        name: Text::new(&item.name)?,
        class: item
            .custom_attributes
            .get(SKU_CLASS)
            .and_then(|class| Text::new(class).ok())
            .filter(|class| !class.as_str().is_empty()),
    })
}

fn parse(change: &AvailabilityChange) -> anyhow::Result<StockChange> {
    let node = change.node.clone().unwrap_or_default();
    let at = change.event_time.unwrap_or_default();
    Ok(StockChange {
        sku: Sku::new(&change.sku)?,
        owner: OwnerId::new(&change.owner)?,
        node: NodeId::new(&node.node_id)?,
        figures: Figures {
            sellable: Quantity::new(node.sellable)?,
            reserved: Quantity::new(node.reserved)?,
            safety_stock: Quantity::new(node.safety_stock)?,
        },
        version: change.version,
        at: Timestamp::from_ms(at.seconds * 1_000 + i64::from(at.nanos) / 1_000_000),
    })
}
