//! Civil days and local time without 23- or 25-hour errors. It reads no clock: instants come in, and the IANA rules
//! are compiled into the binary, so the same instant is the same local time on every machine.

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use waybill_types::network::{LocalDay, TimeZoneName};
use waybill_types::{Invalid, Timestamp};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const DAY_MS: i64 = 86_400_000;
/// Instants are kept within 1970 to about 8300, so that calendar arithmetic never leaves its range.
const INSTANT_MS_MAX: i64 = 200_000_000_000_000;
/// Changes of offset are tabulated from 1970 to 2101; later instants ask the rules each time.
const TABLE_END_MS: i64 = 4_133_980_800_000;

/// Reads a civil date written `yyyy-mm-dd`, from 1970 to 8000.
///
/// # Errors
/// [`Invalid`] for any other spelling or a date that does not exist.
pub fn parse_day(text: &str) -> Result<LocalDay, Invalid> {
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
    match date.map(|date| date.duration_since(EPOCH).as_hours() / 24) {
        Some(days @ 0..=2_203_000) => Ok(LocalDay(days as i32)),
        _ => Err(Invalid::new("date", format!("is {text:?}, must look like 2026-12-25"))),
    }
}

/// Writes a civil date as `yyyy-mm-dd`.
#[must_use]
pub fn day_text(day: LocalDay) -> String {
    midnight(day).map_or_else(|| format!("day {} from 1970-01-01", day.0), |at| at.date().to_string())
}

/// The instant at which the wall clocks of a time zone show `minute` (0 to 1440) of `day`. A time that is skipped when
/// clocks go forward is read as that much later; one that comes twice is the first of the two.
///
/// # Errors
/// [`Invalid`] when the time zone is not an IANA name.
pub fn instant_of(zone: &TimeZoneName, day: LocalDay, minute: u16) -> Result<Timestamp, Invalid> {
    let rules = ZoneRules { zone: find_zone(zone.as_str())?, changes: Vec::new() };
    Ok(Timestamp::from_ms(rules.instant_ms(day, minute)))
}

/// Checks that a name is an IANA time zone.
///
/// # Errors
/// [`Invalid`] when it is not.
pub fn check_time_zone(zone: &TimeZoneName) -> Result<(), Invalid> {
    find_zone(zone.as_str()).map(drop)
}

/// 0 for Monday to 6 for Sunday.
pub(crate) const fn weekday(day: LocalDay) -> u8 {
    // 1970-01-01 was a Thursday.
    (day.0 as i64 + 3).rem_euclid(7) as u8
}

/// `days` later.
pub(crate) const fn later(day: LocalDay, days: i32) -> LocalDay {
    LocalDay(day.0.saturating_add(days))
}

fn midnight(day: LocalDay) -> Option<jiff::civil::DateTime> {
    let date = EPOCH.checked_add(SignedDuration::from_hours(24 * i64::from(day.0))).ok()?;
    Some(date.to_datetime(jiff::civil::Time::midnight()))
}

const EPOCH: Date = Date::constant(1970, 1, 1);

fn find_zone(name: &str) -> Result<TimeZone, Invalid> {
    TimeZoneDatabase::bundled().get(name).map_err(|_| {
        Invalid::new("time zone", format!("is {name:?}, must be an IANA name such as Europe/Berlin"))
    })
}

/// A time zone's rules as a table of changes: instants in milliseconds on one side, civil days and milliseconds after
/// local midnight (by the wall clock) on the other.
#[derive(Debug)]
pub(crate) struct ZoneRules {
    zone: TimeZone,
    /// From when on which offset holds, ascending; the first begins at the beginning of time.
    changes: Vec<(i64, i64)>,
}

/// A stretch of time over which one offset holds. Inside it, local time is an addition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    from_ms: i64,
    until_ms: i64,
    offset_ms: i64,
}

impl ZoneRules {
    pub(crate) fn load(name: &str) -> Result<Self, Invalid> {
        let zone = find_zone(name)?;
        let start = jiff::Timestamp::UNIX_EPOCH;
        let mut changes = vec![(i64::MIN, i64::from(zone.to_offset(start).seconds()) * 1000)];
        for change in zone.following(start) {
            let at_ms = change.timestamp().as_millisecond();
            if at_ms >= TABLE_END_MS {
                break;
            }
            changes.push((at_ms, i64::from(change.offset().seconds()) * 1000));
        }
        Ok(Self { zone, changes })
    }

    /// The stretch that holds `at_ms`.
    pub(crate) fn stretch(&self, at_ms: i64) -> Stretch {
        let at_ms = at_ms.clamp(0, INSTANT_MS_MAX);
        if at_ms >= TABLE_END_MS {
            let offset_s = instant(at_ms).map_or(0, |t| self.zone.to_offset(t).seconds());
            return Stretch { from_ms: at_ms, until_ms: at_ms + 1, offset_ms: i64::from(offset_s) * 1000 };
        }
        let next = self.changes.partition_point(|(from, _)| *from <= at_ms);
        let (from_ms, offset_ms) = self.changes[next - 1];
        let until_ms = self.changes.get(next).map_or(TABLE_END_MS, |(from, _)| *from);
        Stretch { from_ms, until_ms, offset_ms }
    }

    /// The instant at which the wall clock shows `minute` (0 to 1440) of `day`. A time that is skipped when clocks go
    /// forward is read as that much later; one that comes twice is the first of the two.
    pub(crate) fn instant_ms(&self, day: LocalDay, minute: u16) -> i64 {
        let wall_ms = i64::from(day.0) * DAY_MS + i64::from(minute) * MINUTE_MS;
        if !self.changes.is_empty() && (0..TABLE_END_MS - 2 * DAY_MS).contains(&wall_ms) {
            return self.tabulated_ms(wall_ms);
        }
        let Some(midnight) = midnight(day) else { return wall_ms };
        let wall = midnight.checked_add(SignedDuration::from_mins(i64::from(minute)));
        let found = wall.and_then(|wall| self.zone.to_ambiguous_timestamp(wall).compatible());
        found.map_or(wall_ms, |t| t.as_millisecond())
    }

    /// As [`Self::instant_ms`], for a wall time within the table.
    fn tabulated_ms(&self, wall_ms: i64) -> i64 {
        // No offset is a day long, so the stretch that was in force a day before is the first that can hold it.
        let after = self.changes.partition_point(|(from, _)| *from <= wall_ms - DAY_MS);
        let mut at = after.saturating_sub(1);
        loop {
            let instant_ms = wall_ms - self.changes[at].1;
            match self.changes.get(at + 1) {
                // Past the end of this stretch, and not skipped by the change: a later stretch holds it.
                Some((until, next)) if instant_ms >= *until && wall_ms - next >= *until => at += 1,
                _ => return instant_ms,
            }
        }
    }
}

impl Stretch {
    /// The local day and the milliseconds that the wall clock shows after midnight, if `at_ms` lies in the stretch.
    pub(crate) fn local(&self, at_ms: i64) -> Option<(LocalDay, i64)> {
        if at_ms < self.from_ms || at_ms >= self.until_ms {
            return None;
        }
        let wall_ms = at_ms + self.offset_ms;
        Some((LocalDay(wall_ms.div_euclid(DAY_MS) as i32), wall_ms.rem_euclid(DAY_MS)))
    }

    /// The instant at which the wall clock shows `minute` of `day`, if it certainly lies in the stretch: not within
    /// the first day after its beginning, where the same wall time might have come before.
    pub(crate) fn instant_ms(&self, day: LocalDay, minute: u16) -> Option<i64> {
        let at_ms = i64::from(day.0) * DAY_MS + i64::from(minute) * MINUTE_MS - self.offset_ms;
        let certain = at_ms >= self.from_ms.saturating_add(DAY_MS) && at_ms < self.until_ms;
        certain.then_some(at_ms)
    }
}

fn instant(at_ms: i64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at_ms).ok()
}

/// Keeps an instant within the range that calendars can count.
pub(crate) const fn clamp_instant(at_ms: i64) -> i64 {
    if at_ms < 0 {
        0
    } else if at_ms > INSTANT_MS_MAX {
        INSTANT_MS_MAX
    } else {
        at_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_one_spelling_and_the_right_weekday() {
        let christmas = parse_day("2026-12-25").unwrap();
        assert_eq!((day_text(christmas).as_str(), weekday(christmas)), ("2026-12-25", 4));
        assert_eq!(parse_day("1970-01-01").unwrap(), LocalDay(0));
        for wrong in
            ["", "2026-2-3", "20261225", "2026-02-29", "2026-12-25T00:00", "1969-12-31", "9999-12-31"]
        {
            assert!(parse_day(wrong).is_err(), "{wrong:?} must be refused");
        }
    }

    #[test]
    fn unknown_time_zones_are_refused() {
        let check = |name: &str| check_time_zone(&TimeZoneName::new(name).unwrap());
        assert!(check("Europe/Berlin").is_ok());
        for wrong in ["Berlin", "Europe/Atlantis", "UTC+1"] {
            assert!(check(wrong).is_err(), "{wrong:?} must be refused");
        }
    }

    #[test]
    fn the_table_agrees_with_the_rules_every_half_hour_around_both_changes() {
        for name in
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "Africa/Casablanca"]
        {
            let rules = ZoneRules::load(name).unwrap();
            // 2026-03-27 to 2026-11-03, which holds both changes of every zone here.
            for half_hour in 0..10_600i64 {
                let at_ms = 1_774_569_600_000 + half_hour * 1_800_000;
                let wall = rules.zone.to_datetime(instant(at_ms).unwrap());
                let (day, ms) = rules.stretch(at_ms).local(at_ms).unwrap();
                assert_eq!(day_text(day), wall.date().to_string(), "{name} at {at_ms}");
                assert_eq!(ms, i64::from(wall.hour()) * 3_600_000 + i64::from(wall.minute()) * 60_000);
                let minute = (ms / MINUTE_MS) as u16;
                let slow = rules.instant_ms(day, minute);
                let wall = midnight(day).unwrap() + SignedDuration::from_mins(i64::from(minute));
                let asked = rules.zone.to_ambiguous_timestamp(wall).compatible().unwrap();
                assert_eq!(slow, asked.as_millisecond(), "{name} at {at_ms}");
                if let Some(fast) = rules.stretch(at_ms).instant_ms(day, minute) {
                    assert_eq!(fast, slow, "{name} at {at_ms}");
                }
            }
        }
    }

    #[test]
    fn a_skipped_wall_time_is_read_later_and_a_doubled_one_is_the_first() {
        let rules = ZoneRules::load("Europe/Berlin").unwrap();
        let spring = rules.instant_ms(parse_day("2026-03-29").unwrap(), 2 * 60 + 30);
        assert_eq!(rules.stretch(spring).local(spring).unwrap().1, (3 * 60 + 30) * MINUTE_MS);
        let autumn = rules.instant_ms(parse_day("2026-10-25").unwrap(), 2 * 60 + 30);
        assert_eq!(instant(autumn).unwrap().to_string(), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn the_table_agrees_with_the_rules_in_wall_times_that_are_skipped_or_doubled() {
        for name in [
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
            "Africa/Cairo",
            "Asia/Beirut",
            "America/Havana",
            "Pacific/Apia",
            "Pacific/Auckland",
            "Asia/Tokyo",
        ] {
            let rules = ZoneRules::load(name).unwrap();
            for day in (10_950..11_320).chain(14_900..15_400).chain(20_400..21_200) {
                for minute in (0..=1440).step_by(15) {
                    let wall =
                        midnight(LocalDay(day)).unwrap() + SignedDuration::from_mins(i64::from(minute));
                    let asked = rules.zone.to_ambiguous_timestamp(wall).compatible().unwrap();
                    let minute = minute as u16;
                    assert_eq!(
                        rules.instant_ms(LocalDay(day), minute),
                        asked.as_millisecond(),
                        "{name} {wall}"
                    );
                }
            }
        }
    }

    #[test]
    fn absurd_instants_do_not_panic() {
        let rules = ZoneRules::load("America/New_York").unwrap();
        for at_ms in [i64::MIN, -1, 0, TABLE_END_MS - 1, TABLE_END_MS, INSTANT_MS_MAX, i64::MAX] {
            let at_ms = clamp_instant(at_ms);
            let (day, ms) = rules.stretch(at_ms).local(at_ms).unwrap();
            let back = rules.instant_ms(day, (ms / MINUTE_MS) as u16);
            assert!((at_ms - back) < MINUTE_MS + 3_600_000, "{at_ms} came back as {back}");
        }
        rules.instant_ms(LocalDay(i32::MAX), 1440);
        rules.instant_ms(LocalDay(i32::MIN), 0);
    }
}
