//! Kept decisions, wherever they are kept: each process of several keeps those of the plans that it made, so the one that is
//! asked asks all others too. Another process that asks is answered for this one alone. Counts no decision itself.

use super::decision::{self, Answers};
use super::project as projected;
use crate::door::Shared;
use crate::surroundings::OtherPlanner;
use futures::future::join_all;
use futures::{StreamExt, stream};
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use waybill_machine::{Code, Coded};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::sourcing_service_client::SourcingServiceClient;
use waybill_service_kit::caller::ROLE;
use waybill_service_kit::{Caller, DoorError, status};
use waybill_types::Role;

/// How long another process may take for one decision, which it counts within milliseconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// A decision over a network of thousands of nodes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

type Client = SourcingServiceClient<Channel>;

/// No process that answers keeps a decision of this order.
#[derive(Debug, thiserror::Error)]
#[error(
    "no process that is there keeps a decision of order {order_id}; {away} may keep it, and shows it again when it is back"
)]
struct KeptByNobodyHere {
    order_id: String,
    attempt: u32,
    away: String,
}

impl Coded for KeptByNobodyHere {
    fn code(&self) -> Code {
        Code::Unknown
    }
    fn reason(&self) -> &'static str {
        "DECISION_UNKNOWN"
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        let attempt = self.attempt.to_string();
        vec![("order_id", self.order_id.clone()), ("attempt", attempt), ("away", self.away.clone())]
    }
}

/// Who is to be asked besides this process. A process that asks has asked all others itself.
fn others(door: &Shared, caller: &Caller) -> Vec<OtherPlanner> {
    match (&door.others, caller.role) {
        (None, _) | (_, Role::Peer) => Vec::new(),
        (Some(others), _) => others.living(),
    }
}

fn client(other: &OtherPlanner) -> Client {
    SourcingServiceClient::new(other.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
}

fn as_peer<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(ROLE, tonic::metadata::MetadataValue::from_static("peer"));
    request
}

/// What a process says that keeps no such decision, or none at all.
fn keeps_none(status: &Status) -> bool {
    matches!(status.code(), tonic::Code::NotFound | tonic::Code::FailedPrecondition)
}

fn silent(other: &OtherPlanner, status: &Status) -> Status {
    let what = format!("decisions that {} keeps: {:?}, {}", other.name, status.code(), status.message());
    DoorError::Unavailable { what }.into()
}

/// A decision and who keeps it; `None` is this process.
struct Found {
    answer: proto::GetSourcingDecisionResponse,
    at: Option<OtherPlanner>,
}

/// The last of the decisions that fit. Where one attempt was planned twice, since its first planner was lost before the order
/// heard of it, the later plan is the order's.
async fn find(
    door: &Shared,
    others: Vec<OtherPlanner>,
    asked: &proto::GetSourcingDecisionRequest,
) -> Result<Found, Status> {
    let there = join_all(others.into_iter().map(|other| async move {
        let mut client = client(&other);
        let answer = client.get_sourcing_decision(as_peer(asked.clone()));
        let answer = tokio::time::timeout(ANSWERED_WITHIN, answer).await;
        let late = |_| Err(Status::deadline_exceeded("no answer in time"));
        (other, answer.unwrap_or_else(late).map(Response::into_inner))
    }));
    let (here, there) = futures::join!(decision::get(door, asked.clone()), there);
    let (mut found, mut none, mut unheard) = (None, None, None);
    match here {
        Ok(answer) => found = Some(Found { answer, at: None }),
        Err(status) if keeps_none(&status) => none = Some(status),
        // What is wrong with the question is wrong everywhere.
        Err(status) => return Err(status),
    }
    for (other, answer) in there {
        match answer {
            Ok(answer) if found.as_ref().is_none_or(|found| age(&found.answer) < age(&answer)) => {
                found = Some(Found { answer, at: Some(other) });
            }
            Err(status) if !keeps_none(&status) => unheard = Some(silent(&other, &status)),
            Ok(_) | Err(_) => {}
        }
    }
    let away = door.others.as_ref().map(|others| others.away()).unwrap_or_default();
    match (found, unheard, none) {
        (Some(found), ..) => Ok(found),
        (None, Some(unheard), _) => Err(unheard),
        (None, None, _) if !away.is_empty() => {
            let (order_id, attempt) = (asked.order_id.clone(), asked.attempt);
            Err(status(&KeptByNobodyHere { order_id, attempt, away: away.join(", ") }))
        }
        (None, None, Some(none)) => Err(none),
        (None, None, None) => Err(DoorError::Bug { what: "nobody was asked for a decision".into() }.into()),
    }
}

/// Which of two decisions of an order is the later one.
fn age(answer: &proto::GetSourcingDecisionResponse) -> (u32, i64, i32) {
    let decision = answer.decision.as_ref();
    let at = decision.and_then(|decision| decision.plan_time).unwrap_or_default();
    (decision.map_or(0, |decision| decision.attempt), at.seconds, at.nanos)
}

pub(crate) async fn get(
    door: &Shared,
    caller: &Caller,
    message: proto::GetSourcingDecisionRequest,
) -> Result<proto::GetSourcingDecisionResponse, Status> {
    match caller.role {
        Role::Peer => decision::get(door, message).await,
        _ => Ok(find(door, others(door, caller), &message).await?.answer),
    }
}

pub(crate) async fn verify(
    door: &Shared,
    caller: &Caller,
    message: proto::VerifySourcingDecisionsRequest,
) -> Result<Answers<proto::VerifySourcingDecisionsResponse>, Status> {
    let here = decision::verify(door, caller, message.clone());
    let ask = async |mut client: Client| client.verify_sourcing_decisions(as_peer(message.clone())).await;
    from_all(others(door, caller), here, ask).await
}

pub(crate) async fn compare(
    door: &Shared,
    caller: &Caller,
    message: proto::CompareSourcingPolicyRequest,
) -> Result<Answers<proto::CompareSourcingPolicyResponse>, Status> {
    let here = decision::compare(door, caller, message.clone());
    let ask = async |mut client: Client| client.compare_sourcing_policy(as_peer(message.clone())).await;
    match message.order_id.as_str() {
        "" => from_all(others(door, caller), here, ask).await,
        order => from_one(door, others(door, caller), order, here, ask).await,
    }
}

pub(crate) async fn project(
    door: &Shared,
    caller: &Caller,
    message: proto::ProjectSourcingDecisionsRequest,
) -> Result<Answers<proto::ProjectSourcingDecisionsResponse>, Status> {
    let here = projected::project(door, caller, message.clone());
    let ask = async |mut client: Client| client.project_sourcing_decisions(as_peer(message.clone())).await;
    match message.order_id.as_str() {
        "" => from_all(others(door, caller), here, ask).await,
        order => from_one(door, others(door, caller), order, here, ask).await,
    }
}

/// What whoever keeps the order's last decision says of it.
async fn from_one<T: Send + 'static, F>(
    door: &Shared,
    others: Vec<OtherPlanner>,
    order_id: &str,
    here: Result<Answers<T>, Status>,
    ask: impl FnOnce(Client) -> F,
) -> Result<Answers<T>, Status>
where
    F: Future<Output = Result<Response<Streaming<T>>, Status>>,
{
    if others.is_empty() || here.as_ref().is_err_and(|status| !keeps_none(status)) {
        return here;
    }
    let last = proto::GetSourcingDecisionRequest { order_id: order_id.to_owned(), attempt: 0 };
    match find(door, others, &last).await?.at {
        None => here,
        Some(other) => match ask(client(&other)).await {
            Ok(answers) => Ok(Box::pin(answers.into_inner())),
            Err(status) => Err(silent(&other, &status)),
        },
    }
}

/// What all of them say. Where one does not answer there is no whole answer, and so none.
async fn from_all<T: Told, F>(
    others: Vec<OtherPlanner>,
    here: Result<Answers<T>, Status>,
    ask: impl Fn(Client) -> F,
) -> Result<Answers<T>, Status>
where
    F: Future<Output = Result<Response<Streaming<T>>, Status>>,
{
    if others.is_empty() || here.as_ref().is_err_and(|status| !keeps_none(status)) {
        return here;
    }
    let there = join_all(others.iter().map(|other| ask(client(other)))).await;
    let mut sources = Vec::new();
    for (other, answers) in others.iter().zip(there) {
        match answers {
            Ok(answers) => sources.push(Box::pin(answers.into_inner()) as Answers<T>),
            Err(status) if keeps_none(&status) => {}
            Err(status) => return Err(silent(other, &status)),
        }
    }
    match here {
        Ok(here) => sources.push(here),
        Err(none) if sources.is_empty() => return Err(none),
        Err(_) => {}
    }
    Ok(together(sources))
}

/// A message of a stream that counts what it has told of.
trait Told: Clone + Send + 'static {
    /// The same where nothing was told of yet.
    fn at_the_beginning(&self) -> Self;
    /// Counts in what another stream has told.
    fn count_in(&mut self, other: &Self);
}

impl Told for proto::VerifySourcingDecisionsResponse {
    fn at_the_beginning(&self) -> Self {
        Self { total: self.total, ..Self::default() }
    }
    fn count_in(&mut self, other: &Self) {
        self.total += other.total;
        self.checked += other.checked;
        self.proven += other.proven;
        self.whole += other.whole;
        self.gone += other.gone;
        self.kept_bytes += other.kept_bytes;
        self.bounds_held += other.bounds_held;
    }
}

impl Told for proto::CompareSourcingPolicyResponse {
    fn at_the_beginning(&self) -> Self {
        Self { total: self.total, ..Self::default() }
    }
    fn count_in(&mut self, other: &Self) {
        self.total += other.total;
        self.done += other.done;
    }
}

impl Told for proto::ProjectSourcingDecisionsResponse {
    fn at_the_beginning(&self) -> Self {
        Self { total: self.total, ..Self::default() }
    }
    fn count_in(&mut self, other: &Self) {
        self.total += other.total;
        self.done += other.done;
    }
}

/// One stream of several, each message with the counts of all.
fn together<T: Told>(mut sources: Vec<Answers<T>>) -> Answers<T> {
    let (answers, listened) = mpsc::channel(1);
    tokio::spawn(async move {
        // The first of each says how much there is: the sum is told from the beginning.
        let firsts = join_all(sources.iter_mut().map(StreamExt::next)).await;
        let beginning = |first: &Option<Result<T, Status>>| {
            first.as_ref().and_then(|first| first.as_ref().ok()).map(T::at_the_beginning)
        };
        let mut last: Vec<Option<T>> = firsts.iter().map(beginning).collect();
        let firsts = firsts.into_iter().enumerate().filter_map(|(source, first)| Some((source, first?)));
        let rest = sources.into_iter().enumerate();
        let rest = stream::select_all(rest.map(|(source, all)| all.map(move |one| (source, one))));
        let mut all = stream::iter(firsts).chain(rest);
        while let Some((source, one)) = all.next().await {
            let told = one.map(|one| {
                let mut told = one.clone();
                last[source] = Some(one);
                let others = last.iter().enumerate().filter(|(other, _)| *other != source);
                others.filter_map(|(_, other)| other.as_ref()).for_each(|other| told.count_in(other));
                told
            });
            let ends = told.is_err();
            if answers.send(told).await.is_err() || ends {
                return;
            }
        }
    });
    Box::pin(ReceiverStream::new(listened))
}
