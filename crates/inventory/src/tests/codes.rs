//! A code is of one item, whatever partitions the items lie in, whoever races, and wherever somebody stops half-way.

use super::*;
use crate::{Alias, AliasClaim, ClaimRow, Codes, Inventory, ItemOutcome, RowRefusal};
use waybill_machine::Machine;

fn gtin(value: &str) -> Alias {
    Alias { kind: text("gtin"), value: text(value) }
}

fn coded(code: &str, aliases: &[Alias]) -> ItemRow {
    ItemRow { item: Item { aliases: aliases.to_vec(), ..item(code) }, expected_revision: None }
}

impl Cluster {
    fn claim(
        &mut self,
        alias: &Alias,
        code: &str,
        revision: u64,
        over: Option<AliasClaim>,
    ) -> Option<AliasClaim> {
        let home = self.layout.code_home(&alias.kind, &alias.value);
        let row = ClaimRow { alias: alias.clone(), sku: sku(code), revision, over };
        let command = Command::ClaimCodes(vec![row]);
        let answer = self.ask(home, &command).unwrap();
        // Whoever does not know whether it was done puts it again.
        assert!(Inventory::is_repeatable(&command));
        assert_eq!(self.ask(home, &command).unwrap(), answer);
        match answer {
            Answer::Codes(mut claims) => claims.pop().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, row: ItemRow, codes: Option<Codes>) -> ItemOutcome {
        let code = row.item.sku.clone();
        match self.run(code.as_str(), Command::UpsertClaimed(vec![row], vec![codes])).unwrap() {
            Answer::Items(mut outcomes) => outcomes.pop().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn revision(&self, code: &str) -> u64 {
        read::item_revision(self.state(self.home(code)), &sku(code))
    }

    fn holders(&self, alias: &Alias) -> Vec<Sku> {
        let parts = self.layout.partitions(Service::Inventory);
        parts.filter_map(|part| read::holder(self.state(part), alias)).collect()
    }
}

#[test]
fn a_claimed_code_is_nobody_elses_until_its_item_gives_it_up() {
    let mut cluster = Cluster::new(3);
    let codes = cluster.skus_apart(2);
    let (a, b, code) = (codes[0].as_str(), codes[1].as_str(), gtin("1"));
    let claimed = |revision| Some(Codes::Claimed(revision, vec![code.clone()]));

    let unclaimed = cluster.write(coded(a, std::slice::from_ref(&code)), None);
    assert_eq!(unclaimed, ItemOutcome::Refused(RowRefusal::Overtaken(sku(a))));
    assert_eq!(cluster.claim(&code, a, 1, None), None);
    assert_eq!(cluster.claim(&code, a, 1, None), None, "a claim may be repeated");
    let claim = cluster.claim(&code, b, 1, None).unwrap();
    assert_eq!((&claim.sku, claim.revision), (&sku(a), 1));
    assert_eq!(cluster.write(coded(a, std::slice::from_ref(&code)), claimed(0)), ItemOutcome::Created(1));

    // Given up, the claim is void: whoever knows that takes it over, but no other claim than the one seen.
    assert_eq!(cluster.write(coded(a, &[]), None), ItemOutcome::Updated(2));
    assert_eq!(cluster.claim(&code, a, 3, None), None, "its last item may have it again");
    assert!(cluster.claim(&code, b, 1, Some(claim.clone())).is_some(), "that was not the claim any more");
    let claim = cluster.claim(&code, b, 1, None).unwrap();
    assert_eq!(claim.revision, 3);
    cluster.run(a, Command::FenceItem(sku(a), 3)).unwrap();
    assert_eq!(cluster.claim(&code, b, 1, Some(claim)), None);
    let late = cluster.write(coded(a, std::slice::from_ref(&code)), claimed(2));
    assert_eq!(late, ItemOutcome::Refused(RowRefusal::Overtaken(sku(a))));
    assert_eq!(cluster.write(coded(b, std::slice::from_ref(&code)), claimed(0)), ItemOutcome::Created(1));
    assert_eq!(cluster.holders(&code), [sku(b)]);
    cluster.assert_lawful();
}

#[test]
fn an_item_that_is_none_yet_is_fenced_too() {
    let mut cluster = Cluster::new(3);
    let codes = cluster.skus_apart(1);
    let (a, code) = (codes[0].as_str(), gtin("1"));
    assert_eq!(cluster.claim(&code, a, 1, None), None);
    cluster.run(a, Command::FenceItem(sku(a), 1)).unwrap();
    cluster.run(a, Command::FenceItem(sku(a), 1)).unwrap();
    assert_eq!(cluster.events(), 2, "a fence that stands is not put up again");
    let late =
        cluster.write(coded(a, std::slice::from_ref(&code)), Some(Codes::Claimed(0, vec![code.clone()])));
    assert_eq!(late, ItemOutcome::Refused(RowRefusal::Overtaken(sku(a))));
    assert_eq!(cluster.write(coded(a, &[]), None), ItemOutcome::Created(2));
    assert_eq!(cluster.revision(a), 2);
    cluster.assert_lawful();
}

#[test]
fn a_code_that_was_not_among_the_claimed_ones_is_refused() {
    let mut cluster = Cluster::new(3);
    let codes = cluster.skus_apart(1);
    let a = codes[0].as_str();
    assert_eq!(cluster.claim(&gtin("1"), a, 1, None), None);
    let row = coded(a, &[gtin("1"), gtin("2")]);
    let refused = cluster.write(row, Some(Codes::Claimed(0, vec![gtin("1")])));
    assert_eq!(refused, ItemOutcome::Refused(RowRefusal::Overtaken(sku(a))));
}

/// One who writes an item with a code, or without, a step at a time; it may never come back.
struct Writer {
    code: String,
    alias: Alias,
    step: Step,
}

enum Step {
    Look,
    Scatter(u64, Vec<PartitionId>),
    Claim(u64, Option<AliasClaim>),
    Judge(u64, AliasClaim, bool),
    Write(Option<Codes>, bool),
    Done,
}

impl Writer {
    fn step(&mut self, cluster: &mut Cluster, patient: bool) {
        let home = cluster.home(&self.code);
        self.step = match std::mem::replace(&mut self.step, Step::Done) {
            Step::Look => {
                let revision = cluster.revision(&self.code);
                let item = coded(&self.code, std::slice::from_ref(&self.alias)).item;
                if read::new_codes(cluster.state(home), &item).is_empty() {
                    Step::Write(None, true)
                } else {
                    let parts = cluster.layout.partitions(Service::Inventory);
                    Step::Scatter(revision, parts.filter(|part| *part != home).collect())
                }
            }
            Step::Scatter(revision, mut left) => match left.pop() {
                Some(part) if read::holder(cluster.state(part), &self.alias).is_some() => Step::Done,
                Some(_) => Step::Scatter(revision, left),
                None => Step::Claim(revision, None),
            },
            Step::Claim(revision, over) => {
                let again = over.is_none();
                match cluster.claim(&self.alias, &self.code, revision + 1, over) {
                    None => Step::Write(Some(Codes::Claimed(revision, vec![self.alias.clone()])), true),
                    Some(claim) if again => Step::Judge(revision, claim, true),
                    Some(_) => Step::Done,
                }
            }
            Step::Judge(revision, claim, may_fence) => {
                let of = cluster.home(claim.sku.as_str());
                let held = read::holder(cluster.state(of), &self.alias).is_some();
                let come = read::item_revision(cluster.state(of), &claim.sku) >= claim.revision;
                if held || (!come && patient) {
                    Step::Done
                } else if come {
                    Step::Claim(revision, Some(claim))
                } else {
                    assert!(may_fence, "a fence that was put up stands");
                    cluster.ask(of, &Command::FenceItem(claim.sku.clone(), claim.revision)).unwrap();
                    Step::Judge(revision, claim, false)
                }
            }
            Step::Write(codes, with) => {
                let aliases = if with { vec![self.alias.clone()] } else { Vec::new() };
                cluster.write(coded(&self.code, &aliases), codes);
                Step::Done
            }
            Step::Done => Step::Done,
        };
    }
}

#[test]
fn however_writers_race_and_stop_half_way_no_code_is_of_two_items_and_none_is_lost_for_good() {
    let mut chance = 1u64;
    let mut below = move |bound: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % bound
    };
    let mut held = 0;
    for round in 0..300 {
        let mut cluster = Cluster::new(3);
        let mut codes = cluster.skus_apart(3);
        // A neighbour, so that codes also move within a partition.
        let twin = (0..).map(|n| format!("T{n}")).find(|code| cluster.home(code) == cluster.home(&codes[0]));
        codes.push(twin.unwrap());
        let mut writers: Vec<Writer> = Vec::new();
        for _ in 0..120 {
            if writers.len() < 4 {
                let (code, alias) = (codes[below(codes.len())].clone(), gtin(["1", "2"][below(2)]));
                let step = if below(3) == 0 { Step::Write(None, false) } else { Step::Look };
                writers.push(Writer { code, alias, step });
            }
            let one = below(writers.len());
            writers[one].step(&mut cluster, below(2) == 0);
            if matches!(writers[one].step, Step::Done) || below(12) == 0 {
                writers.swap_remove(one);
            }
            for alias in [gtin("1"), gtin("2")] {
                let holders = cluster.holders(&alias);
                assert!(holders.len() <= 1, "round {round}: {alias:?} is of {holders:?}");
                held += holders.len();
            }
        }
        // Nobody is under way any more: a code that no item has can be had.
        let alias = gtin("1");
        if cluster.holders(&alias).is_empty() {
            let mut last = Writer { code: codes[below(4)].clone(), alias: alias.clone(), step: Step::Look };
            while !matches!(last.step, Step::Done) {
                last.step(&mut cluster, false);
            }
            assert_eq!(cluster.holders(&alias), [sku(&last.code)], "round {round}");
        }
        cluster.assert_lawful();
    }
    assert!(held > 1_000, "codes were hardly ever had: {held}");
}
