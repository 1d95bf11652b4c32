//! A small disk that can be filled up and emptied again: a file system in memory of a bounded size. Needs root and Linux.

use crate::program::run;
use anyhow::Context;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A mounted disk; unmounted when dropped.
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    /// A disk of so many megabytes at `path`, which is made.
    ///
    /// # Errors
    /// It cannot be mounted: no root, or not allowed.
    pub fn mount(path: &Path, megabytes: u32) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)?;
        let text = path.to_str().context("paths of tests are plain text")?;
        run("mount", &["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=777"), "waybill-chaos", text])?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Takes all the room there is. Answers with the bytes taken.
    ///
    /// # Errors
    /// What is not the end of the room.
    pub fn fill(&self) -> anyhow::Result<u64> {
        let mut file = std::fs::File::options().create(true).append(true).open(self.ballast())?;
        let (mut block, mut taken) = (1 << 20, 0);
        while block > 0 {
            match file.write(&vec![1; block]) {
                Ok(written) if written > 0 => taken += written as u64,
                Ok(_) => block /= 2,
                Err(full) if full.kind() == std::io::ErrorKind::StorageFull => block /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(taken)
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// It was not filled.
    pub fn empty(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = self.path.to_str().map(|path| run("umount", &["-l", path]));
        if let Some(Err(error)) = unmounted {
            eprintln!("{}: {error:#}", self.path.display());
        }
    }
}
