//! How neighbouring logical rows lie together in one physical row, the pack. It refuses to know which engine keeps it.
//!
//! What a row costs the engine hardly depends on its size: a walk down the tree, a copy of a leaf, a place in the log.
//! So rows that are neighbours in key order share a physical row of up to 3.5 KiB.
//!
//! ```text
//! pack  = entry*                                       ascending keys
//! entry = key_len:u8 key head_len:u16 head             heads as in `rows`
//! ```
//! Keys are places here, see [`crate::beside`]. A pack's physical key, its anchor, is at most the key of its first row. A
//! row belongs to the pack with the greatest anchor that is not above its key. Packs change only together: whoever splits
//! one puts both halves in one batch.

use crate::rows::{self, Physical, ROW_BYTES};

/// One logical change; `None` removes the row.
pub(crate) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// A pack with one row may be larger by that row's key; it stays below 4 KiB.
const PACK_BYTES: usize = ROW_BYTES;
/// Packs that are split by rows between others are left with room.
const SPLIT_BYTES: usize = PACK_BYTES * 2 / 3;

/// A pack's bytes are not a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPack;

/// What changes when rows of one pack change.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// Chunks to put or remove before the pack changes, in any number of batches.
    pub(crate) before: Vec<Physical>,
    /// The pack and what it is split into, ascending.
    pub(crate) packs: Vec<Physical>,
    /// Rows move from the pack to a new one, so all change in one batch. Otherwise each is good by itself, in this order.
    pub(crate) moves: bool,
    /// Chunks to put once the pack counts them.
    pub(crate) after: Vec<Physical>,
}

/// The rows of a pack in order, each with its head.
pub(crate) fn entries(mut bytes: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), NoPack>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let entry = entry(&mut bytes);
        if entry.is_none() {
            bytes = &[];
        }
        Some(entry.ok_or(NoPack))
    })
}

fn entry<'a>(bytes: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (key_len, rest) = bytes.split_first()?;
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let (head_len, rest) = rest.split_at_checked(2)?;
    let head_len = u16::from_be_bytes(head_len.try_into().ok()?);
    let (head, rest) = rest.split_at_checked(usize::from(head_len))?;
    *bytes = rest;
    Some((key, head))
}

/// The head of a row of a pack.
pub(crate) fn find<'a>(pack: &'a [u8], key: &[u8]) -> Result<Option<&'a [u8]>, NoPack> {
    for entry in entries(pack) {
        let (found, head) = entry?;
        if found >= key {
            return Ok((found == key).then_some(head));
        }
    }
    Ok(None)
}

/// Changes rows of the pack at `anchor`, or of a new one. All changes belong to it, ascending, each key once.
pub(crate) fn merge(anchor: Option<&[u8]>, old: &[u8], changes: &[Change<'_>]) -> Result<Merged, NoPack> {
    let old = entries(old).collect::<Result<Vec<_>, _>>()?;
    let mut merged = Merged::default();
    let mut kept: Vec<(&[u8], std::borrow::Cow<'_, [u8]>)> = Vec::with_capacity(old.len() + changes.len());
    let last = old.last().map(|(last, _)| *last);
    let appends = last.is_none_or(|last| changes.first().is_none_or(|(first, _)| *first > last));
    let mut old = old.into_iter().peekable();
    let mut same = true;
    for &(key, value) in changes {
        while let Some((before, head)) = old.next_if(|(before, _)| *before < key) {
            kept.push((before, head.into()));
        }
        let stored = old.next_if(|(stored, _)| *stored == key).map(|(_, head)| head);
        let head = rows::change(key, value, stored.map_or(0, rows::chunks_in_head), &mut merged);
        same &= head.as_deref() == stored;
        if let Some(head) = head {
            kept.push((key, head.into()));
        }
    }
    kept.extend(old.map(|(key, head)| (key, head.into())));
    if !same {
        merged.packs = packed(anchor, &kept, appends);
        merged.moves = match (last, merged.packs.get(1)) {
            (Some(last), Some((second, _))) => rows::pack_key(last) >= *second,
            _ => false,
        };
    }
    Ok(merged)
}

/// Deals rows to packs. Rows that only come behind others fill theirs; between others they leave room.
fn packed(
    anchor: Option<&[u8]>,
    rows: &[(&[u8], std::borrow::Cow<'_, [u8]>)],
    appends: bool,
) -> Vec<Physical> {
    let size = |(key, head): &(&[u8], std::borrow::Cow<'_, [u8]>)| 3 + key.len() + head.len();
    let total: usize = rows.iter().map(size).sum();
    let fill = if appends || total <= PACK_BYTES { PACK_BYTES } else { SPLIT_BYTES };
    let mut packs: Vec<Physical> = Vec::new();
    for row in rows {
        let (key, head) = row;
        let fits = |pack: &Physical| pack.1.as_ref().is_some_and(|bytes| bytes.len() + size(row) <= fill);
        if !packs.last().is_some_and(fits) {
            let at = if packs.is_empty() { anchor.unwrap_or(key) } else { key };
            packs.push((rows::pack_key(at), Some(Vec::with_capacity(fill.min(total)))));
        }
        if let Some((_, Some(bytes))) = packs.last_mut() {
            bytes.push(key.len() as u8); // at most MAX_KEY_BYTES, which is below 256
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(&(head.len() as u16).to_be_bytes()); // at most ROW_BYTES
            bytes.extend_from_slice(head);
        }
    }
    match (anchor, packs.is_empty()) {
        (Some(anchor), true) => vec![(rows::pack_key(anchor), None)],
        _ => packs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn keys(pack: &[u8]) -> Vec<Vec<u8>> {
        entries(pack).map(|entry| entry.unwrap().0.to_vec()).collect()
    }

    fn only(merged: &Merged) -> Vec<u8> {
        assert_eq!(merged.packs.len(), 1);
        merged.packs[0].1.clone().unwrap()
    }

    #[test]
    fn rows_are_put_replaced_and_removed_in_order() {
        let changes: [Change<'_>; 3] = [(b"b", Some(b"1")), (b"d", Some(b"2")), (b"f", Some(b"3"))];
        let first = merge(None, &[], &changes).unwrap();
        assert_eq!(first.packs[0].0, rows::pack_key(b"b"));
        let changes: [Change<'_>; 3] = [(b"c", Some(b"4")), (b"d", None), (b"f", Some(b"5"))];
        let second = merge(Some(b"b"), &only(&first), &changes).unwrap();
        assert_eq!(keys(&only(&second)), [b"b", b"c", b"f"]);
        assert_eq!(find(&only(&second), b"f").unwrap(), Some(&[0, b'5'][..]));
        assert_eq!(find(&only(&second), b"d").unwrap(), None);
        let gone: [Change<'_>; 3] = [(b"b", None), (b"c", None), (b"f", None)];
        assert_eq!(merge(Some(b"a"), &only(&second), &gone).unwrap().packs, [(rows::pack_key(b"a"), None)]);
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let first = merge(None, &[], &[(b"b", Some(b"1"))]).unwrap();
        let changes: [Change<'_>; 2] = [(b"a", None), (b"b", Some(b"1"))];
        assert!(merge(Some(b"a"), &only(&first), &changes).unwrap().packs.is_empty());
    }

    #[test]
    fn packs_stay_small_and_split_at_keys_whatever_comes() {
        let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut packs: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for turn in 0..2_000u32 {
            let key = turn.wrapping_mul(2_654_435_761).to_be_bytes().to_vec();
            let value = vec![turn as u8; (turn as usize * 37) % 1_500];
            let at = packs.range(..=rows::pack_key(&key)).next_back().map(|(k, v)| (k.clone(), v.clone()));
            let anchor = at.as_ref().map(|(anchor, _)| rows::key_of_head(anchor));
            let old = at.map(|(_, bytes)| bytes).unwrap_or_default();
            let merged = merge(anchor.as_deref(), &old, &[(&key, Some(&value))]).unwrap();
            for (key, bytes) in merged.packs {
                assert!(bytes.as_ref().is_none_or(|bytes| bytes.len() <= PACK_BYTES));
                packs.insert(key, bytes.unwrap());
            }
            model.insert(key, value);
        }
        let found: Vec<Vec<u8>> = packs.values().flat_map(|pack| keys(pack)).collect();
        assert_eq!(found, model.into_keys().collect::<Vec<_>>());
        assert!(packs.iter().all(|(anchor, pack)| rows::key_of_head(anchor) <= keys(pack)[0]));
        let bytes: usize = packs.values().map(Vec::len).sum();
        assert!(bytes / packs.len() > PACK_BYTES / 3, "packs are {} bytes on average", bytes / packs.len());
    }

    #[test]
    fn packs_that_rows_move_between_are_told_from_those_that_only_follow() {
        let value = [7; 900];
        let row = |key: &'static [u8]| (key, Some(&value[..]));
        let old = merge(None, &[], &[row(b"b"), row(b"d"), row(b"f")]).unwrap();
        assert!(!old.moves && old.packs.len() == 1);
        let behind = merge(Some(b"b"), &only(&old), &[row(b"g"), row(b"h")]).unwrap();
        assert!(!behind.moves && behind.packs.len() == 2);
        assert!(behind.packs[0].1.as_ref().unwrap().starts_with(&only(&old)));
        let between = merge(Some(b"b"), &only(&old), &[row(b"c"), row(b"e")]).unwrap();
        assert!(between.moves && between.packs.len() > 1);
    }

    #[test]
    fn rows_that_come_in_order_fill_their_packs() {
        let rows: Vec<[u8; 4]> = (0..1_000u32).map(u32::to_be_bytes).collect();
        let changes: Vec<Change<'_>> = rows.iter().map(|key| (&key[..], Some(&[7; 93][..]))).collect();
        let packs = merge(None, &[], &changes).unwrap().packs;
        assert_eq!(packs.len(), 1_000usize.div_ceil(PACK_BYTES / 101));
    }

    #[test]
    fn bytes_that_are_no_pack_are_told() {
        assert_eq!(find(&[5, 1, 2], b"a"), Err(NoPack));
        assert!(merge(None, &[1, 7, 0], &[]).is_err());
    }
}
