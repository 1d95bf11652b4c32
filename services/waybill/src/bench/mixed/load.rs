//! Workers that give commands one after the other, each drawing the kind of the next by chance, and what came of them.

use super::commands::{End, Given, Kind};
use super::orders::Shop;
use crate::bench::latency::Latencies;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use waybill_client::Client;
use waybill_fixtures::{Prng, Weights};

const PURPOSE_COMMANDS: u64 = 71;
/// Kinds that are drawn in vain before a worker of a phase without orders to change gives up.
const IN_VAIN_MAX: u32 = 50;

/// Weights of the kinds, in the sequence of [`Kind::ALL`].
pub(super) type Mix = [u64; 4];

/// What came of one kind of command.
#[derive(Clone, Debug, Default)]
pub(super) struct Came {
    pub(super) latencies: Latencies,
    pub(super) applied: u64,
    pub(super) refused: BTreeMap<String, u64>,
}

impl Came {
    pub(super) fn sent(&self) -> u64 {
        self.applied + self.refused.values().sum::<u64>()
    }
}

/// What came of all commands of a phase.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Commands that ended in the measured time, in the sequence of [`Kind::ALL`].
    pub(super) came: [Came; 4],
    /// Commands of each kind, the warm-up's and those that ended late as well.
    pub(super) all: [u64; 4],
    /// How long was measured.
    pub(super) time: Duration,
}

impl Outcome {
    pub(super) fn of(&self, kind: Kind) -> &Came {
        &self.came[kind as usize]
    }
    pub(super) fn per_s(&self) -> f64 {
        let sent: u64 = self.came.iter().map(Came::sent).sum();
        sent as f64 / self.time.as_secs_f64().max(f64::EPSILON)
    }
    fn add(&mut self, given: Given, measured: bool) {
        self.all[given.kind as usize] += 1;
        if !measured {
            return;
        }
        let came = &mut self.came[given.kind as usize];
        came.latencies.add(given.took);
        match given.end {
            End::Applied => came.applied += 1,
            End::Refused(why) => *came.refused.entry(why).or_default() += 1,
        }
    }
    fn join(&mut self, other: Self) {
        for (mine, other) in self.came.iter_mut().zip(other.came) {
            mine.latencies.join(other.latencies);
            mine.applied += other.applied;
            for (why, count) in other.refused {
                *mine.refused.entry(why).or_default() += count;
            }
        }
        for (mine, other) in self.all.iter_mut().zip(other.all) {
            *mine += other;
        }
    }
}

/// Gives commands for `warm_up` and then `time`, or until there is no order any more that they could be given for.
///
/// # Errors
/// The first fault of a command; a refusal is none.
pub(super) async fn run(
    shop: &Arc<Shop>,
    clients: &[Client],
    workers: u16,
    mix: Mix,
    (warm_up, time): (Duration, Duration),
) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let from = began + warm_up;
    let until = from + time;
    let mut running = JoinSet::new();
    for worker in 0..u64::from(workers) {
        let (shop, client) = (Arc::clone(shop), clients[worker as usize % clients.len()].clone());
        running.spawn(async move {
            let (mut outcome, mut in_vain) = (Outcome::default(), 0);
            let (weights, mut chance) =
                (Weights::new(mix), Prng::stream(mix.iter().sum(), PURPOSE_COMMANDS, worker));
            while Instant::now() < until && in_vain < IN_VAIN_MAX {
                let kind = Kind::ALL[weights.pick(&mut chance)];
                match shop.give(&client, kind, &mut chance).await? {
                    Some(given) => {
                        in_vain = 0;
                        let ended = Instant::now();
                        outcome.add(given, ended >= from && ended <= until);
                    }
                    None => in_vain += 1,
                }
            }
            anyhow::Ok(outcome)
        });
    }
    let mut outcome = Outcome::default();
    while let Some(worker) = running.join_next().await {
        outcome.join(worker??);
    }
    outcome.time = time.min(began.elapsed().saturating_sub(warm_up));
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_reason_and_the_warm_up_only_as_sent() {
        let given = |end: End| Given { kind: Kind::Amend, took: Duration::from_millis(1), end };
        let mut outcome = Outcome::default();
        outcome.add(given(End::Applied), true);
        outcome.add(given(End::Applied), false);
        let mut other = Outcome::default();
        other.add(given(End::Refused("stale".into())), true);
        outcome.join(other);
        let came = outcome.of(Kind::Amend);
        assert_eq!((came.sent(), came.applied, came.latencies.count()), (2, 1, 2));
        assert_eq!(came.refused, BTreeMap::from([("stale".to_owned(), 1)]));
        assert_eq!(outcome.all, [0, 3, 0, 0]);
    }
}
