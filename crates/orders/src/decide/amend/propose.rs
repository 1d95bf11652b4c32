//! The order as it shall be, and what must happen for it: units called off, units that are new, lines planned anew. Changes
//! are put in force in a fixed order: lines and quantities, then ways and times, then prices, then the delivery charge, then
//! money off.

use super::concern::{droppable, here, live, shipped_lines};
use crate::command::{AddedAmounts, Amend, Change, NewLine};
use crate::content::OrderContent;
use crate::decide::draft::Draft;
use crate::fold::{ordered, sum_by_line};
use crate::money::{self, Units};
use crate::order::Replan;
use crate::refusal::{ChangeRefusal, Refusal};
use crate::units::Bucket;
use std::collections::BTreeMap;
use waybill_machine::FieldViolation;
use waybill_types::exchange::LineUnits;
use waybill_types::policy::{ChangeKind, ChangeStage};
use waybill_types::{LineNo, Quantity};

/// The order as it shall be.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) content: OrderContent,
    /// Units that are called off, by line.
    pub(super) drops: Vec<LineUnits>,
    /// New units, by line of `content`.
    pub(super) adds: Vec<LineUnits>,
    /// Lines whose units that have not left are planned anew.
    pub(super) replans: Vec<Replan>,
    /// Paths of amounts that are missing; then amounts of `content` mean nothing.
    pub(super) needs_pricing: Vec<String>,
}

impl Proposal {
    /// True when anything would be different.
    pub(super) fn changes(&self, content: &OrderContent) -> bool {
        !self.drops.is_empty()
            || !self.adds.is_empty()
            || !self.replans.is_empty()
            || self.content != *content
    }
}

/// What is being put together.
struct Maker<'a> {
    draft: &'a Draft<'a>,
    content: OrderContent,
    drops: BTreeMap<LineNo, Quantity>,
    adds: BTreeMap<LineNo, Quantity>,
    replans: BTreeMap<LineNo, bool>,
    needs_pricing: Vec<String>,
}

/// The order after all changes.
///
/// # Errors
/// Less than what is picked or gone; a node has units in hand that are to go elsewhere; amounts that do not add up.
pub(super) fn propose(draft: &Draft<'_>, amend: &Amend) -> Result<Proposal, Refusal> {
    let mut maker = Maker {
        draft,
        content: draft.content().clone(),
        drops: BTreeMap::new(),
        adds: BTreeMap::new(),
        replans: BTreeMap::new(),
        needs_pricing: Vec::new(),
    };
    let numbered =
        || amend.changes.iter().enumerate().map(|(index, change)| (format!("changes[{index}]"), change));
    for (path, change) in numbered() {
        maker.units(change, &path)?;
    }
    for (_, change) in numbered() {
        maker.ways(change, amend)?;
    }
    for (path, change) in numbered() {
        maker.price(change, &path)?;
    }
    for (path, change) in numbered() {
        maker.charge(change, &path)?;
    }
    for (path, change) in numbered() {
        maker.appease(change, &path)?;
    }
    Ok(Proposal {
        content: maker.content,
        drops: sum_by_line(maker.drops),
        adds: sum_by_line(maker.adds),
        replans: maker.replans.into_iter().map(|(line, recalls)| Replan { line, recalls }).collect(),
        needs_pricing: maker.needs_pricing,
    })
}

impl Maker<'_> {
    fn cancelled(&self, line: LineNo) -> Quantity {
        let state = self.draft.order.line(line);
        let before = state.map_or(Quantity::ZERO, |state| state.buckets.get(Bucket::Cancelled));
        before.plus(self.dropped(line))
    }
    fn dropped(&self, line: LineNo) -> Quantity {
        self.drops.get(&line).copied().unwrap_or_default()
    }

    /// Lines and quantities.
    fn units(&mut self, change: &Change, path: &str) -> Result<(), Refusal> {
        match change {
            Change::SetQuantity { line, quantity, added } => {
                let now = live(&self.draft.order, *line);
                if *quantity > now {
                    return self.add(*line, quantity.saturating_sub(now), *added, path);
                }
                self.drop(*line, now.saturating_sub(*quantity))
            }
            Change::AddLine(new) => self.add_line(new, path),
            Change::Substitute { line, with } => {
                self.drop(*line, with.quantity)?;
                self.add_line(with, path)
            }
            Change::ShipTo
            | Change::SetDelivery { .. }
            | Change::SetTime { .. }
            | Change::SetPrice { .. }
            | Change::SetDeliveryCharge { .. }
            | Change::Appease { .. }
            | Change::Notes { .. } => Ok(()),
        }
    }

    fn add(
        &mut self,
        line: LineNo,
        quantity: Quantity,
        added: Option<AddedAmounts>,
        path: &str,
    ) -> Result<(), Refusal> {
        let path = format!("{path}.added");
        if added.is_none() {
            self.needs_pricing.push(path.clone());
        }
        let free_of_charge = AddedAmounts { unit_price: 0, discount: 0, tax: 0, total: 0 };
        let amounts = added.unwrap_or(free_of_charge);
        let cancelled = self.cancelled(line);
        money::add_units(&mut self.content, line, cancelled, quantity, &amounts, &path)?;
        self.adds.insert(line, quantity);
        Ok(())
    }

    fn add_line(&mut self, new: &NewLine, path: &str) -> Result<(), Refusal> {
        let line = money::new_line(new, self.content.amounts.tax_included, &format!("{path}.line.amounts"))?;
        let number = money::add_line(&mut self.content, line)?;
        self.adds.insert(number, new.quantity);
        Ok(())
    }

    fn drop(&mut self, line: LineNo, count: Quantity) -> Result<(), Refusal> {
        if count.is_zero() {
            return Ok(());
        }
        let now = live(&self.draft.order, line);
        let floor = now.saturating_sub(droppable(self.draft, line));
        let asked = now.saturating_sub(count);
        if count > now || asked < floor {
            let (order, asked, floor) = (self.draft.id, asked.units(), floor.units());
            return Err(ChangeRefusal::BelowFloor { order, line, asked, floor }.into());
        }
        self.drops.insert(line, count);
        Ok(())
    }

    /// Where to, how, when, and what stands on the parcel.
    fn ways(&mut self, change: &Change, amend: &Amend) -> Result<(), Refusal> {
        let draft = self.draft;
        match change {
            Change::ShipTo => {
                self.receive(amend);
                self.plan_anew(&shipped_lines(draft, amend), ChangeKind::ShipTo)?;
            }
            Change::SetDelivery { lines, delivery } => {
                let content = draft.content();
                let other = |line: &&LineNo| ordered(content, **line).delivery != *delivery;
                let lines: Vec<LineNo> = lines.iter().filter(other).copied().collect();
                for line in &lines {
                    self.content.lines[usize::from(line.0) - 1].delivery = delivery.clone();
                }
                self.plan_anew(&lines, ChangeKind::DeliveryMethod)?;
            }
            Change::SetTime { release_at, requested } => {
                if self.content.release_at != *release_at {
                    for (line, _) in draft.content().numbered() {
                        let state = draft.order.line(line);
                        let reserved = state.is_some_and(|s| !s.buckets.get(Bucket::Reserved).is_zero());
                        if reserved
                            || draft.order.live_attempts().any(|a| a.units.iter().any(|u| u.line == line))
                        {
                            self.replans.entry(line).or_insert(false);
                        }
                    }
                }
                (self.content.release_at, self.content.requested) = (*release_at, *requested);
            }
            Change::Notes { attributes } => {
                if let Some(attributes) = attributes {
                    self.content.attributes = attributes.clone();
                }
                self.receive(amend);
            }
            Change::SetQuantity { .. }
            | Change::AddLine(_)
            | Change::Substitute { .. }
            | Change::SetPrice { .. }
            | Change::SetDeliveryCharge { .. }
            | Change::Appease { .. } => {}
        }
        Ok(())
    }

    /// Work that nodes have been told of keeps the recipient it was given, unless it is moved.
    fn receive(&mut self, amend: &Amend) {
        if let Some(recipient) = &amend.recipient {
            self.content.subject = Some(recipient.subject);
            self.content.recipient = Some(recipient.sealed.clone());
            self.content.lookups = recipient.lookups.clone();
        }
    }

    fn plan_anew(&mut self, lines: &[LineNo], kind: ChangeKind) -> Result<(), Refusal> {
        let order = &self.draft.order;
        for line in lines.iter().filter(|line| !here(order, **line).is_zero()) {
            let in_hand = order.line(*line).map_or(Quantity::ZERO, |state| state.buckets.get(Bucket::Picked));
            if !in_hand.is_zero() {
                return Err(ChangeRefusal::Forbidden {
                    order: self.draft.id,
                    kind,
                    stage: ChangeStage::Picked,
                    rule: "none".into(),
                    version: 0,
                    note: format!("{in_hand} units of line {} are in hand and cannot go elsewhere", line.0),
                }
                .into());
            }
            self.replans.insert(*line, true);
        }
        Ok(())
    }

    fn price(&mut self, change: &Change, path: &str) -> Result<(), Refusal> {
        let Change::SetPrice { line, amounts } = change else { return Ok(()) };
        let units = self.still_here(*line);
        if units.count == 0 {
            let description = format!("is {}, none of whose units is still here to be priced", line.0);
            let field = format!("{path}.line_number");
            return Err(Refusal::Malformed(vec![FieldViolation { field, description }]));
        }
        money::reprice(&mut self.content, units, amounts, &format!("{path}.amounts"))
    }

    /// Units of a line that have not left and are not cancelled, new ones included: the last ones before the cancelled.
    fn still_here(&self, line: LineNo) -> Units {
        let added = self.adds.get(&line).copied().unwrap_or_default();
        let here = here(&self.draft.order, line).saturating_sub(self.dropped(line)).plus(added);
        let all = ordered(&self.content, line).quantity;
        let first = all.saturating_sub(self.cancelled(line)).saturating_sub(here);
        Units { line, first: first.units(), count: here.units() }
    }

    fn charge(&mut self, change: &Change, path: &str) -> Result<(), Refusal> {
        let Change::SetDeliveryCharge { charge } = change else { return Ok(()) };
        let units = self.content.numbered().map(|(line, _)| self.still_here(line));
        let units: Vec<Units> = units.filter(|units| units.count > 0).collect();
        let field = format!("{path}.charge");
        if units.is_empty() {
            let description = "is for units that are still here, and none is".into();
            return Err(Refusal::Malformed(vec![FieldViolation { field, description }]));
        }
        money::charge(&mut self.content, &units, *charge, &field)
    }

    /// Money off the units that are not cancelled and not back.
    fn appease(&mut self, change: &Change, path: &str) -> Result<(), Refusal> {
        let Change::Appease { line, amount } = change else { return Ok(()) };
        let named = |number: &LineNo| line.is_none_or(|line| line == *number);
        let lines: Vec<LineNo> = self.content.numbered().map(|(number, _)| number).filter(named).collect();
        let units = lines.into_iter().map(|line| {
            let back = self.draft.order.line(line).map_or(Quantity::ZERO, money::came_back);
            let all = ordered(&self.content, line).quantity;
            let count = all.saturating_sub(self.cancelled(line)).saturating_sub(back);
            Units { line, first: back.units(), count: count.units() }
        });
        let units: Vec<Units> = units.filter(|units| units.count > 0).collect();
        money::appease(&mut self.content, &units, *amount, &format!("{path}.amount"))
    }
}
