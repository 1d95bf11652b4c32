//! Destination zones.

use super::{Document, Fault, Faults, TimeZoneName};
use crate::{CalendarId, Country, GeoPoint, Money, PostalCode, Text, ZoneId};
use minicbor::{Decode, Encode};

/// Part of a country by postal code.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PostalArea {
    /// Country.
    #[n(0)]
    pub country: Country,
    /// Beginnings of postal codes; empty is the whole country. The longest match of all zones wins.
    #[n(1)]
    pub postal_prefixes: Vec<PostalCode>,
}

/// Everything within a distance of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Circle {
    /// The middle.
    #[n(0)]
    pub center: GeoPoint,
    /// Distance on the ground in metres, more than 0.
    #[n(1)]
    pub radius_m: u64,
}

/// An area that lanes deliver to. An address is in it when any of its areas or its circle holds it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Zone {
    /// The caller's code.
    #[n(0)]
    pub id: ZoneId,
    /// Name for people; may be empty.
    #[n(1)]
    pub name: Text,
    /// Areas by country and postal code; may be empty when there is a circle.
    #[n(2)]
    pub areas: Vec<PostalArea>,
    /// Everything within a distance.
    #[n(3)]
    pub circle: Option<Circle>,
    /// The zone in which the days of a promise are counted; `None` is the sending node's.
    #[n(4)]
    pub time_zone: Option<TimeZoneName>,
    /// Days on which anybody delivers there, besides the days of the lane's own calendar; `None` is every day.
    #[n(5)]
    pub calendar: Option<CalendarId>,
}

/// About half way round the earth, in metres.
const RADIUS_M_MAX: u64 = 20_000_000;

impl Document for Zone {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        faults.unless(!self.areas.is_empty() || self.circle.is_some(), "areas", || {
            "are empty and there is no circle: the zone holds no address".to_owned()
        });
        faults.at_most(self.areas.len(), 300, "areas");
        let prefixes: usize = self.areas.iter().map(|area| area.postal_prefixes.len()).sum();
        faults.at_most(prefixes, 10_000, "areas.postal_prefixes");
        if let Some(circle) = self.circle {
            faults.unless((1..=RADIUS_M_MAX).contains(&circle.radius_m), "circle.radius_m", || {
                format!("is {}, must be 1 to {RADIUS_M_MAX}", circle.radius_m)
            });
        }
        faults.0
    }
    fn amounts(&self) -> Vec<Money> {
        Vec::new()
    }
}
