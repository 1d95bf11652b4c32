//! Orders that are changed, held and sent back from the command line, and the rules that decide about it.

use super::{engine::Engine, object, stocked};
use serde_json::Value;

/// An order of 2 to be fetched, released to its node.
fn released(engine: &Engine) -> String {
    let line = ["--line", "P000001:2:31.99", "--pickup", "S0001"];
    let words = [&["order", "place", "--channel", "web", "--number", "WEB-1"][..], &line].concat();
    let id = object(engine, &words)["order_id"].as_str().expect("an id").to_owned();
    let said = engine.run(&["order", "watch", &id, "--until", "released"]);
    assert!(said.ok, "{said:?}");
    id
}

#[test]
fn a_change_is_looked_at_made_and_shown() {
    let engine = stocked();
    let id = released(&engine);
    let look = ["order", "amend", &id, "--set-quantity", "1=3@31.99", "--preview", "--channel", "web"];
    let said = engine.run(&look);
    assert!(said.ok && said.out.contains("would be taken"), "{said:?}");
    assert!(said.out.contains("increase quantity: allow"), "{said:?}");
    assert!(said.out.contains("total         USD 95.97") && said.out.contains("USD 31.99"), "{said:?}");
    let unpriced = engine.run(&["order", "amend", &id, "--set-quantity", "1=3", "--channel", "web"]);
    assert!(!unpriced.ok && unpriced.err.contains("--set-quantity, added"), "{unpriced:?}");
    let said = engine.run(&["order", "amend", &id, "--note", "Happy birthday", "--channel", "web"]);
    assert!(said.ok && said.out.contains("amendment 1  applied"), "{said:?}");
    let stale = ["order", "amend", &id, "--note", "Late", "--revision", "1", "--channel", "web"];
    let said = engine.run(&stale);
    assert!(!said.ok && said.err.contains("STALE_REVISION"), "{said:?}");
    let said = engine.run(&["order", "show", &id]);
    assert!(said.out.contains("\namendment 1: notes applied"), "{said:?}");
    let nothing = engine.run(&["order", "amend", &id]);
    assert!(!nothing.ok && nothing.err.contains("say what to change"), "{nothing:?}");
}

#[test]
fn a_change_that_comes_to_nothing_ends_with_an_error_and_leaves_the_pick_alone() {
    let engine = stocked();
    let id = released(&engine);
    let nowhere = ["order", "amend", &id, "--deliver", "all=pickup:S9999", "--channel", "web"];
    let said = engine.run(&[&nowhere[..], &["--preview"]].concat());
    assert!(!said.ok && said.out.contains("would be refused"), "{said:?}");
    assert!(said.out.contains("AMENDMENT_UNSERVED") && said.err.contains("would stay as it is"), "{said:?}");
    let said = engine.run(&nowhere);
    assert!(!said.ok && said.err.contains("AMENDMENT_UNSERVED"), "{said:?}");
    assert!(said.err.contains("no_pickup") && said.err.contains("nothing was called back"), "{said:?}");
    let seen = engine.run(&["order", "show", &id]);
    assert!(seen.out.contains("2 released, pickup at S0001"), "{seen:?}");
    assert!(!seen.out.contains("amendment 1") && !seen.out.contains("-F2"), "{seen:?}");
    let said = engine.run(&["order", "amend", &id, "--deliver", "7=home"]);
    assert!(!said.ok && said.err.contains("has no line 7"), "{said:?}");
    let said = engine.run(&["order", "amend", &id, "--deliver", "all=home"]);
    assert!(!said.ok && said.err.contains("--ship-to") && !said.err.contains("set_ship_to"), "{said:?}");
}

#[test]
fn an_order_is_held_and_let_go_on() {
    let engine = stocked();
    let id = released(&engine);
    let said = engine.run(&["order", "hold", &id, "fraud", "--note", "looks odd"]);
    assert!(said.ok && said.out.contains("hold 1 stands"), "{said:?}");
    assert!(engine.run(&["order", "show", &id]).out.contains("hold 1: fraud stands"));
    let found = engine.run(&["order", "find", "--hold", "fraud"]);
    assert!(found.ok && found.out.contains("WEB-1"), "{found:?}");
    let said = engine.run(&["order", "resolve", &id, "1"]);
    assert!(said.ok && said.out.contains("hold 1 is resolved"), "{said:?}");
    let said = engine.run(&["order", "hold", &id, "astrology"]);
    assert!(!said.ok && said.err.contains("HOLD_TYPE_UNKNOWN"), "{said:?}");
    let said = engine.run(&["order", "return", &id, "--line", "1:1", "--node", "NOPE"]);
    assert!(!said.ok && said.err.contains("NODE_UNKNOWN"), "{said:?}");
    let said = engine.run(&["order", "return", &id, "--line", "1:1"]);
    assert!(!said.ok && said.err.contains("NOT_RETURNABLE"), "{said:?}");
    let said = engine.run(&["order", "exceptions"]);
    assert!(said.ok && said.out.contains("no order needs anybody"), "{said:?}");
}

#[test]
fn rules_are_printed_changed_and_explained() {
    let engine = stocked();
    let explain = ["rules", "explain", "--channel", "web", "--kind", "ship-to", "--stage", "picked"];
    let said = engine.run(&explain);
    assert!(said.ok && said.out.starts_with("refuse  rule "), "{said:?}");
    let printed = engine.run(&["rules", "print"]);
    let mut policy: Value = serde_json::from_str(&printed.out).expect("it is JSON");
    let rules = policy["rules"].as_array_mut().expect("rules");
    rules.insert(0, serde_json::json!({"kind": "CHANGE_KIND_SHIP_TO", "verdict": "VERDICT_NEEDS_APPROVAL", "note": "ask"}));
    let path = engine.file("policy.json", &policy.to_string());
    let said = engine.run(&["rules", "set", &path, "--in-force", "0"]);
    assert!(said.ok && said.out.contains("version 1 is in force"), "{said:?}");
    let said = engine.run(&explain);
    assert!(said.out.starts_with("needs approval  rule 0: ask  (policy version 1)"), "{said:?}");
    let first = engine.run(&["rules", "print", "1"]);
    assert!(first.ok && first.out.contains("\"ask\""), "{first:?}");
    let said = engine.run(&["rules", "set", &path, "--in-force", "0"]);
    assert!(!said.ok && said.err.contains("STALE_POLICY"), "{said:?}");
}
