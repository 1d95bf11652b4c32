//! One checksummed file with a stream of operations: whole, or not there, or refused. It refuses to know what the
//! operations mean and where the file's name comes from.
//!
//! A checkpoint is first made durable as one such file and then put into the store in batches that are not durable one
//! by one; a crash meanwhile is answered by putting the file again. So the whole worth of the file is that it is never
//! taken for complete when it is not.
//!
//! ```text
//! header   "WBCHECK\n" version:u32 crc32c:u32 meta_len:u32 meta
//! frame    len:u32 crc32c:u32 payload            payload: whole operations end to end, about 64 KiB
//!            put     0x01 key_len:u16 value_len:u32 key value
//!            delete  0x02 key_len:u16 key
//! trailer  0xffffffff "WBCHKEND" ops:u64 blake3:32     the hash of every byte before it
//! ```
//! All integers are big-endian. The file is written under a temporary name, synced, and only then renamed. Hence a
//! temporary name is an incomplete file, which was never put anywhere and is ignored; and a file under its own name
//! that does not verify is damage, which must not be ignored, since its rows may have been put in part.

mod ops;
mod reader;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, files};
pub use reader::{Reader, open};
pub use writer::Writer;

const MAGIC: &[u8; 8] = b"WBCHECK\n";
const END_MAGIC: &[u8; 8] = b"WBCHKEND";
const FORMAT_VERSION: u32 = 1;
/// Stands where a frame's length would, and is larger than any.
const TRAILER_MARK: [u8; 4] = [0xff; 4];
const HASH_BYTES: usize = 32;
/// magic, version, checksum of both
const LEAD_BYTES: usize = 16;
/// A frame is closed once it holds this much.
const FRAME_BYTES: usize = 64 << 10;
/// One largest operation may come on top.
const FRAME_BYTES_MAX: usize = FRAME_BYTES + crate::MAX_KEY_BYTES + crate::MAX_VALUE_BYTES + 16;
/// The most bytes of meta data a header carries.
pub const MAX_META_BYTES: usize = 1 << 20;
/// What follows a file's name until it is complete.
const TEMPORARY_SUFFIX: &str = ".incomplete";

fn temporary_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}{TEMPORARY_SUFFIX}"))
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(TEMPORARY_SUFFIX))
}

/// Removes what crashed writers left in `dir` and returns how many files that were. Call it before the first
/// [`Writer::create`], not beside one.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_incomplete(dir: &Path) -> Result<usize, Error> {
    let mut removed = 0;
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let path = entry.map_err(Error::io("list", dir))?.path();
        if is_temporary(&path) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes a file that has been put and is no longer needed, durably. Removing an absent file is no error.
///
/// # Errors
/// [`Error::Io`].
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => files::sync_dir(&files::parent_of(path)),
    }
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::Damaged {
        path: path.to_path_buf(),
        what: what.into(),
        way_out: "stop, keep a copy of the directory, and restore it from a backup or another replica",
    }
}
