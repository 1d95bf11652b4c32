//! What is kept of one decision: the question, the plan, and the stock that was seen, by rank of node in the network's
//! version. Stored in files: fields are only added at the end, as options.

use crate::interner::NodeIx;
use crate::mirror::{Availability, StockRow};
use crate::network::Network;
use crate::rules::Proof;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use waybill_types::exchange::{AskedFor, Claim, Plan, PlanLine, PlanRequest};
use waybill_types::{Channel, NodeId, OwnerId, Quantity, Sku, Text, Timestamp, ZoneId};

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// Which attempt of which order asked.
    #[n(0)]
    pub asked_for: AskedFor,
    /// The time of the question.
    #[n(1)]
    pub now: Timestamp,
    /// Work may not be released before this.
    #[n(2)]
    pub release_at: Timestamp,
    /// Where it goes, as a zone of the network: the address itself is not kept.
    #[n(3)]
    pub zone: Option<ZoneId>,
    /// Where it was ordered.
    #[n(4)]
    pub channel: Option<Channel>,
    /// What was to be planned.
    #[n(5)]
    pub lines: Vec<PlanLine>,
    /// Nodes that must not be used.
    #[n(6)]
    pub excluded: Vec<NodeId>,
    /// Units planned exactly where they are.
    #[n(7)]
    pub pinned: Vec<Claim>,
    /// Units the order had, which count as there.
    #[n(8)]
    pub own: Vec<Claim>,
    /// The answer, with the versions it was made from.
    #[n(9)]
    pub plan: Plan,
    /// The stock of each SKU and owner, in the order in which the lines first name them.
    #[n(10)]
    pub(super) shelves: Vec<Shelf>,
    /// The shelves hold every node that had stock; else the most promising ones, and those of the plan.
    #[n(11)]
    pub whole: bool,
    /// Nodes that had stock of something and are left out of the shelves.
    #[n(12)]
    pub left_out: u32,
    /// What the plan's bound is counted from again; `None` where it comes of more than one problem, and in old records.
    #[n(13)]
    pub(super) proof: Option<Proof>,
}

/// The stock of one SKU of one owner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Shelf {
    #[n(0)]
    pub(super) weight_g: u32,
    #[n(1)]
    pub(super) scale: u8,
    #[n(2)]
    pub(super) no_split: bool,
    #[n(3)]
    pub(super) class: Option<Text>,
    /// Pairs of numbers: the rank of the node, as the zigzag distance from the one before, and its units.
    #[n(4)]
    pub(super) rows: ByteVec,
}

/// With more rows than this a proven plan keeps the most promising nodes only.
const ROWS_WHOLE_MAX: usize = 640;
/// So many of them.
const PROMISING: usize = 64;
/// One order in so many keeps every row, however many there are.
const SAMPLE: u64 = 64;
/// And no record keeps more rows than this.
const ROWS_MAX: usize = 40_000;

impl Record {
    /// What is kept of the decision; `None` where nobody will ask. Every row of stock is kept where there are few, where
    /// the plan is not proven optimal, and for one order in 64.
    #[must_use]
    pub fn of(
        network: &Network,
        stock: &dyn Availability,
        request: &PlanRequest,
        plan: &Plan,
    ) -> Option<Self> {
        let asked_for = request.asked_for?;
        let pairs = pairs(&request.lines);
        let rows: usize = pairs.iter().map(|(sku, owner)| stock.stock(sku, owner).len()).sum();
        // What is not served is asked about most, so then everything is kept too.
        let proven = plan.unplanned.is_empty() && plan.lower_bound_minor == plan.cost_minor();
        let sampled = asked_for.order.number().is_multiple_of(SAMPLE);
        let whole = rows <= ROWS_WHOLE_MAX || (!proven || sampled) && rows <= ROWS_MAX;
        let keep = (!whole).then(|| super::around::promising(network, stock, request, plan, PROMISING));
        let mut left_out = 0;
        let shelves = pairs.iter().map(|(sku, owner)| {
            let item = stock.item(sku);
            // Both ascend by node.
            let mut next = keep.as_deref().unwrap_or_default();
            let kept = stock.stock(sku, owner).iter().filter(|row| {
                if !network.knows(row.node) {
                    return false;
                }
                if whole {
                    return true;
                }
                while let Some((_, rest)) = next.split_first().filter(|(first, _)| **first < row.node) {
                    next = rest;
                }
                let kept = next.first() == Some(&row.node);
                left_out += u32::from(!kept);
                kept
            });
            Shelf {
                weight_g: item.weight_g(),
                scale: item.scale(),
                no_split: item.no_split(),
                class: stock.class(sku).and_then(|class| Text::new(class).ok()),
                rows: pack(network, kept).into(),
            }
        });
        Some(Self {
            asked_for,
            now: request.now,
            release_at: request.release_at,
            shelves: shelves.collect(),
            zone: request.destination.as_ref().and_then(|to| network.zone_of(to)).cloned(),
            channel: request.channel.clone(),
            lines: request.lines.clone(),
            excluded: request.excluded.clone(),
            pinned: request.pinned.clone(),
            own: request.own.clone(),
            plan: plan.clone(),
            whole,
            left_out,
            proof: None,
        })
    }

    /// The same with what its bound is counted from again.
    #[must_use]
    pub fn with_proof(self, proof: Option<Proof>) -> Self {
        Self { proof, ..self }
    }

    /// True when nothing cheaper exists under the rules and the network of that time; units that stay unserved are in
    /// both sums, at their price.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.plan.lower_bound_minor >= self.plan.cost_minor()
    }
}

/// The distinct pairs of SKU and owner, in the order in which the lines first name them.
pub(super) fn pairs(lines: &[PlanLine]) -> Vec<(&Sku, &OwnerId)> {
    let mut pairs: Vec<(&Sku, &OwnerId)> = Vec::with_capacity(lines.len());
    for line in lines {
        if !pairs.contains(&(&line.sku, &line.owner)) {
            pairs.push((&line.sku, &line.owner));
        }
    }
    pairs
}

fn pack<'r>(network: &Network, rows: impl Iterator<Item = &'r StockRow>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0i64;
    for row in rows {
        let rank = i64::from(network.costs(row.node).rank);
        let step = rank - before;
        put(&mut bytes, ((step << 1) ^ (step >> 63)) as u64);
        put(&mut bytes, row.available.units());
        before = rank;
    }
    bytes
}

/// The rows as they were, ascending by node; rows that cannot be read, or are of nodes that this network does not have,
/// are left out.
pub(super) fn unpack(network: &Network, mut bytes: &[u8]) -> Vec<StockRow> {
    let mut rows: Vec<StockRow> = Vec::new();
    let mut rank = 0i64;
    while let (Some(step), Some(units)) = (take(&mut bytes), take(&mut bytes)) {
        rank += (step >> 1) as i64 ^ -((step & 1) as i64);
        let node: Option<NodeIx> =
            usize::try_from(rank).ok().and_then(|at| network.ranked().get(at)).copied();
        let available = i64::try_from(units).ok().and_then(|units| Quantity::new(units).ok());
        if let (Some(node), Some(available)) = (node, available.filter(|units| !units.is_zero())) {
            rows.push(StockRow { node, available });
        }
    }
    rows.sort_unstable_by_key(|row| row.node);
    rows.dedup_by_key(|row| row.node);
    rows
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
