//! The orders that the bench works with: where new ones come from, and those lately placed, of which agents change,
//! call off and bring back some. The newest are just placed, the oldest have arrived, and all stages lie between.

use crate::demo::agents::change::{Change, Goods};
use crate::demo::ledger::Ledger;
use crate::demo::warehouse::Warehouses;
use crate::demo::world::World;
use crate::records;
use anyhow::ensure;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use waybill_client::proto::orders::v1::{Order, OrderChange, PlaceOrderRequest};
use waybill_fixtures::{OrderShape, Prng};

/// Different orders; a run takes them again and again under new numbers.
pub(super) const TEMPLATES: u64 = 20_000;
/// So many orders are known for each that nodes may have in hand: most of them have arrived.
const KNOWN: u64 = 6;

/// An order that was placed.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) order_id: String,
    pub(super) number: String,
}

/// Everything that giving commands needs.
pub(super) struct Shop {
    pub(super) warehouses: Arc<Warehouses>,
    pub(super) ledger: Arc<Ledger>,
    /// Places that take goods back.
    pub(super) takes_back: Vec<String>,
    /// Fulfilment orders in hand at nodes above which nothing more is placed.
    pub(super) backlog: u64,
    goods: Goods,
    templates: Vec<PlaceOrderRequest>,
    next: AtomicU64,
    lately: Mutex<VecDeque<Known>>,
}

impl Shop {
    /// Makes the templates, which takes seconds of processor time.
    ///
    /// # Errors
    /// A world without goods to offer, or without a place that takes goods back.
    pub(super) fn new(
        world: &World,
        warehouses: Arc<Warehouses>,
        ledger: Arc<Ledger>,
        backlog: u64,
    ) -> anyhow::Result<Self> {
        let shape = OrderShape { later_permille: 0, pickup_permille: 0, ..OrderShape::default() };
        let nodes = world.retailer.nodes.iter().filter(|node| node.accepts_returns && !node.inactive);
        let takes_back: Vec<String> = nodes.map(|node| node.node_id.clone()).collect();
        ensure!(!takes_back.is_empty(), "no place takes goods back");
        Ok(Self {
            warehouses,
            ledger,
            takes_back,
            backlog,
            goods: Goods::of(world)?,
            templates: world.orders(shape, TEMPLATES).iter().map(records::place).collect(),
            next: AtomicU64::new(0),
            lately: Mutex::default(),
        })
    }

    /// The next order to be placed, with its number.
    pub(super) fn next_order(&self) -> (String, PlaceOrderRequest) {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let mut request = self.templates[(index % self.templates.len() as u64) as usize].clone();
        let number = format!("M{index:09}");
        request.request_id.clone_from(&number);
        request.external_order_number.clone_from(&number);
        (number, request)
    }

    /// The very orders that are placed, for the bare echo.
    pub(super) fn templates(&self) -> Arc<Vec<PlaceOrderRequest>> {
        Arc::new(self.templates.clone())
    }

    fn lately(&self) -> std::sync::MutexGuard<'_, VecDeque<Known>> {
        // A poisoned list has lost nothing: every change of it is one push or one removal.
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order was placed. The oldest one is forgotten when there are more than can be wanted.
    pub(super) fn known(&self, known: Known) {
        let mut lately = self.lately();
        lately.push_back(known);
        if lately.len() as u64 > self.backlog * KNOWN {
            lately.pop_front();
        }
    }

    /// Puts these in the place of all that were known.
    pub(super) fn know_only(&self, orders: impl IntoIterator<Item = Known>) -> Vec<Known> {
        std::mem::replace(&mut *self.lately(), orders.into_iter().collect()).into()
    }

    /// One of them, by chance; it stays.
    pub(super) fn any(&self, chance: &mut Prng) -> Option<Known> {
        let lately = self.lately();
        let index = (!lately.is_empty()).then(|| chance.below(lately.len() as u64))?;
        lately.get(index as usize).cloned()
    }

    /// One of them, by chance; nobody else gets it after this.
    pub(super) fn take_any(&self, chance: &mut Prng) -> Option<Known> {
        let mut lately = self.lately();
        let index = (!lately.is_empty()).then(|| chance.below(lately.len() as u64))?;
        lately.remove(index as usize)
    }

    /// The oldest; nobody else gets it after this.
    pub(super) fn take_oldest(&self) -> Option<Known> {
        self.lately().pop_front()
    }

    /// A change that makes sense for the order as it is.
    pub(super) fn change(&self, chance: &mut Prng, seen: &Order) -> OrderChange {
        Change::choose(chance, &self.goods, seen).asked
    }
}
