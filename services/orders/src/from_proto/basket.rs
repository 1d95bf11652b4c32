//! Lines and amounts, which placing and importing have in common. Whether they add up is the machine's to say.

use super::values::{attributes, id_or_none, ids, owner, some_quantity, text};
use std::fmt::Display;
use waybill_orders::LINES_MAX;
use waybill_orders::command::NewLine;
use waybill_orders::content::OrderAmounts;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::Fields;
use waybill_types::exchange::Delivery;
use waybill_types::{Currency, Money, NodeId, Sku};

/// SKUs that may be picked in place of a line's.
const SUBSTITUTES_MAX: usize = 10;

/// Reads amounts, all in one currency.
pub(crate) struct Purse<'a> {
    /// That of the order; any where it is not known.
    pub(crate) currency: Option<Currency>,
    pub(crate) fields: &'a mut Fields,
}

impl Purse<'_> {
    /// Minor units of an amount that is absent for zero.
    pub(crate) fn minor(&mut self, field: impl Display, given: Option<&common::Money>) -> Option<i64> {
        self.minor_or_none(field, given).map(|minor| minor.unwrap_or(0))
    }

    /// Minor units of an amount that may be absent: `Some(None)` then.
    fn minor_or_none(&mut self, field: impl Display, given: Option<&common::Money>) -> Option<Option<i64>> {
        let Some(given) = given else { return Some(None) };
        let currency =
            self.fields.check(format_args!("{field}.currency_code"), Currency::new(&given.currency_code));
        if given.minor_units < 0 || given.minor_units > Money::MAX_MINOR {
            let what = format!("is {}, must be 0 to 10^15", given.minor_units);
            self.fields.wrong(format_args!("{field}.minor_units"), what);
            return None;
        }
        let currency = currency?;
        match self.currency {
            Some(ours) if ours != currency => {
                let what = format!("is {currency:?}, the order is in {ours:?}; one currency per order");
                self.fields.wrong(format_args!("{field}.currency_code"), what);
                None
            }
            Some(_) | None => Some(Some(given.minor_units)),
        }
    }

    /// Minor units of an amount that must be given.
    pub(crate) fn given(&mut self, field: impl Display, given: Option<&common::Money>) -> Option<i64> {
        if given.is_none() {
            self.fields.wrong(field, "is required");
            return None;
        }
        self.minor(field, given)
    }
}

/// The lines and amounts of an order whose fields stand under `at` (empty, or a path with a dot at its end).
pub(crate) fn basket<'a>(
    fields: &mut Fields,
    at: &str,
    lines: impl ExactSizeIterator<Item = (String, &'a proto::PlaceLine)>,
    amounts: Option<&proto::OrderAmounts>,
) -> Option<(Vec<NewLine>, OrderAmounts)> {
    let count = lines.len();
    if count == 0 || count > LINES_MAX {
        fields.wrong(format_args!("{at}lines"), format!("are {count}, must be 1 to {LINES_MAX}"));
        return None;
    }
    let Some(amounts) = amounts else {
        fields.wrong(format_args!("{at}amounts"), "are required");
        return None;
    };
    let code = amounts.total.as_ref().map_or("", |total| total.currency_code.as_str());
    let mut purse = Purse { currency: Currency::new(code).ok(), fields };
    let order = order_amounts(&mut purse, at, amounts);
    let lines: Vec<Option<NewLine>> = lines.map(|(path, given)| line(&mut purse, &path, given)).collect();
    Some((lines.into_iter().collect::<Option<_>>()?, order?))
}

fn order_amounts(purse: &mut Purse<'_>, at: &str, given: &proto::OrderAmounts) -> Option<OrderAmounts> {
    let total = purse.given(format_args!("{at}amounts.total"), given.total.as_ref());
    let shipping = purse.minor(format_args!("{at}amounts.shipping"), given.shipping.as_ref());
    let discount = purse.minor(format_args!("{at}amounts.discount"), given.discount.as_ref());
    let tax = purse.minor(format_args!("{at}amounts.tax"), given.tax.as_ref());
    Some(OrderAmounts {
        currency: purse.currency?,
        shipping: shipping?,
        discount: discount?,
        tax: tax?,
        total: total?,
        tax_included: given.tax_included,
    })
}

/// A line that stands under `at`.
pub(crate) fn line(purse: &mut Purse<'_>, at: &str, given: &proto::PlaceLine) -> Option<NewLine> {
    let fields = &mut *purse.fields;
    let external = text(fields, format_args!("{at}.external_line_id"), &given.external_line_id, 64);
    let sku = fields.check(format_args!("{at}.sku"), Sku::new(&given.sku));
    let quantity = some_quantity(fields, format_args!("{at}.quantity"), given.quantity);
    if given.quantity_scale > 3 {
        fields.wrong(
            format_args!("{at}.quantity_scale"),
            format!("is {}, must be 0 to 3", given.quantity_scale),
        );
    }
    let owner = owner(fields, format_args!("{at}.owner"), &given.owner);
    let delivery = delivery(fields, at, given.delivery_method, &given.pickup_node_id);
    let field = format_args!("{at}.substitute_skus");
    let substitutes = ids(fields, field, &given.substitute_skus, SUBSTITUTES_MAX, |text| Sku::new(text));
    let attributes = attributes(fields, format_args!("{at}.custom_attributes"), &given.custom_attributes);
    let Some(amounts) = &given.amounts else {
        fields.wrong(format_args!("{at}.amounts"), "are required");
        return None;
    };
    let at = format_args!("{at}.amounts");
    let unit_price = purse.given(format_args!("{at}.unit_price"), amounts.unit_price.as_ref());
    let subtotal = purse.minor_or_none(format_args!("{at}.subtotal"), amounts.subtotal.as_ref());
    let discount = purse.minor(format_args!("{at}.discount"), amounts.discount.as_ref());
    let tax = purse.minor(format_args!("{at}.tax"), amounts.tax.as_ref());
    let total = purse.given(format_args!("{at}.total"), amounts.total.as_ref());
    Some(NewLine {
        external: external?,
        sku: sku?,
        owner: owner?,
        quantity: quantity?,
        scale: given.quantity_scale as u8,
        delivery: delivery?,
        unit_price: unit_price?,
        subtotal: subtotal?,
        discount: discount?,
        tax: tax?,
        total: total?,
        attributes: attributes?,
        substitutes: substitutes?,
    })
}

/// How the customer gets something, from fields under `at`.
pub(crate) fn delivery(fields: &mut Fields, at: &str, method: i32, pickup_node_id: &str) -> Option<Delivery> {
    // What is no node is a mistake whatever the method is.
    let field = format_args!("{at}.pickup_node_id");
    let node = id_or_none(fields, field, pickup_node_id, |text| NodeId::new(text))?;
    match (proto::DeliveryMethod::try_from(method), node) {
        (Ok(proto::DeliveryMethod::ShipHome), None) => Some(Delivery::Ship),
        (Ok(proto::DeliveryMethod::ShipHome), Some(_)) => {
            fields.wrong(field, "is given for SHIP_HOME; leave it empty");
            None
        }
        (Ok(proto::DeliveryMethod::Pickup), Some(node)) => Some(Delivery::Pickup(node)),
        (Ok(proto::DeliveryMethod::Pickup), None) => {
            fields.wrong(field, "is empty, must be the node where it is fetched");
            None
        }
        (Ok(proto::DeliveryMethod::Unspecified) | Err(_), _) => {
            let what = format!("is {method}, must be SHIP_HOME or PICKUP");
            fields.wrong(format_args!("{at}.delivery_method"), what);
            None
        }
    }
}
