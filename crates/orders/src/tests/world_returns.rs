//! Goods that come back to the world's nodes: each landing raises what lies there, and all of them are what orders say
//! they took.

use super::build::{node, units};
use super::world::World;
use crate::command::{Command, Received, ReceivedLine, RequestReturn, ReturnLine};
use crate::{Answer, Refusal};
use std::collections::BTreeMap;
use waybill_types::exchange::{LandedGoods, Landing};
use waybill_types::{LineNo, NodeId, OrderId, Quantity, ReturnId, Sku, Text};

/// Goods that came back, by what, where and in which condition.
pub(super) type Landed = BTreeMap<(Sku, NodeId, Landing), Quantity>;

pub(super) fn text(words: &str) -> Text {
    Text::new(words).unwrap()
}

/// So many units of each line are to come back.
pub(super) fn request(order: OrderId, lines: &[(u16, u64)]) -> RequestReturn {
    let lines = lines.iter().map(|(line, count)| ReturnLine {
        line: LineNo(*line),
        quantity: units(*count),
        why: text("too_small"),
    });
    RequestReturn {
        order,
        expected_revision: None,
        lines: lines.collect(),
        replacements: Vec::new(),
        received: None,
        beyond_window: false,
    }
}

/// Units that lie at a node, with what becomes of them.
pub(super) fn here(at: &str, lines: &[(u16, u64, Option<Landing>)]) -> Received {
    let lines = lines.iter().map(|(line, count, landing)| ReceivedLine {
        line: LineNo(*line),
        quantity: units(*count),
        landing: *landing,
        note: text(""),
    });
    Received { node: node(at), lines: lines.collect() }
}

impl World {
    /// Asks for a return; its number and what is paid back at once.
    pub(super) fn give_back_goods(&mut self, request: RequestReturn) -> Result<(ReturnId, i64), Refusal> {
        let answer = self.ask(&Command::RequestReturn(Box::new(request)))?;
        let Answer::Returning { id, refund, .. } = answer else { panic!("{answer:?}") };
        Ok((id, refund))
    }

    /// Takes goods of a return; what is paid back for them.
    pub(super) fn take(&mut self, id: ReturnId, received: Received) -> Result<i64, Refusal> {
        let answer = self.ask(&Command::ReceiveReturn { id, received })?;
        let Answer::Returning { refund, .. } = answer else { panic!("{answer:?}") };
        Ok(refund)
    }

    /// Picks, ships and delivers everything that nodes have.
    pub(super) fn send_all(&mut self) {
        let works: Vec<_> = self.works.keys().copied().collect();
        for id in works {
            let to_pick: Vec<_> =
                self.works[&id].to_pick.iter().map(|(line, count)| (*line, *count)).collect();
            for (line, count) in to_pick {
                self.pick(id, line, count);
            }
            self.ship(id);
            self.deliver(id);
        }
        self.settle();
    }

    /// Goods that came back lie there now; what may be sold again is stock.
    pub(super) fn goods_returned(&mut self, goods: Vec<LandedGoods>) {
        for LandedGoods { goods, landing } in goods {
            let sum = self.landed.entry((goods.sku.clone(), goods.node.clone(), landing)).or_default();
            *sum = sum.plus(goods.quantity);
            if landing == Landing::Sellable {
                self.receive_stock(goods.sku.as_str(), goods.node.as_str(), goods.quantity.units());
            }
        }
    }

    /// Inventory was told exactly of what orders took.
    pub(super) fn audit_returns(&self) {
        let mut taken = Landed::new();
        for number in 1..=self.state.count() {
            let (opening, order) = self.order(OrderId::new(0, number));
            let content = order.content(&opening);
            for units in order.returns.iter().flat_map(|back| &back.lines) {
                let line = content.line(units.line).unwrap();
                for seen in &units.looked_at {
                    let Some(landing) = seen.landing else { continue };
                    let sku = seen.sku.clone().unwrap_or_else(|| line.sku.clone());
                    let sum = taken.entry((sku, seen.node.clone(), landing)).or_default();
                    *sum = sum.plus(seen.quantity);
                }
            }
        }
        assert_eq!(taken, self.landed, "STOCK-2 of returns");
    }
}
