//! The networks that decisions were made over: the documents of each version that was planned over, and its policy, one
//! file each. They are built into a network again when somebody asks.

use super::Then;
use crate::mirror::NetworkView;
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use waybill_machine::record::{decode, encode};
use waybill_sourcing::{Documents, Interner, Network, PolicyVersion};
use waybill_types::network::{Calendar, Lane, Node, Policy, RateCard, Zone};

/// Networks that stay built between questions.
const BUILT_MAX: usize = 4;

#[derive(Encode)]
struct Written<'a> {
    #[n(0)]
    version: u64,
    #[n(1)]
    policy_version: u64,
    #[n(2)]
    policy: &'a Policy,
    #[n(3)]
    nodes: Vec<&'a Node>,
    #[n(4)]
    lanes: Vec<&'a Lane>,
    #[n(5)]
    zones: Vec<&'a Zone>,
    #[n(6)]
    calendars: Vec<&'a Calendar>,
    #[n(7)]
    rate_cards: Vec<&'a RateCard>,
}

#[derive(Decode)]
struct Stored {
    #[n(0)]
    version: u64,
    #[n(1)]
    policy_version: u64,
    #[n(2)]
    policy: Policy,
    #[n(3)]
    nodes: Vec<Node>,
    #[n(4)]
    lanes: Vec<Lane>,
    #[n(5)]
    zones: Vec<Zone>,
    #[n(6)]
    calendars: Vec<Calendar>,
    #[n(7)]
    rate_cards: Vec<RateCard>,
}

/// The names of all files of networks in a directory.
pub(super) fn files(dir: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(dir)?.map(|file| Ok(file?.file_name().into_string()));
    let names = names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten();
    Ok(names.filter(|name| version_of(name).is_some()).collect())
}

fn version_of(name: &str) -> Option<u64> {
    name.strip_prefix("network-")?.strip_suffix(".cbor")?.parse().ok()
}

pub(super) struct Snapshots {
    dir: PathBuf,
    written: BTreeSet<u64>,
    /// Last used last.
    built: Vec<(u64, Then)>,
}

impl Snapshots {
    pub(super) fn open(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), written: BTreeSet::new(), built: Vec::new() }
    }

    fn path(&self, version: u64) -> PathBuf {
        self.dir.join(format!("network-{version}.cbor"))
    }

    /// Writes the view's documents once per run; an older file of that version is replaced by them.
    pub(super) fn keep(&mut self, view: &NetworkView) -> io::Result<()> {
        let version = view.network.version();
        if !self.written.insert(version) {
            return Ok(());
        }
        let documents = view.documents.all();
        let bytes = encode(&Written {
            version,
            policy_version: view.policy.version,
            policy: &view.policy.policy,
            nodes: documents.nodes,
            lanes: documents.lanes,
            zones: documents.zones,
            calendars: documents.calendars,
            rate_cards: documents.rate_cards,
        });
        let (path, new) = (self.path(version), self.dir.join("network.new"));
        fs::write(&new, bytes)?;
        fs::rename(new, path)?;
        self.built.retain(|(known, _)| *known != version);
        self.built.push((version, Then { network: view.network.clone(), policy: view.policy.clone() }));
        self.forget_old();
        Ok(())
    }

    fn forget_old(&mut self) {
        if self.built.len() > BUILT_MAX {
            self.built.remove(0);
        }
    }

    /// The network and policy of a version; `None` when its file is gone.
    pub(super) fn load(&mut self, version: u64) -> io::Result<Option<Then>> {
        if let Some(at) = self.built.iter().position(|(known, _)| *known == version) {
            let found = self.built.remove(at);
            self.built.push(found.clone());
            return Ok(Some(found.1));
        }
        let bytes = match fs::read(self.path(version)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let stored: Stored = decode(&bytes)
            .map_err(|error| io::Error::other(format!("network {version} of kept decisions: {error}")))?;
        let documents = Documents {
            nodes: stored.nodes.iter().collect(),
            lanes: stored.lanes.iter().collect(),
            zones: stored.zones.iter().collect(),
            calendars: stored.calendars.iter().collect(),
            rate_cards: stored.rate_cards.iter().collect(),
        };
        let network = Network::build(&mut Interner::new(), stored.version, &documents);
        let policy = PolicyVersion { version: stored.policy_version, policy: stored.policy };
        let then = Then { network, policy };
        self.built.push((version, then.clone()));
        self.forget_old();
        Ok(Some(then))
    }

    /// Removes networks that no kept decision was made over.
    pub(super) fn drop_unused(&mut self, used: &BTreeSet<u64>) {
        let Ok(files) = fs::read_dir(&self.dir) else { return };
        for file in files.flatten() {
            let name = file.file_name();
            let version = name.to_str().and_then(version_of);
            let unused = version.filter(|version| !used.contains(version));
            if let Some(version) = unused {
                self.written.remove(&version);
                if let Err(error) = fs::remove_file(file.path()) {
                    tracing::warn!(%error, version, "a network that no decision needs could not be removed");
                }
            }
        }
    }
}
