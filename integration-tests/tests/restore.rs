//! Restoring up to a point: what was acknowledged before it is there, what came after it is not, the cut is consistent, and
//! the personal data of what came after the copy can be opened. Over a journal of its own and over a shared one.

#[path = "restore/anew.rs"]
mod anew;

use anyhow::{Context, ensure};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tonic::Code;
use tonic::transport::Channel;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::engine::{Engine, Setting, run};
use waybill_integration_tests::retailer::{self, Shape, node, order};
use waybill_integration_tests::shared_journal::{Kind, SharedJournal};
use waybill_integration_tests::world::from_channel;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{GetOrderRequest, PlaceMode, PlaceOrderResponse, get_order_request};

const SHAPE: Shape = Shape { nodes: 2, items: 3, stock: 100_000 };
/// Orders before the copy, and after it.
const BEFORE: usize = 10;
const AFTER: usize = 30;

async fn ended(arguments: &[String]) -> anyhow::Result<(bool, String)> {
    let output = run(arguments).await?;
    let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok((output.status.success(), format!("{said}{log}")))
}

async fn tool(arguments: &[String]) -> anyhow::Result<String> {
    let (well, said) = ended(arguments).await?;
    ensure!(well, "{arguments:?}: {said}");
    Ok(said)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// An order with the times just before it was asked for and just after it was acknowledged, in milliseconds.
struct Placed {
    answer: PlaceOrderResponse,
    asked_ms: u64,
    acknowledged_ms: u64,
}

fn now_ms() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64)
}

async fn place(channel: &Channel, index: usize) -> anyhow::Result<Placed> {
    let asked_ms = now_ms()?;
    let lines = [(index % 3, 1), ((index + 1) % 3, 1)];
    let request = from_channel("web", order(&format!("P-{index}"), &lines, PlaceMode::Confirm));
    let answer = OrdersServiceClient::new(channel.clone()).place_order(request).await?.into_inner();
    let acknowledged_ms = now_ms()?;
    // Points are in milliseconds: two orders of one millisecond could not be told apart by one.
    while now_ms()? <= acknowledged_ms {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(Placed { answer, asked_ms, acknowledged_ms })
}

async fn exists(channel: &Channel, placed: &Placed) -> anyhow::Result<bool> {
    let key = Some(get_order_request::Key::OrderId(placed.answer.order_id.clone()));
    let request = GetOrderRequest { key, after: String::new() };
    match OrdersServiceClient::new(channel.clone()).get_order(request).await {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::NotFound => Ok(false),
        Err(status) => Err(status.into()),
    }
}

fn rfc3339(ms: u64) -> String {
    let (seconds, nanos) = ((ms / 1_000) as i64, (ms % 1_000 * 1_000_000) as i32);
    prost_types::Timestamp { seconds, nanos }.to_string()
}

/// The directory that was restored: its laws hold, and it serves.
async fn served(directory: &Path) -> anyhow::Result<(Engine, Channel)> {
    let report = tool(&words(&["audit", "--data-dir", &text(directory)])).await?;
    ensure!(report.contains("holds") && !report.contains("BROKEN"), "{report}");
    let engine = Engine::start(&Setting::new(directory)).await?;
    let channel = engine.channel().await?;
    Ok((engine, channel))
}

/// Restores to a random time and to a random token, and looks; `from` are the flags that say where the rest is.
async fn at_points(world: &Path, copy: &Path, from: &[String], all: &[Placed]) -> anyhow::Result<()> {
    let seed = now_ms()?;
    println!("seed {seed}");
    let dice = |salt: u64| {
        let mixed = seed.wrapping_mul(6_364_136_223_846_793_005);
        mixed.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 33
    };
    for (round, salt) in [1, 2].into_iter().enumerate() {
        let last = BEFORE + (dice(salt) as usize) % (AFTER - 1);
        let (placed, next) = (&all[last], &all[last + 1]);
        let point = match round {
            0 => rfc3339(placed.acknowledged_ms),
            _ => placed.answer.token.clone(),
        };
        println!("up to {point}, the place of order {last}");
        let target = world.join(format!("restored-{round}"));
        let mut restore = words(&["restore", &text(copy), &text(&target), "--until", &point]);
        restore.extend_from_slice(from);
        let said = tool(&restore).await?;
        ensure!(said.contains("frames played in"), "{said}");
        let (engine, channel) = served(&target).await?;
        for (index, one) in all.iter().enumerate() {
            let (is_there, before) = (exists(&channel, one).await?, index <= last);
            ensure!(is_there == before, "order {index} is there: {is_there}, up to {point} of order {last}");
        }
        ensure!(placed.acknowledged_ms < next.asked_ms, "the test's own clock");
        // What came after the copy is sealed with keys that the copy has not.
        let mut desk = Desk::new(channel.clone(), &node(0));
        let instruction = desk.next(0).await?;
        ensure!(instruction.destination.is_some() && !instruction.erased, "{instruction:?}");
        place(&channel, 1_000).await.context("it takes orders")?;
        engine.settle().await?;
        engine.audit().await?;
    }
    let early = rfc3339(all[0].asked_ms);
    let mut restore = words(&["restore", &text(copy), &text(&world.join("early")), "--until", &early]);
    restore.extend_from_slice(from);
    let (well, said) = ended(&restore).await?;
    ensure!(!well && said.contains("older copy"), "a point before the copy: {said}");
    let begun =
        Engine::start(&Setting::new(&world.join("early"))).await.err().context("a part was served")?;
    let told = begun.to_string();
    ensure!(told.contains("broken off") && told.contains("being restored"), "{begun:#}");
    ensure!(!told.contains("--begin-again"), "that is for migrations: {begun:#}");
    Ok(())
}

async fn placed(channel: &Channel, indexes: std::ops::Range<usize>) -> anyhow::Result<Vec<Placed>> {
    let mut all = Vec::new();
    for index in indexes {
        all.push(place(channel, index).await?);
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_played_on_by_the_old_directory_to_any_point_after_it() -> anyhow::Result<()> {
    let world = tempfile::tempdir()?;
    let [old, copy] = ["old", "copy"].map(|name| world.path().join(name));
    let engine = Engine::start(&Setting::new(&old)).await?;
    let channel = engine.channel().await?;
    retailer::open(&channel, SHAPE).await?;
    let mut all = placed(&channel, 0..BEFORE).await?;
    tool(&words(&["backup", "--endpoint", &engine.endpoint, &text(&copy)])).await?;
    all.extend(placed(&channel, BEFORE..BEFORE + AFTER).await?);
    engine.kill().await?;
    at_points(world.path(), &copy, &words(&["--from", &text(&old)]), &all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_cluster_under_load_is_consistent_and_played_on_by_the_shared_journal()
-> anyhow::Result<()> {
    let world = tempfile::tempdir()?;
    let journal = tokio::task::block_in_place(|| SharedJournal::start(Kind::Postgres))?;
    let copy = world.path().join("copy");
    let start = async |name: &str| {
        let mut setting = Setting::new(&world.path().join(name));
        setting.flags.extend(journal.flags());
        setting.flags.extend(["--name", name].map(str::to_owned));
        Engine::start(&setting).await
    };
    let a = start("a").await?;
    let at_a = a.channel().await?;
    retailer::open(&at_a, SHAPE).await?;
    let b = start("b").await?;
    let at_b = b.channel().await?;
    let mut all = placed(&at_b, 0..BEFORE).await?;
    // Copies of what the other owns are as far as they have heard, and all is moving.
    let load = async {
        for index in 5_000.. {
            if copy.join("manifest.json").exists() {
                break;
            }
            place(&at_a, index).await?;
        }
        anyhow::Ok(())
    };
    let backup = words(&["backup", "--endpoint", &b.endpoint, &text(&copy)]);
    let audits = async {
        for _ in 0..3 {
            b.audit().await.context("an audit of copies under load")?;
        }
        tool(&backup).await
    };
    let (loaded, copied) = tokio::join!(load, audits);
    loaded?;
    copied?;
    all.extend(placed(&at_a, BEFORE..BEFORE + AFTER).await?);
    at_points(world.path(), &copy, &journal.flags(), &all).await?;
    a.audit().await?;
    Ok(())
}
