//! Random small worlds from a seed, and every plan there is for them: the referee of the planner. It has its own
//! arithmetic of costs, written from the documents and not from the planner.

pub(crate) use super::dice::Dice;
use super::{World, at, card_id, collect, pin, rate, request, ship};
use waybill_sourcing::ItemFacts;
use waybill_types::exchange::{Delivery, Plan, PlanRequest};
use waybill_types::network::{Completeness, KindCost, LaneCost, NodeKind};

/// What may occur in a random world besides nodes, lanes and stock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spice {
    pub(crate) pins: bool,
    pub(crate) pickups: bool,
    pub(crate) no_split: bool,
    pub(crate) scales: bool,
    pub(crate) few_shipments: bool,
    pub(crate) exclusions: bool,
    /// All nodes and lanes cost the same, so that only ties decide.
    pub(crate) ties: bool,
    /// The policy prices units, keeps lines together and has orders sent complete.
    pub(crate) terms: bool,
}

impl Spice {
    pub(crate) const ALL: Spice = Spice {
        pins: true,
        pickups: true,
        no_split: true,
        scales: true,
        few_shipments: true,
        exclusions: true,
        ties: false,
        terms: false,
    };
}

const NODES: [&str; 5] = ["n0", "n1", "n2", "n3", "n4"];
const SKUS: [&str; 3] = ["A", "B", "C"];

/// A world of at most 4 nodes (and a fifth without lanes), 3 SKUs and 3 lines of at most 3 units, with a request.
pub(crate) fn world(seed: u64, spice: Spice) -> (World, PlanRequest) {
    let dice = &mut Dice(seed);
    let mut world = World::new();
    world.zone("berlin", &["1"]);
    world.card("steps", &[(Some(500), 300, 0), (Some(2_000), 450, 20), (Some(5_000), 900, 0)]);
    let nodes = 2 + dice.below(3) as usize;
    for id in &NODES[..nodes] {
        add_node(&mut world, dice, id, spice);
    }
    world.node(NODES[4], NodeKind::Store, "UTC");
    for idle in 0..if spice.ties { 40 } else { 0 } {
        // Many nodes and little stock: the planner then goes another way through its tables.
        world.node(&format!("idle{idle}"), NodeKind::Store, "UTC");
    }
    policy(&mut world, dice, spice);
    for sku in SKUS {
        let scale = if spice.scales && dice.percent(30) { 3 } else { 0 };
        let facts = ItemFacts::new([0, 150, 400, 1_300][dice.below(4) as usize], scale).unwrap();
        let whole = spice.no_split && dice.percent(35);
        world.item(sku, if whole { facts.unsplittable() } else { facts });
        for id in NODES[..nodes].iter().chain(&NODES[4..]) {
            if dice.percent(65) {
                world.has(id, sku, 1 + dice.below(3));
            }
        }
    }
    if spice.terms {
        super::terms::add(&mut world, dice);
    }
    let request = random_request(dice, nodes, spice);
    (world, request)
}

fn add_node(world: &mut World, dice: &mut Dice, id: &str, spice: Spice) {
    let kind = NodeKind::Store;
    let node = world.node(id, if dice.percent(50) { kind } else { NodeKind::CentralWarehouse }, "UTC");
    if spice.ties {
        node.kind = kind;
    }
    let cost_below =
        |dice: &mut Dice, bound: u64| super::euro(if spice.ties { 7 } else { dice.below(bound) as i64 });
    node.handling_cost = Some(cost_below(dice, 150));
    node.unit_handling_cost = Some(cost_below(dice, 40));
    for service in ["fast", "slow"] {
        if service == "slow" && dice.percent(40) {
            continue;
        }
        if spice.ties {
            world.lane(id, "berlin", service, 300, 0);
            continue;
        }
        let (base, per_kg) = (dice.below(500) as i64, dice.below(200) as i64);
        let lane = world.lane(id, "berlin", service, base, per_kg);
        lane.transit_days = 1 + dice.below(4) as u16;
        lane.cost = match dice.below(4) {
            0 => LaneCost::Card(card_id("steps")),
            1 => LaneCost::Own(rate(base, 0)),
            _ => LaneCost::Own(rate(base, per_kg)),
        };
    }
}

fn policy(world: &mut World, dice: &mut Dice, spice: Spice) {
    let policy = &mut world.policy.policy;
    policy.split_penalty_minor = dice.below(300) as i64;
    policy.lateness_cost_minor_per_day = dice.below(60) as i64;
    policy.backorder_cost_minor = if dice.percent(80) { 100_000 } else { dice.below(400) as i64 };
    policy.shipments_max = if spice.few_shipments { 1 + dice.below(4) as u16 } else { 16 };
    if dice.percent(40) {
        let minor = dice.below(1_200) as i64 - 800;
        policy.kind_costs = vec![KindCost { kind: NodeKind::Store, minor }];
    }
}

fn random_request(dice: &mut Dice, nodes: usize, spice: Spice) -> PlanRequest {
    let mut lines = Vec::new();
    for number in 1..=1 + dice.below(3) as u16 {
        let (sku, units) = (SKUS[dice.below(3) as usize], 1 + dice.below(3));
        let line = if spice.pickups && dice.percent(25) {
            collect(number, sku, units, NODES[dice.below(nodes as u64) as usize])
        } else {
            ship(number, sku, units)
        };
        lines.push(line);
    }
    let mut request = request(at("UTC", "2026-06-01", 0, 0, 0), lines);
    while spice.pins && dice.percent(50) && request.pinned.len() < 3 {
        let node = NODES[dice.below(nodes as u64) as usize];
        let claim = pin(node, SKUS[dice.below(3) as usize], 1 + dice.below(2));
        if !request.pinned.iter().any(|other| other.node == claim.node && other.sku == claim.sku) {
            request.pinned.push(claim);
        }
    }
    if spice.exclusions && dice.percent(30) {
        request.excluded.push(super::node_id(NODES[dice.below(nodes as u64) as usize]));
    }
    request
}

/// The best of all plans for a world without pickups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Optimum {
    /// Least number of thousandths of whole units left out.
    pub(crate) missing: u64,
    /// Least cost among the plans that leave out so few.
    pub(crate) cost: i64,
    /// Least cost of any plan.
    pub(crate) cost_of_any: i64,
}

/// Goes through every way to give each line's units to nodes.
pub(crate) fn optimum(world: &World, request: &PlanRequest) -> Optimum {
    assert!(request.lines.iter().all(|line| line.delivery == Delivery::Ship));
    let nodes = world.nodes.len();
    let none = vec![vec![0; nodes]; request.lines.len()];
    let mut search = Exhaustive { world, request, pinned: none.clone(), given: none, best: None };
    search.pin();
    search.line(0);
    search.best.unwrap()
}

struct Exhaustive<'w> {
    world: &'w World,
    request: &'w PlanRequest,
    /// By line and node: units that are reserved there already.
    pinned: Vec<Vec<u64>>,
    /// By line and node: units beside those.
    given: Vec<Vec<u64>>,
    best: Option<Optimum>,
}

impl Exhaustive<'_> {
    /// Claims in ascending order serve lines by number; a claim at a node that cannot send counts for nothing.
    fn pin(&mut self) {
        let mut claims = self.request.pinned.clone();
        claims.sort();
        for claim in claims {
            let node = self.world.nodes.iter().position(|node| node.id == claim.node).unwrap();
            let mut rest = if self.sends(node) { claim.quantity.units() } else { 0 };
            for line in 0..self.request.lines.len() {
                if self.request.lines[line].sku == claim.sku {
                    let units = rest.min(self.asked(line));
                    self.pinned[line][node] += units;
                    rest -= units;
                }
            }
        }
    }

    /// Units of a line that are not pinned.
    fn asked(&self, line: usize) -> u64 {
        self.request.lines[line].quantity.units() - self.pinned[line].iter().sum::<u64>()
    }

    fn sends(&self, node: usize) -> bool {
        let id = &self.world.nodes[node].id;
        self.world.lanes.iter().any(|lane| lane.from == *id) && !self.request.excluded.contains(id)
    }

    fn units(&self, line: usize, node: usize) -> u64 {
        self.given[line][node] + self.pinned[line][node]
    }

    fn line(&mut self, line: usize) {
        match self.request.lines.get(line) {
            Some(_) => self.node(line, 0, self.asked(line)),
            None => self.judge(),
        }
    }

    fn node(&mut self, line: usize, node: usize, rest: u64) {
        if node == self.world.nodes.len() {
            let asked = self.asked(line);
            let split =
                self.given[line].iter().filter(|units| **units > 0).count() > 1 || (rest > 0 && rest < asked);
            if !(split && self.item(line).no_split()) {
                self.line(line + 1);
            }
            return;
        }
        for units in 0..=rest.min(self.free(line, node)) {
            self.given[line][node] = units;
            self.node(line, node + 1, rest - units);
        }
        self.given[line][node] = 0;
    }

    fn item(&self, line: usize) -> ItemFacts {
        let sku = self.request.lines[line].sku.as_str();
        self.world.items.iter().find(|(known, _)| known == sku).unwrap().1
    }

    fn free(&self, line: usize, node: usize) -> u64 {
        let (id, sku) = (self.world.nodes[node].id.as_str(), self.request.lines[line].sku.as_str());
        if !self.sends(node) {
            return 0;
        }
        let stock = self.world.stock.iter().filter(|(at, of, _)| at == id && of == sku).map(|(_, _, n)| n);
        let earlier = (0..line).filter(|other| self.request.lines[*other].sku.as_str() == sku);
        stock.sum::<u64>() - earlier.map(|other| self.given[other][node]).sum::<u64>()
    }

    fn judge(&mut self) {
        if !super::terms::kept_together(self.world, self.request, &self.given) {
            return;
        }
        let pinned = |node: &usize| self.pinned.iter().any(|line| line[*node] > 0);
        let serves = |node: &usize| self.given.iter().any(|line| line[*node] > 0) || pinned(node);
        let used: Vec<usize> = (0..self.world.nodes.len()).filter(serves).collect();
        let forced = used.iter().filter(|node| pinned(node)).count();
        let policy = &self.world.policy.policy;
        if used.len() > usize::from(policy.shipments_max).max(forced) {
            return;
        }
        let left = (0..self.given.len()).any(|line| self.given[line].iter().sum::<u64>() < self.asked(line));
        let parcels = match super::terms::completeness(policy) {
            Completeness::Apart => used.iter().map(|node| self.parcel(*node, None)).sum(),
            _ if used.is_empty() => Some(0),
            Completeness::OneNode if left || used.len() > 1 => None,
            Completeness::OneNode => self.parcel(used[0], None),
            Completeness::OneDay if left => None,
            Completeness::OneDay => {
                let on =
                    |day: u16| used.iter().map(|node| self.parcel(*node, Some(day))).sum::<Option<i64>>();
                (1..=4).filter_map(on).min()
            }
        };
        let Some(mut minor) = parcels else { return };
        minor += policy.split_penalty_minor * (used.len() as i64 - 1).max(0);
        let (mut missing, mut pick, mut price) = (0, 0, 0);
        for line in 0..self.given.len() {
            let thousandths = 1_000 / 10u64.pow(u32::from(self.item(line).scale()));
            missing += (self.asked(line) - self.given[line].iter().sum::<u64>()) * thousandths;
            for node in 0..self.world.nodes.len() {
                let each = self.world.nodes[node].unit_handling_cost.map_or(0, |cost| cost.minor);
                pick += (self.units(line, node) * thousandths) as i64 * each;
                let sku = self.request.lines[line].sku.as_str();
                let priced = super::terms::price(self.world, &self.world.nodes[node], sku);
                price += (self.units(line, node) * thousandths) as i64 * priced;
            }
        }
        minor += -(-price).div_euclid(1_000)
            + (pick + 999) / 1_000
            + (missing as i64 * policy.backorder_cost_minor + 999) / 1_000;
        let here = Optimum { missing, cost: minor, cost_of_any: minor };
        let best = self.best.get_or_insert(here);
        best.cost_of_any = best.cost_of_any.min(minor);
        if (missing, minor) < (best.missing, best.cost) {
            (best.missing, best.cost) = (missing, minor);
        }
    }

    /// The cheapest lane of a node for what it is given, with handling, kind and lateness; only those that arrive on a
    /// day, if one is named.
    fn parcel(&self, node: usize, day: Option<u16>) -> Option<i64> {
        let policy = &self.world.policy.policy;
        let facts = &self.world.nodes[node];
        let weight = |line: usize| {
            let item = self.item(line);
            self.units(line, node) * u64::from(item.weight_g()) * 1_000 / 10u64.pow(u32::from(item.scale()))
        };
        let milligrams: u64 = (0..self.given.len()).map(weight).sum();
        let lanes = self.world.lanes.iter().filter(|lane| lane.from == facts.id);
        let lanes = lanes.filter(|lane| day.is_none_or(|day| lane.transit_days == day));
        let cost = |lane: &waybill_types::network::Lane| {
            let carriage = match &lane.cost {
                LaneCost::Own(rate) => {
                    rate.base.minor
                        + rate.per_kg.map_or(0, |per_kg| per_kg.minor) * milligrams.div_ceil(1_000_000) as i64
                }
                LaneCost::Card(_) => steps_minor(milligrams),
            };
            carriage + policy.lateness_cost_minor_per_day * i64::from(lane.transit_days)
        };
        let kinds = policy.kind_costs.iter().filter(|cost| cost.kind == facts.kind).map(|cost| cost.minor);
        let besides = facts.handling_cost.map_or(0, |cost| cost.minor) + kinds.sum::<i64>();
        lanes.map(cost).min().map(|least| least + besides)
    }
}

/// The rate card `steps`, spelled out.
fn steps_minor(milligrams: u64) -> i64 {
    match milligrams {
        0..=500_000 => 300,
        500_001..=2_000_000 => 450 + 20 * milligrams.div_ceil(1_000_000) as i64,
        2_000_001..=5_000_000 => 900,
        _ => 900 + steps_minor_of_rest(milligrams - 5_000_000),
    }
}

fn steps_minor_of_rest(milligrams: u64) -> i64 {
    if milligrams == 0 { 0 } else { steps_minor(milligrams) }
}

/// Thousandths of whole units that a plan leaves out.
pub(crate) fn missing(world: &World, request: &PlanRequest, plan: &Plan) -> u64 {
    let thousandths = |line: u16| {
        let sku = request.lines.iter().find(|l| l.line.0 == line).unwrap().sku.as_str();
        let item = world.items.iter().find(|(known, _)| known == sku).unwrap().1;
        1_000 / 10u64.pow(u32::from(item.scale()))
    };
    plan.unplanned.iter().map(|u| u.quantity.units() * thousandths(u.line.0)).sum()
}
