//! Decisions kept by this process: shown, checked again, and planned once more under another policy. Reading them takes no partition's
//! time; the counting is done off the reactor, one decision after the other.

use super::policy::policy_of;
use crate::decisions::{DecisionLog, Entry, Then};
use crate::door::Shared;
use crate::to_proto::decision as to_proto;
use std::pin::Pin;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use waybill_machine::{Code, Coded};
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::values::time_or_none;
use waybill_service_kit::{Caller, DoorError, Fields, status};
use waybill_sourcing::decision::Record;
use waybill_sourcing::{PolicyVersion, Recount};
use waybill_types::{OrderId, Role, Timestamp};

/// No decision of this order is kept here.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "no decision of order {order} is kept here: it was never planned, or its decisions were the oldest and are gone"
)]
pub(super) struct NoSuchDecision {
    pub(super) order: OrderId,
    pub(super) attempt: u32,
}

impl Coded for NoSuchDecision {
    fn code(&self) -> Code {
        Code::Unknown
    }
    fn reason(&self) -> &'static str {
        "DECISION_UNKNOWN"
    }
    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("order_id", self.order.to_string()), ("attempt", self.attempt.to_string())]
    }
}

pub(super) fn log(door: &Shared) -> Result<DecisionLog, DoorError> {
    let kept = door.planner.decisions.clone();
    kept.ok_or_else(|| DoorError::IllegalNow { what: "this process keeps no sourcing decisions".into() })
}

pub(super) fn unreadable(error: &std::io::Error) -> DoorError {
    DoorError::Bug { what: format!("kept decisions: {error}") }
}

/// Operators may, and other processes, which ask for their callers.
pub(super) fn allowed(caller: &Caller, what: &str) -> Result<(), DoorError> {
    match caller.role {
        Role::Peer => Ok(()),
        _ => caller.must_be_operator(what),
    }
}

/// Counting a decision again takes milliseconds; other calls go on meanwhile.
async fn off_the_reactor<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, Status> + Send + 'static,
) -> Result<R, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DoorError::Bug { what: format!("a decision was not counted: {error}") })?
}

pub(crate) async fn get(
    door: &Shared,
    message: proto::GetSourcingDecisionRequest,
) -> Result<proto::GetSourcingDecisionResponse, Status> {
    let mut fields = Fields::new();
    let order = fields.check("order_id", message.order_id.parse::<OrderId>());
    let order = fields.finish(order)?;
    let (log, attempt) = (log(door)?, message.attempt);
    off_the_reactor(move || {
        let found = log.get(order, attempt).map_err(|error| unreadable(&error))?;
        let Some((record, then)) = found else { return Err(status(&NoSuchDecision { order, attempt })) };
        let shown = record.explain(&then.network, &then.policy);
        let Some(shown) = shown else {
            let what = format!("the zone of the decision of {order} is not in its network");
            return Err(DoorError::Bug { what }.into());
        };
        let mut decision = to_proto::decision(&record, &shown, then.policy.policy.currency);
        decision.findings = findings(&record, &then);
        decision.kept_bytes = kept_bytes(&record) as u32;
        let (values, check) = to_proto::values(&record, &then);
        (decision.line_values, decision.bound_check) = (values, check.into());
        Ok(proto::GetSourcingDecisionResponse { decision: Some(decision) })
    })
    .await
}

fn findings(record: &Record, then: &Then) -> Vec<String> {
    record.verify(&then.network, &then.policy).iter().map(ToString::to_string).collect()
}

fn kept_bytes(record: &Record) -> u64 {
    waybill_machine::record::encode(record).len() as u64
}

/// Which decisions a call is about.
pub(super) struct Which {
    pub(super) order: Option<OrderId>,
    from_ms: i64,
    until_ms: i64,
}

impl Which {
    pub(super) fn read(
        fields: &mut Fields,
        order_id: &str,
        from: Option<&prost_types::Timestamp>,
        until: Option<&prost_types::Timestamp>,
    ) -> Option<Self> {
        let order = fields.check_unless_empty("order_id", order_id, str::parse::<OrderId>);
        let from = time_or_none(fields, "from_time", from)?.unwrap_or(Timestamp::ZERO);
        let until = time_or_none(fields, "until_time", until)?.unwrap_or(Timestamp::from_ms(i64::MAX));
        if until <= from {
            fields.wrong("until_time", "is not after from_time");
        }
        if !order_id.is_empty() && order.is_none() {
            return None;
        }
        Some(Self { order, from_ms: from.as_ms(), until_ms: until.as_ms() })
    }

    pub(super) fn entries(&self, log: &DecisionLog) -> Result<Vec<Entry>, Status> {
        let mut found = log.between(self.from_ms, self.until_ms).map_err(|error| unreadable(&error))?;
        found.retain(|entry| self.order.is_none_or(|order| entry.asked_for.order == order));
        Ok(found)
    }
}

pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Runs `work` on a thread of its own, which ends when nobody listens any more.
pub(super) fn stream<T: Send + 'static>(
    buffer: usize,
    work: impl FnOnce(&mpsc::Sender<Result<T, Status>>) -> Result<(), Status> + Send + 'static,
) -> Answers<T> {
    let (answers, listened) = mpsc::channel(buffer.max(1));
    tokio::task::spawn_blocking(move || {
        if let Err(status) = work(&answers) {
            // Without a listener there is nobody to tell.
            drop(answers.blocking_send(Err(status)));
        }
    });
    Box::pin(ReceiverStream::new(listened))
}

/// A message at least after so many decisions, so that a bar moves.
const TELL_EVERY: u64 = 100;

pub(crate) fn verify(
    door: &Shared,
    caller: &Caller,
    message: proto::VerifySourcingDecisionsRequest,
) -> Result<Answers<proto::VerifySourcingDecisionsResponse>, Status> {
    let mut fields = Fields::new();
    let (from, until) = (message.from_time.as_ref(), message.until_time.as_ref());
    let which = Which::read(&mut fields, &message.order_id, from, until);
    let which = fields.finish(which)?;
    allowed(caller, "have all decisions checked again")?;
    let log = log(door)?;
    Ok(stream(door.settings.stream_buffer, move |answers| {
        let entries = which.entries(&log)?;
        let mut told =
            proto::VerifySourcingDecisionsResponse { total: entries.len() as u64, ..Default::default() };
        for entry in &entries {
            told.checked += 1;
            match log.read(entry) {
                Ok(Some((record, then))) => {
                    told.proven += u64::from(record.is_proven());
                    told.whole += u64::from(record.whole);
                    told.kept_bytes += kept_bytes(&record);
                    told.findings = findings(&record, &then);
                    let held = record.recount(&then.network, &then.policy) == Some(Recount::Holds);
                    told.bounds_held += u64::from(held);
                }
                Ok(None) => told.gone += 1,
                Err(error) => told.findings = vec![error.to_string()],
            }
            let wrong = !told.findings.is_empty();
            if wrong {
                told.order_id = entry.asked_for.order.to_string();
                told.attempt = entry.asked_for.attempt;
            }
            let last = told.checked == told.total;
            if (wrong || last || told.checked.is_multiple_of(TELL_EVERY))
                && answers.blocking_send(Ok(told.clone())).is_err()
            {
                return Ok(());
            }
            told.order_id.clear();
            told.findings.clear();
            told.attempt = 0;
        }
        if told.total == 0 {
            drop(answers.blocking_send(Ok(told)));
        }
        Ok(())
    }))
}

pub(crate) fn compare(
    door: &Shared,
    caller: &Caller,
    message: proto::CompareSourcingPolicyRequest,
) -> Result<Answers<proto::CompareSourcingPolicyResponse>, Status> {
    let mut fields = Fields::new();
    let (from, until) = (message.from_time.as_ref(), message.until_time.as_ref());
    let which = Which::read(&mut fields, &message.order_id, from, until);
    let other = Other::read(&mut fields, &message);
    let (which, other) = fields.finish(which.zip(other))?;
    allowed(caller, "try a sourcing policy on past decisions")?;
    let log = log(door)?;
    let view = message.current_network.then(|| door.network.view());
    Ok(stream(door.settings.stream_buffer, move |answers| {
        let mut entries = which.entries(&log)?;
        match which.order {
            // Of one order what counts in the end, of a day what came in.
            Some(_) => {
                entries =
                    entries.into_iter().max_by_key(|entry| entry.asked_for.attempt).into_iter().collect()
            }
            None => entries.retain(|entry| entry.asked_for.attempt == 1),
        }
        if let (Some(order), true) = (which.order, entries.is_empty()) {
            return Err(status(&NoSuchDecision { order, attempt: 0 }));
        }
        let total = entries.len() as u64;
        for (done, entry) in (1..).zip(&entries) {
            let read = log.read(entry).map_err(|error| unreadable(&error))?;
            let comparison = read.filter(|(record, _)| record.whole).and_then(|(record, then)| {
                let network = view.as_ref().map_or(&then.network, |view| &view.network);
                other.compared(&record, &then, network)
            });
            let answer = proto::CompareSourcingPolicyResponse { total, done, comparison };
            if answers.blocking_send(Ok(answer)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }))
}

/// What a decision is compared with.
enum Other {
    /// The plan under this policy.
    Policy(PolicyVersion),
    /// The plan of the rule, under the policy of then.
    NearestComplete,
}

impl Other {
    fn read(fields: &mut Fields, message: &proto::CompareSourcingPolicyRequest) -> Option<Self> {
        match proto::UsualRule::try_from(message.usual_rule) {
            Ok(proto::UsualRule::Unspecified) => {
                let policy = policy_of(fields, message.policy.as_ref())?;
                Some(Self::Policy(PolicyVersion { version: 0, policy }))
            }
            Ok(proto::UsualRule::NearestComplete) => {
                if message.policy.is_some() {
                    fields.wrong("policy", "is given beside usual_rule; leave one of the two out");
                }
                if message.current_network {
                    fields.wrong(
                        "current_network",
                        "is given beside usual_rule, which is asked over the network of then",
                    );
                }
                Some(Self::NearestComplete)
            }
            Err(_) => {
                fields
                    .wrong("usual_rule", format!("is {}, must be a rule that is known", message.usual_rule));
                None
            }
        }
    }

    fn compared(
        &self,
        record: &Record,
        then: &Then,
        network: &waybill_sourcing::Network,
    ) -> Option<proto::PolicyComparison> {
        let (plan, currency) = match self {
            Self::Policy(policy) => (record.under(&then.network, network, policy)?, policy.policy.currency),
            Self::NearestComplete => {
                (record.by_nearest_complete(&then.network, &then.policy)?, then.policy.policy.currency)
            }
        };
        Some(proto::PolicyComparison {
            order_id: record.asked_for.order.to_string(),
            attempt: record.asked_for.attempt,
            plan_time: Some(crate::to_proto::time(record.now)),
            was: Some(to_proto::figures(record, &record.plan, &then.network, then.policy.policy.currency)),
            would_be: Some(to_proto::figures(record, &plan, network, currency)),
        })
    }
}
