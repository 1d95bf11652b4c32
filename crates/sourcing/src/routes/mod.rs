//! Ways through the network over several lanes: from any node to a zone or a node by a deadline. It knows lanes,
//! calendars and rates, and nothing of stock, orders or the time of the question.

mod backwards;
mod cache;
mod direct;
mod journey;
mod search;
mod supply;
mod weight;

pub use cache::RouteCounts;
pub use direct::{Direct, DirectLane};
pub use journey::{Journey, Leg};
pub use supply::{CandidateDay, Merge, ReadyDay, TransferSource};
pub use weight::WeightClass;

pub(crate) use cache::RouteCache;

use crate::interner::NodeIx;
use crate::network::{Network, ZoneIx};
use std::sync::Arc;
use waybill_types::network::Lane;
use waybill_types::{NodeId, Timestamp, ZoneId};

/// The label ends here: the goods need no other.
pub(crate) const NO_LABEL: u32 = u32::MAX;
/// The goods are there already.
pub(crate) const NO_WAY: u32 = u32::MAX;

/// Where routes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RouteEnd {
    Node(NodeIx),
    Zone(ZoneIx),
}

/// What one search is for: its answer follows from this and the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RouteQuestion {
    pub(crate) end: RouteEnd,
    pub(crate) deadline: Timestamp,
    pub(crate) class: WeightClass,
}

/// A way from a node to the end of its [`Routes`], at a cost, for goods that are ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    latest_ready: Timestamp,
    cost_minor: i64,
    node: NodeIx,
    way: u32,
    next: u32,
    legs: u16,
}

impl Label {
    /// Goods that become ready at the node after this instant miss the deadline by this way; all others make it.
    #[must_use]
    pub const fn latest_ready(&self) -> Timestamp {
        self.latest_ready
    }
    /// What the lanes charge in minor units for one parcel of the heaviest load of the weight class.
    #[must_use]
    pub const fn cost_minor(&self) -> i64 {
        self.cost_minor
    }
    /// Where it begins.
    #[must_use]
    pub const fn node(&self) -> NodeIx {
        self.node
    }
    /// How many lanes it takes; 0 at the end itself.
    #[must_use]
    pub const fn legs(&self) -> u16 {
        self.legs
    }
}

/// All ways to one end by one deadline that are worth taking: per node, none of its labels is both as late and as cheap
/// as another.
#[derive(Debug)]
pub struct Routes {
    question: RouteQuestion,
    version: u64,
    labels: Vec<Label>,
    /// By node: where its labels begin in `of_node`, and where the last ends.
    begins: Vec<u32>,
    of_node: Vec<u32>,
    cut_short: bool,
}

impl Routes {
    fn of(network: &Network, question: RouteQuestion, labels: Vec<Label>, cut_short: bool) -> Self {
        let mut begins = vec![0u32; network.node_count() + 1];
        for label in &labels {
            begins[label.node.index() + 1] += 1;
        }
        for node in 1..begins.len() {
            begins[node] += begins[node - 1];
        }
        let (mut places, mut of_node) = (begins.clone(), vec![0u32; labels.len()]);
        for (number, label) in labels.iter().enumerate() {
            let place = &mut places[label.node.index()];
            of_node[*place as usize] = number as u32;
            *place += 1;
        }
        Self { question, version: network.version(), labels, begins, of_node, cut_short }
    }

    /// By when goods are there.
    #[must_use]
    pub const fn deadline(&self) -> Timestamp {
        self.question.deadline
    }
    /// Which loads they are costed for.
    #[must_use]
    pub const fn class(&self) -> WeightClass {
        self.question.class
    }
    /// True when the search stopped at its bound: cheaper and slower ways may be missing, the others are right.
    #[must_use]
    pub const fn cut_short(&self) -> bool {
        self.cut_short
    }
    /// The ways from a node: the one that leaves most time first, each later one cheaper.
    pub fn from(&self, node: NodeIx) -> impl DoubleEndedIterator<Item = &Label> {
        let begin = self.begins.get(node.index()).map_or(0, |begin| *begin as usize);
        let end = self.begins.get(node.index() + 1).map_or(begin, |end| *end as usize);
        self.of_node[begin..end].iter().map(|number| &self.labels[*number as usize])
    }
    /// The cheapest way for goods that become ready at the node at `ready`; `None` when all are missed.
    #[must_use]
    pub fn cheapest(&self, node: NodeIx, ready: Timestamp) -> Option<&Label> {
        self.from(node).rev().find(|label| ready <= label.latest_ready)
    }
    /// All ways from all nodes, the one that leaves most time first.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }
    /// The numbers of the lanes that a label takes, in the order in which goods take them.
    pub(crate) fn ways(&self, label: &Label) -> Vec<u32> {
        let mut ways = Vec::with_capacity(usize::from(label.legs));
        let mut at = Some(label);
        while let Some(label) = at {
            if label.way != NO_WAY {
                ways.push(label.way);
            }
            at = self.labels.get(label.next as usize);
        }
        ways
    }
    pub(crate) fn end(&self) -> RouteEnd {
        self.question.end
    }
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.labels.len() * (size_of::<Label>() + size_of::<u32>())
            + self.begins.len() * size_of::<u32>()
    }
}

impl Network {
    /// The ways from all nodes to addresses in a zone such that what is promised lies at or before `deadline`, at the
    /// cost of one parcel of the class. `None` when the zone is not known. They do not depend on the time of the
    /// question, and are kept for the next one who asks, within a bound.
    #[must_use]
    pub fn routes_to_zone(
        &self,
        zone: &ZoneId,
        deadline: Timestamp,
        class: WeightClass,
    ) -> Option<Arc<Routes>> {
        let end = RouteEnd::Zone(self.zone_number(zone)?);
        Some(self.routes(RouteQuestion { end, deadline, class }))
    }

    /// The ways from all nodes to a node such that goods are there, and the node open, at or before `deadline`. `None`
    /// when the node is not known; without any label when it takes no work.
    #[must_use]
    pub fn routes_to_node(
        &self,
        node: &NodeId,
        deadline: Timestamp,
        class: WeightClass,
    ) -> Option<Arc<Routes>> {
        let end = RouteEnd::Node(self.node_index(node)?);
        Some(self.routes(RouteQuestion { end, deadline, class }))
    }

    pub(crate) fn routes(&self, question: RouteQuestion) -> Arc<Routes> {
        let deadline = Timestamp::from_ms(crate::civil::clamp_instant(question.deadline.as_ms()));
        let question = RouteQuestion { deadline, ..question };
        self.route_cache().get(question, || search::search(self, question))
    }

    /// How often searches were asked for and answered from memory, in this version.
    #[must_use]
    pub fn route_counts(&self) -> RouteCounts {
        self.route_cache().counts()
    }

    /// The lanes that a label takes, in the order in which goods take them.
    ///
    /// # Panics
    /// In debug builds, when `routes` were searched in another version of the network.
    #[must_use]
    pub fn lanes_of_route(&self, routes: &Routes, label: &Label) -> Vec<&Lane> {
        debug_assert_eq!(
            routes.version,
            self.version(),
            "routes belong to the network they were searched in"
        );
        routes.ways(label).into_iter().map(|way| &self.way(way).record).collect()
    }
}
