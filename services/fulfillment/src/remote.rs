//! The planner of another process, asked over gRPC: what an orders process without fulfilment uses. It keeps nothing.

use crate::to_proto::{point, time};
use std::future::Future;
use std::pin::Pin;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_client::FulfillmentServiceClient;
use waybill_service_kit::caller::ROLE;
use waybill_service_kit::{Planner, PlannerError};
use waybill_types::exchange::{
    Assignment, Claim, CostTerm, Delivery, Plan, PlanRequest, PlanStamp, PromiseWindow, Unplanned,
    UnplannedReason,
};
use waybill_types::{Invalid, LineNo, NodeId, Quantity, ServiceId, Text, Timestamp};

/// Asks the fulfilment service behind a channel.
#[derive(Clone)]
pub struct RemotePlanner(FulfillmentServiceClient<Channel>);

impl RemotePlanner {
    /// Behind this channel, which connects when it is needed.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self(FulfillmentServiceClient::new(channel))
    }
}

impl Planner for RemotePlanner {
    fn plan<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Plan, PlannerError>> + Send + 'a>> {
        Box::pin(async move {
            let mut call = Request::new(question(request));
            call.metadata_mut().insert(ROLE, tonic::metadata::MetadataValue::from_static("peer"));
            let answer = self.0.clone().plan(call).await.map_err(|status| refused(&status))?;
            let given = answer.into_inner().plan.unwrap_or_default();
            plan(&given).map_err(|invalid| PlannerError::Malformed(format!("its answer: {invalid}")))
        })
    }
}

fn refused(status: &Status) -> PlannerError {
    match status.code() {
        Code::InvalidArgument | Code::Unimplemented | Code::PermissionDenied => {
            PlannerError::Malformed(status.message().to_owned())
        }
        _ => PlannerError::Unavailable(format!("{:?}: {}", status.code(), status.message())),
    }
}

/// The question as the contract asks it.
pub(crate) fn question(request: &PlanRequest) -> proto::PlanRequest {
    let lines = request.lines.iter().map(|line| {
        let (method, pickup_node_id) = match &line.delivery {
            Delivery::Ship => (proto::DeliveryMethod::ShipHome, String::new()),
            Delivery::Pickup(node) => (proto::DeliveryMethod::Pickup, node.to_string()),
        };
        proto::BasketLine {
            line_number: line.line.0.into(),
            sku: line.sku.to_string(),
            quantity: line.quantity.as_i64(),
            delivery_method: method.into(),
            pickup_node_id,
            owner: line.owner.to_string(),
        }
    });
    let destination = request.destination.as_ref().map(|destination| proto::Destination {
        country_code: destination.country.to_string(),
        postal_code: destination.postal_code.as_ref().map(ToString::to_string).unwrap_or_default(),
        location: destination.point.map(point),
    });
    let reserved = |claim: &Claim| proto::PinnedUnits {
        sku: claim.sku.to_string(),
        owner: claim.owner.to_string(),
        node_id: claim.node.to_string(),
        quantity: claim.quantity.as_i64(),
    };
    proto::PlanRequest {
        basket: Some(proto::Basket {
            lines: lines.collect(),
            destination,
            requested: None,
            release_time: Some(time(request.release_at)),
            channel: request.channel.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
        plan_time: Some(time(request.now)),
        excluded_node_ids: request.excluded.iter().map(ToString::to_string).collect(),
        pinned: request.pinned.iter().map(reserved).collect(),
        own: request.own.iter().map(reserved).collect(),
        after: String::new(),
        order_id: request.asked_for.map(|asked| asked.order.to_string()).unwrap_or_default(),
        attempt: request.asked_for.map_or(0, |asked| asked.attempt),
    }
}

/// The plan as it was made there.
pub(crate) fn plan(given: &proto::SourcingPlan) -> Result<Plan, Invalid> {
    let cost = given.cost_terms.iter().map(|term| {
        let minor = term.cost.as_ref().map_or(0, |cost| cost.minor_units);
        Ok(CostTerm { name: Text::new(&term.name)?, minor })
    });
    let stamp = given.stamp.unwrap_or_default();
    Ok(Plan {
        assignments: given.assignments.iter().map(assignment).collect::<Result<_, _>>()?,
        unplanned: given.unplanned.iter().map(unplanned).collect::<Result<_, _>>()?,
        cost: cost.collect::<Result<_, Invalid>>()?,
        lower_bound_minor: given.lower_bound.as_ref().map_or(0, |bound| bound.minor_units),
        stamp: PlanStamp {
            network: stamp.network_version,
            policy: stamp.policy_version,
            mirror: stamp.availability_version,
        },
    })
}

fn assignment(given: &proto::Assignment) -> Result<Assignment, Invalid> {
    let promise = given.promise.unwrap_or_default();
    let service = &given.carrier_service;
    let day = &given.ship_date;
    Ok(Assignment {
        line: line(given.line_number)?,
        node: NodeId::new(&given.node_id)?,
        quantity: Quantity::new(given.quantity)?,
        service: if service.is_empty() { None } else { Some(ServiceId::new(service)?) },
        ship_by: instant(given.ship_by_time.as_ref())?,
        promise: PromiseWindow {
            earliest: instant(promise.earliest.as_ref())?,
            latest: instant(promise.latest.as_ref())?,
        },
        ship_day: if day.is_empty() { None } else { Some(waybill_sourcing::parse_day(day)?) },
    })
}

fn unplanned(given: &proto::UnplannedUnits) -> Result<Unplanned, Invalid> {
    let reason = match proto::UnplannedReason::try_from(given.reason) {
        Ok(proto::UnplannedReason::NoStock) => UnplannedReason::NoStock,
        Ok(proto::UnplannedReason::NoRoute) => UnplannedReason::NoRoute,
        Ok(proto::UnplannedReason::NoPickup) => UnplannedReason::NoPickup,
        Ok(proto::UnplannedReason::Unspecified) | Err(_) => {
            return Err(Invalid::new(
                "unplanned reason",
                format!("is {}, which is not known here", given.reason),
            ));
        }
    };
    Ok(Unplanned { line: line(given.line_number)?, quantity: Quantity::new(given.quantity)?, reason })
}

fn line(number: u32) -> Result<LineNo, Invalid> {
    let number = u16::try_from(number).ok().filter(|number| *number > 0);
    number.map(LineNo).ok_or_else(|| Invalid::new("line number", "must be 1 to 65535"))
}

fn instant(given: Option<&prost_types::Timestamp>) -> Result<Timestamp, Invalid> {
    let given = given.ok_or_else(|| Invalid::new("time", "is not given"))?;
    let ms =
        given.seconds.checked_mul(1000).and_then(|ms| ms.checked_add(i64::from(given.nanos) / 1_000_000));
    ms.map(Timestamp::from_ms).ok_or_else(|| Invalid::new("time", "is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{from_proto, to_proto};
    use waybill_service_kit::Fields;
    use waybill_types::exchange::{AskedFor, Destination, PlanLine};
    use waybill_types::network::LocalDay;
    use waybill_types::{Channel, Country, Currency, GeoPoint, OrderId, OwnerId, PostalCode, Sku};

    /// A question and a plan come out on the other side as they went in, so that planning elsewhere is planning here.
    #[test]
    fn questions_and_plans_cross_the_wire_unchanged() {
        let at = Timestamp::from_ms;
        let node = NodeId::new("n").unwrap();
        let asked = PlanRequest {
            lines: vec![
                PlanLine {
                    line: LineNo(3),
                    sku: Sku::new("A").unwrap(),
                    owner: OwnerId::new("acme").unwrap(),
                    quantity: Quantity::of(2),
                    delivery: Delivery::Ship,
                },
                PlanLine {
                    line: LineNo(9),
                    sku: Sku::new("B").unwrap(),
                    owner: OwnerId::main(),
                    quantity: Quantity::ONE,
                    delivery: Delivery::Pickup(node.clone()),
                },
            ],
            destination: Some(Destination {
                country: Country::new("DE").unwrap(),
                postal_code: Some(PostalCode::new("10115").unwrap()),
                point: Some(GeoPoint::new(52_500_000, 13_400_000).unwrap()),
            }),
            now: at(1_700_000_000_123),
            release_at: at(1_700_000_500_000),
            excluded: vec![NodeId::new("x").unwrap()],
            pinned: vec![Claim {
                sku: Sku::new("A").unwrap(),
                owner: OwnerId::new("acme").unwrap(),
                node: node.clone(),
                quantity: Quantity::ONE,
            }],
            own: vec![Claim {
                sku: Sku::new("B").unwrap(),
                owner: OwnerId::main(),
                node: node.clone(),
                quantity: Quantity::of(7),
            }],
            channel: Some(Channel::new("web").unwrap()),
            asked_for: Some(AskedFor { order: OrderId::new(3, 77), attempt: 2 }),
        };
        let mut fields = Fields::new();
        let read = from_proto::plan::question(&mut fields, &question(&asked), at(0)).unwrap();
        assert!(fields.is_fine());
        assert_eq!(read, asked);

        let made = Plan {
            assignments: vec![Assignment {
                line: LineNo(3),
                node,
                quantity: Quantity::of(2),
                service: Some(ServiceId::new("std").unwrap()),
                ship_by: at(1_700_001_000_000),
                promise: PromiseWindow { earliest: at(1_700_002_000_000), latest: at(1_700_003_000_007) },
                ship_day: Some(LocalDay(19_676)),
            }],
            unplanned: vec![Unplanned {
                line: LineNo(9),
                quantity: Quantity::ONE,
                reason: UnplannedReason::NoPickup,
            }],
            cost: vec![CostTerm { name: Text::new("parcel").unwrap(), minor: -3 }],
            lower_bound_minor: -5,
            stamp: PlanStamp { network: 4, policy: 2, mirror: 99 },
        };
        assert_eq!(plan(&to_proto::plan::plan(&made, Currency::new("JPY").unwrap())), Ok(made));
    }
}
