//! The journal and what a cluster agrees through, in one schema of a database that speaks PostgreSQL's wire protocol.
//! Durability, replication and consensus are the database's; it refuses to know what the bytes mean.
//!
//! The decisions are in `docs/adr/0016-postgres-journal.md`. Tested against PostgreSQL 15; the SQL is of the kind that
//! CockroachDB and YugabyteDB accept, which nobody has tried here.
//!
//! # Tables, and the statements on them
//!
//! | table | a row is | written by |
//! |---|---|---|
//! | `meta` | `version` of the layout, random name of the `cluster` | the first open; compared by every connection |
//! | `logs` | a log that was claimed, and through where it was trimmed, with that frame's hash and byte total | first claim; trim |
//! | `frames` | a frame: `log`, `seq`, `epoch`, `writer`, `hash`, `bytes_total`, `body`; key (`log`, `seq`) | append, claim |
//! | `leases` | a log's `holder` until `expires`, and whose it is wished to be | hold, release, wish |
//! | `members` | a process: `name`, `instance`, address, services, versions, until `expires` | beat, leave |
//! | `bases` | a whole base: the frame it stands at, how many chunks and bytes, their hash, their `id` | finishing a base |
//! | `base_chunks` | a chunk of what has this `id` | writing a base |
//! | `base_drafts` | an `id` whose chunks are nobody's: being written, or `dead` and being removed | writing, finishing, removing |
//! | `vault` | one row: the vault's id, the secret of its digests, how many keys it handed out | founding; adding keys |
//! | `subject_keys` | a key by its number; empty once erased | adding, erasing |
//!
//! - **append**: `insert into frames select .. from frames p where` the frame before is this writer's, of this epoch and
//!   hash. One row: stored. None, or the number is taken: `select` what stands at the number and at the end, and compare.
//! - **claim**: look at the end, at the newest base; the same insert with epoch + 1 and no body. Taken: begin anew.
//! - **read**: frames from one before (for its hash) up to 512 further, cut where `bytes_total` passes the bound. Nothing found:
//!   look at `logs` for what was trimmed, and at the end for a hole.
//! - **tail**: the last frame of every watched log in one `lateral` select, every 10 ms; only logs that others write.
//! - **trim**: how far (the older base; `keep_bytes`, found by halving over `bytes_total`), `update logs`, then delete 500 or 32 MiB at a time.
//! - **hold**: `insert into leases .. on conflict do update .. where` it is the asker's, nobody's, or lapsed, `returning` what was taken.
//! - **finish a base**: read all chunks back; in one transaction take the draft, insert the base, make drafts of all but two.
//! - **add keys**: one statement raises `vault.handed_out` and inserts the rows below it.
//! - **erase a key**: `update subject_keys set secret = null`.
//!
//! Every statement has a time-out, here and on the server. Those that may be carried out twice are repeated with waits of 5 to
//! 250 ms until the caller's patience ends; an append is repeated too, since its key lets it be carried out only once.

mod arrive;
mod bases;
mod fault;
mod frames;
mod journal;
mod keys;
mod leases;
mod log;
mod members;
mod options;
mod pool;
mod read;
mod safety;
mod schema;
#[cfg(feature = "server")]
pub mod server;
mod shared;
mod tail;
mod tls;
mod trim;

pub use journal::PostgresJournal;
pub use options::Options;
