//! The calendar read backwards: until when goods may become ready at a node so that they still leave, arrive and are
//! taken in by a given instant. It knows one lane at a time, and no costs.
//!
//! Everything here is the inverse of what [`DateBook`] counts forwards, and asks it for every answer: a departure found
//! here is the last of those that arrive in time by the forward count, so the two can not disagree.

use crate::civil::later;
use crate::dates::DateBook;
use crate::network::{Network, OWN_PACE, Site, Way};
use waybill_types::network::{LaneEnd, LocalDay};

/// Routes on which goods are under way for longer than this are not looked for.
pub(crate) const HORIZON_DAYS: i32 = 60;
const HORIZON_MS: i64 = HORIZON_DAYS as i64 * 86_400_000;

/// Reads calendars backwards around one deadline.
pub(crate) struct Backwards<'n> {
    book: DateBook<'n>,
    deadline_ms: i64,
    /// By pace: the last instant asked for, and the answer. Lanes into one node mostly have the same few paces.
    memo: Vec<Option<(i64, Option<i64>)>>,
}

impl<'n> Backwards<'n> {
    pub(crate) fn from(network: &'n Network, deadline_ms: i64) -> Self {
        let memo = vec![None; network.paces()];
        Self { book: DateBook::around(network, deadline_ms), deadline_ms, memo }
    }

    /// The earliest instant that is looked at.
    pub(crate) const fn horizon_ms(&self) -> i64 {
        self.deadline_ms.saturating_sub(HORIZON_MS)
    }

    /// The last instant up to `by_ms` at which the node is open.
    pub(crate) fn last_open_ms(&self, site: &Site, by_ms: i64) -> Option<i64> {
        let (mut day, _) = self.book.local(site.clock, by_ms);
        for _ in 0..=HORIZON_DAYS {
            let openings = self.book.openings(site.clock, &site.hours, day);
            let open = openings.filter(|(opens_ms, _)| *opens_ms <= by_ms);
            if let Some(last_ms) = open.map(|(_, closes_ms)| by_ms.min(closes_ms - 1)).max() {
                return Some(last_ms);
            }
            day = later(day, -1);
        }
        None
    }

    /// The last instant at which goods may become ready at the begin node of `way` to be at its end by `by_ms`: at a
    /// node's door, or promised to an address.
    pub(crate) fn last_ready_ms(&mut self, site: &Site, way: &Way, by_ms: i64) -> Option<i64> {
        let known = if way.pace == OWN_PACE { None } else { self.memo[way.pace as usize] };
        if let Some((asked_ms, answer)) = known
            && asked_ms == by_ms
        {
            return answer;
        }
        let leaving_ms = self.last_leaving_ms(site, way, by_ms);
        let answer = leaving_ms.map(|at_ms| at_ms - way.preparation_ms);
        if way.pace != OWN_PACE {
            self.memo[way.pace as usize] = Some((by_ms, answer));
        }
        answer
    }

    fn last_leaving_ms(&self, site: &Site, way: &Way, by_ms: i64) -> Option<i64> {
        let after_ms = self.too_late_ms(way, by_ms)?;
        let to_node = matches!(way.record.to, LaneEnd::Node(_));
        let (mut day, _) = self.book.local(site.clock, after_ms);
        for _ in 0..=HORIZON_DAYS {
            if way.hours.is_open(day) && site.hours.is_open(day) {
                let found = if way.departures.is_empty() {
                    self.last_moment_ms(site, way, day, after_ms, by_ms)
                } else {
                    let departures = self.book.departures(site, way, day).filter(|at_ms| *at_ms < after_ms);
                    // Of a lane of hours between nodes, what leaves before `after_ms` is in time.
                    if to_node && way.record.transit_days == 0 {
                        departures.max()
                    } else {
                        departures.filter(|at_ms| self.is_in_time(way, *at_ms, by_ms)).max()
                    }
                };
                if found.is_some() {
                    return found;
                }
            }
            day = later(day, -1);
        }
        None
    }

    /// An instant at or after which nothing leaves in time.
    fn too_late_ms(&self, way: &Way, by_ms: i64) -> Option<i64> {
        if way.record.transit_days == 0 {
            return Some((by_ms - way.transit_ms).saturating_add(1));
        }
        let (last_day, _) = self.book.local(way.clock, by_ms);
        let leaves = way.hours.retreat(last_day, way.record.transit_days)?;
        Some(self.book.instant_ms(way.clock, later(leaves, 1), 0) - way.transit_ms)
    }

    /// What leaves at `at_ms` sets out at all, and is there by `by_ms`.
    fn is_in_time(&self, way: &Way, at_ms: i64, by_ms: i64) -> bool {
        self.book.sets_out(way, at_ms) && self.arrives_ms(way, at_ms).is_some_and(|there| there <= by_ms)
    }

    fn arrives_ms(&self, way: &Way, leaving_ms: i64) -> Option<i64> {
        match way.record.to {
            LaneEnd::Node(_) => self.book.at_the_door_ms(way, leaving_ms),
            LaneEnd::Zone(_) => {
                let day = self.book.arrival_day_of(way, leaving_ms)?;
                Some(self.book.window_ms(way, leaving_ms, day).1)
            }
        }
    }

    /// Where goods leave whenever the node is open: the last moment of a day that is in time.
    fn last_moment_ms(
        &self,
        site: &Site,
        way: &Way,
        day: LocalDay,
        after_ms: i64,
        by_ms: i64,
    ) -> Option<i64> {
        let openings = self.book.openings(site.clock, &site.hours, day);
        let last = openings.filter_map(|(opens_ms, closes_ms)| {
            let mut last_ms = closes_ms.min(after_ms) - 1;
            while last_ms >= opens_ms {
                last_ms = self.last_that_arrives_ms(way, opens_ms, last_ms, by_ms)?;
                if self.book.sets_out(way, last_ms) {
                    return Some(last_ms);
                }
                // It would arrive on a day on which nobody delivers there: leave so much earlier as to be there before.
                let (closed, _) = self.book.local(way.clock, last_ms + way.transit_ms);
                last_ms = self.book.instant_ms(way.clock, closed, 0) - way.transit_ms - 1;
            }
            None
        });
        last.max()
    }

    /// The last instant from `first_ms` to `last_ms` from which goods arrive by `by_ms`. Who leaves later never arrives
    /// earlier, so halving finds it.
    fn last_that_arrives_ms(&self, way: &Way, first_ms: i64, last_ms: i64, by_ms: i64) -> Option<i64> {
        let arrives = |at_ms| self.arrives_ms(way, at_ms).is_some_and(|there| there <= by_ms);
        if arrives(last_ms) {
            return Some(last_ms);
        }
        if !arrives(first_ms) {
            return None;
        }
        let (mut early_ms, mut late_ms) = (first_ms, last_ms);
        while late_ms - early_ms > 1 {
            let middle_ms = early_ms + (late_ms - early_ms) / 2;
            if arrives(middle_ms) { early_ms = middle_ms } else { late_ms = middle_ms }
        }
        Some(early_ms)
    }
}
