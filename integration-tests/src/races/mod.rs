//! Races on a running engine: two clients want things that exclude each other, at any moment. Each round must end with
//! exactly one outcome, by the clients' answers as by the books, and every law holds in the end.

mod cancel;
mod change;
mod people;
mod round;
mod till;

use crate::fault::Chance;
use crate::retailer::Shape;
use crate::world::World;
use anyhow::{Context, ensure};
use futures::StreamExt;
use round::Round;
use std::collections::BTreeMap;
use std::fmt;

/// How many rounds, and how many at once.
#[derive(Clone, Copy, Debug)]
pub struct RaceOptions {
    /// Rounds of each race.
    pub rounds: u64,
    /// Rounds under way at the same time.
    pub at_once: usize,
    /// Replays the choices of a run (not the engine's timing).
    pub seed: u64,
}

/// Two that exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Race {
    AmendAgainstPick,
    CancelAgainstPick,
    CancelAgainstShip,
    TwoAmends,
    ReturnAgainstExchange,
    MergeAgainstPlace,
}

impl Race {
    const ALL: [Self; 6] = [
        Self::AmendAgainstPick,
        Self::CancelAgainstPick,
        Self::CancelAgainstShip,
        Self::TwoAmends,
        Self::ReturnAgainstExchange,
        Self::MergeAgainstPlace,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::AmendAgainstPick => "amend against pick",
            Self::CancelAgainstPick => "cancel against pick",
            Self::CancelAgainstShip => "cancel against ship",
            Self::TwoAmends => "two amends",
            Self::ReturnAgainstExchange => "return against exchange",
            Self::MergeAgainstPlace => "merge against place",
        }
    }

    async fn run(self, round: &mut Round<'_>) -> anyhow::Result<Outcome> {
        match self {
            Self::AmendAgainstPick => change::against_pick(round).await,
            Self::CancelAgainstPick => cancel::against_pick(round).await,
            Self::CancelAgainstShip => cancel::against_ship(round).await,
            Self::TwoAmends => change::against_each_other(round).await,
            Self::ReturnAgainstExchange => till::return_against_exchange(round).await,
            Self::MergeAgainstPlace => people::merge_against_place(round).await,
        }
    }
}

/// Who won a round, and what the other was told.
#[derive(Clone, Debug)]
struct Outcome {
    winner: &'static str,
    told: String,
}

/// What all rounds came to.
#[derive(Clone, Debug, Default)]
pub struct Table(BTreeMap<Race, BTreeMap<&'static str, BTreeMap<String, u64>>>);

impl Table {
    /// Rounds that were run, over all races.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<26}{:>8}  who won how often, and what the others were told", "Race", "rounds")?;
        for (race, winners) in &self.0 {
            let rounds: u64 = winners.values().flat_map(BTreeMap::values).sum();
            write!(f, "{:<26}{rounds:>8} ", race.name())?;
            for (winner, told) in winners {
                let words: Vec<String> = told.iter().map(|(word, count)| format!("{word} {count}")).collect();
                write!(f, " {winner} {} ({});", told.values().sum::<u64>(), words.join(", "))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Stock for every round: no round fails for lack of it.
const fn shape(rounds: u64) -> Shape {
    Shape { nodes: 3, items: 4, stock: 1_000 + 20 * rounds as i64 }
}

/// Runs every race on an engine of its own and audits it.
///
/// # Errors
/// A round with no outcome or two, books that say something else than the answers, a broken law.
pub async fn races(options: RaceOptions) -> anyhow::Result<Table> {
    let world = World::open(shape(options.rounds), Vec::new()).await?;
    let mut table = Table::default();
    for race in Race::ALL {
        let run = |number: u64| {
            let world = &world;
            async move {
                let mut round = Round::new(world, race as u64, number, options.seed);
                let outcome = race.run(&mut round).await;
                outcome.with_context(|| format!("{}, round {number}, seed {}", race.name(), options.seed))
            }
        };
        let mut rounds =
            futures::stream::iter((0..options.rounds).map(run)).buffer_unordered(options.at_once);
        while let Some(outcome) = rounds.next().await {
            let Outcome { winner, told } = outcome?;
            *table.0.entry(race).or_default().entry(winner).or_default().entry(told).or_default() += 1;
        }
    }
    world.check().await?;
    ensure!(table.rounds() == options.rounds * Race::ALL.len() as u64, "rounds are missing:\n{table}");
    Ok(table)
}
