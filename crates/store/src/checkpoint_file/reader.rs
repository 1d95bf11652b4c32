//! Reads a checkpoint file: first all of it to verify it, then again operation by operation. It refuses to hand out
//! anything of a file that did not verify.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{
    END_MAGIC, FORMAT_VERSION, FRAME_BYTES_MAX, HASH_BYTES, LEAD_BYTES, MAGIC, MAX_META_BYTES, TRAILER_MARK,
    damaged, is_temporary, ops,
};
use crate::{Error, Op, Store, error};

/// A verified file, read operation by operation.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    meta: Vec<u8>,
    ops: u64,
    ready: VecDeque<Op>,
    finished: bool,
}

/// Opens and verifies the file; `None` where there is none, or only an incomplete one under its temporary name.
///
/// # Errors
/// [`Error::Damaged`] where any byte of it is not what was written, or bytes are missing or too many;
/// [`Error::OtherVersion`]; [`Error::Io`].
pub fn open(path: &Path) -> Result<Option<Reader>, Error> {
    if is_temporary(path) {
        return Ok(None);
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    let mut source =
        Source { path: path.to_path_buf(), file: BufReader::with_capacity(256 << 10, file), hasher: None };
    source.hasher = Some(blake3::Hasher::new());
    let meta = source.header()?;
    let body = (LEAD_BYTES + 4 + meta.len()) as u64;
    let ops = source.verify_body()?;
    source.hasher = None;
    source.file.seek(SeekFrom::Start(body)).map_err(Error::io("seek in", path))?;
    Ok(Some(Reader { source, meta, ops, ready: VecDeque::new(), finished: false }))
}

impl Reader {
    /// The caller's bytes from the header.
    pub fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// How many operations the file holds.
    pub fn ops(&self) -> u64 {
        self.ops
    }

    /// Puts every operation that is still to come into the store, unsynced, and returns how many those were.
    ///
    /// # Errors
    /// What reading answers, or [`Store::put_unsynced`].
    pub fn put_into(&mut self, store: &dyn Store) -> Result<u64, Error> {
        let mut failure = None;
        let mut count = 0;
        let mut ops = self.by_ref().map_while(|op| match op {
            Ok(op) => {
                count += 1;
                Some(op)
            }
            Err(error) => {
                failure = Some(error);
                None
            }
        });
        store.put_unsynced(&mut ops)?;
        match failure {
            Some(error) => Err(error),
            None => Ok(count),
        }
    }

    fn refill(&mut self) -> Result<(), Error> {
        let Some(payload) = self.source.frame()? else {
            self.finished = true;
            return Ok(());
        };
        let mut rest = payload.as_slice();
        while !rest.is_empty() {
            let Some((op, after)) = ops::take(rest) else {
                return Err(damaged(&self.source.path, "an operation in it does not parse"));
            };
            self.ready.push_back(ops::owned(op));
            rest = after;
        }
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Op, Error>;

    /// The next operation. An error is the last item: the file changed after it was verified.
    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.finished {
            if let Err(error) = self.refill() {
                self.finished = true;
                self.ready.clear();
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// The file and, while it is verified, the hash of what was read.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    file: BufReader<File>,
    hasher: Option<blake3::Hasher>,
}

impl Source {
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        match self.file.read_exact(bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(damaged(&self.path, "it ends before its trailer"));
            }
            Err(error) => return Err(Error::io("read", &self.path)(error)),
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    fn header(&mut self) -> Result<Vec<u8>, Error> {
        let lead: [u8; LEAD_BYTES] = self.array()?;
        if &lead[..8] != MAGIC || crc32c::crc32c(&lead[..12]).to_be_bytes() != lead[12..] {
            return Err(damaged(&self.path, "it does not begin like a checkpoint file"));
        }
        let version = u32::from_be_bytes([lead[8], lead[9], lead[10], lead[11]]);
        if version != FORMAT_VERSION {
            return Err(error::other_version(&self.path, version, FORMAT_VERSION));
        }
        let meta_len = u32::from_be_bytes(self.array()?) as usize;
        if meta_len > MAX_META_BYTES {
            return Err(damaged(&self.path, "its header is too long"));
        }
        let mut meta = vec![0; meta_len];
        self.read(&mut meta)?;
        Ok(meta)
    }

    /// The next frame's payload, or `None` at the trailer.
    fn frame(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let len: [u8; 4] = self.array()?;
        if len == TRAILER_MARK {
            return Ok(None);
        }
        let len = u32::from_be_bytes(len) as usize;
        if len > FRAME_BYTES_MAX {
            return Err(damaged(&self.path, "a frame in it is too long"));
        }
        let crc = u32::from_be_bytes(self.array()?);
        let mut payload = vec![0; len];
        self.read(&mut payload)?;
        if crc32c::crc32c(&payload) != crc {
            return Err(damaged(&self.path, "a frame's checksum is wrong"));
        }
        Ok(Some(payload))
    }

    /// Reads from behind the header to the very end, and returns the number of operations.
    fn verify_body(&mut self) -> Result<u64, Error> {
        let mut count = 0_u64;
        while let Some(payload) = self.frame()? {
            let mut rest = payload.as_slice();
            while !rest.is_empty() {
                let Some((_, after)) = ops::take(rest) else {
                    return Err(damaged(&self.path, "an operation in it does not parse"));
                };
                rest = after;
                count += 1;
            }
        }
        if &self.array::<8>()? != END_MAGIC {
            return Err(damaged(&self.path, "its trailer does not parse"));
        }
        let ops = u64::from_be_bytes(self.array()?);
        if ops != count {
            return Err(damaged(&self.path, format!("it holds {count} operations, its trailer says {ops}")));
        }
        let hash = self.hasher.take().map(|hasher| hasher.finalize());
        let stored: [u8; HASH_BYTES] = self.array()?;
        if hash.is_none_or(|hash| hash != stored) {
            return Err(damaged(&self.path, "its checksum is wrong"));
        }
        let mut beyond = [0; 1];
        match self.file.read(&mut beyond) {
            Ok(0) => Ok(count),
            Ok(_) => Err(damaged(&self.path, "bytes follow its trailer")),
            Err(error) => Err(Error::io("read", &self.path)(error)),
        }
    }
}
