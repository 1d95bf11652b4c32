//! Calendars: when something is open, in the local time of whoever names the calendar.

use super::{Document, Fault, Faults, MINUTES_PER_DAY};
use crate::{CalendarId, Invalid, Money, Text};
use minicbor::{Decode, Encode};

/// A civil date as days since 1970-01-01, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct LocalDay(pub i32);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Weekday {
    /// Monday.
    #[n(1)]
    Monday,
    /// Tuesday.
    #[n(2)]
    Tuesday,
    /// Wednesday.
    #[n(3)]
    Wednesday,
    /// Thursday.
    #[n(4)]
    Thursday,
    /// Friday.
    #[n(5)]
    Friday,
    /// Saturday.
    #[n(6)]
    Saturday,
    /// Sunday.
    #[n(7)]
    Sunday,
}

impl Weekday {
    /// The seven days from Monday on.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];
    /// 0 for Monday up to 6 for Sunday.
    #[must_use]
    pub const fn from_monday(self) -> u8 {
        self as u8
    }
}

/// A set of days of the week: bit 0 is Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Weekdays(u8);

impl Weekdays {
    /// All seven days.
    pub const EVERY: Self = Self(0x7f);
    /// Exactly these days.
    #[must_use]
    pub fn of(days: &[Weekday]) -> Self {
        Self(days.iter().fold(0, |bits, day| bits | 1 << day.from_monday()))
    }
    /// True when `day` is in the set.
    #[must_use]
    pub const fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.from_monday()) != 0
    }
    /// True for no day at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & 0x7f == 0
    }
    /// The days from Monday on.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Weekday::ALL.into_iter().filter(move |day| self.contains(*day))
    }
}

/// Hours on one day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OpenHours {
    /// The day.
    #[n(0)]
    pub weekday: Weekday,
    /// First open minute after local midnight, 0 to 1439.
    #[n(1)]
    pub from_minute: u16,
    /// First closed minute, 1 to 1440, above `from_minute`.
    #[n(2)]
    pub to_minute: u16,
}

/// One day that differs from the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DayException {
    /// The local date.
    #[n(0)]
    pub day: LocalDay,
    /// First open minute and first closed minute; `None` is closed all day.
    #[n(1)]
    pub hours: Option<(u16, u16)>,
}

/// When something is open.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Calendar {
    /// The caller's code.
    #[n(0)]
    pub id: CalendarId,
    /// Name for people; may be empty.
    #[n(1)]
    pub name: Text,
    /// Weekly hours, sorted; days without an entry are closed. Empty is every day, all day, except on exceptions.
    #[n(2)]
    pub weekly: Vec<OpenHours>,
    /// Days that differ, sorted by day, each once.
    #[n(3)]
    pub exceptions: Vec<DayException>,
}

impl Calendar {
    /// A calendar with its hours and exceptions sorted, so that equal calendars are equal documents.
    ///
    /// # Errors
    /// [`Invalid`] when a day is excepted twice.
    pub fn sorted(
        id: CalendarId,
        name: Text,
        mut weekly: Vec<OpenHours>,
        mut exceptions: Vec<DayException>,
    ) -> Result<Self, Invalid> {
        weekly.sort_by_key(|hours| (hours.weekday, hours.from_minute));
        exceptions.sort_by_key(|exception| exception.day);
        if exceptions.windows(2).any(|pair| pair[0].day == pair[1].day) {
            return Err(Invalid::new("exceptions", "name the same date twice"));
        }
        Ok(Self { id, name, weekly, exceptions })
    }
}

fn check_hours(faults: &mut Faults, from: u16, to: u16, field: &str) {
    faults.minute(from, format!("{field}.from_minute_of_day"));
    faults.unless(to > from && to <= MINUTES_PER_DAY, format!("{field}.to_minute_of_day"), || {
        format!("is {to}, must be above {from} and at most {MINUTES_PER_DAY}")
    });
}

impl Document for Calendar {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        faults.at_most(self.weekly.len(), 70, "weekly");
        faults.at_most(self.exceptions.len(), 1000, "exceptions");
        for (index, hours) in self.weekly.iter().enumerate() {
            check_hours(&mut faults, hours.from_minute, hours.to_minute, &format!("weekly[{index}]"));
        }
        for pair in self.weekly.windows(2) {
            let apart = pair[0].weekday != pair[1].weekday || pair[0].to_minute <= pair[1].from_minute;
            faults.unless(apart, "weekly", || format!("has hours that overlap on {:?}", pair[1].weekday));
        }
        for (index, exception) in self.exceptions.iter().enumerate() {
            if let Some((from, to)) = exception.hours {
                check_hours(&mut faults, from, to, &format!("exceptions[{index}]"));
            }
        }
        faults.0
    }
    fn amounts(&self) -> Vec<Money> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_weekdays_holds_exactly_its_days() {
        let set = Weekdays::of(&[Weekday::Monday, Weekday::Sunday]);
        assert_eq!(set.iter().collect::<Vec<_>>(), vec![Weekday::Monday, Weekday::Sunday]);
        assert_eq!(Weekdays::EVERY.iter().count(), 7);
        assert!(Weekdays::of(&[]).is_empty());
    }

    #[test]
    fn overlapping_hours_and_backward_hours_are_faults() {
        let id = CalendarId::new("c").unwrap();
        let hours = |from_minute, to_minute| OpenHours { weekday: Weekday::Monday, from_minute, to_minute };
        let calendar =
            Calendar::sorted(id, Text::new("").unwrap(), vec![hours(600, 500), hours(100, 700)], vec![])
                .unwrap();
        let fields: Vec<String> = calendar.faults().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, vec!["weekly[1].to_minute_of_day", "weekly"]);
    }
}
