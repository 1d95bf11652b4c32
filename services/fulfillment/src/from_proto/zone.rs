//! Zones.

use super::node::time_zone;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{country, id_or_none, point, text, whole};
use waybill_types::network::{Circle, PostalArea, Zone};
use waybill_types::{CalendarId, PostalCode, ZoneId};

/// About half way round the earth, in metres.
const RADIUS_M_MAX: u64 = 20_000_000;

/// `at` is the path of the row with its dot, such as `zones[3].`.
pub(crate) fn zone(fields: &mut Fields, at: &str, row: &proto::Zone) -> Option<Zone> {
    let id = fields.check(format!("{at}zone_id"), ZoneId::new(&row.zone_id));
    let name = text(fields, format!("{at}name"), &row.name, 200);
    let areas: Vec<Option<PostalArea>> = row
        .areas
        .iter()
        .enumerate()
        .map(|(index, given)| area(fields, &format!("{at}areas[{index}]"), given))
        .collect();
    let circle = match &row.circle {
        None => Some(None),
        Some(given) => circle(fields, &format!("{at}circle"), given).map(Some),
    };
    let time_zone = match row.time_zone.as_str() {
        "" => Some(None),
        name => time_zone(fields, &format!("{at}time_zone"), name).map(Some),
    };
    let calendar = id_or_none(fields, format!("{at}calendar_id"), &row.calendar_id, |id| CalendarId::new(id));
    Some(Zone {
        id: id?,
        name: name?,
        areas: areas.into_iter().collect::<Option<_>>()?,
        circle: circle?,
        time_zone: time_zone?,
        calendar: calendar?,
    })
}

fn area(fields: &mut Fields, at: &str, given: &proto::PostalArea) -> Option<PostalArea> {
    let country = country(fields, format!("{at}.country_code"), &given.country_code);
    let prefixes: Vec<Option<PostalCode>> = given
        .postal_prefixes
        .iter()
        .enumerate()
        .map(|(index, prefix)| {
            fields.check(format!("{at}.postal_prefixes[{index}]"), PostalCode::new(prefix.to_uppercase()))
        })
        .collect();
    Some(PostalArea { country: country?, postal_prefixes: prefixes.into_iter().collect::<Option<_>>()? })
}

fn circle(fields: &mut Fields, at: &str, given: &proto::Circle) -> Option<Circle> {
    let center = match &given.center {
        Some(center) => point(fields, format!("{at}.center"), center),
        None => {
            fields.wrong(format!("{at}.center"), "is not given");
            None
        }
    };
    let radius_m = whole(fields, format!("{at}.radius_m"), given.radius_m, RADIUS_M_MAX);
    Some(Circle { center: center?, radius_m: radius_m? })
}
