//! Settings of the JetStream journal, with their ranges. Knows no configuration file.

use std::path::PathBuf;
use std::time::Duration;

use waybill_journal::{Error, LogId};

/// Bytes a message may take beyond a frame's or chunk's own: the stored header and what NATS puts around it.
pub(crate) const MESSAGE_ALLOWANCE_BYTES: u64 = 4 << 10;

/// Where the servers are and how they are used.
#[derive(Clone)]
pub struct Options {
    /// Where to connect: `nats://host:4222`, or `tls://host:4222`. The client learns of the others from the first that
    /// answers, but only those named here are tried at the start.
    pub servers: Vec<String>,
    /// Begins the name of every stream and subject, so that several clusters share servers. Default `waybill`;
    /// 1 to 32 lower-case letters, digits and underscores.
    pub name: String,
    /// Who we are to the servers.
    pub access: Access,
    /// Certificates of authorities to trust beside the system's, for `tls://`.
    pub authorities: Vec<PathBuf>,
    /// How it is made sure that servers sync before they acknowledge. There is no default: see [`SyncCheck`].
    pub sync: SyncCheck,
    /// Servers that keep each stream: 1, 3 or 5. Default 3. With 1 the data is as safe as that server's disk.
    pub replicas: usize,
    /// `max_bytes` of one log's stream where it is made here; an existing stream keeps what it has. The servers set
    /// it aside from their `max_file_store` at once. Default 1 GiB; at least four largest frames.
    pub log_bytes: u64,
    /// Largest frame body in bytes. Default 4 MiB; 1 byte to 32 MiB. The servers' `max_payload` must be larger by 4 KiB, and
    /// for the chunks of bases at least 1 MiB and 4 KiB.
    pub max_frame_bytes: u64,
    /// Longest wait for the answer to one request before it counts as lost. Default 2 s; 10 ms to 1 min.
    pub answer_within: Duration,
    /// How long a call is tried again while the servers do not answer, before it fails with [`Error::Engine`].
    /// Default 10 s, since a new leader of a stream is there after 5 to 8 s; 10 ms to 10 min.
    pub patience: Duration,
    /// As `patience`, for calls about leases and members. Default 2 s.
    pub control_patience: Duration,
    /// How often the end of a watched log is asked for, beside the hints that the servers send at each frame. Default
    /// 250 ms; 5 ms to 1 min.
    pub poll: Duration,
    /// Bytes to keep per log behind what may be trimmed, about, for streams that resume. Default 64 MiB; at most half of
    /// `log_bytes`.
    pub keep_bytes: u64,
    /// High-water marks kept elsewhere: opening fails with [`Error::LostTail`] if a log ends before its mark.
    pub expected_heads: Vec<(LogId, u64)>,
}

/// How one shows a NATS server who one is.
#[derive(Clone)]
pub enum Access {
    Open,
    User {
        name: String,
        password: String,
    },
    Token(String),
    /// A `.creds` file, as `nsc` makes it.
    Credentials(PathBuf),
}

/// Whether the servers sync every message before they acknowledge it (`sync_interval: always`). With the default of two
/// minutes, a power cut of all servers loses what was acknowledged. A stream's own settings do not tell, and an
/// ordinary account cannot ask; so either the system account is asked, or a person vouches.
#[derive(Clone)]
pub enum SyncCheck {
    /// Asks every server through the system account at the start, and refuses to start where one that keeps data answers
    /// that it does not sync always or is too old, or where fewer answer than a stream needs to go on.
    AskSystem(Access),
    /// Somebody looked at the configuration of every server. Nothing is checked.
    Vouched,
}

impl std::fmt::Debug for Options {
    /// Never shows servers or access, which may have passwords in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Options");
        shown.field("name", &self.name).field("replicas", &self.replicas).finish_non_exhaustive()
    }
}

impl Options {
    /// The defaults for these servers.
    pub fn new(servers: Vec<String>, access: Access, sync: SyncCheck) -> Self {
        Self {
            servers,
            name: "waybill".to_owned(),
            access,
            authorities: Vec::new(),
            sync,
            replicas: 3,
            log_bytes: 1 << 30,
            max_frame_bytes: 4 << 20,
            answer_within: Duration::from_secs(2),
            patience: Duration::from_secs(10),
            control_patience: Duration::from_secs(2),
            poll: Duration::from_millis(250),
            keep_bytes: 64 << 20,
            expected_heads: Vec::new(),
        }
    }

    /// Looks at the settings alone; opening does it too.
    ///
    /// # Errors
    /// [`Error::Options`] naming the setting that is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::Options { what });
        if self.servers.is_empty() {
            return refuse("servers is empty: name at least one, as nats://host:4222".to_owned());
        }
        let letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.as_bytes().iter().all(letter) {
            return refuse(format!(
                "name is {:?}, allowed are 1 to 32 lower-case letters, digits and underscores",
                self.name
            ));
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return refuse(format!("replicas is {}, allowed are 1, 3 and 5", self.replicas));
        }
        if !(1..=32 << 20).contains(&self.max_frame_bytes) {
            return refuse(format!("max_frame_bytes is {}, allowed are 1 to 32 MiB", self.max_frame_bytes));
        }
        let least = 4 * (self.max_frame_bytes + MESSAGE_ALLOWANCE_BYTES);
        if !(least..=1 << 50).contains(&self.log_bytes) {
            return refuse(format!(
                "log_bytes is {}, allowed are {least} (four largest frames) to 1 PiB",
                self.log_bytes
            ));
        }
        if self.keep_bytes > self.log_bytes / 2 {
            return refuse(format!(
                "keep_bytes is {}, at most half of log_bytes ({}) is allowed",
                self.keep_bytes, self.log_bytes
            ));
        }
        let (ms, min) = (Duration::from_millis, Duration::from_secs(60));
        for (what, value, least, most) in [
            ("answer_within", self.answer_within, ms(10), min),
            ("patience", self.patience, ms(10), 10 * min),
            ("control_patience", self.control_patience, ms(10), 10 * min),
            ("poll", self.poll, ms(5), min),
        ] {
            if !(least..=most).contains(&value) {
                return refuse(format!("{what} is {value:?}, allowed are {least:?} to {most:?}"));
            }
        }
        Ok(())
    }

    /// What a message must be allowed to have.
    pub(crate) fn payload_bytes_needed(&self) -> u64 {
        self.max_frame_bytes.max(waybill_journal::cluster::BASE_CHUNK_BYTES_MAX as u64)
            + MESSAGE_ALLOWANCE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Options {
        Options::new(vec!["nats://127.0.0.1:4222".to_owned()], Access::Open, SyncCheck::Vouched)
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        good().check().expect("the defaults are in range");
        let wrong: [(&str, fn(&mut Options)); 9] = [
            ("servers", |o| o.servers.clear()),
            ("name", |o| o.name = "Way.bill".to_owned()),
            ("replicas", |o| o.replicas = 2),
            ("max_frame_bytes", |o| o.max_frame_bytes = 0),
            ("log_bytes", |o| o.log_bytes = o.max_frame_bytes),
            ("keep_bytes", |o| o.keep_bytes = o.log_bytes),
            ("answer_within", |o| o.answer_within = Duration::ZERO),
            ("control_patience", |o| o.control_patience = Duration::from_secs(601)),
            ("poll", |o| o.poll = Duration::from_millis(1)),
        ];
        for (what, make_wrong) in wrong {
            let mut options = good();
            make_wrong(&mut options);
            let refused = options.check().expect_err("out of range").to_string();
            assert!(refused.contains(what), "{refused} does not name {what}");
        }
    }
}
