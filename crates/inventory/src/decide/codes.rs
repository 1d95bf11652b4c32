//! Claiming codes for items, and ending what was left half-way.

use crate::answer::Answer;
use crate::code::{AliasClaim, ClaimRow};
use crate::event::Event;
use crate::item::Alias;
use crate::read;
use crate::state::State;
use std::collections::BTreeMap;
use waybill_machine::{Context, Decision};
use waybill_types::Sku;

pub(crate) fn claim(state: &State, rows: &[ClaimRow], cx: &Context<'_>) -> Decision<Event, Answer> {
    let mut earlier: BTreeMap<&Alias, AliasClaim> = BTreeMap::new();
    let mut events = Vec::new();
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        let known = earlier.get(&row.alias).cloned();
        let known = known.or_else(|| state.claims.get(&row.alias).map(|claim| (*claim).clone()));
        let ours = known.as_ref().is_some_and(|claim| claim.sku == row.sku);
        if known.is_some() && !ours && known != row.over {
            answers.push(known);
            continue;
        }
        // What was claimed for a later revision is claimed for this one too.
        if !ours || known.is_some_and(|claim| claim.revision < row.revision) {
            let claim = AliasClaim { sku: row.sku.clone(), revision: row.revision, at: cx.at };
            earlier.insert(&row.alias, claim.clone());
            events.push(Event::AliasClaimed(row.alias.clone(), claim));
        }
        answers.push(None);
    }
    Decision::new(events, Answer::Codes(answers))
}

pub(crate) fn fence(state: &State, sku: &Sku, revision: u64) -> Decision<Event, Answer> {
    let raised = read::item_revision(state, sku) < revision;
    let event = raised.then(|| Event::ItemFenced(sku.clone(), revision));
    Decision::new(event.into_iter().collect(), Answer::Nothing)
}
