//! `waybill config`: what is printed can be checked and served, and what is wrong is named.

use crate::{refused, tool};
use anyhow::ensure;
use waybill_integration_tests::retailer::{Shape, order};
use waybill_integration_tests::world::World;
use waybill_proto::orders::v1::PlaceMode;

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
        (printed.replace("lease_ttl_ms = ", "lease_ttl_ms = 1 # "), "cluster.lease_ttl_ms"),
        (uncommented(&printed, &["certificate", "key", "client_ca"]), "tls.certificate: cannot read"),
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

/// These settings as they are printed where they are not set.
fn uncommented(printed: &str, names: &[&str]) -> String {
    let begin = |name: &&str| format!("\n# {name} = ");
    names.iter().fold(printed.to_owned(), |text, name| {
        text.replace(&begin(name), &begin(name).replace("# ", "").replace(" = ", " = \"/nowhere/pem\" # "))
    })
}

#[tokio::test]
async fn decisions_are_kept_only_where_they_are_wanted() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("waybill.toml");
    let printed = tool(&["config", "print"]).await?;
    ensure!(printed.contains("decisions_bytes = 268435456"), "{printed}");
    std::fs::write(&file, printed.replace("decisions_bytes = 268435456", "decisions_bytes = 0"))?;
    for (flags, kept) in
        [(vec!["--config".to_owned(), file.display().to_string()], false), (Vec::new(), true)]
    {
        let world = World::open(Shape { nodes: 1, items: 1, stock: 10 }, flags).await?;
        ensure!(world.dir().join("data/decisions").exists() == kept, "decisions are kept: {}", !kept);
        let placed = world.place(order("D-1", &[(0, 1)], PlaceMode::Confirm)).await?;
        let endpoint = &world.engine()?.endpoint;
        let told = tool(&["explain", &placed.order_id, "--endpoint", endpoint]).await;
        ensure!(told.is_ok() == kept, "{told:?}");
    }
    Ok(())
}
