//! Calendars.

use waybill_proto::common::v1 as common;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{small, text};
use waybill_types::CalendarId;
use waybill_types::network::{Calendar, DayException, OpenHours, Weekday, Weekdays};

/// `at` is the path of the row with its dot, such as `calendars[3].`.
pub(crate) fn calendar(fields: &mut Fields, at: &str, row: &proto::Calendar) -> Option<Calendar> {
    let id = fields.check(format!("{at}calendar_id"), CalendarId::new(&row.calendar_id));
    let name = text(fields, format!("{at}name"), &row.name, 200);
    let weekly: Vec<Option<OpenHours>> = row
        .weekly
        .iter()
        .enumerate()
        .map(|(index, given)| open_hours(fields, &format!("{at}weekly[{index}]"), given))
        .collect();
    let exceptions: Vec<Option<DayException>> = row
        .exceptions
        .iter()
        .enumerate()
        .map(|(index, given)| exception(fields, &format!("{at}exceptions[{index}]"), given))
        .collect();
    let weekly = weekly.into_iter().collect::<Option<_>>();
    let exceptions = exceptions.into_iter().collect::<Option<_>>();
    let sorted = Calendar::sorted(id?, name?, weekly?, exceptions?);
    fields.check(format!("{at}exceptions"), sorted)
}

/// A set of days; each of them must be a day.
pub(crate) fn weekdays(fields: &mut Fields, field: &str, numbers: &[i32]) -> Option<Weekdays> {
    let days: Vec<Option<Weekday>> = numbers
        .iter()
        .enumerate()
        .map(|(index, day)| weekday(fields, &format!("{field}[{index}]"), *day))
        .collect();
    let days: Vec<Weekday> = days.into_iter().collect::<Option<_>>()?;
    Some(Weekdays::of(&days))
}

fn weekday(fields: &mut Fields, field: &str, number: i32) -> Option<Weekday> {
    match common::Weekday::try_from(number) {
        Ok(common::Weekday::Monday) => Some(Weekday::Monday),
        Ok(common::Weekday::Tuesday) => Some(Weekday::Tuesday),
        Ok(common::Weekday::Wednesday) => Some(Weekday::Wednesday),
        Ok(common::Weekday::Thursday) => Some(Weekday::Thursday),
        Ok(common::Weekday::Friday) => Some(Weekday::Friday),
        Ok(common::Weekday::Saturday) => Some(Weekday::Saturday),
        Ok(common::Weekday::Sunday) => Some(Weekday::Sunday),
        Ok(common::Weekday::Unspecified) | Err(_) => {
            fields.wrong(field, format!("is {number}, must be a day of the week"));
            None
        }
    }
}

fn open_hours(fields: &mut Fields, at: &str, given: &proto::OpenHours) -> Option<OpenHours> {
    let weekday = weekday(fields, &format!("{at}.weekday"), given.weekday);
    let from = small(fields, format!("{at}.from_minute_of_day"), given.from_minute_of_day, 1439);
    let to = small(fields, format!("{at}.to_minute_of_day"), given.to_minute_of_day, 1440);
    Some(OpenHours { weekday: weekday?, from_minute: from?, to_minute: to? })
}

fn exception(fields: &mut Fields, at: &str, given: &proto::CalendarException) -> Option<DayException> {
    let day = fields.check(format!("{at}.date"), waybill_sourcing::parse_day(&given.date));
    if given.closed {
        return Some(DayException { day: day?, hours: None });
    }
    let from = small(fields, format!("{at}.from_minute_of_day"), given.from_minute_of_day, 1439);
    let to = small(fields, format!("{at}.to_minute_of_day"), given.to_minute_of_day, 1440);
    Some(DayException { day: day?, hours: Some((from?, to?)) })
}
