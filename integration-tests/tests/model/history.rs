//! Histories: what is done in which order, how a history is played to its end, and how one that fails is made short.

use super::dice::Dice;
use super::mutants::Mutant;
use super::sim::{Lawful, Sim, Wrong};
use super::{hands, planner, see, shelf, shop, wake};
use std::panic::{AssertUnwindSafe, catch_unwind};
use waybill_fulfillment::Fulfillment;
use waybill_inventory::Inventory;
use waybill_orders::Orders;
use waybill_types::Timestamp;

/// One kind of thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Place,
    Cancel,
    Amend,
    Decide,
    OrderHold,
    GiveBack,
    ReceiveBack,
    Erase,
    Policy,
    Later,
    Hands,
    Book,
    Remembered,
    AskAgain,
    Hold,
    Node,
    Plan,
    Blind,
    Deliver,
    Crash,
    Restart,
    Checkpoint,
    Audit,
}

const WEIGHTS: [(Kind, u64); 23] = [
    (Kind::Place, 12),
    (Kind::Cancel, 7),
    (Kind::Amend, 12),
    (Kind::Decide, 4),
    (Kind::OrderHold, 5),
    (Kind::GiveBack, 6),
    (Kind::ReceiveBack, 6),
    (Kind::Erase, 1),
    (Kind::Policy, 1),
    (Kind::Later, 10),
    (Kind::Hands, 40),
    (Kind::Book, 10),
    (Kind::Remembered, 1),
    (Kind::AskAgain, 2),
    (Kind::Hold, 3),
    (Kind::Node, 1),
    (Kind::Plan, 20),
    (Kind::Blind, 1),
    (Kind::Deliver, 70),
    (Kind::Crash, 3),
    (Kind::Restart, 1),
    (Kind::Checkpoint, 3),
    (Kind::Audit, 1),
];

/// One thing that happens: its kind, and the seed of everything random in it. It keeps its name when others go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    pub(crate) name: u32,
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
}

/// A history of some hundred acts.
pub(crate) fn acts(seed: u64) -> Vec<Act> {
    let mut dice = Dice::new(seed);
    let sum: u64 = WEIGHTS.iter().map(|some| some.1).sum();
    let count = dice.between(100, 300);
    let act = |name| {
        let mut pick = dice.below(sum);
        let found = WEIGHTS.iter().find(|(_, weight)| {
            let here = pick < *weight;
            pick = pick.saturating_sub(*weight);
            here
        });
        Act { name, kind: found.map_or(Kind::Deliver, |some| some.0), seed: dice.throw() }
    };
    (1..=count as u32).map(act).collect()
}

/// What a history came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Played {
    pub(crate) commands: u64,
    pub(crate) refusals: u64,
    pub(crate) compared: u64,
    pub(crate) orders: u64,
    /// A fingerprint of all that was decided: equal histories give equal ones.
    pub(crate) print: [u8; 32],
}

/// Plays a history to its end and judges it. A panic of a machine is a fault like any other.
pub(crate) fn play(
    seed: u64,
    acts: &[Act],
    mutant: Option<Mutant>,
    log: bool,
) -> (Result<Played, Wrong>, Vec<String>) {
    let mut sim = Sim::new(seed, mutant);
    sim.log = log.then(Vec::new);
    let played = catch_unwind(AssertUnwindSafe(|| whole(&mut sim, acts)));
    let result = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(Wrong(format!("panic: {}", text.unwrap_or_default())))
    });
    (result, sim.log.take().unwrap_or_default())
}

fn whole(sim: &mut Sim, acts: &[Act]) -> Lawful<Played> {
    shelf::open(sim)?;
    settle(sim)?;
    for act in acts {
        (sim.act, sim.dice) = (act.name, Dice::new(act.seed));
        one(sim, act.kind)?;
    }
    sim.act += 1;
    sim.dice = Dice::new(u64::from(sim.act));
    // Nobody does anything any more: everything arrives and every deadline passes.
    sim.blind_planner = false;
    pass(sim)?;
    sim.judge.at_rest().map_err(Wrong)?;
    see::audit(sim)?;
    // Everybody finishes what there is to do.
    finish(sim)?;
    sim.judge.at_rest().map_err(Wrong)?;
    sim.judge.all_done().map_err(Wrong)?;
    see::audit(sim)?;
    wake::nobody_waits_for_what_is_there(sim)?;
    restart_all(sim)?;
    let mut print = [0u8; 32];
    for hash in sim.orders.iter_mut().map(|part| part.core.state_hash()) {
        print.iter_mut().zip(hash).for_each(|(sum, byte)| *sum ^= byte);
    }
    Ok(Played {
        commands: sim.commands,
        refusals: sim.refusals,
        compared: sim.judge.compared,
        orders: sim.placed.len() as u64,
        print,
    })
}

fn one(sim: &mut Sim, kind: Kind) -> Lawful {
    match kind {
        Kind::Place => shop::place(sim),
        Kind::Cancel => shop::cancel(sim),
        Kind::Amend => shop::amend(sim),
        Kind::Decide => shop::decide(sim),
        Kind::OrderHold => shop::order_hold(sim),
        Kind::GiveBack => shop::give_back(sim),
        Kind::ReceiveBack => shop::receive_back(sim),
        Kind::Erase => shop::erase(sim),
        Kind::Policy => shop::policy(sim),
        Kind::Later => {
            shop::later(sim);
            Ok(())
        }
        Kind::Hands => hands::work(sim),
        Kind::Book => shelf::book(sim),
        Kind::Remembered => shelf::remembered(sim),
        Kind::AskAgain => shelf::ask_again(sim),
        Kind::Hold => shelf::hold(sim),
        Kind::Node => shelf::change_node(sim),
        Kind::Plan => planner::answer(sim, sim.dice.clone().chance(70)).map(drop),
        Kind::Blind => {
            sim.blind_planner = sim.dice.chance(40);
            Ok(())
        }
        Kind::Deliver => deliver_some(sim),
        Kind::Crash => {
            let at = sim.dice.below(2) as usize;
            match sim.dice.below(3) {
                0 => sim.crash::<Orders>(at),
                1 => sim.crash::<Inventory>(at),
                _ => sim.crash::<Fulfillment>(at),
            }
            Ok(())
        }
        Kind::Restart => restart_all(sim),
        Kind::Checkpoint => checkpoint(sim),
        Kind::Audit => {
            sim.commit_all()?;
            see::audit(sim)
        }
    }
}

fn deliver_some(sim: &mut Sim) -> Lawful {
    for _ in 0..sim.dice.between(1, 8) {
        let pairs = sim.busy_pairs();
        let Some((from, to)) = sim.dice.one(&pairs).copied() else { break };
        sim.deliver(from, to)?;
    }
    // What was heard may wait for others in its batch, and die with it.
    if sim.dice.chance(70) { sim.commit_all() } else { Ok(()) }
}

fn checkpoint(sim: &mut Sim) -> Lawful {
    let forgets = sim.is(Mutant::RowsAreLost);
    let at = sim.dice.below(2) as usize;
    match sim.dice.below(3) {
        0 => {
            sim.commit::<Orders>(at)?;
            sim.orders[at].checkpoint(forgets);
        }
        1 => {
            sim.commit::<Inventory>(at)?;
            sim.inventory[at].checkpoint(forgets);
        }
        _ => {
            sim.commit::<Fulfillment>(at)?;
            sim.fulfillment[at].checkpoint(forgets);
        }
    }
    Ok(())
}

fn restart_all(sim: &mut Sim) -> Lawful {
    for at in 0..2 {
        sim.restart::<Orders>(at)?;
        sim.restart::<Inventory>(at)?;
        sim.restart::<Fulfillment>(at)?;
    }
    Ok(())
}

/// Everything that is on its way arrives, and every question is answered; nothing new is asked for and no time passes.
fn settle(sim: &mut Sim) -> Lawful {
    for _ in 0..500 {
        let mut busy = false;
        sim.commit_all()?;
        for (from, to) in sim.busy_pairs() {
            while sim.deliver(from, to)? {
                busy = true;
            }
        }
        sim.commit_all()?;
        while planner::answer(sim, true)? {
            busy = true;
        }
        if !busy {
            return Ok(());
        }
    }
    Err(Wrong("REST: messages and plans go round and round".to_owned()))
}

/// Every deadline passes, one after the other.
fn pass(sim: &mut Sim) -> Lawful {
    settle(sim)?;
    for _ in 0..400 {
        if sim.is(Mutant::ClocksStandStill) {
            return Ok(());
        }
        let Some(due) = sim.next_due() else { return Ok(()) };
        // Past every clock's difference.
        sim.now = Timestamp::from_ms(sim.now.as_ms().max(due.as_ms() + 400));
        settle(sim)?;
    }
    Err(Wrong("REST: there is always something due".to_owned()))
}

fn finish(sim: &mut Sim) -> Lawful {
    shelf::release_all(sim)?;
    for id in sim.nodes.clone() {
        shelf::set_node(sim, &id, true, None)?;
    }
    shop::resolve_all(sim)?;
    for _ in 0..60 {
        pass(sim)?;
        if !hands::work_off(sim)? {
            return Ok(());
        }
    }
    Err(Wrong("REST: nodes are never done".to_owned()))
}

/// What kind of fault it is, without the numbers: a shorter history must fail alike.
pub(crate) fn kind_of(wrong: &Wrong) -> String {
    wrong.0.chars().take_while(|c| *c != '\n').filter(|c| !c.is_ascii_digit()).take(24).collect()
}

/// The shortest history found that fails in the same way.
pub(crate) fn shrunk(seed: u64, acts: Vec<Act>, wrong: &Wrong) -> Vec<Act> {
    let kind = kind_of(wrong);
    let fails = |acts: &[Act]| play(seed, acts, None, false).0.is_err_and(|found| kind_of(&found) == kind);
    let mut acts = acts;
    let mut size = acts.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < acts.len() {
            let mut fewer = acts.clone();
            fewer.drain(at..(at + size).min(acts.len()));
            if fails(&fewer) {
                acts = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    acts
}
