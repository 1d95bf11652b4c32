//! A retailer on a made-up map, its stock and its baskets: seeded, the same everywhere. Numbers only, as the kernel reads
//! them. The baskets follow published statistics of a general merchandise retailer: 46 % of baskets have one line, 23 %
//! two, 12 % three, the 95th percentile is 7; 83 % of lines ask for one unit; 1 % of SKUs make 32 % of lines, 10 % make
//! 72 %.

use crate::baskets::{popular, popularity, sampled_lines};
use crate::dice::Dice;
use waybill_sourcing::kernel::{Facility, Kind, Way};

/// Destinations; each has its vector of ways.
pub(crate) const ZONES: u64 = 50;
/// Costs are thousandths of a minor unit, so that grams times minor units per kilogram stay whole.
const MILLI: i64 = 1_000;

/// How stock is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regime {
    /// Broad: popular SKUs are nearly everywhere.
    Base,
    /// As base, with 30 % of central stock missing.
    Tight,
    /// Each SKU at two central warehouses only.
    Fragmented,
}

impl Regime {
    pub(crate) const ALL: [Regime; 3] = [Regime::Base, Regime::Tight, Regime::Fragmented];
}

/// Which baskets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// As the statistics say.
    Sampled,
    /// 1 to 12 lines, 4.4 in the mean.
    Full,
    /// So many lines, neither more nor less.
    Length(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NodeKind {
    Central,
    Local,
    Supplier,
    Store,
}

/// One line of a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BasketLine {
    pub(crate) sku: usize,
    pub(crate) quantity: u32,
}

/// A basket and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Basket {
    pub(crate) zone: usize,
    pub(crate) lines: Vec<BasketLine>,
}

/// The network: kinds of nodes, and for each zone the ways into it and how far the nodes are.
pub(crate) struct Town {
    pub(crate) kinds: Vec<NodeKind>,
    /// By zone: one way per node.
    pub(crate) ways: Vec<Vec<Way>>,
    /// By zone and node, in kilometres.
    pub(crate) km: Vec<Vec<i64>>,
    pub(crate) weights_g: Vec<i64>,
}

/// By SKU: nodes and units.
pub(crate) type Stock = Vec<Vec<(u32, u32)>>;

impl Town {
    /// `nodes` nodes in the proportions of 1,000 stores, 40 local and 6 central warehouses and 60 suppliers.
    pub(crate) fn generate(nodes: usize, skus: usize) -> Self {
        let kinds: Vec<NodeKind> = (0..nodes).map(|index| kind_of(index, nodes)).collect();
        // Places are clustered, as towns are: a centre and a little way from it.
        let centres: Vec<(i64, i64)> = (0..60).map(|index| place(3, index, (0, 0), 1_000)).collect();
        let places: Vec<(i64, i64)> = (0..nodes as u64)
            .map(|index| {
                let centre =
                    centres[(Dice::of(5, index).below(60) * Dice::of(6, index).below(60) / 60) as usize];
                place(4, index, centre, 60)
            })
            .collect();
        let zones = (0..ZONES).map(|zone| place(7, zone, centres[zone as usize], 40));
        let (mut ways, mut km) = (Vec::new(), Vec::new());
        for to in zones {
            let away: Vec<i64> =
                places.iter().map(|from| (from.0 - to.0).abs() + (from.1 - to.1).abs()).collect();
            let of_node = |(node, kind): (usize, &NodeKind)| way(node as u32, *kind, away[node]);
            ways.push(kinds.iter().enumerate().map(of_node).collect());
            km.push(away);
        }
        let weights_g = (0..skus as u64).map(|sku| 50 + Dice::of(8, sku).below(1_500) as i64).collect();
        Self { kinds, ways, km, weights_g }
    }

    pub(crate) fn stock(&self, regime: Regime) -> Stock {
        let nodes_of = |wanted: NodeKind| {
            self.kinds.iter().enumerate().filter(move |(_, kind)| **kind == wanted).map(|(node, _)| node)
        };
        let centrals: Vec<usize> = nodes_of(NodeKind::Central).collect();
        (0..self.weights_g.len())
            .map(|rank| {
                let dice = &mut Dice::of(1, rank as u64);
                let chosen = [0, 1].map(|_| centrals[dice.below(centrals.len() as u64) as usize]);
                let mut rows = Vec::new();
                for (node, kind) in self.kinds.iter().enumerate() {
                    let central = *kind == NodeKind::Central;
                    let holds = match regime {
                        Regime::Fragmented => chosen.contains(&node),
                        Regime::Base if central => dice.permille(950),
                        Regime::Tight if central => dice.permille(665),
                        Regime::Base | Regime::Tight => {
                            dice.permille(breadth_permille(*kind, rank, self.weights_g.len()))
                        }
                    };
                    let units = if central { 20 + dice.below(200) } else { 1 + dice.below(4) };
                    if holds {
                        rows.push((node as u32, units as u32));
                    }
                }
                rows
            })
            .collect()
    }

    pub(crate) fn basket(&self, stream: Stream, number: u64) -> Basket {
        let dice = &mut Dice::of(2, number);
        let count = match stream {
            Stream::Sampled => sampled_lines(dice),
            Stream::Full => full_lines(dice),
            Stream::Length(lines) => lines,
        };
        let mut lines: Vec<BasketLine> = Vec::with_capacity(count as usize);
        while lines.len() < count as usize {
            let sku = popular(dice, self.weights_g.len());
            let quantity = if dice.permille(830) { 1 } else { 2 + dice.below(3) as u32 };
            if lines.iter().all(|line| line.sku != sku) {
                lines.push(BasketLine { sku, quantity });
            }
        }
        Basket { zone: dice.below(ZONES) as usize, lines }
    }
}

fn place(purpose: u64, index: u64, around: (i64, i64), spread: u64) -> (i64, i64) {
    let dice = &mut Dice::of(purpose, index);
    (around.0 + dice.below(spread) as i64, around.1 + dice.below(spread) as i64)
}

fn kind_of(index: usize, nodes: usize) -> NodeKind {
    let centrals = (nodes * 6 / 1_106).max(2);
    let locals = nodes * 40 / 1_106;
    let suppliers = nodes * 60 / 1_106;
    match index {
        _ if index < centrals => NodeKind::Central,
        _ if index < centrals + locals => NodeKind::Local,
        _ if index < centrals + locals + suppliers => NodeKind::Supplier,
        _ => NodeKind::Store,
    }
}

/// The parcel by distance, handling, the kind of node, a split penalty of 2.00, a promised day later at 0.50.
fn way(node: u32, kind: NodeKind, km: i64) -> Way {
    let (handling, pick, on_top, days) = match kind {
        NodeKind::Store => (150, 60, 100, 0),
        NodeKind::Local => (80, 30, 0, 0),
        NodeKind::Central => (50, 20, 0, 0),
        NodeKind::Supplier => (120, 40, 300, 2),
    };
    let tier = km / 150;
    let day = 1 + tier / 2 + days;
    let jitter = Dice::of(9, u64::from(node)).below(40) as i64;
    Way {
        facility: Facility {
            id: node,
            node,
            fixed: (390 + 45 * tier + jitter + handling + on_top + 200 + 50 * day) * MILLI,
            day: day as u32,
            kind: Kind::Ship,
            barred: 0,
        },
        per_weight: 40 + 5 * tier,
        per_unit: pick * MILLI,
    }
}

fn breadth_permille(kind: NodeKind, rank: usize, skus: usize) -> u64 {
    let popularity = popularity(rank, skus);
    match kind {
        NodeKind::Store => [100, 150, 500, 850][popularity],
        NodeKind::Local => [200, 300, 700, 950][popularity],
        NodeKind::Central => 950,
        NodeKind::Supplier => 30,
    }
}

fn full_lines(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..22 => 1,
        22..38 => 2,
        38..51 => 3,
        51..61 => 4,
        61..70 => 5,
        70..77 => 6,
        77..83 => 7,
        83..88 => 8,
        _ => 9 + dice.below(4),
    }
}
