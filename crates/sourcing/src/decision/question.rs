//! From a record back to the question and the stock it was asked over.

use super::record::{Record, pairs, unpack};
use crate::interner::NodeIx;
use crate::mirror::{Availability, ItemFacts, StockRow};
use crate::network::Network;
use waybill_types::exchange::{Destination, PlanRequest};
use waybill_types::network::Zone;
use waybill_types::{LineNo, OwnerId, PostalCode, Quantity, Sku, Text};

/// The stock that a record holds.
#[derive(Debug)]
pub(crate) struct Shelves {
    rows: Vec<(Sku, OwnerId, ItemFacts, Option<Text>, Vec<StockRow>)>,
    version: u64,
}

impl Shelves {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Sku, &OwnerId, &[StockRow])> {
        self.rows.iter().map(|(sku, owner, _, _, rows)| (sku, owner, rows.as_slice()))
    }
}

impl Shelves {
    /// The same stock by the numbers that another network gives the nodes; nodes that it does not have have none.
    pub(super) fn over(mut self, then: &Network, network: &Network) -> Self {
        for (.., rows) in &mut self.rows {
            let moved = rows.iter().filter_map(|row| {
                let node = network.node_index(&then.site(row.node)?.record.id)?;
                Some(StockRow { node, ..*row })
            });
            *rows = moved.collect();
            rows.sort_unstable_by_key(|row| row.node);
        }
        self
    }
}

impl Shelves {
    /// Takes this to be all there is at a node.
    pub(super) fn state(
        &mut self,
        (sku, owner): (&Sku, &OwnerId),
        node: NodeIx,
        available: Quantity,
        facts: &impl Fn(&Sku) -> (ItemFacts, Option<Text>),
    ) {
        let known = self.rows.iter().position(|(known, of, ..)| known == sku && of == owner);
        let at = known.unwrap_or_else(|| {
            let (item, class) = (self.item(sku), self.class(sku).and_then(|class| Text::new(class).ok()));
            let seen = self.rows.iter().any(|(known, ..)| known == sku);
            let (item, class) = if seen { (item, class) } else { facts(sku) };
            self.rows.push((sku.clone(), owner.clone(), item, class, Vec::new()));
            self.rows.len() - 1
        });
        let rows = &mut self.rows[at].4;
        rows.retain(|row| row.node != node);
        if !available.is_zero() {
            rows.push(StockRow { node, available });
            rows.sort_unstable_by_key(|row| row.node);
        }
    }

    /// Remembers what an item is, where the order did not ask for it.
    pub(super) fn know(&mut self, sku: &Sku, facts: &impl Fn(&Sku) -> (ItemFacts, Option<Text>)) {
        if self.rows.iter().all(|(known, ..)| known != sku) {
            let (item, class) = facts(sku);
            self.rows.push((sku.clone(), OwnerId::main(), item, class, Vec::new()));
        }
    }
}

impl Availability for Shelves {
    fn stock(&self, sku: &Sku, owner: &OwnerId) -> &[StockRow] {
        let found = self.rows.iter().find(|(known, of, ..)| known == sku && of == owner);
        found.map_or(&[], |(.., rows)| rows)
    }
    fn item(&self, sku: &Sku) -> ItemFacts {
        self.rows
            .iter()
            .find(|(known, ..)| known == sku)
            .map_or(ItemFacts::default(), |(_, _, item, ..)| *item)
    }
    fn class(&self, sku: &Sku) -> Option<&str> {
        let found = self.rows.iter().find(|(known, ..)| known == sku)?;
        found.3.as_ref().map(Text::as_str)
    }
    fn version(&self) -> u64 {
        self.version
    }
}

impl Record {
    /// So much of a line in whole units; of goods sold by parts of a unit, one that is begun counts.
    #[must_use]
    pub fn whole_units(&self, line: LineNo, quantity: Quantity) -> u64 {
        let wanted = self.lines.iter().find(|wanted| wanted.line == line);
        let place = wanted.and_then(|wanted| {
            pairs(&self.lines).iter().position(|pair| *pair == (&wanted.sku, &wanted.owner))
        });
        let scale = place.and_then(|place| self.shelves.get(place)).map_or(0, |shelf| shelf.scale);
        quantity.units().div_ceil(10u64.checked_pow(scale.into()).unwrap_or(u64::MAX))
    }

    /// The stock that was seen, over the network of that time.
    pub(super) fn stock(&self, network: &Network) -> Shelves {
        let shelves = pairs(&self.lines).into_iter().zip(&self.shelves);
        let rows = shelves.map(|((sku, owner), shelf)| {
            let item = ItemFacts::new(shelf.weight_g.into(), shelf.scale).unwrap_or_default();
            let item = if shelf.no_split { item.unsplittable() } else { item };
            (sku.clone(), owner.clone(), item, shelf.class.clone(), unpack(network, &shelf.rows))
        });
        Shelves { rows: rows.collect(), version: self.plan.stamp.mirror }
    }

    /// The question, asked over `network`; `None` when that has no place in the zone.
    #[must_use]
    pub fn question(&self, network: &Network) -> Option<PlanRequest> {
        let destination = match &self.zone {
            Some(zone) => {
                Some(network.zone_number(zone).and_then(|ix| somewhere_in(network, network.zone(ix)))?)
            }
            None => None,
        };
        Some(PlanRequest {
            lines: self.lines.clone(),
            destination,
            now: self.now,
            release_at: self.release_at,
            excluded: self.excluded.clone(),
            pinned: self.pinned.clone(),
            own: self.own.clone(),
            channel: self.channel.clone(),
            asked_for: Some(self.asked_for),
        })
    }
}

/// An address in the zone and in no other: plans depend on no more of an address than its zone.
fn somewhere_in(network: &Network, zone: &Zone) -> Option<Destination> {
    let bare = |code: Option<PostalCode>, country| Destination { country, postal_code: code, point: None };
    let by_area = zone.areas.iter().flat_map(|area| {
        let codes =
            area.postal_prefixes.iter().map(move |code| bare(Some(code.clone()), area.country.clone()));
        codes.chain(area.postal_prefixes.is_empty().then(|| bare(None, area.country.clone())))
    });
    let by_circle = zone.circle.into_iter().flat_map(|circle| {
        let countries =
            network.nodes().filter_map(|node| node.address.as_ref()).map(|address| address.country.clone());
        let country = countries.into_iter().next().or_else(|| waybill_types::Country::new("ZZ").ok());
        country.map(|country| Destination { country, postal_code: None, point: Some(circle.center) })
    });
    by_area.chain(by_circle).find(|place| network.zone_of(place) == Some(&zone.id))
}
