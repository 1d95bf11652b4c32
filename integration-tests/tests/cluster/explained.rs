//! Why orders are planned as they are, asked of any of three processes: each keeps the decisions that it made, all show all,
//! and what a dead one kept is shown again when it is back.

use crate::shop::{self, Cluster};
use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use waybill_integration_tests::engine::Engine;
use waybill_integration_tests::retailer::order;
use waybill_integration_tests::shared_journal::Kind;
use waybill_integration_tests::world::until;
use waybill_proto::fulfillment::v1::sourcing_service_client::SourcingServiceClient;
use waybill_proto::fulfillment::v1::{
    GetSourcingDecisionRequest, SourcingDecision, VerifySourcingDecisionsRequest,
    VerifySourcingDecisionsResponse,
};
use waybill_proto::orders::v1::{PlaceMode, PlaceOutcome};

/// Orders that are placed: with as many, in as many partitions, each of three processes plans some.
const ORDERS: usize = 24;

/// As another process asks: this one then answers for itself alone.
fn alone<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("waybill-role", tonic::metadata::MetadataValue::from_static("peer"));
    request
}

async fn decision(
    at: &Channel,
    request: impl tonic::IntoRequest<GetSourcingDecisionRequest>,
) -> Result<SourcingDecision, Status> {
    let answer = SourcingServiceClient::new(at.clone()).get_sourcing_decision(request).await?.into_inner();
    answer.decision.ok_or_else(|| Status::internal("an answer without the decision"))
}

fn last_of(order_id: &str) -> GetSourcingDecisionRequest {
    GetSourcingDecisionRequest { order_id: order_id.to_owned(), attempt: 0 }
}

/// What the check of all that is kept comes to.
async fn verified(
    at: &Channel,
    request: Request<VerifySourcingDecisionsRequest>,
) -> anyhow::Result<VerifySourcingDecisionsResponse> {
    let answers = SourcingServiceClient::new(at.clone()).verify_sourcing_decisions(request).await?;
    let (mut answers, mut last) = (answers.into_inner(), None);
    while let Some(answer) = answers.message().await? {
        ensure!(answer.findings.is_empty(), "{answer:?}");
        last = Some(answer);
    }
    last.context("a check that says nothing")
}

pub(crate) async fn by_any_process(kind: Kind) -> anyhow::Result<()> {
    let cluster = Cluster::new(kind)?;
    let engines: [Engine; 3] = cluster.three().await?;
    let mut doors = Vec::new();
    for engine in &engines {
        doors.push(engine.channel().await?);
    }
    let placed = (0..ORDERS).map(|n| {
        let door = &doors[n % doors.len()];
        async move {
            let placed =
                shop::place(door, order(&format!("why-{n}"), &[(n % 4, 1)], PlaceMode::Confirm)).await?;
            ensure!(placed.outcome() == PlaceOutcome::Confirmed, "{placed:?}");
            Ok(placed.order_id)
        }
    });
    let orders: Vec<String> = futures::future::try_join_all(placed).await?;

    // Which processes keep which: one, or two where a partition went over while its order was planned.
    let mut kept: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for order_id in &orders {
        let shown = decision(&doors[0], last_of(order_id)).await?;
        ensure!(shown.order_id == *order_id && shown.findings.is_empty() && shown.repeats, "{shown:?}");
        for (index, door) in doors.iter().enumerate() {
            ensure!(decision(door, last_of(order_id)).await? == shown, "{order_id} at {index}");
            if decision(door, alone(last_of(order_id))).await.is_ok() {
                kept.entry(order_id).or_default().push(index);
            }
        }
    }
    ensure!(kept.len() == orders.len(), "each is kept by somebody: {kept:?}");
    let (mut of_all, mut sum) = (Vec::new(), 0);
    for door in &doors {
        let all = verified(door, Request::new(Default::default())).await?;
        ensure!(all.checked == all.total && all.total >= orders.len() as u64, "{all:?}");
        of_all.push(all.total);
        let own = verified(door, alone(Default::default())).await?.total;
        ensure!(own < all.total, "one process keeps all {own}: nothing is gathered");
        sum += own;
    }
    ensure!(of_all.iter().all(|total| *total == sum), "{of_all:?} are told, {sum} are kept");

    // One that keeps some alone dies: what the others keep is shown, and of what it kept is said where it is.
    let alone_at = kept.iter().find(|(_, at)| at.len() == 1);
    let (theirs, lost) =
        alone_at.map(|(order, at)| (*order, at[0])).context("nothing is kept by one alone")?;
    let ours = kept.iter().find(|(_, at)| !at.contains(&lost)).map(|(order, _)| *order);
    let ours = ours.context("the others keep nothing")?;
    let names = ["a", "b", "c"];
    let mut engines = Vec::from(engines);
    engines.remove(lost).kill().await?;
    let door = doors[(lost + 1) % doors.len()].clone();
    decision(&door, last_of(ours)).await?;
    until("the dead process is named as the one that may know", || async {
        match decision(&door, last_of(theirs)).await {
            // It is not known to be dead yet.
            Err(status) if status.code() == Code::Unavailable => Ok(None),
            Err(status) if status.code() == Code::NotFound => {
                ensure!(status.message().contains(&format!("; {} may keep it", names[lost])), "{status}");
                Ok(Some(()))
            }
            other => anyhow::bail!("{other:?}"),
        }
    })
    .await?;
    engines.push(cluster.start(names[lost]).await?);
    until("what it kept is shown again", || async { Ok(decision(&door, last_of(theirs)).await.ok()) })
        .await?;
    shop::at_rest(&engines.iter().collect::<Vec<_>>()).await
}
