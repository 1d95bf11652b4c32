//! A data directory serves one process, as the engine it was made for.

use crate::{refused, tool};
use anyhow::{Context, ensure};
use waybill_integration_tests::engine::Engine;
use waybill_integration_tests::retailer::{Shape, order};
use waybill_integration_tests::world::World;
use waybill_proto::orders::v1::PlaceMode;

#[tokio::test]
async fn a_directory_serves_one_process_with_the_partitions_it_was_made_with() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
    let data = world.data_dir().display().to_string();
    let serve = ["serve", "--data-dir", &data, "--listen", "127.0.0.1:0", "--no-metrics"];
    let second = refused(&serve).await?;
    ensure!(second.contains(&data), "a second process is not told which directory is in use: {second}");
    let audit = refused(&["audit", "--data-dir", &data]).await?;
    ensure!(audit.contains(&data), "an audit of a directory that is served: {audit}");
    let placed = world.place(order("D-1", &[(0, 1)], PlaceMode::Confirm)).await?;

    world.kill().await?;
    let other = refused(&[&serve[..], &["--partitions", "4"]].concat()).await?;
    ensure!(
        other.contains("with 8 partitions per service, the configuration says 4")
            && other.contains("configure partitions = 8"),
        "the two partition counts and the way out are not told: {other}"
    );
    world.up().await?;
    ensure!(world.order(&placed.order_id).await?.order_id == placed.order_id, "it is not the same engine");
    world.check().await
}

#[tokio::test]
async fn a_directory_that_lost_a_part_opens_whole_or_not_at_all() -> anyhow::Result<()> {
    for part in ["keys", "store", "journal"] {
        let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
        let placed = world.place(order("D-2", &[(0, 1)], PlaceMode::Confirm)).await?;
        world.engine()?.settle().await?;
        world.kill().await?;
        let lost = world.data_dir().join(part);
        ensure!(lost.is_dir(), "there is no {}", lost.display());
        std::fs::rename(&lost, world.dir().join("lost"))?;
        match world.up().await {
            Err(error) => ensure!(error.to_string().contains("ended with exit status"), "{part}: {error}"),
            // A journal that still reaches back to the beginning holds all that the rows held.
            Ok(()) => {
                let order = world.order(&placed.order_id).await.context(part)?;
                ensure!(order.contact.is_some_and(|c| c.name == "Ada Example"), "{part}: nobody is there");
                ensure!(world.position(0, 0).await?.reserved == 1, "{part}: nothing is reserved");
                world.check().await.context(part)?;
            }
        }
    }
    Ok(())
}

/// Orders whose keys are of more than one block of 256.
async fn place_many(world: &World, orders: std::ops::Range<usize>) -> anyhow::Result<()> {
    let one = |index| world.place(order(&format!("K-{index}"), &[(0, 1)], PlaceMode::Accept));
    futures::future::try_join_all(orders.map(one)).await?;
    Ok(())
}

#[tokio::test]
async fn an_older_vault_is_refused_whatever_was_saved_since() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 1, items: 1, stock: 1_000 }, Vec::new()).await?;
    let placed = world.place(order("D-4", &[(0, 1)], PlaceMode::Confirm)).await?;
    let copy = world.copy("copy").await?;
    place_many(&world, 0..300).await?;
    world.kill().await?;
    let vault = world.data_dir().join("keys/keys.wbv");
    let newer = world.dir().join("newer");
    std::fs::rename(&vault, &newer)?;
    std::fs::copy(copy.join("keys/keys.wbv"), &vault)?;
    let told = world.up().await.err().context("an older vault was taken")?.to_string();
    ensure!(told.contains("is older than the data"), "{told}");

    std::fs::copy(&newer, &vault)?;
    world.up().await?;
    place_many(&world, 300..302).await?;
    let kept = world.order(&placed.order_id).await?;
    ensure!(kept.contact.is_some_and(|contact| contact.name == "Ada Example"), "nobody is there");
    world.check().await?;

    // A directory of an earlier version, and a restored one, have no such note; they get one.
    world.kill().await?;
    let note = world.data_dir().join("VAULT");
    std::fs::remove_file(&note)?;
    world.up().await?;
    ensure!(note.is_file(), "what was never noted is not noted now");
    world.kill().await?;
    std::fs::copy(copy.join("keys/keys.wbv"), &vault)?;
    let told = world.up().await.err().context("an older vault was taken")?.to_string();
    ensure!(told.contains("is older than the data"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_lost_vault_is_never_replaced_where_anything_happened() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
    world.place(order("D-5", &[(0, 1)], PlaceMode::Confirm)).await?;
    world.kill().await?;
    for part in ["keys", "store", "checkpoints"] {
        std::fs::remove_dir_all(world.data_dir().join(part))?;
    }
    std::fs::remove_file(world.data_dir().join("VAULT"))?;
    let told = world.up().await.err().context("an empty vault took its place")?.to_string();
    ensure!(told.contains("keys.wbv") && told.contains("it is missing"), "{told}");
    ensure!(!world.data_dir().join("keys/keys.wbv").exists(), "an empty vault was left");
    Ok(())
}

#[tokio::test]
async fn an_address_in_use_leaves_no_directory_and_what_did_not_answer_is_named() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    // It is listened on, and nobody ever answers there.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?.to_string();
    let data = dir.path().join("data");
    let text = data.display().to_string();
    let told = refused(&["serve", "--data-dir", &text, "--listen", &address, "--no-metrics"]).await?;
    ensure!(told.contains("cannot listen on") && told.contains(&address), "{told}");
    ensure!(!data.exists(), "a directory was made");
    drop(silent);
    let endpoint = format!("http://{address}");
    for command in ["audit", "status"] {
        let told = refused(&[command, "--endpoint", &endpoint]).await?;
        ensure!(told.contains(&endpoint), "who was asked is not told: {told}");
    }
    Ok(())
}

#[tokio::test]
async fn the_operators_commands_say_how_it_is_in_words() -> anyhow::Result<()> {
    let world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
    let endpoint = world.engine()?.endpoint.clone();
    let told = tool(&["status", "--endpoint", &endpoint]).await?;
    ensure!(told.contains("orders/0") && told.contains("serving") && told.contains("MiB"), "{told}");
    let json = tool(&["status", "--json", "--endpoint", &endpoint]).await?;
    ensure!(json.contains("\"durable_sequence\":"), "{json}");
    let full = world.dir().display().to_string();
    for words in [vec!["backup", &full], vec!["cluster", "status"]] {
        let told = refused(&[&words[..], &["--endpoint", &endpoint]].concat()).await;
        // Where the journal is shared there is a cluster to be told of.
        if let Ok(told) = told {
            ensure!(!told.contains("code: '") && !told.contains("metadata"), "{words:?}: {told}");
        } else {
            ensure!(words[0] == "cluster", "{words:?} was taken");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_stopped_engine_ends_by_itself_and_comes_up_with_everything() -> anyhow::Result<()> {
    let mut world = World::open(Shape { nodes: 1, items: 1, stock: 5 }, Vec::new()).await?;
    let placed = world.place(order("D-3", &[(0, 1)], PlaceMode::Confirm)).await?;
    world.engine()?.signal("-TERM")?;
    let engine: Engine = world.take()?;
    let status = engine.ended().await?;
    ensure!(status.success(), "it was asked to stop and ended with {status}");
    world.up().await?;
    ensure!(world.order(&placed.order_id).await?.external_order_number == "D-3", "an order is lost");
    Ok(())
}
