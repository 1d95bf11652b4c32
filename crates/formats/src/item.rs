//! Items: what a SKU is.

use crate::FieldError;
use crate::cell::textual;
use crate::record::{at, record, text_up_to, within};
use crate::words::words;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use waybill_types::{OwnerId, Sku};

words! {
    /// What one whole unit of an item is.
    Unit { Piece = "piece", Kilogram = "kilogram", Metre = "metre", Litre = "litre", SquareMetre = "square_metre" }
}

/// Another code of an item. Written `gtin:4006381333931`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alias {
    /// What kind of code it is, such as `gtin`, 1 to 32 characters, without `:`.
    pub kind: String,
    /// The code, 1 to 64 characters.
    pub value: String,
}

/// One component of a bundle. Written `SKU:quantity`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundlePart {
    /// The component's SKU.
    pub sku: String,
    /// How much of it one bundle holds, at the component's scale, more than 0.
    pub quantity: i64,
}

record! {
    /// One SKU.
    ItemRecord = "items"
    required {
        /// The retailer's own code, 1 to 64 bytes.
        sku: String,
    }
    optional {
        /// Name for people, at most 200 characters.
        name: String,
        /// What one unit is; `piece` when empty.
        unit: Unit,
        /// Decimals of a quantity, 0 to 3; 0 for pieces.
        scale: u8,
        /// Gross weight of one whole unit in grams; 0 when unknown.
        weight_g: i64,
        /// Longest side in millimetres; 0 when unknown.
        length_mm: i64,
        /// Second side in millimetres; 0 when unknown.
        width_mm: i64,
        /// Third side in millimetres; 0 when unknown.
        height_mm: i64,
        /// All units of one line must come from one node.
        no_split: bool,
        /// Dangerous goods.
        hazmat: bool,
        /// Lots are recorded.
        lot_tracked: bool,
        /// Serial numbers are recorded.
        serial_tracked: bool,
        /// It expires.
        expiry_tracked: bool,
        /// Other codes, at most 32.
        aliases: Vec<Alias>,
        /// Days after delivery in which it may be returned, 0 to 3650; empty means the default, 0 means never.
        return_window_days: Option<u32>,
        /// What a bundle is made of, at most 64 parts.
        bundle_parts: Vec<BundlePart>,
        /// What may be sent instead, best first, at most 32.
        substitute_skus: Vec<String>,
        /// The legal entity it belongs to; empty means the retailer itself.
        owner: String,
        /// It may no longer be reserved.
        inactive: bool,
        /// The retailer's own attributes, at most 32.
        custom_attributes: BTreeMap<String, String>,
    }
}

impl ItemRecord {
    fn check_fields(&self) -> Result<(), FieldError> {
        at("sku", Sku::new(&self.sku))?;
        text_up_to("name", &self.name, 200)?;
        within("scale", i64::from(self.scale), 0, if self.unit == Unit::Piece { 0 } else { 3 })?;
        within("weight_g", self.weight_g, 0, 1_000_000_000)?;
        for (field, side) in
            [("length_mm", self.length_mm), ("width_mm", self.width_mm), ("height_mm", self.height_mm)]
        {
            within(field, side, 0, 1_000_000)?;
        }
        within("return_window_days", i64::from(self.return_window_days.unwrap_or(0)), 0, 3_650)?;
        self.check_lists()
    }

    fn check_lists(&self) -> Result<(), FieldError> {
        within("aliases", self.aliases.len() as i64, 0, 32)?;
        within("bundle_parts", self.bundle_parts.len() as i64, 0, 64)?;
        for part in &self.bundle_parts {
            at("bundle_parts", Sku::new(&part.sku))?;
        }
        within("substitute_skus", self.substitute_skus.len() as i64, 0, 32)?;
        for sku in &self.substitute_skus {
            at("substitute_skus", Sku::new(sku))?;
        }
        if !self.owner.is_empty() {
            at("owner", OwnerId::new(&self.owner))?;
        }
        at("custom_attributes", waybill_types::Attributes::new(&self.custom_attributes))
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}
impl FromStr for Alias {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, value) = text
            .split_once(':')
            .filter(|(kind, value)| (1..=32).contains(&kind.len()) && (1..=64).contains(&value.len()))
            .ok_or_else(|| format!("is {text:?}, must look like gtin:4006381333931"))?;
        Ok(Self { kind: kind.to_owned(), value: value.to_owned() })
    }
}

impl fmt::Display for BundlePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sku, self.quantity)
    }
}
impl FromStr for BundlePart {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // From the right: a SKU may hold a colon, a quantity never does.
        let parsed = text.rsplit_once(':').and_then(|(sku, quantity)| Some((sku, quantity.parse().ok()?)));
        let (sku, quantity) = parsed
            .filter(|(sku, quantity)| !sku.is_empty() && *quantity > 0)
            .ok_or_else(|| format!("is {text:?}, must look like SKU:2 with a quantity above 0"))?;
        Ok(Self { sku: sku.to_owned(), quantity })
    }
}

textual!(Alias, BundlePart);
