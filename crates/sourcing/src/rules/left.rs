//! What a policy's rules leave of the stock for one question. It keeps rows and takes nothing from anybody.

use super::Case;
use crate::interner::NodeIx;
use crate::mirror::{Availability, ItemFacts, StockRow};
use waybill_types::exchange::{Claim, Delivery};
use waybill_types::network::{Buffer, FallbackStep, NodeSet, ServeRule};
use waybill_types::{OwnerId, Quantity, Sku};

/// The stock of the SKUs of one question, less what the rules keep from it.
pub(crate) struct Left<'s> {
    inner: &'s dyn Availability,
    rows: Vec<(Sku, OwnerId, Vec<StockRow>)>,
}

impl<'s> Left<'s> {
    pub(super) fn of(case: &Case<'_>, inner: &'s dyn Availability, given_up: &[FallbackStep]) -> Self {
        let mut rows: Vec<(Sku, OwnerId, Vec<StockRow>)> = Vec::with_capacity(case.request.lines.len());
        for line in &case.request.lines {
            if rows.iter().any(|(sku, owner, _)| *sku == line.sku && *owner == line.owner) {
                continue;
            }
            let sieve = Sieve::new(case, inner, &line.sku, &line.owner, given_up);
            let left = inner.stock(&line.sku, &line.owner).iter().filter_map(|row| match sieve.keeps(row) {
                Kept::Whole => Some(*row),
                Kept::Less(available) => Some(StockRow { available, ..*row }),
                Kept::Buffered | Kept::NotServed => None,
            });
            rows.push((line.sku.clone(), line.owner.clone(), left.collect()));
        }
        Self { inner, rows }
    }
}

impl Availability for Left<'_> {
    fn stock(&self, sku: &Sku, owner: &OwnerId) -> &[StockRow] {
        let found = self.rows.iter().find(|(known, of, _)| known == sku && of == owner);
        found.map_or(&[], |(_, _, rows)| rows)
    }
    fn item(&self, sku: &Sku) -> ItemFacts {
        self.inner.item(sku)
    }
    fn class(&self, sku: &Sku) -> Option<&str> {
        self.inner.class(sku)
    }
    fn version(&self) -> u64 {
        self.inner.version()
    }
}

/// What the rules leave of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All of it.
    Whole,
    /// So much.
    Less(Quantity),
    /// Nothing: all of it is kept back.
    Buffered,
    /// Nothing: the node does not serve the case.
    NotServed,
}

/// The rules that matter for one SKU of one owner.
pub(crate) struct Sieve<'a> {
    case: &'a Case<'a>,
    /// Units that the asker has reserved itself: no buffer is taken of them.
    own: Vec<&'a Claim>,
    /// Units of it are fetched there: a pickup names its node, so who serves does not matter there.
    fetched_at: Vec<NodeIx>,
    serves: Vec<(Chosen<'a>, bool)>,
    buffers: Vec<(Chosen<'a>, u64, u8)>,
}

/// A set of nodes with its names resolved.
struct Chosen<'a> {
    set: &'a NodeSet,
    /// Ascending.
    named: Vec<NodeIx>,
}

impl<'a> Sieve<'a> {
    pub(crate) fn new(
        case: &'a Case<'a>,
        stock: &dyn Availability,
        sku: &Sku,
        owner: &OwnerId,
        given_up: &[FallbackStep],
    ) -> Self {
        let scale = 10u64.pow(u32::from(stock.item(sku).scale()));
        let class = stock.class(sku);
        let (serves, buffers) = (&case.rules.serves, &case.rules.buffers);
        let channel = case.request.channel.as_ref();
        let fits_serve =
            |rule: &&ServeRule| rule.when.fits_order(channel, case.zone) && rule.when.fits_class(class);
        let fits_buffer =
            |rule: &&Buffer| rule.when.fits_order(channel, case.zone) && rule.when.fits_class(class);
        let any_node = given_up.contains(&FallbackStep::AnyNode);
        let no_buffers = given_up.contains(&FallbackStep::UseBuffers);
        let of_this = case.request.lines.iter().filter(|line| line.sku == *sku && line.owner == *owner);
        let fetched = of_this.filter_map(|line| match &line.delivery {
            Delivery::Pickup(node) => case.network.node_index(node),
            Delivery::Ship => None,
        });
        Self {
            own: case.request.own.iter().filter(|own| own.sku == *sku && own.owner == *owner).collect(),
            fetched_at: fetched.collect(),
            serves: serves
                .iter()
                .filter(|_| !any_node)
                .filter(fits_serve)
                .map(|rule| (Chosen::new(case, &rule.nodes), rule.serves))
                .collect(),
            buffers: buffers
                .iter()
                .filter(|_| !no_buffers)
                .filter(fits_buffer)
                .map(|rule| {
                    let units = rule.keep_units.saturating_mul(scale);
                    (Chosen::new(case, &rule.nodes), units, rule.keep_percent)
                })
                .collect(),
            case,
        }
    }

    pub(crate) fn keeps(&self, row: &StockRow) -> Kept {
        let Some(site) = self.case.network.site(row.node) else { return Kept::Whole };
        let kind = site.record.kind;
        let decided = self.serves.iter().find(|(chosen, _)| chosen.holds(row.node, kind));
        if decided.is_some_and(|(_, serves)| !serves) && !self.fetched_at.contains(&row.node) {
            return Kept::NotServed;
        }
        let own: u64 = self.own.iter().filter(|c| c.node == site.record.id).map(|c| c.quantity.units()).sum();
        let others = row.available.units().saturating_sub(own);
        let matching = self.buffers.iter().filter(|(chosen, _, _)| chosen.holds(row.node, kind));
        let keeps = |(_, units, percent): &(Chosen<'_>, u64, u8)| {
            let share = u128::from(others) * u128::from(*percent);
            (*units).max(u64::try_from(share.div_ceil(100)).unwrap_or(u64::MAX))
        };
        let kept_back = matching.map(keeps).max().unwrap_or(0).min(others);
        match row.available.units() - kept_back {
            _ if kept_back == 0 => Kept::Whole,
            0 => Kept::Buffered,
            left => Kept::Less(Quantity::of(left)),
        }
    }
}

impl<'a> Chosen<'a> {
    fn new(case: &Case<'_>, set: &'a NodeSet) -> Self {
        let mut named: Vec<NodeIx> = set.nodes.iter().filter_map(|id| case.network.node_index(id)).collect();
        named.sort_unstable();
        Self { set, named }
    }
    fn holds(&self, node: NodeIx, kind: waybill_types::network::NodeKind) -> bool {
        self.set.kinds.is_empty() && self.set.nodes.is_empty()
            || self.set.kinds.contains(&kind)
            || self.named.binary_search(&node).is_ok()
    }
}
