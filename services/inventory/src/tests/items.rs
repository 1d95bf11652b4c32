//! Items through the door.

use super::world::{World, asked, item, why};
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::Code;
use waybill_proto::common::v1::RowOutcome;
use waybill_proto::inventory::v1 as proto;
use waybill_proto::inventory::v1::get_item_request::Key;
use waybill_proto::inventory::v1::inventory_service_server::InventoryService;

/// An empty id stands for one that nobody used before.
async fn upsert(world: &World, request_id: &str, items: Vec<proto::Item>) -> proto::UpsertItemsResponse {
    static FRESH: AtomicU64 = AtomicU64::new(0);
    let fresh = || format!("fresh {}", FRESH.fetch_add(1, Ordering::Relaxed));
    let request_id = if request_id.is_empty() { fresh() } else { request_id.to_owned() };
    let rows =
        items.into_iter().map(|item| proto::ItemRow { item: Some(item), expected_revision: 0 }).collect();
    let message = proto::UpsertItemsRequest { request_id, rows, ..Default::default() };
    world.door.upsert_items(asked(message)).await.unwrap().into_inner()
}

#[tokio::test]
async fn items_of_all_partitions_are_written_each_on_its_own_and_read_by_code() {
    let world = World::new().await;
    let gtin = proto::ItemAlias { kind: "gtin".into(), value: "4006381333931".into() };
    let mut items: Vec<proto::Item> = (0..20).map(|n| item(&format!("S{n}"))).collect();
    items[3].aliases = vec![gtin.clone()];
    items[5].unit = 99;
    items[7].weight_g = -1;
    items[9].custom_attributes.insert("colour".into(), "red".into());
    let results = upsert(&world, "r1", items.clone()).await.results;
    let refused: Vec<_> = results.iter().filter(|r| r.outcome() == RowOutcome::Refused).collect();
    let said: Vec<_> = refused.iter().map(|r| (r.row, r.error_field.as_str(), r.key.as_str())).collect();
    assert_eq!(said, [(5, "rows[5].item.unit", "S5"), (7, "rows[7].item.weight_g", "S7")]);
    assert!(results.iter().filter(|r| r.outcome() == RowOutcome::Created).count() == 18, "{results:?}");

    let again = upsert(&world, "r1", items.clone()).await.results;
    assert_eq!(again, results, "a retry answers the same");
    let unchanged = upsert(&world, "r2", vec![item("S0")]).await.results;
    assert_eq!((unchanged[0].outcome(), unchanged[0].revision), (RowOutcome::Unchanged, 1));

    let by = |key| proto::GetItemRequest { key: Some(key), after: String::new() };
    let found = world.door.get_item(asked(by(Key::Alias(gtin)))).await.unwrap().into_inner().item.unwrap();
    assert_eq!((found.sku.as_str(), found.revision), ("S3", 1));
    let found =
        world.door.get_item(asked(by(Key::Sku("S9".into())))).await.unwrap().into_inner().item.unwrap();
    assert_eq!(found.custom_attributes["colour"], "red");
    let missing = world.door.get_item(asked(by(Key::Sku("nothing".into())))).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[tokio::test]
async fn a_list_gives_every_item_once_whatever_the_page_size() {
    let world = World::new().await;
    upsert(&world, "r1", (0..23).map(|n| item(&format!("S{n}"))).collect()).await;
    for page_size in [1, 2, 7, 23, 1000] {
        let mut seen = Vec::new();
        let mut page_token = String::new();
        loop {
            let message = proto::ListItemsRequest { page_size, page_token, after: String::new() };
            let page = world.door.list_items(asked(message)).await.unwrap().into_inner();
            assert!(page.items.len() <= page_size as usize);
            seen.extend(page.items.into_iter().map(|item| item.sku));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 23, "pages of {page_size}");
    }
    let message = proto::ListItemsRequest { page_token: "abcd".into(), ..Default::default() };
    let refused = world.door.list_items(asked(message)).await.unwrap_err();
    assert_eq!(why(&refused), (Code::InvalidArgument, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn a_code_of_another_item_is_refused_with_its_holder() {
    let world = World::new().await;
    // Two SKUs of one partition: codes are unique there.
    let layout = world.host.layout();
    let home = |code: &str| layout.sku_home(&waybill_types::Sku::new(code).unwrap());
    let twin = (1..).map(|n| format!("T{n}")).find(|code| home(code) == home("T0")).unwrap();
    let alias = vec![proto::ItemAlias { kind: "gtin".into(), value: "1".into() }];
    let first = proto::Item { aliases: alias.clone(), ..item("T0") };
    let second = proto::Item { aliases: alias, ..item(&twin) };
    let results = upsert(&world, "r1", vec![first, second]).await.results;
    assert_eq!(results[1].error_reason, "ALIAS_TAKEN");
    assert_eq!(results[1].error_field, "rows[1].item.aliases");
}

/// As many SKUs, each in another partition.
fn apart(world: &World, count: u8) -> Vec<String> {
    let home = |code: &str| world.host.layout().sku_home(&waybill_types::Sku::new(code).unwrap()).index;
    (0..count)
        .map(|part| (0..).map(|n| format!("C{part}-{n}")).find(|code| home(code) == part).unwrap())
        .collect()
}

fn coded(code: &str, value: &str) -> proto::Item {
    let alias = proto::ItemAlias { kind: "gtin".into(), value: value.into() };
    proto::Item { aliases: vec![alias], ..item(code) }
}

#[tokio::test]
async fn of_items_that_race_for_one_code_exactly_one_has_it() {
    let world = World::new().await;
    let codes = apart(&world, 4);
    for round in 0..20 {
        let value = format!("race {round}");
        let races = codes.iter().map(|code| upsert(&world, "", vec![coded(code, &value)]));
        let raced = futures::future::join_all(races).await;
        let refused: Vec<_> =
            raced.iter().filter(|r| r.results[0].outcome() == RowOutcome::Refused).collect();
        assert_eq!(refused.len(), 3, "{raced:?}");
        assert!(refused.iter().all(|r| r.results[0].error_reason == "ALIAS_TAKEN"), "{refused:?}");
    }
    let world = world.restarted().await;
    let taken = upsert(&world, "", vec![coded("C-new", "race 19")]).await.results;
    assert_eq!(
        (taken[0].error_reason.as_str(), taken[0].error_field.as_str()),
        ("ALIAS_TAKEN", "rows[0].item.aliases")
    );
}

#[tokio::test]
async fn a_code_moves_when_its_item_gives_it_up_even_in_one_request_and_a_retry_says_the_same() {
    let world = World::new().await;
    let codes = apart(&world, 2);
    upsert(&world, "r1", vec![coded(&codes[0], "7")]).await;
    for (from, to) in [(0, 1), (1, 0)] {
        let request = format!("move to {to}");
        let rows = vec![item(&codes[from]), coded(&codes[to], "7")];
        let moved = upsert(&world, &request, rows.clone()).await.results;
        assert!(moved.iter().all(|result| result.outcome() != RowOutcome::Refused), "{moved:?}");
        assert_eq!(upsert(&world, &request, rows).await.results, moved);
    }
    // A retry is answered as it was then, although the code is another's by now.
    upsert(&world, "r2", vec![item(&codes[0]), coded(&codes[1], "7")]).await;
    let again = upsert(&world, "r1", vec![coded(&codes[0], "7")]).await.results;
    assert_eq!((again[0].outcome(), again[0].revision), (RowOutcome::Created, 1));
    let by = proto::GetItemRequest {
        key: Some(Key::Alias(coded("", "7").aliases.remove(0))),
        after: String::new(),
    };
    let found = world.door.get_item(asked(by)).await.unwrap().into_inner().item.unwrap();
    assert_eq!(found.sku, codes[1]);
}

#[tokio::test]
async fn a_claim_left_behind_keeps_a_code_for_seconds_and_not_for_good() {
    use waybill_inventory::{Alias, ClaimRow, Codes, Command, Item, ItemRow};
    use waybill_types::{Origin, Sku, Text};
    let world = World::new().await;
    let codes = apart(&world, 2);
    let text = |text: &str| Text::new(text).unwrap();
    let (alias, sku) = (Alias { kind: text("gtin"), value: text("9") }, Sku::new(&codes[0]).unwrap());
    let door = &world.door.0;
    let run = |partition, command| {
        let submission =
            waybill_replica::Submission { command, origin: Origin::engine("test"), request: None };
        door.run(partition, submission)
    };
    // Somebody claims, and the process is killed before the item is written.
    let claim = ClaimRow { alias: alias.clone(), sku: sku.clone(), revision: 1, over: None };
    let home = world.host.layout().code_home(&alias.kind, &alias.value);
    run(home, Command::ClaimCodes(vec![claim])).await.unwrap();
    let refused = upsert(&world, "", vec![coded(&codes[1], "9")]).await.results;
    assert_eq!(refused[0].error_reason, "ALIAS_TAKEN", "it may still come");
    assert!(refused[0].error_message.contains(&codes[0]), "{refused:?}");
    world.host.clock().advance(10_001);
    let written = upsert(&world, "", vec![coded(&codes[1], "9")]).await.results;
    assert_eq!(written[0].outcome(), RowOutcome::Created, "{written:?}");
    // What was claimed before comes too late.
    let message = proto::ItemRow { item: Some(coded(&codes[0], "9")), expected_revision: 0 };
    let mut fields = waybill_service_kit::Fields::new();
    let row: ItemRow = crate::from_proto::item::row(&mut fields, "row", &message).unwrap();
    let item: Item = row.item.clone();
    let late = Command::UpsertClaimed(vec![row], vec![Some(Codes::Claimed(0, vec![alias]))]);
    let answer = run(world.host.layout().sku_home(&item.sku), late).await.unwrap().answer;
    assert!(format!("{answer:?}").contains("Overtaken"), "{answer:?}");
}
