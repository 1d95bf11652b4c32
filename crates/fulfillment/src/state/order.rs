//! A fulfilment order: the work of one node for one order and one destination, and how far it has come.

use super::{LineProgress, WorkState};
use minicbor::{Decode, Encode};
use waybill_types::exchange::{LineUnits, Parcel, Undelivered, Work, WorkDestination, WorkLine};
use waybill_types::network::LocalDay;
use waybill_types::{LineNo, Quantity, Reason, Text, Timestamp};

/// A parcel as the node reported it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Package {
    /// Number, carrier, tracking and contents.
    #[n(0)]
    pub parcel: Parcel,
    /// Gross weight in grams; 0 when unknown.
    #[n(1)]
    pub weight_g: u64,
    /// Where to follow it; may be empty.
    #[n(2)]
    pub tracking_url: Text,
    /// When the customer got it.
    #[n(3)]
    pub delivered_at: Option<Timestamp>,
    /// What became of it when the customer did not get it: lost, refused, or back at the node.
    #[n(4)]
    pub undelivered: Option<Undelivered>,
}

impl Package {
    /// True while it is on its way to the customer.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        self.delivered_at.is_none() && self.undelivered.is_none()
    }
}

/// Units in hand that somebody wants cancelled: the node is asked to put them back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ask {
    /// The order's number of the recall.
    #[n(0)]
    pub recall: u32,
    /// Which units, each line once.
    #[n(1)]
    pub units: Vec<LineUnits>,
    /// No answer by then is too late.
    #[n(2)]
    pub answer_by: Timestamp,
    /// Why they are cancelled; may be empty.
    #[n(3)]
    pub reason: Reason,
}

/// The work of one node for one order and one destination.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FulfillmentOrder {
    /// As orders handed it over.
    #[n(0)]
    pub work: Work,
    /// Raised by each change, from 1.
    #[n(1)]
    pub revision: u64,
    /// Where it is in its life.
    #[n(2)]
    pub state: WorkState,
    /// How far each line of `work.lines` has come, in the same order.
    #[n(3)]
    pub progress: Vec<LineProgress>,
    /// Its number among the node's work, from 1.
    #[n(4)]
    pub number: u64,
    /// Number of the last instruction about it; 0 before release.
    #[n(5)]
    pub last_instruction: u64,
    /// When it was planned.
    #[n(6)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[n(7)]
    pub updated_at: Timestamp,
    /// Cancels that the node has not answered, oldest first.
    #[n(8)]
    pub asks: Vec<Ask>,
}

impl FulfillmentOrder {
    /// The lines with how far they have come.
    pub fn lines(&self) -> impl Iterator<Item = (&WorkLine, &LineProgress)> {
        self.work.lines.iter().zip(&self.progress)
    }
    /// Units per line that are still this node's work.
    pub fn live(&self) -> impl Iterator<Item = Quantity> + '_ {
        self.lines().map(|(line, progress)| progress.live(line.quantity))
    }
    /// Units in hand, line by line; lines with none are left out.
    #[must_use]
    pub fn picked(&self) -> Vec<LineUnits> {
        units(self.lines().map(|(line, progress)| (line.line, progress.picked)))
    }
    /// Units in hand at the node, line by line; lines with none are left out.
    #[must_use]
    pub fn in_hand(&self) -> Vec<LineUnits> {
        units(self.lines().map(|(line, progress)| (line.line, progress.in_hand())))
    }
    /// Units of a line that the node is asked to put back.
    #[must_use]
    pub fn asked(&self, line: LineNo) -> Quantity {
        let of_line = self.asks.iter().flat_map(|ask| &ask.units).filter(|units| units.line == line);
        of_line.map(|units| units.quantity).sum()
    }
    /// When something is due by itself: a node that does not answer, a customer who does not come.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let until = match self.state {
            WorkState::ReadyForPickup { until, .. } => Some(until),
            _ => None,
        };
        self.asks.iter().map(|ask| ask.answer_by).chain(until).min()
    }
    /// The local day its capacity is counted by.
    #[must_use]
    pub fn capacity_day(&self) -> LocalDay {
        capacity_day(&self.work)
    }
    /// Whole units of capacity it needs.
    #[must_use]
    pub fn capacity_units(&self) -> u64 {
        self.lines().map(|(line, progress)| whole_units(progress.live(line.quantity), line.scale)).sum()
    }
    /// Whole units of capacity that are used for good.
    #[must_use]
    pub fn used_units(&self) -> u64 {
        self.lines().map(|(line, progress)| whole_units(progress.shipped, line.scale)).sum()
    }
    /// Whole units of capacity that it takes while it is at the node.
    #[must_use]
    pub fn taken_units(&self) -> u64 {
        if self.state.is_open() { self.capacity_units().saturating_sub(self.used_units()) } else { 0 }
    }
    /// True when the customer collects it.
    #[must_use]
    pub fn is_pickup(&self) -> bool {
        matches!(self.work.destination, WorkDestination::Pickup)
    }
    /// The position of a line in `work.lines`.
    pub(crate) fn index_of(&self, line: LineNo) -> Option<usize> {
        self.work.lines.iter().position(|candidate| candidate.line == line)
    }
}

/// Only the lines that have units.
pub(crate) fn units(lines: impl Iterator<Item = (LineNo, Quantity)>) -> Vec<LineUnits> {
    lines
        .filter(|(_, quantity)| !quantity.is_zero())
        .map(|(line, quantity)| LineUnits { line, quantity })
        .collect()
}

/// The day that work counts against; without one from the planner the UTC day of `ship_by`.
pub(crate) fn capacity_day(work: &Work) -> LocalDay {
    const DAY_MS: i64 = 86_400_000;
    work.capacity_day.unwrap_or_else(|| LocalDay(work.ship_by.as_ms().div_euclid(DAY_MS) as i32))
}

/// Whole units behind a quantity at `scale` decimals, each begun one counted.
pub(crate) fn whole_units(quantity: Quantity, scale: u8) -> u64 {
    quantity.units().div_ceil(10u64.pow(u32::from(scale.min(9))))
}

/// Whole units of capacity that new work needs.
pub(crate) fn capacity_needed(work: &Work) -> u64 {
    work.lines.iter().map(|line| whole_units(line.quantity, line.scale)).sum()
}
