//! The messages that follow from an amendment: what inventory is asked, and what nodes are told when it is applied.

use super::Follow;
use crate::claims::summed;
use crate::content::{Lookup, OrderContent};
use crate::event::{AmendmentApplied, AmendmentPlanned, CancelledFrom};
use crate::fold;
use crate::note::Note;
use crate::order::{Order, Recall, RecallPurpose, is_erased_with_subject};
use crate::state::OrdersState;
use waybill_machine::Outbox;
use waybill_types::OrderId;
use waybill_types::exchange::{Message, RecallManner, ReserveMode, ReserveRequest};

impl Follow<'_> {
    /// Asks inventory for what was planned. The order's own claims that the plan goes on using are never let go: the new
    /// reservation takes them over.
    pub(super) fn amendment_planned(&self, planned: &AmendmentPlanned, out: &mut Outbox<Note>) {
        let Some((_, pending)) = self.order.pending_amendment() else { return };
        let assigned = planned.assignments.iter().map(|a| (a.line, &a.node, a.quantity));
        let request = ReserveRequest {
            id: planned.reservation,
            claims: summed(&pending.proposed, assigned),
            mode: ReserveMode::AllOrNothing,
            expires_at: None,
            takes_over: planned.takes_over.clone(),
        };
        out.send(planned.reservation.home(), Message::Reserve(request));
    }

    /// Tells nodes what they have no more and what they have new, and gives back what is not needed.
    pub(super) fn amended(&self, applied: &AmendmentApplied, out: &mut Outbox<Note>) {
        for (number, units) in fold::left_works(applied) {
            let planned =
                |recall: &&Recall| recall.work == number && recall.purpose == RecallPurpose::Planned;
            if let Some(recall) = self.order.recalls.iter().rev().find(planned) {
                self.recall(recall.number, number, &units, RecallManner::Firm, out);
            }
        }
        if let Some(reservation) = applied.reservation {
            for new in &applied.works {
                let work = self.work(new, reservation);
                out.send(work.id.partition(), Message::AssignWork(Box::new(work)));
            }
        }
        for freed in &applied.freed {
            self.give_back(freed.from, &freed.claims, out);
        }
        let waited = applied.dropped.iter().filter(|some| some.from == CancelledFrom::Backordered);
        self.wait(waited.map(|some| some.line), out);
    }
}

/// The order is found by what its content says now, and no more by what it said before. Nothing of a person comes back
/// once it was erased.
pub(super) fn index_lookups(
    state: &mut OrdersState,
    id: OrderId,
    before: &[Lookup],
    content: &OrderContent,
    order: &Order,
) {
    for Lookup { kind, digest } in before.iter().filter(|lookup| !content.lookups.contains(lookup)) {
        state.lookups.remove(&(kind.number(), *digest, id));
    }
    let gone = |lookup: &Lookup| order.erased && is_erased_with_subject(lookup.kind);
    for lookup in content.lookups.iter().filter(|lookup| !gone(lookup)) {
        state.lookups.put(&(lookup.kind.number(), lookup.digest, id), ());
    }
}
