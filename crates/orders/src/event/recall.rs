//! What a node's partition answered to a recall, and what became of the units.

use minicbor::{Decode, Encode};
use waybill_types::exchange::LineUnits;

/// A node's partition answered a cancel.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RecallAnswered {
    /// Number of the fulfilment order.
    #[n(0)]
    pub work: u16,
    /// Units that will not be picked, or that the node has put back.
    #[n(1)]
    pub stopped: Vec<LineUnits>,
    /// Units that were in hand or gone, and stay so; impossible for work that was never released.
    #[n(2)]
    pub too_late: Vec<LineUnits>,
    /// Which recall.
    #[n(3)]
    pub recall: u32,
    /// Units in hand that the node was asked to put back: one further answer to the same recall follows.
    #[n(4)]
    pub asked: Vec<LineUnits>,
    /// Of those that stopped: open and outside any attempt from now on, with their claims given back.
    #[n(5)]
    pub back: Vec<LineUnits>,
    /// Of those that stopped: open from now on, with their claims standing for the amendment that recalled them.
    #[n(6)]
    pub kept: Vec<LineUnits>,
}
