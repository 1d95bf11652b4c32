//! Times as files carry them: RFC 3339 in UTC for points in time, `HH:MM` for local times of day. No clock, no zones.

use crate::cell::textual;
use std::fmt;
use std::str::FromStr;

/// A point in time, milliseconds since 1970-01-01T00:00:00Z, from year 1 to 9999. Written `2026-03-02T14:05:00.000Z`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    /// Milliseconds since the Unix epoch.
    pub ms: i64,
}

/// A local time of day in minutes after midnight, 0 (`00:00`) to 1440 (`24:00`, only as an end).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinuteOfDay(pub u32);

impl Instant {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self { ms }
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
/// Source: Howard Hinnant, chrono-compatible low-level date algorithms, `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Reads `2026-12-25`; refuses dates that do not exist.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return None };
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let days = days_from_civil(year, month, day);
    ((1..=12).contains(&month) && civil_from_days(days) == (year, month, day)).then_some(days)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn parse_instant(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let (clock, offset_minutes) = split_offset(rest)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = clock.split(':').collect::<Vec<_>>()[..] else { return None };
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    if hour > 23 || minute > 59 || second > 59 || fraction.is_empty() {
        return None;
    }
    let fraction_ms = digits(format!("{fraction:0<3}").get(..3)?, 3)?;
    fraction.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    let seconds = parse_date(date)? * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    Some(seconds * 1_000 + fraction_ms)
}

/// The clock part and the offset in minutes east of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let sign_at = text.rfind(['+', '-'])?;
    let (clock, offset) = text.split_at(sign_at);
    let (hours, minutes) = offset[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let total = hours * 60 + minutes;
    (hours <= 23 && minutes <= 59).then_some((clock, if offset.starts_with('-') { -total } else { total }))
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.ms.div_euclid(86_400_000));
        let ms = self.ms.rem_euclid(86_400_000);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
    }
}

impl FromStr for Instant {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let ms = parse_instant(text)
            .ok_or_else(|| format!("is {text:?}, must be a time such as 2026-03-02T14:05:00Z (RFC 3339)"))?;
        Ok(Self { ms })
    }
}

impl fmt::Display for MinuteOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for MinuteOfDay {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once(':')
            .and_then(|(hour, minute)| Some((digits(hour, 2)?, digits(minute, 2)?)))
            .filter(|(hour, minute)| *minute <= 59 && hour * 60 + minute <= 1_440)
            .and_then(|(hour, minute)| u32::try_from(hour * 60 + minute).ok())
            .map(Self)
            .ok_or_else(|| format!("is {text:?}, must be a local time from 00:00 to 24:00"))
    }
}

textual!(Instant, MinuteOfDay);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times_read_and_write_exactly() {
        let noon: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
        assert_eq!(noon.ms, 1_772_452_800_000);
        assert_eq!(noon.to_string(), "2026-03-02T12:00:00.000Z");
        assert_eq!("2026-03-02T07:00:00.5-05:00".parse::<Instant>().unwrap().ms, noon.ms + 500);
        assert_eq!("1969-12-31T23:59:59.999Z".parse::<Instant>().unwrap().ms, -1);
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.00ßZ",
        ] {
            assert!(text.parse::<Instant>().is_err(), "{text}");
        }
        assert!("24:01".parse::<MinuteOfDay>().is_err());
        assert_eq!("24:00".parse::<MinuteOfDay>(), Ok(MinuteOfDay(1_440)));
    }

    proptest! {
        #[test]
        fn every_time_survives_its_text(ms in -62_000_000_000_000i64..253_000_000_000_000) {
            let text = Instant::from_ms(ms).to_string();
            prop_assert_eq!(text.parse::<Instant>().unwrap().ms, ms);
        }
    }
}
