//! Orders: to be placed, or finished and kept as history. Their rows are nested, so they are JSON lines only. Amounts
//! come priced; what is checked here is that they sum, never what tax is due.

use crate::record::sealed::Flat;
use crate::record::{Cells, at, text_up_to, within};
use crate::words::words;
use crate::{FieldError, Instant, Record};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use waybill_types::{
    Attributes, Channel, Country, Currency, CustomerRef, ExternalNumber, Money, NodeId, Quantity, Sku,
};

words! {
    /// How the customer gets a line.
    DeliveryMethod { ShipHome = "ship_home", Pickup = "pickup" }
}

/// How to reach a person. Personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContactRecord {
    /// Full name, at most 200 characters.
    pub name: String,
    /// E.164, such as `+12025550123`.
    pub phone: String,
    /// E-mail address, at most 254 characters.
    pub email: String,
}

/// A postal address. Personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressRecord {
    /// Street lines, 1 to 4 of at most 200 characters.
    pub street_lines: Vec<String>,
    /// City or town.
    pub city: String,
    /// State, province or region; may be empty.
    #[serde(default)]
    pub region: String,
    /// Postal code; empty where the country has none.
    #[serde(default)]
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country_code: String,
    /// Degrees of latitude times 1,000,000.
    #[serde(default)]
    pub latitude_e6: Option<i32>,
    /// Degrees of longitude times 1,000,000.
    #[serde(default)]
    pub longitude_e6: Option<i32>,
}

/// Where the units of a finished line ended, at the item's scale. They sum to the line's quantity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutcomeRecord {
    /// With the customer.
    pub delivered: i64,
    /// Called off.
    pub cancelled: i64,
    /// Came back from the customer.
    pub returned: i64,
    /// Lost on the way.
    pub lost: i64,
    /// Refused by the recipient.
    pub refused: i64,
    /// Came back undelivered.
    pub returned_to_sender: i64,
}

/// One line of an order. Amounts are minor units in the order's currency, none negative.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderLineRecord {
    /// The channel's name for the line, unique in the order; may be empty.
    #[serde(default)]
    pub external_line_id: String,
    /// The item.
    pub sku: String,
    /// How much, at the item's scale, more than 0.
    pub quantity: i64,
    /// Decimals of the quantity, 0 to 3; 0 for pieces.
    #[serde(default)]
    pub quantity_scale: u8,
    /// How the customer gets it.
    #[serde(default)]
    pub delivery_method: DeliveryMethod,
    /// Where it is fetched; empty unless `pickup`.
    #[serde(default)]
    pub pickup_node_id: String,
    /// Price of one whole unit before discount.
    pub unit_price_minor: i64,
    /// Taken off the whole line.
    #[serde(default)]
    pub discount_minor: i64,
    /// Tax of the whole line.
    #[serde(default)]
    pub tax_minor: i64,
    /// Subtotal less discount, plus tax unless taxes are included in prices.
    pub total_minor: i64,
    /// Whose goods these are; empty means the retailer's own.
    #[serde(default)]
    pub owner: String,
    /// The caller's own attributes.
    #[serde(default)]
    pub custom_attributes: BTreeMap<String, String>,
    /// Where its units ended; only in finished orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeRecord>,
    /// The node that served it; only in finished orders, may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_id: String,
}

/// One order with its lines. Amounts are minor units of `currency_code`, none negative.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRecord {
    /// Where it came from: `web`, `app`, `store`, `call_center`, `marketplace` or a named one.
    pub channel: String,
    /// Its number there, unique for good.
    pub external_order_number: String,
    /// When it was placed.
    pub place_time: Instant,
    /// The channel's id of the customer; may be empty.
    #[serde(default)]
    pub customer_id: String,
    /// Who to talk to.
    #[serde(default)]
    pub contact: ContactRecord,
    /// Where `ship_home` lines go.
    #[serde(default)]
    pub ship_to: Option<AddressRecord>,
    /// What was ordered, 1 to 500 lines.
    pub lines: Vec<OrderLineRecord>,
    /// ISO 4217 code of all amounts.
    pub currency_code: String,
    /// Shipping charge.
    #[serde(default)]
    pub shipping_minor: i64,
    /// Taken off the whole order, beyond line discounts.
    #[serde(default)]
    pub discount_minor: i64,
    /// Tax beyond the lines' tax.
    #[serde(default)]
    pub tax_minor: i64,
    /// Sum of line totals + shipping - discount, plus tax unless included.
    pub total_minor: i64,
    /// All taxes are inside the prices and are not added.
    #[serde(default)]
    pub tax_included: bool,
    /// Not to be released before this; absent means at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_time: Option<Instant>,
    /// Printed for the recipient, at most 500 characters; may be empty. Personal data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub gift_note: String,
    /// Who is served first when stock is short, 0 to 100, higher first.
    #[serde(default)]
    pub priority: u32,
    /// The caller's own attributes.
    #[serde(default)]
    pub custom_attributes: BTreeMap<String, String>,
}

impl OutcomeRecord {
    /// The sum of all ends, or `None` when one is negative or the sum is past what a quantity holds.
    #[must_use]
    pub fn units(&self) -> Option<i64> {
        let ends =
            [self.delivered, self.cancelled, self.returned, self.lost, self.refused, self.returned_to_sender];
        ends.iter().try_fold(0i64, |sum, units| if *units < 0 { None } else { sum.checked_add(*units) })
    }
}

impl OrderLineRecord {
    /// Price times quantity in minor units, rounded half up where the scale is above 0. `None` past the range of money.
    #[must_use]
    pub fn subtotal_minor(&self) -> Option<i64> {
        let whole = 10i128.checked_pow(u32::from(self.quantity_scale))?;
        let exact = i128::from(self.unit_price_minor) * i128::from(self.quantity);
        i64::try_from((exact + whole / 2).div_euclid(whole)).ok().filter(|minor| *minor <= Money::MAX_MINOR)
    }

    fn check(&self, tax_included: bool) -> Result<(), FieldError> {
        at("sku", Sku::new(&self.sku))?;
        within("quantity", self.quantity, 1, Quantity::MAX as i64)?;
        within("quantity_scale", i64::from(self.quantity_scale), 0, 3)?;
        match (self.delivery_method, self.pickup_node_id.as_str()) {
            (DeliveryMethod::ShipHome, "") => {}
            (DeliveryMethod::ShipHome, _) => {
                return Err(FieldError::new("pickup_node_id", "is given although the line is sent home"));
            }
            (DeliveryMethod::Pickup, node) => at("pickup_node_id", NodeId::new(node))?,
        }
        self.check_amounts(tax_included)
    }

    fn check_amounts(&self, tax_included: bool) -> Result<(), FieldError> {
        for (field, minor) in [
            ("unit_price_minor", self.unit_price_minor),
            ("discount_minor", self.discount_minor),
            ("tax_minor", self.tax_minor),
            ("total_minor", self.total_minor),
        ] {
            within(field, minor, 0, Money::MAX_MINOR)?;
        }
        let subtotal = self
            .subtotal_minor()
            .ok_or_else(|| FieldError::new("unit_price_minor", "times quantity is past what money holds"))?;
        let tax = if tax_included { 0 } else { self.tax_minor };
        sums("total_minor", self.total_minor, subtotal - self.discount_minor + tax)
    }
}

fn sums(field: &str, given: i64, sum: i64) -> Result<(), FieldError> {
    if given == sum {
        return Ok(());
    }
    Err(FieldError::new(field, format!("is {given}, but the amounts sum to {sum}")))
}

impl OrderRecord {
    /// Checks also that every unit has an end, as history must.
    ///
    /// # Errors
    /// The first field at fault.
    pub fn check_finished(&self) -> Result<(), FieldError> {
        self.check()?;
        for (index, line) in self.lines.iter().enumerate() {
            let field = format!("lines[{index}].outcome");
            let units = line.outcome.as_ref().and_then(OutcomeRecord::units);
            if units != Some(line.quantity) {
                let given =
                    units.map_or("is missing or negative".to_owned(), |units| format!("sums to {units}"));
                return Err(FieldError::new(
                    field,
                    format!("{given}, must sum to the quantity {}", line.quantity),
                ));
            }
            if !line.node_id.is_empty() {
                at(&format!("lines[{index}].node_id"), NodeId::new(&line.node_id))?;
            }
        }
        Ok(())
    }

    fn check_lines(&self) -> Result<(), FieldError> {
        within("lines", self.lines.len() as i64, 1, 500)?;
        let mut names = BTreeSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            line.check(self.tax_included)
                .map_err(|fault| FieldError::new(format!("lines[{index}].{}", fault.field), fault.why))?;
            let name = line.external_line_id.as_str();
            if !name.is_empty() && !names.insert(name) {
                return Err(FieldError::new(
                    format!("lines[{index}].external_line_id"),
                    "stands twice in the order",
                ));
            }
        }
        let ships = self.lines.iter().any(|line| line.delivery_method == DeliveryMethod::ShipHome);
        if ships && self.ship_to.is_none() {
            return Err(FieldError::new("ship_to", "is missing although lines are sent home"));
        }
        Ok(())
    }

    fn check_amounts(&self) -> Result<(), FieldError> {
        for (field, minor) in [
            ("shipping_minor", self.shipping_minor),
            ("discount_minor", self.discount_minor),
            ("tax_minor", self.tax_minor),
            ("total_minor", self.total_minor),
        ] {
            within(field, minor, 0, Money::MAX_MINOR)?;
        }
        let lines: i64 = self.lines.iter().map(|line| line.total_minor).sum();
        let tax = if self.tax_included { 0 } else { self.tax_minor };
        sums("total_minor", self.total_minor, lines + self.shipping_minor - self.discount_minor + tax)
    }

    fn check_people(&self) -> Result<(), FieldError> {
        text_up_to("contact.name", &self.contact.name, 200)?;
        text_up_to("contact.phone", &self.contact.phone, 16)?;
        text_up_to("contact.email", &self.contact.email, 254)?;
        let Some(address) = &self.ship_to else { return Ok(()) };
        at("ship_to.country_code", Country::new(&address.country_code))?;
        within("ship_to.street_lines", address.street_lines.len() as i64, 1, 4)?;
        text_up_to("ship_to.city", &address.city, 120)?;
        crate::record::point(address.latitude_e6, address.longitude_e6)
            .map_err(|fault| FieldError::new(format!("ship_to.{}", fault.field), fault.why))
    }
}

impl Record for OrderRecord {
    const KIND: &'static str = "orders";
    const COLUMNS: &'static [&'static str] = &[];
    const REQUIRED: &'static [&'static str] = &[];

    fn check(&self) -> Result<(), FieldError> {
        at("channel", Channel::new(&self.channel))?;
        at("external_order_number", ExternalNumber::new(&self.external_order_number))?;
        if !self.customer_id.is_empty() {
            at("customer_id", CustomerRef::new(&self.customer_id))?;
        }
        at("currency_code", Currency::new(&self.currency_code))?;
        within("priority", i64::from(self.priority), 0, 100)?;
        text_up_to("gift_note", &self.gift_note, 500)?;
        at("custom_attributes", Attributes::new(&self.custom_attributes))?;
        self.check_people()?;
        self.check_lines()?;
        self.check_amounts()
    }
}

impl Flat for OrderRecord {
    #[allow(private_interfaces, reason = "nobody outside can implement or call it")]
    fn from_cells(_: &Cells<'_>) -> Result<Self, FieldError> {
        Err(FieldError::new("", "orders have no CSV form: use JSON lines"))
    }
    fn to_cells(&self) -> Result<Vec<String>, FieldError> {
        Err(FieldError::new("", "orders have no CSV form: use JSON lines"))
    }
}
