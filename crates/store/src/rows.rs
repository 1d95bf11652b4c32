//! How one logical row lies in physical rows of one ordered key space. It refuses to know which engine keeps them.
//!
//! ```text
//! 'p' anchor                 pack: keys and heads of neighbouring rows, see `packs`
//!                            head: 0x00 value                          (value up to 3,583 bytes)
//!                            head: 0x01 chunks:u16 bytes:u32 crc32c:u32 (larger)
//! 'c' key_len:u8 key i:u16   chunk i, at most 3,584 bytes
//! 'm' name                   the store's own rows
//! ```
//! All integers are big-endian. Packs and chunks have prefixes of their own, so an ordered scan of packs never walks
//! over chunks; the length before a chunk's key keeps the chunks of one row together and no other row's among them.
//! One key space, because batches on two of sled's trees are not atomic together.

use crate::packs::Merged;
use crate::{Error, MAX_KEY_BYTES, MAX_VALUE_BYTES};

/// The largest physical value, in bytes. sled moves large pages to files it never syncs; small rows keep pages small.
pub(crate) const ROW_BYTES: usize = 3584;

const INLINE: u8 = 0;
const CHUNKED: u8 = 1;
const CHUNKED_HEAD_BYTES: usize = 11;

/// One physical change: `None` removes the row.
pub(crate) type Physical = (Vec<u8>, Option<Vec<u8>>);

/// A decoded head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head<'a> {
    Inline(&'a [u8]),
    Chunked { chunks: u16, bytes: u32, crc: u32 },
}

/// Below every pack.
pub(crate) const PACKS: &[u8] = b"p";

pub(crate) fn pack_key(key: &[u8]) -> Vec<u8> {
    stuffed(&[PACKS, key])
}

pub(crate) fn meta_key(name: &str) -> Vec<u8> {
    stuffed(&[b"m", name.as_bytes()])
}

pub(crate) fn chunk_key(key: &[u8], index: u16) -> Vec<u8> {
    let len = key.len() as u8; // at most MAX_KEY_BYTES, which is below 256
    stuffed(&[b"c", &[len], key, &index.to_be_bytes()])
}

/// Joins the parts and puts a zero byte behind every third 0xff in a row. The order stays, since what is put in depends
/// only on what stands before it.
///
/// sled 0.34 looks for the page before the one that begins with `k` at `k` less one with four 0xff behind it. Where keys
/// with longer runs of 0xff lie between (a table of inverted numbers before another table), it finds too low a page,
/// turns in a circle a million times and panics. No physical key has four in a row.
fn stuffed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    let mut run = 0;
    for &byte in parts.iter().copied().flatten() {
        out.push(byte);
        run = if byte == 0xff { run + 1 } else { 0 };
        if run == 3 {
            out.push(0);
            run = 0;
        }
    }
    out
}

/// The key a pack's physical key was made of.
pub(crate) fn key_of_head(physical: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(physical.len());
    let mut run = 0;
    for &byte in physical.get(1..).unwrap_or_default() {
        if run == 3 {
            run = 0; // the zero put in
            continue;
        }
        out.push(byte);
        run = if byte == 0xff { run + 1 } else { 0 };
    }
    out
}

/// Refuses keys and values above the limits, before anything is written.
pub(crate) fn check(key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
    if key.len() > MAX_KEY_BYTES {
        return Err(Error::KeyTooLong { len: key.len(), max: MAX_KEY_BYTES });
    }
    match value {
        Some(value) if value.len() > MAX_VALUE_BYTES => {
            Err(Error::ValueTooLarge { len: value.len(), max: MAX_VALUE_BYTES })
        }
        _ => Ok(()),
    }
}

/// How many chunks a value takes besides its head.
pub(crate) fn chunks_of(value: &[u8]) -> u16 {
    if value.len() < ROW_BYTES { 0 } else { value.len().div_ceil(ROW_BYTES) as u16 }
}

/// The head of a changed row, and its chunks into `merged`; `old_chunks` were stored.
///
/// They may be cut into several batches, and a crash between two of those leaves a row that does not fit together and is
/// put again. So that no chunk is ever left without a head that counts it, a head stands before chunks that are added
/// and behind chunks that are removed.
pub(crate) fn change(
    key: &[u8],
    value: Option<&[u8]>,
    old_chunks: u16,
    merged: &mut Merged,
) -> Option<Vec<u8>> {
    let new_chunks = value.map_or(0, chunks_of);
    merged.before.extend((new_chunks..old_chunks).map(|index| (chunk_key(key, index), None)));
    let chunks = value.filter(|_| new_chunks > 0).unwrap_or_default().chunks(ROW_BYTES).enumerate();
    let chunks = chunks.map(|(index, chunk)| (chunk_key(key, index as u16), Some(chunk.to_vec())));
    if new_chunks > old_chunks {
        merged.after.extend(chunks)
    } else {
        merged.before.extend(chunks)
    }
    value.map(|value| head_of(value, new_chunks))
}

fn head_of(value: &[u8], chunks: u16) -> Vec<u8> {
    if chunks == 0 {
        return [&[INLINE], value].concat();
    }
    let mut head = Vec::with_capacity(CHUNKED_HEAD_BYTES);
    head.push(CHUNKED);
    head.extend_from_slice(&chunks.to_be_bytes());
    head.extend_from_slice(&(value.len() as u32).to_be_bytes());
    head.extend_from_slice(&crc32c::crc32c(value).to_be_bytes());
    head
}

/// Reads a head; `None` means these bytes are not one.
pub(crate) fn parse_head(bytes: &[u8]) -> Option<Head<'_>> {
    match bytes.split_first()? {
        (&INLINE, value) => Some(Head::Inline(value)),
        (&CHUNKED, rest) if rest.len() == CHUNKED_HEAD_BYTES - 1 => Some(Head::Chunked {
            chunks: u16::from_be_bytes(rest[0..2].try_into().ok()?),
            bytes: u32::from_be_bytes(rest[2..6].try_into().ok()?),
            crc: u32::from_be_bytes(rest[6..10].try_into().ok()?),
        }),
        _ => None,
    }
}

/// The chunk count of a stored head; damage counts as none, since the row is about to be overwritten.
pub(crate) fn chunks_in_head(bytes: &[u8]) -> u16 {
    match parse_head(bytes) {
        Some(Head::Chunked { chunks, .. }) => chunks,
        Some(Head::Inline(_)) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_inline_value_has_no_chunk_and_one_byte_more_has() {
        let mut merged = Merged::default();
        let head = change(b"k", Some(&[7; ROW_BYTES - 1]), 0, &mut merged);
        assert_eq!(head.map(|head| head.len()), Some(ROW_BYTES));
        assert!(merged.before.is_empty() && merged.after.is_empty());
        change(b"k", Some(&[7; ROW_BYTES]), 0, &mut merged);
        assert_eq!(merged.after.len(), 1);
        assert!(merged.after.iter().all(|(_, value)| value.as_ref().is_some_and(|v| v.len() <= ROW_BYTES)));
    }

    #[test]
    fn shrinking_removes_exactly_the_surplus_chunks() {
        let mut merged = Merged::default();
        change(b"k", Some(&[7; ROW_BYTES * 2]), 5, &mut merged);
        let removed: Vec<_> =
            merged.before.iter().filter(|(_, v)| v.is_none()).map(|(k, _)| k.clone()).collect();
        assert_eq!(removed, vec![chunk_key(b"k", 2), chunk_key(b"k", 3), chunk_key(b"k", 4)]);
    }

    #[test]
    fn every_prefix_of_a_change_leaves_no_chunk_that_its_head_does_not_count() {
        for (old, new) in [(0, 3), (3, 0), (2, 5), (5, 2), (3, 3), (0, 0)] {
            for value in [Some(vec![7; ROW_BYTES * new]), None] {
                let chunks = value.as_deref().map_or(0, chunks_of);
                let mut merged = Merged::default();
                let head = change(b"k", value.as_deref(), old, &mut merged);
                let mut present: Vec<bool> = (0..10).map(|index| index < old).collect();
                let mut counted = old;
                let steps = merged.before.into_iter().map(Some).chain([None]);
                for step in steps.chain(merged.after.into_iter().map(Some)) {
                    match step {
                        None => counted = head.as_deref().map_or(0, chunks_in_head),
                        Some((key, value)) => {
                            let index = (0..10).find(|index| key == chunk_key(b"k", *index)).unwrap();
                            present[usize::from(index)] = value.is_some();
                        }
                    }
                    let last = present.iter().rposition(|there| *there).map_or(0, |at| at as u16 + 1);
                    assert!(last <= counted, "{old} to {chunks}: chunk {last} of {counted}");
                }
                assert_eq!(
                    (counted, present.iter().filter(|there| **there).count()),
                    (chunks, chunks as usize)
                );
            }
        }
    }

    #[test]
    fn chunks_of_two_rows_never_share_a_physical_key() {
        assert_ne!(chunk_key(b"a", 0), chunk_key(b"a\0\0", 0));
        assert_ne!(chunk_key(b"a\0", 1), chunk_key(b"a", 1));
        assert!(chunk_key(&[0xfe; MAX_KEY_BYTES], 292).len() <= 256);
    }

    #[test]
    fn stuffing_keeps_the_order_and_can_be_undone() {
        let bytes = [0, 1, 0xfe, 0xff];
        let mut keys: Vec<Vec<u8>> = vec![vec![]];
        for len in 1..=6 {
            for number in 0..4_usize.pow(len) {
                keys.push((0..len).map(|digit| bytes[number / 4_usize.pow(digit) % 4]).collect());
            }
        }
        keys.sort();
        for pair in keys.windows(2) {
            assert!(pack_key(&pair[0]) < pack_key(&pair[1]), "{pair:?}");
        }
        for key in keys {
            assert_eq!(key_of_head(&pack_key(&key)), key);
            assert!(!pack_key(&key).windows(4).any(|run| run == [0xff; 4]));
        }
    }

    #[test]
    fn foreign_bytes_are_no_head() {
        assert_eq!(parse_head(&[]), None);
        assert_eq!(parse_head(&[2, 1, 2]), None);
        assert_eq!(parse_head(&[1, 0, 3]), None);
    }
}
