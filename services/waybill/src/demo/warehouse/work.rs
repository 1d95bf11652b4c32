//! The work of one fulfilment order, step by step from wherever it is: accepted, picked, packed, shipped and delivered, or
//! fetched. When somebody changes it in between, the node's report is refused as stale; it looks again and goes on from
//! what is there.

use super::{LOOKS_MAX, Warehouses, count, digest, has_moved, look};
use crate::demo::load::refused;
use anyhow::{Context, bail};
use tonic::Status;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{
    AcceptFulfillmentOrderRequest, ConfirmDeliveryRequest, ConfirmPickRequest, DeliveryMethod,
    FulfillmentLine, FulfillmentOrder, FulfillmentOrderState, GoodsCondition, HandOverRequest, PackRequest,
    Parcel, ParcelContent, PickInstruction, PickedLine, PickupRest, ReadyForPickupRequest,
    RejectFulfillmentOrderRequest, RejectReason, ReportNoShowRequest, ReportUndeliveredRequest, ShipRequest,
    ShortReason, StartPickingRequest, UndeliveredKind,
};
use waybill_fixtures::Prng;

const PURPOSE_WORK: u64 = 60;

/// What goes wrong with one fulfilment order, if anything does.
#[derive(Clone, Copy, Debug)]
struct Fate {
    rejected: bool,
    short: bool,
    not_fetched: bool,
    /// The customer takes some of it first; then what becomes of the rest.
    in_parts: Option<PickupRest>,
    undelivered: Option<UndeliveredKind>,
}

/// One report to the engine about a fulfilment order.
macro_rules! report {
    ($client:ident.$call:ident, $request:ident, $order:expr $(, $field:ident: $value:expr)*) => {{
        let request = $request {
            fulfillment_order_id: $order.fulfillment_order_id.clone(),
            revision: $order.revision,
            $($field: $value,)*
            ..Default::default()
        };
        $client.$call(request).await.map(|answer| answer.fulfillment_order)
    }};
}

/// The fulfilment order as a report was answered with it; an empty one would be the engine's fault.
type Reported = Result<Option<FulfillmentOrder>, Status>;

impl Warehouses {
    /// All the work of one fulfilment order, until there is nothing more to do.
    pub(super) async fn work(&self, client: &Client, pick: &PickInstruction) -> anyhow::Result<()> {
        let id = &pick.fulfillment_order_id;
        let fate = self.fate(id);
        let mut order = FulfillmentOrder {
            fulfillment_order_id: id.clone(),
            revision: pick.revision,
            state: FulfillmentOrderState::Released.into(),
            ..Default::default()
        };
        let mut looks = 0;
        while let Some(reported) = self.step(client, pick, &order, fate).await {
            match reported {
                Ok(after) => {
                    let after = after.context("an answer without the fulfilment order")?;
                    self.tell(&order, &after, &pick.external_order_number);
                    order = after;
                }
                Err(status) if has_moved(&status) && looks < LOOKS_MAX => {
                    looks += 1;
                    count(&self.tally.looked_again);
                    order = look(client, id).await?;
                }
                Err(status) => {
                    return Err(refused(status).context(format!("a report while {:?}", order.state())));
                }
            }
        }
        if matches!(order.state(), FulfillmentOrderState::Planned | FulfillmentOrderState::Unspecified) {
            bail!("a node has an instruction for work that is {:?}", order.state());
        }
        Ok(())
    }

    fn fate(&self, id: &str) -> Fate {
        let mut chance = Prng::stream(self.seed, PURPOSE_WORK, digest(id));
        let mut happens = |permille| chance.chance(permille);
        let (rejected, short) = (happens(self.mishaps.reject_permille), happens(self.mishaps.short_permille));
        let not_fetched = happens(self.mishaps.no_show_permille);
        let undelivered = happens(self.mishaps.undelivered_permille).then(|| match chance.below(3) {
            0 => UndeliveredKind::Lost,
            1 => UndeliveredKind::Refused,
            _ => UndeliveredKind::ReturnedToSender,
        });
        let in_parts = chance.chance(self.mishaps.in_parts_permille).then(|| match chance.below(2) {
            0 => PickupRest::Later,
            _ => PickupRest::GiveUp,
        });
        Fate { rejected, short, not_fetched, in_parts, undelivered }
    }

    /// The next report, or `None` when the work is over.
    async fn step(
        &self,
        client: &Client,
        pick: &PickInstruction,
        order: &FulfillmentOrder,
        fate: Fate,
    ) -> Option<Reported> {
        use FulfillmentOrderState as State;
        let is_pickup = order.delivery_method() == DeliveryMethod::Pickup;
        Some(match order.state() {
            State::Released => report!(client.accept_fulfillment_order, AcceptFulfillmentOrderRequest, order),
            State::Accepted if fate.rejected => report!(
                client.reject_fulfillment_order,
                RejectFulfillmentOrderRequest,
                order,
                reject_reason: RejectReason::NoCapacity.into(),
                reason: "nobody is there to pick".to_owned()
            ),
            State::Accepted => report!(client.start_picking, StartPickingRequest, order),
            State::Picking => report!(
                client.confirm_pick,
                ConfirmPickRequest,
                order,
                lines: picked(order, pick, fate.short),
                reason: if fate.short { "not on the shelf".to_owned() } else { String::new() }
            ),
            State::Picked if is_pickup => {
                report!(client.ready_for_pickup, ReadyForPickupRequest, order, shelf: "P-12".to_owned())
            }
            State::Picked => report!(client.pack, PackRequest, order, parcels: vec![parcel(order)]),
            State::Packed => report!(
                client.ship,
                ShipRequest,
                order,
                carrier: order.carrier_service.clone(),
                tracking_number: format!("T{}", order.fulfillment_order_id)
            ),
            State::ReadyForPickup if fate.not_fetched => {
                report!(client.report_no_show, ReportNoShowRequest, order)
            }
            State::ReadyForPickup => {
                let (taken, rest) = match fate.in_parts {
                    Some(rest) => (part(order, pick), rest),
                    None => (Vec::new(), PickupRest::Later),
                };
                let (proof, rest) = ("code".to_owned(), rest.into());
                report!(client.hand_over, HandOverRequest, order, proof: proof, taken: taken, rest: rest)
            }
            State::Shipped => match fate.undelivered {
                None => report!(client.confirm_delivery, ConfirmDeliveryRequest, order),
                Some(kind) => report!(
                    client.report_undelivered,
                    ReportUndeliveredRequest,
                    order,
                    kind: kind.into(),
                    condition: condition(kind).into()
                ),
            },
            State::Unspecified
            | State::Planned
            | State::Delivered
            | State::HandedOver
            | State::Cancelled
            | State::Rejected
            | State::Shorted
            | State::Undelivered
            | State::NotCollected => return None,
        })
    }

    /// Counts what a report did, and writes down what it called off.
    fn tell(&self, before: &FulfillmentOrder, after: &FulfillmentOrder, number: &str) {
        use FulfillmentOrderState as State;
        let tally = &self.tally;
        if before.state() == State::Picking && after.lines.iter().any(|line| line.shorted > 0) {
            count(&tally.short_picks);
        }
        match after.state() {
            State::Shipped => {
                count(&tally.shipped);
                count(&tally.parcels);
            }
            State::ReadyForPickup if before.state() == State::ReadyForPickup => count(&tally.in_parts),
            State::HandedOver => {
                count(&tally.handed_over);
                let given_up = given_up(before, after);
                if !given_up.is_empty() {
                    count(&tally.in_parts);
                    self.ledger.not_fetched(number, given_up.into_iter());
                }
            }
            State::Rejected => count(&tally.rejected),
            State::Undelivered => count(&tally.undelivered),
            State::NotCollected => {
                count(&tally.no_shows);
                let units = before.lines.iter().map(|line| (line.line_number, line.picked - line.shipped));
                self.ledger.not_fetched(number, units);
            }
            _ => {}
        }
    }
}

/// Units of each line that go back on the shelf because the customer does not want them.
fn given_up(before: &FulfillmentOrder, after: &FulfillmentOrder) -> Vec<(u32, i64)> {
    let lines = before.lines.iter().zip(&after.lines);
    let more = lines.map(|(was, is)| (is.line_number, is.cancelled - was.cancelled));
    more.filter(|(_, units)| *units > 0).collect()
}

/// What a customer takes who takes a part first: the first line, or one whole unit where there is no other line. Nothing
/// named is everything: for whoever has been here before, and where there is nothing to leave.
fn part(order: &FulfillmentOrder, pick: &PickInstruction) -> Vec<ParcelContent> {
    let in_hand = |line: &&FulfillmentLine| line.picked > line.shipped;
    let lines: Vec<&FulfillmentLine> = order.lines.iter().filter(in_hand).collect();
    let been_here = order.lines.iter().any(|line| line.shipped > 0);
    let Some(first) = lines.first().filter(|_| !been_here) else { return Vec::new() };
    let all = first.picked - first.shipped;
    let quantity = if lines.len() > 1 { all } else { whole(pick, first.line_number).min(all) };
    if lines.len() == 1 && quantity == all {
        return Vec::new();
    }
    vec![ParcelContent { line_number: first.line_number, quantity }]
}

/// One whole unit of a line.
fn whole(pick: &PickInstruction, line_number: u32) -> i64 {
    let told = pick.lines.iter().find(|line| line.line_number == line_number);
    10i64.pow(told.map_or(0, |line| line.scale))
}

/// Only goods that are back at the node have a condition there.
fn condition(kind: UndeliveredKind) -> GoodsCondition {
    match kind {
        UndeliveredKind::ReturnedToSender => GoodsCondition::Sellable,
        UndeliveredKind::Refused | UndeliveredKind::Lost | UndeliveredKind::Unspecified => {
            GoodsCondition::Unspecified
        }
    }
}

/// Everything is found, but for one whole unit of the first line when the pick is short.
fn picked(order: &FulfillmentOrder, pick: &PickInstruction, short: bool) -> Vec<PickedLine> {
    let line = |(index, line): (usize, &FulfillmentLine)| {
        let missing = if short && index == 0 { whole(pick, line.line_number).min(line.quantity) } else { 0 };
        let reason = if missing > 0 { ShortReason::NotFound } else { ShortReason::Unspecified };
        PickedLine {
            line_number: line.line_number,
            picked_quantity: line.quantity - missing,
            short_quantity: missing,
            short_reason: reason.into(),
            ..Default::default()
        }
    };
    order.lines.iter().filter(|line| line.quantity > 0).enumerate().map(line).collect()
}

/// One parcel with all that is in hand.
fn parcel(order: &FulfillmentOrder) -> Parcel {
    let content =
        |line: &FulfillmentLine| ParcelContent { line_number: line.line_number, quantity: line.picked };
    let contents = order.lines.iter().filter(|line| line.picked > 0).map(content).collect();
    Parcel { parcel_id: "1".to_owned(), contents, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_holds_exactly_what_was_picked() {
        let line = |line_number, picked| FulfillmentLine { line_number, picked, ..Default::default() };
        let order =
            FulfillmentOrder { lines: vec![line(1, 2), line(2, 0), line(3, 7)], ..Default::default() };
        let contents: Vec<_> =
            parcel(&order).contents.iter().map(|content| (content.line_number, content.quantity)).collect();
        assert_eq!(contents, [(1, 2), (3, 7)]);
    }

    #[test]
    fn a_customer_takes_a_part_once_and_only_where_something_stays() {
        let line = |line_number, picked, shipped| FulfillmentLine {
            line_number,
            picked,
            shipped,
            ..Default::default()
        };
        let took = |lines: Vec<FulfillmentLine>| -> Vec<(u32, i64)> {
            let order = FulfillmentOrder { lines, ..Default::default() };
            let taken = part(&order, &PickInstruction::default());
            taken.iter().map(|some| (some.line_number, some.quantity)).collect()
        };
        assert_eq!(took(vec![line(1, 2, 0), line(2, 1, 0)]), [(1, 2)]);
        assert_eq!(took(vec![line(1, 0, 0), line(2, 3, 0)]), [(2, 1)]);
        assert_eq!(took(vec![line(1, 1, 0)]), []);
        assert_eq!(took(vec![line(1, 2, 2), line(2, 1, 0)]), []);
    }

    #[test]
    fn a_short_pick_misses_one_unit_of_the_first_line_that_is_left() {
        let line = |line_number, quantity| FulfillmentLine { line_number, quantity, ..Default::default() };
        let order =
            FulfillmentOrder { lines: vec![line(1, 0), line(2, 3), line(3, 1)], ..Default::default() };
        let told: Vec<_> = picked(&order, &PickInstruction::default(), true)
            .iter()
            .map(|line| (line.line_number, line.picked_quantity, line.short_quantity))
            .collect();
        assert_eq!(told, [(2, 2, 1), (3, 1, 0)]);
    }
}
