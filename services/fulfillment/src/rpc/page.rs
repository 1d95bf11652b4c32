//! What a product page asks of one item: a question to the planner per place, over one view of network and stock.
//! Nothing is changed, kept or reserved.

use super::promise::off_the_reactor;
use crate::door::Shared;
use crate::error::unknown_item;
use crate::metrics as names;
use crate::{from_proto, to_proto};
use std::time::Instant;
use tonic::Status;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::Fields;

pub(crate) async fn promise_item(
    door: &Shared,
    message: proto::PromiseItemRequest,
) -> Result<proto::PromiseItemResponse, Status> {
    let (mut fields, now) = (Fields::new(), door.clock.now());
    let page = from_proto::page::page(&mut fields, &message, now);
    let token = door.planning_token(&mut fields, &message.after);
    let page = fields.finish(page)?;
    door.plans_see(token).await?;
    let stock = door.stock_now()?;
    let scale = stock.item_scale(&page.sku).ok_or_else(|| unknown_item(&page.sku))?;
    let planner = door.planner.clone();
    off_the_reactor(move || {
        let (begun, view) = (Instant::now(), planner.network.view());
        // Every place is asked over the same stock: the answer is of one moment.
        let lines = page.questions.iter().take(1).flat_map(|question| &question.lines);
        let basket = planner.stock.basket(lines.map(|line| (&line.sku, &line.owner)));
        let places = page.questions.iter().map(|question| {
            let options =
                waybill_sourcing::promise(&view.network, &view.policy, &basket, question, page.options_max);
            to_proto::page::place(question, &options, view.policy.policy.currency)
        });
        let places = places.collect();
        metrics::histogram!(names::PLANS).record(begun.elapsed().as_secs_f64());
        Ok(proto::PromiseItemResponse {
            places,
            scale: scale.into(),
            stamp: Some(to_proto::page::stamp(&view, &basket)),
            read_time: Some(to_proto::time(now)),
        })
    })
    .await
}
