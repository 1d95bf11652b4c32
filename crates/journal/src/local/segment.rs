//! One segment file: its name, its header on disk, and a window to read it through. Knows no log's state.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::disk::{Disk, DiskFile};

use super::format::{Bases, HeaderFault, SEGMENT_HEADER_ALIGN, SegmentHeader, Stamp, VERSION};

/// Room a segment header may take; bounds the number of logs.
pub(crate) const HEADER_BYTES_MAX: u64 = 64 << 10;
/// Logs one journal may hold: their table has to fit into [`HEADER_BYTES_MAX`].
pub(crate) const LOGS_MAX: usize = 1900;

/// An open segment. Its bytes up to a known end never change while it is a segment.
pub(crate) struct SegmentFile {
    pub(crate) id: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) stamp: Stamp,
    pub(crate) frames_start: u64,
    pub(crate) segment_bytes: u64,
}

/// A preallocated file that no log uses yet.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) path: PathBuf,
}

pub(crate) fn segment_name(id: u64) -> String {
    format!("segment-{id:012}.wbj")
}

pub(crate) fn spare_name(number: u64) -> String {
    format!("spare-{number:012}.wbj")
}

/// The number in a file name such as `segment-000000000012.wbj`.
pub(crate) fn number_in(name: &str, kind: &str) -> Option<u64> {
    name.strip_prefix(kind)?.strip_prefix('-')?.strip_suffix(".wbj")?.parse().ok()
}

impl SegmentFile {
    /// Turns a spare file into segment `id`: header first, then the name, each made durable before the next.
    pub(crate) fn begin(
        disk: &dyn Disk,
        dir: &Path,
        spare: Spare,
        id: u64,
        bases: Bases,
    ) -> Result<(Self, SegmentHeader), Error> {
        let failed = |what: &str| Error::io(format!("{what} journal segment {id}"));
        let file = disk.open(&spare.path).map_err(failed("open"))?;
        let segment_bytes = file.len().map_err(failed("measure"))?;
        let header = SegmentHeader { id, salt: fresh_salt(id), segment_bytes, bases };
        file.write_at(&header.encode(), 0).map_err(failed("begin"))?;
        file.sync().map_err(failed("sync"))?;
        let path = dir.join(segment_name(id));
        disk.rename(&spare.path, &path).map_err(failed("name"))?;
        disk.sync_dir(dir).map_err(failed("name durably"))?;
        Ok((Self::of(&header, path, file), header))
    }

    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Version`], [`Error::Io`].
    pub(crate) fn open(disk: &dyn Disk, path: PathBuf, id: u64) -> Result<(Self, SegmentHeader), Error> {
        let file = disk.open(&path).map_err(Error::io(format!("open {}", path.display())))?;
        let header = read_header(&*file, &path)?;
        if header.id != id {
            let what = format!("its header says it is segment {}", header.id);
            return Err(Error::Damaged { file: path, offset: 16, what });
        }
        Ok((Self::of(&header, path, file), header))
    }

    fn of(header: &SegmentHeader, path: PathBuf, file: Arc<dyn DiskFile>) -> Self {
        Self {
            id: header.id,
            path,
            file,
            stamp: header.stamp(),
            frames_start: header.frames_start(),
            segment_bytes: header.segment_bytes,
        }
    }

    pub(crate) fn damaged(&self, offset: u64, what: impl Into<String>) -> Error {
        Error::Damaged { file: self.path.clone(), offset, what: what.into() }
    }

    pub(crate) fn window(&self, limit: u64, chunk_bytes: usize) -> Window<'_> {
        Window { segment: self, limit, chunk_bytes, start: 0, buffer: Vec::new() }
    }
}

/// Reads and checks a segment header.
pub(crate) fn read_header(file: &dyn DiskFile, path: &Path) -> Result<SegmentHeader, Error> {
    let damaged = |what: &str| Error::Damaged { file: path.to_path_buf(), offset: 0, what: what.to_owned() };
    let explain = |fault: HeaderFault| match fault {
        HeaderFault::NotASegment => damaged("not a journal segment"),
        HeaderFault::Version(found) => Error::Version { found, supported: VERSION },
        HeaderFault::Checksum => damaged("the segment header does not match its checksum"),
    };
    let mut bytes = vec![0; SEGMENT_HEADER_ALIGN];
    let mut filled = file.read_at(&mut bytes, 0).map_err(Error::io(format!("read {}", path.display())))?;
    let length = SegmentHeader::length_of(&bytes[..filled]).map_err(explain)?;
    if length > bytes.len() {
        bytes.resize(length, 0);
        filled = file.read_at(&mut bytes, 0).map_err(Error::io(format!("read {}", path.display())))?;
    }
    SegmentHeader::decode(&bytes[..filled]).map_err(explain)
}

/// A number that no earlier use of a file had, for all practical purposes: the standard library's hash maps draw
/// their keys from the operating system's randomness.
fn fresh_salt(id: u64) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(id);
    hasher.finish()
}

/// Reads a segment in large pieces.
pub(crate) struct Window<'a> {
    segment: &'a SegmentFile,
    limit: u64,
    chunk_bytes: usize,
    start: u64,
    buffer: Vec<u8>,
}

impl Window<'_> {
    /// `length` bytes from `offset`, or fewer where the limit or the file ends.
    pub(crate) fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8], Error> {
        let length = length.min(self.limit.saturating_sub(offset) as usize);
        let held = offset >= self.start && offset + length as u64 <= self.start + self.buffer.len() as u64;
        if !held {
            let wanted = length.max(self.chunk_bytes).min(self.limit.saturating_sub(offset) as usize);
            self.buffer.resize(wanted, 0);
            let path = &self.segment.path;
            let read = self.segment.file.read_at(&mut self.buffer, offset);
            let filled = read.map_err(Error::io(format!("read {} at {offset}", path.display())))?;
            self.buffer.truncate(filled);
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.buffer[from..(from + length).min(self.buffer.len())])
    }

    /// As many bytes from `offset` as one piece has.
    pub(crate) fn piece(&mut self, offset: u64) -> Result<&[u8], Error> {
        let length = self.chunk_bytes;
        self.bytes(offset, length)
    }
}
