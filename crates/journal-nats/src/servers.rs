//! What is asked of the servers before anything is entrusted to them: their version, their largest message, and that
//! they sync what they acknowledge. Knows no stream.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use bytes::Bytes;
use futures::StreamExt;
use serde::Deserialize;
use waybill_journal::Error;

use crate::options::{Access, Options, SyncCheck};
use crate::wire;

/// The oldest version whose faults under damage and failover were looked at.
const OLDEST: [u64; 3] = [2, 15, 1];
/// Longest wait for servers to describe themselves, and for another after the last that did.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
const ANOTHER_WITHIN: Duration = Duration::from_millis(200);

fn refuse<T>(what: String) -> Result<T, Error> {
    Err(Error::Options { what })
}

fn check_version(server: &str, version: &str) -> Result<(), Error> {
    let numbers = version.split(['.', '-']).map_while(|part| part.parse::<u64>().ok());
    let found: Vec<u64> = numbers.take(3).collect();
    let oldest = OLDEST.map(|number| number.to_string()).join(".");
    if found.len() < 3 || found[..] < OLDEST[..] {
        return refuse(format!("the server {server} is version {version}: at least {oldest} is needed"));
    }
    Ok(())
}

/// Looks at the server that the client is connected to.
///
/// # Errors
/// [`Error::Options`] naming what is wrong with it.
pub(crate) fn check_connected(client: &Client, options: &Options) -> Result<(), Error> {
    let server = client.server_info();
    check_version(&server.server_name, &server.version)?;
    if !server.jetstream {
        return refuse(format!("the server {} runs without JetStream", server.server_name));
    }
    let needed = options.payload_bytes_needed();
    if (server.max_payload as u64) < needed {
        return refuse(format!(
            "the server {} takes messages of {} bytes, and {needed} are needed: raise its max_payload",
            server.server_name, server.max_payload
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Description {
    server: Named,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    ver: String,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize, Default)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// Makes sure, as the options say, that what the servers acknowledge is on their disks.
///
/// # Errors
/// [`Error::Options`] where a server does not sync always, or fewer answer than a stream needs to go on; [`Error::Engine`]
/// where the system account cannot be reached.
pub(crate) async fn check_sync(options: &Options) -> Result<(), Error> {
    match &options.sync {
        SyncCheck::Vouched => {
            tracing::warn!(
                "nobody checked that the NATS servers have sync_interval: always; without it a power cut of all loses what was acknowledged"
            );
            Ok(())
        }
        SyncCheck::AskSystem(access) => judge(&ask(options, access).await?, options.replicas),
    }
}

async fn ask(options: &Options, access: &Access) -> Result<Vec<Bytes>, Error> {
    let client = wire::connect(options, access, &Arc::default()).await?;
    let failed =
        |what: String| Error::Engine { what: format!("ask the NATS servers' system account: {what}") };
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| failed(error.to_string()))?;
    let asked = client.publish_with_reply("$SYS.REQ.SERVER.PING.JSZ", inbox, "{}".into()).await;
    asked.map_err(|error| failed(error.to_string()))?;
    let mut found = Vec::new();
    let mut within = ANSWERS_WITHIN;
    while let Ok(Some(answer)) = tokio::time::timeout(within, answers.next()).await {
        found.push(answer.payload);
        within = ANOTHER_WITHIN;
    }
    Ok(found)
}

fn judge(answers: &[Bytes], replicas: usize) -> Result<(), Error> {
    let mut synced = 0;
    for answer in answers {
        let Ok(Description { server, data }) = serde_json::from_slice(answer) else {
            // With no responders the answer is empty: an account that is not the system's hears nobody.
            continue;
        };
        if data.disabled {
            continue;
        }
        check_version(&server.name, &server.ver)?;
        if !data.config.sync_always {
            return refuse(format!(
                "the server {} acknowledges before it syncs: set `jetstream {{ sync_interval: always }}` there",
                server.name
            ));
        }
        synced += 1;
    }
    // With a server down the others go on, and so must a process that starts meanwhile.
    let needed = replicas / 2 + 1;
    if synced < needed {
        return refuse(format!(
            "{synced} servers said that they sync always, and {needed} must: is this the system account?"
        ));
    }
    if synced < replicas {
        tracing::warn!(synced, replicas, "not every NATS server could be asked whether it syncs always");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for good in ["2.15.1", "2.15.2-RC.1", "2.16.0", "3.0.0", "2.15.10"] {
            check_version("a", good).expect(good);
        }
        for old in ["2.15.0", "2.9.25", "1.99.99", "", "2.15", "x.y.z"] {
            check_version("a", old).expect_err(old);
        }
    }

    fn answer(name: &str, data: &str) -> Bytes {
        format!(r#"{{"server":{{"name":"{name}","ver":"2.15.1"}},"data":{data}}}"#).into()
    }

    #[test]
    fn one_server_that_does_not_sync_is_found_among_others() {
        let synced = r#"{"config":{"sync_always":true,"sync_interval":120}}"#;
        let good = [answer("a", synced), answer("b", synced), answer("c", synced)];
        judge(&good, 3).expect("all sync");
        judge(&good[..2], 3).expect("one is down");
        assert!(judge(&good[..1], 3).is_err(), "two did not answer");
        let without = answer("d", r#"{"disabled":true}"#);
        judge(&[&good[..], &[without]].concat(), 3).expect("one that keeps nothing does not matter");
        let bad = answer("d", r#"{"config":{"sync_interval":120}}"#);
        let refused = judge(&[&good[..], &[bad]].concat(), 3).expect_err("does not sync").to_string();
        assert!(refused.contains("server d"), "{refused}");
        assert!(judge(&[Bytes::new()], 1).is_err(), "nobody answered");
    }
}
