//! Upserting items, each row on its own.

use crate::answer::{Answer, ItemOutcome};
use crate::code::Codes;
use crate::command::ItemRow;
use crate::event::Event;
use crate::item::{Alias, Item, ItemRecord};
use crate::read;
use crate::refusal::RowRefusal;
use crate::state::State;
use std::collections::BTreeMap;
use waybill_machine::{Context, Decision};
use waybill_types::Sku;

/// What earlier rows of the same command come to, seen by the later ones.
#[derive(Default)]
struct Earlier {
    items: BTreeMap<Sku, ItemRecord>,
    aliases: BTreeMap<Alias, Option<Sku>>,
}

pub(crate) fn upsert(
    state: &State,
    rows: &[ItemRow],
    codes: &[Option<Codes>],
    cx: &Context<'_>,
) -> Decision<Event, Answer> {
    let mut earlier = Earlier::default();
    let mut events = Vec::new();
    let mut outcomes = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let codes = codes.get(index).and_then(Option::as_ref);
        outcomes.push(match judge(state, &earlier, row, codes, cx) {
            Err(refusal) => ItemOutcome::Refused(refusal),
            Ok(None) => {
                ItemOutcome::Unchanged(current(state, &earlier, &row.item.sku).map_or(0, |r| r.revision))
            }
            Ok(Some(record)) => {
                let revision = record.revision;
                let known = current(state, &earlier, &row.item.sku).is_some();
                earlier.remember(state, &record);
                events.push(Event::ItemUpserted(Box::new(record)));
                if known { ItemOutcome::Updated(revision) } else { ItemOutcome::Created(revision) }
            }
        });
    }
    Decision::new(events, Answer::Items(outcomes))
}

impl Earlier {
    fn remember(&mut self, state: &State, record: &ItemRecord) {
        if let Some(old) = current(state, self, &record.item.sku) {
            self.aliases.extend(old.item.aliases.into_iter().map(|alias| (alias, None)));
        }
        let aliases = record.item.aliases.iter().cloned();
        self.aliases.extend(aliases.map(|alias| (alias, Some(record.item.sku.clone()))));
        self.items.insert(record.item.sku.clone(), record.clone());
    }
}

fn current(state: &State, earlier: &Earlier, sku: &Sku) -> Option<ItemRecord> {
    earlier.items.get(sku).cloned().or_else(|| state.items.get(sku).map(|record| (*record).clone()))
}

/// The record to write, or `None` when it is so already.
fn judge(
    state: &State,
    earlier: &Earlier,
    row: &ItemRow,
    codes: Option<&Codes>,
    cx: &Context<'_>,
) -> Result<Option<ItemRecord>, RowRefusal> {
    let item = &row.item;
    let old = current(state, earlier, &item.sku);
    for alias in &item.aliases {
        let holder = match earlier.aliases.get(alias) {
            Some(holder) => holder.clone(),
            None => state.aliases.get(alias).map(|sku| (*sku).clone()),
        };
        if let Some(sku) = holder.filter(|sku| *sku != item.sku) {
            return Err(taken(alias, sku));
        }
    }
    if let Some(Codes::Taken(alias, sku)) = codes {
        return Err(taken(alias, sku.clone()));
    }
    let fenced = || read::item_revision(state, &item.sku);
    let revision = old.as_ref().map_or_else(fenced, |record| record.revision);
    if let Some(expected) = row.expected_revision.filter(|expected| *expected != revision) {
        return Err(RowRefusal::StaleRevision { expected, current: revision });
    }
    if let Some(old) = &old {
        if old.item == *item {
            return Ok(None);
        }
        let measured_otherwise = old.item.unit != item.unit || old.item.scale != item.scale;
        if measured_otherwise && state.stock.ever_had(&item.sku) {
            return Err(RowRefusal::UnitFixed(item.sku.clone()));
        }
    }
    if cx.layout.inventory > 1 && !has_its_codes(state, earlier, item, old.as_ref(), codes) {
        return Err(RowRefusal::Overtaken(item.sku.clone()));
    }
    Ok(Some(ItemRecord { revision: revision + 1, item: item.clone() }))
}

/// True when each code that the item has not yet is one that another item of this partition gave up in the same command,
/// which nobody else can have claimed meanwhile, or was claimed after the item's present revision.
fn has_its_codes(
    state: &State,
    earlier: &Earlier,
    item: &Item,
    old: Option<&ItemRecord>,
    codes: Option<&Codes>,
) -> bool {
    let claimed: &[Alias] = match codes {
        Some(Codes::Claimed(revision, aliases)) if *revision == read::item_revision(state, &item.sku) => {
            aliases
        }
        Some(Codes::Claimed(..) | Codes::Taken(..)) | None => &[],
    };
    let had = |alias| old.is_some_and(|record| record.item.aliases.contains(alias));
    let given_up = |alias| earlier.aliases.get(alias) == Some(&None);
    item.aliases.iter().all(|alias| claimed.contains(alias) || had(alias) || given_up(alias))
}

fn taken(alias: &Alias, sku: Sku) -> RowRefusal {
    RowRefusal::AliasTaken { kind: alias.kind.clone(), value: alias.value.clone(), sku }
}
