//! The binary as a server on a port of its own, and as a command against it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_waybill");

/// A running server; it and its directory end with the value.
pub(crate) struct Engine {
    server: Child,
    endpoint: String,
    dir: TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Engine {
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().expect("a directory");
        let mut server = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--no-metrics", "--partitions", "2", "--data-dir"])
            .arg(dir.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut out = BufReader::new(server.stdout.take().expect("its output is ours")).lines();
        let address = out
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .expect("the server says where it listens");
        // It may go on writing: nobody reading would end it.
        std::thread::spawn(move || out.for_each(drop));
        Self { server, endpoint: format!("http://{address}"), dir }
    }

    /// A file with this text, as a path for a command.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.dir.path().join(name);
        std::fs::write(&path, text).expect("the file is written");
        path.to_str().expect("a plain path").to_owned()
    }

    /// Runs one command to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        said(self.command(words).output().expect("the command starts"))
    }

    /// Runs one command to its end whose output nobody reads.
    pub(crate) fn run_unread(&self, words: &[&str]) -> Said {
        let mut command = self.command(words);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        drop(child.stdout.take());
        said(child.wait_with_output().expect("the command ends"))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(words).env("WAYBILL_ENDPOINT", &self.endpoint);
        command.env_remove("WAYBILL_CHANNEL").env_remove("WAYBILL_ACTOR");
        command
    }
}

fn said(done: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { ok: done.status.success(), out: text(done.stdout), err: text(done.stderr) }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
