//! The second opinion on a plan and its certificate. It shares no code with the solver: it reads the problem, counts
//! units and costs in wide numbers, and follows the duals from stage to stage.

use crate::kernel::problem::{Bond, Complete, Kind, Problem};
use crate::kernel::solution::{Ask, Days, Part, Solution};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a plan or with its certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A share names a facility or item that is not there, gives nothing, or is not in order.
    #[error("share {0} names nothing of the problem, gives nothing or is out of order")]
    Share(usize),
    /// A facility is used that must not be.
    #[error("facility {0} is used and is barred, of another day, or was to be left out")]
    Facility(u32),
    /// More is given than there is.
    #[error("facility {0} gives more of item {1} than it has")]
    Stock(u32, u32),
    /// More of a shared lot is given than there is.
    #[error("lot {0} gives more than it has")]
    Lot(usize),
    /// Given and unfilled units are not the units asked.
    #[error("line {0}: given and unfilled units are not the units asked")]
    Units(usize),
    /// Units that belong together are apart.
    #[error("line {0}: what must stay together is apart")]
    Bond(usize),
    /// A limit of the whole order is passed.
    #[error("the plan passes a limit of the order: {0}")]
    Limit(&'static str),
    /// The cost is not the sum of its terms.
    #[error("the plan costs {counted} and says {said}")]
    Cost {
        /// Counted here.
        counted: i128,
        /// What the plan says.
        said: i64,
    },
    /// The duals do not give the bound.
    #[error("the duals bound the cost by {counted}, the certificate says {said}")]
    Bound {
        /// Counted here.
        counted: i128,
        /// What the certificate says.
        said: i64,
    },
    /// The parts of the certificate do not cover the problem.
    #[error("the certificate does not cover all days of the problem, or has values for other demands")]
    Cover,
    /// Bounds and cost contradict each other, or the plan is called proven and is not.
    #[error("the bounds of the certificate contradict each other or the cost")]
    Order,
}

/// Checks a solution against its problem and question: it can be carried out, costs what it says, and no plan costs
/// less than the bound of its duals. What the search alone has found, the part of `lower_bound` above `dual_bound`, is
/// not counted again here.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(problem: &Problem, ask: &Ask, solution: &Solution) -> Result<(), Fault> {
    check_shares(problem, ask, solution)?;
    check_units(problem, solution)?;
    check_bonds(problem, solution)?;
    check_limits(problem, solution)?;
    let counted = cost(problem, solution);
    if counted != i128::from(solution.cost) {
        return Err(Fault::Cost { counted, said: solution.cost });
    }
    check_certificate(problem, ask, solution)
}

fn check_shares(problem: &Problem, ask: &Ask, solution: &Solution) -> Result<(), Fault> {
    for (at, share) in solution.shares.iter().enumerate() {
        let ordered = at == 0 || {
            let before = solution.shares[at - 1];
            (before.facility, before.item) < (share.facility, share.item)
        };
        let known = (share.facility as usize) < problem.facilities().len()
            && (share.item as usize) < problem.items().len();
        if !known || !ordered || share.units == 0 {
            return Err(Fault::Share(at));
        }
        let facility = problem.facilities()[share.facility as usize];
        let usable = facility.barred == 0 && ask.days.contains(facility.day);
        if !usable || ask.without.contains(&share.facility) {
            return Err(Fault::Facility(share.facility));
        }
        if share.units > problem.units_at(share.facility as usize, share.item as usize) {
            return Err(Fault::Stock(share.facility, share.item));
        }
    }
    for (number, (stock, members)) in problem.lots().enumerate() {
        let members: BTreeSet<&(u32, u32)> = members.iter().collect();
        let drawn = solution.shares.iter().filter(|share| members.contains(&(share.facility, share.item)));
        if drawn.map(|share| u64::from(share.units)).sum::<u64>() > u64::from(stock) {
            return Err(Fault::Lot(number));
        }
    }
    Ok(())
}

fn check_units(problem: &Problem, solution: &Solution) -> Result<(), Fault> {
    for (number, line) in problem.lines().iter().enumerate() {
        let of_line =
            solution.shares.iter().filter(|share| problem.items()[share.item as usize] as usize == number);
        let given: u64 = of_line.map(|share| u64::from(share.units)).sum();
        let unfilled = solution.unfilled.get(number).copied().ok_or(Fault::Units(number))?;
        if given + u64::from(unfilled) != u64::from(line.quantity) {
            return Err(Fault::Units(number));
        }
    }
    Ok(())
}

/// Units of a line by facility, and by item where one item must serve it.
fn spread(problem: &Problem, solution: &Solution, number: usize) -> BTreeMap<u32, BTreeMap<u32, u32>> {
    let mut spread: BTreeMap<u32, BTreeMap<u32, u32>> = BTreeMap::new();
    for share in &solution.shares {
        if problem.items()[share.item as usize] as usize == number {
            *spread.entry(share.facility).or_default().entry(share.item).or_default() += share.units;
        }
    }
    spread
}

fn check_bonds(problem: &Problem, solution: &Solution) -> Result<(), Fault> {
    let mut groups: BTreeMap<(bool, u32), BTreeMap<u32, u32>> = BTreeMap::new();
    for (number, line) in problem.lines().iter().enumerate() {
        let spread = spread(problem, solution, number);
        let pieces = spread.values().map(BTreeMap::len).sum::<usize>();
        let partial = pieces > 0 && solution.unfilled[number] > 0;
        let by_facility: BTreeMap<u32, u32> =
            spread.iter().map(|(facility, items)| (*facility, items.values().sum())).collect();
        let bundles: BTreeMap<u32, u32> = match line.bond {
            Bond::Free => continue,
            Bond::Whole | Bond::Together(_) if pieces > 1 || partial => return Err(Fault::Bond(number)),
            Bond::Whole => continue,
            Bond::Together(_) => by_facility.keys().map(|facility| (*facility, 1)).collect(),
            Bond::Bundle { each, .. } => {
                if by_facility.values().any(|units| units % each != 0) {
                    return Err(Fault::Bond(number));
                }
                by_facility.iter().map(|(facility, units)| (*facility, units / each)).collect()
            }
        };
        let group = match line.bond {
            Bond::Together(group) => (false, group),
            Bond::Bundle { group, .. } => (true, group),
            Bond::Free | Bond::Whole => continue,
        };
        if *groups.entry(group).or_insert_with(|| bundles.clone()) != bundles {
            return Err(Fault::Bond(number));
        }
    }
    Ok(())
}

fn check_limits(problem: &Problem, solution: &Solution) -> Result<(), Fault> {
    let used: BTreeSet<u32> = solution.shares.iter().map(|share| share.facility).collect();
    let used: Vec<_> = used.into_iter().map(|place| problem.facilities()[place as usize]).collect();
    let shipments = used.iter().filter(|facility| facility.kind == Kind::Ship).count();
    if shipments > problem.limits.shipments_max as usize {
        return Err(Fault::Limit("shipments"));
    }
    let nodes: BTreeSet<u32> = used.iter().map(|facility| facility.node).collect();
    if problem.limits.one_per_node && nodes.len() < used.len() {
        return Err(Fault::Limit("facilities of one node"));
    }
    let unfilled = solution.unfilled.iter().any(|units| *units > 0);
    let days: BTreeSet<u32> = used.iter().map(|facility| facility.day).collect();
    let broken = match problem.limits.complete {
        Complete::No => false,
        Complete::OneFacility => used.len() > 1,
        Complete::OneDay => days.len() > 1,
    };
    if broken || (problem.limits.complete != Complete::No && unfilled && !used.is_empty()) {
        return Err(Fault::Limit("ship complete"));
    }
    Ok(())
}

fn cost(problem: &Problem, solution: &Solution) -> i128 {
    let used: BTreeSet<u32> = solution.shares.iter().map(|share| share.facility).collect();
    let fixed: i128 = used.iter().map(|place| i128::from(problem.facilities()[*place as usize].fixed)).sum();
    let units = solution.shares.iter().map(|share| {
        let each = problem.unit_cost(share.facility as usize, share.item as usize);
        i128::from(share.units) * i128::from(each)
    });
    let unfilled = solution.unfilled.iter().zip(problem.lines());
    let unfilled = unfilled.map(|(units, line)| i128::from(*units) * i128::from(line.unfilled));
    fixed + units.sum::<i128>() + unfilled.sum::<i128>()
}

/// A demand as the duals see it: lines and how many units of each are one unit of it, how many such units, and the cost
/// of one that is left.
struct Demand {
    items: Vec<Vec<(usize, i128)>>,
    quantity: i128,
    unfilled: i128,
}

fn demands(problem: &Problem) -> Vec<Demand> {
    let mut demands: Vec<Demand> = Vec::new();
    let mut groups: BTreeMap<(bool, u32), usize> = BTreeMap::new();
    for (number, line) in problem.lines().iter().enumerate() {
        let items = problem
            .items()
            .iter()
            .enumerate()
            .filter(|(_, of)| **of as usize == number)
            .map(|(item, _)| item);
        let quantity = i128::from(line.quantity);
        let (each, group) = match line.bond {
            Bond::Free => (1, None),
            Bond::Whole => (quantity, None),
            Bond::Together(group) => (quantity, Some((false, group))),
            Bond::Bundle { group, each } => (i128::from(each), Some((true, group))),
        };
        let unfilled = i128::from(line.unfilled) * each;
        let known = group.and_then(|group| groups.get(&group).copied());
        match known {
            Some(known) => {
                demands[known].items[0].extend(items.map(|item| (item, each)));
                demands[known].unfilled += unfilled;
            }
            None => {
                if let Some(group) = group {
                    groups.insert(group, demands.len());
                }
                let items = items.map(|item| vec![(item, each)]).collect();
                demands.push(Demand { items, quantity: quantity / each, unfilled });
            }
        }
    }
    demands
}

fn check_certificate(problem: &Problem, ask: &Ask, solution: &Solution) -> Result<(), Fault> {
    let certificate = &solution.certificate;
    let demands = demands(problem);
    // Giving nothing is a plan too.
    let nothing: i128 =
        problem.lines().iter().map(|line| i128::from(line.quantity) * i128::from(line.unfilled)).sum();
    let mut counted = nothing.min(i128::from(solution.cost));
    let days: BTreeSet<u32> = match problem.limits.complete {
        Complete::OneDay => {
            problem.facilities().iter().map(|f| f.day).filter(|day| ask.days.contains(*day)).collect()
        }
        Complete::No | Complete::OneFacility => BTreeSet::new(),
    };
    let expected: Vec<Days> = match problem.limits.complete {
        Complete::OneDay => days.into_iter().map(Days::On).collect(),
        Complete::No | Complete::OneFacility => vec![Days::Any],
    };
    if certificate.parts.iter().map(|part| part.days).ne(expected) || certificate.scale_bits > 62 {
        return Err(Fault::Cover);
    }
    for part in &certificate.parts {
        if part.stages.iter().any(|values| values.len() != demands.len()) {
            return Err(Fault::Cover);
        }
        counted = counted.min(part_bound(problem, ask, solution, &demands, part));
    }
    if counted < i128::from(certificate.dual_bound) {
        return Err(Fault::Bound { counted, said: certificate.dual_bound });
    }
    let ordered =
        certificate.dual_bound <= certificate.lower_bound && certificate.lower_bound <= solution.cost;
    if !ordered || certificate.proven != (certificate.lower_bound == solution.cost) {
        return Err(Fault::Order);
    }
    Ok(())
}

/// What duals prove about plans under a cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// No plan costs less, or none that costs less than was asked about.
    pub bound: i128,
    /// Places of the facilities that a plan under that cost may use; ascending.
    pub rows: Vec<usize>,
}

/// Follows duals from stage to stage for plans under `cost`, counting all of it here. `None` where the values are not
/// for this problem.
#[must_use]
pub fn follow(
    problem: &Problem,
    ask: &Ask,
    scale_bits: u32,
    stages: &[Vec<i64>],
    cost: i64,
) -> Option<Followed> {
    let demands = demands(problem);
    if scale_bits > 62 || stages.iter().any(|values| values.len() != demands.len()) {
        return None;
    }
    let (bound, rows) =
        stages_bound(problem, ask, &demands, Days::Any, stages, (scale_bits, i128::from(cost)));
    Some(Followed { bound, rows })
}

/// Returns the best bound of one part in whole units.
fn part_bound(problem: &Problem, ask: &Ask, solution: &Solution, demands: &[Demand], part: &Part) -> i128 {
    let (scale_bits, cost) = (solution.certificate.scale_bits, i128::from(solution.cost));
    stages_bound(problem, ask, demands, part.days, &part.stages, (scale_bits, cost)).0
}

/// Follows the stages: what each rules out, the next does not count. Returns the best bound in whole units, and the rows
/// that are left.
fn stages_bound(
    problem: &Problem,
    ask: &Ask,
    demands: &[Demand],
    days: Days,
    stages: &[Vec<i64>],
    (scale_bits, cost): (u32, i128),
) -> (i128, Vec<usize>) {
    let usable = |place: &usize| {
        let facility = problem.facilities()[*place];
        let in_days = days.contains(facility.day) && ask.days.contains(facility.day);
        let may_ship = facility.kind != Kind::Ship || problem.limits.shipments_max > 0;
        let may_complete =
            problem.limits.complete != Complete::OneFacility || gives_all(problem, demands, *place);
        let named = ask.without.contains(&(*place as u32));
        facility.barred == 0 && in_days && may_ship && may_complete && !named
    };
    let mut rows: Vec<usize> = (0..problem.facilities().len()).filter(usable).collect();
    let one = 1i128 << scale_bits;
    let up = |scaled: i128| scaled.div_euclid(one) + i128::from(scaled.rem_euclid(one) > 0);
    let mut best = i128::MIN;
    for values in stages {
        let values: Vec<i128> = values.iter().map(|value| i128::from(*value)).collect();
        let worths: Vec<Option<i128>> =
            rows.iter().map(|row| worth(problem, demands, &values, *row, one)).collect();
        let total = stage_total(problem, demands, &values, &rows, &worths, one);
        best = best.max(up(total));
        let keeps = |worth: &Option<i128>| worth.is_some_and(|worth| up(total + worth.max(0)) < cost);
        let kept = rows.iter().zip(&worths).filter(|(_, worth)| keeps(worth)).map(|(row, _)| *row);
        rows = kept.collect();
    }
    (best.min(cost), rows)
}

fn units_of(problem: &Problem, demand: &Demand, column: &[(usize, i128)], row: usize) -> i128 {
    let units = column.iter().map(|(item, each)| i128::from(problem.units_at(row, *item)) / each);
    units.min().unwrap_or(0).min(demand.quantity)
}

/// True when a facility could give everything by itself, shared lots aside.
fn gives_all(problem: &Problem, demands: &[Demand], row: usize) -> bool {
    demands.iter().all(|demand| {
        let units = demand.items.iter().map(|column| units_of(problem, demand, column, row));
        units.sum::<i128>() >= demand.quantity
    })
}

/// What using a row costs beyond what it is paid by the values; `None` when it can give nothing.
fn worth(problem: &Problem, demands: &[Demand], values: &[i128], row: usize, one: i128) -> Option<i128> {
    let fixed = i128::from(problem.facilities()[row].fixed) * one;
    let (mut paid, mut best_unit) = (0, None);
    for (demand, value) in demands.iter().zip(values) {
        for column in &demand.items {
            let units = units_of(problem, demand, column, row);
            let each = column.iter().map(|(item, each)| i128::from(problem.unit_cost(row, *item)) * each);
            let gain = value - each.sum::<i128>() * one;
            if units > 0 {
                paid += units * gain.max(0);
                best_unit = best_unit.max(Some(gain));
            }
        }
    }
    let best_unit = best_unit?;
    Some(if fixed >= 0 || paid > 0 { fixed - paid } else { fixed - best_unit })
}

fn stage_total(
    problem: &Problem,
    demands: &[Demand],
    values: &[i128],
    rows: &[usize],
    worths: &[Option<i128>],
    one: i128,
) -> i128 {
    let limits = problem.limits;
    let pays = |(demand, value): (&Demand, &i128)| {
        let most = if limits.complete == Complete::No { demand.unfilled * one } else { *value };
        demand.quantity * (*value).min(most)
    };
    let mut total: i128 = demands.iter().zip(values).map(pays).sum();
    // By node where a node may be used once, otherwise each row for itself.
    let mut groups: BTreeMap<usize, (i128, bool)> = BTreeMap::new();
    for (row, worth) in rows.iter().zip(worths) {
        let facility = problem.facilities()[*row];
        let key = if limits.one_per_node { facility.node as usize } else { *row };
        let counts = facility.kind == Kind::Ship || limits.complete == Complete::OneFacility;
        let group = groups.entry(key).or_insert((0, true));
        group.0 = group.0.min(worth.unwrap_or(0));
        group.1 &= counts;
    }
    let most = if limits.complete == Complete::OneFacility { 1 } else { limits.shipments_max as usize };
    let (mut counted, free): (Vec<_>, Vec<_>) = groups.into_values().partition(|(_, counts)| *counts);
    counted.sort_unstable();
    total += counted.iter().take(most).map(|(worth, _)| worth).sum::<i128>();
    total + free.iter().map(|(worth, _)| worth).sum::<i128>()
}
