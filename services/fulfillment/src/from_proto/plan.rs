//! Baskets and planning questions.

use std::collections::BTreeSet;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{country, owner, point_or_none, postal_code, some_quantity, time_or_none};
use waybill_types::exchange::{AskedFor, Claim, Delivery, Destination, PlanLine, PlanRequest};
use waybill_types::{Channel, LineNo, NodeId, OrderId, Sku, Timestamp};

/// Lines of one basket.
const LINES_MAX: usize = 500;
/// Excluded nodes and pinned units of one question.
const EXTRAS_MAX: usize = 5_000;

/// The question of a basket, asked at `now`.
pub(crate) fn basket(
    fields: &mut Fields,
    given: Option<&proto::Basket>,
    now: Timestamp,
) -> Option<PlanRequest> {
    let Some(given) = given else {
        fields.wrong("basket", "is not given");
        return None;
    };
    if given.lines.is_empty() || given.lines.len() > LINES_MAX {
        fields.wrong("basket.lines", format!("are {}, must be 1 to {LINES_MAX}", given.lines.len()));
        return None;
    }
    let numbered = given.lines.iter().any(|line| line.line_number != 0);
    let mut seen = BTreeSet::new();
    let lines: Vec<Option<PlanLine>> = (1..)
        .zip(&given.lines)
        .map(|(position, line)| {
            let at = format!("basket.lines[{}]", position - 1);
            let number = if numbered { line.line_number } else { position };
            let parsed = basket_line(fields, &at, line, number);
            if !seen.insert(number) {
                fields.wrong(format!("{at}.line_number"), format!("is {number} again"));
            }
            parsed
        })
        .collect();
    let ships = given.lines.iter().any(|line| line.delivery_method == proto::DeliveryMethod::ShipHome as i32);
    let destination = match (&given.destination, ships) {
        (Some(given), _) => destination(fields, "basket.destination", given).map(Some),
        (None, false) => Some(None),
        (None, true) => {
            fields.wrong("basket.destination", "is needed when any line is SHIP_HOME");
            None
        }
    };
    let channel = fields.check_unless_empty("basket.channel", &given.channel, |text| Channel::new(text));
    let release_at = time_or_none(fields, "basket.release_time", given.release_time.as_ref());
    // Not yet part of the question; a wish that is no time is a mistake of the caller all the same.
    if let Some(requested) = &given.requested {
        time_or_none(fields, "basket.requested.earliest", requested.earliest.as_ref());
        time_or_none(fields, "basket.requested.latest", requested.latest.as_ref());
    }
    Some(PlanRequest {
        lines: lines.into_iter().collect::<Option<_>>()?,
        destination: destination?,
        now,
        release_at: release_at?.unwrap_or(now).max(now),
        excluded: Vec::new(),
        pinned: Vec::new(),
        own: Vec::new(),
        channel,
        asked_for: None,
    })
}

fn basket_line(fields: &mut Fields, at: &str, given: &proto::BasketLine, number: u32) -> Option<PlanLine> {
    let line = match u16::try_from(number) {
        Ok(number) if number > 0 => Some(LineNo(number)),
        _ => {
            fields.wrong(
                format!("{at}.line_number"),
                format!("is {number}, must be 1 to 65535, or 0 in all lines"),
            );
            None
        }
    };
    let sku = fields.check(format!("{at}.sku"), Sku::new(&given.sku));
    let owner = owner(fields, format!("{at}.owner"), &given.owner);
    let quantity = some_quantity(fields, format!("{at}.quantity"), given.quantity);
    let delivery = match proto::DeliveryMethod::try_from(given.delivery_method) {
        Ok(proto::DeliveryMethod::ShipHome) if given.pickup_node_id.is_empty() => Some(Delivery::Ship),
        Ok(proto::DeliveryMethod::ShipHome) => {
            fields.wrong(format!("{at}.pickup_node_id"), "is given for SHIP_HOME; leave it empty");
            None
        }
        Ok(proto::DeliveryMethod::Pickup) => fields
            .check(format!("{at}.pickup_node_id"), NodeId::new(&given.pickup_node_id))
            .map(Delivery::Pickup),
        Ok(proto::DeliveryMethod::Unspecified) | Err(_) => {
            let is = given.delivery_method;
            fields.wrong(format!("{at}.delivery_method"), format!("is {is}, must be SHIP_HOME or PICKUP"));
            None
        }
    };
    Some(PlanLine { line: line?, sku: sku?, owner: owner?, quantity: quantity?, delivery: delivery? })
}

/// Where to, as coarsely as a plan needs it; `at` is its path.
pub(crate) fn destination(fields: &mut Fields, at: &str, given: &proto::Destination) -> Option<Destination> {
    let country = country(fields, format!("{at}.country_code"), &given.country_code);
    let postal_code = postal_code(fields, format!("{at}.postal_code"), &given.postal_code);
    let point = point_or_none(fields, format!("{at}.location"), given.location.as_ref());
    Some(Destination { country: country?, postal_code: postal_code?, point: point? })
}

/// The question of an orders process.
pub(crate) fn question(
    fields: &mut Fields,
    given: &proto::PlanRequest,
    now: Timestamp,
) -> Option<PlanRequest> {
    let asked_at = time_or_none(fields, "plan_time", given.plan_time.as_ref());
    let question = basket(fields, given.basket.as_ref(), asked_at.flatten().unwrap_or(now));
    let extras = [given.excluded_node_ids.len(), given.pinned.len(), given.own.len()];
    if extras.into_iter().any(|count| count > EXTRAS_MAX) {
        fields.wrong("excluded_node_ids", format!("and pinned and own are at most {EXTRAS_MAX} each"));
        return None;
    }
    let excluded: Vec<Option<NodeId>> = given
        .excluded_node_ids
        .iter()
        .enumerate()
        .map(|(index, node)| fields.check(format!("excluded_node_ids[{index}]"), NodeId::new(node)))
        .collect();
    let pinned = reserved(fields, "pinned", &given.pinned);
    let own = reserved(fields, "own", &given.own);
    let asked_for = asked_for(fields, given);
    let mut question = question?;
    question.excluded = excluded.into_iter().collect::<Option<_>>()?;
    question.pinned = pinned?;
    question.own = own?;
    question.asked_for = asked_for;
    Some(question)
}

/// The attempt that a plan is for, where one is named.
fn asked_for(fields: &mut Fields, given: &proto::PlanRequest) -> Option<AskedFor> {
    let order = fields.check_unless_empty("order_id", &given.order_id, str::parse::<OrderId>);
    if given.order_id.is_empty() != (given.attempt == 0) {
        fields.wrong("attempt", "is given with order_id and is 0 without it");
    }
    order.map(|order| AskedFor { order, attempt: given.attempt })
}

/// Units that are reserved already, each checked under its own path.
fn reserved(fields: &mut Fields, field: &str, given: &[proto::PinnedUnits]) -> Option<Vec<Claim>> {
    let units = given.iter().enumerate();
    let claims: Vec<Option<Claim>> =
        units.map(|(index, units)| claim(fields, &format!("{field}[{index}]"), units)).collect();
    claims.into_iter().collect()
}

fn claim(fields: &mut Fields, at: &str, given: &proto::PinnedUnits) -> Option<Claim> {
    let sku = fields.check(format!("{at}.sku"), Sku::new(&given.sku));
    let owner = owner(fields, format!("{at}.owner"), &given.owner);
    let node = fields.check(format!("{at}.node_id"), NodeId::new(&given.node_id));
    let quantity = some_quantity(fields, format!("{at}.quantity"), given.quantity);
    Some(Claim { sku: sku?, owner: owner?, node: node?, quantity: quantity? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_service_kit::DoorError;

    fn line(number: u32, sku: &str, quantity: i64, method: proto::DeliveryMethod) -> proto::BasketLine {
        proto::BasketLine {
            line_number: number,
            sku: sku.into(),
            quantity,
            delivery_method: method as i32,
            ..proto::BasketLine::default()
        }
    }

    #[test]
    fn unnumbered_lines_are_numbered_from_one() {
        let mut fields = Fields::new();
        let ship = proto::DeliveryMethod::ShipHome;
        let given = proto::Basket {
            lines: vec![line(0, "A", 1, ship), line(0, "B", 2, ship)],
            destination: Some(proto::Destination { country_code: "DE".into(), ..Default::default() }),
            ..proto::Basket::default()
        };
        let question = basket(&mut fields, Some(&given), Timestamp::from_ms(5)).unwrap();
        assert_eq!(question.lines.iter().map(|line| line.line.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(question.release_at, Timestamp::from_ms(5));
    }

    #[test]
    fn every_wrong_field_of_a_basket_is_named() {
        let mut fields = Fields::new();
        let given = proto::Basket {
            lines: vec![
                line(7, "", -1, proto::DeliveryMethod::ShipHome),
                line(7, "B", 0, proto::DeliveryMethod::Unspecified),
                line(0, "C", i64::MAX, proto::DeliveryMethod::Pickup),
            ],
            ..proto::Basket::default()
        };
        assert!(basket(&mut fields, Some(&given), Timestamp::ZERO).is_none());
        let Err(DoorError::Malformed(found)) = fields.finish(Some(())) else {
            panic!("there are violations")
        };
        let names: Vec<&str> = found.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            names,
            [
                "basket.lines[0].sku",
                "basket.lines[0].quantity",
                "basket.lines[1].quantity",
                "basket.lines[1].delivery_method",
                "basket.lines[1].line_number",
                "basket.lines[2].line_number",
                "basket.lines[2].quantity",
                "basket.lines[2].pickup_node_id",
                "basket.destination",
            ]
        );
    }
}
