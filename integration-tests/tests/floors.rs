//! The floors of the house, read from the manifests: a package imports only from floors below its own, and what may
//! be used in one place only is used nowhere else. Knows nothing of what the packages do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every package and its floor. A new package takes its place here and in ARCHITECTURE.md.
const FLOORS: [(&str, u8); 23] = [
    ("waybill-types", 0),
    ("waybill-proto", 0),
    ("waybill-machine", 1),
    ("waybill-formats", 1),
    ("waybill-orders", 2),
    ("waybill-customers", 2),
    ("waybill-inventory", 2),
    ("waybill-fulfillment", 2),
    ("waybill-sourcing", 2),
    ("waybill-fixtures", 2),
    ("waybill-store", 3),
    ("waybill-journal", 3),
    ("waybill-journal-postgres", 4),
    ("waybill-journal-nats", 4),
    ("waybill-replica", 4),
    ("waybill-mirror", 4),
    ("waybill-client", 4),
    ("waybill-service-kit", 5),
    ("waybill-orders-service", 6),
    ("waybill-inventory-service", 6),
    ("waybill-fulfillment-service", 6),
    ("waybill", 7),
    ("waybill-integration-tests", 8),
];

/// The packages whose whole behaviour follows from their input.
const PURE: [&str; 8] = [
    "waybill-types",
    "waybill-machine",
    "waybill-orders",
    "waybill-customers",
    "waybill-inventory",
    "waybill-fulfillment",
    "waybill-sourcing",
    "waybill-formats",
];

/// What a pure package may use from outside: no clock, disk, socket, thread, log or chance in any of it, as used.
const PURE_MAY_USE: [&str; 11] = [
    "blake3",
    "bytes",
    "csv",
    "hashbrown",
    "jiff",
    "minicbor",
    "petgraph",
    "serde",
    "serde_json",
    "smol_str",
    "thiserror",
];

/// Libraries that only these packages may use, so that they can be replaced in one place.
const SOLE_USERS: [(&str, &[&str]); 8] = [
    ("sled", &["waybill-store"]),
    ("petgraph", &["waybill-sourcing"]),
    // Chance: keys and names of stores, holds, requests. Never in what decides.
    (
        "getrandom",
        &[
            "waybill-store",
            "waybill-journal-postgres",
            "waybill-journal-nats",
            "waybill-client",
            "waybill-service-kit",
            "waybill-inventory-service",
            "waybill",
            "waybill-integration-tests",
        ],
    ),
    ("tokio-postgres", &["waybill-journal-postgres"]),
    ("async-nats", &["waybill-journal-nats"]),
    ("deadpool-postgres", &["waybill-journal-postgres"]),
    (
        "rustix",
        &[
            "waybill-store",
            "waybill-journal",
            "waybill-journal-postgres",
            "waybill",
            "waybill-integration-tests",
        ],
    ),
    ("chacha20poly1305", &["waybill-store", "waybill-service-kit"]),
];

/// A manifest as far as floors go.
#[derive(Debug)]
struct Package {
    name: String,
    folder: PathBuf,
    /// What the library or binary is made of, build scripts counted.
    uses: BTreeSet<String>,
    /// What only its tests use.
    tests_use: BTreeSet<String>,
}

impl Package {
    fn parse(folder: &Path, manifest: &str) -> Self {
        let table: toml::Table = manifest.parse().expect("the manifest is TOML");
        let name = table["package"]["name"].as_str().expect("the package has a name").to_owned();
        let mut package =
            Self { name, folder: folder.to_owned(), uses: BTreeSet::new(), tests_use: BTreeSet::new() };
        package.collect(&table);
        let targets = table.get("target").and_then(toml::Value::as_table);
        for target in targets.into_iter().flat_map(|targets| targets.values()) {
            package.collect(target.as_table().expect("a target is a table"));
        }
        package
    }

    fn collect(&mut self, table: &toml::Table) {
        self.uses.extend(names(table, "dependencies"));
        self.uses.extend(names(table, "build-dependencies"));
        self.tests_use.extend(names(table, "dev-dependencies"));
    }
}

/// The packages behind one section, renamed ones by their own name.
fn names(table: &toml::Table, section: &str) -> Vec<String> {
    let section = table.get(section).and_then(toml::Value::as_table);
    let entries = section.into_iter().flatten();
    let name = |(key, value): (&String, &toml::Value)| {
        value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned()
    };
    entries.map(name).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace").to_owned()
}

fn packages() -> Vec<Package> {
    let mut folders = vec![root().join("integration-tests")];
    for parent in ["crates", "services"] {
        let entries = root().join(parent).read_dir().expect("the folder can be read");
        folders.extend(entries.map(|entry| entry.expect("the entry can be read").path()));
    }
    let manifest = |folder: PathBuf| {
        let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
        Some(Package::parse(&folder, &text))
    };
    folders.into_iter().filter_map(manifest).collect()
}

fn climbing(packages: &[Package]) -> Vec<String> {
    let floors: BTreeMap<&str, u8> = FLOORS.into_iter().collect();
    let mut faults = Vec::new();
    for package in packages {
        let Some(own) = floors.get(package.name.as_str()) else {
            faults.push(format!("{} has no floor: add it to FLOORS and to ARCHITECTURE.md", package.name));
            continue;
        };
        let not_below = |used: &&String| floors.get(used.as_str()).is_some_and(|floor| floor >= own);
        faults.extend(package.uses.iter().filter(not_below).map(|used| {
            format!(
                "{} (floor {own}) imports {used} (floor {}), not from below",
                package.name,
                floors[used.as_str()]
            )
        }));
        // A test may borrow from beside, never from above: that would make what it proves depend on its users.
        let above = |used: &&String| floors.get(used.as_str()).is_some_and(|floor| floor > own);
        faults.extend(package.tests_use.iter().filter(above).map(|used| {
            format!("tests of {} (floor {own}) import {used} (floor {})", package.name, floors[used.as_str()])
        }));
    }
    faults
}

fn impure(packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        let allowed = |used: &&String| used.starts_with("waybill-") || PURE_MAY_USE.contains(&used.as_str());
        faults.extend(
            package
                .uses
                .iter()
                .filter(|used| !allowed(used))
                .map(|used| format!("{} is pure and may not use {used} (see PURE_MAY_USE)", package.name)),
        );
    }
    faults
}

fn shared(packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for (library, users) in SOLE_USERS {
        let strangers = packages.iter().filter(|package| !users.contains(&package.name.as_str()));
        faults.extend(
            strangers
                .filter(|package| package.uses.contains(library) || package.tests_use.contains(library))
                .map(|package| format!("{} uses {library}; only {users:?} may", package.name)),
        );
    }
    faults
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_package_imports_only_from_floors_below() {
    assert_none(&climbing(&packages()));
}

#[test]
fn every_floor_has_its_package() {
    let found: BTreeSet<String> = packages().into_iter().map(|package| package.name).collect();
    let missing: Vec<_> = FLOORS.iter().filter(|(name, _)| !found.contains(*name)).collect();
    assert!(missing.is_empty(), "floors without a package: {missing:?}");
}

#[test]
fn pure_packages_use_nothing_that_acts() {
    assert_none(&impure(&packages()));
}

#[test]
fn replaceable_libraries_have_one_user() {
    assert_none(&shared(&packages()));
}

#[test]
fn machines_may_not_ask_for_the_time() {
    for package in packages() {
        let name = package.name.as_str();
        if FLOORS.contains(&(name, 2)) && name != "waybill-fixtures" {
            let bans = std::fs::read_to_string(package.folder.join("clippy.toml"))
                .unwrap_or_else(|_| panic!("{name} has no clippy.toml"));
            for clock in ["std::time::SystemTime::now", "std::time::Instant::now"] {
                assert!(bans.contains(clock), "{name}/clippy.toml does not ban {clock}");
            }
        }
    }
}

#[test]
fn architecture_draws_the_same_floors() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md can be read");
    for (name, floor) in FLOORS {
        let row = format!("| {floor} | `{name}` |");
        assert!(text.contains(&row), "ARCHITECTURE.md has no row that begins with {row:?}");
    }
}

/// The checks prove nothing unless they can fail.
#[test]
fn each_rule_is_missed_where_it_is_broken() {
    let broken = [
        ("waybill-orders", "[dependencies]\nwaybill-inventory = {}\ntokio = {}\nsled = {}"),
        ("waybill-types", "[target.'cfg(unix)'.dependencies]\nlater = { package = \"waybill-machine\" }"),
        ("waybill-store", "[dev-dependencies]\nwaybill-replica = {}"),
        ("waybill-shed", ""),
    ];
    let broken = broken
        .map(|(name, rest)| Package::parse(Path::new(""), &format!("[package]\nname = \"{name}\"\n{rest}")));
    let faults = [climbing(&broken), impure(&broken), shared(&broken)].concat().join("\n");
    for expected in [
        "waybill-orders (floor 2) imports waybill-inventory (floor 2)",
        "waybill-types (floor 0) imports waybill-machine (floor 1)",
        "tests of waybill-store (floor 3) import waybill-replica (floor 4)",
        "waybill-shed has no floor",
        "waybill-orders is pure and may not use tokio",
        "waybill-orders uses sled",
    ] {
        assert!(faults.contains(expected), "missing {expected:?} in:\n{faults}");
    }
}
