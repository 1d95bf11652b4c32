//! Lanes, zones and calendars: how goods get from node to node and to the customer.

use crate::cell::textual;
use crate::node::{costs, time_zone};
use crate::record::{at, point, record, text_up_to, within};
use crate::time::parse_date;
use crate::words::words;
use crate::{FieldError, MinuteOfDay};
use std::fmt;
use std::str::FromStr;
use waybill_types::network::RateCardId;
use waybill_types::{CalendarId, Country, Currency, NodeId, ServiceId, ZoneId};

words! {
    /// A day of the week in the local calendar of a node.
    Weekday {
        Monday = "mon", Tuesday = "tue", Wednesday = "wed", Thursday = "thu", Friday = "fri", Saturday = "sat",
        Sunday = "sun",
    }
}

/// A weekly departure. Written `mon+tue@17:30`; `@17:30` means every day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Departure {
    /// Days, local to the begin node; empty means every day.
    pub weekdays: Vec<Weekday>,
    /// When it leaves, 00:00 to 23:59 local.
    pub at: MinuteOfDay,
}

/// Part of a country by postal code. Written `US:606+607`; `US` means the whole country.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostalArea {
    /// ISO 3166-1 alpha-2, upper case.
    pub country_code: String,
    /// Beginnings of postal codes; empty means the whole country. The longest match of all zones wins.
    pub postal_prefixes: Vec<String>,
}

/// Hours of one day, local. Written `08:00-21:00`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayHours {
    /// The first minute.
    pub from: MinuteOfDay,
    /// The minute after the last, after `from`.
    pub to: MinuteOfDay,
}

/// Hours on one day of the week. Written `mon 09:00-21:00`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenHours {
    /// The day.
    pub weekday: Weekday,
    /// First open minute.
    pub from: MinuteOfDay,
    /// First closed minute, after `from`.
    pub to: MinuteOfDay,
}

/// One day that differs from the week. Written `2026-12-25 closed` or `2026-12-24 09:00-14:00`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalendarException {
    /// The local date, `YYYY-MM-DD`.
    pub date: String,
    /// The hours of that day; `None` means closed.
    pub open: Option<(MinuteOfDay, MinuteOfDay)>,
}

record! {
    /// A directed way for goods, to another node or to any address in a zone.
    LaneRecord = "lanes"
    required {
        /// The retailer's own code, 1 to 64 bytes.
        lane_id: String,
        /// Where it begins.
        from_node_id: String,
        /// What the carrier sells, such as `standard`.
        carrier_service: String,
    }
    optional {
        /// The node where it ends; exactly one of this and `to_zone_id` is given.
        to_node_id: String,
        /// The zone where it ends.
        to_zone_id: String,
        /// What it costs, by rate card; exactly one of this and `currency_code` is given.
        rate_card_id: String,
        /// ISO 4217 code of the lane's own costs, needed also where they are 0; one network has one currency.
        currency_code: String,
        /// Per parcel, in minor units.
        base_minor: i64,
        /// Per started kilogram, in minor units.
        per_kg_minor: i64,
        /// Time on the way in milliseconds, on top of `transit_days`.
        transit_ms: i64,
        /// Days on the way, counted on days when the lane's calendar is open, 0 to 365.
        transit_days: u32,
        /// How long goods stand ready at the begin node before they leave, in milliseconds, 0 to 30 days.
        preparation_ms: i64,
        /// Between which local times of the destination the carrier delivers; empty means 08:00 to 21:00.
        delivery_hours: Option<DayHours>,
        /// When goods leave; empty means at any time the begin node is open.
        departures: Vec<Departure>,
        /// Days on which the carrier works; empty means every day.
        calendar_id: String,
        /// The lane is not used for new work.
        inactive: bool,
    }
}

record! {
    /// An area that lanes deliver to, by postal codes, by a circle, or by both.
    ZoneRecord = "zones"
    required {
        /// The retailer's own code, 1 to 64 bytes.
        zone_id: String,
    }
    optional {
        /// Name for people, at most 200 characters.
        name: String,
        /// Areas by country and postal code; may be empty when there is a circle.
        areas: Vec<PostalArea>,
        /// The middle of the circle: degrees of latitude times 1,000,000.
        latitude_e6: Option<i32>,
        /// The middle of the circle: degrees of longitude times 1,000,000.
        longitude_e6: Option<i32>,
        /// The circle's radius on the ground in metres; 0 means that there is no circle.
        radius_m: i64,
        /// IANA time zone in which the days of a promise are counted; empty means that of the node which sends.
        time_zone: String,
        /// Days on which anybody delivers there; empty means every day.
        calendar_id: String,
    }
}

record! {
    /// When something is open. Times are local to the node or lane that names the calendar.
    CalendarRecord = "calendars"
    required {
        /// The retailer's own code, 1 to 64 bytes.
        calendar_id: String,
    }
    optional {
        /// Name for people, at most 200 characters.
        name: String,
        /// Weekly hours; days without an entry are closed; none at all means always open.
        weekly: Vec<OpenHours>,
        /// Days that differ from the week, at most 1,000.
        exceptions: Vec<CalendarException>,
    }
}

impl LaneRecord {
    fn check_fields(&self) -> Result<(), FieldError> {
        at("lane_id", NodeId::new(&self.lane_id))?;
        at("from_node_id", NodeId::new(&self.from_node_id))?;
        at("carrier_service", ServiceId::new(&self.carrier_service))?;
        match (self.to_node_id.as_str(), self.to_zone_id.as_str()) {
            ("", "") => {
                return Err(FieldError::new("to_node_id", "and to_zone_id are empty, give one of the two"));
            }
            (node, "") if node == self.from_node_id => {
                return Err(FieldError::new("to_node_id", "is the node where the lane begins"));
            }
            (node, "") => at("to_node_id", NodeId::new(node))?,
            ("", zone) => at("to_zone_id", ZoneId::new(zone))?,
            _ => {
                return Err(FieldError::new("to_zone_id", "is given beside to_node_id, give one of the two"));
            }
        }
        self.check_cost()?;
        within("transit_ms", self.transit_ms, 0, 365 * 86_400_000)?;
        within("transit_days", i64::from(self.transit_days), 0, 365)?;
        within("preparation_ms", self.preparation_ms, 0, 30 * 86_400_000)?;
        within("delivery_hours", self.delivery_hours.map_or(0, |hours| i64::from(hours.from.0)), 0, 1_439)?;
        calendar_or_none(&self.calendar_id)
    }

    /// A cost of its own, even when that is 0, or a rate card.
    fn check_cost(&self) -> Result<(), FieldError> {
        let own = [("base_minor", self.base_minor), ("per_kg_minor", self.per_kg_minor)];
        if self.rate_card_id.is_empty() {
            at("currency_code", Currency::new(&self.currency_code))?;
            return costs(&self.currency_code, own);
        }
        at("rate_card_id", RateCardId::new(&self.rate_card_id))?;
        if !self.currency_code.is_empty() || own.iter().any(|(_, minor)| *minor != 0) {
            return Err(FieldError::new("rate_card_id", "is given beside a cost, give one of the two"));
        }
        Ok(())
    }
}

impl ZoneRecord {
    fn check_fields(&self) -> Result<(), FieldError> {
        at("zone_id", ZoneId::new(&self.zone_id))?;
        text_up_to("name", &self.name, 200)?;
        point(self.latitude_e6, self.longitude_e6)?;
        within("radius_m", self.radius_m, 0, 20_000_000)?;
        if !self.time_zone.is_empty() {
            time_zone(&self.time_zone)?;
        }
        calendar_or_none(&self.calendar_id)?;
        if (self.radius_m > 0) != self.latitude_e6.is_some() {
            return Err(FieldError::new("radius_m", "and the middle of the circle need each other"));
        }
        if self.areas.is_empty() && self.radius_m == 0 {
            return Err(FieldError::new(
                "areas",
                "is empty and there is no circle: the zone would hold nothing",
            ));
        }
        self.areas.iter().try_for_each(|area| at("areas", Country::new(&area.country_code)))
    }
}

impl CalendarRecord {
    fn check_fields(&self) -> Result<(), FieldError> {
        at("calendar_id", CalendarId::new(&self.calendar_id))?;
        text_up_to("name", &self.name, 200)?;
        within("exceptions", self.exceptions.len() as i64, 0, 1_000)
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<_> = self.weekdays.iter().map(|day| day.word()).collect();
        write!(f, "{}@{}", days.join("+"), self.at)
    }
}
impl FromStr for Departure {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (days, time) = text
            .split_once('@')
            .ok_or_else(|| format!("is {text:?}, must look like mon+tue@17:30 or @17:30"))?;
        let weekdays = match days {
            "" => Vec::new(),
            days => days.split('+').map(str::parse).collect::<Result<_, _>>()?,
        };
        let at: MinuteOfDay = time.parse()?;
        if at.0 > 1_439 {
            return Err(format!("is {text:?}, the last departure of a day is at 23:59"));
        }
        Ok(Self { weekdays, at })
    }
}

impl fmt::Display for PostalArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.country_code)?;
        if !self.postal_prefixes.is_empty() {
            write!(f, ":{}", self.postal_prefixes.join("+"))?;
        }
        Ok(())
    }
}
impl FromStr for PostalArea {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (country, prefixes) = text.split_once(':').map_or((text, None), |(c, p)| (c, Some(p)));
        let postal_prefixes: Vec<String> =
            prefixes.map_or_else(Vec::new, |list| list.split('+').map(str::to_owned).collect());
        if country.len() != 2 || postal_prefixes.iter().any(|p| p.is_empty() || p.len() > 16) {
            return Err(format!("is {text:?}, must look like US:606+607, or US for the whole country"));
        }
        Ok(Self { country_code: country.to_owned(), postal_prefixes })
    }
}

fn calendar_or_none(id: &str) -> Result<(), FieldError> {
    if id.is_empty() { Ok(()) } else { at("calendar_id", CalendarId::new(id)) }
}

impl fmt::Display for DayHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}
impl FromStr for DayHours {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = parse_hours(text)?;
        Ok(Self { from, to })
    }
}

fn parse_hours(text: &str) -> Result<(MinuteOfDay, MinuteOfDay), String> {
    let (from, to) =
        text.split_once('-').ok_or_else(|| format!("{text:?} must be hours such as 09:00-21:00"))?;
    let (from, to): (MinuteOfDay, MinuteOfDay) = (from.parse()?, to.parse()?);
    if from >= to {
        return Err(format!("{text:?} closes before it opens"));
    }
    Ok((from, to))
}

impl fmt::Display for OpenHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}-{}", self.weekday, self.from, self.to)
    }
}
impl FromStr for OpenHours {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (day, hours) =
            text.split_once(' ').ok_or_else(|| format!("is {text:?}, must look like mon 09:00-21:00"))?;
        let (from, to) = parse_hours(hours)?;
        Ok(Self { weekday: day.parse()?, from, to })
    }
}

impl fmt::Display for CalendarException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.open {
            None => write!(f, "{} closed", self.date),
            Some((from, to)) => write!(f, "{} {from}-{to}", self.date),
        }
    }
}
impl FromStr for CalendarException {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (date, hours) =
            text.split_once(' ').filter(|(date, _)| parse_date(date).is_some()).ok_or_else(|| {
                format!("is {text:?}, must look like 2026-12-25 closed or 2026-12-24 09:00-14:00")
            })?;
        let open = if hours == "closed" { None } else { Some(parse_hours(hours)?) };
        Ok(Self { date: date.to_owned(), open })
    }
}

textual!(Departure, PostalArea, DayHours, OpenHours, CalendarException);
