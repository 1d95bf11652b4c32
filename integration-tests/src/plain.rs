//! Looks for text or keys in plain in files, as somebody who steals a disk would. It knows nothing of what the files are.

use anyhow::ensure;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = match std::fs::read_dir(path) {
        // A file of the engine may go while it is being looked for.
        Err(gone) if gone.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry?.path())?);
    }
    Ok(found)
}

/// Whether a file holds these bytes. Blocks of nothing but zeros are skipped: much of a journal is room kept for later.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    const BLOCK: usize = 4_096;
    const NOTHING: [u8; BLOCK] = [0; BLOCK];
    let blocks = bytes.chunks(BLOCK).enumerate().filter(|(_, block)| *block != &NOTHING[..block.len()]);
    blocks.into_iter().any(|(index, block)| {
        // A text may begin in one block and end in the next.
        let begin = index * BLOCK;
        let end = (begin + block.len() + text.len()).min(bytes.len());
        memchr_all(&bytes[begin..end], text)
    })
}

/// Whether `text` stands in `bytes`, by its first byte.
fn memchr_all(bytes: &[u8], text: &[u8]) -> bool {
    let begins = bytes.split(|byte| *byte == text[0]);
    let mut at = 0;
    for before in begins {
        at += before.len();
        if bytes[at..].starts_with(text) {
            return true;
        }
        at += 1;
        if at >= bytes.len() {
            break;
        }
    }
    false
}

/// The files below `path`, or `path` itself, that hold `text`.
///
/// # Errors
/// A directory cannot be read.
pub fn holding(path: &Path, text: impl AsRef<[u8]>) -> anyhow::Result<Vec<PathBuf>> {
    let text = text.as_ref();
    let holds = |file: &PathBuf| holds(&std::fs::read(file).unwrap_or_default(), text);
    Ok(files(path)?.into_iter().filter(holds).collect())
}

/// Refuses any of `texts` in any file below `places`.
///
/// # Errors
/// One stands in plain; the message says where.
pub fn nowhere(places: &[&Path], texts: &[&str]) -> anyhow::Result<()> {
    for text in texts {
        for place in places {
            let found = holding(place, text)?;
            ensure!(found.is_empty(), "{text:?} stands in plain in {found:?}");
        }
    }
    Ok(())
}
