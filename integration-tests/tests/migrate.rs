//! A data directory carried into a shared journal and back: what was acknowledged is there, tokens and request ids are good,
//! and what is broken off half-way is refused and can be begun again.

use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tonic::transport::Channel;
use waybill_integration_tests::desk::Desk;
use waybill_integration_tests::engine::{Engine, Setting, binary, run};
use waybill_integration_tests::retailer::{self, Shape, node, order};
use waybill_integration_tests::shared_journal::{Kind, SharedJournal};
use waybill_integration_tests::world::{from_channel, until};
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{
    GetOrderRequest, Order, PlaceMode, PlaceOrderResponse, WatchChangesRequest, get_order_request,
};
use waybill_replica::{DataDir, Filling};

const SHAPE: Shape = Shape { nodes: 2, items: 3, stock: 100_000 };
const ORDERS: usize = 40;

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// What the command said; it must succeed.
async fn tool(arguments: &[String]) -> anyhow::Result<String> {
    let output = run(arguments).await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {said}{log}");
    Ok(said)
}

/// Why the command refused; it must.
async fn refused(arguments: &[String]) -> anyhow::Result<String> {
    let output = run(arguments).await?;
    ensure!(!output.status.success(), "{arguments:?} succeeded: {}", String::from_utf8_lossy(&output.stdout));
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn migrate(what: &str, directory: &Path, journal: &SharedJournal, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["migrate".to_owned(), what.to_owned(), text(directory)];
    arguments.extend(journal.flags());
    arguments.extend(more.iter().map(|flag| (*flag).to_owned()));
    arguments
}

async fn place(channel: &Channel, number: &str) -> anyhow::Result<PlaceOrderResponse> {
    let request = from_channel("web", order(number, &[(0, 1), (1, 2)], PlaceMode::Confirm));
    Ok(OrdersServiceClient::new(channel.clone()).place_order(request).await?.into_inner())
}

async fn get(channel: &Channel, placed: &PlaceOrderResponse) -> anyhow::Result<Order> {
    let key = Some(get_order_request::Key::OrderId(placed.order_id.clone()));
    let request = GetOrderRequest { key, after: placed.token.clone() };
    let found = OrdersServiceClient::new(channel.clone()).get_order(request).await?.into_inner();
    found.order.with_context(|| format!("{} is not there", placed.order_id))
}

/// The number of the first change that is told after a token, and a token after it.
async fn changes(channel: &Channel, token: &str) -> anyhow::Result<String> {
    let request = WatchChangesRequest { resume_token: token.to_owned(), ..Default::default() };
    let mut stream = OrdersServiceClient::new(channel.clone()).watch_changes(request).await?.into_inner();
    let told = stream.message().await?.context("the stream ended")?;
    Ok(told.resume_token)
}

async fn stopped(engine: Engine) -> anyhow::Result<()> {
    engine.settle().await?;
    engine.audit().await?;
    engine.signal("-TERM")?;
    ensure!(engine.ended().await?.success());
    Ok(())
}

fn setting(directory: &Path, journal: Option<&SharedJournal>) -> Setting {
    let mut setting = Setting::new(directory);
    if let Some(journal) = journal {
        setting.flags.extend(journal.flags());
        setting.flags.extend(["--name", "one"].map(str::to_owned));
    }
    setting
}

/// A new directory that is served, with a retailer in it.
async fn opened(directory: &Path) -> anyhow::Result<(Engine, Channel)> {
    let engine = Engine::start(&setting(directory, None)).await?;
    let channel = engine.channel().await?;
    retailer::open(&channel, SHAPE).await?;
    Ok((engine, channel))
}

/// What is known of an installation by who used it.
struct Known {
    placed: Vec<PlaceOrderResponse>,
    /// A place in the stream of changes, long before its end.
    early: String,
}

async fn is_all_there(channel: &Channel, known: &Known) -> anyhow::Result<()> {
    for (index, placed) in known.placed.iter().enumerate() {
        let order = get(channel, placed).await?;
        ensure!(order.external_order_number == format!("M-{index}"), "{order:?}");
    }
    // The same request is the same order, answered as it was.
    let again = place(channel, "M-7").await?;
    ensure!(again.order_id == known.placed[7].order_id, "{again:?}");
    let resumed = changes(channel, &known.early).await.context("an old resume token")?;
    ensure!(resumed != known.early, "nothing was told after an old token");
    Ok(())
}

async fn there_and_back(kind: Kind) -> anyhow::Result<()> {
    let world = tempfile::tempdir()?;
    let journal = tokio::task::block_in_place(|| SharedJournal::start(kind))?;
    let [old, home, new] = ["old", "home", "new"].map(|name| world.path().join(name));

    let (engine, channel) = opened(&old).await?;
    let mut known = Known { placed: Vec::new(), early: String::new() };
    let watch = WatchChangesRequest::default();
    let mut stream = OrdersServiceClient::new(channel.clone()).watch_changes(watch).await?.into_inner();
    for index in 0..ORDERS {
        known.placed.push(place(&channel, &format!("M-{index}")).await?);
        if index == 3 {
            known.early = stream.message().await?.context("the stream ended")?.resume_token;
        }
    }
    let mut desk = Desk::new(channel.clone(), &node(0));
    let instruction = desk.next(0).await?;
    desk.fulfill(&instruction).await?;
    let busy = refused(&migrate("to-journal", &old, &journal, &[])).await?;
    ensure!(busy.contains("in use"), "a directory that is served: {busy}");
    let first = known.placed[0].order_id.clone();
    let explain = |engine: &Engine| {
        ["explain", &first, "--json", "--endpoint", &engine.endpoint].map(str::to_owned).to_vec()
    };
    let explained =
        until("its decision is kept", || async { Ok(tool(&explain(&engine)).await.ok()) }).await?;
    engine.settle().await?;
    engine.kill().await?;

    let said = tool(&migrate("to-journal", &old, &journal, &["--decisions", &text(&home)])).await?;
    ensure!(said.contains("all states equal") && said.contains("orders/0"), "{said}");
    let twice = refused(&migrate("to-journal", &old, &journal, &[])).await?;
    ensure!(twice.contains("holds something already"), "{twice}");
    let engine = Engine::start(&setting(&home, Some(&journal))).await?;
    let channel = engine.channel().await?;
    is_all_there(&channel, &known).await?;
    let open = Desk::new(channel.clone(), &node(0)).next(instruction.number).await?;
    ensure!(open.destination.is_some() && !open.erased, "the keys of personal data came along: {open:?}");
    ensure!(tool(&explain(&engine)).await? == explained, "decisions came along");
    known.placed.push(place(&channel, &format!("M-{ORDERS}")).await?);
    let alive = refused(&migrate("to-directory", &new, &journal, &[])).await?;
    ensure!(alive.contains("is alive"), "{alive}");
    stopped(engine).await?;

    let said = tool(&migrate("to-directory", &new, &journal, &["--decisions", &text(&home)])).await?;
    ensure!(said.contains("all states equal"), "{said}");
    let engine = Engine::start(&setting(&new, None)).await?;
    let channel = engine.channel().await?;
    is_all_there(&channel, &known).await?;
    ensure!(tool(&explain(&engine)).await? == explained, "decisions came along");
    let mut desk = Desk::new(channel.clone(), &node(0));
    let open = desk.next(instruction.number).await?;
    ensure!(open.destination.is_some() && !open.erased, "{open:?}");
    desk.fulfill(&open).await?;
    stopped(engine).await?;
    // What it came from still is what it was.
    let engine = Engine::start(&setting(&old, None)).await?;
    known.placed.pop();
    is_all_there(&engine.channel().await?, &known).await?;
    stopped(engine).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_carried_into_postgresql_and_back_with_all_that_was_acknowledged() -> anyhow::Result<()>
{
    there_and_back(Kind::Postgres).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_carried_into_jetstream_and_back_with_all_that_was_acknowledged() -> anyhow::Result<()>
{
    there_and_back(Kind::nats()?).await
}

/// Starts a migration and kills it once `partitions` of it have arrived.
async fn killed(arguments: &[String], partitions: usize) -> anyhow::Result<()> {
    let mut child = tokio::process::Command::new(binary()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("it was piped")?).lines();
    for _ in 0..partitions {
        lines.next_line().await?.context("it ended before it was killed")?;
    }
    child.kill().await?;
    Ok(())
}

async fn broken_off(kind: Kind) -> anyhow::Result<()> {
    let world = tempfile::tempdir()?;
    let journal = tokio::task::block_in_place(|| SharedJournal::start(kind))?;
    let [old, home, new] = ["old", "home", "new"].map(|name| world.path().join(name));
    let (engine, channel) = opened(&old).await?;
    let mut placed = Vec::new();
    for index in 0..ORDERS {
        placed.push(place(&channel, &format!("M-{index}")).await?);
    }
    stopped(engine).await?;

    killed(&migrate("to-journal", &old, &journal, &[]), 3).await?;
    let part = refused(&migrate("to-journal", &old, &journal, &[])).await?;
    ensure!(part.contains("is not whole") && part.contains("--begin-again"), "{part}");
    let started = Engine::start(&setting(&home, Some(&journal))).await.err().context("a part was served")?;
    ensure!(started.to_string().contains("broken off"), "{started:#}");
    std::fs::remove_dir_all(&home)?;
    tool(&migrate("to-journal", &old, &journal, &["--begin-again"])).await?;
    let whole = refused(&migrate("to-journal", &old, &journal, &["--begin-again"])).await?;
    ensure!(whole.contains("holds something already"), "what is whole is never removed: {whole}");

    // Before anything has arrived it is already marked; after some has, too.
    killed(&migrate("to-directory", &new, &journal, &[]), 2).await?;
    if new.join("ARRIVING").exists() {
        let part = refused(&migrate("to-directory", &new, &journal, &[])).await?;
        ensure!(part.contains("is not whole"), "{part}");
        let started = Engine::start(&setting(&new, None)).await.err().context("a part was served")?;
        ensure!(started.to_string().contains("broken off"), "{started:#}");
    }
    std::fs::write(new.join("ARRIVING"), "a test")?;
    let started = Engine::start(&setting(&new, None)).await.err().context("a part was served")?;
    ensure!(started.to_string().contains("a test"), "{started:#}");
    tool(&migrate("to-directory", &new, &journal, &["--begin-again"])).await?;
    let engine = Engine::start(&setting(&new, None)).await?;
    let channel = engine.channel().await?;
    for one in &placed {
        get(&channel, one).await?;
    }
    stopped(engine).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_fill_one_directory_at_once_one_is_refused() -> anyhow::Result<()> {
    let world = tempfile::tempdir()?;
    let journal = tokio::task::block_in_place(|| SharedJournal::start(Kind::Postgres))?;
    let [old, new] = ["old", "new"].map(|name| world.path().join(name));
    let (engine, channel) = opened(&old).await?;
    let placed = place(&channel, "M-0").await?;
    stopped(engine).await?;
    tool(&migrate("to-journal", &old, &journal, &[])).await?;

    std::fs::create_dir_all(&new)?;
    let dir = DataDir::new(&new);
    let again = migrate("to-directory", &new, &journal, &["--begin-again"]);
    dir.begin_arrival(Filling::Restore, "a copy")?;
    let told = refused(&again).await?;
    ensure!(told.contains("being restored from a copy") && new.join("ARRIVING").exists(), "{told}");
    dir.begin_arrival(Filling::Migration, "a shared journal")?;
    std::fs::write(new.join("remains"), "of a migration")?;
    let lock = dir.lock()?;
    let told = refused(&again).await?;
    ensure!(
        told.contains("in use") && new.join("remains").exists(),
        "what another fills is left alone: {told}"
    );
    drop(lock);
    let (one, other) = tokio::join!(run(&again), run(&again));
    let (one, other) = (one?, other?);
    let refused = if one.status.success() { &other } else { &one };
    let told = String::from_utf8_lossy(&refused.stderr);
    ensure!(one.status.success() != other.status.success(), "{one:?} {other:?}");
    ensure!(told.contains("in use") || told.contains("is not empty"), "{told}");
    ensure!(!new.join("remains").exists());
    let engine = Engine::start(&setting(&new, None)).await?;
    get(&engine.channel().await?, &placed).await?;
    stopped(engine).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_killed_leaves_what_is_refused_and_begun_again_at_postgresql()
-> anyhow::Result<()> {
    broken_off(Kind::Postgres).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_killed_leaves_what_is_refused_and_begun_again_at_jetstream() -> anyhow::Result<()>
{
    broken_off(Kind::nats()?).await
}
