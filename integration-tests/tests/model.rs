//! Random histories of everything, on real machines over simulated journals, disks, wires and clocks, judged by a small
//! independent model and by the machines' own audits.
//!
//! `WAYBILL_MODEL_SEED=n` plays exactly that history and prints it; `WAYBILL_MODEL_SECONDS=n` plays fresh seeds for so
//! long; `WAYBILL_MODEL_HISTORIES=n` sets how many are played otherwise.

mod model {
    pub(crate) mod dice;
    pub(crate) mod hands;
    pub(crate) mod history;
    pub(crate) mod judge;
    pub(crate) mod mutants;
    pub(crate) mod part;
    pub(crate) mod planner;
    pub(crate) mod run;
    pub(crate) mod see;
    pub(crate) mod shelf;
    pub(crate) mod shop;
    pub(crate) mod sim;
}

use model::mutants::Mutant;
use model::run;

#[test]
fn every_history_is_judged_right() {
    run::many();
}

#[test]
fn a_seed_is_one_history() {
    run::repeats(77);
}

#[test]
fn a_broken_world_is_found_out() {
    for mutant in Mutant::ALL {
        run::caught(mutant);
    }
}

/// The judge is worth something only as long as it shares nothing with what it judges.
#[test]
fn the_judge_knows_no_machine() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model/judge");
    let mut lines = 0;
    for entry in folder.read_dir().unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        lines += text.lines().count();
        for (number, line) in text.lines().enumerate() {
            let foreign = line.replace("waybill_types::", "").contains("waybill_");
            assert!(!foreign, "line {}: {line}", number + 1);
        }
    }
    assert!((100..=600).contains(&lines), "the judge has {lines} lines");
}
