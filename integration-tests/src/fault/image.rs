//! A disk that loses power: an ext4 image on a loop device. A cut copies the image as the device has it at that
//! moment, without what the file system still held in memory.

use crate::program::run;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};

/// A mounted image; unmounted when dropped.
pub(super) struct Image {
    file: PathBuf,
    mount: PathBuf,
    mounted: bool,
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("paths of tests are plain text")
}

impl Image {
    /// A new ext4 image of `bytes`, mounted.
    ///
    /// # Errors
    /// No mkfs.ext4, no root, or no loop mounts here.
    pub(super) fn create(dir: &Path, bytes: u64) -> anyhow::Result<Self> {
        let file = dir.join("disk-0.img");
        std::fs::File::create(&file)?.set_len(bytes)?;
        run("mkfs.ext4", &["-q", "-F", text(&file)?])?;
        Self::mount(file, dir.join("mnt-0"))
    }

    fn mount(file: PathBuf, mount: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&mount)?;
        run("mount", &["-o", "loop", text(&file)?, text(&mount)?])?;
        Ok(Self { file, mount, mounted: true })
    }

    /// Where it is mounted.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.mount
    }

    /// Cuts the power: what the device has now, mounted anew as disk `number`; the old one is thrown away. Nobody may
    /// be running on the old one any more, or they must be stopped.
    ///
    /// # Errors
    /// The copy cannot be made or mounted.
    pub(super) fn cut(&self, dir: &Path, number: u32) -> anyhow::Result<Self> {
        let file = dir.join(format!("disk-{number}.img"));
        // Reading the image file shows what the file system has handed to the device, and nothing else.
        run("cp", &["--sparse=always", text(&self.file)?, text(&file)?])?;
        Self::mount(file, dir.join(format!("mnt-{number}")))
    }

    /// Unmounts and deletes it.
    ///
    /// # Errors
    /// Somebody still uses it.
    pub(super) fn discard(mut self) -> anyhow::Result<()> {
        self.unmount()?;
        std::fs::remove_file(&self.file)?;
        Ok(())
    }

    fn unmount(&mut self) -> anyhow::Result<()> {
        if self.mounted {
            run("umount", &["-l", text(&self.mount)?])?;
            self.mounted = false;
        }
        Ok(())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if let Err(error) = self.unmount() {
            eprintln!("{}: {error}", self.mount.display());
        }
    }
}

/// True when this machine lets us mount a loop device: then a skipped test is a failed test.
///
/// # Errors
/// A temporary directory cannot be made.
pub(super) fn loop_mounts_work() -> anyhow::Result<bool> {
    let dir = tempfile::tempdir()?;
    match Image::create(dir.path(), 16 << 20) {
        Ok(image) => {
            image.discard()?;
            Ok(true)
        }
        Err(error) => {
            println!("no loop mounts here: {error:#}");
            Ok(false)
        }
    }
}

/// Checks that the image really forgets: a file written and not synced must be gone after a cut.
///
/// # Errors
/// It is still there, so the test would prove nothing.
pub(super) fn forgets(dir: &Path) -> anyhow::Result<()> {
    let image = Image::create(dir, 64 << 20)?;
    std::fs::write(image.path().join("synced"), b"here")?;
    std::fs::File::open(image.path().join("synced"))?.sync_all()?;
    std::fs::File::open(image.path())?.sync_all()?;
    std::fs::write(image.path().join("unsynced"), vec![7u8; 1 << 20])?;
    let after = image.cut(dir, 1)?;
    ensure!(after.path().join("synced").exists(), "the cut lost what was synced");
    let left = std::fs::read(after.path().join("unsynced")).unwrap_or_default();
    ensure!(left != vec![7u8; 1 << 20], "the cut kept what was not synced");
    image.discard()?;
    after.discard()
}
