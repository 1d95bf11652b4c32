//! Items.

use waybill_inventory::{Alias, BundlePart, Dimensions, Item, ItemFlags, ItemRow, Unit};
use waybill_proto::inventory::v1 as proto;
use waybill_service_kit::Fields;
use waybill_service_kit::values::{ids, list, owner, some_quantity, some_text, text, whole};
use waybill_types::{Attributes, Sku};

const WEIGHT_G_MAX: u64 = 5_000_000;
const SIDE_MM_MAX: u64 = 1_000_000;

/// One row of an upsert; `at` is its path, such as `rows[3]`.
pub(crate) fn row(fields: &mut Fields, at: &str, row: &proto::ItemRow) -> Option<ItemRow> {
    let Some(asked) = &row.item else {
        fields.wrong(format!("{at}.item"), "is missing");
        return None;
    };
    let item = item(fields, &format!("{at}.item"), asked)?;
    let expected_revision = (row.expected_revision > 0).then_some(row.expected_revision);
    Some(ItemRow { item, expected_revision })
}

fn item(fields: &mut Fields, at: &str, asked: &proto::Item) -> Option<Item> {
    let sku = fields.check(format!("{at}.sku"), Sku::new(&asked.sku));
    let name = text(fields, format!("{at}.name"), &asked.name, 200);
    let unit = unit(fields, at, asked.unit);
    let scale = scale(fields, at, asked.scale, unit);
    let weight_g = whole(fields, format!("{at}.weight_g"), asked.weight_g, WEIGHT_G_MAX);
    let dimensions = dimensions(fields, at, asked.dimensions.as_ref());
    let aliases = list(fields, format!("{at}.aliases"), &asked.aliases, 32, alias);
    let return_window_days = return_window(fields, at, asked.return_window_days);
    let bundle_parts = list(fields, format!("{at}.bundle_parts"), &asked.bundle_parts, 64, bundle_part);
    let path = format!("{at}.substitute_skus");
    let substitutes = ids(fields, &path, &asked.substitute_skus, 32, |text| Sku::new(text));
    let attributes =
        fields.check(format!("{at}.custom_attributes"), Attributes::new(&asked.custom_attributes));
    let owner = owner(fields, format!("{at}.owner"), &asked.owner);
    Some(Item {
        sku: sku?,
        name: name?,
        unit: unit?,
        scale: scale?,
        weight_g: weight_g?,
        dimensions: dimensions?,
        flags: flags(asked.flags.unwrap_or_default()),
        aliases: aliases?,
        return_window_days: return_window_days?,
        bundle_parts: bundle_parts?,
        substitutes: substitutes?,
        attributes: attributes?,
        owner: owner?,
        inactive: asked.inactive,
    })
}

fn unit(fields: &mut Fields, at: &str, unit: i32) -> Option<Unit> {
    match proto::Unit::try_from(unit) {
        Ok(proto::Unit::Piece) => Some(Unit::Piece),
        Ok(proto::Unit::Kilogram) => Some(Unit::Kilogram),
        Ok(proto::Unit::Metre) => Some(Unit::Metre),
        Ok(proto::Unit::Litre) => Some(Unit::Litre),
        Ok(proto::Unit::SquareMetre) => Some(Unit::SquareMetre),
        Ok(proto::Unit::Unspecified) | Err(_) => {
            fields.wrong(format!("{at}.unit"), format!("is {unit}, which is no unit"));
            None
        }
    }
}

fn scale(fields: &mut Fields, at: &str, scale: u32, unit: Option<Unit>) -> Option<u8> {
    let most = if unit == Some(Unit::Piece) { 0 } else { 3 };
    if scale > most {
        fields.wrong(format!("{at}.scale"), format!("is {scale}, at most {most} is allowed for this unit"));
        return None;
    }
    Some(scale as u8)
}

fn dimensions(
    fields: &mut Fields,
    at: &str,
    asked: Option<&proto::Dimensions>,
) -> Option<Option<Dimensions>> {
    let Some(asked) = asked else { return Some(None) };
    let mut side = |name: &str, mm| {
        whole(fields, format!("{at}.dimensions.{name}"), mm, SIDE_MM_MAX).map(|mm| mm as u32)
    };
    let (length, width) = (side("length_mm", asked.length_mm), side("width_mm", asked.width_mm));
    let height = side("height_mm", asked.height_mm);
    Some(Some(Dimensions { length_mm: length?, width_mm: width?, height_mm: height? }))
}

fn flags(asked: proto::ItemFlags) -> ItemFlags {
    ItemFlags {
        no_split: asked.no_split,
        hazmat: asked.hazmat,
        lot_tracked: asked.lot_tracked,
        serial_tracked: asked.serial_tracked,
        expiry_tracked: asked.expiry_tracked,
    }
}

/// An alias at path `at`.
#[allow(clippy::needless_pass_by_value)]
pub(crate) fn alias(fields: &mut Fields, at: String, asked: &proto::ItemAlias) -> Option<Alias> {
    let kind = some_text(fields, format!("{at}.kind"), &asked.kind, 32);
    let value = some_text(fields, format!("{at}.value"), &asked.value, 64);
    Some(Alias { kind: kind?, value: value? })
}

fn bundle_part(fields: &mut Fields, at: String, asked: &proto::BundlePart) -> Option<BundlePart> {
    let sku = fields.check(format!("{at}.sku"), Sku::new(&asked.sku));
    let quantity = some_quantity(fields, format!("{at}.quantity"), asked.quantity);
    Some(BundlePart { sku: sku?, quantity: quantity? })
}

fn return_window(fields: &mut Fields, at: &str, days: Option<u32>) -> Option<Option<u16>> {
    match days {
        Some(days) if days > 3650 => {
            fields.wrong(format!("{at}.return_window_days"), format!("is {days}, at most 3650 is allowed"));
            None
        }
        days => Some(days.map(|days| days as u16)),
    }
}
