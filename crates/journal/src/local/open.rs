//! Opening a journal's directory: lock, list, scan the live segments, decide about the tail, and only then change
//! anything on disk. The archive is listed, not read.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};

use crate::disk::{DirLock, Disk};
use crate::{Error, Options};

use super::archive::header_of;
use super::format::{Bases, frame_span};
use super::room::Room;
use super::scan::{Ends, repair, scan, torn_until};
use super::segment::{HEADER_BYTES_MAX, SegmentFile, Spare, number_in, segment_name, spare_name};
use super::shared::{LiveSegment, LogState, Shared, State, archive_dir};

/// A journal recovered from its files, with no thread running yet.
pub(crate) struct Opened {
    pub(crate) shared: Shared,
    pub(crate) active: Arc<SegmentFile>,
    /// Offset where the active segment goes on.
    pub(crate) end: u64,
    pub(crate) ends: Ends,
    pub(crate) lock: DirLock,
}

/// What the directory holds, by name only.
#[derive(Default)]
struct Listing {
    segments: Vec<u64>,
    /// Numbers and bytes.
    spares: Vec<(u64, u64)>,
    archive: BTreeMap<u64, u64>,
}

/// See [`crate::LocalJournal::open`].
pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, options: Options) -> Result<Opened, Error> {
    options.check()?;
    let failed = |what: &str| Error::io(format!("{what} {}", dir.display()));
    disk.create_dir(dir).map_err(failed("make"))?;
    let lock_path = dir.join("LOCK");
    let lock = disk.lock(&lock_path).map_err(failed("lock"))?;
    let lock = lock.ok_or(Error::Locked { path: lock_path })?;
    disk.create_dir(&archive_dir(dir)).map_err(failed("make the archive of"))?;

    let mut listing = list(&*disk, dir)?;
    let mut recovery = Recovery { live: BTreeMap::new(), ends: Ends::new() };
    recovery.scan_all(&*disk, dir, &listing)?;
    recovery.settle_tail(&options)?;
    if recovery.live.is_empty() {
        recovery.begin_first(&*disk, dir, &mut listing, &options)?;
    }
    let Some((active, end)) = recovery.active() else {
        return Err(Error::Options { what: "a journal needs a segment".to_owned() });
    };
    // A copy that was finished just before a crash, of a segment that is still live: the live one counts.
    listing.archive.retain(|id, _| !recovery.live.contains_key(id));
    let oldest_bases = match listing.archive.keys().next() {
        Some(id) => Arc::new(header_of(&*disk, &archive_dir(dir), *id)?.bases),
        None => recovery.first_bases(),
    };
    let room = room(&*disk, dir, &listing, &options, active.segment_bytes - end)?;
    let next_spare = listing.spares.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
    let logs: HashMap<_, _> = recovery.ends.iter().map(|(log, end)| (*log, LogState::at(end.0))).collect();
    let state = State { logs, live: recovery.live, archive: listing.archive, oldest_bases };
    let shared = Shared {
        disk,
        dir: dir.to_path_buf(),
        options,
        state: Mutex::new(state),
        room: Mutex::new(room),
        queue: Mutex::default(),
        queue_moved: Condvar::new(),
        upkeep: Mutex::default(),
        upkeep_wanted: Condvar::new(),
        allocating: Mutex::new(next_spare),
        poison_cause: Mutex::new(None),
        poisoned: AtomicBool::new(false),
        appends: Default::default(),
        syncs: Default::default(),
        upkeep_failures: Default::default(),
    };
    Ok(Opened { shared, active, end, ends: recovery.ends, lock })
}

fn list(disk: &dyn Disk, dir: &Path) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for (name, bytes) in disk.list(dir).map_err(Error::io(format!("list {}", dir.display())))? {
        listing.segments.extend(number_in(&name, "segment"));
        listing.spares.extend(number_in(&name, "spare").map(|number| (number, bytes)));
    }
    listing.segments.sort_unstable();
    let archive = archive_dir(dir);
    for (name, bytes) in disk.list(&archive).map_err(Error::io(format!("list {}", archive.display())))? {
        listing.archive.extend(number_in(&name, "segment").map(|id| (id, bytes)));
    }
    Ok(listing)
}

struct Recovery {
    live: BTreeMap<u64, LiveSegment>,
    ends: Ends,
}

impl Recovery {
    fn scan_all(&mut self, disk: &dyn Disk, dir: &Path, listing: &Listing) -> Result<(), Error> {
        if let (true, Some((id, _))) = (listing.segments.is_empty(), listing.archive.last_key_value()) {
            let what = "missing, although the archive goes up to the segment before it".to_owned();
            return Err(Error::Damaged { file: dir.join(segment_name(id + 1)), offset: 0, what });
        }
        for (place, id) in listing.segments.iter().enumerate() {
            let expected = listing.segments[0] + place as u64;
            if *id != expected {
                let what = "missing, although later segments exist".to_owned();
                return Err(Error::Damaged { file: dir.join(segment_name(expected)), offset: 0, what });
            }
            self.scan_one(disk, dir, *id)?;
        }
        Ok(())
    }

    fn scan_one(&mut self, disk: &dyn Disk, dir: &Path, id: u64) -> Result<(), Error> {
        let (segment, header) = SegmentFile::open(disk, dir.join(segment_name(id)), id)?;
        let bytes = segment.file.len().map_err(Error::io(format!("measure {}", segment.path.display())))?;
        if bytes < segment.segment_bytes {
            let what = format!("the file is cut, its header says {} bytes", segment.segment_bytes);
            return Err(segment.damaged(bytes, what));
        }
        self.check_joins(&header.bases)?;
        let found = scan(&segment, &mut self.ends)?;
        let live = LiveSegment {
            segment: Arc::new(segment),
            bases: Arc::new(header.bases),
            index: found.index,
            end: found.end,
            durable_to: found.durable_to,
        };
        self.live.insert(id, live);
        Ok(())
    }

    /// The logs must stand now exactly where the next segment says they stood when it began.
    fn check_joins(&mut self, bases: &Bases) -> Result<(), Error> {
        let Some((_, before)) = self.live.last_key_value() else {
            self.ends = bases.iter().map(|(log, head)| (*log, (*head, [0; 16]))).collect();
            return Ok(());
        };
        for log in bases.keys().chain(self.ends.keys()) {
            let (expected, found) = (bases.get(log), self.ends.get(log).map(|end| &end.0));
            if expected != found {
                let seq = |head: Option<&crate::Head>| head.map_or(0, |head| head.seq);
                let what = format!(
                    "frames end here with log {log} at sequence {}, but the next segment continues from {}",
                    seq(found),
                    seq(expected)
                );
                return Err(before.segment.damaged(before.end, what));
            }
        }
        Ok(())
    }

    /// Cuts a torn tail, if it may be cut and nothing known to be durable goes with it.
    fn settle_tail(&self, options: &Options) -> Result<(), Error> {
        let last = self.live.values().next_back();
        let torn = last.map(|last| torn_until(&last.segment, last.end)).transpose()?;
        for (log, expected) in &options.expected_heads {
            let found = self.ends.get(log).map_or(0, |end| end.0.seq);
            if found < *expected {
                return Err(Error::LostTail { log: *log, expected: *expected, found });
            }
        }
        match (last, torn) {
            (Some(last), Some(torn)) => repair(&last.segment, last.durable_to, last.end, torn),
            _ => Ok(()),
        }
    }

    fn begin_first(
        &mut self,
        disk: &dyn Disk,
        dir: &Path,
        listing: &mut Listing,
        options: &Options,
    ) -> Result<(), Error> {
        // A crash while the first segment was made may have left a spare; a number above it is free.
        let number = listing.spares.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
        let path = dir.join(spare_name(number));
        let file = disk.create(&path, options.segment_bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => Error::Full { needed_bytes: options.segment_bytes },
            _ => Error::io("preallocate the first journal segment")(error),
        })?;
        drop(file);
        let bases: Bases = options.begin_at.iter().copied().collect();
        self.ends = bases.iter().map(|(log, head)| (*log, (*head, [0; 16]))).collect();
        let (segment, header) = SegmentFile::begin(disk, dir, Spare { path }, 1, bases)?;
        let frames_start = segment.frames_start;
        let live = LiveSegment {
            segment: Arc::new(segment),
            bases: Arc::new(header.bases),
            index: Default::default(),
            end: frames_start,
            durable_to: frames_start,
        };
        self.live.insert(1, live);
        Ok(())
    }

    fn active(&self) -> Option<(Arc<SegmentFile>, u64)> {
        self.live.values().next_back().map(|live| (Arc::clone(&live.segment), live.end))
    }

    fn first_bases(&self) -> Arc<Bases> {
        self.live.values().next().map(|live| Arc::clone(&live.bases)).unwrap_or_default()
    }
}

/// The room there is: what is left of the active segment, and the spare ones. Files that no setting wants any more
/// and copies that were never finished are removed.
fn room(
    disk: &dyn Disk,
    dir: &Path,
    listing: &Listing,
    options: &Options,
    active_free: u64,
) -> Result<Room<Spare>, Error> {
    let slot = frame_span(options.max_frame_bytes);
    let mut room = Room::new(active_free, slot, options.segment_bytes - HEADER_BYTES_MAX);
    for (number, bytes) in &listing.spares {
        let path = dir.join(spare_name(*number));
        if *bytes == options.segment_bytes {
            room.add_spare(Spare { path });
        } else {
            disk.remove(&path).map_err(Error::io(format!("remove {}", path.display())))?;
        }
    }
    let archive = archive_dir(dir);
    for (name, _) in disk.list(&archive).map_err(Error::io(format!("list {}", archive.display())))? {
        if name.ends_with(".tmp") {
            disk.remove(&archive.join(&name)).map_err(Error::io(format!("remove {name}")))?;
        }
    }
    Ok(room)
}
