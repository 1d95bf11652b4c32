//! When work begins, when goods leave, when they arrive: for one question at one time. It knows hours, departures and
//! transit, and no costs.
//!
//! Days are civil days of the place in question, never 86,400 seconds. The steps: released before the cut-off of an
//! open day, work begins that day, otherwise at the opening of the next open day; handling is elapsed time; goods
//! leave with the next departure on a day when both node and carrier work; transit is elapsed time, then the carrier's
//! working days, in the zone's time zone.

use crate::civil::{MINUTE_MS, Stretch, clamp_instant, later, weekday};
use crate::network::hours::{Hours, LOOK_AHEAD_DAYS};
use crate::network::{Network, Site, Way};
use std::cell::Cell;
use waybill_types::Timestamp;
use waybill_types::exchange::PromiseWindow;
use waybill_types::network::{LocalDay, Weekday};

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

    fn local(&self, clock: u32, at_ms: i64) -> (LocalDay, i64) {
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

    fn instant_ms(&self, clock: u32, day: LocalDay, minute: u16) -> i64 {
        let near = self.stretches[clock as usize].get();
        near.and_then(|near| near.instant_ms(day, minute))
            .unwrap_or_else(|| self.network.clocks()[clock as usize].instant_ms(day, minute))
    }

    /// The first instant from `at_ms` on that lies in open hours.
    fn next_open(&self, clock: u32, hours: &Hours, at_ms: i64) -> Option<Leaving> {
        let (today, wall_ms) = self.local(clock, at_ms);
        for (from, to) in hours.of(today) {
            if wall_ms < i64::from(*to) * MINUTE_MS {
                let at_ms = if wall_ms >= i64::from(*from) * MINUTE_MS {
                    at_ms
                } else {
                    self.instant_ms(clock, today, *from).max(at_ms)
                };
                return Some(Leaving { at_ms, day: today });
            }
        }
        let day = hours.first_open(later(today, 1))?;
        let (from, _) = hours.of(day)[0];
        Some(Leaving { at_ms: self.instant_ms(clock, day, from), day })
    }

    /// When the goods are ready at the node, in milliseconds; `None` when it never opens.
    pub(crate) fn ready_ms(&self, site: &Site) -> Option<i64> {
        let (today, wall_ms) = self.local(site.clock, self.release_ms);
        let in_time = match site.record.cutoff_minute {
            Some(minute) => wall_ms < i64::from(minute) * MINUTE_MS,
            None => true,
        };
        let begin = if in_time {
            self.next_open(site.clock, &site.hours, self.release_ms)?.at_ms
        } else {
            let day = site.hours.first_open(later(today, 1))?;
            self.instant_ms(site.clock, day, site.hours.of(day)[0].0)
        };
        Some(begin + site.handling_ms)
    }

    /// When the goods can be collected at the node: ready, and open.
    pub(crate) fn collectable(&self, site: &Site) -> Option<Leaving> {
        self.next_open(site.clock, &site.hours, self.ready_ms(site)?)
    }

    /// The first departure of the lane from `ready_ms` on.
    pub(crate) fn leaving(&self, site: &Site, way: &Way, ready_ms: i64) -> Option<Leaving> {
        if way.departures.is_empty() {
            return self.leaving_any_time(site, way, ready_ms);
        }
        let (today, _) = self.local(site.clock, ready_ms);
        for ahead in 0..LOOK_AHEAD_DAYS {
            let day = later(today, ahead);
            if !way.hours.is_open(day) || !site.hours.is_open(day) {
                continue;
            }
            let name = Weekday::ALL[usize::from(weekday(day))];
            let of_day = way.departures.iter().filter(|departure| departure.weekdays.contains(name));
            for departure in of_day {
                let at_ms = self.instant_ms(site.clock, day, departure.minute);
                if at_ms >= ready_ms {
                    return Some(Leaving { at_ms, day });
                }
            }
        }
        None
    }

    fn leaving_any_time(&self, site: &Site, way: &Way, ready_ms: i64) -> Option<Leaving> {
        let mut from_ms = ready_ms;
        for _ in 0..LOOK_AHEAD_DAYS {
            let open = self.next_open(site.clock, &site.hours, from_ms)?;
            if way.hours.is_open(open.day) {
                return Some(open);
            }
            from_ms = self.instant_ms(site.clock, way.hours.first_open(later(open.day, 1))?, 0);
        }
        None
    }

    /// The destination's local day on which it arrives; `None` when the carrier never works again.
    pub(crate) fn arrival_day(&self, way: &Way, leaving: Leaving) -> Option<LocalDay> {
        let (day, _) = self.local(way.clock, leaving.at_ms + way.transit_ms);
        way.hours.advance(day, way.record.transit_days)
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
        let lane = &way.record;
        let (from, by) = way.delivery_minutes;
        let by_hour = |minute| self.instant_ms(way.clock, arrival, minute);
        let (earliest, latest) = if lane.transit_days > 0 {
            let earliest = by_hour(from).max(leaving.at_ms);
            (earliest, by_hour(by).max(earliest))
        } else if way.transit_ms > 0 {
            (leaving.at_ms, leaving.at_ms + way.transit_ms)
        } else {
            (leaving.at_ms, by_hour(by).max(leaving.at_ms))
        };
        PromiseWindow { earliest: Timestamp::from_ms(earliest), latest: Timestamp::from_ms(latest) }
    }
}
