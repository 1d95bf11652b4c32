//! The commands for people and the import, as people use them: the binary serves, the binary asks.

mod changes;
mod engine;
mod people;
mod sourcing;

use engine::Engine;
use serde_json::Value;

const KINDS: [(&str, &str); 13] = [
    ("items", "csv"),
    ("items", "jsonl"),
    ("calendars", "csv"),
    ("calendars", "jsonl"),
    ("zones", "csv"),
    ("rate-cards", "csv"),
    ("rate-cards", "jsonl"),
    ("nodes", "csv"),
    ("nodes", "jsonl"),
    ("lanes", "csv"),
    ("lanes", "jsonl"),
    ("stock", "csv"),
    ("orders", "jsonl"),
];

/// The example of the documentation for a kind of file.
fn documented(kind: &str, ending: &str) -> String {
    let text = include_str!("../../../../docs/import-formats.md");
    let (_, rest) = text.split_once(&format!("```{ending} {kind}\n")).expect("an example stands there");
    rest.split_once("```").expect("the example ends").0.to_owned()
}

/// An engine with the documented items, network and stock: 12 kettles and 0 lace at store S0001.
fn stocked() -> Engine {
    let engine = Engine::start();
    for (kind, ending) in KINDS {
        let path = engine.file(&format!("{kind}.{ending}"), &documented(kind, ending));
        let said = engine.run(&["import", kind, &path]);
        assert!(said.ok && said.out.contains(" 0 not taken"), "{said:?}");
    }
    engine
}

/// The first JSON object of the answer.
fn object(engine: &Engine, words: &[&str]) -> Value {
    let said = engine.run(&[words, &["--json"]].concat());
    assert!(said.ok, "{words:?}: {said:?}");
    serde_json::from_str(said.out.lines().next().expect("an answer")).expect("JSON")
}

#[test]
fn a_documented_file_is_taken_once_however_often_it_comes() {
    let engine = Engine::start();
    for (kind, ending) in KINDS {
        let path = engine.file(&format!("{kind}.{ending}"), &documented(kind, ending));
        let first = engine.run(&["import", kind, &path]);
        assert!(first.ok && first.out.contains(" 0 unchanged, 0 not taken"), "{kind}: {first:?}");
        let second = engine.run(&["import", kind, &path]);
        assert!(
            second.ok && second.out.contains(" 0 taken") && second.out.contains(" 0 not"),
            "{kind}: {second:?}"
        );
    }
}

#[test]
fn wrong_rows_are_told_by_line_and_the_others_are_taken() {
    let engine = stocked();
    let text = "sku,node_id,quantity\nP000001,S0001,9\nP000001,S0001,many\nNOPE,S0001,1\nF000007,S0001,500\n";
    let path = engine.file("wrong.csv", text);
    let said = engine.run(&["import", "stock", &path, "--source", "evening"]);
    assert!(!said.ok, "a row was refused: {said:?}");
    assert!(said.out.contains("4 rows: 2 taken, 0 unchanged, 2 not taken"), "{said:?}");
    assert!(said.err.contains("line 3, quantity: is \"many\""), "{said:?}");
    assert!(said.err.contains("line 4"), "{said:?}");
    assert_eq!(object(&engine, &["stock", "show", "P000001", "S0001"])["sellable"], 9);
    assert_eq!(object(&engine, &["stock", "show", "F000007", "S0001"])["sellable"], 500);
}

#[test]
fn stock_is_changed_in_the_units_of_the_item() {
    let engine = stocked();
    let said = engine.run(&["stock", "receive", "F000007", "S0001", "12.5"]);
    assert!(said.ok && said.out.contains(" 12.50 "), "{said:?}");
    let said = engine.run(&["stock", "adjust", "F000007", "S0001", "-2.25", "--reason", "moths"]);
    assert!(said.ok && said.out.contains(" 10.25 "), "{said:?}");
    let said = engine.run(&["stock", "receive", "F000007", "S0001", "0.125"]);
    assert!(!said.ok && said.err.contains("has 3 decimals, the item has 2"), "{said:?}");
    let held = object(&engine, &["stock", "reserve", "F000007:S0001:10", "P000001:S0001:1"]);
    assert_eq!(held["state"], "RESERVATION_STATE_HELD");
    let short = engine.run(&["stock", "reserve", "F000007:S0001:0.5"]);
    assert!(!short.ok && short.err.contains("STOCK_SHORT"), "{short:?}");
    let id = held["reservation_id"].as_str().expect("an id");
    assert_eq!(object(&engine, &["stock", "release", id])["state"], "RESERVATION_STATE_RELEASED");
    assert!(engine.run(&["stock", "reserve", "F000007:S0001:0.5"]).ok);
}

#[test]
fn an_order_goes_from_one_channel_to_the_customer_by_hand() {
    let engine = stocked();
    let place =
        ["order", "place", "--channel", "call_center", "--actor", "agent-7", "--number", "CC-1", "--confirm"];
    let what = ["--line", "P000001:2:31.99", "--pickup", "S0001", "--name", "Ada", "--phone", "+12025550123"];
    let placed = object(&engine, &[&place[..], &what[..]].concat());
    assert_eq!(placed["outcome"], "PLACE_OUTCOME_CONFIRMED");
    let again = object(&engine, &[&place[..], &what[..]].concat());
    assert_eq!(again["order_id"], placed["order_id"], "the number is the same, so the order is");
    let id = placed["order_id"].as_str().expect("an id");

    let watched = engine.run(&["order", "watch", id, "--until", "released"]);
    assert!(watched.ok, "{watched:?}");
    let found = engine.run(&["order", "find", "--phone", "+12025550123"]);
    assert!(found.out.contains(id) && found.out.contains("USD 63.98"), "{found:?}");
    let seen = engine.run(&["order", "get", "CC-1", "--by-number", "--channel", "call_center"]);
    assert!(seen.out.contains("2 released, pickup at S0001"), "{seen:?}");

    let told = engine.run(&["node", "instructions", "S0001", "--count", "1"]);
    assert!(told.ok && told.out.contains("2 x P000001"), "{told:?}");
    let work = object(&engine, &["node", "work", "S0001"]);
    let work = work["fulfillment_order_id"].as_str().expect("an id");
    for step in ["accept", "start", "pick", "pack", "ready", "hand-over"] {
        let said = engine.run(&["node", step, work]);
        assert!(said.ok, "{step}: {said:?}");
    }
    let watched = engine.run(&["order", "watch", id, "--until", "delivered"]);
    assert!(watched.ok, "{watched:?}");
    let late = engine.run(&["order", "cancel", id]);
    assert!(!late.ok && late.err.contains("too late"), "{late:?}");
    let timeline = engine.run(&["order", "timeline", id]);
    assert!(
        timeline.out.contains("was placed in call_center") && timeline.out.contains("by call_center/agent-7"),
        "{timeline:?}"
    );
    assert!(!timeline.out.contains("Ada"), "no personal data in a timeline");
    assert_eq!(object(&engine, &["stock", "show", "P000001", "S0001"])["sellable"], 10);
}

#[test]
fn units_are_cancelled_by_line_and_refusals_name_the_fault() {
    let engine = stocked();
    let path = engine.file("place.jsonl", &documented("orders", "jsonl").replace("-0000000", "-9"));
    // Far from every zone: the shipped order waits for stock that can reach it; the pickup order has no lace.
    let placed = engine.run(&["order", "place", &path]);
    assert!(placed.ok && placed.out.lines().count() == 2, "{placed:?}");
    let by_number = ["WEB-95", "--by-number", "--channel", "web"];
    let watched = engine.run(&[&["order", "watch", "--until", "backordered"], &by_number[..]].concat());
    assert!(watched.ok, "{watched:?}");
    let said =
        engine.run(&[&["order", "cancel", "--line", "1:1", "--reason", "too many"], &by_number[..]].concat());
    assert!(said.ok && said.out.contains("cancelled"), "{said:?}");
    let order = object(&engine, &[&["order", "get"], &by_number[..]].concat());
    assert_eq!(order["lines"][0]["buckets"]["cancelled"], 1);
    let seen = engine.run(&[&["order", "get"], &by_number[..]].concat());
    assert!(seen.out.contains("\ntotal     ") && seen.out.contains("\nnow       "), "{seen:?}");
    let said = engine.run(&[&["order", "cancel", "--line", "7"], &by_number[..]].concat());
    assert!(!said.ok && said.err.contains("has no line 7"), "{said:?}");
    let said = engine.run(&["order", "get", "W00-999"]);
    assert!(!said.ok && said.err.contains("W00-999") && said.err.contains("ORDER_UNKNOWN"), "{said:?}");
    let said = engine.run(&["order", "get", "W00-999", "--endpoint", "http://127.0.0.1:1"]);
    assert!(!said.ok && said.err.contains("is the server running"), "{said:?}");
}

#[test]
fn nodes_are_listed_by_kind_and_availability_by_node() {
    let engine = stocked();
    let said = engine.run(&["node", "list", "--kind", "store"]);
    assert!(said.ok && said.out.contains("S0001") && !said.out.contains("C01"), "{said:?}");
    let said = engine.run(&["node", "show", "S0001"]);
    assert!(said.out.contains("cut-off   14:00"), "{said:?}");
    let known = object(&engine, &["stock", "availability", "P000001", "NOPE"]);
    assert_eq!((&known["available"], &known["nodes"][0]["node_id"]), (&12.into(), &"S0001".into()));
    let said = engine.run(&["stock", "availability", "NOPE"]);
    assert!(said.ok && said.out.contains("unknown"), "{said:?}");
}

#[test]
fn a_product_page_asks_what_can_be_promised_and_where_it_is_near() {
    let engine = stocked();
    let said = engine.run(&["promise", "P000001", "--to", "US:60601", "--at", "S0001", "--at", "C01"]);
    assert!(said.ok, "{said:?}");
    let rows: Vec<Vec<&str>> = said.out.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
    let row = |place: &str, by: &str| {
        rows.iter().any(|row| row[..2] == [place, by] && row.last() == Some(&"S0001"))
    };
    assert!(row("US:60601", "express") && row("S0001", "pickup"), "{said:?}");
    assert!(
        rows.iter().any(|row| row[..2] == ["C01", "none"] && row.ends_with(&["no", "pickup"])),
        "{said:?}"
    );
    let answer = object(&engine, &["promise", "P000001", "--quantity", "13", "--at", "S0001"]);
    assert_eq!(answer["places"][0]["unserved_quantity"], 1);
    let said = engine.run(&["promise", "P000001", "--to", "usa"]);
    assert!(!said.ok && said.err.contains("--to"), "{said:?}");
    let said = engine.run(&["promise", "NOPE", "--to", "US"]);
    assert!(!said.ok && said.err.contains("ITEM_UNKNOWN"), "{said:?}");

    let near = ["stock", "nearby", "P000001:2", "--near", "US", "--point", "41.9,-87.7"];
    let said = engine.run(&near);
    assert!(said.ok && said.out.lines().count() == 2 && said.out.contains("Store Chicago"), "{said:?}");
    let found = object(&engine, &near);
    assert_eq!((&found["node_id"], &found["available_quantities"][0]), (&"S0001".into(), &12.into()));
    let by_code = object(&engine, &["stock", "nearby", "--near", "US:60699"]);
    assert_eq!(by_code["node_id"], "S0001", "the zone's circle tells where the code is");
    let said = engine.run(&["stock", "nearby", "P000001:13", "--near", "US:60601"]);
    assert!(said.ok && said.out.lines().count() == 1, "nobody has so many: {said:?}");
    let said = engine.run(&["stock", "nearby", "--near", "FR:75001"]);
    assert!(!said.ok && said.err.contains("PLACE_UNKNOWN"), "{said:?}");
}
