//! Where the code of others comes from and under which terms: a light form of what `make deny` checks in full, with
//! nothing to install. Knows no advisory database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Terms that suit an Apache-2.0 work. deny.toml has the same list.
const LICENCES: [&str; 11] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace").to_owned()
}

/// What this machine's build is made of, and who brings what.
fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let version = String::from_utf8(rustc.stdout).expect("rustc speaks UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let metadata = Command::new(cargo)
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .output()
        .expect("cargo runs");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    serde_json::from_slice(&metadata.stdout).expect("cargo speaks JSON")
}

fn packages() -> Vec<Value> {
    metadata()["packages"].as_array().expect("there are packages").clone()
}

/// Who depends on a package, by name.
fn bringers(metadata: &Value, package: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().expect("there are packages");
    let names: BTreeMap<_, _> =
        packages.iter().map(|one| (one["id"].as_str(), one["name"].as_str())).collect();
    let name_of = |id: &Value| names.get(&id.as_str()).copied().flatten().unwrap_or_default();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("the graph is resolved");
    let brings = |node: &&Value| {
        let ids = node["dependencies"].as_array().expect("a node has dependencies");
        ids.iter().any(|id| name_of(id) == package)
    };
    nodes.iter().filter(brings).map(|node| name_of(&node["id"]).to_owned()).collect()
}

/// Whether some choice of an SPDX expression is allowed. Understands AND, OR, `/` and brackets around one choice.
fn allowed(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let is_known =
        |term: &str| LICENCES.contains(&term.split_whitespace().collect::<Vec<_>>().join(" ").as_str());
    // With brackets dropped AND binds weaker than OR, as in "(A OR B) AND C": every part needs one allowed choice.
    plain.split(" AND ").all(|part| part.split(" OR ").any(is_known))
}

#[test]
fn every_dependency_comes_under_terms_we_may_use() {
    let faults: Vec<String> = packages()
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(allowed))
        .map(|package| format!("{} is under {}", package["name"], package["license"]))
        .collect();
    assert!(faults.is_empty(), "not among the allowed licences:\n{}", faults.join("\n"));
}

#[test]
fn every_dependency_comes_from_the_registry_and_is_pinned() {
    let text = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let lock: toml::Table = text.parse().expect("Cargo.lock is TOML");
    for package in lock["package"].as_array().expect("there are packages") {
        let name = package["name"].as_str().expect("a package has a name");
        match package.get("source").and_then(toml::Value::as_str) {
            None => assert!(name.starts_with("waybill"), "{name} comes from a folder"),
            Some(source) => {
                assert!(source.starts_with("registry+"), "{name} comes from {source}");
                assert!(package.get("checksum").is_some(), "{name} has no checksum");
            }
        }
    }
}

/// Libraries that bring a second way to do what the project does one way.
#[test]
fn nothing_is_done_two_ways() {
    let metadata = metadata();
    for (banned, instead, unless) in [
        ("openssl-sys", "rustls", &[][..]),
        ("native-tls", "rustls", &[]),
        ("chrono", "jiff", &[]),
        // Signs the certificates of tests. The last two are in the lock file by its weak features, and never built.
        ("time", "jiff", &["rcgen", "yasna", "x509-parser", "asn1-rs"]),
        ("rcgen", "certificates of the operator", &["waybill-integration-tests"]),
        ("async-std", "tokio", &[]),
        ("bincode", "minicbor", &[]),
    ] {
        let bringers = bringers(&metadata, banned);
        let wrong: Vec<_> = bringers.iter().filter(|name| !unless.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{banned} is among the dependencies of {wrong:?}; use {instead}");
    }
}

#[test]
fn licence_expressions_are_read_strictly() {
    for good in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(allowed(good), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "", "(GPL-2.0 OR SSPL-1.0) AND MIT"] {
        assert!(!allowed(bad), "{bad}");
    }
}
