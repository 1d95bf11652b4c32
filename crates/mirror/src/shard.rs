//! One inventory partition's part of the mirror. Rows of one SKU and owner lie side by side; a second order, by
//! version, lets a stream go on from anywhere: what is newer than a cursor is exactly what the holder lacks, however
//! long it was away, so streams need no history and slow readers are coalesced.

use crate::change::{Figures, ItemChange};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeSet;
use waybill_sourcing::{ItemFacts, NodeIx};
use waybill_types::{OwnerId, Sku, Text, Timestamp};

/// A position as it lies in its shelf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) node: NodeIx,
    slot: u32,
    pub(crate) figures: Figures,
    pub(crate) version: u64,
    pub(crate) at: Timestamp,
}

/// What is known of an item.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Item {
    pub(crate) known: bool,
    pub(crate) inactive: bool,
    pub(crate) scale: u8,
    pub(crate) facts: ItemFacts,
}

pub(crate) struct Shelf {
    pub(crate) sku: Sku,
    pub(crate) item: Item,
    /// Shared with the item's own row where both are in one process.
    pub(crate) name: Text,
    /// For sourcing rules.
    pub(crate) class: Option<Text>,
    owners: Vec<(OwnerId, Vec<Row>)>,
}

impl Shelf {
    /// The rows of an owner, ascending by node number.
    pub(crate) fn rows(&self, owner: &OwnerId) -> &[Row] {
        self.owners.iter().find(|(known, _)| known == owner).map_or(&[], |(_, rows)| rows)
    }
}

/// Where the row behind a slot lies.
#[derive(Clone, Copy)]
struct Slot {
    shelf: u32,
    owner: u32,
    node: NodeIx,
}

#[derive(Default)]
pub(crate) struct Shard {
    /// Everything up to this journal sequence is in here.
    pub(crate) version: u64,
    /// Through here, entries that are not stock are known of too; streams do not go by it.
    pub(crate) heard: u64,
    pub(crate) loaded: bool,
    shelves: Vec<Shelf>,
    by_sku: HashMap<Sku, u32>,
    slots: Vec<Slot>,
    by_version: BTreeSet<(u64, u32)>,
}

/// A row that changed, with its name.
pub(crate) struct Found<'a> {
    pub(crate) sku: &'a Sku,
    pub(crate) owner: &'a OwnerId,
    pub(crate) row: &'a Row,
    pub(crate) inactive: bool,
    pub(crate) slot: u32,
}

impl Shard {
    pub(crate) fn shelf(&self, sku: &Sku) -> Option<&Shelf> {
        self.by_sku.get(sku).map(|index| &self.shelves[*index as usize])
    }

    pub(crate) fn positions(&self) -> usize {
        self.slots.len()
    }

    fn shelf_index(&mut self, sku: &Sku) -> u32 {
        if let Some(index) = self.by_sku.get(sku) {
            return *index;
        }
        let index = self.shelves.len() as u32;
        self.by_sku.insert(sku.clone(), index);
        self.shelves.push(Shelf {
            sku: sku.clone(),
            item: Item::default(),
            name: Text::default(),
            class: None,
            owners: Vec::new(),
        });
        index
    }

    pub(crate) fn set_item(&mut self, item: &ItemChange, sequence: u64) {
        let index = self.shelf_index(&item.sku);
        if self.loaded && self.shelves[index as usize].item.inactive != item.inactive {
            // What may be promised of all its positions changes with it; streams must say so.
            for (_, rows) in &mut self.shelves[index as usize].owners {
                for row in rows.iter_mut().filter(|row| row.version < sequence) {
                    self.by_version.remove(&(row.version, row.slot));
                    row.version = sequence;
                    self.by_version.insert((sequence, row.slot));
                }
            }
        }
        // The machine's bounds are wider than the planner's: what the planner cannot weigh it treats as unknown.
        let facts = ItemFacts::new(item.weight_g, item.scale).unwrap_or_default();
        let facts = if item.no_split { facts.unsplittable() } else { facts };
        let (inactive, scale) = (item.inactive, item.scale);
        let shelf = &mut self.shelves[index as usize];
        shelf.item = Item { known: true, inactive, scale, facts };
        shelf.name.clone_from(&item.name);
        shelf.class.clone_from(&item.class);
    }

    pub(crate) fn set_stock(
        &mut self,
        sku: &Sku,
        owner: &OwnerId,
        node: NodeIx,
        figures: Figures,
        version: u64,
        at: Timestamp,
    ) {
        let shelf_index = self.shelf_index(sku);
        let owners = &mut self.shelves[shelf_index as usize].owners;
        let owner_index = owners.iter().position(|(known, _)| known == owner).unwrap_or_else(|| {
            owners.push((owner.clone(), Vec::new()));
            owners.len() - 1
        });
        let rows = &mut owners[owner_index].1;
        match rows.binary_search_by_key(&node, |row| row.node) {
            Ok(place) => {
                let row = &mut rows[place];
                // A change can be told twice after a reconnect, never out of order within a partition.
                if version >= row.version {
                    self.by_version.remove(&(row.version, row.slot));
                    (row.figures, row.version, row.at) = (figures, version, at);
                    self.by_version.insert((version, row.slot));
                }
            }
            Err(place) => {
                let slot = self.slots.len() as u32;
                self.slots.push(Slot { shelf: shelf_index, owner: owner_index as u32, node });
                rows.insert(place, Row { node, slot, figures, version, at });
                self.by_version.insert((version, slot));
            }
        }
    }

    /// Rows after `(version, slot)` in order of version, at most `limit` looked at; all SKUs or only these.
    pub(crate) fn since<'a>(
        &'a self,
        after: (u64, u32),
        limit: usize,
        only: Option<&'a HashSet<Sku>>,
    ) -> impl Iterator<Item = (bool, Found<'a>)> {
        let range = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        self.by_version.range(range).take(limit).map(move |(_, slot)| {
            let found = self.behind(*slot);
            (only.is_none_or(|skus| skus.contains(found.sku)), found)
        })
    }

    fn behind(&self, slot: u32) -> Found<'_> {
        let Slot { shelf, owner, node } = self.slots[slot as usize];
        let shelf = &self.shelves[shelf as usize];
        let (owner, rows) = &shelf.owners[owner as usize];
        let place = rows.binary_search_by_key(&node, |row| row.node);
        let row = &rows[place.unwrap_or_else(|_| unreachable!("a slot always has its row"))];
        Found { sku: &shelf.sku, owner, row, inactive: shelf.item.inactive, slot }
    }
}
