//! Reading items.

use crate::door::Shared;
use crate::error::{NoSuchAlias, unknown_item};
use crate::from_proto::item::alias;
use crate::to_proto;
use futures::future::try_join_all;
use std::sync::Arc;
use tonic::Status;
use waybill_inventory::{Alias, ItemRecord, read};
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::get_item_request::Key;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{DoorError, Fields, opaque, status};
use waybill_types::{PartitionId, Service, Sku};

const TOKEN_KIND: &str = "items";

enum Wanted {
    Sku(Sku),
    Alias(Alias),
}

pub(crate) async fn get(
    door: &Shared,
    message: proto::GetItemRequest,
) -> Result<proto::GetItemResponse, Status> {
    let mut fields = Fields::new();
    let wanted = match &message.key {
        Some(Key::Sku(sku)) => fields.check("sku", Sku::new(sku)).map(Wanted::Sku),
        Some(Key::Alias(asked)) => alias(&mut fields, "alias".to_owned(), asked).map(Wanted::Alias),
        None => {
            fields.wrong("key", "is missing: give a sku or an alias");
            None
        }
    };
    door.own_token(&mut fields, &message.after);
    let (found, unknown) = match fields.finish(wanted)? {
        Wanted::Sku(sku) => {
            let asked = sku.clone();
            let found = door.read(door.home_of(&sku), move |state| read::item(state, &asked)).await?;
            (found, unknown_item(&sku))
        }
        Wanted::Alias(alias) => {
            let unknown = status(&NoSuchAlias(alias.clone()));
            (by_alias(door, alias).await?, unknown)
        }
    };
    let record = found.ok_or(unknown)?;
    Ok(proto::GetItemResponse { item: Some(to_proto::item(&record)) })
}

/// A code says nothing about the SKU's partition, so all are asked; the lowest that knows it answers.
async fn by_alias(door: &Shared, alias: Alias) -> Result<Option<Arc<ItemRecord>>, Status> {
    let asks = door.all().map(|partition| {
        let alias = alias.clone();
        door.read(partition, move |state| read::item_by_alias(state, &alias))
    });
    Ok(try_join_all(asks).await?.into_iter().flatten().next())
}

pub(crate) async fn list(
    door: &Shared,
    message: &proto::ListItemsRequest,
) -> Result<proto::ListItemsResponse, Status> {
    let mut fields = Fields::new();
    let size = page_size(&mut fields, message.page_size, 100, 1_000);
    door.own_token(&mut fields, &message.after);
    let size = fields.finish(size)?;
    let (mut index, mut after) = place(door, &message.page_token)?;
    let mut items: Vec<Arc<ItemRecord>> = Vec::new();
    while items.len() < size && u16::from(index) < door.layout.inventory {
        let partition = PartitionId::new(Service::Inventory, index);
        let (from, room) = (after.clone(), size - items.len());
        let page = door.read(partition, move |state| read::items(state, from.as_ref(), room)).await?;
        if page.len() < room {
            after = None;
            match index.checked_add(1) {
                Some(next) => index = next,
                None => {
                    items.extend(page);
                    return Ok(answer(&items, String::new()));
                }
            }
        } else {
            after = page.last().map(|record| record.item.sku.clone());
        }
        items.extend(page);
    }
    let more = u16::from(index) < door.layout.inventory;
    let token = if more { opaque::seal(TOKEN_KIND, &(index, after)) } else { String::new() };
    Ok(answer(&items, token))
}

fn place(door: &Shared, token: &str) -> Result<(u8, Option<Sku>), DoorError> {
    if token.is_empty() {
        return Ok((0, None));
    }
    let (index, after): (u8, Option<Sku>) = opaque::open(TOKEN_KIND, "page_token", token)?;
    if u16::from(index) >= door.layout.inventory {
        return Err(DoorError::field("page_token", "is of another installation"));
    }
    Ok((index, after))
}

fn answer(items: &[Arc<ItemRecord>], next_page_token: String) -> proto::ListItemsResponse {
    proto::ListItemsResponse {
        items: items.iter().map(|record| to_proto::item(record)).collect(),
        next_page_token,
    }
}
