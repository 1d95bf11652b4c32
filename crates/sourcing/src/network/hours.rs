//! A calendar made ready for counting days. It knows civil days and minutes, no instants and no time zones.

use crate::civil::{later, weekday};
use waybill_types::network::{Calendar, LocalDay, MINUTES_PER_DAY};

/// A calendar that is closed this many days in a row is closed for good.
pub(crate) const LOOK_AHEAD_DAYS: i32 = 400;

/// One range of open minutes of a day: first open, first closed.
pub(crate) type Range = (u16, u16);

/// Opening hours by day, merged and ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    weekly: [Vec<Range>; 7],
    exceptions: Vec<(LocalDay, Vec<Range>)>,
}

impl Hours {
    /// Open all day, every day.
    pub(crate) fn always() -> Self {
        Self { weekly: std::array::from_fn(|_| vec![(0, MINUTES_PER_DAY)]), exceptions: Vec::new() }
    }

    pub(crate) fn compile(calendar: &Calendar) -> Self {
        let mut hours = Self::always();
        if !calendar.weekly.is_empty() {
            for (day, ranges) in hours.weekly.iter_mut().enumerate() {
                let of_day =
                    calendar.weekly.iter().filter(|open| usize::from(open.weekday.from_monday()) == day);
                *ranges = merged(of_day.map(|open| (open.from_minute, open.to_minute)));
            }
        }
        let dated = calendar.exceptions.iter().map(|exception| (exception.day, merged(exception.hours)));
        hours.exceptions = dated.collect();
        hours.exceptions.sort_unstable();
        hours
    }

    /// The open ranges of a day; none when it is closed.
    #[inline]
    pub(crate) fn of(&self, day: LocalDay) -> &[Range] {
        if !self.exceptions.is_empty()
            && let Ok(found) = self.exceptions.binary_search_by_key(&day, |(date, _)| *date)
        {
            return &self.exceptions[found].1;
        }
        &self.weekly[usize::from(weekday(day))]
    }

    #[inline]
    pub(crate) fn is_open(&self, day: LocalDay) -> bool {
        !self.of(day).is_empty()
    }

    /// The `count`-th open day after `day`, or `None` when none comes within the look-ahead of each. Zero is `day`.
    pub(crate) fn advance(&self, day: LocalDay, count: u16) -> Option<LocalDay> {
        let mut reached = day;
        for _ in 0..count {
            reached = self.first_open(later(reached, 1))?;
        }
        Some(reached)
    }

    /// The last open day up to `day`.
    #[inline]
    pub(crate) fn last_open(&self, day: LocalDay) -> Option<LocalDay> {
        (0..LOOK_AHEAD_DAYS).map(|back| later(day, -back)).find(|day| self.is_open(*day))
    }

    /// The last day of which the `count`-th open day after it is not after `day`: [`Self::advance`] backwards.
    pub(crate) fn retreat(&self, day: LocalDay, count: u16) -> Option<LocalDay> {
        let mut reached = day;
        for _ in 0..count {
            reached = later(self.last_open(reached)?, -1);
        }
        Some(reached)
    }

    /// The first open day from `day` on.
    #[inline]
    pub(crate) fn first_open(&self, day: LocalDay) -> Option<LocalDay> {
        (0..LOOK_AHEAD_DAYS).map(|ahead| later(day, ahead)).find(|day| self.is_open(*day))
    }
}

fn merged(ranges: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut sorted: Vec<Range> = ranges.into_iter().collect();
    sorted.sort_unstable();
    let mut merged: Vec<Range> = Vec::with_capacity(sorted.len());
    for (from, to) in sorted {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::parse_day;
    use waybill_types::network::{DayException, OpenHours, Weekday};
    use waybill_types::{CalendarId, Text};

    fn day(text: &str) -> LocalDay {
        parse_day(text).unwrap()
    }

    fn shop() -> Hours {
        let open = |weekday, from_minute, to_minute| OpenHours { weekday, from_minute, to_minute };
        let mut weekly = vec![open(Weekday::Monday, 700, 900)];
        for weekday in &Weekday::ALL[..5] {
            weekly.extend([open(*weekday, 840, 1080), open(*weekday, 540, 780)]);
        }
        let except = |text, hours| DayException { day: day(text), hours };
        Hours::compile(&Calendar {
            id: CalendarId::new("shop").unwrap(),
            name: Text::new("").unwrap(),
            weekly,
            exceptions: vec![
                except("2026-12-20", Some((780, 1080))),
                except("2026-12-25", None),
                except("2027-01-01", None),
            ],
        })
    }

    #[test]
    fn ranges_are_sorted_and_overlaps_merge() {
        assert_eq!(shop().of(day("2026-12-22")), &[(540, 780), (840, 1080)]);
        assert_eq!(shop().of(day("2026-12-21")), &[(540, 1080)]);
    }

    #[test]
    fn holidays_close_and_exceptional_days_open() {
        assert!(!shop().is_open(day("2026-12-25")) && !shop().is_open(day("2026-12-26")));
        assert_eq!(shop().of(day("2026-12-20")), &[(780, 1080)]);
    }

    #[test]
    fn working_days_are_counted_over_week_ends_and_holidays() {
        assert_eq!(shop().advance(day("2026-12-24"), 0), Some(day("2026-12-24")));
        assert_eq!(shop().advance(day("2026-12-24"), 2), Some(day("2026-12-29")));
        assert_eq!(Hours::always().advance(day("2026-12-24"), 2), Some(day("2026-12-26")));
    }

    #[test]
    fn going_back_is_the_last_day_from_which_going_on_is_in_time() {
        for first in 0..60 {
            let by = later(day("2026-12-01"), first);
            for count in 0..6 {
                let from = shop().retreat(by, count).unwrap();
                assert!(shop().advance(from, count).unwrap() <= by, "{from:?} {count} {by:?}");
                assert!(shop().advance(later(from, 1), count).unwrap() > by, "{from:?} {count} {by:?}");
            }
        }
    }

    #[test]
    fn a_calendar_closed_for_good_has_no_next_day() {
        let never = Hours { weekly: Default::default(), exceptions: Vec::new() };
        assert_eq!(never.first_open(day("2026-01-01")), None);
        assert_eq!(never.advance(day("2026-01-01"), 1), None);
    }
}
