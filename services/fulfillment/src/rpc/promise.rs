//! What could be promised, and plans for orders processes. Both change nothing.

use crate::door::Shared;
use crate::error::unplanned;
use crate::{from_proto, to_proto};
use tonic::Status;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::{DoorError, Fields, PlannerError};

pub(crate) async fn promise(
    door: &Shared,
    message: proto::PromiseRequest,
) -> Result<proto::PromiseResponse, Status> {
    let mut fields = Fields::new();
    let question = from_proto::plan::basket(&mut fields, message.basket.as_ref(), door.clock.now());
    let options_max = match message.options_max {
        0 => 3,
        asked @ 1..=10 => asked as usize,
        asked => {
            fields.wrong("options_max", format!("is {asked}, must be 0 to 10"));
            0
        }
    };
    waybill_service_kit::values::text(&mut fields, "journey_id", &message.journey_id, 64);
    let token = door.planning_token(&mut fields, &message.after);
    let question = fields.finish(question)?;
    door.plans_see(token).await?;
    let planner = door.planner.clone();
    let (options, currency) = off_the_reactor(move || planner.promise_now(&question, options_max)).await?;
    // Units that even the option with most of them leaves out are served by none.
    let least = options
        .iter()
        .map(|option| &option.plan.unplanned)
        .min_by_key(|units| units.iter().map(|units| units.quantity.units()).sum::<u64>());
    let unplanned =
        least.map(|units| units.iter().map(to_proto::plan::unplanned).collect()).unwrap_or_default();
    let options = options.iter().filter(|option| !option.plan.assignments.is_empty()).map(|option| {
        proto::PromiseOption {
            plan: Some(to_proto::plan::plan(&option.plan, currency)),
            partial: option.partial,
        }
    });
    Ok(proto::PromiseResponse { options: options.collect(), unplanned })
}

pub(crate) async fn plan(door: &Shared, message: proto::PlanRequest) -> Result<proto::PlanResponse, Status> {
    let mut fields = Fields::new();
    let question = from_proto::plan::question(&mut fields, &message, door.clock.now());
    let token = door.planning_token(&mut fields, &message.after);
    let question = fields.finish(question)?;
    door.plans_see(token).await?;
    let planner = door.planner.clone();
    planner.catch_up(&question).await.map_err(|error| unplanned(&error))?;
    let (plan, currency) = off_the_reactor(move || planner.plan_now(&question)).await?;
    Ok(proto::PlanResponse { plan: Some(to_proto::plan::plan(&plan, currency)) })
}

/// A plan of many lines takes milliseconds of computing; other calls of this thread go on meanwhile.
pub(super) async fn off_the_reactor<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, PlannerError> + Send + 'static,
) -> Result<R, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| unplanned(&error)),
        Err(error) => Err(DoorError::Bug { what: format!("planning failed: {error}") }.into()),
    }
}
