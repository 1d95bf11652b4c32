//! Programs of the system that tests need: mkfs, mount, ip. It knows none of them.

use anyhow::{Context, bail};
use std::process::Command;

/// Runs a program to its end.
///
/// # Errors
/// It is not there, or it failed: what it said.
pub(crate) fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output =
        Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
