//! How positions lie in rows. It knows where a position is kept, not what it means.
//!
//! A row is rewritten whole at each checkpoint in which one of its positions changed, and a SKU may lie at thousands
//! of nodes. So the positions of one (SKU, owner) are spread over 1, 2, 4 ... 256 shards by a hash of the node, and
//! the number doubles when a shard grows past [`StockRow::POSITIONS_MAX`]: a SKU at a few nodes is one row, a SKU at
//! 1,000 nodes is 64 rows of about 1 KiB, a change touches one of them, and all positions of a SKU are one range of
//! keys. Shard 0 also carries what is known of the (SKU, owner) as a whole.

use crate::position::{Position, Spot};
use crate::wait::Turn;
use minicbor::{Decode, Encode};
use std::sync::Arc;
use waybill_machine::{AnyTable, ScanOrder, Table};
use waybill_types::{NodeId, OwnerId, Sku, Timestamp};

/// Some positions of one SKU and owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct StockRow {
    /// Shard 0 only: there are 2^bits shards.
    #[n(0)]
    pub bits: u8,
    /// Shard 0 only: how often availability rose.
    #[n(1)]
    pub rises: u64,
    /// Shard 0 only: when it last rose.
    #[n(2)]
    pub risen_at: Timestamp,
    /// Shard 0 only: how many orders wait for this stock.
    #[n(3)]
    pub waiting: u32,
    /// The positions by node.
    #[n(4)]
    pub positions: Vec<Position>,
    /// Shard 0 only: how often sellable on-hand stock rose at any node. Each position keeps the number of its last rise.
    #[cbor(n(5), skip_if = "crate::position::none")]
    pub lifts: u64,
    /// Shard 0 only: how many of those who wait were told and have not said yet what they still wait for.
    #[cbor(n(6), skip_if = "nobody")]
    pub looking: u32,
    /// Shard 0 only: whom the stock of the last rise was offered last; `None` when it was offered to nobody yet. What those
    /// who looked have left is offered to whoever comes after.
    #[n(7)]
    pub turn: Option<Turn>,
}

/// Counters that are 0 take no bytes.
fn nobody(counter: &u32) -> bool {
    *counter == 0
}

impl StockRow {
    /// A row with more positions than this is split; keeps rows under 3 KiB.
    pub const POSITIONS_MAX: usize = 40;
    /// Beyond 256 shards rows grow instead.
    pub const BITS_MAX: u8 = 8;

    fn find(&self, node: &NodeId) -> Result<usize, usize> {
        self.positions.binary_search_by(|position| position.node.cmp(node))
    }
}

type RowKey = (Sku, OwnerId, u8);

/// All positions of a partition.
pub struct Stock {
    rows: Table<RowKey, StockRow>,
}

impl Stock {
    pub(crate) fn new(prefix: u8) -> Self {
        Self { rows: Table::new(prefix) }
    }

    pub(crate) fn table(&mut self) -> &mut dyn AnyTable {
        &mut self.rows
    }

    /// What is known of a SKU and owner as a whole.
    #[must_use]
    pub fn head(&self, sku: &Sku, owner: &OwnerId) -> Option<Arc<StockRow>> {
        self.rows.get(&(sku.clone(), owner.clone(), 0))
    }

    /// Looks at one position; `None` when nothing was ever booked there.
    pub fn look<R>(&self, spot: &Spot, look: impl FnOnce(&Position) -> R) -> Option<R> {
        let head = self.head(&spot.sku, &spot.owner)?;
        let shard = shard_of(&spot.node, head.bits);
        let row =
            if shard == 0 { head } else { self.rows.get(&(spot.sku.clone(), spot.owner.clone(), shard))? };
        row.find(&spot.node).ok().map(|index| look(&row.positions[index]))
    }

    /// One position, or an empty one.
    #[must_use]
    pub fn position(&self, spot: &Spot) -> Position {
        self.look(spot, Position::clone).unwrap_or_else(|| Position::empty(spot.node.clone()))
    }

    /// Visits all positions of a SKU and owner, in no promised order.
    pub fn each_of(&self, sku: &Sku, owner: &OwnerId, mut visit: impl FnMut(&Position)) {
        let Some(head) = self.head(sku, owner) else { return };
        head.positions.iter().for_each(&mut visit);
        for shard in 1..1u16 << head.bits {
            if let Some(row) = self.rows.get(&(sku.clone(), owner.clone(), shard as u8)) {
                row.positions.iter().for_each(&mut visit);
            }
        }
    }

    /// Visits every position of the partition by SKU and owner.
    pub fn each(&self, mut visit: impl FnMut(&Sku, &OwnerId, &Position)) {
        self.rows.for_each(|(sku, owner, _), row| {
            row.positions.iter().for_each(|position| visit(&sku, &owner, position));
        });
    }

    /// True when any stock of the SKU was ever booked here, of any owner.
    #[must_use]
    pub fn ever_had(&self, sku: &Sku) -> bool {
        let rows = self.rows.scan(sku, None, ScanOrder::Ascending, 64);
        rows.iter().any(|(_, row)| !row.positions.is_empty())
    }

    /// Changes one position, made when there was none.
    pub(crate) fn update<R>(&mut self, spot: &Spot, change: impl FnOnce(&mut Position) -> R) -> R {
        let bits = self.head(&spot.sku, &spot.owner).map_or(0, |head| head.bits);
        let key = (spot.sku.clone(), spot.owner.clone(), shard_of(&spot.node, bits));
        let (result, count) = self.rows.upsert(&key, |row| {
            let index = row.find(&spot.node).unwrap_or_else(|index| {
                row.positions.insert(index, Position::empty(spot.node.clone()));
                index
            });
            (change(&mut row.positions[index]), row.positions.len())
        });
        if count > StockRow::POSITIONS_MAX && bits < StockRow::BITS_MAX {
            self.split(&spot.sku, &spot.owner, bits);
        }
        result
    }

    pub(crate) fn update_head<R>(
        &mut self,
        sku: &Sku,
        owner: &OwnerId,
        change: impl FnOnce(&mut StockRow) -> R,
    ) -> R {
        self.rows.upsert(&(sku.clone(), owner.clone(), 0), change)
    }

    /// Doubles the shards of a SKU until every row is small again.
    fn split(&mut self, sku: &Sku, owner: &OwnerId, old_bits: u8) {
        let mut positions = Vec::new();
        self.each_of(sku, owner, |position| positions.push(position.clone()));
        positions.sort_unstable_by(|a, b| a.node.cmp(&b.node));
        let (bits, shards) = (old_bits + 1..=StockRow::BITS_MAX)
            .map(|bits| (bits, deal(&positions, bits)))
            .find(|(bits, shards)| {
                *bits == StockRow::BITS_MAX || shards.iter().all(|s| s.len() <= StockRow::POSITIONS_MAX)
            })
            .unwrap_or_else(|| unreachable!("the largest number of shards is always taken"));
        for (shard, positions) in shards.into_iter().enumerate() {
            let key = (sku.clone(), owner.clone(), shard as u8);
            if shard == 0 {
                self.rows.upsert(&key, |row| {
                    row.bits = bits;
                    row.positions = positions;
                });
            } else if !positions.is_empty() {
                self.rows.put(&key, StockRow { positions, ..StockRow::default() });
            } else if shard < 1 << old_bits {
                self.rows.remove(&key);
            }
        }
    }
}

fn deal(positions: &[Position], bits: u8) -> Vec<Vec<Position>> {
    let mut shards = vec![Vec::new(); 1 << bits];
    for position in positions {
        shards[usize::from(shard_of(&position.node, bits))].push(position.clone());
    }
    shards
}

/// FNV-1a, its high bits folded down. Never changed: it places stored rows.
fn shard_of(node: &NodeId, bits: u8) -> u8 {
    if bits == 0 {
        return 0;
    }
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in node.as_str().as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    (hash & ((1 << bits) - 1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::Quantity;

    fn spot(node: usize) -> Spot {
        Spot {
            sku: Sku::new("A").unwrap(),
            owner: OwnerId::main(),
            node: NodeId::new(format!("store-{node:04}")).unwrap(),
        }
    }

    #[test]
    fn shards_never_move() {
        let shards: Vec<u8> = (0..8).map(|n| shard_of(&spot(n).node, 8)).collect();
        assert_eq!(
            shards,
            vec![157, 185, 245, 132, 189, 95, 171, 247],
            "a changed hash would lose stored rows"
        );
    }

    #[test]
    fn a_sku_at_a_thousand_nodes_lies_in_small_rows_and_every_position_is_found() {
        let mut stock = Stock::new(1);
        for node in 0..1000 {
            stock.update(&spot(node), |p| {
                p.sellable = Quantity::of(1_000 + node as u64);
                p.set_mark(
                    &waybill_types::Text::new("wms-central").unwrap(),
                    crate::Condition::Sellable,
                    99_999,
                );
                p.book(crate::MovementKind::Receipt, crate::Condition::Sellable, 5_000);
            });
        }
        for node in 0..1000 {
            assert_eq!(stock.position(&spot(node)).sellable, Quantity::of(6_000 + node as u64));
        }
        let mut seen = 0;
        stock.each_of(&spot(0).sku, &spot(0).owner, |_| seen += 1);
        assert_eq!(seen, 1000);
        let sizes: Vec<usize> =
            stock.rows.all().iter().map(|(_, row)| waybill_machine::record::encode(&**row).len()).collect();
        let largest = sizes.iter().max().copied().unwrap();
        assert!(largest <= 3 * 1024, "the largest of {} rows has {largest} bytes", sizes.len());
        assert_eq!(stock.position(&spot(1001)).revision, 0);
    }

    #[test]
    fn the_head_keeps_its_counters_when_rows_split() {
        let mut stock = Stock::new(1);
        stock.update_head(&spot(0).sku, &spot(0).owner, |head| head.waiting = 3);
        for node in 0..100 {
            stock.update(&spot(node), |_| ());
        }
        let head = stock.head(&spot(0).sku, &spot(0).owner).unwrap();
        assert!(head.bits > 0);
        assert_eq!(head.waiting, 3);
    }
}
