//! `waybill bench place --policy simple,exact`: the same orders on one engine per way of planning, turn and turn about, so
//! that whatever else the machine does falls on both alike. Only the engine whose turn it is has anything to do.

use super::super::instructed::Instructions;
use super::super::setup::Bench;
use super::{Args, Measured, STREAM_CONNECTIONS, Source, TEMPLATES, measure, source, verify};
use crate::config::SourcingMethod;
use crate::demo::world::World;
use clap::ValueEnum;
use std::sync::Arc;
use waybill_client::Client;
use waybill_fixtures::{Regime, StockShape};

/// Turns of each engine, an even number. The sequence is turned around every time, so that none is always the first.
const TURNS: u64 = 6;

/// One way of planning, on an engine of its own.
struct Stand {
    policy: SourcingMethod,
    bench: Bench,
    operator: Client,
    instructions: Instructions,
    source: Arc<Source>,
    turns: Vec<Measured>,
}

/// Measures, checks and prints the RESULT line.
///
/// # Errors
/// As for one engine.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let shape = common.ample(StockShape::new(Regime::Base, TEMPLATES));
    let world = Arc::new(tokio::task::spawn_blocking(move || World::make(shape, None)).await??);
    let mut stands = Vec::new();
    for policy in &args.policy {
        stands.push(Stand::open(args, *policy, &world).await?);
    }
    drop(world);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine before: {}", load.split(' ').next().unwrap_or("unknown"));
    let seconds = (common.seconds / (TURNS * stands.len() as u64)).max(1);
    let turn = Args { common: super::Common { seconds, ..common.clone() }, ..args.clone() };
    for _ in 0..TURNS {
        for stand in &mut stands {
            stand.turns.push(measure(&turn, &stand.bench, &stand.source, &stand.operator).await?);
        }
        stands.reverse();
    }
    let mut result = String::from("RESULT");
    for stand in &mut stands {
        stand.instructions.check()?;
        verify(&stand.source, &stand.operator).await?;
        result.push_str(&stand.tell());
    }
    if let [first, second] = &stands[..] {
        let ratio = second.cpu_us() / first.cpu_us().max(f64::EPSILON);
        result.push_str(&format!(" {}_to_{}={ratio:.3}", name(second.policy), name(first.policy)));
    }
    for stand in stands {
        drop((stand.instructions, stand.source));
        stand.bench.end().await?;
    }
    println!("{result}");
    Ok(())
}

fn name(policy: SourcingMethod) -> String {
    policy.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Stand {
    async fn open(args: &Args, policy: SourcingMethod, world: &Arc<World>) -> anyhow::Result<Self> {
        let bench = Bench::start_with(&args.common, &["--sourcing", &name(policy)]).await?;
        bench.fill(world).await?;
        let streams = bench.connect(STREAM_CONNECTIONS, "").await?;
        let nodes = world.retailer.nodes.iter().map(|node| node.node_id.clone());
        let instructions = Instructions::subscribe(&streams, nodes)?;
        let source = Arc::new(source(&bench, &args.common, world, &instructions).await?);
        let operator = bench.operator().await?;
        Ok(Self { policy, bench, operator, instructions, source, turns: Vec::new() })
    }

    fn sum(&self, of: impl Fn(&Measured) -> u64) -> f64 {
        self.turns.iter().map(of).sum::<u64>() as f64
    }

    /// The server's processor time per order in microseconds.
    fn cpu_us(&self) -> f64 {
        self.sum(|turn| turn.cpu_us) / self.sum(|turn| turn.orders).max(1.0)
    }

    /// Prints a row, and answers the figures for the last line.
    fn tell(&self) -> String {
        let each = |turn: &Measured| turn.cpu_us as f64 / (turn.orders as f64).max(1.0);
        let turns: Vec<String> = self.turns.iter().map(|turn| format!("{:.0}", each(turn))).collect();
        let counted = self.sum(|turn| turn.done.latencies.count() as u64);
        let time: f64 = self.turns.iter().map(|turn| turn.done.time.as_secs_f64()).sum();
        let (name, cpu_us, per_s) = (name(self.policy), self.cpu_us(), counted / time.max(f64::EPSILON));
        println!(
            "{name}: {counted} orders, {per_s:.0} per second, {:.2} journal frames an order; the server's processor time an \
             order by turn in us: {}",
            self.sum(|turn| turn.frames) / self.sum(|turn| turn.orders).max(1.0),
            turns.join(" ")
        );
        format!(" {name}_cpu_us_per_order={cpu_us:.0} {name}_orders_per_s={per_s:.0}")
    }
}
