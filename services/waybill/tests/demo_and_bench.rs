//! Small forms of `waybill demo` and of every bench, run as a person would run them: the binary, its words, its last
//! line. What the figures are does not matter here, only that the runs check themselves and come to an end.

use std::path::Path;
use std::process::{Command, Output};

fn waybill(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(args)
        .current_dir(dir)
        .env("TMPDIR", dir)
        .env_remove("RUST_LOG")
        .output()
        .expect("the binary starts")
}

/// Runs it in a directory of its own, which must be empty again afterwards; answers what it printed.
#[track_caller]
fn run_and_leave_nothing(args: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let output = waybill(dir.path(), args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?} ended with {}\n{out}\n{err}", output.status);
    let left: Vec<_> = dir.path().read_dir().expect("the directory can be read").collect();
    assert!(left.is_empty(), "{args:?} left {left:?} behind");
    out.into_owned()
}

/// The figures of the RESULT line, which must be the last one.
#[track_caller]
fn result(out: &str) -> Vec<(String, f64)> {
    let line = out.lines().last().and_then(|line| line.strip_prefix("RESULT "));
    let line = line.unwrap_or_else(|| panic!("the last line is no RESULT:\n{out}"));
    let figure = |word: &str| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    let figures: Option<Vec<_>> = line.split(' ').map(figure).collect();
    figures.unwrap_or_else(|| panic!("not all of {line:?} are figures"))
}

#[track_caller]
fn assert_figures(out: &str, names: &[&str]) {
    let figures = result(out);
    let found: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, names);
    for (name, value) in &figures {
        assert!(*value > 0.0 || name == "oversold", "{name} is {value}:\n{out}");
    }
}

const SMALL: [&str; 8] = ["--nodes", "40", "--skus", "300", "--concurrency", "16", "--connections", "2"];

#[test]
fn the_demonstration_ends_with_a_clean_audit() {
    let out = run_and_leave_nothing(&["demo", "--orders", "400", "--nodes", "60", "--skus", "400"]);
    assert!(out.contains("The audit is clean, and everything that was acknowledged is there."), "{out}");
    for row in [
        "web",
        "marketplace",
        "central warehouse",
        "splits",
        "STOCK-1",
        "MONEY-1",
        "latency in ms",
        "Changes of mind",
    ] {
        assert!(out.contains(row), "{row} is not told:\n{out}");
    }
    assert_sourced_better_than_by_the_rule(&out);
}

/// The words of the line that begins so, without what groups digits.
#[track_caller]
fn words_after(out: &str, beginning: &str) -> Vec<String> {
    let line = out.lines().find_map(|line| line.trim_start().strip_prefix(beginning));
    let line = line.unwrap_or_else(|| panic!("no line begins with {beginning:?}:\n{out}"));
    line.split_whitespace().map(|word| word.replace(',', "")).collect()
}

/// Everything is proven or nearly, nothing is wrong, and the rule is dearer for the same orders.
#[track_caller]
fn assert_sourced_better_than_by_the_rule(out: &str) {
    let told = words_after(out, "Sourcing: ");
    let number = |word: &String| word.parse::<f64>().unwrap_or_else(|_| panic!("{word:?} in {told:?}"));
    let (decisions, proven) = (number(&told[0]), number(&told[2]));
    assert!(decisions >= 400.0 && (50.0..=100.0).contains(&proven), "{told:?}");
    assert!(told.windows(3).any(|words| words == ["0", "found", "wrong"]), "{told:?}");
    let side = |name: &str| -> Vec<f64> {
        let words = words_after(out, name);
        words.iter().filter_map(|word| word.parse().ok()).collect()
    };
    // Parcels, split in hundredths, paid, with penalties.
    let (planned, rule) = (side("as planned"), side("nearest node with everything, else nearest"));
    assert!(planned.len() == 4 && rule.len() == 4 && planned[0] > 0.0, "{planned:?} {rule:?}");
    assert!(planned[3] <= rule[3], "with penalties the planner is never dearer: {planned:?} {rule:?}");
    let saved: f64 = words_after(out, "saved ")[0].parse().expect("an amount");
    assert!((rule[2] - planned[2] - saved).abs() < 0.005, "{saved} is not {rule:?} less {planned:?}");
}

#[test]
fn recorded_baskets_are_replayed() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let basket = |household: u32| {
        let line = |sku: u32, quantity: u32| {
            format!(
                r#"{{"sku":"R{sku}","name":"thing {sku}","quantity":{quantity},"unit_price_minor":250,"discount_minor":0}}"#
            )
        };
        let lines = [line(household % 7, 1 + household % 3), line(7 + household % 5, 1)].join(",");
        format!("{{\"household\":{household},\"lines\":[{lines}]}}\n")
    };
    let file = dir.path().join("baskets.jsonl");
    std::fs::write(&file, (0..50).map(basket).collect::<String>()).expect("the file can be written");
    let baskets = file.to_str().expect("the path is UTF-8");
    let args =
        ["demo", "--orders", "120", "--nodes", "40", "--data", "completejourney", "--baskets", baskets];
    let out = run_and_leave_nothing(&args);
    assert!(out.contains(" 12 items,"), "{out}");
}

#[test]
fn the_demonstration_does_not_write_into_what_is_there() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(dir.path().join("mine"), "mine").expect("the file can be written");
    let output = waybill(dir.path(), &["demo", "--orders", "1", "--dir", "."]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not empty"));
}

#[test]
fn placing_is_measured_until_instructions_are_at_their_nodes() {
    let mut args = vec!["bench", "place", "--seconds", "2"];
    args.extend(SMALL);
    let names = [
        "orders_per_s",
        "p50_ms",
        "p99_ms",
        "p999_ms",
        "server_cpu_us_per_order",
        "rss_mb",
        "echo_per_s",
        "fdatasync_per_s",
    ];
    assert_figures(&run_and_leave_nothing(&args), &names);
}

#[test]
fn planning_exactly_is_held_against_a_simple_rule_turn_and_turn_about() {
    let mut args =
        vec!["bench", "place", "--policy", "simple,exact", "--seconds", "12", "--checkpoints", "0"];
    args.extend(SMALL);
    let out = run_and_leave_nothing(&args);
    let names = [
        "simple_cpu_us_per_order",
        "simple_orders_per_s",
        "exact_cpu_us_per_order",
        "exact_orders_per_s",
        "exact_to_simple",
    ];
    assert_figures(&out, &names);
    for policy in ["simple: ", "exact: "] {
        let turns = words_after(&out, policy);
        let by_turn = turns.iter().rev().take_while(|word| word.parse::<u64>().is_ok()).count();
        assert_eq!(by_turn, 6, "{turns:?}");
    }
}

#[test]
fn one_hot_item_is_never_oversold() {
    let mut args = vec!["bench", "hot", "--seconds", "2"];
    args.extend(SMALL);
    let out = run_and_leave_nothing(&args);
    assert_figures(&out, &["reservations_per_s", "oversold", "echo_per_s"]);
    assert!(result(&out).contains(&("oversold".to_owned(), 0.0)));
    assert!(!out.contains(" 0 refused"), "nobody was refused, so the end of stock was not tried:\n{out}");
}

#[test]
fn reading_availability_is_measured() {
    let mut args = vec!["bench", "availability", "--seconds", "2"];
    args.extend(SMALL);
    assert_figures(&run_and_leave_nothing(&args), &["reads_per_s", "p99_ms"]);
}

#[test]
fn promises_of_product_pages_are_measured_by_what_they_ask() {
    let mut args = vec!["bench", "promise", "--seconds", "4"];
    args.extend(SMALL);
    let out = run_and_leave_nothing(&args);
    let names = [
        "reads_per_s",
        "p50_ms",
        "p99_ms",
        "p999_ms",
        "server_cpu_us_per_read",
        "many_per_s",
        "many_p99_ms",
        "nearby_per_s",
        "nearby_p99_ms",
    ];
    assert_figures(&out, &names);
    for row in ["an address and 3 stores", "20 addresses", "10 stores near an address"] {
        assert!(out.contains(row), "{row} is not told:\n{out}");
    }
}

#[test]
fn a_filled_engine_restarts_after_a_kill_with_every_order() {
    let mut args = vec!["bench", "scale", "--orders", "3000"];
    args.extend(SMALL);
    let out = run_and_leave_nothing(&args);
    let names = ["positions", "orders", "open", "rss_mb", "rss_restarted_mb", "disk_mb", "restart_s"];
    assert_figures(&out, &names);
    assert!(out.contains("no violation"), "{out}");
}

#[test]
fn every_way_to_find_an_order_is_measured_on_a_restarted_engine() {
    let mut args = vec!["bench", "find", "--orders", "3000", "--seconds", "3"];
    args.extend(SMALL);
    let out = run_and_leave_nothing(&args);
    let names = [
        "orders",
        "p99_ms_worst_exact",
        "rss_mb",
        "rss_restarted_mb",
        "rss_asked_mb",
        "disk_mb",
        "import_per_s",
        "restart_s",
    ];
    assert_figures(&out, &names);
    for way in ["e-mail", "receipt, returnable", "status, day", "name, 1 character", "channel, page 2"] {
        assert!(out.contains(way), "{way} is not told:\n{out}");
    }
}

#[test]
fn a_days_commands_are_measured_together_and_each_alone() {
    let mut args = vec!["bench", "mixed", "--seconds", "4", "--backlog", "40"];
    args.extend(SMALL);
    let out = run_and_leave_nothing(&args);
    let mut names = vec!["commands_per_s".to_owned()];
    for kind in ["place", "amend", "cancel", "return"] {
        names.extend(["p50", "p99"].map(|rank| format!("{kind}_{rank}_ms")));
    }
    let rest = ["server_cpu_us_per_command", "server_cpu_us_per_order", "place_alone_per_s", "rss_mb"];
    names.extend(rest.into_iter().chain(["echo_per_s", "fdatasync_per_s"]).map(str::to_owned));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_figures(&out, &names);
    assert!(out.contains("no violation"), "{out}");
}
