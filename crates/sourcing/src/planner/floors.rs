//! The problem as the exact kernel reads it: every tariff replaced by the straight line below it. What the kernel proves
//! of that problem holds of the real one, whose costs are never less.

use crate::kernel;
use crate::kernel::{Ask, Bond, Certificate, Facility, Kind, Limits, Line, Solution, Solver};
use crate::planner::problem::Problem;
use crate::planner::score::{Score, group_end};
use minicbor::{Decode, Encode};
use std::cell::RefCell;

/// Costs are told in a coarser unit, by so many bits at a time, as long as their sums do not fit.
const COARSER_BITS: u32 = 6;

/// What a unit left unserved costs beyond its backorder, by its measure, where serving more goes before any saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Law {
    pub(crate) unserved_micro: i64,
}

impl Law {
    /// Cost, and what the law adds for units left unserved.
    pub(crate) fn weighed(self, score: &Score) -> i128 {
        score.cost_micro + i128::from(self.unserved_micro) * score.unserved as i128
    }
    /// What is less by the law: fewer units unserved where that goes first, then cost.
    pub(crate) fn rank(self, score: &Score) -> (u128, i128) {
        (if self.unserved_micro > 0 { score.unserved } else { 0 }, score.cost_micro)
    }
}

/// Memory of the kernel that is used again by every plan of a thread. No plan depends on what is in it.
#[derive(Default)]
struct Memory {
    solver: Solver,
    solution: Solution,
    problem: kernel::Problem,
    places: Vec<u32>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// What the kernel says of a problem's floors.
#[derive(Debug)]
pub(crate) struct Floor {
    /// Rows that the cheapest plan uses.
    pub(crate) rows: Vec<u32>,
    /// No plan costs less, what cannot be served left aside.
    pub(crate) bound_micro: i128,
    /// How much coarser than a millionth costs were told.
    pub(crate) bits: u32,
    /// What proves it, as far as duals do.
    certificate: Certificate,
}

/// Rows that matter, and how cheap a plan with them could be.
#[derive(Debug)]
pub(crate) struct Contenders {
    pub(crate) rows: Vec<u32>,
    pub(crate) bound_micro: i128,
    certificate: Certificate,
}

/// Duals of the floors of one problem, as they are kept: what [`super::proof`] counts a bound from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Duals {
    /// How many bits coarser than millionths of a minor unit the costs are.
    #[n(0)]
    pub(crate) coarser_bits: u32,
    /// By how many bits values are finer than those costs.
    #[n(1)]
    pub(crate) scale_bits: u32,
    /// Values by want, stage after stage.
    #[n(2)]
    pub(crate) stages: Vec<Vec<i64>>,
}

impl Duals {
    fn of(bits: u32, certificate: &Certificate) -> Self {
        let mut stages = certificate.parts.first().map_or(Vec::new(), |part| part.stages.clone());
        stages.dedup();
        Self { coarser_bits: bits, scale_bits: certificate.scale_bits, stages }
    }
}

impl Floor {
    pub(crate) fn duals(&self) -> Duals {
        Duals::of(self.bits, &self.certificate)
    }
}

impl Contenders {
    pub(crate) fn duals(&self, floor_bits: u32) -> Duals {
        Duals::of(floor_bits, &self.certificate)
    }
}

/// Solves the floors of the problem. `None` when its numbers are beyond all sense.
pub(crate) fn solve(problem: &Problem<'_>, law: Law) -> Option<Floor> {
    MEMORY.with_borrow_mut(|memory| {
        let Memory { solver, solution, problem: told, .. } = memory;
        coarser(|bits| {
            tell(problem, law, bits, told)?;
            solver.solve_into(told, &Ask::default(), solution).ok()?;
            let bound_micro = i128::from(solution.certificate.lower_bound) << bits;
            let rows = solution.facilities().map(|place| told.facilities()[place as usize].id).collect();
            Some(Floor { rows, bound_micro, bits, certificate: std::mem::take(&mut solution.certificate) })
        })
    })
}

/// The rows that a plan under `cost_micro` may use, for the problem and law that `floor` was solved for last.
pub(crate) fn contenders(floor: &Floor, cost_micro: i128) -> Option<Contenders> {
    MEMORY.with_borrow_mut(|memory| {
        let Memory { solver, problem: told, places, .. } = memory;
        let cutoff = i64::try_from((cost_micro >> floor.bits) + 1).ok()?;
        let mut certificate = Certificate::default();
        let bound = solver.contenders(told, &Ask::default(), cutoff, places, &mut certificate).ok()?;
        let rows = places.iter().map(|place| told.facilities()[*place as usize].id).collect();
        let bound_micro = (i128::from(bound) << floor.bits).min(cost_micro);
        Some(Contenders { rows, bound_micro, certificate })
    })
}

/// Tries with finer costs first.
fn coarser<T>(mut attempt: impl FnMut(u32) -> Option<T>) -> Option<T> {
    (0..8).find_map(|step| attempt(step * COARSER_BITS))
}

/// Writes the problem down for the kernel; `None` where a number does not fit. Costs are rounded down, so that what is
/// proven of them holds.
pub(crate) fn tell(problem: &Problem<'_>, law: Law, bits: u32, told: &mut kernel::Problem) -> Option<()> {
    told.clear();
    for want in problem.wants.iter().filter(|want| want.reachable > 0) {
        let law_micro = i128::from(law.unserved_micro) * i128::from(want.measure);
        let unfilled = i64::try_from((i128::from(want.backorder_micro) + law_micro) >> bits).ok()?;
        let bond = if want.whole { Bond::Whole } else { Bond::Free };
        told.add_line(Line { quantity: u32::try_from(want.reachable).ok()?, unfilled, bond }, 1);
    }
    told.limits = Limits {
        shipments_max: u32::try_from(problem.shipments_max).unwrap_or(u32::MAX),
        one_per_node: true,
        ..Limits::default()
    };
    for (number, row) in problem.rows.iter().enumerate() {
        let kind = if problem.is_forced(number) { Kind::Virtual } else { Kind::Ship };
        let (id, node) = (number as u32, problem.rank(number));
        let facility = Facility { id, node, fixed: row.fixed_micro >> bits, day: 0, kind, barred: 0 };
        let (costs, stock) = told.add_facility(facility);
        let reachable = problem.wants.iter().enumerate().filter(|(_, want)| want.reachable > 0);
        for (item, (want, _)) in reachable.enumerate() {
            costs[item] = problem.unit(number, want) >> bits;
            let free = problem.free[row.source as usize * problem.wants.len() + want];
            stock[item] = u32::try_from(free).unwrap_or(u32::MAX);
        }
    }
    tell_lots(problem, told);
    Some(())
}

/// Wants that share stock draw on it together, at each row; a node has one row in use.
fn tell_lots(problem: &Problem<'_>, told: &mut kernel::Problem) {
    let (mut want, mut item) = (0, 0u32);
    while want < problem.wants.len() {
        let end = group_end(problem, want);
        let items = problem.wants[want..end].iter().filter(|want| want.reachable > 0).count() as u32;
        if items > 1 {
            for (number, row) in problem.rows.iter().enumerate() {
                let free = problem.free[row.source as usize * problem.wants.len() + want];
                let members: Vec<(u32, u32)> =
                    (item..item + items).map(|item| (number as u32, item)).collect();
                told.add_lot(u32::try_from(free).unwrap_or(u32::MAX), &members);
            }
        }
        (want, item) = (end, item + items);
    }
}
