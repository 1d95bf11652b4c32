//! The stock of a few SKUs at one moment, in the planner's own form. It does not change while a plan is made.

use waybill_sourcing::{Availability, Interner, ItemFacts, StockRow};
use waybill_types::exchange::Claim;
use waybill_types::{OwnerId, Sku, Text};

/// A copy of what the mirror had of some SKUs.
#[derive(Clone, Debug, Default)]
pub struct Basket {
    pub(crate) rows: Vec<(Sku, OwnerId, Vec<StockRow>)>,
    pub(crate) items: Vec<(Sku, ItemFacts, Option<Text>)>,
    pub(crate) version: u64,
}

impl Basket {
    fn known(&self, sku: &Sku) -> Option<&(Sku, ItemFacts, Option<Text>)> {
        self.items.iter().find(|(known, _, _)| known == sku)
    }

    /// Counts units as there besides what is available: whoever asks has reserved them and may use them again.
    #[must_use]
    pub fn with_own(mut self, own: &[Claim], names: &Interner) -> Self {
        for claim in own {
            // A node that nobody has named yet has no lanes either.
            let Some(node) = names.get(&claim.node) else { continue };
            let known =
                self.rows.iter_mut().find(|(sku, owner, _)| *sku == claim.sku && *owner == claim.owner);
            let Some((_, _, rows)) = known else { continue };
            match rows.binary_search_by_key(&node, |row| row.node) {
                Ok(at) => rows[at].available = rows[at].available.plus(claim.quantity),
                Err(at) => rows.insert(at, StockRow { node, available: claim.quantity }),
            }
        }
        self
    }
}

impl Availability for Basket {
    fn stock(&self, sku: &Sku, owner: &OwnerId) -> &[StockRow] {
        self.rows.iter().find(|(s, o, _)| s == sku && o == owner).map_or(&[], |(_, _, rows)| rows)
    }
    fn item(&self, sku: &Sku) -> ItemFacts {
        self.known(sku).map_or(ItemFacts::default(), |(_, facts, _)| *facts)
    }
    fn class(&self, sku: &Sku) -> Option<&str> {
        self.known(sku).and_then(|(_, _, class)| class.as_ref()).map(Text::as_str)
    }
    fn version(&self) -> u64 {
        self.version
    }
}
