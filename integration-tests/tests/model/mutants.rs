//! Switches that break the world in one way each: a judge that does not notice one of them proves nothing.

use super::dice::Dice;
use waybill_types::exchange::{Landing, Message};

/// One way to break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Now and then a message is taken off the wire and comes to nothing.
    MessagesAreLost,
    /// Now and then a message is applied twice.
    MessagesComeTwice,
    /// Now and then a message overtakes the one before it.
    MessagesOvertake,
    /// The last journaled frame is gone after a crash.
    LastFrameIsLost,
    /// The rows of a checkpoint are not written, and the journal is trimmed all the same.
    RowsAreLost,
    /// What is given back is not given back.
    ReleasesAreForgotten,
    /// Of what left, a claim is left out.
    ShipmentsAreForgotten,
    /// Who asks again is not recognised.
    RequestIdsAreForgotten,
    /// Nothing is ever due.
    ClocksStandStill,
    /// Questions to the planner are not repeated after a crash.
    QuestionsAreForgotten,
    /// A node that stopped units is understood to have been too late, and the other way round.
    AnswersAreTwisted,
    /// What came back damaged is sold again.
    DamagedIsSold,
    /// A refund is paid twice.
    RefundsComeTwice,
    /// A carrier takes a parcel twice.
    ParcelsLeaveTwice,
    /// Nobody is told when stock arrives.
    WakeUpsAreLost,
    /// Nobody is told when stock arrives at one node.
    NodesArriveUnheard,
    /// Nobody is told when a node takes work again.
    OpeningsAreLost,
}

impl Mutant {
    pub(crate) const ALL: [Self; 17] = [
        Self::MessagesAreLost,
        Self::MessagesComeTwice,
        Self::MessagesOvertake,
        Self::LastFrameIsLost,
        Self::RowsAreLost,
        Self::ReleasesAreForgotten,
        Self::ShipmentsAreForgotten,
        Self::RequestIdsAreForgotten,
        Self::ClocksStandStill,
        Self::QuestionsAreForgotten,
        Self::AnswersAreTwisted,
        Self::DamagedIsSold,
        Self::RefundsComeTwice,
        Self::ParcelsLeaveTwice,
        Self::WakeUpsAreLost,
        Self::NodesArriveUnheard,
        Self::OpeningsAreLost,
    ];

    /// What arrives instead, and how often.
    pub(super) fn spoil(self, message: Message, dice: &mut Dice) -> (Message, usize) {
        match (self, message) {
            (Self::MessagesAreLost, message) if dice.chance(3) => (nothing(&message), 1),
            (Self::MessagesComeTwice, message) if dice.chance(3) => (message, 2),
            (Self::ReleasesAreForgotten, Message::Release(id, _)) => (Message::Release(id, Vec::new()), 1),
            (Self::ShipmentsAreForgotten, Message::Consume(id, mut claims)) => {
                claims.pop();
                (Message::Consume(id, claims), 1)
            }
            (Self::AnswersAreTwisted, Message::WorkCancelled { id, stopped, too_late, recall, asked }) => {
                (Message::WorkCancelled { id, stopped: too_late, too_late: stopped, recall, asked }, 1)
            }
            (Self::DamagedIsSold, Message::GoodsReturned(order, name, mut goods)) => {
                goods.iter_mut().for_each(|some| some.landing = Landing::Sellable);
                (Message::GoodsReturned(order, name, goods), 1)
            }
            (Self::WakeUpsAreLost, message @ Message::StockArrived(..)) => (nothing(&message), 1),
            (Self::NodesArriveUnheard, message @ Message::StockArrived(_, _, _, Some(_))) => {
                (nothing(&message), 1)
            }
            (Self::OpeningsAreLost, message @ Message::NodeOpened(_)) => (nothing(&message), 1),
            (_, message) => (message, 1),
        }
    }
}

/// A message that means nothing to whoever receives it, in the place of one that is lost.
fn nothing(lost: &Message) -> Message {
    use waybill_types::{OrderId, OwnerId, Sku};
    let (order, sku) = (OrderId::new(0, u64::from(u32::MAX)), Sku::new("none").unwrap());
    match lost {
        Message::Consume(id, _) => Message::Consume(*id, Vec::new()),
        Message::Reserve(_)
        | Message::Release(..)
        | Message::AdoptHold(..)
        | Message::AwaitStock { .. }
        | Message::ForgetStock(..)
        | Message::GoodsReturned(..)
        | Message::NotFound(..)
        | Message::Seize(..)
        | Message::GoodsLanded(..)
        | Message::NodeOpened(_)
        | Message::ReservePart(_)
        | Message::PartsDecided(..)
        | Message::Settle(..)
        | Message::Abandon(_)
        | Message::AskHome(..) => Message::ForgetStock(order, sku, OwnerId::main()),
        Message::Reserved(..)
        | Message::HoldAnswered(..)
        | Message::StockArrived(..)
        | Message::WorkPlanned(_)
        | Message::WorkRefused(..)
        | Message::WorkProgress(..)
        | Message::WorkCancelled { .. }
        | Message::OrderPolicyChanged(..) => Message::StockArrived(order, sku, OwnerId::main(), None),
        Message::AssignWork(_)
        | Message::ReleaseWork(_)
        | Message::CancelWork { .. }
        | Message::NodeChanged(_) => {
            let id = waybill_types::FulfillmentOrderId { order, number: 1, partition_index: 0 };
            Message::ReleaseWork(id)
        }
    }
}
