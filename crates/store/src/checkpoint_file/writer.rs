//! Writes a checkpoint file from the front to its trailer. It refuses to give the file its name before it is durable.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{
    END_MAGIC, FORMAT_VERSION, FRAME_BYTES, MAGIC, MAX_META_BYTES, TRAILER_MARK, ops, temporary_path,
};
use crate::{Error, Op, files, rows};

/// A checkpoint file under construction. Dropped before [`Writer::finish`] it removes what it wrote.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    payload: Vec<u8>,
    ops: u64,
    bytes: u64,
    finished: bool,
}

impl Writer {
    /// Begins the file `name` in `dir` with the caller's `meta` in its header. An unfinished file of that name is
    /// overwritten; a finished one stays until [`Writer::finish`] replaces it.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`] where `meta` is above [`MAX_META_BYTES`]; [`Error::Io`].
    pub fn create(dir: &Path, name: &str, meta: &[u8]) -> Result<Writer, Error> {
        if meta.len() > MAX_META_BYTES {
            return Err(Error::ValueTooLarge { len: meta.len(), max: MAX_META_BYTES });
        }
        let temporary = temporary_path(dir, name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(Error::io("create", &temporary))?;
        let mut writer = Writer {
            dir: dir.to_path_buf(),
            path: dir.join(name),
            temporary,
            file,
            hasher: blake3::Hasher::new(),
            payload: Vec::with_capacity(FRAME_BYTES * 2),
            ops: 0,
            bytes: 0,
            finished: false,
        };
        let mut header = Vec::with_capacity(20 + meta.len());
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        header.extend_from_slice(&crc32c::crc32c(&header).to_be_bytes());
        header.extend_from_slice(&(meta.len() as u32).to_be_bytes());
        header.extend_from_slice(meta);
        writer.write_hashed(&header)?;
        Ok(writer)
    }

    /// Adds one operation. A later operation on the same key wins when the file is put.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] and [`Error::ValueTooLarge`] as the store would answer; [`Error::Io`], after which the file
    /// cannot be finished.
    pub fn append(&mut self, op: &Op) -> Result<(), Error> {
        let value = match op {
            Op::Put { value, .. } => Some(value.as_slice()),
            Op::Delete { .. } => None,
        };
        rows::check(op.key(), value)?;
        ops::encode(op, &mut self.payload);
        self.ops += 1;
        if self.payload.len() >= FRAME_BYTES { self.close_frame() } else { Ok(()) }
    }

    /// How many operations were appended, and how many bytes they take in the file.
    pub fn written(&self) -> (u64, u64) {
        (self.ops, self.bytes + self.payload.len() as u64)
    }

    /// Writes the trailer, makes the file durable, gives it its name, makes that durable and returns the path.
    ///
    /// # Errors
    /// [`Error::Io`]; the file then does not count.
    pub fn finish(mut self) -> Result<PathBuf, Error> {
        self.close_frame()?;
        let mut trailer = Vec::with_capacity(52);
        trailer.extend_from_slice(&TRAILER_MARK);
        trailer.extend_from_slice(END_MAGIC);
        trailer.extend_from_slice(&self.ops.to_be_bytes());
        self.write_hashed(&trailer)?;
        let hash = self.hasher.finalize();
        self.write(hash.as_bytes())?;
        self.file.sync_all().map_err(Error::io("sync", &self.temporary))?;
        fs::rename(&self.temporary, &self.path).map_err(Error::io("rename", &self.temporary))?;
        self.finished = true;
        files::sync_dir(&self.dir)?;
        Ok(self.path.clone())
    }

    fn close_frame(&mut self) -> Result<(), Error> {
        if self.payload.is_empty() {
            return Ok(());
        }
        let mut payload = std::mem::take(&mut self.payload);
        let mut head = [0; 8];
        head[..4].copy_from_slice(&(payload.len() as u32).to_be_bytes());
        head[4..].copy_from_slice(&crc32c::crc32c(&payload).to_be_bytes());
        self.write_hashed(&head)?;
        self.write_hashed(&payload)?;
        payload.clear();
        self.payload = payload;
        Ok(())
    }

    fn write_hashed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(Error::io("write", &self.temporary))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.temporary); // what stays is ignored and removed at the next start
        }
    }
}
