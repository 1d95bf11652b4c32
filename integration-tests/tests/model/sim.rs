//! Six partitions of real machines, the wires between them, one clock, and everything that may go wrong with them:
//! messages that wait, partitions that die, callers that ask again. It knows no customers and no shelves.

use super::dice::Dice;
use super::facts::Fact;
use super::judge::Judge;
use super::mutants::Mutant;
use super::part::{Committed, Part, Stepped};
use super::see;
use std::collections::{BTreeMap, VecDeque};
use waybill_fulfillment::Fulfillment;
use waybill_inventory::Inventory;
use waybill_machine::record::decode;
use waybill_machine::{Content, Machine};
use waybill_orders::{Note, Orders, PlanQuestion};
use waybill_replica::{Failure, Input, Letter, RequestKey};
use waybill_types::exchange::Message;
use waybill_types::{Layout, NodeId, OrderId, Origin, PartitionId, RequestId, Service, Sku, Timestamp};

pub(crate) const LAYOUT: Layout = Layout { orders: 2, inventory: 2, fulfillment: 2 };

/// A machine of the world, and how it is asked.
pub(crate) trait Played:
    Machine<Command: Clone + std::fmt::Debug, Answer: PartialEq + std::fmt::Debug>
{
    fn parts(sim: &mut Sim) -> &mut Vec<Part<Self>>;
    /// What the judge is told after a step.
    fn look(part: &mut Part<Self>, stepped: &Stepped<Self>);
    /// What the door hears once it is durable.
    fn noted(sim: &mut Sim, notes: Vec<Self::Note>);
}

impl Played for Orders {
    fn parts(sim: &mut Sim) -> &mut Vec<Part<Self>> {
        &mut sim.orders
    }
    fn look(part: &mut Part<Self>, stepped: &Stepped<Self>) {
        let changed = part.notes_of(stepped).iter().filter_map(|note| match note {
            Note::Changed { order, .. } => Some(*order),
            Note::AskPlan(_) => None,
        });
        let mut changed: Vec<OrderId> = changed.collect();
        changed.dedup();
        for id in changed {
            if let Some(seen) = see::order(part.core.state(), id) {
                part.tell(Fact::Seen(Box::new(seen)));
            }
        }
    }
    fn noted(sim: &mut Sim, notes: Vec<Note>) {
        sim.questions.extend(notes.into_iter().filter_map(|note| match note {
            Note::AskPlan(question) => Some(question),
            Note::Changed { .. } => None,
        }));
    }
}

impl Played for Inventory {
    fn parts(sim: &mut Sim) -> &mut Vec<Part<Self>> {
        &mut sim.inventory
    }
    fn look(part: &mut Part<Self>, stepped: &Stepped<Self>) {
        if stepped.is_new {
            let places = see::places(part.core.state());
            part.tell(Fact::Stock(places));
        }
    }
    fn noted(_: &mut Sim, _: Vec<Self::Note>) {}
}

impl Played for Fulfillment {
    fn parts(sim: &mut Sim) -> &mut Vec<Part<Self>> {
        &mut sim.fulfillment
    }
    fn look(_: &mut Part<Self>, _: &Stepped<Self>) {}
    fn noted(_: &mut Sim, _: Vec<Self::Note>) {}
}

/// Something found wrong; it ends the history.
#[derive(Clone, Debug)]
pub(crate) struct Wrong(pub(crate) String);

pub(crate) type Lawful<T = ()> = Result<T, Wrong>;

/// A command that was acknowledged, to be asked again later.
pub(crate) struct Asked<M: Machine> {
    at: usize,
    command: M::Command,
    origin: Origin,
    request: RequestKey,
    answer: M::Answer,
}

/// The world.
pub(crate) struct Sim {
    pub(crate) dice: Dice,
    pub(crate) now: Timestamp,
    pub(crate) orders: Vec<Part<Orders>>,
    pub(crate) inventory: Vec<Part<Inventory>>,
    pub(crate) fulfillment: Vec<Part<Fulfillment>>,
    /// Messages that their sender has not heard to be applied, per sender and receiver.
    wires: BTreeMap<(PartitionId, PartitionId), VecDeque<(u64, Vec<u8>)>>,
    pub(crate) questions: VecDeque<Box<PlanQuestion>>,
    pub(crate) judge: Judge,
    pub(crate) mutant: Option<Mutant>,
    /// Names of requests: the act they belong to and a number within it.
    pub(crate) act: u32,
    asked: u32,
    pub(crate) memory: Vec<Asked<Inventory>>,
    pub(crate) skus: Vec<Sku>,
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) placed: Vec<OrderId>,
    pub(crate) hands: super::hands::Hands,
    pub(crate) holds: Vec<(waybill_types::ReservationId, Vec<waybill_types::exchange::Claim>)>,
    pub(crate) blind_planner: bool,
    pub(crate) commands: u64,
    pub(crate) refusals: u64,
    pub(crate) log: Option<Vec<String>>,
}

/// Does the same with the partition, whatever its machine.
macro_rules! with_part {
    ($sim:expr, $id:expr, $part:ident => $body:expr) => {{
        let id: PartitionId = $id;
        let index = usize::from(id.index);
        match id.service {
            Service::Orders => {
                let $part = &mut $sim.orders[index];
                $body
            }
            Service::Inventory => {
                let $part = &mut $sim.inventory[index];
                $body
            }
            Service::Fulfillment => {
                let $part = &mut $sim.fulfillment[index];
                $body
            }
            Service::Customers => unreachable!("customers send and hear no messages"),
        }
    }};
}

impl Sim {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let mut dice = Dice::new(seed);
        let part = |service, index| PartitionId::new(service, index);
        let mut skew = || dice.below(400) as i64 - 200;
        Self {
            orders: (0..2).map(|n| Part::new(part(Service::Orders, n), LAYOUT, skew())).collect(),
            inventory: (0..2).map(|n| Part::new(part(Service::Inventory, n), LAYOUT, skew())).collect(),
            fulfillment: (0..2).map(|n| Part::new(part(Service::Fulfillment, n), LAYOUT, skew())).collect(),
            dice,
            now: Timestamp::from_ms(1_700_000_000_000),
            wires: BTreeMap::new(),
            questions: VecDeque::new(),
            judge: Judge::default(),
            mutant,
            act: 0,
            asked: 0,
            memory: Vec::new(),
            skus: Vec::new(),
            nodes: Vec::new(),
            placed: Vec::new(),
            hands: super::hands::Hands::default(),
            holds: Vec::new(),
            blind_planner: false,
            commands: 0,
            refusals: 0,
            log: None,
        }
    }

    pub(crate) fn say(&mut self, words: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(format!("{:>4} {}", self.act, words()));
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Everything of a partition that was decided is durable, and leaves.
    pub(crate) fn commit<M: Played>(&mut self, at: usize) -> Lawful {
        let now = self.now;
        let ticks = !self.is(Mutant::ClocksStandStill);
        let part = &mut M::parts(self)[at];
        if ticks && part.is_due(now) {
            let stepped = part.step(Input::Tick, now);
            M::look(part, &stepped);
        }
        let id = part.core.id();
        let Committed { notes, sent, facts, applied, put_away } = part.commit();
        for (to, number, letter) in sent {
            self.wires.entry((id, to)).or_default().push_back((number, letter.bytes().to_vec()));
        }
        for away in put_away {
            let wire = self.wires.entry((id, away.to)).or_default();
            while wire.front().is_some_and(|(number, _)| *number <= away.through) {
                wire.pop_front();
            }
        }
        for (from, through) in applied {
            // The acknowledgement may be lost on its way: then the sender sends again.
            if self.dice.chance(90) {
                with_part!(self, from, part => part.acknowledged(id, through));
            }
        }
        M::noted(self, notes);
        for fact in facts {
            self.judge.tell(fact).map_err(Wrong)?;
        }
        Ok(())
    }

    pub(crate) fn commit_all(&mut self) -> Lawful {
        for at in 0..2 {
            self.commit::<Orders>(at)?;
            self.commit::<Inventory>(at)?;
            self.commit::<Fulfillment>(at)?;
        }
        Ok(())
    }

    /// A partition dies and comes back.
    pub(crate) fn crash<M: Played>(&mut self, at: usize) {
        let lies = self.is(Mutant::LastFrameIsLost);
        let part = &mut M::parts(self)[at];
        if lies {
            part.lose_last_frame();
        }
        let id = part.core.id();
        let notes = part.crash();
        let undelivered = part.core.undelivered();
        self.wires.retain(|(from, _), _| *from != id);
        for (to, number, bytes) in undelivered {
            self.wires.entry((id, to)).or_default().push_back((number, bytes));
        }
        // Who was told of a question asks again; an old one does no harm.
        if id.service == Service::Orders {
            self.questions.retain(|question| question.order.partition() != id);
        }
        if !self.is(Mutant::QuestionsAreForgotten) {
            M::noted(self, notes);
        }
    }

    /// With nothing in the air, what comes back is what was there.
    pub(crate) fn restart<M: Played>(&mut self, at: usize) -> Lawful {
        self.commit::<M>(at)?;
        let before = M::parts(self)[at].core.state_hash();
        self.crash::<M>(at);
        let part = &mut M::parts(self)[at];
        if part.core.state_hash() != before {
            return Err(Wrong(format!("DURABLE: {} came back as something else", part.core.id())));
        }
        Ok(())
    }

    /// A caller asks until it is answered; on its way everything may happen. `told` says to the judge what it means.
    pub(crate) fn ask<M: Played>(
        &mut self,
        at: usize,
        command: M::Command,
        origin: &Origin,
        told: impl Fn(&M::Answer, &mut Part<M>),
    ) -> Lawful<Result<M::Answer, M::Refusal>> {
        self.asked += 1;
        self.commands += 1;
        let id = RequestId::new(format!("r-{}-{}", self.act, self.asked)).unwrap();
        let content = Content::new().with("command", &format!("{command:?}"));
        let request = RequestKey { id, target: b"model".to_vec(), content };
        let luck = self.dice.below(100);
        let mut first = self.put::<M>(at, &command, origin, &request, &told);
        match luck {
            // Twice at the door, in one batch.
            0..=9 => {
                let again = self.put::<M>(at, &command, origin, &request, &told);
                same::<M>(&first, &again)?;
            }
            // It dies before anything is durable: nothing happened, and the caller asks again.
            10..=14 => {
                self.crash::<M>(at);
                first = self.put::<M>(at, &command, origin, &request, &told);
            }
            // It dies after that, and before it answers.
            15..=19 => {
                self.commit::<M>(at)?;
                self.crash::<M>(at);
                let again = self.put::<M>(at, &command, origin, &request, &told);
                if first.is_ok() {
                    same::<M>(&first, &again)?;
                }
                first = again;
            }
            _ => {}
        }
        self.commit::<M>(at)?;
        match first {
            Ok(answer) => Ok(Ok(answer)),
            Err(Failure::Refused(refusal)) => {
                self.refusals += 1;
                self.say(|| format!("     refused: {refusal}"));
                Ok(Err(refusal))
            }
            Err(failure) => Err(Wrong(format!("ONCE: {command:?} is answered with {failure}"))),
        }
    }

    fn put<M: Played>(
        &mut self,
        at: usize,
        command: &M::Command,
        origin: &Origin,
        request: &RequestKey,
        told: &impl Fn(&M::Answer, &mut Part<M>),
    ) -> Result<M::Answer, Failure<M::Refusal>> {
        let now = self.now;
        let forgets = self.is(Mutant::RequestIdsAreForgotten);
        let part = &mut M::parts(self)[at];
        let input = Input::Command {
            command: command.clone(),
            origin: origin.clone(),
            request: (!forgets).then(|| request.clone()),
        };
        let stepped = part.step(input, now);
        if let (true, Ok(answer)) = (stepped.is_new && !forgets, &stepped.result) {
            told(answer, part);
        }
        M::look(part, &stepped);
        stepped.result
    }

    /// Remembers a command, to ask it again much later.
    pub(crate) fn ask_again<M: Played>(&mut self, asked: &Asked<M>) -> Lawful {
        let Asked { at, command, origin, request, answer } = asked;
        let now = self.now;
        let part = &mut M::parts(self)[*at];
        let input = |request| Input::Command { command: command.clone(), origin: origin.clone(), request };
        let stepped = part.step(input(Some(request.clone())), now);
        let is_same = matches!(&stepped.result, Ok(now) if now == answer);
        if stepped.is_new || !is_same {
            return Err(Wrong(format!("ONCE: {:?} was not recognised: {command:?}", request.id)));
        }
        let other = RequestKey { content: Content::new().with("command", &"another"), ..request.clone() };
        let stepped = part.step(input(Some(other)), now);
        match stepped.result {
            Err(Failure::Conflict { .. }) if !stepped.is_new => Ok(()),
            _ => Err(Wrong(format!("ONCE: {:?} was taken with other content", request.id))),
        }
    }

    /// Hands the next message of a pair over; false when there is none.
    pub(crate) fn deliver(&mut self, from: PartitionId, to: PartitionId) -> Lawful<bool> {
        let now = self.now;
        let received = with_part!(self, to, part => part.core.received(from));
        let out_of_order = self.is(Mutant::MessagesOvertake) && self.dice.chance(20);
        let Some(wire) = self.wires.get_mut(&(from, to)) else { return Ok(false) };
        let mut waiting = wire.iter().filter(|(number, _)| *number > received);
        let Some((mut number, mut bytes)) = waiting.next().cloned() else {
            let settled = with_part!(self, to, part => !part.has_open_batch());
            if settled {
                with_part!(self, from, part => part.acknowledged(to, received));
            }
            return Ok(false);
        };
        if let (true, Some(later)) = (out_of_order, waiting.next().cloned()) {
            (number, bytes) = later;
        } else if number != received + 1 && self.mutant.is_none() {
            return Err(Wrong(format!(
                "ONCE: {to} waits for message {} of {from}, {number} comes",
                received + 1
            )));
        }
        let sent: Message = decode(&bytes).expect("a message reads back");
        let (message, times) = self.spoil(sent.clone());
        // The judge is told what was sent, once, whatever becomes of it.
        let mut fact = Some(Fact::Heard(sent));
        let bytes = waybill_machine::record::encode(&message);
        self.say(|| format!("     {from} -> {to}: {message:?}"));
        for _ in 0..times {
            let sequence = number;
            match to.service {
                Service::Orders => self.hear::<Orders>(to, from, sequence, &bytes, None, now),
                Service::Inventory => {
                    self.hear::<Inventory>(to, from, sequence, &bytes, fact.take(), now);
                }
                Service::Fulfillment => self.hear::<Fulfillment>(to, from, sequence, &bytes, None, now),
                Service::Customers => unreachable!("customers hear no messages"),
            }
        }
        Ok(true)
    }

    fn spoil(&mut self, message: Message) -> (Message, usize) {
        let Some(mutant) = self.mutant else { return (message, 1) };
        mutant.spoil(message, &mut self.dice)
    }

    fn hear<M: Played>(
        &mut self,
        to: PartitionId,
        from: PartitionId,
        sequence: u64,
        bytes: &[u8],
        fact: Option<Fact>,
        now: Timestamp,
    ) {
        let part = &mut M::parts(self)[usize::from(to.index)];
        let letter = Letter::read(bytes).expect("a message reads back");
        let stepped = part.step(Input::Message { from, sequence, letter }, now);
        if let Some(fact) = fact {
            part.tell(fact);
        }
        M::look(part, &stepped);
    }

    /// Pairs between which something waits.
    pub(crate) fn busy_pairs(&self) -> Vec<(PartitionId, PartitionId)> {
        self.wires.iter().filter(|(_, wire)| !wire.is_empty()).map(|(pair, _)| *pair).collect()
    }

    /// The earliest moment at which anybody does something by itself.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let orders = self.orders.iter().filter_map(|part| Orders::next_due(part.core.state()));
        let inventory = self.inventory.iter().filter_map(|part| Inventory::next_due(part.core.state()));
        let fulfillment = self.fulfillment.iter().filter_map(|part| Fulfillment::next_due(part.core.state()));
        orders.chain(inventory).chain(fulfillment).min()
    }
}

impl<M: Played> Asked<M> {
    pub(crate) fn new(
        at: usize,
        command: M::Command,
        origin: Origin,
        request: RequestKey,
        answer: M::Answer,
    ) -> Self {
        Self { at, command, origin, request, answer }
    }
}

fn same<M: Played>(
    first: &Result<M::Answer, Failure<M::Refusal>>,
    again: &Result<M::Answer, Failure<M::Refusal>>,
) -> Lawful {
    match (first, again) {
        (Ok(first), Ok(again)) if first == again => Ok(()),
        (Err(_), Err(_)) => Ok(()),
        (first, again) => {
            let said = |result: &Result<M::Answer, _>| match result {
                Ok(answer) => format!("{answer:?}"),
                Err(_) => "a refusal".to_owned(),
            };
            Err(Wrong(format!("ONCE: asked once {}, asked again {}", said(first), said(again))))
        }
    }
}
