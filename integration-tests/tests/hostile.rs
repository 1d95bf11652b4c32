//! What nobody may send, sent to every method of the contracts: the right refusal, with its details, and no change.
//!
//! Every field of every request gets values out of its range one by one, every method gets bytes that are no message, and
//! a table adds what is sound in form and still must be refused. Afterwards the sound requests are sent, so that a request
//! refused for the wrong reason is noticed.

#[path = "hostile/judge.rs"]
mod judge;
#[path = "hostile/people.rs"]
mod people;
#[path = "hostile/raw.rs"]
mod raw;
#[path = "hostile/rows.rs"]
mod rows;
#[path = "hostile/sound.rs"]
mod sound;
#[path = "hostile/values.rs"]
mod values;
#[path = "hostile/world.rs"]
mod world;

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::StreamExt;
use judge::{Expected, Told, fault, told};
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use raw::{Outcome, call};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tonic::transport::Channel;

/// Calls at once.
const WIDTH: usize = 16;
/// How long an open stream may stay silent before it counts as open.
const LISTEN: Duration = Duration::from_millis(400);

fn contracts() -> anyhow::Result<DescriptorPool> {
    Ok(DescriptorPool::decode(waybill_proto::FILE_DESCRIPTOR_SET)?)
}

/// One call that must be refused.
struct Attack {
    method: MethodDescriptor,
    what: String,
    message: Bytes,
    expected: Expected,
}

async fn send(channel: &Channel, method: &MethodDescriptor, message: Bytes) -> Outcome {
    let between_processes = [".PartitionService.", ".OwnershipService."];
    let is_for_peers = between_processes.iter().any(|service| method.full_name().contains(service));
    let role = if is_for_peers { "peer" } else { "operator" };
    let listen = method.is_server_streaming().then_some(LISTEN);
    call(channel, &sound::path(method), role, message, listen).await
}

async fn attack(channel: &Channel, attack: Attack) -> Option<String> {
    let outcome = send(channel, &attack.method, attack.message).await;
    let told = told(&attack.method, outcome);
    fault(&attack.expected, &told)
        .map(|why| format!("{} with {}: {why}", attack.method.full_name(), attack.what))
}

/// Everything that no caller may send.
fn attacks(pool: &DescriptorPool, facts: &sound::Facts) -> anyhow::Result<Vec<Attack>> {
    let mut all = Vec::new();
    for sound in sound::table(facts) {
        let method = sound::method(pool, sound.method)?;
        let message = sound::message(&method, &sound.request)?;
        for hostile in values::hostile(&message) {
            if !judge::is_legal(&hostile) {
                let what = format!("{} of {}", hostile.path, hostile.what);
                let expected = Expected::for_value(&hostile);
                all.push(Attack { method: method.clone(), what, message: hostile.message, expected });
            }
        }
        for (what, message) in values::garbage(&message.encode_to_vec()) {
            let what = what.to_owned();
            all.push(Attack { method: method.clone(), what, message, expected: Expected::undecodable() });
        }
    }
    for row in rows::table(facts) {
        let method = sound::method(pool, row.method)?;
        let sound = sound::table(facts).into_iter().find(|sound| sound.method == row.method);
        let mut request = sound.with_context(|| format!("{} has no sound request", row.method))?.request;
        for (at, value) in &row.changes {
            change(&mut request, at, value.clone());
        }
        let mut message = sound::message(&method, &request)?;
        if !row.changes.iter().any(|(at, _)| *at == "/requestId") {
            values::own_request_id(&mut message, all.len());
        }
        let message = message.encode_to_vec().into();
        let expected = Expected::for_row(&row);
        all.push(Attack { method, what: row.what.to_owned(), message, expected });
    }
    Ok(all)
}

/// Puts a value at a JSON pointer; its last step may be new.
fn change(request: &mut Value, at: &str, value: Value) {
    if let Some(there) = request.pointer_mut(at) {
        *there = value;
    } else if let Some((above, name)) = at.rsplit_once('/')
        && let Some(Value::Object(above)) = request.pointer_mut(above)
    {
        above.insert(name.to_owned(), value);
    }
}

#[test]
fn every_method_has_a_sound_request() -> anyhow::Result<()> {
    let pool = contracts()?;
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let methods: BTreeSet<String> = methods.map(|method| method.full_name().to_owned()).collect();
    let table = sound::table(&sound::Facts::default());
    let listed: BTreeSet<String> = table.iter().map(|sound| format!("waybill.{}", sound.method)).collect();
    let missing: Vec<_> = methods.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&methods).collect();
    ensure!(
        missing.is_empty() && unknown.is_empty(),
        "no sound request for {missing:?}; no method {unknown:?}"
    );
    ensure!(listed.len() == table.len(), "a method is listed twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_request_is_refused_with_its_reason_and_changes_nothing() -> anyhow::Result<()> {
    let pool = contracts()?;
    let (world, facts) = world::open().await?;
    let all = attacks(&pool, &facts)?;
    let count = all.len();
    ensure!(count > 1_500, "only {count} attacks were made of {} methods", sound::table(&facts).len());
    let mut by_method: BTreeMap<String, Vec<Attack>> = BTreeMap::new();
    for attack in all {
        by_method.entry(attack.method.full_name().to_owned()).or_default().push(attack);
    }
    let channel = world.channel();
    let mut faults = Vec::new();
    let held = world::holdings(&world).await?;
    let mut before = world::sequences(&world).await?;
    for (method, attacks) in by_method {
        let found = attacks.into_iter().map(|one| attack(&channel, one));
        let found = futures::stream::iter(found).buffer_unordered(WIDTH);
        faults.extend(found.filter_map(|fault| async { fault }).collect::<Vec<_>>().await);
        let after = world::sequences(&world).await?;
        if after != before && !judge::journals_refusals(&method) {
            faults.push(format!("{method}: a refused request was journaled: {before:?} became {after:?}"));
        }
        before = after;
    }
    ensure!(faults.is_empty(), "{} of {count} attacks:\n{}", faults.len(), faults.join("\n"));
    let holds = world::holdings(&world).await?;
    ensure!(holds == held, "refused requests changed something:\n{held}became\n{holds}");
    world.check().await?;
    println!("{count} hostile requests were refused");
    every_sound_request_is_taken(&pool, &world.channel(), facts).await
}

/// Shows that the attacks failed for what was wrong with them and for nothing else.
async fn every_sound_request_is_taken(
    pool: &DescriptorPool,
    channel: &Channel,
    mut facts: sound::Facts,
) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for index in 0..sound::table(&facts).len() {
        let sound = sound::table(&facts).swap_remove(index);
        let method = sound::method(pool, sound.method)?;
        let mut message = sound::message(&method, &sound.request)?;
        values::own_request_id(&mut message, usize::MAX - index);
        let outcome = send(channel, &method, message.encode_to_vec().into()).await;
        if let Outcome::Answered(answer) = &outcome {
            world::follow(&mut facts, &method, answer)?;
        }
        match told(&method, outcome) {
            Told::Answered => {}
            Told::Refused { code: tonic::Code::InvalidArgument, .. } if sound.method == sound::SEALED => {}
            Told::Refused { reason, .. } if sound::OUT_OF_TURN.contains(&(sound.method, reason.as_str())) => {
            }
            other => faults.push(format!("{}: {other:?}", sound.method)),
        }
    }
    ensure!(faults.is_empty(), "sound requests were not taken:\n{}", faults.join("\n"));
    Ok(())
}

#[tokio::test]
async fn administration_is_for_operators_and_deliveries_are_for_peers() -> anyhow::Result<()> {
    let pool = contracts()?;
    let (world, facts) = world::open().await?;
    for sound in sound::table(&facts) {
        let allowed = match sound.method {
            name if name.starts_with("common.v1.AdminService.") => "operator",
            name if name.starts_with("common.v1.ClusterService.") => "operator",
            name if name.starts_with("common.v1.PartitionService.") => "peer",
            name if name.starts_with("common.v1.OwnershipService.") => "peer",
            _ => continue,
        };
        let method = sound::method(&pool, sound.method)?;
        let message: Bytes = sound::message(&method, &sound.request)?.encode_to_vec().into();
        for role in ["operator", "channel", "node", "peer"].into_iter().filter(|role| *role != allowed) {
            let outcome =
                call(&world.channel(), &sound::path(&method), role, message.clone(), Some(LISTEN)).await;
            let told = told(&method, outcome);
            let refused = matches!(&told, Told::Refused { code: tonic::Code::PermissionDenied, .. });
            ensure!(refused, "{} as {role}: {told:?}", sound.method);
        }
        let outcome = call(&world.channel(), &sound::path(&method), "king", message, Some(LISTEN)).await;
        let told = told(&method, outcome);
        let refused = matches!(&told, Told::Refused { code: tonic::Code::InvalidArgument, .. });
        ensure!(refused, "{} in a role that is none: {told:?}", sound.method);
    }
    Ok(())
}
