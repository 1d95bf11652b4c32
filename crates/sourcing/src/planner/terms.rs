//! What the policy's terms make of a question: prices of units at nodes, lines that stay together, orders that are sent
//! complete. It knows the rules that hold for this question and no plan.

use crate::interner::NodeIx;
use crate::network::Site;
use crate::planner::cost::{per_unit_micro, scale_factor, times, unit_weight_mg};
use crate::planner::demand::{Demand, Demands, Stock};
use crate::planner::question::Question;
use waybill_types::network::{Completeness, LocalDay, Policy, Terms, UnitPrice};

/// Prices of one unit at one node are never further from nothing than this, however many rules add up.
pub(crate) const PRICE_MAX: i64 = 1_000_000_000;

/// A price that may hold for an item, with its nodes resolved.
pub(crate) struct Price<'q> {
    rule: &'q UnitPrice,
    /// Ascending.
    named: Vec<NodeIx>,
}

fn terms_of(policy: &Policy) -> Option<&Terms> {
    policy.rules.as_ref()?.terms.as_deref()
}

impl<'q> Question<'q> {
    /// What the parcels of this order must have in common.
    pub(crate) fn completeness(&self) -> Completeness {
        let rule = terms_of(self.policy).and_then(|terms| terms.complete.first());
        rule.map_or(Completeness::Apart, |rule| rule.how)
    }

    /// The prices that may hold for an item.
    pub(crate) fn prices_of(&self, sku: &waybill_types::Sku) -> Vec<Price<'q>> {
        let Some(terms) = terms_of(self.policy) else { return Vec::new() };
        let class = self.stock.class(sku);
        let holds = |rule: &&UnitPrice| {
            (rule.skus.is_empty() || rule.skus.contains(sku)) && rule.when.fits_class(class)
        };
        let resolved = |rule: &'q UnitPrice| {
            let mut named: Vec<NodeIx> =
                rule.nodes.nodes.iter().filter_map(|id| self.network.node_index(id)).collect();
            named.sort_unstable();
            Price { rule, named }
        };
        terms.prices.iter().filter(holds).map(resolved).collect()
    }

    /// What a whole unit of the stock costs on top at a node, in minor units.
    pub(crate) fn price_minor(&self, stock: &Stock<'_>, node: NodeIx) -> i64 {
        if stock.prices.is_empty() {
            return 0;
        }
        let Some(site) = self.network.site(node) else { return 0 };
        price_at(&stock.prices, (node, site), || self.ready_day(site))
    }

    /// The rule by which lines of an item stay with others; `None` where they need not.
    pub(crate) fn together(&self, sku: &waybill_types::Sku) -> Option<usize> {
        let terms = terms_of(self.policy).filter(|terms| !terms.together.is_empty())?;
        let class = self.stock.class(sku)?;
        terms.together.iter().position(|rule| rule.when.fits_class(Some(class)))
    }

    /// The local day on which a node has the goods ready.
    fn ready_day(&self, site: &Site) -> Option<LocalDay> {
        let ready_ms = self.dates.ready_ms(site)?;
        Some(self.dates.local(site.clock, ready_ms).0)
    }
}

/// What a whole unit costs on top at a node that has it ready on a day, in minor units.
pub(crate) fn price_at(
    prices: &[Price<'_>],
    (node, site): (NodeIx, &Site),
    ready_day: impl FnOnce() -> Option<LocalDay>,
) -> i64 {
    let (mut day, mut ready_day) = (None, Some(ready_day));
    let mut holds = |price: &&Price<'_>| {
        let rule = price.rule;
        let everywhere = rule.nodes.kinds.is_empty() && rule.nodes.nodes.is_empty();
        let here = everywhere
            || rule.nodes.kinds.contains(&site.record.kind)
            || price.named.binary_search(&node).is_ok();
        let always = rule.from_day.is_none() && rule.until_day.is_none();
        here && (always || {
            day = ready_day.take().map_or(day, |ready_day| ready_day());
            day.is_some_and(|ready| rule.holds_on(ready))
        })
    };
    let sum: i64 = prices.iter().filter(|price| holds(price)).map(|price| price.rule.minor).sum();
    sum.clamp(-PRICE_MAX, PRICE_MAX)
}

impl<'q> Demands<'q> {
    /// Makes one demand of all that stays together: it asks for one unit, which is all of its pieces.
    pub(crate) fn join(&mut self, question: &Question<'q>) {
        if terms_of(question.policy).is_none_or(|terms| terms.together.is_empty()) {
            return;
        }
        let rule_of = |demand: &Demand| question.together(self.stocks[demand.stock].sku);
        let rules: Vec<Option<usize>> = self.shipped.iter().map(rule_of).collect();
        let mut joined: Vec<(usize, usize)> = Vec::new();
        let mut kept: Vec<Demand> = Vec::with_capacity(self.shipped.len());
        for (demand, rule) in std::mem::take(&mut self.shipped).into_iter().zip(rules) {
            let known = rule.and_then(|rule| joined.iter().find(|(other, _)| *other == rule));
            match (rule, known) {
                (None, _) => kept.push(demand),
                (Some(rule), None) => {
                    joined.push((rule, kept.len()));
                    let pieces = vec![(demand.stock, demand.units)];
                    kept.push(Demand { units: 1, pieces, ..demand });
                }
                (Some(_), Some((_, at))) => kept[*at].take_in(demand),
            }
        }
        self.shipped = kept;
    }

    /// The nodes that have all pieces of a demand that is joined, each with the one unit it asks. None for any other.
    pub(crate) fn joined_rows(&self, demand: &Demand) -> Vec<(NodeIx, u64)> {
        if demand.pieces.is_empty() {
            return Vec::new();
        }
        let first = &self.stocks[demand.stock];
        let all_there = |node: NodeIx| {
            demand.pieces.iter().all(|(stock, units)| self.stocks[*stock].free_at(node) >= *units)
        };
        first.rows.iter().filter(|row| all_there(row.node)).map(|row| (row.node, 1)).collect()
    }

    /// What one unit of a demand is made of: stocks, and units of each at their scales.
    pub(crate) fn makeup<'d>(&'d self, demand: &'d Demand) -> impl Iterator<Item = (&'d Stock<'q>, u64)> {
        let alone = demand.pieces.is_empty().then_some((demand.stock, 1));
        demand.pieces.iter().copied().chain(alone).map(|(stock, units)| (&self.stocks[stock], units))
    }

    /// The weight of one unit of a demand in milligrams.
    pub(crate) fn unit_mg(&self, demand: &Demand) -> u64 {
        let mg = self.makeup(demand).map(|(stock, units)| units.saturating_mul(unit_weight_mg(stock.item)));
        mg.fold(0u64, u64::saturating_add)
    }

    /// An amount per whole unit of each piece, for one unit of the demand.
    pub(crate) fn unit_micro(&self, demand: &Demand, mut minor: impl FnMut(&Stock<'q>) -> i64) -> i64 {
        let micro =
            self.makeup(demand).map(|(stock, units)| times(units, per_unit_micro(stock.item, minor(stock))));
        clamped(micro.sum())
    }

    /// How much one unit of a demand counts: the finest scale's units in it.
    pub(crate) fn measure(&self, demand: &Demand, finest: i64) -> u64 {
        let each = |(stock, units): (&Stock<'_>, u64)| {
            units.saturating_mul((finest / scale_factor(stock.item)) as u64)
        };
        self.makeup(demand).map(each).fold(0u64, u64::saturating_add)
    }
}

/// Costs beyond all sense stay beyond all sense; none of them is ever the better for it.
pub(crate) fn clamped(micro: i128) -> i64 {
    const MOST: i64 = i64::MAX / 8;
    micro.clamp(i128::from(-MOST), i128::from(MOST)) as i64
}

impl Demand {
    /// Joins what another demand asks.
    fn take_in(&mut self, other: Demand) {
        match self.pieces.iter_mut().find(|(stock, _)| *stock == other.stock) {
            Some((_, units)) => *units += other.units,
            None => self.pieces.push((other.stock, other.units)),
        }
        self.lines.extend(other.lines);
        self.lines.sort_unstable();
    }
}
