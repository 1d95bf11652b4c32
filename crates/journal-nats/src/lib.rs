//! The journal and all else that a cluster agrees through, in streams of NATS JetStream. It refuses to know what frames
//! mean, who should own a log, and how many processes there are.
//!
//! [`NatsJournal`] is a [`waybill_journal::Journal`] and has leases, members, bases and keys
//! ([`waybill_journal::cluster`]). Why it is as it is stands in `docs/adr/0018-jetstream-journal.md`.
//!
//! # Streams
//!
//! With the name `waybill`:
//!
//! | stream | subjects | a message is | goes by |
//! |---|---|---|---|
//! | `waybill-log-<n>` | `waybill.log.<n>` | a frame; its number is the frame's sequence | purge of the beginning |
//! | `waybill-tables` | `waybill.table.>` | a row: `leases`, `members`, `vault`, `bases.<n>`, `trim.<n>` | the next of its subject |
//! | `waybill-bases` | `waybill.base.<n>.<token>.<chunk>` | a chunk, behind its hash | purge of the token |
//! | `waybill-keys` | `waybill.keys.<block>` | 256 keys | delete, overwritten |
//!
//! Hints that a log has grown come on `waybill.moved.<n>`, which no stream keeps. Frames are laid out in `src/frame.rs`, rows
//! are CBOR. The application's account needs publish and subscribe on `waybill.>`, `$JS.API.>` and `_INBOX.>`, and nobody else
//! anything on `waybill.>`: what a stranger publishes to a log ends it.
//!
//! # What servers need
//!
//! nats-server 2.15.1 or newer, three of them on disks of their own:
//!
//! ```text
//! max_payload: 8MB                      # the largest frame and 4 KiB at least
//! jetstream {
//!   sync_interval: always               # or a power cut of all servers loses what was acknowledged
//!   store_dir: /var/lib/nats
//!   max_file_store: 200GB               # log_bytes of every log, and the rest
//! }
//! ```
//!
//! `sync_interval` cannot be asked for by an application; see [`SyncCheck`]. Two minutes, the default, lost every one of 45,564
//! acknowledged appends in a power cut of all servers, `always` none of 6,878.
//!
//! Shut a server down with `nats-server --signal ldm`, one at a time: it hands its streams over. Alarm on [`Room`] at 70%: a
//! full log takes nothing, not even a claim.
//!
//! # Figures
//!
//! `bench_nats 3 3` (see `examples/bench_nats.rs`), everything on one machine of two cores at a load of 13 to 15 by other
//! work, built without optimisation; the ratios say more than the figures. Appends a second, each log with one on its way:
//!
//! | | 1 log, 1 KiB | 8 logs, 1 KiB | 1 log, 16 KiB | 8 logs, 16 KiB |
//! |---|---|---|---|---|
//! | local file | 593 | 4,554 | 359 | 16,124 |
//! | one server | 1,120 | 4,765 | 554 | 3,333 |
//! | three servers | 557 | 1,117 | 519 | 927 |
//!
//! Three servers on one machine share its two cores and its disk; on three machines they would not. A log stood still for 6.2 to
//! 7.2 s when its leader was killed, and for 75 to 256 ms when it stepped down (three rounds each).
//!
//! # What an erased key leaves
//!
//! The stream's files lose a key's bytes when `erase_key` answers. The servers' replication log has them until they compact
//! it, by themselves every two minutes or so: in one measured run of three servers the bytes were gone from every file after 160 s.
//! Backups have them for as long as they are kept: give the servers' disks encryption, and their backups a retention.

mod address;
mod arrive;
mod bases;
mod fault;
mod follow;
mod frame;
mod journal;
mod keys;
mod leases;
mod log;
mod members;
mod observed;
mod options;
mod read;
#[cfg(feature = "server")]
pub mod server;
mod servers;
mod shared;
mod slot;
mod streams;
mod table;
mod trim;
mod wire;

pub use address::servers_of;
pub use journal::{NatsJournal, Room};
pub use options::{Access, Options, SyncCheck};
