//! How a frame stands in a stream: one message per frame, whose number in the stream is the frame's sequence. Knows no
//! connection.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | format, 1 |
//! | 1 | 0 for a claim, 1 for a frame with a body |
//! | 2..4 | log |
//! | 4..12 | sequence |
//! | 12..20 | epoch |
//! | 20..36 | writer: random per claim, so that an owner knows its own frames from those of a rival of the same epoch |
//! | 36..52 | hash of the frame before |
//! | 52..68 | hash of this frame, [`chain_hash`] |
//! | 68.. | body |
//!
//! Numbers are little endian.

use bytes::{BufMut, Bytes, BytesMut};
use waybill_journal::{Error, Frame, Hash, Head, LogId, chain_hash};

const FORMAT: u8 = 1;
pub(crate) const HEADER_BYTES: usize = 68;

/// Random per claim.
pub(crate) type Writer = [u8; 16];

/// A frame with what only engines need to know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stored {
    pub(crate) frame: Frame,
    pub(crate) previous: Hash,
    pub(crate) writer: Writer,
}

impl Stored {
    /// The frame that follows `head`.
    pub(crate) fn after(head: &Head, epoch: u64, writer: Writer, body: Bytes) -> Self {
        let seq = head.seq + 1;
        let hash = chain_hash(&head.hash, seq, epoch, &body);
        Self { frame: Frame { seq, epoch, body, hash }, previous: head.hash, writer }
    }

    pub(crate) fn encode(&self, log: LogId) -> Bytes {
        let frame = &self.frame;
        let mut bytes = BytesMut::with_capacity(HEADER_BYTES + frame.body.len());
        bytes.put_u8(FORMAT);
        bytes.put_u8(u8::from(!frame.is_claim()));
        bytes.put_u16_le(log.0);
        bytes.put_u64_le(frame.seq);
        bytes.put_u64_le(frame.epoch);
        bytes.put_slice(&self.writer);
        bytes.put_slice(&self.previous);
        bytes.put_slice(&frame.hash);
        bytes.put_slice(&frame.body);
        bytes.freeze()
    }

    /// Reads what stands at `seq` of `log`, and believes nothing of it that the hash does not say.
    ///
    /// # Errors
    /// [`Error::BadChain`] for anything that was not written there by this journal; [`Error::Version`].
    pub(crate) fn decode(log: LogId, seq: u64, bytes: &Bytes) -> Result<Self, Error> {
        let bad = || Error::BadChain { at: seq };
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or_else(bad)?;
        if header[0] > FORMAT {
            return Err(Error::Version { found: u16::from(header[0]), supported: u16::from(FORMAT) });
        }
        let number = |at: usize| u64::from_le_bytes(array(header, at));
        let (epoch, body) = (number(12), bytes.slice(HEADER_BYTES..));
        let stored = Self {
            previous: array(header, 36),
            writer: array(header, 20),
            frame: Frame { seq: number(4), epoch, hash: array(header, 52), body },
        };
        let frame = &stored.frame;
        let in_place = header[0] == FORMAT
            && header[1] == u8::from(!frame.is_claim())
            && u16::from_le_bytes(array(header, 2)) == log.0
            && frame.seq == seq;
        let whole = chain_hash(&stored.previous, seq, epoch, &frame.body) == frame.hash;
        if in_place && whole { Ok(stored) } else { Err(bad()) }
    }
}

/// `N` bytes from `at` on; the caller stays within the header.
fn array<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&header[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Stored {
        let head = Head { seq: 6, hash: [3; 16], epoch: 2 };
        Stored::after(&head, 4, [9; 16], Bytes::from_static(b"body"))
    }

    #[test]
    fn a_stored_frame_is_read_back() {
        let bytes = stored().encode(LogId(5));
        assert_eq!(Stored::decode(LogId(5), 7, &bytes).expect("whole"), stored());
    }

    #[test]
    fn the_stored_form_stays() {
        let bytes = stored().encode(LogId(0x0102));
        let mut golden = vec![1, 1, 2, 1, 7, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];
        golden.extend([9; 16]);
        golden.extend([3; 16]);
        golden.extend(chain_hash(&[3; 16], 7, 4, b"body"));
        golden.extend(b"body");
        assert_eq!(bytes, golden);
    }

    #[test]
    fn every_flipped_bit_but_the_writers_is_found() {
        let whole = stored().encode(LogId(5));
        for at in (0..whole.len()).filter(|at| !(20..36).contains(at)) {
            for bit in 0..8 {
                let mut bytes = whole.to_vec();
                bytes[at] ^= 1 << bit;
                let read = Stored::decode(LogId(5), 7, &Bytes::from(bytes));
                assert!(
                    matches!(read, Err(Error::BadChain { at: 7 } | Error::Version { .. })),
                    "byte {at}, bit {bit}: {read:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_cut_or_stands_elsewhere_is_refused() {
        let whole = stored().encode(LogId(5));
        for length in 0..whole.len() {
            assert!(Stored::decode(LogId(5), 7, &whole.slice(..length)).is_err(), "{length} bytes");
        }
        assert!(Stored::decode(LogId(6), 7, &whole).is_err());
        assert!(Stored::decode(LogId(5), 8, &whole).is_err());
    }

    #[test]
    fn a_newer_format_is_not_called_damage() {
        let mut bytes = stored().encode(LogId(5)).to_vec();
        bytes[0] = 2;
        let read = Stored::decode(LogId(5), 7, &Bytes::from(bytes));
        assert!(matches!(read, Err(Error::Version { found: 2, supported: 1 })), "{read:?}");
    }
}
