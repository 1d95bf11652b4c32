//! Rows of packs over the engine: finding them, walking them in order, changing them in bounded batches. It refuses to
//! know what makes a batch durable.

use super::{SledStore, UNSYNCED_LOG_BYTES, Writer, last_of_each_key};
use crate::packs::{self, Change, Merged, NoPack};
use crate::rows::{self, Physical};
use crate::{Error, Op};

/// Packs and chunks that are put between two flushes, and packs in one batch. Nothing was gained above 128.
const FLUSHED_ROWS: usize = 128;

/// The same in bytes of keys and values; one pack's changes may come on top. sled writes up to sixteen times as much.
const FLUSHED_BYTES: usize = 96 << 10;

/// Changes of one pack that are merged at once.
const MERGED_BYTES: usize = 32 << 10;

/// The key of the row at a place; none for rows that the scan is not about.
pub(super) type Named = fn(&[u8]) -> Option<Vec<u8>>;

/// Physical rows by number and size.
#[derive(Default)]
struct Size {
    rows: usize,
    bytes: usize,
}

impl Size {
    fn count(&mut self, (key, value): &Physical) {
        self.rows += 1;
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
    }

    fn is_full(&self) -> bool {
        self.rows >= FLUSHED_ROWS || self.bytes >= FLUSHED_BYTES
    }
}

/// What is on its way to the log.
#[derive(Default)]
struct Unflushed {
    /// What was put since the last flush.
    put: Size,
    /// Packs that rows move between, still to be put: as a batch, which has sled write out its buffer twice. So they wait for
    /// each other, and what else there is goes one by one.
    moving: Vec<Physical>,
    moving_size: Size,
}

impl SledStore {
    /// The pack that a row belongs to, with its physical key; none where the row would be the first of all.
    pub(super) fn pack_of(&self, key: &[u8]) -> Result<Option<(sled::IVec, sled::IVec)>, Error> {
        let through = rows::pack_key(key);
        self.engine("read", |db| db.range(rows::PACKS..=&through[..]).next_back().transpose())
    }

    /// The head of a row as it is stored.
    pub(super) fn head(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Some((_, pack)) = self.pack_of(key)? else { return Ok(None) };
        Ok(packs::find(&pack, key).map_err(|NoPack| self.no_pack())?.map(<[u8]>::to_vec))
    }

    fn no_pack(&self) -> Error {
        Error::damaged(&self.dir, "a pack of rows cannot be read")
    }

    /// Merges the first of `changes` that belong to one pack, at most about `bytes` of them, into it. Answers how many
    /// were taken and whether the rest belong to other packs.
    fn merge(&self, changes: &[Change<'_>], bytes: usize) -> Result<(usize, bool, Merged), Error> {
        let Some((first, _)) = changes.first() else { return Ok((0, true, Merged::default())) };
        let pack = self.pack_of(first)?;
        let next = self.engine("read", |db| match &pack {
            Some((anchor, _)) => db.get_gt(anchor),
            None => db.get_gt(rows::PACKS),
        })?;
        let bound = next.map(|(next, _)| rows::key_of_head(&next));
        let mut left = bytes;
        let mut taken = 0;
        let mut over = true;
        for (key, value) in changes {
            if bound.as_deref().is_some_and(|bound| *key >= bound) {
                break;
            }
            let size = key.len() + value.map_or(0, <[u8]>::len);
            if taken > 0 && size > left {
                over = false;
                break;
            }
            left = left.saturating_sub(size);
            taken += 1;
        }
        let anchor = pack.as_ref().map(|(anchor, _)| rows::key_of_head(anchor));
        let old = pack.as_ref().map_or(&[][..], |(_, pack)| pack);
        let merged = packs::merge(anchor.as_deref(), old, &changes[..taken]);
        Ok((taken, over, merged.map_err(|NoPack| self.no_pack())?))
    }

    /// All physical changes of a batch, to be applied as one.
    pub(super) fn plan(&self, mut changes: &[Change<'_>]) -> Result<Vec<Physical>, Error> {
        let mut physical = Vec::with_capacity(changes.len() + 1);
        while !changes.is_empty() {
            let (taken, _, merged) = self.merge(changes, usize::MAX)?;
            physical.extend(merged.before.into_iter().chain(merged.packs).chain(merged.after));
            changes = &changes[taken..];
        }
        Ok(physical)
    }

    /// Rows from the place `lower` on and below the place `upper`, those that `named` gives a key to.
    pub(super) fn scan_up(
        &self,
        lower: &[u8],
        upper: &[u8],
        limit: usize,
        named: Named,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        let first = self.pack_of(lower)?.map_or_else(|| rows::pack_key(lower), |(anchor, _)| anchor.to_vec());
        let mut iter = self.engine("scan", |db| Ok(db.range(first..rows::pack_key(upper))))?;
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut last: Option<Vec<u8>> = None;
        while let Some((_, pack)) = self.engine("scan", |_| iter.next().transpose())? {
            for entry in packs::entries(&pack) {
                let (place, head) = entry.map_err(|NoPack| self.no_pack())?;
                // A pack that is split while it is read comes again with its second half.
                let seen = last.as_ref().is_some_and(|last| place <= &last[..]);
                if place < lower || seen {
                    continue;
                }
                if place >= upper || found.len() >= limit {
                    return Ok(found);
                }
                if let Some(key) = named(place)
                    && let Some(value) = self.read_row(place, head)?
                {
                    found.push((key, value));
                    last = Some(place.to_vec());
                }
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The same from above.
    pub(super) fn scan_down(
        &self,
        lower: &[u8],
        upper: &[u8],
        limit: usize,
        named: Named,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        let range = rows::PACKS.to_vec()..rows::pack_key(upper);
        let mut iter = self.engine("scan", |db| Ok(db.range(range)))?;
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut last: Option<Vec<u8>> = None;
        while let Some((anchor, pack)) = self.engine("scan", |_| iter.next_back().transpose())? {
            let entries = packs::entries(&pack).collect::<Result<Vec<_>, _>>();
            for (place, head) in entries.map_err(|NoPack| self.no_pack())?.into_iter().rev() {
                let seen = last.as_ref().is_some_and(|last| place >= &last[..]);
                if place >= upper || seen {
                    continue;
                }
                if place < lower || found.len() >= limit {
                    return Ok(found);
                }
                if let Some(key) = named(place)
                    && let Some(value) = self.read_row(place, head)?
                {
                    found.push((key, value));
                    last = Some(place.to_vec());
                }
            }
            // All rows of the packs before are below this one's anchor.
            if found.len() >= limit || rows::key_of_head(&anchor)[..] <= *lower {
                break;
            }
        }
        Ok(found)
    }

    /// Puts operations, flushing as often as it takes. Readers that meet a half put row wait for the writer.
    pub(super) fn put_pending(&self, ops: &[Op]) -> Result<(), Error> {
        let changes = self.to_places(last_of_each_key(ops)?);
        let changes: Vec<Change<'_>> = changes.iter().map(|(place, value)| (&**place, *value)).collect();
        let mut changes = &changes[..];
        let mut writer = self.writer();
        let mut unflushed = Unflushed::default();
        while !changes.is_empty() {
            let (taken, over, merged) = self.merge(changes, MERGED_BYTES)?;
            changes = &changes[taken..];
            for chunk in merged.before {
                self.put(&mut writer, &mut unflushed, chunk)?;
            }
            if merged.moves {
                merged.packs.iter().for_each(|pack| unflushed.moving_size.count(pack));
                unflushed.moving.extend(merged.packs);
                if unflushed.moving_size.is_full() || !merged.after.is_empty() {
                    self.flush_all(&mut writer, &mut unflushed)?;
                }
            } else {
                for pack in merged.packs {
                    self.put(&mut writer, &mut unflushed, pack)?;
                }
            }
            for chunk in merged.after {
                self.put(&mut writer, &mut unflushed, chunk)?;
            }
            if !over && !unflushed.moving.is_empty() {
                // What follows belongs to this pack or, where it was removed, to the one before.
                self.flush_all(&mut writer, &mut unflushed)?;
            }
        }
        self.flush_all(&mut writer, &mut unflushed)
    }

    /// Puts one physical row, which is whole after a crash or not there.
    fn put(&self, writer: &mut Writer, unflushed: &mut Unflushed, row: Physical) -> Result<(), Error> {
        if unflushed.put.is_full() {
            self.flush_put(writer, unflushed)?;
        }
        unflushed.put.count(&row);
        let (key, value) = row;
        self.engine("put a row", |db| match value {
            Some(value) => db.insert(key, value).map(drop),
            None => db.remove(key).map(drop),
        })
    }

    fn flush_put(&self, writer: &mut Writer, unflushed: &mut Unflushed) -> Result<(), Error> {
        if std::mem::take(&mut unflushed.put).rows == 0 {
            return Ok(());
        }
        let at = self.flush()?;
        if at - writer.synced_at >= UNSYNCED_LOG_BYTES { self.sync_data(writer, at) } else { Ok(()) }
    }

    fn flush_all(&self, writer: &mut Writer, unflushed: &mut Unflushed) -> Result<(), Error> {
        self.flush_put(writer, unflushed)?;
        if unflushed.moving.is_empty() {
            return Ok(());
        }
        self.apply(std::mem::take(&mut unflushed.moving))?;
        unflushed.put = std::mem::take(&mut unflushed.moving_size);
        self.flush_put(writer, unflushed)
    }
}
