//! Streams that are full, damaged, cut, or written to by others: found out by every reader and owner, and never skipped.

mod servers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use servers::{MAX_FRAME, Servers, ledger::body};
use waybill_journal::cluster::{BaseWriter, Bases};
use waybill_journal::{Claim, Error, Journal, LogId};
use waybill_journal_nats::NatsJournal;

const LOG: LogId = LogId(4);
const STREAM: &str = "waybill-log-4";

async fn fill(journal: &NatsJournal, frames: u64) -> Claim {
    let mut claim = journal.claim(LOG).await.expect("claim");
    for seq in claim.head.seq + 1..=frames {
        claim.head = journal.append(LOG, claim.epoch, seq, body(LOG, seq)).await.expect("append");
    }
    claim
}

/// Reads on until something is wrong, and says what.
fn first_fault(journal: &NatsJournal) -> Option<(u64, Error)> {
    let mut next = 1;
    loop {
        match journal.read(LOG, next, 2000) {
            Ok(frames) if frames.is_empty() => return None,
            Ok(frames) => next += frames.len() as u64,
            Err(error) => return Some((next, error)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stranger_publishes_is_no_frame_and_stops_owner_and_readers() {
    let servers = Servers::start(1);
    let journal = servers.open();
    let claim = fill(&journal, 20).await;
    let answer = servers.raw(0).ask("waybill.log.4", "not a frame");
    assert!(answer.contains("\"seq\":21"), "{answer}");
    let refused = journal.append(LOG, claim.epoch, 21, body(LOG, 21)).await;
    assert!(matches!(refused, Err(Error::BadChain { at: 21 })), "{refused:?}");
    let found = first_fault(&journal);
    assert!(matches!(found, Some((21, Error::BadChain { at: 21 }))), "{found:?}");
    let claimed = journal.claim(LOG).await;
    assert!(matches!(claimed, Err(Error::BadChain { at: 21 })), "{claimed:?}");
    let opened = NatsJournal::open(servers.options());
    assert!(matches!(opened.err(), Some(Error::BadChain { at: 21 })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_copied_from_elsewhere_breaks_the_chain() {
    let servers = Servers::start(1);
    let journal = servers.open();
    fill(&journal, 20).await;
    // Frame 20 again, whole and with a good hash, at a place that is not its own.
    let stored = servers.raw(0).ask(&format!("$JS.API.STREAM.MSG.GET.{STREAM}"), r#"{"seq":20}"#);
    let stored: serde_json::Value = serde_json::from_str(&stored).expect("an answer");
    use base64::Engine as _;
    let data = stored["message"]["data"].as_str().expect("it has bytes");
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
    servers.raw(0).publish("waybill.log.4", &bytes);
    let found = first_fault(&journal);
    assert!(matches!(found, Some((21, Error::BadChain { at: 21 }))), "{found:?}");
}

/// The files with the stream's messages.
fn blocks(servers: &Servers, at: usize) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in dir.read_dir().expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "blk") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&servers.store(at), &mut found);
    found.retain(|path| path.to_string_lossy().contains(STREAM));
    assert!(!found.is_empty(), "the stream has no files");
    found
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_block_is_a_hole_and_not_a_shorter_log() {
    let mut servers = Servers::start(1);
    let journal = servers.open();
    fill(&journal, 60).await;
    drop(journal);
    servers.end(0);
    damage_frame_30(&servers, 0);
    servers.start_one(0);
    let journal = match NatsJournal::open(servers.options()) {
        Ok(journal) => journal,
        Err(error) => {
            let named = matches!(error, Error::Hole { .. } | Error::BadChain { .. } | Error::LostTail { .. });
            assert!(named, "{error}");
            return;
        }
    };
    let found = first_fault(&journal);
    println!("one server with a damaged frame 30: {found:?}");
    assert!(is_named(&found), "{found:?}");
}

/// The fault is found at the damaged frame 30 at the latest, and by its name.
fn is_named(found: &Option<(u64, Error)>) -> bool {
    let damage =
        |error: &Error| matches!(error, Error::Hole { .. } | Error::BadChain { .. } | Error::LostTail { .. });
    found.as_ref().is_some_and(|(at, error)| *at <= 30 && damage(error))
}

fn damage_frame_30(servers: &Servers, at: usize) {
    let mut damaged = 0;
    for path in blocks(servers, at) {
        let mut bytes = std::fs::read(&path).expect("the block is read");
        if let Some(at) = find(&bytes, b"log 4 frame 30 ") {
            bytes[at + 3] ^= 0x55;
            std::fs::write(&path, bytes).expect("the block is written");
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1, "frame 30 stands in one place");
}

/// Has a server lead the log's stream.
fn make_leader(servers: &Servers, wanted: usize) {
    let began = Instant::now();
    let preferred = format!("{{\"placement\":{{\"preferred\":\"{}\"}}}}", servers.servers[wanted].name);
    while servers.leader(STREAM) != wanted {
        let answer = servers.raw(wanted).ask(&format!("$JS.API.STREAM.LEADER.STEPDOWN.{STREAM}"), &preferred);
        assert!(began.elapsed() < Duration::from_secs(30), "{wanted} does not lead: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_replica_that_leads_is_found_out_and_healed_by_wiping_it() {
    let mut servers = Servers::start(3);
    let journal = servers.open();
    fill(&journal, 60).await;
    drop(journal);
    let damaged = (servers.leader(STREAM) + 1) % 3;
    servers.end(damaged);
    damage_frame_30(&servers, damaged);
    servers.start_one(damaged);
    make_leader(&servers, damaged);
    let journal = servers.open();
    let found = first_fault(&journal);
    println!("a damaged replica leads: {found:?}");
    assert!(is_named(&found), "{found:?}");

    servers.kill(damaged);
    std::fs::remove_dir_all(servers.store(damaged)).expect("wiped");
    let began = Instant::now();
    while first_fault(&journal).is_some() {
        assert!(began.elapsed() < Duration::from_secs(30), "whole replicas do not take over");
    }
    servers.start_one(damaged);
    make_leader(&servers, damaged);
    assert!(first_fault(&journal).is_none(), "the wiped replica got all of it from the others");
    fill(&journal, 70).await;
    assert_eq!(waybill_journal::conformance::read_all(&journal, LOG).len(), 70);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_set_back_to_an_earlier_copy_is_not_written_to() {
    let mut servers = Servers::start(1);
    let journal = servers.open();
    fill(&journal, 20).await;
    servers.end(0);
    let (store, copy) = (servers.store(0), servers.store(0).with_extension("copy"));
    copy_dir(&store, &copy);
    servers.start_one(0);
    // The same handle, which comes back by itself.
    let claim = fill(&journal, 60).await;
    servers.end(0);
    std::fs::remove_dir_all(&store).expect("removed");
    copy_dir(&copy, &store);
    servers.start_one(0);
    let claimed = journal.claim(LOG).await;
    assert!(matches!(claimed, Err(Error::LostTail { expected: 60, found: 20, .. })), "{claimed:?}");
    let refused = journal.append(LOG, claim.epoch, 61, body(LOG, 61)).await;
    assert!(matches!(refused, Err(Error::LostTail { expected: 60, found: 20, .. })), "{refused:?}");
    let read = first_fault(&journal);
    assert!(matches!(read, Some((21, Error::LostTail { .. }))), "{read:?}");
    let mut options = servers.options();
    options.expected_heads = vec![(LOG, 60)];
    let opened = NatsJournal::open(options).err();
    assert!(matches!(opened, Some(Error::LostTail { expected: 60, found: 20, .. })), "{opened:?}");
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in from.read_dir().expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_log_refuses_and_goes_on_after_a_trim() {
    let servers = Servers::start(1);
    let mut options = servers.options();
    options.log_bytes = 2 << 20;
    let journal = NatsJournal::open(options).expect("open");
    let claim = journal.claim(LOG).await.expect("claim");
    let (mut head, large) = (claim.head, Bytes::from(vec![7; MAX_FRAME as usize]));
    let mut heads = vec![head];
    let refused = loop {
        match journal.append(LOG, claim.epoch, head.seq + 1, large.clone()).await {
            Ok(next) => head = next,
            Err(error) => break error,
        }
        heads.push(head);
        assert!(head.seq < 20, "the log is never full");
    };
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    assert!(matches!(journal.ensure_room(LOG), Err(Error::Full { .. })));
    assert!(heads.len() >= 7, "{} frames of {MAX_FRAME} bytes in 2 MiB", heads.len());
    let read = waybill_journal::conformance::read_all(&journal, LOG);
    assert_eq!(
        read.last().map(waybill_journal::Frame::head),
        Some(head),
        "nothing of the refused frame is there"
    );

    let mut base: Box<dyn BaseWriter> = journal.begin_base(LOG, heads[4]).await.expect("begin a base");
    base.chunk(Bytes::from_static(b"state")).await.expect("a chunk");
    base.finish().await.expect("a base");
    journal.trim(LOG, heads[4].seq).expect("trim");
    let asked = Instant::now();
    while journal.ensure_room(LOG).is_err() {
        assert!(asked.elapsed() < Duration::from_secs(20), "room is never found again");
        tokio::task::yield_now().await;
    }
    head = journal.append(LOG, claim.epoch, head.seq + 1, large).await.expect("there is room again");
    assert_eq!(head.seq, heads.len() as u64 + 1, "the place of the refused frame was not used");
    let room = journal.room().into_iter().find(|room| room.log == LOG).expect("the log is known");
    assert_eq!(room.bytes_max, 2 << 20);
    assert!(room.bytes > u64::from(heads.len() as u32 - 5) * MAX_FRAME && room.bytes < 2 << 20, "{room:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_of_the_default_largest_size_goes_through() {
    let servers = Servers::start(1);
    let mut options = servers.options();
    options.max_frame_bytes = 4 << 20;
    let journal = NatsJournal::open(options).expect("open");
    let claim = journal.claim(LOG).await.expect("claim");
    let large = Bytes::from((0..4u32 << 20).map(|at| (at ^ (at >> 9)) as u8).collect::<Vec<u8>>());
    for seq in 2..5 {
        journal.append(LOG, claim.epoch, seq, large.clone()).await.expect("append");
    }
    let more = Bytes::from(vec![1; large.len() + 1]);
    assert!(matches!(journal.append(LOG, claim.epoch, 5, more).await, Err(Error::TooLarge { .. })));
    drop(journal);
    let frames = waybill_journal::conformance::read_all(&servers.open(), LOG);
    assert_eq!(frames.len(), 4);
    assert!(frames[1..].iter().all(|frame| frame.body == large));
}

/// Random enough to be found in no other file.
fn secret(of: u8) -> Bytes {
    Bytes::from((0..32u8).map(|at| at.wrapping_mul(37).wrapping_add(of) ^ 0xa5).collect::<Vec<u8>>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_key_is_overwritten_in_the_servers_files() {
    use waybill_journal::cluster::{Key, Keys, VaultIdentity};
    let mut servers = Servers::start(1);
    let journal = servers.open();
    journal.found_vault(VaultIdentity { id: [1; 16], digest_secret: [2; 32] }).await.expect("founded");
    let first = journal.add_keys(vec![secret(1), secret(2)]).await.expect("added");
    assert!(is_on_disk(&servers, &secret(1)) && is_on_disk(&servers, &secret(2)), "the search finds keys");
    journal.erase_key(first).await.expect("erased");
    let found = journal.keys(&[first, first + 1]).await.expect("read");
    assert_eq!(found, [Key::Erased, Key::Live(secret(2))]);
    assert!(!is_on_disk(&servers, &secret(1)), "the erased key is still in a file");
    drop(journal);
    servers.end(0);
    servers.start_one(0);
    assert!(!is_on_disk(&servers, &secret(1)), "the erased key came back");
    let found = servers.open().keys(&[first, first + 1]).await.expect("read");
    assert_eq!(found, [Key::Erased, Key::Live(secret(2))]);
}

fn is_on_disk(servers: &Servers, wanted: &[u8]) -> bool {
    fn walk(dir: &Path, wanted: &[u8]) -> bool {
        dir.read_dir().expect("a directory").any(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                return walk(&path, wanted);
            }
            // A file may be replaced meanwhile.
            std::fs::read(&path).is_ok_and(|bytes| find(&bytes, wanted).is_some())
        })
    }
    walk(&servers.store(0), wanted)
}
