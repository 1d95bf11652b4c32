//! The few file habits that durability needs: fsync of directories, replace by rename, a counter that survives a torn
//! write. It refuses to know the formats of the files.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::Error;

/// Makes names created, renamed or removed in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(Error::io("sync directory", dir))
}

/// Creates `dir` and its missing ancestors, each made durable in its parent.
pub(crate) fn create_dir_durably(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = parent_of(dir);
    create_dir_durably(&parent)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create directory", dir)(error));
        }
        _ => {}
    }
    sync_dir(&parent)
}

/// The directory a path stands in; a bare name stands in the current one.
pub(crate) fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        Some(_) => PathBuf::from("."),
        None => PathBuf::from("/"),
    }
}

/// Writes a whole file that is either there in full or not at all, readable by its owner only.
pub(crate) fn replace_durably(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(Error::io("create", &temporary))?;
    file.write_all(bytes).map_err(Error::io("write", &temporary))?;
    file.sync_all().map_err(Error::io("sync", &temporary))?;
    fs::rename(&temporary, path).map_err(Error::io("rename", &temporary))?;
    sync_dir(&parent_of(path))
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::NoRandomness { what: error.to_string() })?;
    Ok(bytes)
}

/// The length of a counter, in bytes.
pub(crate) const COUNTER_BYTES: usize = 28;

/// A count as it is written in place: `count:u64 owner:16 crc32c:u32`. Written to one of two sectors by its parity, it
/// leaves the count before it whole if the write is torn.
pub(crate) fn counter(count: u64, owner: &[u8; 16]) -> [u8; COUNTER_BYTES] {
    let mut bytes = [0; COUNTER_BYTES];
    bytes[..8].copy_from_slice(&count.to_be_bytes());
    bytes[8..24].copy_from_slice(owner);
    let crc = crc32c::crc32c(&bytes[..24]);
    bytes[24..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The count at the front of `bytes`; `None` where it is torn or another file's.
pub(crate) fn parse_counter(bytes: &[u8], owner: &[u8; 16]) -> Option<u64> {
    let count = u64::from_be_bytes(*bytes.first_chunk()?);
    (bytes.get(..COUNTER_BYTES)? == counter(count, owner)).then_some(count)
}
