//! Calendars and lanes walked forwards, day by day and departure by departure, with nothing of the planner's own
//! arithmetic: what the quick ways are held against.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use waybill_types::network::{Calendar, Lane, LaneEnd, Node, Weekday, Zone};
use waybill_types::{CalendarId, NodeId};

/// Days that are walked before giving up.
const DAYS: i64 = 420;

/// The documents, looked up by walking over them.
pub(crate) struct Walker<'w> {
    pub(crate) nodes: &'w [Node],
    pub(crate) zones: &'w [Zone],
    pub(crate) calendars: &'w [Calendar],
}

pub(crate) fn zone_of(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn date_at(zone: &TimeZone, at_ms: i64) -> Date {
    zone.to_datetime(jiff::Timestamp::from_millisecond(at_ms).unwrap()).date()
}

fn wall_ms(zone: &TimeZone, day: Date, minute: u16) -> i64 {
    let wall = day.to_datetime(jiff::civil::Time::midnight()) + i64::from(minute).minutes();
    zone.to_ambiguous_timestamp(wall).compatible().unwrap().as_millisecond()
}

fn weekday(day: Date) -> Weekday {
    Weekday::ALL[day.weekday().to_monday_zero_offset() as usize]
}

impl Walker<'_> {
    pub(crate) fn node(&self, id: &NodeId) -> &Node {
        self.nodes.iter().find(|node| node.id == *id).unwrap()
    }

    /// The open minutes of a day.
    fn hours(&self, calendar: Option<&CalendarId>, day: Date) -> Vec<(u16, u16)> {
        let Some(id) = calendar else { return vec![(0, 1440)] };
        let calendar = self.calendars.iter().find(|calendar| calendar.id == *id).unwrap();
        let named = |text: String| text == day.to_string();
        if let Some(exception) =
            calendar.exceptions.iter().find(|exception| named(waybill_sourcing::day_text(exception.day)))
        {
            return exception.hours.into_iter().collect();
        }
        if calendar.weekly.is_empty() {
            return vec![(0, 1440)];
        }
        let of_day = calendar.weekly.iter().filter(|hours| hours.weekday == weekday(day));
        of_day.map(|hours| (hours.from_minute, hours.to_minute)).collect()
    }

    fn works(&self, calendar: Option<&CalendarId>, day: Date) -> bool {
        !self.hours(calendar, day).is_empty()
    }

    /// The open instants of a node on a day, as ranges.
    fn openings(&self, node: &Node, day: Date) -> Vec<(i64, i64)> {
        let zone = zone_of(node.time_zone.as_str());
        let hours = self.hours(node.calendar.as_ref(), day);
        let mut openings: Vec<(i64, i64)> = hours
            .into_iter()
            .map(|(from, to)| (wall_ms(&zone, day, from), wall_ms(&zone, day, to)))
            .collect();
        openings.retain(|(opens, closes)| opens < closes);
        openings
    }

    /// The first instant from `at_ms` on at which the node is open.
    pub(crate) fn next_open(&self, node: &Node, at_ms: i64) -> Option<i64> {
        let mut day = date_at(&zone_of(node.time_zone.as_str()), at_ms);
        for _ in 0..DAYS {
            let openings = self.openings(node, day);
            let later = openings.into_iter().filter(|(_, closes)| at_ms < *closes);
            if let Some(first) = later.map(|(opens, _)| opens.max(at_ms)).min() {
                return Some(first);
            }
            day = day.tomorrow().unwrap();
        }
        None
    }

    /// When work that comes at `at_ms` is ready at the node.
    pub(crate) fn ready(&self, node: &Node, at_ms: i64) -> Option<i64> {
        let zone = zone_of(node.time_zone.as_str());
        let today = date_at(&zone, at_ms);
        let late = node.cutoff_minute.is_some_and(|minute| at_ms >= wall_ms(&zone, today, minute));
        let mut begin = match late {
            true => self.next_open(node, wall_ms(&zone, today.tomorrow().unwrap(), 0))?,
            false => self.next_open(node, at_ms)?,
        };
        for _ in 0..node.lead_days.unwrap_or(0) {
            let tomorrow = date_at(&zone, begin).tomorrow().unwrap();
            begin = self.next_open(node, wall_ms(&zone, tomorrow, 0))?;
        }
        Some(begin + node.handling_ms as i64)
    }

    /// When goods that are ready at `ready_ms` leave on the lane.
    pub(crate) fn leaves(&self, lane: &Lane, ready_ms: i64) -> Option<i64> {
        let node = self.node(&lane.from);
        let zone = zone_of(node.time_zone.as_str());
        let from_ms = ready_ms + lane.preparation_ms.unwrap_or(0) as i64;
        let mut day = date_at(&zone, from_ms);
        for _ in 0..DAYS {
            if self.works(lane.calendar.as_ref(), day) {
                let first = if lane.departures.is_empty() {
                    self.openings(node, day)
                        .into_iter()
                        .filter_map(|(opens, closes)| self.first_minute(lane, opens.max(from_ms), closes))
                        .min()
                } else if self.works(node.calendar.as_ref(), day) {
                    let of_day =
                        lane.departures.iter().filter(|leaves| leaves.weekdays.contains(weekday(day)));
                    let instants = of_day.map(|leaves| wall_ms(&zone, day, leaves.minute));
                    instants.filter(|at_ms| *at_ms >= from_ms && self.sets_out(lane, *at_ms)).min()
                } else {
                    None
                };
                if first.is_some() {
                    return first;
                }
            }
            day = day.tomorrow().unwrap();
        }
        None
    }

    /// The first instant of a range at which the lane sets out, by trying each whole minute.
    fn first_minute(&self, lane: &Lane, first_ms: i64, closes_ms: i64) -> Option<i64> {
        let mut at_ms = first_ms;
        while at_ms < closes_ms {
            if self.sets_out(lane, at_ms) {
                return Some(at_ms);
            }
            at_ms = (at_ms / 60_000 + 1) * 60_000;
        }
        None
    }

    /// The zone's calendar and the time zone in which the end of a lane counts its days.
    fn end(&self, lane: &Lane) -> (Option<&CalendarId>, TimeZone) {
        match &lane.to {
            LaneEnd::Node(id) => (None, zone_of(self.node(id).time_zone.as_str())),
            LaneEnd::Zone(id) => {
                let zone = self.zones.iter().find(|zone| zone.id == *id).unwrap();
                let own = self.node(&lane.from).time_zone.as_str();
                let name = zone.time_zone.as_ref().map_or(own, |name| name.as_str());
                (zone.calendar.as_ref(), zone_of(name))
            }
        }
    }

    fn sets_out(&self, lane: &Lane, leaving_ms: i64) -> bool {
        let (calendar, zone) = self.end(lane);
        let day = date_at(&zone, leaving_ms + lane.transit_ms as i64);
        lane.transit_days > 0 || self.works(calendar, day)
    }

    /// When goods that leave at `leaving_ms` are taken in at the node, or are at the address at the latest.
    pub(crate) fn arrives(&self, lane: &Lane, leaving_ms: i64) -> Option<i64> {
        let (calendar, zone) = self.end(lane);
        let on_the_way_ms = leaving_ms + lane.transit_ms as i64;
        let mut day = date_at(&zone, on_the_way_ms);
        let mut left = lane.transit_days;
        for _ in 0..DAYS {
            if left == 0 {
                break;
            }
            day = day.tomorrow().unwrap();
            left -= u16::from(self.works(lane.calendar.as_ref(), day));
        }
        if left > 0 {
            return None;
        }
        match &lane.to {
            LaneEnd::Node(id) => {
                let door_ms = match (lane.transit_days, lane.delivery_minutes) {
                    (0, _) => on_the_way_ms,
                    (_, None) => wall_ms(&zone, day, 0).max(on_the_way_ms),
                    (_, Some((_, by))) => wall_ms(&zone, day, by).max(on_the_way_ms),
                };
                self.next_open(self.node(id), door_ms)
            }
            LaneEnd::Zone(_) => {
                let (from, by) = lane.delivery_minutes.unwrap_or((8 * 60, 21 * 60));
                if lane.transit_days > 0 {
                    let mut walked = 0;
                    while !(self.works(calendar, day) && self.works(lane.calendar.as_ref(), day)) {
                        day = day.tomorrow().unwrap();
                        walked += 1;
                        if walked > DAYS {
                            return None;
                        }
                    }
                    let from_ms = wall_ms(&zone, day, from).max(leaving_ms);
                    Some(wall_ms(&zone, day, by).max(from_ms))
                } else if lane.transit_ms > 0 {
                    Some(on_the_way_ms)
                } else {
                    Some(wall_ms(&zone, day, by).max(leaving_ms))
                }
            }
        }
    }

    /// When goods that are ready at `ready_ms` have gone along the lanes.
    pub(crate) fn walk(&self, lanes: &[&Lane], ready_ms: i64) -> Option<i64> {
        lanes.iter().try_fold(ready_ms, |ready_ms, lane| self.arrives(lane, self.leaves(lane, ready_ms)?))
    }

    /// The last instant from `first_ms` to `last_ms` from which the walk ends by `deadline_ms`. Who begins later never
    /// arrives earlier.
    pub(crate) fn last_start(
        &self,
        lanes: &[&Lane],
        first_ms: i64,
        last_ms: i64,
        deadline_ms: i64,
    ) -> Option<i64> {
        let in_time = |ready_ms| self.walk(lanes, ready_ms).is_some_and(|there| there <= deadline_ms);
        if !in_time(first_ms) {
            return None;
        }
        let (mut early, mut late) = (first_ms, last_ms + 1);
        while late - early > 1 {
            let middle = early + (late - early) / 2;
            if in_time(middle) { early = middle } else { late = middle }
        }
        Some(early)
    }
}
