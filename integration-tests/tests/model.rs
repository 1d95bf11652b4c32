//! Random histories of everything, on real machines over simulated journals, disks, wires and clocks, judged by a small
//! independent model and by the machines' own audits.
//!
//! `WAYBILL_MODEL_SEED=n` plays exactly that history and prints it; `WAYBILL_MODEL_SECONDS=n` plays fresh seeds for so
//! long; `WAYBILL_MODEL_HISTORIES=n` sets how many are played otherwise.

mod model {
    pub(crate) mod dice;
    pub(crate) mod facts;
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
    pub(crate) mod wake;
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

/// The judge is worth something only as long as it shares nothing with what it judges, and can be read in one sitting.
#[test]
fn the_judge_knows_no_machine() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model");
    let judge = folder.join("judge").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let judge: Vec<String> = judge.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let facts = std::fs::read_to_string(folder.join("facts.rs")).unwrap();
    let foreign = |line: &&str| {
        let line = line.replace("waybill_types::", "");
        let ours = ["crate::model::facts::", "super::facts::"].iter().any(|ours| line.contains(ours));
        line.contains("waybill_") || (line.contains("model::") && !ours)
    };
    for text in judge.iter().chain([&facts]) {
        assert_eq!(text.lines().find(foreign), None);
    }
    let lines: usize = judge.iter().map(|text| text.lines().count()).sum();
    assert!((300..=700).contains(&lines), "the judge has {lines} lines");
}
