//! When work begins, when goods leave, when they arrive: for one question at one time. It knows hours, departures and
//! transit, and no costs.
//!
//! Days are civil days of the place in question, never 86,400 seconds. The steps: released before the cut-off of an
//! open day, work begins that day, otherwise at the opening of the next open day; a node with lead days begins so many
//! open days later; handling is elapsed time; goods stand ready for the lane's preparation, then leave with the next
//! departure on a day when both node and carrier work; transit is elapsed time, then the carrier's working days, in the
//! time zone of the end; in a zone with a calendar of its own the day of arrival moves on to an open one.

use crate::civil::{MINUTE_MS, Stretch, clamp_instant, later, weekday};
use crate::network::hours::{Hours, LOOK_AHEAD_DAYS, Range};
use crate::network::{Network, Site, Way};
use std::cell::Cell;
use waybill_types::Timestamp;
use waybill_types::exchange::PromiseWindow;
use waybill_types::network::{LocalDay, MINUTES_PER_DAY, Weekday};

/// A promise further off than this costs no more lateness: it bounds what lateness can come to.
const DAYS_LATE_MAX: i64 = 1_000;

/// Reads local time for one question: around its instant each time zone is one addition.
pub(crate) struct DateBook<'n> {
    network: &'n Network,
    now_ms: i64,
    release_ms: i64,
    stretches: Vec<Cell<Option<Stretch>>>,
}

/// A departure: the instant, and the begin node's local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) at_ms: i64,
    pub(crate) day: LocalDay,
}

impl<'n> DateBook<'n> {
    /// Work is released at `release_at`, but not before `now`.
    pub(crate) fn new(network: &'n Network, now: Timestamp, release_at: Timestamp) -> Self {
        let now_ms = clamp_instant(now.as_ms());
        Self {
            network,
            now_ms,
            release_ms: now_ms.max(clamp_instant(release_at.as_ms())),
            stretches: vec![Cell::new(None); network.clocks().len()],
        }
    }

    /// Reads local time around an instant, with nothing to be released.
    pub(crate) fn around(network: &'n Network, at_ms: i64) -> Self {
        let at_ms = clamp_instant(at_ms);
        Self {
            network,
            now_ms: at_ms,
            release_ms: at_ms,
            stretches: vec![Cell::new(None); network.clocks().len()],
        }
    }

    /// When work is released.
    pub(crate) const fn release_ms(&self) -> i64 {
        self.release_ms
    }

    /// The local day and the milliseconds that the wall clock shows after midnight.
    pub(crate) fn local(&self, clock: u32, at_ms: i64) -> (LocalDay, i64) {
        let at_ms = clamp_instant(at_ms);
        let slot = &self.stretches[clock as usize];
        let near = slot.get().unwrap_or_else(|| {
            let stretch = self.network.clocks()[clock as usize].stretch(self.release_ms);
            slot.set(Some(stretch));
            stretch
        });
        near.local(at_ms).unwrap_or_else(|| {
            let exact = self.network.clocks()[clock as usize].stretch(at_ms);
            exact.local(at_ms).expect("the stretch of an instant holds it")
        })
    }

    /// When the wall clock shows `minute` of `day`; what is skipped is read later, of what comes twice the first.
    pub(crate) fn instant_ms(&self, clock: u32, day: LocalDay, minute: u16) -> i64 {
        let near = self.stretches[clock as usize].get();
        near.and_then(|near| near.instant_ms(day, minute))
            .unwrap_or_else(|| self.network.clocks()[clock as usize].instant_ms(day, minute))
    }

    /// Whether the wall clock runs without a change from a day before `at_ms` until the end of that day: then wall
    /// times compare as instants do.
    fn runs_evenly(&self, clock: u32, day: LocalDay) -> bool {
        let near = self.stretches[clock as usize].get();
        let holds = |minute| near.is_some_and(|near| near.instant_ms(day, minute).is_some());
        holds(0) && holds(MINUTES_PER_DAY)
    }

    /// The first instant from `at_ms` on that lies in open hours. Hours are the instants from when the clock first
    /// shows their beginning until it first shows their end: of a doubled hour the second is not open again.
    pub(crate) fn next_open(&self, clock: u32, hours: &Hours, at_ms: i64) -> Option<Leaving> {
        let (today, wall_ms) = self.local(clock, at_ms);
        let found = if self.runs_evenly(clock, today) {
            let next = hours.of(today).iter().find(|(_, to)| wall_ms < i64::from(*to) * MINUTE_MS);
            next.map(|(from, _)| match wall_ms >= i64::from(*from) * MINUTE_MS {
                true => at_ms,
                false => self.instant_ms(clock, today, *from).max(at_ms),
            })
        } else {
            let open = self.openings(clock, hours, today).filter(|(_, closes_ms)| at_ms < *closes_ms);
            open.map(|(opens_ms, _)| opens_ms.max(at_ms)).min()
        };
        let today = found.map(|at_ms| Leaving { at_ms, day: today });
        today.or_else(|| self.next_opening(clock, hours, self.local(clock, at_ms).0))
    }

    /// The open hours of a day as instants; hours of which the clock skips all are none. After a skip they need not be
    /// in order.
    pub(crate) fn openings(
        &self,
        clock: u32,
        hours: &Hours,
        day: LocalDay,
    ) -> impl DoubleEndedIterator<Item = (i64, i64)> {
        let instants =
            move |(from, to): &Range| (self.instant_ms(clock, day, *from), self.instant_ms(clock, day, *to));
        hours.of(day).iter().map(instants).filter(|(opens_ms, closes_ms)| opens_ms < closes_ms)
    }

    /// The first opening after `day`.
    fn next_opening(&self, clock: u32, hours: &Hours, day: LocalDay) -> Option<Leaving> {
        let mut day = day;
        for _ in 0..LOOK_AHEAD_DAYS {
            day = hours.first_open(later(day, 1))?;
            if let Some((at_ms, _)) = self.openings(clock, hours, day).min() {
                return Some(Leaving { at_ms, day });
            }
        }
        None
    }

    /// When the goods are ready at the node, in milliseconds; `None` when it never opens.
    pub(crate) fn ready_ms(&self, site: &Site) -> Option<i64> {
        self.ready_from_ms(site, self.release_ms)
    }

    /// When goods are ready at the node if work is released, or the goods come, at `from_ms`.
    pub(crate) fn ready_from_ms(&self, site: &Site, from_ms: i64) -> Option<i64> {
        let (today, _) = self.local(site.clock, from_ms);
        let in_time = match site.record.cutoff_minute {
            Some(minute) => from_ms < self.instant_ms(site.clock, today, minute),
            None => true,
        };
        let mut begin = if in_time {
            self.next_open(site.clock, &site.hours, from_ms)?
        } else {
            self.next_opening(site.clock, &site.hours, today)?
        };
        for _ in 0..site.lead_days {
            begin = self.next_opening(site.clock, &site.hours, begin.day)?;
        }
        Some(begin.at_ms + site.handling_ms)
    }

    /// When the goods can be collected at the node: ready, and open.
    pub(crate) fn collectable(&self, site: &Site) -> Option<Leaving> {
        self.next_open(site.clock, &site.hours, self.ready_ms(site)?)
    }

    /// The first departure of the lane for which goods that are ready at `ready_ms` have stood ready long enough.
    pub(crate) fn leaving(&self, site: &Site, way: &Way, ready_ms: i64) -> Option<Leaving> {
        let ready_ms = ready_ms + way.preparation_ms;
        if way.departures.is_empty() {
            return self.leaving_any_time(site, way, ready_ms);
        }
        let (today, _) = self.local(site.clock, ready_ms);
        for ahead in 0..LOOK_AHEAD_DAYS {
            let day = later(today, ahead);
            if !way.hours.is_open(day) || !site.hours.is_open(day) {
                continue;
            }
            // Not simply the first in the list: 02:30 comes after 03:00 on the day on which it is skipped.
            let of_day = self.departures(site, way, day);
            let in_time = of_day.filter(|at_ms| *at_ms >= ready_ms && self.sets_out(way, *at_ms));
            if let Some(at_ms) = in_time.min() {
                return Some(Leaving { at_ms, day });
            }
        }
        None
    }

    /// When goods leave on a day, in the order of the timetable.
    pub(crate) fn departures(&self, site: &Site, way: &Way, day: LocalDay) -> impl Iterator<Item = i64> {
        let name = Weekday::ALL[usize::from(weekday(day))];
        let of_day = way.departures.iter().filter(move |departure| departure.weekdays.contains(name));
        of_day.map(move |departure| self.instant_ms(site.clock, day, departure.minute))
    }

    /// Whether a lane that delivers on the day on which it leaves sets out at an instant: not to arrive where nobody
    /// delivers on that day. Lanes of days set out all the same, and deliver on the next day of delivery.
    pub(crate) fn sets_out(&self, way: &Way, leaving_ms: i64) -> bool {
        match &way.end_hours {
            Some(local) if way.record.transit_days == 0 => {
                local.is_open(self.local(way.clock, leaving_ms + way.transit_ms).0)
            }
            _ => true,
        }
    }

    fn leaving_any_time(&self, site: &Site, way: &Way, ready_ms: i64) -> Option<Leaving> {
        let mut from_ms = ready_ms;
        for _ in 0..LOOK_AHEAD_DAYS {
            let open = self.next_open(site.clock, &site.hours, from_ms)?;
            if !way.hours.is_open(open.day) {
                from_ms = self.instant_ms(site.clock, way.hours.first_open(later(open.day, 1))?, 0);
                continue;
            }
            if self.sets_out(way, open.at_ms) {
                return Some(open);
            }
            let (closed, _) = self.local(way.clock, open.at_ms + way.transit_ms);
            let next = way.end_hours.as_ref()?.first_open(later(closed, 1))?;
            from_ms = self.instant_ms(way.clock, next, 0) - way.transit_ms;
        }
        None
    }

    /// The destination's local day on which it arrives; `None` when the carrier never works again.
    pub(crate) fn arrival_day(&self, way: &Way, leaving: Leaving) -> Option<LocalDay> {
        self.arrival_day_of(way, leaving.at_ms)
    }

    pub(crate) fn arrival_day_of(&self, way: &Way, leaving_ms: i64) -> Option<LocalDay> {
        let mut day = self.earliest_day(way, leaving_ms)?;
        let Some(local) = way.end_hours.as_ref().filter(|_| way.record.transit_days > 0) else {
            return Some(day);
        };
        for _ in 0..LOOK_AHEAD_DAYS {
            day = local.first_open(day)?;
            if way.hours.is_open(day) {
                return Some(day);
            }
            day = way.hours.first_open(day)?;
        }
        None
    }

    /// The day of arrival if every day were a day of delivery there.
    fn earliest_day(&self, way: &Way, leaving_ms: i64) -> Option<LocalDay> {
        let (day, _) = self.local(way.clock, leaving_ms + way.transit_ms);
        way.hours.advance(day, way.record.transit_days)
    }

    /// When goods that leave at `leaving_ms` stand at the door of the node at which the lane ends: after the time on
    /// the way, and on a lane of days by the end of the delivery hours of the day of arrival, or, where the lane names
    /// none, from the beginning of that day.
    pub(crate) fn at_the_door_ms(&self, way: &Way, leaving_ms: i64) -> Option<i64> {
        let on_the_way_ms = leaving_ms + way.transit_ms;
        if way.record.transit_days == 0 {
            return Some(on_the_way_ms);
        }
        let minute = way.record.delivery_minutes.map_or(0, |(_, by)| by);
        let day = self.earliest_day(way, leaving_ms)?;
        Some(self.instant_ms(way.clock, day, minute).max(on_the_way_ms))
    }

    /// The days between the question and the last day of the promise, counted at the destination.
    pub(crate) fn days_late(&self, way: &Way, arrival: LocalDay) -> i64 {
        let (asked, _) = self.local(way.clock, self.now_ms);
        i64::from(arrival.0 - asked.0).clamp(0, DAYS_LATE_MAX)
    }

    /// The days between the question and the pickup, counted at the node.
    pub(crate) fn days_until(&self, site: &Site, at_ms: i64) -> i64 {
        let (asked, _) = self.local(site.clock, self.now_ms);
        let (day, _) = self.local(site.clock, at_ms);
        i64::from(day.0 - asked.0).clamp(0, DAYS_LATE_MAX)
    }

    /// What the customer can be told. Lanes of whole days promise the carrier's delivery hours of the arrival day;
    /// lanes of hours promise from departure until the time on the way has passed; lanes without either promise the
    /// rest of the day of departure.
    pub(crate) fn window(&self, way: &Way, leaving: Leaving, arrival: LocalDay) -> PromiseWindow {
        let (earliest, latest) = self.window_ms(way, leaving.at_ms, arrival);
        PromiseWindow { earliest: Timestamp::from_ms(earliest), latest: Timestamp::from_ms(latest) }
    }

    pub(crate) fn window_ms(&self, way: &Way, leaving_ms: i64, arrival: LocalDay) -> (i64, i64) {
        let lane = &way.record;
        let (from, by) = way.delivery_minutes;
        let by_hour = |minute| self.instant_ms(way.clock, arrival, minute);
        if lane.transit_days > 0 {
            let earliest = by_hour(from).max(leaving_ms);
            (earliest, by_hour(by).max(earliest))
        } else if way.transit_ms > 0 {
            (leaving_ms, leaving_ms + way.transit_ms)
        } else {
            (leaving_ms, by_hour(by).max(leaving_ms))
        }
    }
}
