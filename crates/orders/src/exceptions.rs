//! The exception queue: orders with units that wait for more than stock, such as units that every node refused. Somebody
//! has to look. An order leaves it by itself once none of its units waits for such a reason.

use crate::content::line_no;
use crate::order::{Order, UnservedReason, Waits, WorkState};
use crate::state::{Opening, OrdersState};
use crate::units::Bucket;
use waybill_machine::ScanOrder;
use waybill_types::{LineNo, NodeId, OrderId, Quantity, Timestamp};

/// An order that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderException {
    /// Which order.
    pub order: OrderId,
    /// Since when.
    pub since: Timestamp,
    /// The lines that need somebody.
    pub lines: Vec<LineException>,
}

/// A line that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineException {
    /// Which line.
    pub line: LineNo,
    /// Units that wait, or are just being tried again.
    pub quantity: Quantity,
    /// Why.
    pub reason: UnservedReason,
    /// Since when.
    pub since: Timestamp,
    /// Nodes that were asked and said no or did not find it, by name.
    pub tried: Vec<NodeId>,
}

impl OrdersState {
    /// Orders that need somebody, oldest first, after the one at `after`, at most `limit`.
    #[must_use]
    pub fn exceptions(&self, after: Option<(Timestamp, OrderId)>, limit: usize) -> Vec<OrderException> {
        let rows = self.exceptions.scan(&(), after.as_ref(), ScanOrder::Ascending, limit);
        let known = rows.into_iter().filter_map(|((since, id), _)| {
            let (opening, order) = self.order(id)?;
            Some(OrderException { order: id, since, lines: lines(&opening, &order) })
        });
        known.collect()
    }
}

/// Since when the order needs somebody; `None` when it does not.
pub(crate) fn since(order: &Order) -> Option<Timestamp> {
    order.lines.iter().filter_map(|line| somebody(line.waits)).map(|waits| waits.since).min()
}

fn somebody(waits: Option<Waits>) -> Option<Waits> {
    waits.filter(|waits| waits.reason.needs_somebody())
}

fn lines(opening: &Opening, order: &Order) -> Vec<LineException> {
    let content = order.content(opening);
    let one = |(index, state): (usize, &crate::order::LineState)| {
        let Waits { reason, since } = somebody(state.waits)?;
        let waiting = [Bucket::Open, Bucket::Backordered].map(|bucket| state.buckets.get(bucket));
        let mut tried = order.shunned_for(content, line_no(index));
        let refused = order.works.iter().filter(|work| matches!(work.state, WorkState::Refused(_)));
        tried.extend(refused.map(|work| work.node.clone()));
        tried.sort();
        tried.dedup();
        let quantity = waiting.into_iter().sum();
        Some(LineException { line: line_no(index), quantity, reason, since, tried })
    };
    order.lines.iter().enumerate().filter_map(one).collect()
}
