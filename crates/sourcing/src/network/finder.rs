//! Which zone an address belongs to. It knows postal prefixes and circles, not lanes.

use crate::geo;
use crate::interner::FixedMap;
use crate::network::ZoneIx;
use waybill_types::exchange::Destination;
use waybill_types::network::{Circle, Zone};

/// Longest country code, separator and postal code.
const KEY_BYTES: usize = 2 + 1 + 16;

/// Finds zones by longest postal prefix, then smallest circle, then whole country.
#[derive(Clone, Debug, Default)]
pub(crate) struct ZoneFinder {
    /// By country and prefix, as `DE:101`; the whole country is `DE:`. The first zone by id has each key.
    prefixes: FixedMap<Box<[u8]>, ZoneIx>,
    /// Ascending by radius, then by zone id.
    circles: Vec<(Circle, ZoneIx)>,
}

impl ZoneFinder {
    /// `zones` in ascending order of id; a zone's index is its place.
    pub(crate) fn build(zones: &[Zone]) -> Self {
        let mut finder = Self::default();
        for (index, zone) in zones.iter().enumerate() {
            let zone_ix = ZoneIx(index as u32);
            for area in &zone.areas {
                if area.postal_prefixes.is_empty() {
                    let key = Key::new(area.country.as_str(), "");
                    finder.prefixes.entry(key.bytes().into()).or_insert(zone_ix);
                }
                for prefix in &area.postal_prefixes {
                    let key = Key::new(area.country.as_str(), prefix.as_str());
                    finder.prefixes.entry(key.bytes().into()).or_insert(zone_ix);
                }
            }
            if let Some(circle) = zone.circle {
                finder.circles.push((circle, zone_ix));
            }
        }
        finder.circles.sort_by_key(|(circle, zone)| (circle.radius_m, *zone));
        finder
    }

    pub(crate) fn find(&self, destination: &Destination) -> Option<ZoneIx> {
        let postal_code = destination.postal_code.as_ref().map_or("", |code| code.as_str());
        let mut key = Key::new(destination.country.as_str(), postal_code);
        let whole_country = key.country_length();
        while key.length > whole_country {
            if let Some(zone) = self.prefixes.get(key.bytes()) {
                return Some(*zone);
            }
            key.length -= 1;
        }
        let around = destination
            .point
            .and_then(|point| self.circles.iter().find(|(c, _)| geo::within(point, c.center, c.radius_m)));
        around.map(|(_, zone)| *zone).or_else(|| self.prefixes.get(key.bytes()).copied())
    }
}

/// A country and the beginning of a postal code without spaces and hyphens.
struct Key {
    bytes: [u8; KEY_BYTES],
    length: usize,
    country: usize,
}

impl Key {
    fn new(country: &str, postal: &str) -> Self {
        let mut key = Self { bytes: [0; KEY_BYTES], length: 0, country: country.len() + 1 };
        let code = postal.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).map(|b| b.to_ascii_uppercase());
        for byte in country.bytes().chain([b':']).chain(code).take(KEY_BYTES) {
            key.bytes[key.length] = byte;
            key.length += 1;
        }
        key
    }
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
    fn country_length(&self) -> usize {
        self.country.min(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::network::PostalArea;
    use waybill_types::{Country, GeoPoint, PostalCode, Text, ZoneId};

    fn zone(id: &str, prefixes: Option<&[&str]>, circle: Option<(i32, i32, u64)>) -> Zone {
        let area = prefixes.map(|prefixes| PostalArea {
            country: Country::new("DE").unwrap(),
            postal_prefixes: prefixes.iter().map(|p| PostalCode::new(p).unwrap()).collect(),
        });
        Zone {
            id: ZoneId::new(id).unwrap(),
            name: Text::new("").unwrap(),
            areas: area.into_iter().collect(),
            circle: circle
                .map(|(lat, lon, radius_m)| Circle { center: GeoPoint::new(lat, lon).unwrap(), radius_m }),
            time_zone: None,
            calendar: None,
        }
    }

    fn find(
        finder: &ZoneFinder,
        country: &str,
        postal: Option<&str>,
        point: Option<(i32, i32)>,
    ) -> Option<u32> {
        let destination = Destination {
            country: Country::new(country).unwrap(),
            postal_code: postal.map(|code| PostalCode::new(code).unwrap()),
            point: point.map(|(lat, lon)| GeoPoint::new(lat, lon).unwrap()),
        };
        finder.find(&destination).map(|zone| zone.0)
    }

    #[test]
    fn the_longest_prefix_wins_then_the_smallest_circle_then_the_country() {
        let zones = [
            zone("a-country", Some(&[]), None),
            zone("b-east", Some(&["1"]), None),
            zone("c-mitte", Some(&["10-1", "10 2"]), None),
            zone("d-wide", None, Some((52_500_000, 13_400_000, 50_000))),
            zone("e-near", None, Some((52_500_000, 13_400_000, 5_000))),
            zone("f-mitte-again", Some(&["101"]), None),
        ];
        let finder = ZoneFinder::build(&zones);
        let berlin = Some((52_510_000, 13_410_000));
        assert_eq!(find(&finder, "DE", Some("10115"), berlin), Some(2));
        assert_eq!(find(&finder, "DE", Some("1 0243"), None), Some(2));
        assert_eq!(find(&finder, "DE", Some("12043"), berlin), Some(1));
        assert_eq!(find(&finder, "DE", Some("80331"), berlin), Some(4));
        assert_eq!(find(&finder, "DE", None, Some((52_700_000, 13_400_000))), Some(3));
        assert_eq!(find(&finder, "DE", Some("80331"), None), Some(0));
        assert_eq!(find(&finder, "FR", Some("10115"), None), None);
        assert_eq!(find(&finder, "FR", None, berlin), Some(4));
    }
}
