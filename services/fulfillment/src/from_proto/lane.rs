//! Lanes and rate cards.

use super::calendar::weekdays;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{amount, amount_or_none, id_or_none, small, text, whole};
use waybill_types::network::{
    Departure, Lane, LaneCost, LaneEnd, LaneId, Rate, RateCard, RateCardId, RateStep, Weekdays,
};
use waybill_types::{CalendarId, NodeId, ServiceId, ZoneId};

/// Longest transit besides the days: 365 days.
const TRANSIT_MS_MAX: u64 = 365 * 86_400_000;
/// Longest preparation: 30 days.
const PREPARATION_MS_MAX: u64 = 30 * 86_400_000;
/// The heaviest step of a rate card: a million tonnes.
const WEIGHT_G_MAX: u64 = 1_000_000_000_000;

/// `at` is the path of the row with its dot, such as `lanes[3].`.
pub(crate) fn lane(fields: &mut Fields, at: &str, row: &proto::Lane) -> Option<Lane> {
    let id = fields.check(format!("{at}lane_id"), LaneId::new(&row.lane_id));
    let from = fields.check(format!("{at}from_node_id"), NodeId::new(&row.from_node_id));
    let to = match &row.to {
        Some(proto::lane::To::ToNodeId(node)) => {
            fields.check(format!("{at}to_node_id"), NodeId::new(node)).map(LaneEnd::Node)
        }
        Some(proto::lane::To::ToZoneId(zone)) => {
            fields.check(format!("{at}to_zone_id"), ZoneId::new(zone)).map(LaneEnd::Zone)
        }
        None => {
            fields.wrong(format!("{at}to"), "is not given; a lane ends at a node or in a zone");
            None
        }
    };
    let service = fields.check(format!("{at}carrier_service"), ServiceId::new(&row.carrier_service));
    let cost = lane_cost(fields, at, row);
    let transit_ms = whole(fields, format!("{at}transit_ms"), row.transit_ms, TRANSIT_MS_MAX);
    let transit_days = small(fields, format!("{at}transit_days"), row.transit_days, 365);
    let departures: Vec<Option<Departure>> = row
        .departures
        .iter()
        .enumerate()
        .map(|(index, given)| departure(fields, &format!("{at}departures[{index}]"), given))
        .collect();
    let preparation_ms = whole(fields, format!("{at}preparation_ms"), row.preparation_ms, PREPARATION_MS_MAX);
    let delivery_minutes = delivery_minutes(fields, at, row.delivery_hours.as_ref());
    let calendar = id_or_none(fields, format!("{at}calendar_id"), &row.calendar_id, |id| CalendarId::new(id));
    Some(Lane {
        id: id?,
        from: from?,
        to: to?,
        service: service?,
        cost: cost?,
        transit_ms: transit_ms?,
        transit_days: transit_days?,
        departures: departures.into_iter().collect::<Option<_>>()?,
        calendar: calendar?,
        active: !row.inactive,
        delivery_minutes: delivery_minutes?,
        preparation_ms: Some(preparation_ms?).filter(|ms| *ms > 0),
    })
}

fn delivery_minutes(
    fields: &mut Fields,
    at: &str,
    given: Option<&proto::DeliveryHours>,
) -> Option<Option<(u16, u16)>> {
    let Some(given) = given else { return Some(None) };
    let field = |name: &str| format!("{at}delivery_hours.{name}");
    let from = small(fields, field("from_minute_of_day"), given.from_minute_of_day, 1439);
    let to: Option<u16> = small(fields, field("to_minute_of_day"), given.to_minute_of_day, 1440);
    let (from, to) = (from?, to?);
    if to <= from {
        fields.wrong(field("to_minute_of_day"), format!("is {to}, must be above {from}"));
        return None;
    }
    Some(Some((from, to)))
}

/// Exactly one of an own cost and a rate card.
fn lane_cost(fields: &mut Fields, at: &str, row: &proto::Lane) -> Option<LaneCost> {
    match (&row.cost, row.rate_card_id.is_empty()) {
        (Some(cost), true) => rate(fields, &format!("{at}cost"), Some(cost)).map(LaneCost::Own),
        (None, false) => {
            fields.check(format!("{at}rate_card_id"), RateCardId::new(&row.rate_card_id)).map(LaneCost::Card)
        }
        (Some(_), false) => {
            fields.wrong(format!("{at}rate_card_id"), "is given beside cost; only one of the two counts");
            None
        }
        (None, true) => {
            fields.wrong(
                format!("{at}cost"),
                "is not given, and no rate_card_id either; one of the two is needed",
            );
            None
        }
    }
}

fn rate(fields: &mut Fields, at: &str, given: Option<&proto::LaneCost>) -> Option<Rate> {
    let Some(given) = given else {
        fields.wrong(at, "is not given");
        return None;
    };
    let base = match &given.base {
        Some(base) => amount(fields, &format!("{at}.base"), base),
        None => {
            fields.wrong(format!("{at}.base"), "is not given; it may be 0");
            None
        }
    };
    let per_kg = amount_or_none(fields, &format!("{at}.per_kg"), given.per_kg.as_ref());
    Some(Rate { base: base?, per_kg: per_kg? })
}

fn departure(fields: &mut Fields, at: &str, given: &proto::Departure) -> Option<Departure> {
    let days = if given.weekdays.is_empty() {
        Some(Weekdays::EVERY)
    } else {
        weekdays(fields, &format!("{at}.weekdays"), &given.weekdays)
    };
    let minute = small(fields, format!("{at}.minute_of_day"), given.minute_of_day, 1439);
    Some(Departure { weekdays: days?, minute: minute? })
}

/// `at` is the path of the row with its dot, such as `rate_cards[3].`.
pub(crate) fn rate_card(fields: &mut Fields, at: &str, row: &proto::RateCard) -> Option<RateCard> {
    let id = fields.check(format!("{at}rate_card_id"), RateCardId::new(&row.rate_card_id));
    let name = text(fields, format!("{at}name"), &row.name, 200);
    let last = row.steps.len().saturating_sub(1);
    let steps: Vec<Option<RateStep>> = row
        .steps
        .iter()
        .enumerate()
        .map(|(index, given)| step(fields, &format!("{at}steps[{index}]"), given, index == last))
        .collect();
    Some(RateCard { id: id?, name: name?, steps: steps.into_iter().collect::<Option<_>>()? })
}

/// Weight 0 in the last step is any weight.
fn step(fields: &mut Fields, at: &str, given: &proto::RateStep, is_last: bool) -> Option<RateStep> {
    let weight = whole(fields, format!("{at}.up_to_weight_g"), given.up_to_weight_g, WEIGHT_G_MAX);
    let rate = rate(fields, &format!("{at}.cost"), given.cost.as_ref());
    let up_to_weight_g = weight.map(|weight| (weight > 0 || !is_last).then_some(weight));
    Some(RateStep { up_to_weight_g: up_to_weight_g?, rate: rate? })
}
