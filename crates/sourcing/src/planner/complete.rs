//! Orders that arrive on one day, or not at all: a plan for each day on which something can be there, and the best of
//! those that serve everything. It knows days and leaves the rest to the search.

use crate::planner::demand::{Demands, Missing};
use crate::planner::question::Question;
use crate::policy::PolicyVersion;
use std::collections::BTreeSet;
use waybill_types::exchange::{Delivery, Plan, UnplannedReason};

/// Days that are looked at; what arrives later is no common day.
const DAYS_MAX: usize = 64;

impl Question<'_> {
    /// The cheapest plan with one day for all parcels, pinned ones included, that leaves nothing of what is shipped; else
    /// one that ships nothing but what is pinned.
    pub(crate) fn solve_on_one_day(&self, demands: &Demands<'_>, policy: &PolicyVersion) -> Plan {
        let mut best: Option<Plan> = None;
        let mut lower_bound_minor = i64::MAX;
        for day in self.days(demands).into_iter().take(DAYS_MAX) {
            let on_that_day = self.on(day);
            let pinned = demands.pinned.iter().filter(|part| demands.is_shipped(part.line));
            if !pinned.map(|part| part.node).all(|node| on_that_day.ships(node)) {
                continue;
            }
            let (plan, _) = on_that_day.solve_apart(demands, policy);
            if self.leaves_shipped(&plan) {
                continue;
            }
            lower_bound_minor = lower_bound_minor.min(plan.lower_bound_minor);
            if best.as_ref().is_none_or(|best| plan.cost_minor() < best.cost_minor()) {
                best = Some(plan);
            }
        }
        match best {
            Some(best) => Plan { lower_bound_minor, ..best },
            None => self.nothing(demands, policy),
        }
    }

    /// Days until any parcel of these demands could arrive, ascending.
    fn days(&self, demands: &Demands<'_>) -> BTreeSet<i64> {
        let mut days = BTreeSet::new();
        let Some(lanes) = self.lanes else { return days };
        let mut by_timing = vec![false; lanes.timings];
        let shipped = demands.shipped.iter().flat_map(|demand| demands.makeup(demand));
        let stocked = shipped.flat_map(|(stock, _)| stock.rows.iter().map(|row| row.node));
        let pinned = demands.pinned.iter().filter(|part| demands.is_shipped(part.line)).map(|part| part.node);
        for node in stocked.chain(pinned).filter(|node| !self.excluded.contains(node)) {
            for entry in lanes.from(node) {
                if !std::mem::replace(&mut by_timing[entry.timing as usize], true)
                    && let Some((site, ready_ms)) = self.ready(node)
                {
                    days.extend(self.days_late(site, ready_ms, entry.way));
                }
            }
        }
        days
    }

    fn leaves_shipped(&self, plan: &Plan) -> bool {
        plan.unplanned.iter().any(|missing| {
            let line = self.request.lines.iter().find(|line| line.line == missing.line);
            line.is_some_and(|line| line.delivery == Delivery::Ship)
        })
    }

    /// Nothing is shipped but what is pinned, since no day is good for all of it.
    fn nothing(&self, demands: &Demands<'_>, policy: &PolicyVersion) -> Plan {
        let mut draft = self.settled(demands);
        for demand in &demands.shipped {
            let missing = demand.lines.iter().map(|(line, units)| Missing {
                line: *line,
                units: *units,
                reason: UnplannedReason::NoStock,
            });
            draft.missing.extend(missing);
        }
        let plan = draft.say(self, demands, policy);
        Plan { lower_bound_minor: plan.cost_minor(), ..plan }
    }
}
