//! What product pages ask: one item for many places, and nodes near a place.

use super::plan::destination;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{list, owner, some_quantity, time_or_none, whole};
use waybill_types::exchange::{Delivery, Destination, PlanLine, PlanRequest};
use waybill_types::{Channel, LineNo, NodeId, OwnerId, Quantity, Sku, Timestamp};

/// Places of one question.
const PLACES_MAX: usize = 100;
/// Options per place.
const OPTIONS_MAX: u32 = 10;
/// Items a node must have.
const ITEMS_MAX: usize = 100;
/// Nodes of one answer.
const NODES_MAX: u32 = 100;
/// More than half the way around the Earth.
const WITHIN_M_MAX: u64 = 20_100_000;
/// What is near where nobody says.
const WITHIN_M: u64 = 100_000;

/// One item for many places, as the planner is asked it: a question of one line per place.
pub(crate) struct Page {
    pub(crate) sku: Sku,
    pub(crate) questions: Vec<PlanRequest>,
    pub(crate) options_max: usize,
}

/// The page's questions, asked at `now`.
pub(crate) fn page(fields: &mut Fields, given: &proto::PromiseItemRequest, now: Timestamp) -> Option<Page> {
    let sku = fields.check("sku", Sku::new(&given.sku));
    let owner = owner(fields, "owner", &given.owner);
    let quantity = some_quantity(fields, "quantity", given.quantity);
    let channel = fields.check_unless_empty("channel", &given.channel, |text| Channel::new(text));
    let options_max = up_to(fields, "options_max", given.options_max, 3, OPTIONS_MAX);
    if given.places.is_empty() {
        fields.wrong("places", format!("are none, must be 1 to {PLACES_MAX}"));
    }
    let places = list(fields, "places", &given.places, PLACES_MAX, place);
    let (sku, owner, quantity) = (sku?, owner?, quantity?);
    let question = |(delivery, destination)| PlanRequest {
        lines: vec![PlanLine { line: LineNo(1), sku: sku.clone(), owner: owner.clone(), quantity, delivery }],
        destination,
        now,
        release_at: now,
        excluded: Vec::new(),
        pinned: Vec::new(),
        own: Vec::new(),
        channel: channel.clone(),
        asked_for: None,
    };
    let questions = places?.into_iter().map(question).collect();
    Some(Page { questions, options_max: options_max? as usize, sku })
}

fn place(
    fields: &mut Fields,
    at: String,
    given: &proto::PromisePlace,
) -> Option<(Delivery, Option<Destination>)> {
    match &given.place {
        Some(proto::promise_place::Place::Destination(given)) => {
            let to = destination(fields, &format!("{at}.destination"), given)?;
            Some((Delivery::Ship, Some(to)))
        }
        Some(proto::promise_place::Place::PickupNodeId(given)) => {
            let node = fields.check(format!("{at}.pickup_node_id"), NodeId::new(given))?;
            Some((Delivery::Pickup(node), None))
        }
        None => {
            fields.wrong(at, "is neither a destination nor a pickup_node_id");
            None
        }
    }
}

/// What is looked for near a place.
pub(crate) struct Near {
    pub(crate) around: Destination,
    pub(crate) basket: Vec<(Sku, OwnerId, Quantity)>,
    pub(crate) within_m: u64,
    pub(crate) nodes_max: usize,
    pub(crate) ready_by: Option<Timestamp>,
}

pub(crate) fn near(fields: &mut Fields, given: &proto::FindNearbyRequest) -> Option<Near> {
    let around = match &given.near {
        Some(near) => destination(fields, "near", near),
        None => {
            fields.wrong("near", "is not given");
            None
        }
    };
    let basket = list(fields, "items", &given.items, ITEMS_MAX, item);
    for (index, again) in basket.iter().flatten().enumerate() {
        let before = basket.iter().flatten().take(index);
        if before.into_iter().any(|entry| (&entry.0, &entry.1) == (&again.0, &again.1)) {
            fields.wrong(format!("items[{index}].sku"), format!("is {} of the same owner again", again.0));
        }
    }
    let within_m = whole(fields, "within_m", given.within_m, WITHIN_M_MAX);
    let nodes_max = up_to(fields, "nodes_max", given.nodes_max, 10, NODES_MAX);
    let ready_by = time_or_none(fields, "ready_by_time", given.ready_by_time.as_ref());
    Some(Near {
        around: around?,
        basket: basket?,
        within_m: Some(within_m?).filter(|metres| *metres > 0).unwrap_or(WITHIN_M),
        nodes_max: nodes_max? as usize,
        ready_by: ready_by?,
    })
}

fn item(fields: &mut Fields, at: String, given: &proto::NearbyItem) -> Option<(Sku, OwnerId, Quantity)> {
    let sku = fields.check(format!("{at}.sku"), Sku::new(&given.sku));
    let owner = owner(fields, format!("{at}.owner"), &given.owner);
    let quantity = some_quantity(fields, format!("{at}.quantity"), given.quantity);
    Some((sku?, owner?, quantity?))
}

/// A whole number from 1 to `max`; 0 is what is `usual`.
fn up_to(fields: &mut Fields, field: &str, given: u32, usual: u32, max: u32) -> Option<u32> {
    match given {
        0 => Some(usual),
        given if given <= max => Some(given),
        given => {
            fields.wrong(field, format!("is {given}, must be 0 to {max}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_service_kit::DoorError;

    fn faults(fields: Fields) -> Vec<String> {
        match fields.finish(Some(())) {
            Err(DoorError::Malformed(found)) => found.into_iter().map(|fault| fault.field).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_wrong_field_of_a_page_is_named() {
        let mut fields = Fields::new();
        let country = |code: &str| proto::Destination { country_code: code.into(), ..Default::default() };
        let place = |place| proto::PromisePlace { place };
        let given = proto::PromiseItemRequest {
            options_max: 11,
            channel: "c".repeat(33),
            places: vec![
                place(None),
                place(Some(proto::promise_place::Place::Destination(country("de")))),
                place(Some(proto::promise_place::Place::PickupNodeId(String::new()))),
                place(Some(proto::promise_place::Place::Destination(country("DE")))),
            ],
            ..Default::default()
        };
        assert!(page(&mut fields, &given, Timestamp::ZERO).is_none());
        let expected = [
            "sku",
            "quantity",
            "channel",
            "options_max",
            "places[0]",
            "places[1].destination.country_code",
            "places[2].pickup_node_id",
        ];
        assert_eq!(faults(fields), expected);
    }

    #[test]
    fn an_item_is_looked_for_once() {
        let mut fields = Fields::new();
        let item =
            |sku: &str, quantity| proto::NearbyItem { sku: sku.into(), quantity, ..Default::default() };
        let given = proto::FindNearbyRequest {
            near: Some(proto::Destination { country_code: "DE".into(), ..Default::default() }),
            items: vec![item("A", 1), item("B", 1), item("A", 2)],
            within_m: -1,
            nodes_max: 101,
            ..Default::default()
        };
        assert!(near(&mut fields, &given).is_none());
        assert_eq!(faults(fields), ["items[2].sku", "within_m", "nodes_max"]);
    }
}
