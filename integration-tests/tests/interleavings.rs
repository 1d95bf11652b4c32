//! A customer who cancels, a node that picks and ships, and a deadline that passes: every order in which these and the
//! messages between the machines can happen is played on the real machines. Each unit ends cancelled or shipped, and stock,
//! money and events agree with what physically left. It refuses to know doors, disks and planners.

use std::collections::{BTreeMap, VecDeque};
use waybill_fulfillment::{Fulfillment, FulfillmentState, PickReport, Report, WorkState};
use waybill_inventory::{Condition, Inventory, Item, ItemFlags, ItemRow, Spot, Unit};
use waybill_machine::{Content, Context, Machine, Outbox, Position};
use waybill_orders::command::{Basket, Cancel, CancelLine, NewLine, Place, RecordPlan};
use waybill_orders::content::{Backorder, Mode, OrderAmounts};
use waybill_orders::units::Bucket;
use waybill_orders::{Answer, Note, Orders, What, order_money};
use waybill_types::exchange::{
    Assignment, Delivery, LineUnits, Message, Plan, PlanStamp, PromiseWindow, Step,
};
use waybill_types::network::{Capabilities, Node, NodeKind, TimeZoneName};
use waybill_types::{
    Attributes, Currency, ExternalNumber, FulfillmentOrderId, Layout, LineNo, NodeId, OrderId, Origin,
    OwnerId, PartitionId, Quantity, Service, ServiceId, Sku, Text, Timestamp,
};

const UNITS: u64 = 3;
const PRICE: i64 = 1_000;
/// How long the sound policy gives a node to answer a cancel.
const DEADLINE_MS: i64 = 900_000;

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn node() -> NodeId {
    NodeId::new("n1").unwrap()
}

fn spot() -> Spot {
    Spot { sku: Sku::new("A").unwrap(), owner: OwnerId::main(), node: node() }
}

/// One machine and what it has decided.
struct Seat<M: Machine> {
    id: PartitionId,
    state: M::State,
    events: Vec<M::Event>,
    notes: Vec<M::Note>,
}

impl<M: Machine> Seat<M> {
    fn new(service: Service) -> Self {
        let id = PartitionId::new(service, 0);
        Self { id, state: M::create(id, layout()), events: Vec::new(), notes: Vec::new() }
    }

    fn run(
        &mut self,
        command: &M::Command,
        at: Timestamp,
        wires: &mut Wires,
    ) -> Result<M::Answer, M::Refusal> {
        let origin = Origin::engine("");
        let position = Position { sequence: self.events.len() as u64 + 1, index: 0 };
        let cx = Context { at, origin: &origin, partition: self.id, layout: layout(), position };
        let decision = M::decide(&self.state, command, &cx)?;
        let mut out = Outbox::default();
        for event in decision.events {
            M::apply(&mut self.state, &event, &cx, &mut out);
            self.events.push(event);
        }
        self.notes.extend(out.notes);
        for (to, message) in out.messages {
            wires.entry((self.id, to)).or_default().push_back(message);
        }
        Ok(decision.answer)
    }

    fn audit(&self) {
        let found = M::audit(&self.state, &mut |_, _| {});
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// Messages under way, in order per pair.
type Wires = BTreeMap<(PartitionId, PartitionId), VecDeque<Message>>;

fn layout() -> Layout {
    Layout::even(1).unwrap()
}

struct World {
    orders: Seat<Orders>,
    inventory: Seat<Inventory>,
    fulfillment: Seat<Fulfillment>,
    wires: Wires,
    now: Timestamp,
    order: OrderId,
    work: FulfillmentOrderId,
    /// What the customer still has to say.
    wishes: VecDeque<Option<u64>>,
    /// What the node still does.
    deeds: VecDeque<Deed>,
    /// The deadline has not passed yet.
    time_left: bool,
    /// The node puts back what it is asked for.
    obliging: bool,
    /// Units that physically left.
    left: u64,
}

/// Who does what, in whatever order it falls.
struct Race {
    /// Units that the customer cancels, one cancel each; `None` is everything.
    wishes: Vec<Option<u64>>,
    /// What the node does.
    deeds: Vec<Deed>,
    /// The node's deadline passes somewhere along the way, too.
    time: bool,
    /// The node puts back what it is asked for.
    obliging: bool,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Confirms the pick of everything, as its first instruction has it.
    PickAsTold,
    /// Looks at the work as it is, and answers or goes on.
    GoOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Wish,
    Deed,
    Time,
    Deliver(PartitionId, PartitionId),
}

impl World {
    /// An order of three units, released to its node.
    fn new(race: &Race) -> Self {
        let order = OrderId::new(0, 1);
        let mut world = Self {
            orders: Seat::new(Service::Orders),
            inventory: Seat::new(Service::Inventory),
            fulfillment: Seat::new(Service::Fulfillment),
            wires: Wires::new(),
            now: Timestamp::from_ms(1_000_000),
            order,
            work: FulfillmentOrderId { order, number: 1, partition_index: 0 },
            wishes: race.wishes.iter().copied().collect(),
            deeds: race.deeds.iter().copied().collect(),
            time_left: race.time,
            obliging: race.obliging,
            left: 0,
        };
        world.stock_up();
        let placed = waybill_orders::Command::Place(Box::new(three_units()));
        world.orders.run(&placed, world.now, &mut world.wires).unwrap();
        world.settle();
        let (_, order) = world.orders.state.order(world.order).unwrap();
        assert_eq!(order.lines[0].buckets.get(Bucket::Released), Quantity::of(UNITS), "{order:?}");
        world
    }

    fn stock_up(&mut self) {
        let nodes = waybill_fulfillment::Command::UpsertNodes(vec![store()]);
        self.fulfillment.run(&nodes, self.now, &mut self.wires).unwrap();
        let items =
            waybill_inventory::Command::UpsertItems(vec![ItemRow { item: item(), expected_revision: None }]);
        self.inventory.run(&items, self.now, &mut self.wires).unwrap();
        let receive = waybill_inventory::Command::Receive {
            spot: spot(),
            condition: Condition::Sellable,
            quantity: Quantity::of(UNITS),
            reference: text(""),
        };
        self.inventory.run(&receive, self.now, &mut self.wires).unwrap();
    }

    /// What can happen next. Inventory has no part in the race: what it is told is delivered in the end.
    fn choices(&self) -> Vec<Choice> {
        let wires = self
            .wires
            .iter()
            .filter(|((_, to), queue)| to.service != Service::Inventory && !queue.is_empty());
        let mut found: Vec<Choice> = wires.map(|((from, to), _)| Choice::Deliver(*from, *to)).collect();
        found.extend((!self.wishes.is_empty()).then_some(Choice::Wish));
        found.extend((!self.deeds.is_empty()).then_some(Choice::Deed));
        found.extend(self.time_left.then_some(Choice::Time));
        found
    }

    fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Deliver(from, to) => self.deliver(from, to),
            Choice::Wish => {
                let Some(wish) = self.wishes.pop_front() else { return };
                self.cancel(wish);
            }
            Choice::Deed => match self.deeds.pop_front() {
                Some(Deed::PickAsTold) => {
                    let everything = pick(&[UNITS]);
                    // Refused as stale when a cancel came first.
                    let _ = self.report(2, everything);
                }
                Some(Deed::GoOn) => self.go_on(),
                None => {}
            },
            Choice::Time => {
                self.time_left = false;
                self.now = self.now.plus_ms(DEADLINE_MS);
                self.tick();
            }
        }
        self.orders.audit();
        self.fulfillment.audit();
    }

    fn tick(&mut self) {
        self.fulfillment.run(&Fulfillment::tick(), self.now, &mut self.wires).unwrap();
        self.orders.run(&Orders::tick(), self.now, &mut self.wires).unwrap();
    }

    fn deliver(&mut self, from: PartitionId, to: PartitionId) {
        let Some(message) = self.wires.get_mut(&(from, to)).and_then(VecDeque::pop_front) else { return };
        let (at, wires) = (self.now, &mut self.wires);
        match to.service {
            Service::Orders => drop(self.orders.run(&Orders::receive(from, message), at, wires).unwrap()),
            Service::Inventory => {
                drop(self.inventory.run(&Inventory::receive(from, message), at, wires).unwrap())
            }
            Service::Fulfillment => {
                drop(self.fulfillment.run(&Fulfillment::receive(from, message), at, wires).unwrap());
            }
            Service::Customers => panic!("nobody writes to customers"),
        }
    }

    /// Everything under way arrives.
    fn settle(&mut self) {
        loop {
            self.plan();
            let next = self.wires.iter().find(|(_, queue)| !queue.is_empty()).map(|(pair, _)| *pair);
            let Some((from, to)) = next else { return };
            self.deliver(from, to);
        }
    }

    /// The planner knows one node.
    fn plan(&mut self) {
        for note in std::mem::take(&mut self.orders.notes) {
            let Note::AskPlan(question) = note else { continue };
            let until = self.now.plus_ms(86_400_000);
            let assignment = |line: &waybill_types::exchange::PlanLine| Assignment {
                line: line.line,
                node: node(),
                quantity: line.quantity,
                service: Some(ServiceId::new("standard").unwrap()),
                ship_by: until,
                promise: PromiseWindow { earliest: until, latest: until },
                ship_day: None,
            };
            let plan = Plan {
                assignments: question.lines.iter().map(assignment).collect(),
                unplanned: Vec::new(),
                cost: Vec::new(),
                lower_bound_minor: 0,
                stamp: PlanStamp::default(),
            };
            let recorded = RecordPlan { order: question.order, attempt: question.attempt, outcome: Ok(plan) };
            let command = waybill_orders::Command::RecordPlan(recorded);
            self.orders.run(&command, self.now, &mut self.wires).unwrap();
        }
    }

    fn cancel(&mut self, count: Option<u64>) {
        let quantity = count.map(Quantity::of);
        let lines = vec![CancelLine { line: LineNo(1), quantity }];
        let cancel = Cancel { order: self.order, expected_revision: None, lines };
        let command = waybill_orders::Command::Cancel(cancel);
        let answer = self.orders.run(&command, self.now, &mut self.wires).unwrap();
        let Answer::Cancelled { lines, .. } = answer else { panic!("{answer:?}") };
        let told = lines[0].cancelled.plus(lines[0].asked_of_node).plus(lines[0].too_late);
        assert_eq!(told, lines[0].requested, "every unit asked for has an answer");
    }

    fn report(&mut self, revision: u64, report: Report) -> bool {
        let ships = matches!(report, Report::Ship { .. });
        let command = waybill_fulfillment::Command::Report { id: self.work, revision, report };
        let before = self.state();
        let taken = self.fulfillment.run(&command, self.now, &mut self.wires).is_ok();
        if ships && taken {
            self.left += before.in_hand().iter().map(|units| units.quantity.units()).sum::<u64>();
        }
        taken
    }

    fn state(&self) -> waybill_fulfillment::FulfillmentOrder {
        let state: &FulfillmentState = &self.fulfillment.state;
        (*state.fulfillment_order(&self.work).unwrap()).clone()
    }

    /// A careful node: it reads the work as it is, picks what is left to pick, answers what it is asked, ships the rest.
    fn go_on(&mut self) {
        let work = self.state();
        let (revision, live) = (work.revision, work.live().map(|units| units.units()).collect::<Vec<_>>());
        let done = match work.state {
            WorkState::Released => self.report(revision, pick(&live)),
            WorkState::Picked if !work.asks.is_empty() && self.obliging => {
                let stopped = work.asks.iter().flat_map(|ask| ask.units.clone());
                self.report(revision, Report::AnswerCancel { stopped: summed(stopped) })
            }
            WorkState::Picked => self.report(revision, ship()),
            _ => true,
        };
        assert!(done, "what is done on the work as it is, is taken");
    }

    /// All that is under way has arrived, all deadlines have passed and the node has finished.
    fn end(&mut self) {
        for _ in 0..3 {
            self.settle();
            self.now = self.now.plus_ms(DEADLINE_MS);
            self.tick();
            self.settle();
            self.go_on();
        }
        self.settle();
    }

    /// Stock, money and events agree on one outcome; says how many units were cancelled.
    fn judge(&self) -> u64 {
        let (opening, order) = self.orders.state.order(self.order).unwrap();
        let in_bucket = |bucket| order.lines[0].buckets.get(bucket).units();
        let (cancelled, shipped) = (in_bucket(Bucket::Cancelled), in_bucket(Bucket::Shipped));
        assert_eq!(cancelled + shipped, UNITS, "each unit is cancelled or shipped: {order:?}");
        assert_eq!(shipped, self.left, "what the order calls shipped has left");
        assert_eq!(order.recalls(), 0);
        assert_eq!(order.lines[0].cancel_requested, Quantity::ZERO);
        let position = waybill_inventory::read::position(&self.inventory.state, &spot()).unwrap().position;
        assert_eq!(position.sellable, Quantity::of(UNITS - shipped), "stock");
        assert_eq!(position.reserved, Quantity::ZERO, "nothing is reserved for nobody");
        let money = order_money(order.content(&opening), &order);
        let price = |units: u64| PRICE * units as i64;
        assert_eq!((money.cancelled, money.due), (price(cancelled), price(shipped)), "money");
        let (mut cancels, mut parcels) = (0, 0);
        for event in &self.orders.events {
            match &event.what {
                What::UnitsCancelled { units, .. } => {
                    cancels += count(units.iter().map(|some| some.quantity))
                }
                What::WorkProgressed { step: Step::Shipped(all), .. } => {
                    parcels += count(all.iter().flat_map(|parcel| &parcel.lines).map(|units| units.quantity));
                }
                _ => {}
            }
        }
        assert_eq!((cancels, parcels), (cancelled, shipped), "events");
        self.orders.audit();
        self.inventory.audit();
        self.fulfillment.audit();
        assert!(self.state().in_hand().is_empty() && !self.state().state.is_open());
        cancelled
    }
}

fn count(units: impl Iterator<Item = Quantity>) -> u64 {
    units.map(Quantity::units).sum()
}

fn summed(units: impl Iterator<Item = LineUnits>) -> Vec<LineUnits> {
    let quantity: Quantity = units.map(|units| units.quantity).sum();
    vec![LineUnits { line: LineNo(1), quantity }]
}

fn pick(counts: &[u64]) -> Report {
    let line = |(line, picked): (u16, &u64)| PickReport {
        line: LineNo(line),
        picked: Quantity::of(*picked),
        short: Quantity::ZERO,
        short_kind: None,
        lots: Vec::new(),
        serials: Vec::new(),
        substitute: None,
    };
    Report::ConfirmPick((1..).zip(counts).map(line).collect())
}

fn ship() -> Report {
    Report::Ship { carrier: text("post"), tracking: text("T1"), packages: Vec::new(), shipped_at: None }
}

fn store() -> Node {
    Node {
        id: node(),
        kind: NodeKind::Store,
        name: text("n1"),
        address: None,
        point: None,
        time_zone: TimeZoneName::new("Europe/Berlin").unwrap(),
        calendar: None,
        cutoff_minute: None,
        handling_ms: 0,
        handling_cost: None,
        unit_handling_cost: None,
        day_capacity_units: Some(UNITS),
        can: Capabilities { ships: true, pickup: true, accepts_returns: true },
        active: true,
        external_codes: Attributes::default(),
        attributes: Attributes::default(),
        lead_days: None,
    }
}

fn item() -> Item {
    Item {
        sku: spot().sku,
        name: text(""),
        unit: Unit::Piece,
        scale: 0,
        weight_g: 0,
        dimensions: None,
        flags: ItemFlags::default(),
        aliases: Vec::new(),
        return_window_days: None,
        bundle_parts: Vec::new(),
        substitutes: Vec::new(),
        attributes: Attributes::default(),
        owner: OwnerId::main(),
        inactive: false,
    }
}

fn three_units() -> Place {
    let total = PRICE * UNITS as i64;
    let line = NewLine {
        external: text(""),
        sku: spot().sku,
        owner: OwnerId::main(),
        quantity: Quantity::of(UNITS),
        scale: 0,
        delivery: Delivery::Ship,
        unit_price: PRICE,
        subtotal: None,
        discount: 0,
        tax: 0,
        total,
        attributes: Attributes::default(),
        substitutes: Vec::new(),
    };
    let currency = Currency::new("EUR").unwrap();
    let basket = Basket {
        external: ExternalNumber::new("1").unwrap(),
        digests: Content::new(),
        customer: None,
        subject: None,
        recipient: None,
        lookups: Vec::new(),
        lines: vec![line],
        amounts: OrderAmounts { currency, shipping: 0, discount: 0, tax: 0, total, tax_included: true },
        attributes: Attributes::default(),
    };
    Place {
        basket,
        mode: Mode::Accept,
        hold: None,
        release_at: None,
        requested: None,
        backorder: Backorder::Allow,
        priority: 0,
        journey: None,
        order_holds: Vec::new(),
    }
}

/// Plays every order of events; says how many there are and how often how many units ended cancelled.
fn play_all(race: &Race) -> (u64, BTreeMap<u64, u64>) {
    let mut ends = BTreeMap::new();
    let mut played = 0;
    let mut open: Vec<Vec<Choice>> = vec![Vec::new()];
    while let Some(mut path) = open.pop() {
        let mut world = World::new(race);
        path.iter().for_each(|choice| world.take(*choice));
        // This world goes on with the first choice; the others are played later, from the beginning.
        while let Some((first, others)) = world.choices().split_first() {
            open.extend(others.iter().map(|other| path.iter().copied().chain([*other]).collect()));
            path.push(*first);
            world.take(*first);
        }
        played += 1;
        world.end();
        *ends.entry(world.judge()).or_default() += 1;
    }
    (played, ends)
}

/// Case 1 of the domain: a cancel and a pick confirmation for the same units, in every order.
#[test]
fn a_cancel_and_a_pick_have_one_winner_in_every_order_of_events() {
    for obliging in [false, true] {
        let deeds = vec![Deed::PickAsTold, Deed::GoOn, Deed::GoOn];
        let (played, ends) = play_all(&Race { wishes: vec![None], deeds, time: true, obliging });
        println!("{played} orders of events, obliging {obliging}: cancelled units {ends:?}");
        assert!(played > 1_000, "{played}");
        assert_eq!(ends.keys().copied().collect::<Vec<_>>(), [0, UNITS], "it wins or loses whole: {ends:?}");
    }
}

/// Two cancels of one unit each: never more are cancelled than were asked for.
#[test]
fn two_cancels_of_one_unit_cancel_at_most_two_units_in_every_order_of_events() {
    let deeds = vec![Deed::PickAsTold, Deed::GoOn];
    let race = Race { wishes: vec![Some(1), Some(1)], deeds, time: false, obliging: true };
    let (played, ends) = play_all(&race);
    println!("{played} orders of events, two cancels: cancelled units {ends:?}");
    assert_eq!(ends.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{ends:?}");
}
