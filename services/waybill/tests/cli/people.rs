//! What people meet who have read nothing but the first page: readers that leave, words that were mistyped, orders that
//! end otherwise.

use super::{engine::Engine, object, stocked};

const PICKUP: [&str; 2] = ["--pickup", "S0001"];

/// Places one order in the web shop and answers its id.
fn placed(engine: &Engine, number: &str, words: &[&str]) -> String {
    let order =
        object(engine, &[&["order", "place", "--channel", "web", "--number", number], words].concat());
    order["order_id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let engine = stocked();
    placed(&engine, "WEB-1", &["--line", "P000001:1:31.99", "--pickup", "S0001"]);
    for words in
        [&["order", "find", "--placed-in", "web"][..], &["audit"], &["node", "list"], &["config", "print"]]
    {
        let said = engine.run_unread(words);
        assert!(said.ok && said.err.is_empty(), "{words:?}: {said:?}");
    }
}

#[test]
fn a_watch_ends_with_an_order_that_will_never_be_delivered() {
    let engine = stocked();
    let id = placed(&engine, "WEB-1", &["--line", "F000007:1:9.99", "--pickup", "S0001"]);
    let said = engine.run(&["order", "watch", &id, "--until", "backordered"]);
    assert!(said.ok, "{said:?}");
    let said = engine.run(&["order", "cancel", &id]);
    assert!(said.ok, "{said:?}");
    let said = engine.run(&["order", "watch", &id, "--until", "delivered"]);
    assert!(!said.ok && said.err.contains("has ended as cancelled: it will not be delivered"), "{said:?}");
    assert!(engine.run(&["order", "watch", &id, "--until", "cancelled"]).ok);
}

#[test]
fn a_fault_is_told_once_under_the_name_of_the_flag() {
    let engine = stocked();
    let said = engine.run(&["order", "find", "--phone", "12"]);
    assert!(!said.ok && said.err.contains("\n  --phone: "), "{said:?}");
    assert_eq!(said.err.matches("INVALID_REQUEST").count(), 1, "{said:?}");
    assert_eq!(said.err.matches("phone").count(), 1, "{said:?}");
    let words = ["order", "place", "--line", "P000001:1:31.99", "--ship-to", "5 Elm; Fort Wayne; 46859; usa"];
    let said = engine.run(&words);
    assert!(!said.ok && said.err.contains("--ship-to, country_code: "), "{said:?}");
    let nowhere = format!("P000001:{}:1", "S".repeat(65));
    let said = engine.run(&["stock", "reserve", "P000001:S0001:1", &nowhere]);
    assert!(!said.ok && said.err.contains("SKU:NODE:QUANTITY number 2, node_id: "), "{said:?}");
}

#[test]
fn a_shortage_names_item_node_and_numbers() {
    let engine = stocked();
    let said = engine.run(&["stock", "receive", "F000007", "S0001", "1.25"]);
    assert!(said.ok, "{said:?}");
    let said = engine.run(&["stock", "reserve", "F000007:S0001:2.5"]);
    assert!(!said.ok && said.err.contains("F000007 at S0001: 2.50 asked, 1.25 available"), "{said:?}");
    let said =
        engine.run(&["order", "place", "--confirm", "--line", "F000007:2.5:9.99", "--pickup", "S0001"]);
    assert!(!said.ok && said.err.contains("\n  F000007: 2.50 not served: no node has stock"), "{said:?}");
}

#[test]
fn an_unknown_node_is_told_and_has_no_empty_list_of_work() {
    let engine = stocked();
    let said = engine.run(&["node", "work", "NOPE"]);
    assert!(!said.ok && said.out.is_empty() && said.err.contains("NODE_UNKNOWN"), "{said:?}");
    assert!(engine.run(&["node", "work", "S0001"]).ok);
}

#[test]
fn a_dangerous_setting_is_sound_and_warned_of() {
    let engine = Engine::start();
    let path = engine.file("unsafe.toml", "[journal]\nunsafe_never_sync = true\n");
    let said = engine.run(&["config", "check", &path]);
    assert!(said.ok && said.err.contains("warning: journal.unsafe_never_sync is true"), "{said:?}");
}

#[test]
fn the_example_request_is_placed_and_is_one_order_however_often() {
    let engine = stocked();
    let path = engine.file("order.json", include_str!("../../../../docs/examples/order.json"));
    let first = object(&engine, &["order", "place", &path, "--channel", "web"]);
    assert_eq!(first["outcome"], "PLACE_OUTCOME_CONFIRMED");
    let again = object(&engine, &["order", "place", &path, "--channel", "web"]);
    assert_eq!(again["order_id"], first["order_id"]);
}

#[test]
fn units_that_wait_say_why() {
    let engine = stocked();
    let far = ["--line", "P000001:1:31.99", "--ship-to", "5 Elm; Fort Wayne; 46859; US"];
    let none = ["--line", "F000007:1:9.99"];
    for (number, words, why) in [
        ("WEB-1", &far[..], "1 backordered (no node with stock reaches the address)"),
        ("WEB-2", &[&none[..], &PICKUP].concat(), "1.00 backordered (no node has stock), pickup at S0001"),
    ] {
        let id = placed(&engine, number, words);
        let said = engine.run(&["order", "watch", &id, "--until", "backordered"]);
        assert!(said.ok, "{said:?}");
        let said = engine.run(&["order", "show", &id]);
        assert!(said.out.contains(why), "{said:?}");
    }
}

#[test]
fn a_law_holds_only_where_something_was_checked() {
    let engine = Engine::start();
    let row = |law: &str| -> String {
        let said = engine.run(&["audit"]);
        assert!(said.ok, "{said:?}");
        said.out.lines().find(|line| line.starts_with(law)).expect("a row per law").to_owned()
    };
    assert!(row("STOCK-1").ends_with("nothing to check"), "{}", row("STOCK-1"));
    let engine = stocked();
    let id = placed(&engine, "WEB-1", &["--line", "P000001:1:31.99", "--pickup", "S0001"]);
    assert!(engine.run(&["order", "watch", &id, "--until", "released"]).ok);
    assert!(engine.run(&["node", "acknowledge", "S0001", "1"]).ok);
    let said = engine.run(&["audit"]);
    for law in ["STOCK-1", "ORDER-1", "FULFIL-1", "FULFIL-2", "MONEY-1", "ONCE-1", "DURABLE-1"] {
        let row = said.out.lines().find(|line| line.starts_with(law)).expect("a row per law");
        assert!(row.ends_with("  holds"), "{row}");
    }
}

#[test]
fn a_place_that_is_none_is_refused_or_warned_about() {
    let engine = stocked();
    for (node, why) in [("S9999", "NODE_UNKNOWN"), ("C01", "hands nothing over")] {
        let said = engine.run(&["order", "place", "--line", "P000001:1:31.99", "--pickup", node]);
        assert!(!said.ok && said.err.contains("--pickup: ") && said.err.contains(why), "{said:?}");
    }
    let said = engine.run(&["stock", "receive", "P000001", "S9999", "1"]);
    assert!(said.ok && said.err.contains("not in the network") && said.err.contains("S9999"), "{said:?}");
    let said = engine.run(&["stock", "receive", "P000001", "S0001", "1"]);
    assert!(said.ok && said.err.is_empty(), "{said:?}");
    let path = engine.file("far.csv", "sku,node_id,quantity\nP000001,S0001,9\nP000001,S9998,2\n");
    let said = engine.run(&["import", "stock", &path]);
    assert!(said.ok && said.out.contains("2 taken"), "{said:?}");
    assert!(said.err.contains("from there: S9998;"), "{said:?}");
    let said = engine.run(&["order", "place", "--line", "P0000l1:1:31.99", "--pickup", "S0001"]);
    assert!(!said.ok && said.err.contains("check the SKU"), "{said:?}");
}

#[test]
fn what_cannot_be_looked_for_or_packed_is_said_before_it_is_sent() {
    let engine = stocked();
    let said = engine.run(&["order", "find"]);
    assert!(!said.ok && said.err.contains("say what to look for"), "{said:?}");
    let said = engine.run(&["order", "find", "--name", "Ad"]);
    assert!(!said.ok && said.err.contains("at least 3 letters"), "{said:?}");
    assert!(engine.run(&["order", "find", "--name", "Ada"]).ok);
    let id = placed(&engine, "WEB-1", &["--line", "P000001:1:31.99", "--pickup", "S0001"]);
    assert!(engine.run(&["order", "watch", &id, "--until", "released"]).ok);
    let told = engine.run(&["node", "instructions", "S0001", "--count", "1"]);
    assert!(told.ok, "{told:?}");
    let work = object(&engine, &["node", "work", "S0001"]);
    let work = work["fulfillment_order_id"].as_str().expect("an id");
    let said = engine.run(&["node", "pack", work]);
    assert!(!said.ok && said.err.contains("nothing to pack; pick it first"), "{said:?}");
}
