//! The pieces that a base is kept in: rows, as many as an engine takes at once. It knows keys and values, and neither whose rows
//! they are nor where the pieces lie.

use crate::OpenError;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use waybill_journal::cluster::BASE_CHUNK_BYTES_MAX;
use waybill_machine::record::{decode, encode};

/// Rows of one chunk, their keys without the partition's number.
#[derive(Encode, Decode)]
struct Chunk {
    #[n(0)]
    rows: Vec<Row>,
}

#[derive(Encode, Decode)]
struct Row {
    #[n(0)]
    key: ByteVec,
    #[n(1)]
    value: ByteVec,
}

/// Rows that become a chunk once they are as many as engines take: each chunk is a round trip and a sync of its own.
#[derive(Default)]
pub(crate) struct Filling {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    size: usize,
}

impl Filling {
    /// Keys, lengths and the chunk's own head are far less than what is left free.
    const FULL: usize = BASE_CHUNK_BYTES_MAX - (64 << 10);

    /// One row more; answers with the chunk that has no room for it.
    pub(crate) fn add(&mut self, row: (Vec<u8>, Vec<u8>)) -> Option<Vec<u8>> {
        let length = row.0.len() + row.1.len() + 16;
        let full = if self.size + length > Self::FULL { self.take() } else { None };
        self.size += length;
        self.rows.push(row);
        full
    }

    /// What there is, where there is something.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        self.size = 0;
        let rows = std::mem::take(&mut self.rows);
        (!rows.is_empty()).then(|| chunk_of(rows))
    }
}

/// The chunk of these rows.
pub(crate) fn chunk_of(rows: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    let row = |(key, value)| Row { key: ByteVec::from(key), value: ByteVec::from(value) };
    encode(&Chunk { rows: rows.into_iter().map(row).collect() })
}

/// The rows of a chunk, in key order.
///
/// # Errors
/// Bytes that are no chunk.
pub(crate) fn rows_of(chunk: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, OpenError> {
    let chunk: Chunk = decode(chunk)?;
    Ok(chunk.rows.into_iter().map(|row| (row.key.into(), row.value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_full_and_not_too_large_and_hold_every_row_in_order() {
        let rows: Vec<_> =
            (0..5_000u32).map(|n| (n.to_be_bytes().to_vec(), vec![7; (n % 1_300) as usize])).collect();
        let (mut filling, mut chunks) = (Filling::default(), Vec::new());
        for row in rows.clone() {
            chunks.extend(filling.add(row));
        }
        assert!(chunks.iter().all(|chunk| chunk.len() > BASE_CHUNK_BYTES_MAX / 4 * 3), "they are full");
        chunks.extend(filling.take());
        assert_eq!(filling.take(), None);
        assert!(chunks.len() > 3 && chunks.iter().all(|chunk| chunk.len() <= BASE_CHUNK_BYTES_MAX));
        let found: Vec<_> = chunks.iter().flat_map(|chunk| rows_of(chunk).unwrap()).collect();
        assert!(found == rows);
        assert!(rows_of(&chunks[0][1..]).is_err());
    }

    /// Bases of versions before are read by this one, and the other way round.
    #[test]
    fn the_stored_form_stays() {
        let chunk = chunk_of(vec![(vec![1, 2], vec![3])]);
        assert_eq!(chunk, [0x81, 0x81, 0x82, 0x42, 1, 2, 0x41, 3]);
    }

    #[test]
    fn a_row_of_the_largest_size_is_a_chunk() {
        let mut filling = Filling::default();
        assert_eq!(filling.add((vec![1], vec![7; Filling::FULL + 1_000])), None);
        assert!(filling.add((vec![2], vec![7])).is_some_and(|chunk| chunk.len() <= BASE_CHUNK_BYTES_MAX));
    }
}
