//! Means of an outlook, and stock as somebody states it.

use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{owner, time_or_none};
use waybill_sourcing::decision::Stated;
use waybill_sourcing::outlook::{Backorder, Bundle, Substitute, Wider};
use waybill_types::{NodeId, Quantity, Sku};

/// Stated rows of stock.
const STOCK_MAX: usize = 5_000;
const HUBS_MAX: usize = 16;
/// Substitutes, and bundles.
const ITEMS_MAX: usize = 1_000;
const PARTS_MAX: usize = 64;
const PART_MAX: u32 = 1_000_000;
const COST_MAX: i64 = 1_000_000_000;

fn at_most(fields: &mut Fields, at: &str, count: usize, most: usize) -> Option<()> {
    if count > most {
        fields.wrong(at, format!("are {count}, at most {most} are allowed"));
        return None;
    }
    Some(())
}

fn cost(fields: &mut Fields, at: String, minor: i64, least: i64) -> Option<i64> {
    if !(least..=COST_MAX).contains(&minor) {
        fields.wrong(at, format!("is {minor}, must be {least} to {COST_MAX} minor units"));
        return None;
    }
    Some(minor)
}

/// Stock as stated; every row is looked at.
pub(crate) fn stated(fields: &mut Fields, given: &[proto::StatedStock]) -> Option<Vec<Stated>> {
    at_most(fields, "stock", given.len(), STOCK_MAX)?;
    let row = |(index, row): (usize, &proto::StatedStock)| {
        let at = format!("stock[{index}]");
        let sku = fields.check(format!("{at}.sku"), Sku::new(&row.sku));
        let owner = owner(fields, format!("{at}.owner"), &row.owner);
        let node = fields.check(format!("{at}.node_id"), NodeId::new(&row.node_id));
        let quantity = fields.check(format!("{at}.quantity"), Quantity::new(row.quantity));
        let from = time_or_none(fields, format!("{at}.available_time"), row.available_time.as_ref());
        Some(Stated { sku: sku?, owner: owner?, node: node?, quantity: quantity?, from: from? })
    };
    let rows: Vec<Option<Stated>> = given.iter().enumerate().map(row).collect();
    rows.into_iter().collect()
}

/// What may be weighed; nothing where it is absent.
pub(crate) fn means(fields: &mut Fields, given: Option<&proto::OutlookMeans>) -> Option<Wider> {
    let Some(given) = given else { return Some(Wider::default()) };
    at_most(fields, "means.hub_node_ids", given.hub_node_ids.len(), HUBS_MAX)?;
    at_most(fields, "means.substitutes", given.substitutes.len(), ITEMS_MAX)?;
    at_most(fields, "means.bundles", given.bundles.len(), ITEMS_MAX)?;
    let hub = |(index, hub): (usize, &String)| {
        fields.check(format!("means.hub_node_ids[{index}]"), NodeId::new(hub))
    };
    let hubs: Vec<Option<NodeId>> = given.hub_node_ids.iter().enumerate().map(hub).collect();
    let backorder = given.backorder.as_ref().map(|given| backorder(fields, given));
    let substitutes: Vec<Option<Substitute>> =
        given.substitutes.iter().enumerate().map(|(index, row)| substitute(fields, index, row)).collect();
    let bundles: Vec<Option<Bundle>> =
        given.bundles.iter().enumerate().map(|(index, row)| bundle(fields, index, row)).collect();
    Some(Wider {
        supply: Vec::new(),
        transfers: given.transfers,
        hubs: hubs.into_iter().collect::<Option<_>>()?,
        backorder: match backorder {
            Some(parsed) => Some(parsed?),
            None => None,
        },
        substitutes: substitutes.into_iter().collect::<Option<_>>()?,
        bundles: bundles.into_iter().collect::<Option<_>>()?,
    })
}

fn backorder(fields: &mut Fields, given: &proto::DatedBackorder) -> Option<Backorder> {
    let days = u16::try_from(given.days).ok().filter(|days| *days <= 365);
    if days.is_none() {
        fields.wrong("means.backorder.days", format!("is {}, must be 0 to 365", given.days));
    }
    let order_minor = cost(fields, "means.backorder.order_cost_minor".into(), given.order_cost_minor, 0);
    let unit_minor = cost(fields, "means.backorder.unit_cost_minor".into(), given.unit_cost_minor, 0);
    Some(Backorder { days: days?, order_minor: order_minor?, unit_minor: unit_minor? })
}

fn substitute(fields: &mut Fields, index: usize, given: &proto::OutlookSubstitute) -> Option<Substitute> {
    let at = format!("means.substitutes[{index}]");
    let sku = fields.check(format!("{at}.sku"), Sku::new(&given.sku));
    let instead = fields.check(format!("{at}.substitute_sku"), Sku::new(&given.substitute_sku));
    if sku.is_some() && sku == instead {
        fields.wrong(format!("{at}.substitute_sku"), "is the item itself; name another one");
        return None;
    }
    let unit_minor = cost(fields, format!("{at}.unit_cost_minor"), given.unit_cost_minor, -COST_MAX);
    Some(Substitute { sku: sku?, instead: instead?, unit_minor: unit_minor? })
}

fn bundle(fields: &mut Fields, index: usize, given: &proto::OutlookBundle) -> Option<Bundle> {
    let at = format!("means.bundles[{index}]");
    let sku = fields.check(format!("{at}.sku"), Sku::new(&given.sku));
    if given.parts.is_empty() || given.parts.len() > PARTS_MAX {
        fields.wrong(format!("{at}.parts"), format!("are {}, must be 1 to {PARTS_MAX}", given.parts.len()));
        return None;
    }
    let part = |(number, part): (usize, &proto::OutlookBundlePart)| {
        let of_part = fields.check(format!("{at}.parts[{number}].sku"), Sku::new(&part.sku));
        let quantity = u32::try_from(part.quantity).ok().filter(|quantity| (1..=PART_MAX).contains(quantity));
        if quantity.is_none() {
            let why = format!("is {}, must be 1 to {PART_MAX}", part.quantity);
            fields.wrong(format!("{at}.parts[{number}].quantity"), why);
        }
        Some((of_part?, quantity?))
    };
    let parts: Vec<Option<(Sku, u32)>> = given.parts.iter().enumerate().map(part).collect();
    Some(Bundle { sku: sku?, parts: parts.into_iter().collect::<Option<_>>()? })
}
