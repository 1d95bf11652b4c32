//! Items and counts of their stock.

use waybill_formats::{Condition, ItemRecord, StockRecord, Unit};
use waybill_proto::inventory::v1 as proto;

/// An item to be upserted.
#[must_use]
pub fn item(record: &ItemRecord) -> proto::Item {
    let sized = record.length_mm > 0 || record.width_mm > 0 || record.height_mm > 0;
    proto::Item {
        sku: record.sku.clone(),
        revision: 0,
        name: record.name.clone(),
        unit: unit(record.unit).into(),
        scale: record.scale.into(),
        weight_g: record.weight_g,
        dimensions: sized.then_some(proto::Dimensions {
            length_mm: record.length_mm,
            width_mm: record.width_mm,
            height_mm: record.height_mm,
        }),
        flags: Some(proto::ItemFlags {
            no_split: record.no_split,
            hazmat: record.hazmat,
            lot_tracked: record.lot_tracked,
            serial_tracked: record.serial_tracked,
            expiry_tracked: record.expiry_tracked,
        }),
        aliases: record
            .aliases
            .iter()
            .map(|alias| proto::ItemAlias { kind: alias.kind.clone(), value: alias.value.clone() })
            .collect(),
        return_window_days: record.return_window_days,
        bundle_parts: record
            .bundle_parts
            .iter()
            .map(|part| proto::BundlePart { sku: part.sku.clone(), quantity: part.quantity })
            .collect(),
        substitute_skus: record.substitute_skus.clone(),
        custom_attributes: record.custom_attributes.clone(),
        owner: record.owner.clone(),
        inactive: record.inactive,
    }
}

fn unit(unit: Unit) -> proto::Unit {
    match unit {
        Unit::Piece => proto::Unit::Piece,
        Unit::Kilogram => proto::Unit::Kilogram,
        Unit::Metre => proto::Unit::Metre,
        Unit::Litre => proto::Unit::Litre,
        Unit::SquareMetre => proto::Unit::SquareMetre,
    }
}

/// A count to be set. `sequence` (1 or more) is used where the record has no sequence of its own.
#[must_use]
pub fn stock_count(record: &StockRecord, sequence: u64) -> proto::StockCount {
    proto::StockCount {
        sku: record.sku.clone(),
        node_id: record.node_id.clone(),
        quantity: record.quantity,
        condition: condition(record.condition).into(),
        source_sequence: if record.source_sequence == 0 { sequence } else { record.source_sequence },
        owner: String::new(),
    }
}

fn condition(condition: Condition) -> proto::StockCondition {
    match condition {
        Condition::Sellable => proto::StockCondition::Sellable,
        Condition::Inspect => proto::StockCondition::Inspect,
        Condition::Damaged => proto::StockCondition::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documented_item_keeps_every_field() {
        let record: ItemRecord = serde_json::from_str(
            r#"{"sku":"B2","name":"Tea set","unit":"kilogram","scale":3,"weight_g":1250,"width_mm":40,"no_split":true,
                "aliases":["gtin:2000000000015"],"return_window_days":0,"bundle_parts":["P1:4"],
                "substitute_skus":["P9"],"owner":"north","inactive":true,"custom_attributes":{"a":"b"}}"#,
        )
        .unwrap();
        let item = item(&record);
        assert_eq!((item.sku.as_str(), item.unit(), item.scale), ("B2", proto::Unit::Kilogram, 3));
        assert_eq!(item.dimensions.unwrap().width_mm, 40);
        assert!(item.flags.unwrap().no_split && !item.flags.unwrap().hazmat);
        assert_eq!(item.aliases[0].value, "2000000000015");
        assert_eq!(item.return_window_days, Some(0));
        assert_eq!((item.bundle_parts[0].sku.as_str(), item.bundle_parts[0].quantity), ("P1", 4));
        assert_eq!((item.owner.as_str(), item.inactive), ("north", true));
        assert_eq!(item.custom_attributes["a"], "b");
    }

    #[test]
    fn an_unknown_size_is_absent_and_not_nothing() {
        let record = ItemRecord { sku: "P1".into(), ..ItemRecord::default() };
        assert_eq!(item(&record).dimensions, None);
        assert_eq!(item(&record).return_window_days, None);
    }

    #[test]
    fn a_sources_own_sequence_goes_before_the_importers() {
        let mut record = StockRecord { sku: "P1".into(), quantity: 3, ..StockRecord::default() };
        assert_eq!(stock_count(&record, 7).source_sequence, 7);
        record.source_sequence = 2;
        record.condition = Condition::Damaged;
        assert_eq!(stock_count(&record, 7).source_sequence, 2);
        assert_eq!(stock_count(&record, 7).condition(), proto::StockCondition::Damaged);
    }
}
