//! kill -9 in a loop: the test starts itself again as a writer, kills it while it writes, and looks for everything
//! the writer had said was durable.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::conformance::read_all;
use crate::{ArchivePolicy, Journal, LocalJournal, LogId, Options};

use super::helpers::{body, small};

const WRITER_DIR: &str = "WAYBILL_JOURNAL_TEST_KILL_DIR";
const LOGS: u16 = 4;
const ROUNDS: u64 = 10;

fn options() -> Options {
    Options { archive: ArchivePolicy { keep_bytes: 1 << 30 }, ..small() }
}

#[test]
fn nothing_answered_is_lost_over_kill_nine() {
    if let Some(dir) = std::env::var_os(WRITER_DIR) {
        write_until_killed(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut answered: HashMap<LogId, u64> = HashMap::new();
    for round in 0..ROUNDS {
        let before = answered.clone();
        run_and_kill(dir.path(), 200 + round * 37, &mut answered);
        let expected_heads = answered.iter().map(|(log, seq)| (*log, *seq)).collect();
        let journal = LocalJournal::open(dir.path(), Options { expected_heads, ..options() })
            .unwrap_or_else(|error| panic!("round {round}: {error}"));
        for log in (0..LOGS).map(LogId) {
            assert!(answered[&log] > *before.get(&log).unwrap_or(&0), "round {round}: log {log} moved");
            let frames = read_all(&journal, log);
            assert!(frames.len() as u64 >= answered[&log], "round {round}: log {log} is short");
            for frame in frames.iter().filter(|frame| !frame.is_claim()) {
                assert_eq!(frame.body, body(log, frame.seq, 600), "round {round}");
            }
            journal.trim(log, answered[&log] / 2).unwrap();
        }
    }
}

/// Starts a writer, notes its answers, and kills it with SIGKILL after so many.
fn run_and_kill(dir: &Path, answers: u64, answered: &mut HashMap<LogId, u64>) {
    let name = "local::tests::kill::nothing_answered_is_lost_over_kill_nine";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(WRITER_DIR, dir).stdout(Stdio::piped());
    let mut writer = command.spawn().unwrap();
    let output = BufReader::new(writer.stdout.take().unwrap());
    let mut killed = false;
    let mut seen = 0;
    // Lines already in the pipe when it dies count too: they were printed after the answer.
    for line in output.lines().map_while(Result::ok) {
        let Some((log, seq)) = line.strip_prefix("answered ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let (Ok(log), Ok(seq)) = (log.parse(), seq.parse()) else { continue };
        answered.insert(LogId(log), seq);
        seen += 1;
        if seen >= answers && !killed {
            writer.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the writer ended by itself after {seen} answers");
    let status = writer.wait().unwrap();
    assert!(!status.success());
}

/// The child: appends to all logs at once and prints what was answered, until it is killed.
fn write_until_killed(dir: &Path) -> ! {
    let journal = LocalJournal::open(dir, options()).expect("open");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async {
        let mut heads = Vec::new();
        for log in (0..LOGS).map(LogId) {
            heads.push((log, journal.claim(log).await.expect("claim").head));
        }
        loop {
            let pending: Vec<_> = heads
                .iter()
                .map(|(log, head)| {
                    journal.append(*log, head.epoch, head.seq + 1, body(*log, head.seq + 1, 600))
                })
                .collect();
            for ((log, head), answer) in heads.iter_mut().zip(pending) {
                *head = answer.await.expect("append");
                let mut out = std::io::stdout().lock();
                writeln!(out, "answered {log} {}", head.seq).and_then(|()| out.flush()).expect("print");
            }
        }
    })
}
