//! `waybill config`: what is printed can be checked and served, and what is wrong is named.

use crate::{refused, tool};
use anyhow::ensure;

#[tokio::test]
async fn printed_settings_are_sound_and_faults_are_named() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("waybill.toml");
    let path = file.display().to_string();
    let printed = tool(&["config", "print"]).await?;
    ensure!(printed.contains("partitions = 8") && printed.contains("data_dir"), "{printed}");
    std::fs::write(&file, &printed)?;
    ensure!(tool(&["config", "check", &path]).await?.contains("sound"), "its own print is not sound");

    std::fs::write(&file, printed.replace("partitions = 8", "partitions = 3"))?;
    let changed = tool(&["config", "print", &path]).await?;
    ensure!(changed.contains("partitions = 3"), "{changed}");
    for (wrong, names) in [
        (printed.replace("partitions = 8", "partitons = 8"), "partitons"),
        (printed.replace("partitions = 8", "partitions = 0"), "partitions"),
        (printed.replace("partitions = 8", "partitions = 257"), "partitions"),
        (printed.replace("queue = ", "queue = 0 # "), "limits.queue"),
        ("[peers]\norders = \"http://127.0.0.1:1\"\n".to_owned(), "orders"),
    ] {
        std::fs::write(&file, &wrong)?;
        let said = refused(&["config", "check", &path]).await?;
        ensure!(said.contains(names), "{names} is not named: {said}");
    }
    let missing = refused(&["config", "check", "/no/such/file.toml"]).await?;
    ensure!(missing.contains("/no/such/file.toml"), "{missing}");
    Ok(())
}
