//! Archived segments: the used part of a segment, its index, and a trailer that finds it. Only one index is held
//! in memory at a time, so the archive may grow without the process growing.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::disk::{Disk, DiskFile};

use super::format::{SegmentHeader, u32_at, u64_at};
use super::index::SegmentIndex;
use super::segment::{SegmentFile, read_header, segment_name};

const TRAILER_MAGIC: &[u8; 8] = b"WAYBILLA";
const TRAILER_BYTES: u64 = 32;
const COPY_BYTES: usize = 1 << 20;

/// An archived segment, opened for reading.
pub(crate) struct ArchivedSegment {
    pub(crate) segment: SegmentFile,
    pub(crate) index: SegmentIndex,
    /// Offset after the last frame.
    pub(crate) end: u64,
}

/// Copies the frames of `segment`, which end at `end`, into the archive, durably. Answers the copy's bytes.
///
/// # Errors
/// [`Error::Io`]; nothing of a failed copy is left under the final name.
pub(crate) fn store(
    disk: &dyn Disk,
    archive: &Path,
    segment: &SegmentFile,
    index: &SegmentIndex,
    end: u64,
) -> Result<u64, Error> {
    let name = segment_name(segment.id);
    let unfinished = archive.join(format!("{name}.tmp"));
    let failed = |what: &str| Error::io(format!("{what} the archive's copy of {name}"));
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed("replace")(error)),
        _ => {}
    }
    let footer = index.encode();
    let bytes = end + footer.len() as u64 + TRAILER_BYTES;
    let copied = copy(disk, &unfinished, segment, end, &footer, bytes);
    if copied.is_err() {
        let _ = disk.remove(&unfinished);
    }
    copied.map_err(failed("write"))?;
    disk.rename(&unfinished, &archive.join(&name)).map_err(failed("name"))?;
    disk.sync_dir(archive).map_err(failed("name durably"))?;
    Ok(bytes)
}

fn copy(
    disk: &dyn Disk,
    path: &Path,
    segment: &SegmentFile,
    end: u64,
    footer: &[u8],
    bytes: u64,
) -> std::io::Result<()> {
    let file = disk.create(path, bytes)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    while at < end {
        let length = (end - at).min(COPY_BYTES as u64) as usize;
        if segment.file.read_at(&mut buffer[..length], at)? != length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(&buffer[..length], at)?;
        at += length as u64;
    }
    file.write_at(footer, end)?;
    file.write_at(&trailer(end, footer), end + footer.len() as u64)?;
    file.sync()
}

fn trailer(end: u64, footer: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(TRAILER_BYTES as usize);
    out.extend_from_slice(&end.to_le_bytes());
    out.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(footer).to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(TRAILER_MAGIC);
    out
}

/// Reads only the header of an archived segment.
pub(crate) fn header_of(disk: &dyn Disk, archive: &Path, id: u64) -> Result<SegmentHeader, Error> {
    let path = archive.join(segment_name(id));
    let file = disk.open(&path).map_err(Error::io(format!("open {}", path.display())))?;
    read_header(&*file, &path)
}

impl ArchivedSegment {
    /// # Errors
    /// [`Error::Damaged`], [`Error::Version`]; [`Error::Io`], also when the file was dropped meanwhile.
    pub(crate) fn open(disk: &dyn Disk, archive: &Path, id: u64) -> Result<Self, Error> {
        let (segment, _) = SegmentFile::open(disk, archive.join(segment_name(id)), id)?;
        let (index, end) = read_footer(&*segment.file, &segment.path)?;
        Ok(Self { segment, index, end })
    }
}

fn read_footer(file: &dyn DiskFile, path: &Path) -> Result<(SegmentIndex, u64), Error> {
    let failed = || Error::io(format!("read {}", path.display()));
    let damaged =
        |offset: u64, what: &str| Error::Damaged { file: PathBuf::from(path), offset, what: what.to_owned() };
    let length = file.len().map_err(failed())?;
    let trailer_at = length.saturating_sub(TRAILER_BYTES);
    let mut trailer = [0; TRAILER_BYTES as usize];
    let read = file.read_at(&mut trailer, trailer_at).map_err(failed())?;
    let whole = read == trailer.len() && &trailer[24..] == TRAILER_MAGIC;
    if !whole || crc32c::crc32c(&trailer[..20]) != u32_at(&trailer, 20) {
        return Err(damaged(trailer_at, "the archive file does not end with its trailer"));
    }
    let (end, footer_bytes) = (u64_at(&trailer, 0), u32_at(&trailer, 8));
    let mut footer = vec![0; footer_bytes as usize];
    let read = file.read_at(&mut footer, end).map_err(failed())?;
    let intact = read == footer.len() && crc32c::crc32c(&footer) == u32_at(&trailer, 12);
    let index = intact.then(|| SegmentIndex::decode(&footer)).flatten();
    Ok((index.ok_or_else(|| damaged(end, "the archive file's index does not match its checksum"))?, end))
}
