//! The tables of one partition. What each row means is said by its own file.

use crate::code::AliasClaim;
use crate::item::{Alias, ItemRecord};
use crate::queue::Queue;
use crate::reservation::Reservation;
use crate::stock::Stock;
use crate::wait::{Wait, WaitKey, WaitPlace};
use waybill_machine::{AnyTable, Key, Table};
use waybill_types::{NodeId, OrderId, OwnerId, PartitionId, ReservationId, Sku, Timestamp};

/// What is to be done when a time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum TimerKind {
    /// A hold lapses.
    Expire = 0,
    /// Home asks the last part to end an undecided reservation.
    Abandon = 1,
    /// A part asks home what became of a reservation.
    Ask = 2,
    /// A tombstone is forgotten.
    Forget = 3,
}

/// One timer, ordered by when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When.
    pub due: Timestamp,
    /// What to do.
    pub kind: TimerKind,
    /// To which reservation.
    pub id: ReservationId,
}

impl Key for Timer {
    fn write(&self, out: &mut Vec<u8>) {
        self.due.write(out);
        (self.kind as u8).write(out);
        self.id.write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        let due = Timestamp::read(input)?;
        let kind = match u8::read(input)? {
            0 => TimerKind::Expire,
            1 => TimerKind::Abandon,
            2 => TimerKind::Ask,
            3 => TimerKind::Forget,
            _ => return None,
        };
        Some(Self { due, kind, id: ReservationId::read(input)? })
    }
}

/// The state of one inventory partition. What is open (reservations, waits, timers) is always in memory; items and
/// positions may be cold.
pub struct State {
    /// Which partition this is.
    pub partition: PartitionId,
    /// Items by SKU.
    pub items: Table<Sku, ItemRecord>,
    /// Which item a code belongs to, within this partition.
    pub aliases: Table<Alias, Sku>,
    /// Who claimed a code last, of the codes that have their home here.
    pub claims: Table<Alias, AliasClaim>,
    /// Revisions that SKUs which are no items yet were raised to.
    pub fences: Table<Sku, u64>,
    /// Positions.
    pub stock: Stock,
    /// Live reservations.
    pub reservations: Table<ReservationId, Reservation>,
    /// Ids that must not come to life any more, and until when that is remembered.
    pub tombstones: Table<ReservationId, Timestamp>,
    /// What waits for time.
    pub timers: Queue<Timer>,
    /// Orders that wait for stock, in the order they are served.
    pub waits: Table<WaitKey, Wait>,
    /// Where each of them stands.
    pub wait_places: Table<(OrderId, Sku, OwnerId), WaitPlace>,
    /// Stock that rose while somebody waits for it: the next tick tells them.
    pub risen: Queue<(Sku, OwnerId)>,
    /// Nodes that opened, and the last of the goods waited for that was looked for there: the next tick goes on.
    pub opened: Queue<(NodeId, Sku, OwnerId)>,
}

impl State {
    /// The state of a new partition.
    #[must_use]
    pub fn new(partition: PartitionId) -> Self {
        Self {
            partition,
            items: Table::new(1),
            aliases: Table::new(2),
            stock: Stock::new(3),
            reservations: Table::resident(4),
            tombstones: Table::resident(5),
            timers: Queue::new(6),
            waits: Table::resident(7),
            wait_places: Table::resident(8),
            risen: Queue::new(9),
            opened: Queue::new(10),
            claims: Table::new(11),
            fences: Table::new(12),
        }
    }
}

impl waybill_machine::State for State {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.items,
            &mut self.aliases,
            self.stock.table(),
            &mut self.reservations,
            &mut self.tombstones,
            &mut self.timers,
            &mut self.waits,
            &mut self.wait_places,
            &mut self.risen,
            &mut self.opened,
            &mut self.claims,
            &mut self.fences,
        ]
    }
}
