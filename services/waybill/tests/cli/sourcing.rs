//! The sourcing policy and its decisions from the command line: set, explained, checked, tried on what was.

use super::{engine::Engine, object, stocked};
use serde_json::{Value, json};

/// An order of one kettle to Chicago, planned.
fn placed(engine: &Engine, number: &str) -> String {
    let line =
        ["--line", "P000001:1:31.99", "--ship-to", "5 Main Street; Chicago; 60601; US", "--name", "Ada"];
    let words = [&["order", "place", "--channel", "web", "--number", number][..], &line];
    object(engine, &words.concat())["order_id"].as_str().expect("an id").to_owned()
}

fn in_force(engine: &Engine) -> Value {
    let printed = engine.run(&["policy", "print"]);
    assert!(printed.ok, "{printed:?}");
    serde_json::from_str(&printed.out).expect("it is JSON")
}

#[test]
fn a_policy_is_printed_checked_set_listed_and_rolled_back() {
    let engine = stocked();
    let mut policy = in_force(&engine);
    policy["name"] = json!("no stores for the marketplace");
    policy["serve_rules"] = json!([{"when": {"channels": ["marketplace"]},
        "nodes": {"kinds": ["NODE_KIND_STORE"], "node_ids": ["S9999"]}, "excluded": true}]);
    let path = engine.file("policy.json", &policy.to_string());
    let said = engine.run(&["policy", "check", &path]);
    assert!(said.ok && said.out.contains("serve_rules[0].nodes.node_ids[0]: S9999"), "{said:?}");
    let said = engine.run(&["policy", "set", &path, "--in-force", "0", "--reason", "their contract"]);
    assert!(said.ok && said.out.contains("version 1 is in force"), "{said:?}");
    let said = engine.run(&["policy", "set", &path, "--in-force", "0"]);
    assert!(!said.ok && said.err.contains("STALE_POLICY"), "{said:?}");
    policy["split_penalty_minor"] = json!(900);
    let dearer = engine.file("dearer.json", &policy.to_string());
    assert!(engine.run(&["policy", "set", &dearer]).out.contains("version 2"));
    let said = engine.run(&["policy", "rollback", "1", "--reason", "too dear"]);
    assert!(said.ok && said.out.contains("version 3 is in force, it repeats version 1"), "{said:?}");
    let said = engine.run(&["policy", "rollback", "7"]);
    assert!(!said.ok && said.err.contains("SOURCING_POLICY_UNKNOWN"), "{said:?}");
    let listed = engine.run(&["policy", "list"]);
    let newest = listed.out.lines().nth(1).unwrap_or_default();
    assert!(newest.starts_with('*') && newest.contains("repeats 1  too dear"), "{listed:?}");
    assert_eq!(in_force(&engine)["split_penalty_minor"], 200);
    policy["shipments_max"] = json!(0);
    let wrong = engine.file("wrong.json", &policy.to_string());
    let said = engine.run(&["policy", "check", &wrong]);
    assert!(!said.ok && said.err.contains("shipments_max"), "{said:?}");
}

#[test]
fn an_order_is_explained_drawn_checked_and_tried_under_another_policy() {
    let engine = stocked();
    let id = placed(&engine, "WEB-1");
    let said = engine.run(&["explain", &id]);
    assert!(said.ok, "{said:?}");
    for part in ["order W", "attempt 1", "web  to zone", "policy 0", "cost: ", "checked: sound", "1 chosen"] {
        assert!(said.out.contains(part), "{part} is missing: {}", said.out);
    }
    let decision = object(&engine, &["explain", &id]);
    assert_eq!(decision["repeats"], true);
    assert!(decision["kept_bytes"].as_u64().is_some_and(|bytes| bytes > 0 && bytes <= 1_024), "{decision}");
    let map = engine.file("map.svg", "");
    assert!(engine.run(&["explain", &id, "--svg", &map]).ok);
    let picture = std::fs::read_to_string(&map).expect("it was drawn");
    let node = decision["shipments"][0]["node_id"].as_str().expect("a node").to_owned();
    assert!(picture.starts_with("<svg") && picture.contains(&node), "{picture}");

    let said = engine.run(&["verify"]);
    assert!(said.ok && said.out.contains("1 decisions checked, 0 wrong"), "{said:?}");
    let said = engine.run(&["explain", "W00-999999"]);
    assert!(!said.ok && said.err.contains("DECISION_UNKNOWN"), "{said:?}");

    let mut policy = in_force(&engine);
    policy["serve_rules"] = json!([{"nodes": {"node_ids": [node]}, "excluded": true}]);
    let path = engine.file("other.json", &policy.to_string());
    let said = engine.run(&["what-if", "--policy", &path]);
    assert!(said.ok && said.out.starts_with("1 orders compared, 0 not kept whole"), "{said:?}");
    assert!(said.out.contains("paid cost") && said.out.contains("promised earlier"), "{said:?}");
    let plot = engine.file("plot.svg", "");
    let compared = object(&engine, &["what-if", &id, "--policy", &path, "--svg", &plot]);
    assert_eq!(compared["order_id"], id.as_str());
    assert!(std::fs::read_to_string(&plot).expect("it was drawn").ends_with("</svg>\n"));
    let said = engine.run(&["what-if", "--policy", &path, "--day", "1999-01-01"]);
    assert!(!said.ok && said.err.contains("no decision of that time"), "{said:?}");
    let still = engine.run(&["policy", "list"]);
    assert!(still.ok && !still.out.contains('*'), "nothing was put in force: {still:?}");
}

#[test]
fn goods_by_the_metre_weigh_no_more_than_pieces_in_a_comparison() {
    let engine = stocked();
    assert!(engine.run(&["stock", "receive", "F000007", "S0001", "5"]).ok);
    let lines = ["--line", "P000001:2:31.99", "--line", "F000007:1.25:4.00", "--pickup", "S0001"];
    let words = [&["order", "place", "--channel", "web", "--number", "WEB-1"][..], &lines].concat();
    let id = object(&engine, &words)["order_id"].as_str().expect("an id").to_owned();
    assert!(engine.run(&["order", "watch", &id, "--until", "released"]).ok);
    let compared = object(&engine, &["what-if", &id, "--rule", "nearest-complete"]);
    // Two kettles, and a second metre that is begun.
    assert_eq!(compared["was"]["units"], json!([{"kind": "NODE_KIND_STORE", "units": 4}]), "{compared}");
}
