//! The list of failures in the documentation names tests that are there. It reads texts only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace").to_owned()
}

/// Every name that stands behind `fn` or, in a table of tests, before a colon.
fn names_in(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            names_in(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&entry).expect("a file in UTF-8");
            for line in text.lines() {
                let line = line.trim();
                let name = line.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
                let scene = line.split_once(':').map(|(name, _)| name);
                found.extend(name.into_iter().chain(scene).map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_test_that_the_list_of_failures_names_is_there() {
    let text = std::fs::read_to_string(root().join("docs/failures.md")).expect("the list");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 10, "ten cases");
    let mut there = BTreeSet::new();
    for dir in [
        "crates/journal/src",
        "crates/journal-postgres/tests",
        "crates/journal-nats/tests",
        "crates/replica/src",
    ] {
        names_in(&root().join(dir), &mut there);
    }
    names_in(&root().join("integration-tests/tests"), &mut there);
    for row in rows {
        let shown = row.rsplit(" | ").next().expect("a row");
        let named: Vec<&str> =
            shown.split('`').skip(1).step_by(2).filter(|name| name.contains('_')).collect();
        let tests: Vec<&&str> = named.iter().filter(|name| name.starts_with(char::is_lowercase)).collect();
        assert!(!tests.is_empty(), "a case without a test: {row}");
        for test in tests {
            assert!(there.contains(*test), "there is no test `{test}`");
        }
    }
}
