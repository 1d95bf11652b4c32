//! The judge: a small model of what must be true, told what was asked and acknowledged, what people at nodes did with
//! their hands, and what is seen. It knows no machine: a test reads its imports.

mod order;
mod stock;

use super::facts::{Fact, Missed};
use order::OrderModel;
use std::collections::BTreeMap;
use stock::StockModel;
use waybill_types::OrderId;

/// What is known and expected.
#[derive(Default)]
pub(crate) struct Judge {
    orders: BTreeMap<OrderId, OrderModel>,
    stock: StockModel,
    /// How many things were compared.
    pub(crate) compared: u64,
}

impl Judge {
    /// Takes a fact in.
    ///
    /// # Errors
    /// What is wrong about it, in words.
    pub(crate) fn tell(&mut self, fact: Fact) -> Result<(), String> {
        self.compared += 1;
        match fact {
            Fact::Placed { order, lines, total } => self.placed(order, &lines, total),
            Fact::Cancelled { order, lines } => self.order(order)?.cancelled(&lines),
            Fact::Amended { order, amendment, wishes } => self.order(order)?.amended(amendment, wishes),
            Fact::PaidBack { order, amount } => {
                self.order(order)?.paid_back += amount;
                Ok(())
            }
            Fact::Seen(seen) => self.orders.entry(seen.id).or_default().seen(*seen),
            Fact::Left { order, line, place, units, to_customer } => {
                self.stock.left(place, units);
                self.order(order)?.left(line, units, to_customer);
                Ok(())
            }
            Fact::Arrived { order, line, units } => self.order(order)?.arrived(line, units),
            Fact::Missed { order, line, units, node, how } => {
                if let Missed::Back { landing, .. } = how {
                    self.stock.came_back(node, landing, units);
                }
                self.order(order)?.missed(line, units, how)
            }
            Fact::Booked { place, condition, delta } => self.stock.booked(place, condition, delta),
            Fact::Counted { place, condition, counted } => {
                self.stock.counted(place, condition, counted);
                Ok(())
            }
            Fact::Heard(message) => {
                self.stock.heard(&message);
                Ok(())
            }
            Fact::Stock(places) => self.stock.seen(&places),
        }
    }

    fn order(&mut self, id: OrderId) -> Result<&mut OrderModel, String> {
        self.orders.get_mut(&id).ok_or_else(|| format!("{id} is spoken of and was never placed"))
    }

    /// A known number is answered with the order that has it, and nothing else happens.
    fn placed(&mut self, id: OrderId, lines: &[u64], total: i64) -> Result<(), String> {
        self.orders.entry(id).or_default().placed(id, lines, total)
    }

    /// Everything has arrived and every deadline has passed: what is under way is nowhere.
    ///
    /// # Errors
    /// What is still under way or was lost, in words.
    pub(crate) fn at_rest(&mut self) -> Result<(), String> {
        for order in self.orders.values() {
            self.compared += 1;
            order.at_rest()?;
        }
        self.stock.at_rest()
    }

    /// Nodes have done all their work and nobody holds anything: no unit is claimed any more.
    ///
    /// # Errors
    /// The first unit that is.
    pub(crate) fn all_done(&mut self) -> Result<(), String> {
        for order in self.orders.values() {
            order.all_done()?;
        }
        self.stock.all_done()
    }
}
