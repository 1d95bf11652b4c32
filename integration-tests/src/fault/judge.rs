//! The judge: everything the ledger says was acknowledged is there, every retry answers the same, the laws hold.

use super::ledger::{Answer, Ask, Entry, lock, send};
use super::load::Traffic;
use crate::engine::Engine;
use anyhow::{bail, ensure};
use futures::StreamExt;
use tonic::transport::Channel;
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{GetOrderRequest, get_order_request};

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// Requests sent.
    pub sent: usize,
    /// Of those, acknowledged.
    pub acknowledged: usize,
    /// Of those, unknown when the fault came and settled by a retry.
    pub settled_by_retry: usize,
    /// Things the audit checked.
    pub audited: u64,
}

/// Judges a run against an engine that is up again.
///
/// # Errors
/// What was lost, doubled, changed or broken.
pub(crate) async fn judge(traffic: &Traffic, engine: &Engine) -> anyhow::Result<Verdict> {
    let mut verdict = ledger_holds(traffic, &engine.channel().await?, 0).await?;
    engine.settle().await?;
    verdict.audited = engine.audit().await?;
    Ok(verdict)
}

/// Judges what was asked since entry `first` by asking again: nothing acknowledged is lost, nothing is doubled.
///
/// # Errors
/// What was lost, doubled or changed.
pub(crate) async fn ledger_holds(
    traffic: &Traffic,
    channel: &Channel,
    first: usize,
) -> anyhow::Result<Verdict> {
    let entries = traffic.ledger.entries();
    let entries = &entries[first..];
    let mut verdict = Verdict { sent: entries.len(), ..Verdict::default() };
    verdict.settled_by_retry = settle_unknown(traffic, channel, entries, first).await?;
    let entries = traffic.ledger.entries().split_off(first);
    verdict.acknowledged =
        entries.iter().filter(|e| matches!(&e.answer, Some(a) if !matches!(a, Answer::Refused(_)))).count();
    let judged = futures::stream::iter(entries.iter().map(|entry| one(channel, entry))).buffer_unordered(64);
    let faults: Vec<String> =
        judged.filter_map(|found| async { found.err().map(|e| e.to_string()) }).collect().await;
    ensure!(
        faults.is_empty(),
        "{} fault(s), such as: {}",
        faults.len(),
        faults.iter().take(5).cloned().collect::<Vec<_>>().join("; ")
    );
    let seen = lock(&traffic.ledger.faults).clone();
    ensure!(seen.is_empty(), "nodes saw {} fault(s), such as: {}", seen.len(), seen[0]);
    Ok(verdict)
}

/// Retries what is unknown under the same request id until there is an answer.
async fn settle_unknown(
    traffic: &Traffic,
    channel: &Channel,
    entries: &[Entry],
    first: usize,
) -> anyhow::Result<usize> {
    let unknown: Vec<usize> = (0..entries.len()).filter(|index| entries[*index].answer.is_none()).collect();
    for index in &unknown {
        let mut answer = None;
        for _ in 0..50 {
            answer = send(channel, &entries[*index].ask).await;
            if answer.is_some() {
                break;
            }
        }
        let Some(answer) = answer else { bail!("no answer to {:?}", entries[*index].ask) };
        traffic.ledger.answered(first + index, answer);
    }
    Ok(unknown.len())
}

/// The answer to a retry is the first one. Two things it shows are of the present: a hold that has lapsed meanwhile is
/// said to have lapsed, and a fulfilment order is shown as it is now.
fn is_same(first: &Answer, again: &Answer) -> bool {
    match (first, again) {
        (Answer::Reserved(_), Answer::Refused(code)) => *code == tonic::Code::FailedPrecondition,
        (Answer::Stepped(then), Answer::Stepped(now)) => then <= now,
        (first, again) => first == again,
    }
}

async fn one(channel: &Channel, entry: &Entry) -> anyhow::Result<()> {
    let Some(answer) = &entry.answer else { bail!("{:?} has no answer", entry.ask) };
    if matches!(answer, Answer::Refused(_)) {
        return Ok(());
    }
    let again = send(channel, &entry.ask).await;
    ensure!(
        again.as_ref().is_some_and(|again| is_same(answer, again)),
        "answered {answer:?}, a retry {again:?}: {:?}",
        entry.ask
    );
    if let (Ask::Place(request), Answer::Placed(id)) = (&entry.ask, answer) {
        let key = Some(get_order_request::Key::OrderId(id.clone()));
        let found = OrdersServiceClient::new(channel.clone())
            .get_order(GetOrderRequest { key, ..Default::default() })
            .await?
            .into_inner();
        let Some(order) = found.order else { bail!("order {id} was acknowledged and is not there") };
        ensure!(order.external_order_number == request.external_order_number, "order {id} is another one");
        let asked: i64 = request.lines.iter().map(|line| line.quantity).sum();
        let has: i64 = order.lines.iter().map(|line| line.quantity).sum();
        ensure!(asked == has, "order {id} was placed with {asked} units and has {has}");
    }
    Ok(())
}
