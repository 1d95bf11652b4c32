//! What an operator does and what stands around an engine: copies, directories, settings, health, metrics, browsers.

#[path = "operate/copies.rs"]
mod copies;
#[path = "operate/directories.rs"]
mod directories;
#[path = "operate/outside.rs"]
mod outside;
#[path = "operate/settings.rs"]
mod settings;

use anyhow::ensure;
use std::ffi::OsStr;
use waybill_integration_tests::engine::run;

/// What the tool said, which must have ended well.
async fn tool<S: AsRef<OsStr>>(arguments: &[S]) -> anyhow::Result<String> {
    let output = run(arguments).await?;
    let (said, complained) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success(), "it ended with {}: {said}{complained}", output.status);
    Ok(said)
}

/// What the tool complained of, which must have failed.
async fn refused<S: AsRef<OsStr>>(arguments: &[S]) -> anyhow::Result<String> {
    let output = run(arguments).await?;
    ensure!(!output.status.success(), "it was taken: {}", String::from_utf8_lossy(&output.stdout));
    Ok(String::from_utf8(output.stderr)?)
}
