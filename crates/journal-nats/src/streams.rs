//! The streams: their names, their settings with the reasons, and that an existing one has them. Knows no frame.

use serde_json::{Value, json};
use waybill_journal::{Error, LogId};

use crate::fault::{Fault, Patience, code};
use crate::options::{MESSAGE_ALLOWANCE_BYTES, Options};
use crate::wire::{Info, Wire};

/// Names of streams and subjects under one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(crate) fn log(&self, log: LogId) -> String {
        format!("{}-log-{log}", self.prefix)
    }

    pub(crate) fn log_subject(&self, log: LogId) -> String {
        format!("{}.log.{log}", self.prefix)
    }

    /// Subjects of all logs.
    pub(crate) fn log_subjects(&self) -> String {
        format!("{}.log.*", self.prefix)
    }

    /// Where the servers say that a log has grown.
    pub(crate) fn moved(&self, log: LogId) -> String {
        format!("{}.moved.{log}", self.prefix)
    }

    /// The log of a stream's name.
    pub(crate) fn log_of(&self, stream: &str) -> Option<LogId> {
        stream.strip_prefix(&self.prefix)?.strip_prefix("-log-")?.parse().ok().map(LogId)
    }

    pub(crate) fn tables(&self) -> String {
        format!("{}-tables", self.prefix)
    }

    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.table.{name}", self.prefix)
    }

    pub(crate) fn bases(&self) -> String {
        format!("{}-bases", self.prefix)
    }

    /// Subjects of everything written of a log's bases.
    pub(crate) fn bases_of(&self, log: LogId) -> String {
        format!("{}.base.{log}.>", self.prefix)
    }

    /// Subjects of what one writer wrote, from the token in a base's record.
    pub(crate) fn base(&self, log: LogId, token: &str) -> String {
        format!("{}.base.{log}.{token}", self.prefix)
    }

    pub(crate) fn keys(&self) -> String {
        format!("{}-keys", self.prefix)
    }

    pub(crate) fn key_block(&self, block: u64) -> String {
        format!("{}.keys.{block}", self.prefix)
    }
}

/// What every stream has, and why.
fn common(options: &Options, name: &str, subject: &str) -> Value {
    json!({
        "name": name,
        "subjects": [subject],
        "num_replicas": options.replicas,
        // Survives the servers' restart.
        "storage": "file",
        // Nothing goes by itself: not by age, by number, or because somebody read it.
        "retention": "limits",
        "max_age": 0,
        "max_msgs": -1,
        "max_consumers": -1,
        // A full stream refuses; the default would drop the oldest.
        "discard": "new",
        // Reads are the leader's. A direct read may come from a server that is behind.
        "allow_direct": false,
        "allow_rollup_hdrs": false,
        // Nothing here is told from a repeat by a message's id.
        "duplicate_window": 1_000_000_000u64,
    })
}

fn with(mut config: Value, more: Value) -> Value {
    if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
        config.extend(more);
    }
    config
}

pub(crate) fn log_config(options: &Options, names: &Names, log: LogId) -> Value {
    let subject = names.log_subject(log);
    let more = json!({
        "max_bytes": options.log_bytes,
        "max_msgs_per_subject": -1,
        "max_msg_size": options.max_frame_bytes + MESSAGE_ALLOWANCE_BYTES,
        // Only whole beginnings go, by purge; nobody can take a frame out of the middle.
        "deny_delete": true,
        "deny_purge": false,
        // Tells who watches that there is more; the frames are read from the stream all the same.
        "republish": { "src": subject, "dest": names.moved(log), "headers_only": true },
    });
    with(common(options, &names.log(log), &subject), more)
}

/// Rows that change: the newest message of a subject is the row, and older ones go at once.
pub(crate) fn tables_config(options: &Options, names: &Names) -> Value {
    let more = json!({ "max_bytes": -1, "max_msgs_per_subject": 1, "deny_delete": true, "deny_purge": true });
    with(common(options, &names.tables(), &names.table(">")), more)
}

pub(crate) fn bases_config(options: &Options, names: &Names) -> Value {
    let more =
        json!({ "max_bytes": -1, "max_msgs_per_subject": 1, "deny_delete": true, "deny_purge": false });
    with(common(options, &names.bases(), &format!("{}.base.>", names.prefix)), more)
}

/// Older versions of a block are deleted by us, since only a delete overwrites their bytes.
pub(crate) fn keys_config(options: &Options, names: &Names) -> Value {
    let more =
        json!({ "max_bytes": -1, "max_msgs_per_subject": -1, "deny_delete": false, "deny_purge": true });
    with(common(options, &names.keys(), &format!("{}.keys.*", names.prefix)), more)
}

/// Settings that must be as wanted, since what the journal promises rests on them. Sizes may differ.
const MUST: [&str; 11] = [
    "subjects",
    "storage",
    "retention",
    "max_age",
    "max_msgs",
    "max_msgs_per_subject",
    "discard",
    "allow_direct",
    "allow_rollup_hdrs",
    "deny_delete",
    "deny_purge",
];
/// Settings that must not be there at all: what comes in would not be what was sent, or would go by itself.
const MUST_NOT: [&str; 10] = [
    "mirror",
    "sources",
    "subject_transform",
    "sealed",
    "no_ack",
    "discard_new_per_subject",
    "mirror_direct",
    "allow_msg_ttl",
    "allow_msg_counter",
    "allow_msg_schedules",
];

/// A setting's value, where absent and zero are the same.
fn plain(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => json!(false),
        Some(Value::Number(number)) if number.as_i64() == Some(0) => json!(false),
        Some(Value::Array(list)) if list.is_empty() => json!(false),
        Some(other) => other.clone(),
    }
}

/// Compares an existing stream's settings with those wanted.
///
/// # Errors
/// [`Error::Options`] naming the stream and the setting.
pub(crate) fn check_config(wanted: &Value, found: &Value) -> Result<(), Error> {
    let name = wanted["name"].as_str().unwrap_or_default();
    let refuse = |what: String| Err(Error::Options { what: format!("the stream {name} {what}") });
    for key in MUST {
        let (want, have) = (plain(wanted.get(key)), plain(found.get(key)));
        if want != have {
            return refuse(format!("has {key} {have}, and must have {want}: change it, or use another name"));
        }
    }
    for key in MUST_NOT {
        let have = plain(found.get(key));
        if have != json!(false) {
            return refuse(format!("has {key} {have}, which must not be set"));
        }
    }
    if found["persist_mode"].as_str() == Some("async") {
        return refuse("has persist_mode async: it acknowledges what is not stored yet".to_owned());
    }
    let replicas = |config: &Value| config["num_replicas"].as_u64().unwrap_or(1);
    if replicas(found) < replicas(wanted) {
        let (have, want) = (replicas(found), replicas(wanted));
        return refuse(format!(
            "has {have} replicas, and must have {want}: raise them with `nats stream edit`"
        ));
    }
    let size = found["max_msg_size"].as_i64().unwrap_or(-1);
    let needed = wanted["max_msg_size"].as_i64().unwrap_or(0);
    if size != -1 && size != 0 && size < needed {
        return refuse(format!("has max_msg_size {size}, and must have {needed} at least"));
    }
    let limited = |config: &Value| config["max_bytes"].as_i64().is_some_and(|bytes| bytes > 0);
    if limited(wanted) && !limited(found) {
        return refuse(
            "has no max_bytes: without it one log takes the whole disk from the others".to_owned(),
        );
    }
    Ok(())
}

/// Makes the stream where it is missing, and checks it where it stands. Asks again while the servers find together.
///
/// # Errors
/// [`Error::Options`] for one that stands with other settings; [`Error::Engine`]; [`Error::Full`] where the servers cannot
/// set its bytes aside.
pub(crate) async fn ensure(wire: &Wire, wanted: &Value, patience: &mut Patience) -> Result<Info, Error> {
    let name = wanted["name"].as_str().unwrap_or_default();
    loop {
        let found = match wire.info(name, None, patience.left()).await {
            Ok(Some(info)) => Ok(info),
            Ok(None) => wire.call::<Info>(&format!("STREAM.CREATE.{name}"), wanted, patience.left()).await,
            Err(fault) => Err(fault),
        };
        match found {
            Ok(info) => return check_config(wanted, &info.config).map(|()| info),
            Err(fault) if fault.is_full() => return Err(full(wanted, &fault)),
            // Made by another process since it was looked for, with settings that are looked at next.
            Err(Fault::Refused { code: code::NAME_IN_USE, .. }) => {
                patience.pause(&"the stream is being made").await?;
            }
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

fn full(wanted: &Value, fault: &Fault) -> Error {
    let bytes = wanted["max_bytes"].as_u64().unwrap_or(0);
    let name = wanted["name"].as_str().unwrap_or_default();
    tracing::warn!(stream = name, bytes, %fault, "the servers have no room for a stream");
    Error::Full { needed_bytes: bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Access, SyncCheck};

    fn wanted() -> Value {
        let options = Options::new(vec![String::new()], Access::Open, SyncCheck::Vouched);
        log_config(&options, &Names::new("waybill"), LogId(7))
    }

    #[test]
    fn a_stream_as_it_was_made_is_accepted() {
        check_config(&wanted(), &wanted()).expect("the same settings");
        let larger = with(wanted(), json!({ "max_bytes": 1u64 << 40, "num_replicas": 5 }));
        check_config(&wanted(), &larger).expect("an operator may give it more");
    }

    #[test]
    fn every_setting_that_would_lose_frames_is_refused_by_name() {
        for (key, value) in [
            ("storage", json!("memory")),
            ("retention", json!("workqueue")),
            ("max_age", json!(1)),
            ("max_msgs", json!(100)),
            ("max_msgs_per_subject", json!(1)),
            ("discard", json!("old")),
            ("allow_direct", json!(true)),
            ("allow_rollup_hdrs", json!(true)),
            ("deny_delete", json!(false)),
            ("deny_purge", json!(true)),
            ("subjects", json!(["other"])),
            ("num_replicas", json!(1)),
            ("max_bytes", json!(-1)),
            ("max_msg_size", json!(100)),
            ("persist_mode", json!("async")),
            ("no_ack", json!(true)),
            ("sealed", json!(true)),
            ("allow_msg_ttl", json!(true)),
            ("mirror", json!({ "name": "other" })),
            ("sources", json!([{ "name": "other" }])),
        ] {
            let found = with(wanted(), json!({ key: value }));
            let refused = check_config(&wanted(), &found).expect_err(key).to_string();
            assert!(refused.contains(key.trim_start_matches("num_")), "{refused} does not name {key}");
        }
    }

    #[test]
    fn names_lead_back_to_their_logs() {
        let names = Names::new("waybill");
        assert_eq!(names.log_of(&names.log(LogId(65_535))), Some(LogId(65_535)));
        for other in ["waybill-log-", "waybill-log-65536", "other-log-1", "waybill-tables"] {
            assert_eq!(names.log_of(other), None, "{other}");
        }
    }
}
