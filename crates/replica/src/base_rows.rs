//! A base as rows to be read where it lies, a few chunks of it in memory at a time: so a state is rebuilt from a base without
//! being held by anybody. It believes no chunk but those that gave the base its hash. It knows no engine and no machine.

use crate::base_chunk::rows_of;
use crate::host::OpenError;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use waybill_journal::cluster::{Base, base_hash};
use waybill_journal::{Error, Hash};
use waybill_machine::{Cold, ScanOrder};

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// The rows of one base, in key order. `read` answers with a chunk by its number, and blocks.
pub(crate) struct BaseRows<R> {
    read: R,
    base: Base,
    chunks: Vec<Chunk>,
    near: Mutex<VecDeque<(usize, Arc<Rows>)>>,
}

/// A chunk as it was when the whole base was looked at.
struct Chunk {
    first: Vec<u8>,
    hash: Hash,
}

/// Chunks that are held: rows are read mostly in order, from a few tables at once.
const NEAR: usize = 4;

fn hash_of(bytes: &[u8]) -> Hash {
    base_hash(&[0; 16], 0, bytes)
}

impl<R: Fn(u32) -> Result<Bytes, OpenError>> BaseRows<R> {
    /// Reads the whole base once, to believe it and to know which rows are where. Blocks.
    ///
    /// # Errors
    /// A base that is gone, damaged or not in order; what `read` says.
    pub(crate) fn open(base: Base, read: R) -> Result<Self, OpenError> {
        let (mut so_far, mut chunks): (Hash, Vec<Chunk>) = ([0; 16], Vec::new());
        let mut last: Option<Vec<u8>> = None;
        for number in 0..base.chunks {
            let bytes = read(number)?;
            so_far = base_hash(&so_far, number, &bytes);
            let rows = rows_of(&bytes)?;
            let ascends = rows.is_sorted_by(|(one, _), (next, _)| one < next);
            let Some((first, _)) =
                rows.first().filter(|(first, _)| last.as_ref().is_none_or(|last| last < first))
            else {
                return Err(damaged(&base, "a chunk of it is empty or begins before the end of another"));
            };
            if !ascends {
                return Err(damaged(&base, "its rows are not in order"));
            }
            chunks.push(Chunk { first: first.clone(), hash: hash_of(&bytes) });
            last = rows.into_iter().next_back().map(|(key, _)| key);
        }
        if so_far != base.hash {
            return Err(damaged(&base, "its chunks do not give its hash"));
        }
        Ok(Self { read, base, chunks, near: Mutex::default() })
    }

    /// The rows of one chunk.
    ///
    /// # Panics
    /// When it is not given back as it was: whoever rebuilds a state catches that.
    fn rows(&self, number: usize) -> Arc<Rows> {
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = near.iter().find(|(held, _)| *held == number) {
            return Arc::clone(rows);
        }
        let rows = Arc::new(self.fetch(number).unwrap_or_else(|error| panic!("the base: {error}")));
        near.push_front((number, Arc::clone(&rows)));
        near.truncate(NEAR);
        rows
    }

    fn fetch(&self, number: usize) -> Result<Rows, OpenError> {
        let bytes = (self.read)(u32::try_from(number).unwrap_or(u32::MAX))?;
        if hash_of(&bytes) != self.chunks[number].hash {
            return Err(damaged(&self.base, "a chunk of it is another one than before"));
        }
        rows_of(&bytes)
    }

    /// How many chunks begin at or before a key.
    fn through(&self, key: &[u8]) -> usize {
        self.chunks.partition_point(|chunk| *chunk.first <= *key)
    }
}

fn damaged(base: &Base, what: &str) -> OpenError {
    Error::Base { log: base.log, seq: base.at.seq, what: what.to_owned() }.into()
}

impl<R: Fn(u32) -> Result<Bytes, OpenError> + Send + Sync + 'static> Cold for BaseRows<R> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let rows = self.rows(self.through(key).checked_sub(1)?);
        let at = rows.binary_search_by(|(own, _)| own.as_slice().cmp(key)).ok()?;
        Some(rows[at].1.clone())
    }

    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Rows {
        if lower >= upper {
            return Vec::new();
        }
        let (first, beyond) = (self.through(lower).saturating_sub(1), self.through(upper));
        let numbers: Box<dyn Iterator<Item = usize>> = match order {
            ScanOrder::Ascending => Box::new(first..beyond),
            ScanOrder::Descending => Box::new((first..beyond).rev()),
        };
        let mut found = Vec::new();
        for number in numbers {
            // A chunk that is not needed is not asked for.
            let left = limit - found.len();
            if left == 0 {
                break;
            }
            let rows = self.rows(number);
            let begin = rows.partition_point(|(key, _)| **key < *lower);
            let end = rows.partition_point(|(key, _)| **key < *upper).max(begin);
            match order {
                ScanOrder::Ascending => found.extend(rows[begin..end].iter().take(left).cloned()),
                ScanOrder::Descending => found.extend(rows[begin..end].iter().rev().take(left).cloned()),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base_chunk::chunk_of;
    use std::collections::BTreeMap;
    use std::ops::Bound;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use waybill_journal::{Head, LogId};

    fn key(number: u64) -> Vec<u8> {
        // Of different lengths, so that one may begin with another.
        [&[1][..], &number.to_be_bytes()[6..], &vec![0; (number % 3) as usize]].concat()
    }

    /// Chunks of one row, of two, of three and so on.
    fn chunks(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<Bytes> {
        let (mut rows, mut chunks) = (rows.clone().into_iter().peekable(), Vec::new());
        while rows.peek().is_some() {
            let chunk: Rows = rows.by_ref().take(chunks.len() + 1).collect();
            chunks.push(Bytes::from(chunk_of(chunk)));
        }
        chunks
    }

    fn base(chunks: &[Bytes]) -> Base {
        let hash =
            (0..).zip(chunks).fold([0; 16], |so_far, (number, bytes)| base_hash(&so_far, number, bytes));
        let bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Base { log: LogId(1), at: Head::EMPTY, chunks: chunks.len() as u32, bytes, hash }
    }

    fn open(chunks: Vec<Bytes>) -> BaseRows<impl Fn(u32) -> Result<Bytes, OpenError>> {
        BaseRows::open(base(&chunks), move |number| Ok(chunks[number as usize].clone())).unwrap()
    }

    #[test]
    fn every_row_and_every_stretch_of_rows_is_found_whatever_chunks_they_lie_in() {
        let rows: BTreeMap<_, _> = (10..200).map(|number| (key(2 * number), vec![7; 3])).collect();
        let read = open(chunks(&rows));
        for number in 0..500 {
            assert_eq!(read.get(&key(number)), rows.get(&key(number)).cloned(), "{number}");
        }
        for (lower, upper) in
            [(0, 500), (0, 20), (19, 21), (33, 34), (50, 51), (100, 300), (399, 420), (9, 3)]
        {
            let (lower, upper) = (key(lower), key(upper));
            let inside = |_: ()| match lower < upper {
                true => rows
                    .range::<[u8], _>((Bound::Included(&lower[..]), Bound::Excluded(&upper[..])))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect::<Vec<_>>(),
                false => Vec::new(),
            };
            for limit in [0, 1, 5, 1_000] {
                let up: Vec<_> = inside(()).into_iter().take(limit).collect();
                assert_eq!(read.scan(&lower, &upper, ScanOrder::Ascending, limit), up);
                let down: Vec<_> = inside(()).into_iter().rev().take(limit).collect();
                assert_eq!(read.scan(&lower, &upper, ScanOrder::Descending, limit), down);
            }
        }
    }

    #[test]
    fn few_chunks_are_held_and_none_is_asked_for_without_need() {
        let rows: BTreeMap<_, _> = (0..190).map(|number| (key(number), vec![7; 3])).collect();
        let (chunks, asked) = (chunks(&rows), Arc::new(AtomicUsize::new(0)));
        let (all, counted) = (chunks.clone(), Arc::clone(&asked));
        let read = BaseRows::open(base(&chunks), move |number| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(all[number as usize].clone())
        });
        let read = read.unwrap();
        assert_eq!(asked.swap(0, Ordering::SeqCst), chunks.len());
        assert_eq!(read.scan(&key(0), &key(500), ScanOrder::Ascending, 3).len(), 3);
        assert_eq!(asked.swap(0, Ordering::SeqCst), 2, "one row and two");
        assert_eq!(read.scan(&key(0), &key(500), ScanOrder::Ascending, 9_999).len(), 190);
        assert_eq!(asked.load(Ordering::SeqCst), chunks.len() - 2);
        assert!(read.near.lock().unwrap().len() <= NEAR);
    }

    #[test]
    fn what_is_damaged_is_not_believed_at_once_or_later() {
        let rows: BTreeMap<_, _> = (0..20).map(|number| (key(number), vec![7; 3])).collect();
        let chunks = chunks(&rows);
        let refused = |base: Base, chunks: Vec<Bytes>| {
            let opened = BaseRows::open(base, move |number| Ok(chunks[number as usize].clone()));
            opened.err().expect("it is refused").to_string()
        };
        let mut other = base(&chunks);
        other.hash[0] ^= 1;
        assert!(refused(other, chunks.clone()).contains("hash"));
        let turned: Vec<Bytes> = chunks.iter().rev().cloned().collect();
        assert!(refused(base(&turned), turned).contains("begins before"));
        let unsorted = vec![Bytes::from(chunk_of(rows.clone().into_iter().rev().collect()))];
        assert!(refused(base(&unsorted), unsorted).contains("order"));

        let (first, times) = (chunks[0].clone(), AtomicUsize::new(0));
        let read = BaseRows::open(base(&chunks), move |number| {
            let later = times.fetch_add(1, Ordering::SeqCst) >= chunks.len();
            Ok(if later { first.clone() } else { chunks[number as usize].clone() })
        });
        let read = read.unwrap();
        assert_eq!(read.get(&key(0)), Some(vec![7; 3]), "the first is what it was");
        assert!(catch_unwind(AssertUnwindSafe(|| read.get(&key(15)))).is_err());
    }
}
