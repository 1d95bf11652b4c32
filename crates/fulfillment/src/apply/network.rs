//! Documents of the network: each change raises the document's revision and the network's version by one.

use crate::machine::Note;
use crate::state::{FulfillmentState, Kept, NetworkHead, PolicyFacts};
use waybill_machine::{Context, Key, Outbox, Record, Table};
use waybill_types::exchange::Message;
use waybill_types::network::{Calendar, Document, Lane, Node, Policy, RateCard, Zone};

/// The node's own partition hears the facts it decides by; where that is this partition, at once.
pub(super) fn node(state: &mut FulfillmentState, node: &Node, out: &mut Outbox<Note>) {
    let kept = keep(&mut state.nodes, &node.id, node);
    advance(state, node, out, |head| head.nodes += u64::from(kept == 1));
    let facts = node.facts(kept);
    let home = state.layout.node_home(&node.id);
    if home == state.partition {
        super::node_known(state, &facts, out);
    } else {
        out.send(home, Message::NodeChanged(facts));
    }
}

pub(super) fn lane(state: &mut FulfillmentState, lane: &Lane, out: &mut Outbox<Note>) {
    let kept = keep(&mut state.lanes, &lane.id, lane);
    advance(state, lane, out, |head| head.lanes += u64::from(kept == 1));
}

pub(super) fn zone(state: &mut FulfillmentState, zone: &Zone, out: &mut Outbox<Note>) {
    let kept = keep(&mut state.zones, &zone.id, zone);
    advance(state, zone, out, |head| head.zones += u64::from(kept == 1));
}

pub(super) fn calendar(state: &mut FulfillmentState, calendar: &Calendar, out: &mut Outbox<Note>) {
    let kept = keep(&mut state.calendars, &calendar.id, calendar);
    advance(state, calendar, out, |head| head.calendars += u64::from(kept == 1));
}

pub(super) fn rate_card(state: &mut FulfillmentState, card: &RateCard, out: &mut Outbox<Note>) {
    let kept = keep(&mut state.rate_cards, &card.id, card);
    advance(state, card, out, |head| head.rate_cards += u64::from(kept == 1));
}

/// A version of the policy is a row of its own that never changes again: plans are stamped with it. Beside it stands
/// where, when and by whom it came into force.
pub(super) fn policy(
    state: &mut FulfillmentState,
    policy: &Policy,
    restores: Option<u64>,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let version = state.network().policy + 1;
    state.policies.put(&version, policy.clone());
    let facts = PolicyFacts {
        at: cx.at,
        channel: cx.origin.channel.clone(),
        actor: cx.origin.actor.clone(),
        reason: cx.origin.reason.clone(),
        position: cx.position.sequence,
        restores,
    };
    state.policy_facts.put(&version, facts);
    advance(state, policy, out, |head| head.policy = version);
}

/// An earlier version once more.
pub(super) fn policy_restored(
    state: &mut FulfillmentState,
    version: u64,
    cx: &Context<'_>,
    out: &mut Outbox<Note>,
) {
    let earlier = state.policies.get(&version);
    let earlier = earlier.unwrap_or_else(|| panic!("policy version {version} is not kept here"));
    policy(state, &earlier, Some(version), cx, out);
}

/// Puts the document under its id and says its revision now.
fn keep<K: Key, D: Record + Clone>(table: &mut Table<K, Kept<D>>, id: &K, document: &D) -> u64
where
    Kept<D>: Record,
{
    let revision = table.get(id).map_or(0, |kept| kept.revision) + 1;
    table.put(id, Kept { revision, document: document.clone() });
    revision
}

/// The first amount ever written fixes the network's currency.
fn advance(
    state: &mut FulfillmentState,
    document: &impl Document,
    out: &mut Outbox<Note>,
    change: impl FnOnce(&mut NetworkHead),
) {
    let currency = document.amounts().first().map(|amount| amount.currency);
    let version = state.head.upsert(&(), |head| {
        head.version += 1;
        head.currency = head.currency.or(currency);
        change(head);
        head.version
    });
    out.note(Note::NetworkChanged(version));
}
