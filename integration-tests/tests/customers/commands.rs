//! `waybill customer` as it is typed: found, linked, merged, split, listed and erased, as text and as JSON.

use super::{SHAPE, hers};
use anyhow::{Context, ensure};
use serde_json::Value;
use waybill_integration_tests::engine::run;
use waybill_integration_tests::retailer::order;
use waybill_integration_tests::world::World;
use waybill_proto::orders::v1::PlaceMode;

/// What the command printed and what it complained of.
async fn typed(world: &World, words: &[&str]) -> anyhow::Result<(bool, String, String)> {
    let endpoint = world.engine()?.endpoint.clone();
    let front =
        ["customer", "--endpoint", endpoint.as_str(), "--channel", "call_center", "--actor", "agent-7"];
    let output = run(front.iter().chain(words)).await?;
    let text = |bytes| String::from_utf8(bytes);
    Ok((output.status.success(), text(output.stdout)?, text(output.stderr)?))
}

async fn said(world: &World, words: &[&str]) -> anyhow::Result<String> {
    let (well, said, complained) = typed(world, words).await?;
    ensure!(well, "{words:?}: {complained}");
    Ok(said)
}

async fn complained(world: &World, words: &[&str]) -> anyhow::Result<String> {
    let (well, said, complained) = typed(world, words).await?;
    ensure!(!well, "{words:?} was taken: {said}");
    Ok(complained)
}

/// The record that a linking command names.
async fn linked(world: &World, words: &[&str]) -> anyhow::Result<String> {
    let answer: Value = serde_json::from_str(&said(world, words).await?)?;
    Ok(answer["customer_id"].as_str().context("no record")?.to_owned())
}

#[tokio::test]
async fn what_the_agent_types_finds_links_merges_splits_and_erases() -> anyhow::Result<()> {
    let world = World::open(SHAPE, Vec::new()).await?;
    world.place(hers("W-1")).await?;
    let mut guests = order("W-2", &[(0, 1)], PlaceMode::Confirm);
    guests.customer_id = "guest-9".into();
    world.place(guests).await?;

    let nobody = complained(&world, &["find"]).await?;
    ensure!(nobody.contains("who is it"), "{nobody}");
    let two = complained(&world, &["show", "C-1", "--phone", super::PHONE]).await?;
    ensure!(two.contains("not both"), "{two}");
    let found = said(&world, &["find", "--phone", super::PHONE]).await?;
    ensure!(found.contains("(no record)") && found.contains(super::NAME), "{found}");
    let malformed = complained(&world, &["find", "--email", "nobody"]).await?;
    ensure!(malformed.contains("must be an e-mail address"), "{malformed}");

    let hers = linked(&world, &["link", "--card", super::CARD, "--verified", "--json"]).await?;
    let guest = linked(&world, &["link", "--customer", "guest-9", "--json"]).await?;
    let merged = said(&world, &["merge", &hers, &guest, "--reason", "same person"]).await?;
    ensure!(merged.contains(&format!("{guest} is another name")), "{merged}");
    let orders = said(&world, &["orders", &guest, "--json"]).await?;
    ensure!(orders.lines().count() == 2 && orders.contains("W-1") && orders.contains("W-2"), "{orders}");
    let shown = said(&world, &["show", "--card", super::CARD]).await?;
    for part in [hers.as_str(), "member card", "verified", "W-2", "same person", "agent-7"] {
        ensure!(shown.contains(part), "{part:?} is not in {shown}");
    }

    let apart = ["split", &hers, "--customer", "guest-9", "--json"];
    let apart: Value = serde_json::from_str(&said(&world, &apart).await?)?;
    let new = apart["new_customer_id"].as_str().context("no new record")?;
    let orders = said(&world, &["orders", new]).await?;
    ensure!(orders.contains("W-2") && !orders.contains("W-1"), "{orders}");

    let unsure = complained(&world, &["erase", &hers]).await?;
    ensure!(unsure.contains("--for-good"), "{unsure}");
    let erased = said(&world, &["erase", &hers, "--for-good", "--reason", "asked by letter"]).await?;
    ensure!(erased.contains("the people of 1 order(s)"), "{erased}");
    let shown = said(&world, &["show", &hers]).await?;
    ensure!(shown.contains("erased") && !shown.contains(super::CARD), "{shown}");
    world.check().await
}
