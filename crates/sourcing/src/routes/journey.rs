//! A route gone forwards: when goods that are ready at an instant leave and arrive on each of its lanes. It knows one
//! route at a time, and no costs.

use crate::dates::DateBook;
use crate::network::Network;
use crate::routes::{Label, RouteEnd, Routes};
use waybill_types::exchange::PromiseWindow;
use waybill_types::network::{LaneEnd, LaneId, LocalDay};
use waybill_types::{NodeId, Timestamp};

/// One lane of a journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which lane.
    pub lane: LaneId,
    /// Where it begins.
    pub from: NodeId,
    /// From when the goods wait for it.
    pub ready: Timestamp,
    /// When they leave.
    pub leaves: Timestamp,
    /// The begin node's local day of that.
    pub leaves_day: LocalDay,
    /// When they are there: taken in at the node at which the lane ends, or at the address at the latest.
    pub arrives: Timestamp,
}

/// What becomes of goods that are ready at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Lane after lane; none when the goods are where they are wanted.
    pub legs: Vec<Leg>,
    /// What can be promised: to an address as its lane delivers, at a node from when the goods are there and it is open.
    pub promise: PromiseWindow,
}

impl Network {
    /// Goes along a label with goods that are ready at its node at `ready`. `None` when a node or carrier on the way is
    /// closed for good. Whoever is ready by the label's latest instant arrives by the deadline of the routes.
    ///
    /// # Panics
    /// In debug builds, when `routes` were searched in another version of the network.
    #[must_use]
    pub fn journey(&self, routes: &Routes, label: &Label, ready: Timestamp) -> Option<Journey> {
        debug_assert_eq!(
            routes.version,
            self.version(),
            "routes belong to the network they were searched in"
        );
        let book = DateBook::around(self, ready.as_ms());
        let mut ready_ms = crate::civil::clamp_instant(ready.as_ms());
        let mut legs = Vec::with_capacity(usize::from(label.legs));
        let mut promise = None;
        for number in routes.ways(label) {
            let way = self.way(number);
            let begin = self.site(self.node_index(&way.record.from)?)?;
            let leaving = book.leaving(begin, way, ready_ms)?;
            let arrives_ms = match &way.record.to {
                LaneEnd::Node(end) => {
                    let end = self.site(self.node_index(end)?)?;
                    let door_ms = book.at_the_door_ms(way, leaving.at_ms)?;
                    book.next_open(end.clock, &end.hours, door_ms)?.at_ms
                }
                LaneEnd::Zone(_) => {
                    let day = book.arrival_day(way, leaving)?;
                    promise = Some(book.window(way, leaving, day));
                    book.window_ms(way, leaving.at_ms, day).1
                }
            };
            legs.push(Leg {
                lane: way.record.id.clone(),
                from: way.record.from.clone(),
                ready: Timestamp::from_ms(ready_ms),
                leaves: Timestamp::from_ms(leaving.at_ms),
                leaves_day: leaving.day,
                arrives: Timestamp::from_ms(arrives_ms),
            });
            ready_ms = arrives_ms;
        }
        if let RouteEnd::Node(end) = routes.end() {
            let end = self.site(end)?;
            let open = Timestamp::from_ms(book.next_open(end.clock, &end.hours, ready_ms)?.at_ms);
            promise = Some(PromiseWindow { earliest: open, latest: open });
        }
        Some(Journey { legs, promise: promise? })
    }
}
