//! Upserts of the network's documents. Each row stands on its own: a refused one does not stop the others. A row may
//! only name rows that exist, so the order is: calendars and rate cards; then zones and nodes; then lanes.

use super::Decided;
use crate::answer::{Answer, RowOutcome, RowRefusal};
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::{FulfillmentState, Kept};
use std::collections::BTreeMap;
use waybill_machine::{Decision, Key, Record, Table};
use waybill_types::network::{Calendar, Document, Lane, LaneCost, LaneEnd, Node, RateCard, Zone};
use waybill_types::{CalendarId, Currency, Text};

pub(super) fn nodes(state: &FulfillmentState, rows: &[Node]) -> Decided {
    let event = |row: &Node| Event::NodeSet(Box::new(row.clone()));
    upsert(
        state,
        &state.nodes,
        rows,
        |row| &row.id,
        event,
        |row| unless_known(&state.calendars, row.calendar.as_ref(), "calendar_id", CalendarId::as_str),
    )
}

pub(super) fn lanes(state: &FulfillmentState, rows: &[Lane]) -> Decided {
    let event = |row: &Lane| Event::LaneSet(Box::new(row.clone()));
    upsert(
        state,
        &state.lanes,
        rows,
        |row| &row.id,
        event,
        |row| {
            let end = match &row.to {
                LaneEnd::Node(node) => unless_known(&state.nodes, Some(node), "to_node_id", |id| id.as_str()),
                LaneEnd::Zone(zone) => unless_known(&state.zones, Some(zone), "to_zone_id", |id| id.as_str()),
            };
            let card = match &row.cost {
                LaneCost::Card(card) => {
                    unless_known(&state.rate_cards, Some(card), "rate_card_id", |id| id.as_str())
                }
                LaneCost::Own(_) => None,
            };
            unless_known(&state.nodes, Some(&row.from), "from_node_id", |id| id.as_str())
                .or(end)
                .or(card)
                .or_else(|| {
                    unless_known(&state.calendars, row.calendar.as_ref(), "calendar_id", CalendarId::as_str)
                })
        },
    )
}

pub(super) fn zones(state: &FulfillmentState, rows: &[Zone]) -> Decided {
    let event = |row: &Zone| Event::ZoneSet(Box::new(row.clone()));
    upsert(
        state,
        &state.zones,
        rows,
        |row| &row.id,
        event,
        |row| unless_known(&state.calendars, row.calendar.as_ref(), "calendar_id", CalendarId::as_str),
    )
}

pub(super) fn calendars(state: &FulfillmentState, rows: &[Calendar]) -> Decided {
    let event = |row: &Calendar| Event::CalendarSet(Box::new(row.clone()));
    upsert(state, &state.calendars, rows, |row| &row.id, event, |_| None)
}

pub(super) fn rate_cards(state: &FulfillmentState, rows: &[RateCard]) -> Decided {
    let event = |row: &RateCard| Event::RateCardSet(Box::new(row.clone()));
    upsert(state, &state.rate_cards, rows, |row| &row.id, event, |_| None)
}

pub(super) fn at_home(state: &FulfillmentState) -> Result<(), Refusal> {
    if state.partition == state.layout.network_home() { Ok(()) } else { Err(Refusal::NotNetworkHome) }
}

/// Decides row by row. A later row of the same batch sees the earlier ones, since two rows may share an id.
fn upsert<K, D>(
    state: &FulfillmentState,
    table: &Table<K, Kept<D>>,
    rows: &[D],
    id: impl Fn(&D) -> &K,
    event: impl Fn(&D) -> Event,
    dangling: impl Fn(&D) -> Option<RowRefusal>,
) -> Decided
where
    K: Key + Ord + Clone,
    D: Document + Record + Clone + PartialEq,
    Kept<D>: Record,
{
    at_home(state)?;
    let head = state.network();
    let mut currency = head.currency;
    let mut written: BTreeMap<K, (u64, usize)> = BTreeMap::new();
    let mut events = Vec::new();
    let mut outcomes = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        if let Some(refusal) = wrong(row, &mut currency).or_else(|| dangling(row)) {
            outcomes.push(RowOutcome::Refused(refusal));
            continue;
        }
        let key = id(row);
        let (revision, same) = match written.get(key) {
            Some((revision, at)) => (*revision, rows[*at] == *row),
            None => table.get(key).map_or((0, false), |kept| (kept.revision, kept.document == *row)),
        };
        if same {
            outcomes.push(RowOutcome::Unchanged(revision));
            continue;
        }
        outcomes.push(if revision == 0 { RowOutcome::Created } else { RowOutcome::Updated(revision + 1) });
        written.insert(key.clone(), (revision + 1, index));
        events.push(event(row));
    }
    let network = head.version + events.len() as u64;
    Ok(Decision::new(events, Answer::Rows { rows: outcomes, network }))
}

/// What is wrong with a row by itself or by its currency. The first amount written fixes the network's currency.
fn wrong(row: &impl Document, currency: &mut Option<Currency>) -> Option<RowRefusal> {
    if let Some(fault) = row.faults().into_iter().next() {
        return Some(RowRefusal::Faulty { field: clipped(&fault.field), why: clipped(&fault.why) });
    }
    let expected = currency.or_else(|| row.amounts().first().map(|amount| amount.currency))?;
    match row.foreign_currency(expected) {
        Some(found) => Some(RowRefusal::ForeignCurrency { expected, found }),
        None => {
            *currency = Some(expected);
            None
        }
    }
}

fn unless_known<K: Key, V: Record + Clone>(
    table: &Table<K, V>,
    named: Option<&K>,
    field: &str,
    text: impl Fn(&K) -> &str,
) -> Option<RowRefusal> {
    let named = named.filter(|id| !table.contains(id))?;
    Some(RowRefusal::UnknownReference { field: clipped(field), named: clipped(text(named)) })
}

/// Messages of our own making that fit the stored text by construction; anything else is cut.
fn clipped(text: &str) -> Text {
    let mut end = text.len().min(1000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Text::new(text[..end].trim())
        .unwrap_or_else(|_| Text::new("is wrong").unwrap_or_else(|_| unreachable!("a literal")))
}
