//! What the planner may take: availability and item facts as the caller mirrors them. It does not know where the
//! figures come from, nor who reserved what: the caller feeds it what is available to promise now.

use crate::interner::{FixedMap, NodeIx};
use waybill_types::{Invalid, OwnerId, Quantity, Sku, Text};

/// What is available of one SKU of one owner at one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockRow {
    /// Where.
    pub node: NodeIx,
    /// How many units, more than zero.
    pub available: Quantity,
}

/// What the planner needs to know of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemFacts {
    weight_g: u32,
    scale: u8,
    no_split: bool,
}

impl ItemFacts {
    /// The heaviest unit, in grams: 5 tonnes.
    pub const WEIGHT_G_MAX: u32 = 5_000_000;

    /// An item of `weight_g` grams per whole unit (0 where unknown), whose quantities have `scale` decimals (0 for
    /// pieces, at most 3).
    ///
    /// # Errors
    /// [`Invalid`] when the weight or the scale is out of range.
    pub fn new(weight_g: u64, scale: u8) -> Result<Self, Invalid> {
        if scale > 3 {
            return Err(Invalid::new("scale", format!("is {scale}, at most 3 decimals are allowed")));
        }
        match u32::try_from(weight_g) {
            Ok(weight_g) if weight_g <= Self::WEIGHT_G_MAX => Ok(Self { weight_g, scale, no_split: false }),
            _ => Err(Invalid::new(
                "weight",
                format!("is {weight_g} g, at most {} is allowed", Self::WEIGHT_G_MAX),
            )),
        }
    }
    /// The same item, each line of which must come from one node.
    #[must_use]
    pub const fn unsplittable(self) -> Self {
        Self { no_split: true, ..self }
    }
    /// Weight of one whole unit in grams.
    #[must_use]
    pub const fn weight_g(&self) -> u32 {
        self.weight_g
    }
    /// Decimals of a quantity, 0 to 3.
    #[must_use]
    pub const fn scale(&self) -> u8 {
        self.scale
    }
    /// True when each line of it must come from one node.
    #[must_use]
    pub const fn no_split(&self) -> bool {
        self.no_split
    }
}

/// Stock and items as the planner reads them. A read must not change while one plan is made.
pub trait Availability {
    /// What is available of the SKU: one row per node, ascending by [`NodeIx`], none with zero units. Nodes that the
    /// network does not know are skipped.
    fn stock(&self, sku: &Sku, owner: &OwnerId) -> &[StockRow];
    /// Weight, scale and splitting of an item; the default where the item is not known.
    fn item(&self, sku: &Sku) -> ItemFacts;
    /// The item's class for sourcing rules; `None` where it has none.
    fn class(&self, _: &Sku) -> Option<&str> {
        None
    }
    /// A number that rises with every change; stamped on plans.
    fn version(&self) -> u64;
}

/// An [`Availability`] in memory, for callers that have no better place to keep one.
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    shelves: FixedMap<Sku, Shelf>,
    version: u64,
}

#[derive(Clone, Debug, Default)]
struct Shelf {
    item: ItemFacts,
    class: Option<Text>,
    owners: Vec<(OwnerId, Vec<StockRow>)>,
}

impl Mirror {
    /// An empty one at version 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is available of the SKU at the node from now on; zero takes the row away.
    pub fn set_stock(&mut self, sku: &Sku, owner: &OwnerId, node: NodeIx, available: Quantity) {
        self.version += 1;
        let shelf = shelf_of(&mut self.shelves, sku);
        let at = match shelf.owners.iter().position(|(known, _)| known == owner) {
            Some(at) => at,
            None if available.is_zero() => return,
            None => {
                shelf.owners.push((owner.clone(), Vec::new()));
                shelf.owners.len() - 1
            }
        };
        let rows = &mut shelf.owners[at].1;
        match (rows.binary_search_by_key(&node, |row| row.node), available.is_zero()) {
            (Ok(found), true) => drop(rows.remove(found)),
            (Ok(found), false) => rows[found].available = available,
            (Err(_), true) => {}
            (Err(place), false) => rows.insert(place, StockRow { node, available }),
        }
    }

    /// What the item is from now on.
    pub fn set_item(&mut self, sku: &Sku, item: ItemFacts) {
        self.version += 1;
        shelf_of(&mut self.shelves, sku).item = item;
    }

    /// The item's class for sourcing rules from now on.
    pub fn set_class(&mut self, sku: &Sku, class: Option<Text>) {
        self.version += 1;
        shelf_of(&mut self.shelves, sku).class = class;
    }

    /// States the version, where the caller counts changes in its own way (such as a journal position).
    pub fn set_version(&mut self, version: u64) {
        self.version = version;
    }
}

fn shelf_of<'m>(shelves: &'m mut FixedMap<Sku, Shelf>, sku: &Sku) -> &'m mut Shelf {
    if !shelves.contains_key(sku) {
        shelves.insert(sku.clone(), Shelf::default());
    }
    shelves.get_mut(sku).expect("inserted just now")
}

impl Availability for Mirror {
    fn stock(&self, sku: &Sku, owner: &OwnerId) -> &[StockRow] {
        let owners = self.shelves.get(sku).map_or(&[][..], |shelf| &shelf.owners);
        owners.iter().find(|(known, _)| known == owner).map_or(&[], |(_, rows)| rows)
    }
    fn item(&self, sku: &Sku) -> ItemFacts {
        self.shelves.get(sku).map_or(ItemFacts::default(), |shelf| shelf.item)
    }
    fn class(&self, sku: &Sku) -> Option<&str> {
        self.shelves.get(sku)?.class.as_ref().map(Text::as_str)
    }
    fn version(&self) -> u64 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interner::Interner;
    use waybill_types::NodeId;

    #[test]
    fn rows_stay_sorted_and_zero_takes_them_away() {
        let mut names = Interner::new();
        let nodes: Vec<NodeIx> =
            ["c", "a", "b"].iter().map(|id| names.intern(&NodeId::new(id).unwrap())).collect();
        let (sku, owner) = (Sku::new("S").unwrap(), OwnerId::main());
        let mut mirror = Mirror::new();
        for node in [nodes[2], nodes[0], nodes[1], nodes[0]] {
            mirror.set_stock(&sku, &owner, node, Quantity::of(5));
        }
        let rows = mirror.stock(&sku, &owner);
        assert_eq!(rows.iter().map(|row| row.node).collect::<Vec<_>>(), nodes);
        mirror.set_stock(&sku, &owner, nodes[1], Quantity::ZERO);
        mirror.set_stock(&sku, &owner, nodes[1], Quantity::ZERO);
        assert_eq!(mirror.stock(&sku, &owner).len(), 2);
        assert!(mirror.stock(&sku, &OwnerId::new("other").unwrap()).is_empty());
        assert_eq!(mirror.version(), 6);
    }
}
