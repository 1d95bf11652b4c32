//! Kept decisions solved with more than the engine can carry out: what they could have cost. Nothing is planned or
//! reserved by it; the counting is done off the reactor.

use super::decision::{Answers, NoSuchDecision, Which, allowed, log, stream, unreadable};
use super::policy::policy_of;
use crate::door::Shared;
use crate::{from_proto, to_proto};
use tonic::Status;
use waybill_proto::fulfillment::v1 as proto;
use waybill_service_kit::{Caller, Fields, status};
use waybill_sourcing::{Availability as _, PolicyVersion};
use waybill_types::{OwnerId, Sku, Text};

pub(crate) fn project(
    door: &Shared,
    caller: &Caller,
    message: proto::ProjectSourcingDecisionsRequest,
) -> Result<Answers<proto::ProjectSourcingDecisionsResponse>, Status> {
    let mut fields = Fields::new();
    let (from, until) = (message.from_time.as_ref(), message.until_time.as_ref());
    let which = Which::read(&mut fields, &message.order_id, from, until);
    let policy = match &message.policy {
        Some(given) => policy_of(&mut fields, Some(given)).map(Some),
        None => Some(None),
    };
    let stated = from_proto::outlook::stated(&mut fields, &message.stock);
    let wider = from_proto::outlook::means(&mut fields, message.means.as_ref());
    let parsed = which.zip(policy).zip(stated.zip(wider));
    let ((which, policy), (stated, wider)) = fields.finish(parsed)?;
    allowed(caller, "look at past decisions with other means")?;
    let log = log(door)?;
    let view = message.current_network.then(|| door.network.view());
    let mirror = door.planner.stock.clone();
    Ok(stream(door.settings.stream_buffer, move |answers| {
        let mut entries = which.entries(&log)?;
        match which.order {
            Some(_) => {
                entries =
                    entries.into_iter().max_by_key(|entry| entry.asked_for.attempt).into_iter().collect();
            }
            None => entries.retain(|entry| entry.asked_for.attempt == 1),
        }
        if let (Some(order), true) = (which.order, entries.is_empty()) {
            return Err(status(&NoSuchDecision { order, attempt: 0 }));
        }
        let policy = policy.map(|policy| PolicyVersion { version: 0, policy });
        let facts = |sku: &Sku| {
            let known = mirror.basket([(sku, &OwnerId::main())]);
            (known.item(sku), known.class(sku).and_then(|class| Text::new(class).ok()))
        };
        let total = entries.len() as u64;
        for (done, entry) in (1..).zip(&entries) {
            let read = log.read(entry).map_err(|error| unreadable(&error))?;
            let outlook = read.filter(|(record, _)| record.whole).and_then(|(record, then)| {
                let network = view.as_ref().map_or(&then.network, |view| &view.network);
                let policy = policy.as_ref().unwrap_or(&then.policy);
                let found = record.project(&then.network, network, policy, &stated, &wider, facts)?;
                let was = to_proto::decision::figures(
                    &record,
                    &record.plan,
                    &then.network,
                    then.policy.policy.currency,
                );
                Some(to_proto::outlook::outlook(&record, was, &found, network, policy.policy.currency))
            });
            let answer = proto::ProjectSourcingDecisionsResponse { total, done, outlook };
            if answers.blocking_send(Ok(answer)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }))
}
