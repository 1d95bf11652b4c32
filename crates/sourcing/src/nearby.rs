//! Nodes near a place that have something to hand over: by distance, with what they have and from when it can be
//! collected. It knows points, hours and stock, and no lanes, costs or plans.

use crate::dates::DateBook;
use crate::geo;
use crate::interner::NodeIx;
use crate::mirror::Availability;
use crate::network::Network;
use waybill_types::exchange::Destination;
use waybill_types::{GeoPoint, NodeId, OwnerId, Quantity, Sku, Timestamp};

/// What is looked for near a place.
#[derive(Clone, Debug)]
pub struct NearbyQuestion<'q> {
    /// Around which place: its point, or else its zone or the nodes with its postal code.
    pub around: &'q Destination,
    /// What, whose, and how many units; a node must have all of it. Nothing is any node that hands over.
    pub basket: &'q [(Sku, OwnerId, Quantity)],
    /// The time of the question.
    pub now: Timestamp,
    /// No farther than this, in metres.
    pub within_m: u64,
    /// At most so many, the nearest.
    pub nodes_max: usize,
    /// Only nodes that are open now.
    pub open_now: bool,
    /// Only nodes at which it can be collected by then.
    pub ready_by: Option<Timestamp>,
}

/// A node near a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearby {
    /// Which.
    pub node: NodeId,
    /// Distance as the crow flies in metres, rounded up.
    pub distance_m: u64,
    /// What it has of each entry of the basket.
    pub available: Vec<Quantity>,
    /// It is open at the time of the question.
    pub open_now: bool,
    /// From when it can be collected if it is ordered now.
    pub ready: Timestamp,
}

/// The nodes that answer the question, the nearest first, by id at one distance; `None` when nothing tells where the
/// place is. Changes nothing and reads no clock.
#[must_use]
pub fn nearby(
    network: &Network,
    stock: &dyn Availability,
    question: &NearbyQuestion<'_>,
) -> Option<Vec<Nearby>> {
    let center = network.point_of(question.around)?;
    let mut near: Vec<(i128, u32, NodeIx)> = Vec::new();
    for node in holders(network, stock, question) {
        let Some(site) = network.site(node) else { continue };
        let Some(point) = site.record.point.filter(|_| site.takes_work() && site.record.can.pickup) else {
            continue;
        };
        if geo::within(center, point, question.within_m) {
            near.push((geo::haversine(center, point), site.rank, node));
        }
    }
    near.sort_unstable();
    let book = DateBook::new(network, question.now, question.now);
    let found = near.into_iter().filter_map(|(_, _, node)| {
        let site = network.site(node)?;
        let now_ms = crate::civil::clamp_instant(question.now.as_ms());
        let open_now =
            book.next_open(site.clock, &site.hours, now_ms).is_some_and(|open| open.at_ms == now_ms);
        let ready = Timestamp::from_ms(book.collectable(site)?.at_ms);
        let fits = (open_now || !question.open_now) && question.ready_by.is_none_or(|by| ready <= by);
        fits.then(|| Nearby {
            node: site.record.id.clone(),
            distance_m: site.record.point.map_or(0, |point| geo::distance_m(center, point)),
            available: question.basket.iter().map(|entry| has(stock, node, entry)).collect(),
            open_now,
            ready,
        })
    });
    Some(found.take(question.nodes_max).collect())
}

/// The nodes that have all of the basket.
fn holders(network: &Network, stock: &dyn Availability, question: &NearbyQuestion<'_>) -> Vec<NodeIx> {
    let enough = |node: NodeIx| question.basket.iter().all(|entry| has(stock, node, entry) >= entry.2);
    // The entry that fewest nodes have is looked through, the others are looked up.
    let rarest =
        question.basket.iter().map(|(sku, owner, _)| stock.stock(sku, owner)).min_by_key(|r| r.len());
    match rarest {
        Some(rows) => rows.iter().map(|row| row.node).filter(|node| enough(*node)).collect(),
        None => network.ranked().to_vec(),
    }
}

fn has(stock: &dyn Availability, node: NodeIx, (sku, owner, _): &(Sku, OwnerId, Quantity)) -> Quantity {
    let rows = stock.stock(sku, owner);
    let found = rows.binary_search_by_key(&node, |row| row.node);
    found.map_or(Quantity::ZERO, |place| rows[place].available)
}

impl Network {
    /// Where a destination is: its own point; or the middle of its zone's circle; or where the first node by id is among
    /// those in its country whose postal code begins most like its own. `None` when none of them tells.
    #[must_use]
    pub fn point_of(&self, destination: &Destination) -> Option<GeoPoint> {
        let circle = || self.zone(self.zone_index(destination)?).circle.map(|circle| circle.center);
        destination.point.or_else(circle).or_else(|| self.point_of_postal_code(destination))
    }

    fn point_of_postal_code(&self, destination: &Destination) -> Option<GeoPoint> {
        let code = destination.postal_code.as_ref()?;
        let mut best: Option<(usize, GeoPoint)> = None;
        for node in self.nodes() {
            let address = node.address.as_ref().filter(|address| address.country == destination.country);
            let theirs = address.and_then(|address| address.postal_code.as_ref());
            let Some((theirs, point)) = theirs.zip(node.point) else { continue };
            let alike =
                code.as_str().bytes().zip(theirs.as_str().bytes()).take_while(|(a, b)| a == b).count();
            if alike > best.map_or(0, |(most, _)| most) {
                best = Some((alike, point));
            }
        }
        best.map(|(_, point)| point)
    }
}
