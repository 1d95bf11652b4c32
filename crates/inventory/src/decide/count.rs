//! Absolute counts. Each source numbers its own counts; one that is not newer than the source's last is ignored, so
//! that a snapshot that arrives late cannot undo what came after it.

use crate::answer::{Answer, CountOutcome, PositionView};
use crate::command::CountRow;
use crate::decide::stock::changed;
use crate::event::Event;
use crate::position::{MovementKind, Position, Spot};
use crate::refusal::{Refusal, RowRefusal};
use crate::state::State;
use std::collections::BTreeMap;
use waybill_machine::{Context, Decision};
use waybill_types::Text;

pub(crate) fn one(
    state: &State,
    source: &Text,
    row: &CountRow,
    cx: &Context<'_>,
) -> Result<Decision<Event, Answer>, Refusal> {
    let mut position = state.stock.position(&row.spot);
    match judge(state, &position, source, row).map_err(Refusal::Row)? {
        None => Ok(Decision::nothing(Answer::Counted(PositionView::new(&row.spot, position), false))),
        Some(event) => {
            count(&mut position, source, row);
            Ok(Decision::new(vec![event], Answer::Counted(changed(state, &row.spot, position, cx), true)))
        }
    }
}

pub(crate) fn many(state: &State, source: &Text, rows: &[CountRow]) -> Decision<Event, Answer> {
    // Later rows of the command must see what earlier ones did to the same position.
    let mut seen: BTreeMap<&Spot, Position> = BTreeMap::new();
    let mut events = Vec::with_capacity(rows.len());
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        let position = seen.entry(&row.spot).or_insert_with(|| state.stock.position(&row.spot));
        outcomes.push(match judge(state, position, source, row) {
            Err(refusal) => CountOutcome::Refused(refusal),
            Ok(None) => CountOutcome::Ignored(position.revision),
            Ok(Some(event)) => {
                count(position, source, row);
                position.revision += 1;
                events.push(event);
                CountOutcome::Applied(position.revision)
            }
        });
    }
    Decision::new(events, Answer::CountedMany(outcomes))
}

fn judge(
    state: &State,
    position: &Position,
    source: &Text,
    row: &CountRow,
) -> Result<Option<Event>, RowRefusal> {
    if !state.items.contains(&row.spot.sku) {
        return Err(RowRefusal::UnknownItem(row.spot.sku.clone()));
    }
    match position.mark(source, row.condition) {
        Some(last) if row.sequence <= last => return Ok(None),
        None if position.sources.len() >= Position::SOURCES_MAX => {
            return Err(RowRefusal::TooManySources(Position::SOURCES_MAX as u32));
        }
        Some(_) | None => {}
    }
    Ok(Some(Event::StockCounted {
        spot: row.spot.clone(),
        condition: row.condition,
        counted: row.counted,
        delta: row.counted.as_i64() - position.on_hand(row.condition).as_i64(),
        source: source.clone(),
        sequence: row.sequence,
    }))
}

fn count(position: &mut Position, source: &Text, row: &CountRow) {
    let delta = row.counted.as_i64() - position.on_hand(row.condition).as_i64();
    position.book(MovementKind::Count, row.condition, delta);
    position.set_mark(source, row.condition, row.sequence);
}
