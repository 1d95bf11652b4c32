//! The machine: one arm per command and per event, each calling a named helper.

use crate::answer::Answer;
use crate::apply;
use crate::command::Command;
use crate::decide;
use crate::event::Event;
use crate::invariants;
use crate::note::Note;
use crate::refusal::Refusal;
use crate::state::State;
use waybill_machine::{Context, Decision, Machine, Outbox, Violation};
use waybill_types::exchange::Message;
use waybill_types::{Layout, PartitionId, Service, Timestamp};

/// The stock machine.
#[derive(Clone, Copy, Debug)]
pub struct Inventory;

impl Machine for Inventory {
    const SERVICE: Service = Service::Inventory;
    type State = State;
    type Command = Command;
    type Event = Event;
    type Answer = Answer;
    type Refusal = Refusal;
    type Note = Note;

    fn create(partition: PartitionId, _: Layout) -> State {
        State::new(partition)
    }

    fn decide(
        state: &State,
        command: &Command,
        cx: &Context<'_>,
    ) -> Result<Decision<Event, Answer>, Refusal> {
        match command {
            Command::UpsertItems(rows) => Ok(decide::items::upsert(state, rows, &[], cx)),
            Command::UpsertClaimed(rows, codes) => Ok(decide::items::upsert(state, rows, codes, cx)),
            Command::ClaimCodes(rows) => Ok(decide::codes::claim(state, rows, cx)),
            Command::FenceItem(sku, revision) => Ok(decide::codes::fence(state, sku, *revision)),
            Command::Receive { spot, condition, quantity, reference } => {
                decide::stock::receive(state, spot, *condition, *quantity, reference, cx)
            }
            Command::Adjust { spot, condition, delta } => {
                decide::stock::adjust(state, spot, *condition, *delta, cx)
            }
            Command::Disposition { spot, from, to, quantity, reference } => {
                decide::goods::dispose(state, spot, (*from, *to), *quantity, reference, cx)
            }
            Command::Count { source, row } => decide::count::one(state, source, row, cx),
            Command::CountMany { source, rows } => Ok(decide::count::many(state, source, rows)),
            Command::SetSafetyStock { spot, safety_stock } => {
                decide::stock::set_safety_stock(state, spot, *safety_stock, cx)
            }
            Command::Reserve { request, order } => decide::reserve::asked(state, request, *order, cx),
            Command::CommitHold { id, order } => decide::holds::commit(state, *id, *order, cx),
            Command::Release { id, claims } => decide::units::release(state, *id, claims.as_deref(), cx),
            Command::Consume { id, claims } => decide::units::consume(state, *id, claims.as_deref(), cx),
            Command::Tick => Ok(Decision::new(decide::tick::due(state, cx), Answer::Nothing)),
            Command::Message { message, .. } => {
                Ok(Decision::new(decide::message::heard(state, message, cx), Answer::Nothing))
            }
        }
    }

    fn apply(state: &mut State, event: &Event, cx: &Context<'_>, out: &mut Outbox<Note>) {
        apply::event(state, event, cx, out);
    }

    fn receive(from: PartitionId, message: Message) -> Command {
        Command::Message { from, message }
    }

    fn is_repeatable(command: &Command) -> bool {
        // A repeated count would be told to be older than itself, though the books are the same.
        matches!(command, Command::ClaimCodes(_) | Command::FenceItem(..))
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn next_due(state: &State) -> Option<Timestamp> {
        if state.risen.is_empty() && state.opened.is_empty() {
            state.timers.first().map(|timer| timer.due)
        } else {
            Some(Timestamp::ZERO)
        }
    }

    fn pending(_: &State) -> Vec<Note> {
        // Mirrors read the whole state when they start, and callers who waited before a restart ask again.
        Vec::new()
    }

    fn audit(state: &State, checked: &mut dyn FnMut(&'static str, u64)) -> Vec<Violation> {
        invariants::all(state, checked)
    }
}
