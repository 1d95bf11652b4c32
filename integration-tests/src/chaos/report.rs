//! What the faults cost those who called: for how long they were without an answer, and how often they were sent away.

use super::callers::{Home, Wait};
use super::round::Shown;
use super::strike::{Fault, Window};
use super::{ChaosOptions, Outcome};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Of one kind of fault.
#[derive(Default)]
struct Cost {
    rounds: u32,
    /// Longest wait of each thing's home before the fault, in each round.
    calm: Vec<Duration>,
    /// Longest wait of each home that was hit, in each window.
    without: Vec<Duration>,
    /// The same, counted from when the engine answered again.
    without_after: Vec<Duration>,
    waits: usize,
    refused: u64,
    unanswered: u64,
}

/// Of a run.
#[derive(Default)]
pub(super) struct Report {
    costs: BTreeMap<Fault, Cost>,
    pub(super) not_run: Vec<(Fault, String)>,
    calls: usize,
    acknowledged: usize,
    settled_by_retry: usize,
    audited: u64,
}

/// The longest that somebody waited for each home of a window, where the wait is counted from `from` at the earliest.
fn longest(waits: &[Wait], from: Instant, until: Instant, of: impl Fn(&Home) -> bool) -> Vec<Duration> {
    let mut by_home: BTreeMap<Home, Duration> = BTreeMap::new();
    let during = waits.iter().filter(|wait| wait.ended >= from && wait.begun <= until && of(&wait.home));
    for wait in during {
        let waited = wait.ended.duration_since(wait.begun.max(from));
        let longest = by_home.entry(wait.home).or_default();
        *longest = (*longest).max(waited);
    }
    by_home.into_values().collect()
}

/// Median and worst, in milliseconds.
fn figures(durations: &[Duration]) -> Option<(u128, u128)> {
    let mut sorted = durations.to_vec();
    sorted.sort();
    let median = sorted.get(sorted.len() / 2)?;
    Some((median.as_millis(), sorted.last()?.as_millis()))
}

fn text(durations: &[Duration]) -> String {
    figures(durations).map_or_else(|| "-".to_owned(), |(median, worst)| format!("{median} / {worst}"))
}

impl Cost {
    fn add(&mut self, windows: &[Window], waits: &[Wait], began: Instant) {
        self.rounds += 1;
        let struck = windows.first().map_or(began, |window| window.from);
        let calm: Vec<Wait> = waits.iter().copied().filter(|wait| wait.ended <= struck).collect();
        self.calm.extend(longest(&calm, began, struck, |_| true));
        for Window { from, until, answers, homes } in windows {
            self.without.extend(longest(waits, *from, *until, |home| homes.contains(home)));
            if let Some(answers) = answers {
                let late = longest(waits, *answers, *until, |home| homes.contains(home));
                self.without_after.extend(late);
            }
        }
        let after = waits.iter().filter(|wait| wait.ended > struck);
        for wait in after {
            self.waits += 1;
            self.refused += u64::from(wait.trouble.refused);
            self.unanswered += u64::from(wait.trouble.unanswered);
        }
    }

    fn row(&self, fault: Fault) -> String {
        format!(
            "{:<18} {:>6} {:>14} {:>16} {:>16} {:>7} {:>8} {:>10}",
            name(fault),
            self.rounds,
            text(&self.calm),
            text(&self.without),
            text(&self.without_after),
            self.waits,
            self.refused,
            self.unanswered
        )
    }
}

/// As it is given on the command line.
fn name(fault: Fault) -> String {
    let value = clap::ValueEnum::to_possible_value(&fault);
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// A line about what callers of a round saw of its fault.
pub(super) fn struck(fault: Fault, windows: &[Window], waits: &[Wait], began: Instant) -> String {
    let mut cost = Cost::default();
    cost.add(windows, waits, began);
    let after = match cost.without_after.is_empty() {
        true => String::new(),
        false => format!(", {} ms after the engine answered", text(&cost.without_after)),
    };
    format!(
        "{}: without an answer for {} ms (median / worst of {} homes hit){after}; calm {} ms; {} refused, {} unanswered",
        name(fault),
        text(&cost.without),
        cost.without.len(),
        text(&cost.calm),
        cost.refused,
        cost.unanswered
    )
}

impl Report {
    /// Adds a round; answers with a line about it.
    pub(super) fn add(&mut self, fault: Fault, shown: Shown) -> String {
        self.costs.entry(fault).or_default().add(&shown.windows, &shown.waits, shown.began);
        self.calls += shown.calls;
        self.acknowledged += shown.acknowledged;
        self.settled_by_retry += shown.settled_by_retry;
        self.audited += shown.audited;
        format!(
            "{}: {} calls in one order, {} acknowledged, {} settled by a retry, {} things audited",
            name(fault),
            shown.calls,
            shown.acknowledged,
            shown.settled_by_retry,
            shown.audited
        )
    }

    fn worst(&self, fault: Fault) -> String {
        let cost = self.costs.get(&fault);
        cost.and_then(|cost| figures(&cost.without)).map_or("-".to_owned(), |(_, worst)| worst.to_string())
    }

    pub(super) fn outcome(self, options: &ChaosOptions) -> Outcome {
        let mut table = format!(
            "{:<18} {:>6} {:>14} {:>16} {:>16} {:>7} {:>8} {:>10}\n",
            "fault", "rounds", "calm ms", "without ms", "after engine ms", "asked", "refused", "unanswered"
        );
        for (fault, cost) in &self.costs {
            table.push_str(&cost.row(*fault));
            table.push('\n');
        }
        for (fault, why) in &self.not_run {
            table.push_str(&format!("{:<18} NOT RUN: {why}\n", name(*fault)));
        }
        let rounds = self.costs.values().map(|cost| cost.rounds).sum();
        let line = format!(
            "RESULT chaos engine={} rounds={rounds} faults={} not_run={} kill_owner_worst_ms={} hand_over_worst_ms={} \
             calls_in_one_order={} acknowledged={} settled_by_retry={} audited={} lost=0 doubled=0",
            options.engine,
            self.costs.len(),
            self.not_run.len(),
            self.worst(Fault::KillOwner),
            self.worst(Fault::RollingRestart),
            self.calls,
            self.acknowledged,
            self.settled_by_retry,
            self.audited
        );
        let (calls, acknowledged) = (self.calls, self.acknowledged);
        Outcome { table, line, not_run: self.not_run, rounds, calls, acknowledged }
    }
}
