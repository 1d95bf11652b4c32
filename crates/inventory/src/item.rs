//! What a SKU is. Bundle parts and substitutes are kept as data; this machine does not act on them.

use minicbor::{Decode, Encode};
use waybill_machine::Key;
use waybill_types::{Attributes, OwnerId, Quantity, Sku, Text};

/// What one whole unit of an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Unit {
    /// Pieces.
    #[n(0)]
    Piece,
    /// Kilograms.
    #[n(1)]
    Kilogram,
    /// Metres.
    #[n(2)]
    Metre,
    /// Litres.
    #[n(3)]
    Litre,
    /// Square metres.
    #[n(4)]
    SquareMetre,
}

/// Outer size in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Dimensions {
    /// Longest side.
    #[n(0)]
    pub length_mm: u32,
    /// Second side.
    #[n(1)]
    pub width_mm: u32,
    /// Third side.
    #[n(2)]
    pub height_mm: u32,
}

/// Handling rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ItemFlags {
    /// All units of one line must come from one node.
    #[n(0)]
    pub no_split: bool,
    /// Dangerous goods.
    #[n(1)]
    pub hazmat: bool,
    /// Lots are recorded.
    #[n(2)]
    pub lot_tracked: bool,
    /// Serial numbers are recorded.
    #[n(3)]
    pub serial_tracked: bool,
    /// It expires: first expired, first out.
    #[n(4)]
    pub expiry_tracked: bool,
}

/// Another code of an item, such as a GTIN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Alias {
    /// What kind of code, 1 to 32 bytes.
    #[n(0)]
    pub kind: Text,
    /// The code, 1 to 64 bytes.
    #[n(1)]
    pub value: Text,
}

impl Key for Alias {
    fn write(&self, out: &mut Vec<u8>) {
        for text in [&self.kind, &self.value] {
            out.extend_from_slice(text.as_str().as_bytes());
            out.push(0);
        }
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        let mut text = || {
            let end = input.iter().position(|byte| *byte == 0)?;
            let text = Text::new(std::str::from_utf8(&input[..end]).ok()?).ok()?;
            *input = &input[end + 1..];
            Some(text)
        };
        Some(Self { kind: text()?, value: text()? })
    }
}

/// One component of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BundlePart {
    /// The component.
    #[n(0)]
    pub sku: Sku,
    /// How much of it one bundle holds, at the component's scale.
    #[n(1)]
    pub quantity: Quantity,
}

/// An item as its caller describes it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Item {
    /// The retailer's own code.
    #[n(0)]
    pub sku: Sku,
    /// Name for people, at most 200 bytes; may be empty.
    #[n(1)]
    pub name: Text,
    /// What one unit is; fixed once there was stock.
    #[n(2)]
    pub unit: Unit,
    /// Decimals of a quantity, 0 to 3; fixed once there was stock.
    #[n(3)]
    pub scale: u8,
    /// Gross weight of one whole unit in grams; 0 when unknown.
    #[n(4)]
    pub weight_g: u64,
    /// Outer size of one whole unit, where known.
    #[n(5)]
    pub dimensions: Option<Dimensions>,
    /// Handling rules.
    #[n(6)]
    pub flags: ItemFlags,
    /// Other codes, at most 32, each of one item only.
    #[n(7)]
    pub aliases: Vec<Alias>,
    /// Days after delivery in which it may be returned, 0 to 3650; `None` is the default of the returns policy.
    #[n(8)]
    pub return_window_days: Option<u16>,
    /// What a bundle is made of, at most 64.
    #[n(9)]
    pub bundle_parts: Vec<BundlePart>,
    /// What may be sent instead, best first, at most 32.
    #[n(10)]
    pub substitutes: Vec<Sku>,
    /// The caller's own attributes.
    #[n(11)]
    pub attributes: Attributes,
    /// Whose goods these are.
    #[n(12)]
    pub owner: OwnerId,
    /// It may no longer be reserved.
    #[n(13)]
    pub inactive: bool,
}

/// An item as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ItemRecord {
    /// Raised by each change, from 1.
    #[n(0)]
    pub revision: u64,
    /// The item.
    #[n(1)]
    pub item: Item,
}
