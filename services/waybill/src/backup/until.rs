//! A new data directory from a copy and the journal that went on after it, up to a point: what happened later is not in it.
//! All partitions stand at one consistent cut: where a partition had received what its sender had not yet sent by that
//! point, it is cut back. It knows no order and no engine's statements.

use super::{Manifest, copy_files, copy_rows, head, manifest_of};
use crate::config::Config;
use crate::migrate::{every, keys, log_of, with_machine};
use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use waybill_journal::cluster::Engine;
use waybill_journal::{Head, Journal, LocalJournal, LogId};
use waybill_replica::moving::{self, Stretch};
use waybill_replica::replay::{Played, Until};
use waybill_replica::trail::{Place, Trail, make_consistent};
use waybill_replica::{DataDir, Token};
use waybill_store::Store;
use waybill_store::vault::Vault;
use waybill_types::{Layout, PartitionId, Timestamp};

/// The point up to which is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Nothing that happened after this time.
    Time(Timestamp),
    /// The state that a write's token names, and nothing that happened after it.
    Token(Token),
}

impl FromStr for Point {
    type Err = anyhow::Error;

    /// A time such as `2026-01-05T12:00:00Z`, or a token such as `orders/3@1234`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text.contains('@') {
            return Ok(Self::Token(text.parse()?));
        }
        let time: jiff::Timestamp = text.parse().with_context(|| {
            format!("{text:?} is neither a time, such as 2026-01-05T12:00:00Z, nor a token")
        })?;
        Ok(Self::Time(Timestamp::from_ms(time.as_millisecond())))
    }
}

/// What went on after the copy was taken.
pub enum Later {
    /// The data directory that the copy was taken of, or one that holds its journal and keys.
    Directory(PathBuf),
    /// The journal that processes share.
    Engine(Arc<dyn Engine>),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the copy says of itself.
    pub copy: Manifest,
    /// Frames played in after the copy.
    pub frames: u64,
    /// Partitions that were cut back from the point, since they had received what was not sent by then.
    pub cut_back: usize,
    /// Where every partition stands.
    pub cut: BTreeMap<PartitionId, Place>,
}

/// Makes a new data directory at `data`: the copy, and what happened after it up to the point.
///
/// # Errors
/// A copy that is not whole, or taken after the point; a journal that does not go on from it, or has dropped what followed;
/// a directory that is not empty.
pub async fn restore_until(copy: &Path, data: &Path, point: Point, later: Later) -> anyhow::Result<Restored> {
    let manifest = manifest_of(copy)?;
    if let Later::Directory(old) = &later {
        is_data_directory(old)?;
    }
    let (dir, _lock) = super::begin(copy, data)?;
    let (rows, to) = (copy.to_path_buf(), dir.clone());
    let (store, layout) = tokio::task::spawn_blocking(move || {
        let store = copy_rows(&rows, &to)?;
        let layout = moving::layout_of(&store)?.context("the copy names no layout")?;
        anyhow::Ok((Arc::new(store) as Arc<dyn Store>, layout))
    })
    .await??;
    let journal: Arc<dyn Journal> = match &later {
        Later::Engine(engine) => Arc::clone(engine) as _,
        Later::Directory(old) => open_journal(DataDir::new(old).journal()).await?,
    };
    let playing = Play { store: Arc::clone(&store), journal: Arc::clone(&journal), layout };
    let (cut, cut_back) = tokio::task::spawn_blocking(move || playing.play(point)).await??;
    // After the last frame was read: whatever it is sealed with is there by now.
    take_keys(copy, &dir, &later).await?;
    let frames = go_on(&manifest, &cut, &journal, &dir).await?;
    tokio::task::spawn_blocking(move || drop((store, journal))).await?;
    dir.end_arrival()?;
    Ok(Restored { copy: manifest, frames, cut_back, cut })
}

/// What came after the copy is sealed with keys that the copy may not have, and what was erased since must stay erased.
async fn take_keys(copy: &Path, dir: &DataDir, later: &Later) -> anyhow::Result<()> {
    let kept = copy.join("keys");
    let of_copy = tokio::task::spawn_blocking(move || Vault::load(&kept).map(|vault| vault.id())).await?;
    let of_copy = of_copy.context("the vault of the copy")?;
    let now = match later {
        Later::Engine(engine) => {
            let taken = keys::take(engine, &dir.keys(), &super::Silent).await?;
            taken.context("the shared journal has no keys of personal data")?.0
        }
        Later::Directory(old) => {
            copy_files(&DataDir::new(old).keys(), &dir.keys())?;
            let keys = dir.keys();
            let loaded =
                tokio::task::spawn_blocking(move || Vault::load(&keys).map(|vault| vault.id())).await?;
            loaded.context("the keys beside the journal, which what came after the copy is sealed with")?
        }
    };
    ensure!(now == of_copy, "the keys are of another installation than the copy");
    Ok(())
}

/// Refuses, before anything is made, what has no journal or no keys that go on after a copy.
fn is_data_directory(old: &Path) -> anyhow::Result<()> {
    let dir = DataDir::new(old);
    let file = dir.keys().join(waybill_store::vault::FILE_NAME);
    for path in [dir.journal(), file] {
        ensure!(
            path.exists(),
            "{} is not there: {} is not the data directory that the copy was taken of, or not whole",
            path.display(),
            old.display()
        );
    }
    Ok(())
}

async fn open_journal(path: PathBuf) -> anyhow::Result<Arc<dyn Journal>> {
    let mut config = Config::default();
    // Opening must not drop what some other setting keeps.
    config.journal.archive_bytes = u64::MAX;
    let opened =
        tokio::task::spawn_blocking(move || LocalJournal::open(&path, config.journal_options())).await?;
    Ok(Arc::new(opened.context("the journal that went on after the copy")?))
}

/// The states that are played forward.
struct Play {
    store: Arc<dyn Store>,
    journal: Arc<dyn Journal>,
    layout: Layout,
}

impl Play {
    fn of(&self, partition: PartitionId) -> Played<'_> {
        Played {
            store: &self.store,
            journal: &*self.journal,
            partition,
            layout: self.layout,
            request_ttl_ms: Config::default().partition_limits().request_ttl_ms,
        }
    }

    fn trail(&self, partition: PartitionId, until: Until) -> anyhow::Result<Trail> {
        let played = self.of(partition);
        let trail = with_machine!(partition.service, M => played.trail::<M>(until));
        trail.with_context(|| {
            format!("{partition} cannot be played on from the copy; take a newer copy, or keep more of the journal")
        })
    }

    /// Finds the cut, and brings every partition there: the log is read once for each.
    fn play(&self, point: Point) -> anyhow::Result<(BTreeMap<PartitionId, Place>, usize)> {
        let mut trails = self.trails(point)?;
        let again = |id, through| self.trail(id, Until::Sequence(through));
        ensure!(make_consistent(&mut trails, again)?, "the copy is not consistent in itself");
        if let Point::Token(token) = point {
            let stands = trails[&token.partition].stands().head.seq;
            ensure!(
                stands == token.sequence,
                "{token} cannot be restored: what it received was sent later by its sender's clock, and it would be cut back to \
                 {stands}; name a later point"
            );
        }
        let cut: BTreeMap<PartitionId, Place> =
            trails.iter().map(|(id, trail)| (*id, trail.stands())).collect();
        let cut_back = trails.values().filter(|trail| trail.is_cut_back()).count();
        drop(trails);
        for (id, place) in cut.iter().filter(|(_, place)| place.head.seq > 0) {
            let (played, to) = (self.of(*id), place.head);
            with_machine!(id.service, M => drop(played.put::<M>(to)?));
        }
        Ok((cut, cut_back))
    }

    /// How every partition comes to the point.
    fn trails(&self, point: Point) -> anyhow::Result<BTreeMap<PartitionId, Trail>> {
        let mut trails = BTreeMap::new();
        let time = match point {
            Point::Time(time) => time,
            Point::Token(token) => {
                let known = every(self.layout).any(|id| id == token.partition);
                ensure!(known, "{token} names a partition that the copy has not");
                let trail = self.trail(token.partition, Until::Sequence(token.sequence))?;
                let (first, last) = (trail.first(), trail.stands());
                ensure!(
                    last.head.seq == token.sequence,
                    "{token} cannot be restored: the copy and the journal have {} from {} through {}",
                    token.partition,
                    first.head.seq,
                    last.head.seq
                );
                trails.insert(token.partition, trail);
                last.at
            }
        };
        for id in every(self.layout) {
            if trails.contains_key(&id) {
                continue;
            }
            let trail = self.trail(id, Until::Time(time))?;
            let began = trail.first().at;
            ensure!(
                began <= time,
                "the copy was taken after that point: {id} in it is of {}, the point is {}; take an older copy",
                told(began),
                told(time)
            );
            trails.insert(id, trail);
        }
        Ok(trails)
    }
}

/// A time as it may be given to `--until`.
fn told(time: Timestamp) -> String {
    let told = jiff::Timestamp::from_millisecond(time.as_ms());
    told.map_or_else(|_| format!("{} ms", time.as_ms()), |told| told.to_string())
}

/// Begins the new directory's journal where the copy stood, and carries in what was played, so that tokens of the time
/// between are good.
async fn go_on(
    manifest: &Manifest,
    cut: &BTreeMap<PartitionId, Place>,
    journal: &Arc<dyn Journal>,
    dir: &DataDir,
) -> anyhow::Result<u64> {
    let mut stretches = Vec::new();
    for partition in &manifest.partitions {
        let id =
            PartitionId::from_number(partition.number).context("the manifest names an unknown partition")?;
        let end = cut.get(&id).context("the manifest names a partition that is not in the copy")?.head;
        let after = head(partition)?;
        // The epoch of a frame that was trimmed is known by the copy alone.
        let end = if end.seq == after.seq { after } else { end };
        stretches.push(Stretch { log: log_of(id), after, end });
    }
    let begin_at: Vec<(LogId, Head)> = stretches.iter().map(|stretch| (stretch.log, stretch.after)).collect();
    let (path, options) = (dir.journal(), Config::default().journal_options());
    let options = waybill_journal::Options { begin_at, ..options };
    let to = tokio::task::spawn_blocking(move || LocalJournal::open(&path, options)).await??;
    let to: Arc<dyn Journal> = Arc::new(to);
    let mut frames = 0;
    for stretch in stretches {
        frames += moving::take_log(journal, &to, stretch).await?.frames;
    }
    tokio::task::spawn_blocking(move || drop(to)).await?;
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::Service;

    #[test]
    fn a_time_is_told_as_it_is_given() {
        let at = "2026-01-05T00:00:01.5Z".parse::<Point>().unwrap();
        assert_eq!(at, Point::Time(Timestamp::from_ms(1_767_571_201_500)));
        assert_eq!(told(Timestamp::from_ms(1_767_571_201_500)), "2026-01-05T00:00:01.5Z");
    }

    #[test]
    fn a_point_is_a_time_or_a_token() {
        let at = "2026-01-05T00:00:01Z".parse::<Point>().unwrap();
        assert_eq!(at, Point::Time(Timestamp::from_ms(1_767_571_201_000)));
        let Point::Token(token) = "orders/3@12".parse::<Point>().unwrap() else { panic!("a token") };
        assert_eq!((token.partition, token.sequence), (PartitionId::new(Service::Orders, 3), 12));
        for wrong in ["", "yesterday", "2026-01-05", "orders@3", "stock/1@1"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong:?}");
        }
    }
}
