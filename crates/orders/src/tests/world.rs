//! A small world around one orders partition: a stock keeper, a planner and nodes that answer its messages and notes.
//! Everything is journaled; a restart replays the journal, forgets every note and asks what is pending.

use crate::command::{Command, RecordPlan};
use crate::event::Event;
use crate::invariants::{Certainty, at_nodes, live_claims};
use crate::{Answer, Note, Opening, Order, Orders, OrdersState, PlanQuestion, Refusal};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use waybill_machine::{Context, Machine, Outbox, Position, State};
use waybill_types::exchange::{
    Assignment, Claim, Delivery, HoldAnswer, LineUnits, Message, Plan, PlanStamp, PromiseWindow, ReserveMode,
    ReserveOutcome, ReserveRequest, Shortage, TakeOver, Unplanned, UnplannedReason, Work, WorkRefusal,
};
use waybill_types::{
    Actor, Channel, FulfillmentOrderId, HoldId, Layout, LineNo, NodeId, OrderId, Origin, OwnerId,
    PartitionId, Quantity, Reason, ReservationId, Service, ServiceId, Sku, Timestamp,
};

/// Goods at a place.
pub(super) type Goods = (Sku, NodeId);

/// Work as its node's partition has it.
#[derive(Clone, Debug)]
pub(super) struct NodeWork {
    pub(super) work: Work,
    pub(super) to_pick: BTreeMap<LineNo, Quantity>,
    pub(super) picked: BTreeMap<LineNo, Quantity>,
    pub(super) shipped: BTreeMap<LineNo, Quantity>,
    pub(super) released: bool,
    /// Cancels that the node was asked about, with their recall's number.
    pub(super) asks: Vec<(u32, Vec<LineUnits>)>,
    /// Units in hand of other goods than their line's.
    pub(super) instead: BTreeMap<LineNo, (Sku, Quantity)>,
}

pub(super) struct World {
    pub(super) state: OrdersState,
    pub(super) now: Timestamp,
    pub(super) journal: Vec<(Timestamp, Origin, Position, Event)>,
    pub(super) notes: VecDeque<Note>,
    /// Messages on their way from orders, per receiver.
    pub(super) sent: BTreeMap<PartitionId, VecDeque<Message>>,
    /// Messages on their way to orders, per sender.
    pub(super) coming: BTreeMap<PartitionId, VecDeque<Message>>,
    pub(super) stock: BTreeMap<Goods, Quantity>,
    pub(super) claims: BTreeMap<ReservationId, BTreeMap<Goods, Quantity>>,
    pub(super) adopted: BTreeMap<ReservationId, OrderId>,
    pub(super) waits: BTreeMap<(Sku, OrderId), Quantity>,
    pub(super) works: BTreeMap<FulfillmentOrderId, NodeWork>,
    /// Goods that came back from customers.
    pub(super) landed: super::world_returns::Landed,
    /// Nodes that refuse work.
    pub(super) closed: Vec<NodeId>,
    /// Plans are made as if every node had plenty.
    pub(super) blind_planner: bool,
}

const PARTITION: PartitionId = PartitionId::new(Service::Orders, 0);

fn layout() -> Layout {
    Layout { orders: 1, inventory: 3, fulfillment: 2 }
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            state: Orders::create(PARTITION, layout()),
            now: Timestamp::from_ms(1_000_000),
            journal: Vec::new(),
            notes: VecDeque::new(),
            sent: BTreeMap::new(),
            coming: BTreeMap::new(),
            stock: BTreeMap::new(),
            claims: BTreeMap::new(),
            adopted: BTreeMap::new(),
            waits: BTreeMap::new(),
            works: BTreeMap::new(),
            landed: BTreeMap::new(),
            closed: Vec::new(),
            blind_planner: false,
        }
    }

    pub(super) fn with_stock(stock: &[(&str, &str, u64)]) -> Self {
        let mut world = Self::new();
        for (sku, node, count) in stock {
            world.stock.insert(goods(sku, node), Quantity::of(*count));
        }
        world
    }

    /// One command from the web.
    pub(super) fn ask(&mut self, command: &Command) -> Result<Answer, Refusal> {
        self.run(command, "web", "anna").map(|(answer, _)| answer)
    }

    /// The same from another channel.
    pub(super) fn ask_from(&mut self, channel: &str, command: &Command) -> Result<Answer, Refusal> {
        self.run(command, channel, "anna").map(|(answer, _)| answer)
    }

    /// Reads as the door reads: nothing changes.
    pub(super) fn look<T>(&self, read: impl FnOnce(&OrdersState, &Context<'_>) -> T) -> T {
        let origin = Origin {
            channel: Channel::new("web").unwrap(),
            actor: Actor::new("anna").unwrap(),
            reason: Reason::default(),
            role: None,
        };
        let position = Position::default();
        let cx = Context { at: self.now, origin: &origin, partition: PARTITION, layout: layout(), position };
        read(&self.state, &cx)
    }

    /// The same, with the events.
    pub(super) fn events(&mut self, command: &Command) -> Vec<&'static str> {
        let events = self.run(command, "web", "anna").map(|(_, events)| events).unwrap();
        events.iter().map(|event| event.what.name()).collect()
    }

    fn run(
        &mut self,
        command: &Command,
        channel: &str,
        actor: &str,
    ) -> Result<(Answer, Vec<Event>), Refusal> {
        let origin = Origin {
            channel: Channel::new(channel).unwrap(),
            actor: Actor::new(actor).unwrap(),
            reason: Reason::new("").unwrap(),
            role: None,
        };
        let position = Position { sequence: self.journal.len() as u64 + 1, index: 0 };
        let cx = Context { at: self.now, origin: &origin, partition: PARTITION, layout: layout(), position };
        let decision = Orders::decide(&self.state, command, &cx)?;
        let mut out = Outbox::default();
        for event in &decision.events {
            Orders::apply(&mut self.state, event, &cx, &mut out);
            self.journal.push((self.now, origin.clone(), position, event.clone()));
        }
        self.notes.extend(out.notes);
        for (to, message) in out.messages {
            self.sent.entry(to).or_default().push_back(message);
        }
        Ok((decision.answer, decision.events))
    }

    pub(super) fn hear(&mut self, message: Message) -> Vec<Event> {
        let from = PartitionId::new(Service::Inventory, 0);
        self.run(&Orders::receive(from, message), "engine", "engine").unwrap().1
    }

    pub(super) fn tick(&mut self, later_ms: i64) -> Vec<Event> {
        self.now = self.now.plus_ms(later_ms);
        self.run(&Orders::tick(), "engine", "engine").unwrap().1
    }

    pub(super) fn place(&mut self, place: crate::command::Place) -> OrderId {
        match self.ask(&super::build::place(place)).unwrap() {
            Answer::Placed { order, .. } => order,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn order(&self, id: OrderId) -> (Arc<Opening>, Arc<Order>) {
        self.state.order(id).unwrap()
    }

    /// Answers the oldest question to the planner; false when there is none.
    pub(super) fn answer_note(&mut self) -> bool {
        while let Some(note) = self.notes.pop_front() {
            if let Note::AskPlan(question) = note {
                let plan = self.plan(&question);
                let command = Command::RecordPlan(RecordPlan {
                    order: question.order,
                    attempt: question.attempt,
                    outcome: Ok(plan),
                });
                self.run(&command, "engine", "engine").unwrap();
                return true;
            }
        }
        false
    }

    /// Takes units from whatever node has them, nodes in name order.
    pub(super) fn plan(&self, question: &PlanQuestion) -> Plan {
        let mut stock = self.stock.clone();
        for own in &question.own {
            let there = stock.entry((own.sku.clone(), own.node.clone())).or_default();
            *there = there.plus(own.quantity);
        }
        if self.blind_planner {
            stock.values_mut().for_each(|units| *units = Quantity::of(1_000));
        }
        let mut pinned = question.pinned.clone();
        let mut plan = Plan {
            assignments: Vec::new(),
            unplanned: Vec::new(),
            cost: Vec::new(),
            lower_bound_minor: 0,
            stamp: PlanStamp::default(),
        };
        for line in &question.lines {
            let mut remaining = line.quantity;
            let serves = |at: &NodeId| match &line.delivery {
                Delivery::Ship => true,
                Delivery::Pickup(node) => node == at,
            };
            let mut sources: Vec<(NodeId, &mut Quantity)> = match question.pinned.is_empty() {
                true => {
                    let of_sku = stock.iter_mut().filter(|((sku, _), _)| *sku == line.sku);
                    of_sku.map(|((_, node), units)| (node.clone(), units)).collect()
                }
                false => {
                    let of_sku = pinned.iter_mut().filter(|claim| claim.sku == line.sku);
                    of_sku.map(|claim| (claim.node.clone(), &mut claim.quantity)).collect()
                }
            };
            for (node, there) in &mut sources {
                let taken = remaining.min(**there);
                if taken.is_zero() || question.excluded.contains(node) || !serves(node) {
                    continue;
                }
                **there = there.saturating_sub(taken);
                remaining = remaining.saturating_sub(taken);
                plan.assignments.push(self.assignment(line.line, node, taken, &line.delivery));
            }
            if !remaining.is_zero() {
                let reason = UnplannedReason::NoStock;
                plan.unplanned.push(Unplanned { line: line.line, quantity: remaining, reason });
            }
        }
        plan
    }

    fn assignment(&self, line: LineNo, node: &NodeId, quantity: Quantity, delivery: &Delivery) -> Assignment {
        let day = 86_400_000;
        Assignment {
            line,
            node: node.clone(),
            quantity,
            service: match delivery {
                Delivery::Ship => Some(ServiceId::new("standard").unwrap()),
                Delivery::Pickup(_) => None,
            },
            ship_by: self.now.plus_ms(day),
            promise: PromiseWindow { earliest: self.now.plus_ms(2 * day), latest: self.now.plus_ms(3 * day) },
            ship_day: None,
        }
    }

    /// Hands the oldest message for one receiver over; false when there is none.
    pub(super) fn deliver_out(&mut self, pick: usize) -> bool {
        let receivers: Vec<PartitionId> =
            self.sent.iter().filter(|(_, queue)| !queue.is_empty()).map(|(to, _)| *to).collect();
        let Some(to) = receivers.get(pick % receivers.len().max(1)).copied() else { return false };
        let Some(message) = self.sent.get_mut(&to).and_then(VecDeque::pop_front) else { return false };
        self.receive(to, message);
        true
    }

    /// Hands the oldest message of one sender to orders; false when there is none.
    pub(super) fn deliver_in(&mut self, pick: usize) -> bool {
        let senders: Vec<PartitionId> =
            self.coming.iter().filter(|(_, queue)| !queue.is_empty()).map(|(from, _)| *from).collect();
        let Some(from) = senders.get(pick % senders.len().max(1)).copied() else { return false };
        let Some(message) = self.coming.get_mut(&from).and_then(VecDeque::pop_front) else { return false };
        self.hear(message);
        true
    }

    pub(super) fn reply(&mut self, from: PartitionId, message: Message) {
        self.coming.entry(from).or_default().push_back(message);
    }

    fn receive(&mut self, to: PartitionId, message: Message) {
        match message {
            Message::Reserve(request) => {
                let outcome = self.reserve(&request);
                self.reply(to, Message::Reserved(request.id, outcome));
            }
            Message::Release(id, claims) => {
                for claim in claims {
                    self.give_back(id, &(claim.sku, claim.node), claim.quantity);
                }
            }
            Message::AdoptHold(id, order) => {
                let answer = match (self.claims.get(&id), self.adopted.get(&id)) {
                    (Some(_), Some(first)) => HoldAnswer::Gone(Some(*first)),
                    (Some(claims), None) => HoldAnswer::Adopted(claims.iter().map(claim_of).collect()),
                    (None, _) => HoldAnswer::Gone(None),
                };
                if let HoldAnswer::Adopted(_) = answer {
                    self.adopted.insert(id, order);
                }
                self.reply(to, Message::HoldAnswered(id, order, answer));
            }
            Message::AwaitStock { order, sku, quantity, .. } => {
                self.waits.insert((sku, order), quantity);
            }
            Message::ForgetStock(order, sku, _) => {
                self.waits.remove(&(sku, order));
            }
            Message::AssignWork(work) => self.assign(to, *work),
            Message::ReleaseWork(id) => {
                self.works.get_mut(&id).unwrap_or_else(|| panic!("{id} released and unknown")).released =
                    true;
            }
            Message::CancelWork { id, units: lines, recall, manner, .. } => {
                let answer = self.cancel_work(id, lines, recall, manner);
                self.reply(to, answer);
            }
            Message::GoodsReturned(_, _, goods) => self.goods_returned(goods),
            other => panic!("orders does not send {other:?}"),
        }
    }

    /// What the claimant's own reservations have of what the request takes over.
    fn taken_over(&self, request: &ReserveRequest) -> Vec<(ReservationId, Goods, Quantity)> {
        let of = |take: &TakeOver| -> Vec<(ReservationId, Goods, Quantity)> {
            let standing = self.claims.get(&take.from);
            let claims = take.claims.iter().map(|claim| {
                let goods = (claim.sku.clone(), claim.node.clone());
                let there = standing.and_then(|claims| claims.get(&goods)).copied().unwrap_or_default();
                (take.from, goods, there.min(claim.quantity))
            });
            claims.filter(|(_, _, quantity)| !quantity.is_zero()).collect()
        };
        request.takes_over.iter().flat_map(of).collect()
    }

    fn reserve(&mut self, request: &ReserveRequest) -> ReserveOutcome {
        let taken = self.taken_over(request);
        for take in &request.takes_over {
            let wanted: Quantity = take.claims.iter().map(|claim| claim.quantity).sum();
            let found: Quantity = taken.iter().filter(|some| some.0 == take.from).map(|some| some.2).sum();
            assert_eq!(found, wanted, "{} takes over what {} does not have", request.id, take.from);
        }
        let there = |claim: &Claim| {
            let goods = (claim.sku.clone(), claim.node.clone());
            let own: Quantity = taken.iter().filter(|some| some.1 == goods).map(|some| some.2).sum();
            self.stock.get(&goods).copied().unwrap_or_default().plus(own)
        };
        let short: Vec<Shortage> = request
            .claims
            .iter()
            .filter(|claim| there(claim) < claim.quantity)
            .map(|claim| Shortage { asked: claim.clone(), available: there(claim) })
            .collect();
        let granted: Vec<Claim> = match request.mode {
            ReserveMode::AllOrNothing if !short.is_empty() => return ReserveOutcome::Refused(short),
            ReserveMode::AllOrNothing | ReserveMode::BestEffort => {
                let some = request
                    .claims
                    .iter()
                    .map(|claim| Claim { quantity: claim.quantity.min(there(claim)), ..claim.clone() });
                some.filter(|claim| !claim.quantity.is_zero()).collect()
            }
        };
        if granted.is_empty() {
            return ReserveOutcome::Refused(short);
        }
        // In one step: nobody comes between the old claim and the new one.
        for (from, goods, quantity) in taken {
            self.give_back(from, &goods, quantity);
        }
        self.claim(request.id, &granted);
        ReserveOutcome::Granted(granted)
    }

    fn claim(&mut self, id: ReservationId, claims: &[Claim]) {
        for claim in claims {
            let key = (claim.sku.clone(), claim.node.clone());
            let there = self.stock.get_mut(&key).unwrap_or_else(|| panic!("nothing of {key:?}"));
            *there = there.checked_sub(claim.quantity).unwrap();
            let claimed = self.claims.entry(id).or_default().entry(key).or_default();
            *claimed = claimed.plus(claim.quantity);
        }
    }

    /// A checkout's hold.
    pub(super) fn hold(&mut self, name: u64, claims: &[(&str, &str, u64)]) -> ReservationId {
        let claims: Vec<Claim> = claims
            .iter()
            .map(|(sku, node, count)| claim_of((&goods(sku, node), &Quantity::of(*count))))
            .collect();
        let homes = claims.iter().map(|claim| layout().sku_home(&claim.sku).index);
        let id =
            ReservationId::Hold { home: homes.min().unwrap(), hold: HoldId(u128::from(name).to_be_bytes()) };
        self.claim(id, &claims);
        id
    }

    /// Claims end; what is not shipped is there again.
    pub(super) fn give_back(&mut self, id: ReservationId, goods: &Goods, quantity: Quantity) {
        self.end_claim(id, goods, quantity);
        let there = self.stock.entry(goods.clone()).or_default();
        *there = there.plus(quantity);
    }

    pub(super) fn end_claim(&mut self, id: ReservationId, goods: &Goods, quantity: Quantity) {
        let claims = self.claims.get_mut(&id).unwrap_or_else(|| panic!("{id} has no claims"));
        let claimed = claims.get_mut(goods).unwrap_or_else(|| panic!("{id} claims nothing of {goods:?}"));
        *claimed = claimed.checked_sub(quantity).unwrap_or_else(|| panic!("{id}: {claimed} < {quantity}"));
        claims.retain(|_, units| !units.is_zero());
        if claims.is_empty() {
            self.claims.remove(&id);
        }
    }

    fn assign(&mut self, to: PartitionId, work: Work) {
        let id = work.id;
        assert_eq!(layout().node_home(&work.node), to, "{id} goes to its node's home");
        if self.closed.contains(&work.node) {
            return self.reply(to, Message::WorkRefused(id, WorkRefusal::Closed));
        }
        let to_pick = work.lines.iter().map(|line| (line.line, line.quantity)).collect();
        let (picked, shipped) = (BTreeMap::new(), BTreeMap::new());
        let (asks, instead) = (Vec::new(), BTreeMap::new());
        let work = NodeWork { work, to_pick, picked, shipped, released: false, asks, instead };
        let known = self.works.insert(id, work);
        assert!(known.is_none(), "{id} is assigned twice");
        self.reply(to, Message::WorkPlanned(id));
    }

    /// Stock arrives, and who waits is told.
    pub(super) fn receive_stock(&mut self, sku: &str, node: &str, count: u64) {
        let key = goods(sku, node);
        let there = self.stock.entry(key.clone()).or_default();
        *there = there.plus(Quantity::of(count));
        let waiting: Vec<OrderId> =
            self.waits.keys().filter(|(waited, _)| *waited == key.0).map(|(_, order)| *order).collect();
        for order in waiting {
            let home = layout().sku_home(&key.0);
            let risen = Some(key.1.clone());
            self.reply(home, Message::StockArrived(order, key.0.clone(), OwnerId::main(), risen));
        }
    }

    /// The engine goes down and comes up: notes are lost, the journal is replayed, what is pending is asked again.
    pub(super) fn restart(&mut self) {
        let before = hash(&mut self.state);
        self.replay();
        assert_eq!(hash(&mut self.state), before, "the journal alone makes the same state");
        self.notes = Orders::pending(&self.state).into();
    }

    /// The state that the journal alone makes.
    pub(super) fn replay(&mut self) {
        self.state = Orders::create(PARTITION, layout());
        for (at, origin, position, event) in &self.journal {
            let cx = Context { at: *at, origin, partition: PARTITION, layout: layout(), position: *position };
            Orders::apply(&mut self.state, event, &cx, &mut Outbox::default());
        }
    }

    /// Everything that is under way arrives and is answered; timers fire. Nodes do nothing by themselves.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let moved = self.answer_note() | self.deliver_out(0) | self.deliver_in(0);
            if moved {
                continue;
            }
            let soon = self.now.plus_ms(10_000);
            match Orders::next_due(&self.state) {
                Some(due) if due <= soon => {
                    self.tick(due.since_ms(self.now).max(0));
                }
                _ => return,
            }
        }
        panic!("the flow does not come to rest");
    }

    pub(super) fn audit(&self) {
        let found = Orders::audit(&self.state, &mut |_, _| {});
        assert!(found.is_empty(), "{found:#?}");
    }

    /// STOCK-3 and FULFIL-1 over the whole world, when nothing is under way.
    pub(super) fn audit_at_rest(&self) {
        self.audit();
        let mut believed: BTreeMap<ReservationId, BTreeMap<Goods, Quantity>> = BTreeMap::new();
        let mut nodes = BTreeMap::new();
        self.state.for_each_open(|_, content, order| {
            for live in live_claims(content, order) {
                assert_eq!(live.certainty, Certainty::Granted, "nothing is under way");
                for claim in live.claims {
                    let sum = believed.entry(live.reservation).or_default();
                    let sum = sum.entry((claim.sku, claim.node)).or_default();
                    *sum = sum.plus(claim.quantity);
                }
            }
            nodes.extend(at_nodes(order));
        });
        let held: BTreeMap<_, _> = self.claims.clone();
        assert_eq!(believed, held, "STOCK-3");
        let at_nodes: BTreeMap<FulfillmentOrderId, Vec<LineUnits>> = self
            .works
            .iter()
            .map(|(id, work)| {
                let units = work.to_pick.iter().chain(&work.picked).map(|(line, units)| (*line, *units));
                (*id, crate::fold::sum_by_line(units))
            })
            .filter(|(_, units): &(_, Vec<LineUnits>)| !units.is_empty())
            .collect();
        assert_eq!(nodes, at_nodes, "FULFIL-1");
        self.audit_returns();
    }
}

pub(super) fn goods(sku: &str, node: &str) -> Goods {
    (super::build::sku(sku), super::build::node(node))
}

fn claim_of((goods, quantity): (&Goods, &Quantity)) -> Claim {
    Claim { sku: goods.0.clone(), owner: OwnerId::main(), node: goods.1.clone(), quantity: *quantity }
}

pub(super) fn lower(units: &mut BTreeMap<LineNo, Quantity>, line: LineNo, quantity: Quantity) {
    let there = units.get_mut(&line).unwrap_or_else(|| panic!("no units of line {}", line.0));
    *there = there.checked_sub(quantity).unwrap_or_else(|| panic!("{there} of line {} < {quantity}", line.0));
    units.retain(|_, units| !units.is_zero());
}

pub(super) fn raise(units: &mut BTreeMap<LineNo, Quantity>, line: LineNo, quantity: Quantity) {
    let there = units.entry(line).or_default();
    *there = there.plus(quantity);
}

pub(super) fn hash(state: &mut OrdersState) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for table in state.tables() {
        table.hash_into(&mut hasher);
    }
    *hasher.finalize().as_bytes()
}
