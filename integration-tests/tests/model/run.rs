//! How histories are run: many on all cores, one again, and broken worlds until they are found out.

use super::history::{Played, acts, kind_of, play, shrunk};
use super::mutants::Mutant;
use super::sim::Wrong;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seeds that once failed come first; everything after them is new ground.
const FIRST_SEED: u64 = 1;

/// So many faults are enough.
const FAULTS_MAX: usize = 30;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, must be a number")))
}

/// Panics of machines are caught and told with their history; their own messages would only be in the way.
fn quietly() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name().is_none_or(|name| !name.starts_with("history")) {
                before(info);
            }
        }));
    });
}

fn story(seed: u64, wrong: &Wrong) -> String {
    let all = acts(seed);
    let few = shrunk(seed, all.clone(), wrong);
    let (again, log) = play(seed, &few, None, true);
    let again = again.err().map_or_else(|| wrong.0.clone(), |wrong| wrong.0);
    let mut text = format!(
        "history {seed} went wrong: {}\n\nof its {} acts these {} are enough (WAYBILL_MODEL_SEED={seed} plays it):\n",
        wrong.0,
        all.len(),
        few.len()
    );
    for line in log.iter().chain([&again]) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Plays histories on all cores: one that is named, for some time, or a number of them.
pub(crate) fn many() {
    quietly();
    if let Some(seed) = number("WAYBILL_MODEL_SEED") {
        let (result, log) = on_a_thread(move || play(seed, &acts(seed), None, true));
        log.iter().for_each(|line| println!("{line}"));
        match result {
            Ok(played) => println!("{played:?}"),
            Err(wrong) => panic!("{}", on_a_thread(move || story(seed, &wrong))),
        }
        return;
    }
    let (first, until, count) = match number("WAYBILL_MODEL_SECONDS") {
        Some(seconds) => {
            let since = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_millis() as u64);
            (since << 20, Some(Instant::now() + Duration::from_secs(seconds)), u64::MAX)
        }
        None => (FIRST_SEED, None, number("WAYBILL_MODEL_HISTORIES").unwrap_or(10_000)),
    };
    let began = Instant::now();
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let found: Mutex<Vec<(u64, Wrong)>> = Mutex::default();
    let sums: Mutex<(u64, Played)> = Mutex::default();
    let work = || {
        while !stop.load(Ordering::Relaxed) && until.is_none_or(|until| Instant::now() < until) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            let seed = first.wrapping_add(at);
            match play(seed, &acts(seed), None, false).0 {
                Ok(played) => {
                    let mut sums = sums.lock().unwrap();
                    sums.0 += 1;
                    sums.1.commands += played.commands;
                    sums.1.refusals += played.refusals;
                    sums.1.compared += played.compared;
                    sums.1.orders += played.orders;
                }
                Err(wrong) => {
                    let mut found = found.lock().unwrap();
                    found.push((seed, wrong));
                    stop.store(found.len() >= FAULTS_MAX, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for core in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            std::thread::Builder::new().name(format!("history-{core}")).spawn_scoped(scope, work).unwrap();
        }
    });
    let (histories, sum) = *sums.lock().unwrap();
    println!(
        "{histories} histories in {:.1} s: {} commands, {} of them refused, {} orders, {} comparisons",
        began.elapsed().as_secs_f64(),
        sum.commands,
        sum.refusals,
        sum.orders,
        sum.compared
    );
    let found = found.into_inner().unwrap();
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (seed, wrong) in &found {
        kinds.entry(kind_of(wrong)).or_default().push(*seed);
    }
    kinds.iter().for_each(|(kind, seeds)| println!("{} histories: {kind}: {seeds:?}", seeds.len()));
    if let Some((seed, wrong)) = found.into_iter().next() {
        panic!("{}", on_a_thread(move || story(seed, &wrong)));
    }
    // Histories in which hardly anything happened would prove nothing.
    assert!(sum.orders > 3 * histories && sum.refusals < sum.commands / 2, "{sum:?} in {histories}");
}

fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().name("history".into()).spawn(work).unwrap().join().unwrap()
}

/// The same seed twice is the same to the last byte.
pub(crate) fn repeats(seed: u64) {
    let once =
        move || play(seed, &acts(seed), None, false).0.map(|played| played.print).map_err(|wrong| wrong.0);
    assert_eq!(once(), once());
}

/// A world broken in this way is found out within some histories.
pub(crate) fn caught(mutant: Mutant) {
    quietly();
    const HISTORIES: u64 = 200;
    let found = on_a_thread(move || {
        (1..=HISTORIES)
            .find_map(|seed| play(seed, &acts(seed), Some(mutant), false).0.err().map(|wrong| (seed, wrong)))
    });
    let (seed, Wrong(wrong)) =
        found.unwrap_or_else(|| panic!("{mutant:?} goes unnoticed in {HISTORIES} histories"));
    println!("{mutant:?}: history {seed}: {}", wrong.lines().next().unwrap_or_default());
}
