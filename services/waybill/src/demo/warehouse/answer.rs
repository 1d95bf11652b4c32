//! A node's answer to a cancel of what it has in hand: put back, or too late. Meanwhile the same parcel may leave, which
//! is an answer too. It knows nothing of who wanted the cancel.

use super::{LOOKS_MAX, Warehouses, count, digest, has_moved, look};
use crate::demo::load::refused;
use anyhow::bail;
use std::collections::BTreeMap;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{
    AnswerCancelRequest, FulfillmentOrder, ParcelContent, PickInstruction,
};
use waybill_fixtures::Prng;

const PURPOSE_ANSWER: u64 = 62;

impl Warehouses {
    /// Answers one CANCEL_REQUESTED, unless it is over by then.
    pub(super) async fn answer(&self, client: &Client, asked: &PickInstruction) -> anyhow::Result<()> {
        count(&self.tally.asked);
        let id = &asked.fulfillment_order_id;
        let mut chance = Prng::stream(self.seed, PURPOSE_ANSWER, digest(id));
        let puts_back = !chance.chance(self.mishaps.too_late_permille);
        for _ in 0..LOOKS_MAX {
            let order = look(client, id).await?;
            let wanted = wanted(&order);
            if wanted.is_empty() {
                return Ok(());
            }
            let request = AnswerCancelRequest {
                reason: if puts_back { "back on the shelf" } else { "it is in the lorry" }.to_owned(),
                fulfillment_order_id: id.clone(),
                revision: order.revision,
                stopped: if puts_back { wanted } else { Vec::new() },
                ..Default::default()
            };
            match client.answer_cancel(request).await {
                Ok(_) if puts_back => {
                    count(&self.tally.put_back);
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(status) if has_moved(&status) => count(&self.tally.looked_again),
                Err(status) => return Err(refused(status).context("answering a cancel")),
            }
        }
        bail!("its cancel could not be answered in {LOOKS_MAX} attempts")
    }
}

/// All units that are asked back and not answered.
fn wanted(order: &FulfillmentOrder) -> Vec<ParcelContent> {
    let mut units: BTreeMap<u32, i64> = BTreeMap::new();
    for some in order.cancel_asks.iter().flat_map(|ask| &ask.units) {
        *units.entry(some.line_number).or_default() += some.quantity;
    }
    units.into_iter().map(|(line_number, quantity)| ParcelContent { line_number, quantity }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::fulfillment::v1::CancelAsk;

    #[test]
    fn two_cancels_of_one_line_are_answered_together() {
        let ask = |line_number, quantity| CancelAsk {
            units: vec![ParcelContent { line_number, quantity }],
            ..Default::default()
        };
        let order =
            FulfillmentOrder { cancel_asks: vec![ask(1, 2), ask(2, 1), ask(1, 3)], ..Default::default() };
        let wanted: Vec<_> = wanted(&order).iter().map(|some| (some.line_number, some.quantity)).collect();
        assert_eq!(wanted, [(1, 5), (2, 1)]);
    }
}
