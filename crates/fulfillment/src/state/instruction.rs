//! What a node is told: self-contained, so that it never has to ask back. The recipient rides along sealed.

use super::FulfillmentOrder;
use minicbor::{Decode, Encode};
use waybill_types::exchange::WorkDestination;
use waybill_types::{
    Attributes, Channel, ExternalNumber, FulfillmentOrderId, LineNo, NodeId, OrderId, OwnerId, Quantity,
    Reason, Sealed, Sku, Text, Timestamp,
};

/// What an instruction asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum InstructionKind {
    /// Pick this.
    #[n(1)]
    Pick,
    /// It changed: this is all there is to pick now.
    #[n(2)]
    Amend,
    /// Do not pick it, or put it back; the lines are what was called off.
    #[n(3)]
    Cancel,
    /// Somebody wants these units cancelled, which are in hand: put them back if that can still be done, and answer.
    #[n(4)]
    CancelRequested,
}

/// One line of an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct InstructionLine {
    /// The order's line.
    #[n(0)]
    pub line: LineNo,
    /// The caller's own id of the line; may be empty.
    #[n(1)]
    pub external_line: Text,
    /// What.
    #[n(2)]
    pub sku: Sku,
    /// Whose stock.
    #[n(3)]
    pub owner: OwnerId,
    /// How many, more than zero.
    #[n(4)]
    pub quantity: Quantity,
    /// Decimals of the quantity.
    #[n(5)]
    pub scale: u8,
    /// The line's custom attributes.
    #[n(6)]
    pub attributes: Attributes,
    /// What may be picked instead, best first; may be empty.
    #[n(7)]
    pub substitutes: Vec<Sku>,
}

/// One instruction of a node's sequence.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Instruction {
    /// Dense within the node, from 1.
    #[n(0)]
    pub number: u64,
    /// The node.
    #[n(1)]
    pub node: NodeId,
    /// What it asks for.
    #[n(2)]
    pub kind: InstructionKind,
    /// About which work.
    #[n(3)]
    pub id: FulfillmentOrderId,
    /// The revision it states; reports name it.
    #[n(4)]
    pub revision: u64,
    /// The order.
    #[n(5)]
    pub order: OrderId,
    /// Its number in its channel.
    #[n(6)]
    pub external: ExternalNumber,
    /// Its channel.
    #[n(7)]
    pub channel: Channel,
    /// What to pick, whole; for a cancel what was called off.
    #[n(8)]
    pub lines: Vec<InstructionLine>,
    /// Where it goes.
    #[n(9)]
    pub destination: WorkDestination,
    /// The recipient, sealed.
    #[n(10)]
    pub recipient: Option<Sealed>,
    /// Hand over to the carrier (or have ready) by then.
    #[n(11)]
    pub ship_by: Timestamp,
    /// The customer was promised it by then.
    #[n(12)]
    pub deliver_by: Timestamp,
    /// Higher is worked first.
    #[n(13)]
    pub priority: u8,
    /// The order's custom attributes.
    #[n(14)]
    pub attributes: Attributes,
    /// Why, for amend and cancel; may be empty.
    #[n(15)]
    pub reason: Reason,
    /// When it was made.
    #[n(16)]
    pub at: Timestamp,
    /// The node's answer is awaited until then; of a cancel request only.
    #[n(17)]
    pub answer_by: Option<Timestamp>,
}

/// Why the node is told.
#[derive(Clone, Debug)]
pub(crate) struct Why {
    /// In the caller's words; may be empty.
    pub(crate) reason: Reason,
    /// Answered by then.
    pub(crate) answer_by: Option<Timestamp>,
}

impl Instruction {
    /// The instruction `number` about `order` as it stands, with `quantities` per line (zero leaves the line out).
    pub(crate) fn about(
        order: &FulfillmentOrder,
        number: u64,
        kind: InstructionKind,
        quantities: impl Iterator<Item = Quantity>,
        why: Why,
        at: Timestamp,
    ) -> Self {
        let work = &order.work;
        let lines = work.lines.iter().zip(quantities).filter(|(_, quantity)| !quantity.is_zero());
        let lines = lines.map(|(line, quantity)| InstructionLine {
            line: line.line,
            external_line: line.external_line.clone(),
            sku: line.sku.clone(),
            owner: line.owner.clone(),
            quantity,
            scale: line.scale,
            attributes: line.attributes.clone(),
            substitutes: line.substitutes.clone(),
        });
        Self {
            number,
            node: work.node.clone(),
            kind,
            id: work.id,
            revision: order.revision,
            order: work.order,
            external: work.external.clone(),
            channel: work.channel.clone(),
            lines: lines.collect(),
            destination: work.destination.clone(),
            recipient: work.recipient.clone(),
            ship_by: work.ship_by,
            deliver_by: work.promise.latest,
            priority: work.priority,
            attributes: work.attributes.clone(),
            reason: why.reason,
            at,
            answer_by: why.answer_by,
        }
    }
}
