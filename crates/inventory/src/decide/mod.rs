//! Deciding: looks at the state, answers with events or a refusal, changes nothing. One file per kind of command.

pub(crate) mod codes;
pub(crate) mod count;
pub(crate) mod goods;
pub(crate) mod holds;
pub(crate) mod items;
pub(crate) mod message;
pub(crate) mod parts;
pub(crate) mod reserve;
pub(crate) mod stock;
pub(crate) mod takeover;
pub(crate) mod tick;
pub(crate) mod units;
pub(crate) mod waits;

use crate::position::Spot;
use waybill_types::exchange::Claim;

/// The claims with demand at one position summed, empty ones dropped, in order of position: each position is then
/// checked once against all that is asked of it.
pub(crate) fn summed(claims: &[Claim]) -> Vec<Claim> {
    let mut sorted: Vec<Claim> = claims.iter().filter(|c| !c.quantity.is_zero()).cloned().collect();
    sorted.sort_unstable();
    sorted.dedup_by(|next, kept| {
        let same = crate::reservation::at_same_place(next, kept);
        if same {
            kept.quantity = kept.quantity.plus(next.quantity);
        }
        same
    });
    sorted
}

pub(crate) fn spot_of(claim: &Claim) -> Spot {
    Spot { sku: claim.sku.clone(), owner: claim.owner.clone(), node: claim.node.clone() }
}
