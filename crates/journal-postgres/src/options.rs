//! Settings of the PostgreSQL journal, with their ranges. Knows no configuration file.

use std::path::PathBuf;
use std::time::Duration;

use waybill_journal::{Error, LogId};

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct Options {
    /// As PostgreSQL writes it: `postgres://user:password@host:5432/database`, several hosts separated by commas, or
    /// `host=/run/postgresql user=waybill`. Of several hosts the one that takes writes is used. Nothing is encrypted unless it
    /// says `sslmode=require`, `verify-ca` or `verify-full`, with `sslrootcert=FILE` for authorities of one's own.
    pub url: String,
    /// Files with certificates (PEM) of authorities that the server's must come from, beside `sslrootcert`.
    pub authorities: Vec<PathBuf>,
    /// The schema with everything in it; one per cluster. Default `waybill`; lower-case letters, digits and
    /// underscores, at most 48, beginning with a letter.
    pub schema: String,
    /// Connections for frames, bases and keys. Two more carry leases and members, so that these never wait behind a
    /// base. Default 8; 1 to 200.
    pub connections: usize,
    /// Longest time for one statement before its connection is given up. Default 5 s; 10 ms to 10 min.
    pub statement_timeout: Duration,
    /// Longest time for a call about leases and members, repeats included. Default 2 s; 10 ms to 10 min.
    pub control_timeout: Duration,
    /// How long an append, claim, read or base is tried again while the database does not answer. Default 60 s.
    pub patience: Duration,
    /// How often watched logs of others are looked at. Default 10 ms; 1 ms to 10 s.
    pub poll: Duration,
    /// Bytes of frame bodies to keep per log behind what may be trimmed, for streams that resume. Default 64 MiB.
    pub keep_bytes: u64,
    /// Largest frame body in bytes. Default 8 MiB; 1 byte to 64 MiB.
    pub max_frame_bytes: u64,
    /// High-water marks kept elsewhere: opening fails with [`Error::LostTail`] if a log ends before its mark.
    pub expected_heads: Vec<(LogId, u64)>,
    /// Runs on a server that may lose or tear what it has acknowledged. For throw-away data only.
    pub allow_unsafe: bool,
}

impl std::fmt::Debug for Options {
    /// Never shows the URL, which may have a password in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Options {
    /// The defaults for the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            authorities: Vec::new(),
            schema: "waybill".to_owned(),
            connections: 8,
            statement_timeout: Duration::from_secs(5),
            control_timeout: Duration::from_secs(2),
            patience: Duration::from_secs(60),
            poll: Duration::from_millis(10),
            keep_bytes: 64 << 20,
            max_frame_bytes: 8 << 20,
            expected_heads: Vec::new(),
            allow_unsafe: false,
        }
    }

    /// Looks at the settings alone; opening does it too.
    ///
    /// # Errors
    /// [`Error::Options`] naming the setting that is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::Options { what });
        let name = self.schema.as_bytes();
        let letters = name.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_');
        if !letters || name.len() > 48 || !name.first().is_some_and(u8::is_ascii_lowercase) {
            return refuse(format!(
                "schema is {:?}, allowed are 1 to 48 lower-case letters, digits and underscores, a letter first",
                self.schema
            ));
        }
        if !(1..=200).contains(&self.connections) {
            return refuse(format!("connections is {}, allowed are 1 to 200", self.connections));
        }
        let (ms, min) = (Duration::from_millis, Duration::from_secs(60));
        for (what, value, least, most) in [
            ("statement_timeout", self.statement_timeout, ms(10), 10 * min),
            ("control_timeout", self.control_timeout, ms(10), 10 * min),
            ("patience", self.patience, ms(0), 60 * min),
            ("poll", self.poll, ms(1), ms(10_000)),
        ] {
            if value < least || value > most {
                return refuse(format!("{what} is {value:?}, allowed are {least:?} to {most:?}"));
            }
        }
        if self.max_frame_bytes == 0 || self.max_frame_bytes > 64 << 20 {
            return refuse(format!("max_frame_bytes is {}, allowed are 1 to 64 MiB", self.max_frame_bytes));
        }
        crate::tls::target(self).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut Options)) -> String {
        let mut options = Options::new("postgres://somewhere");
        change(&mut options);
        match options.check() {
            Err(Error::Options { what }) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_are_in_range() {
        Options::new("postgres://somewhere").check().expect("the defaults");
    }

    #[test]
    fn a_schema_that_could_be_more_than_a_name_is_refused() {
        for schema in ["", "a b", "a\"; drop schema waybill", "A", "1a", "_a", "é", &"a".repeat(49)] {
            assert!(refused(|options| options.schema = schema.to_owned()).contains("schema"), "{schema}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        assert!(refused(|o| o.connections = 0).contains("connections"));
        assert!(refused(|o| o.statement_timeout = Duration::ZERO).contains("statement_timeout"));
        assert!(refused(|o| o.control_timeout = Duration::from_secs(3600)).contains("control_timeout"));
        assert!(refused(|o| o.patience = Duration::from_secs(36_000)).contains("patience"));
        assert!(refused(|o| o.poll = Duration::ZERO).contains("poll"));
        assert!(refused(|o| o.max_frame_bytes = (64 << 20) + 1).contains("max_frame_bytes"));
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = format!("{:?}", Options::new("postgres://waybill:hunter2@db/waybill"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
