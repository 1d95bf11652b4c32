//! The processor time of the journal's engine, where it runs on this machine: the processes that listen at the URL's ports or
//! sockets, and their children. It asks no engine; it reads /proc, as root or as the user of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The roots of the engine's process trees.
pub(crate) struct EngineUse {
    roots: Vec<u32>,
}

/// What /proc tells of a process.
struct Process {
    parent: u32,
    /// Processor time of itself and of the children it has waited for, in hundredths of a second.
    ticks: u64,
}

/// `USER_HZ`, see `child.rs`.
const TICK_US: u64 = 10_000;

impl EngineUse {
    /// Finds who listens at the loopback ports of a journal's URL; `None` when that is nobody we can see.
    pub(crate) fn find(url: &str) -> Option<Self> {
        let by_file: BTreeSet<u32> =
            lock_files(url).iter().filter_map(|file| first_line(file)?.parse().ok()).collect();
        let sockets: BTreeSet<String> = ports(url).into_iter().flat_map(listening).collect();
        if sockets.is_empty() {
            return (!by_file.is_empty()).then(|| Self { roots: by_file.into_iter().collect() });
        }
        let holds = |pid: &u32| {
            let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
            files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).any(|to| {
                let inode = to.to_str().and_then(|to| to.strip_prefix("socket:[")?.strip_suffix(']'));
                inode.is_some_and(|inode| sockets.contains(inode))
            })
        };
        let holders: BTreeSet<u32> = pids().into_iter().filter(holds).collect();
        // Children inherit the socket; their parent counts for them.
        let is_child = |pid: &u32| process(*pid).is_some_and(|one| holders.contains(&one.parent));
        let roots: Vec<u32> = holders.iter().copied().filter(|pid| !is_child(pid)).collect();
        (!roots.is_empty()).then_some(Self { roots })
    }

    /// What they have used so far, in microseconds; `None` when one of them is gone.
    pub(crate) fn cpu_us(&self) -> Option<u64> {
        let all: BTreeMap<u32, Process> =
            pids().into_iter().filter_map(|pid| Some((pid, process(pid)?))).collect();
        let is_of = |mut pid: u32| {
            // A chain of parents is short; it ends at 0.
            while let Some(one) = all.get(&pid) {
                if self.roots.contains(&pid) {
                    return true;
                }
                pid = one.parent;
            }
            false
        };
        self.roots.iter().all(|root| all.contains_key(root)).then(|| {
            let ticks = all.iter().filter(|(pid, _)| is_of(**pid)).map(|(_, one)| one.ticks);
            ticks.sum::<u64>() * TICK_US
        })
    }
}

fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn process(pid: u32) -> Option<Process> {
    read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `/proc/<pid>/stat`.
fn read(stat: &str) -> Option<Process> {
    // The name in brackets may hold spaces and brackets; fields count from behind the last one.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let field = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // utime, stime, cutime, cstime are the 14th to 17th field; the state, third of all, is the first here.
    let ticks = (11..=14).map(field).sum::<Option<u64>>()?;
    Some(Process { parent: field(1)? as u32, ticks })
}

/// Hosts and ports of a URL's servers.
fn servers(url: &str) -> Vec<(&str, u16)> {
    let Some((scheme, rest)) = url.split_once("://") else { return Vec::new() };
    let usual = if scheme.starts_with("postgres") { 5432 } else { 4222 };
    let servers = rest.split(['/', '?']).next().unwrap_or_default();
    let servers = servers.rsplit_once('@').map_or(servers, |(_, servers)| servers);
    let server = |server| match str::rsplit_once(server, ':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((server, usual)),
    };
    servers.split(',').filter_map(server).collect()
}

/// The ports of the URL's servers that are on this machine.
fn ports(url: &str) -> Vec<u16> {
    let is_here = |host: &str| host == "localhost" || host == "[::1]" || host.starts_with("127.");
    servers(url).into_iter().filter(|(host, _)| is_here(host)).map(|(_, port)| port).collect()
}

/// What PostgreSQL leaves beside each of its sockets; the first line is the number of its process.
fn lock_files(url: &str) -> Vec<String> {
    let file = |(host, port): (&str, u16)| {
        let directory = host.replace("%2F", "/").replace("%2f", "/");
        directory.starts_with('/').then(|| format!("{directory}/.s.PGSQL.{port}.lock"))
    };
    servers(url).into_iter().filter_map(file).collect()
}

fn first_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned())
}

/// The sockets that listen at a port, by their inode.
fn listening(port: u16) -> Vec<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.into_iter().filter_map(|path| fs::read_to_string(path).ok());
    tables.flat_map(|table| sockets(&table, port)).collect()
}

/// Reads a table of /proc/net/tcp.
fn sockets(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let ends = format!(":{port:04X}");
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&ends) && *fields.get(3)? == LISTEN;
        is_it.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_of_this_machine() {
        assert_eq!(ports("postgres://waybill:pw@127.0.0.1:5433/waybill?sslmode=disable"), [5433]);
        assert_eq!(ports("nats://localhost,127.0.0.1:4333,10.0.0.7:4222"), [4222, 4333]);
        assert!(ports("postgres://db/waybill").is_empty() && ports("host=/run/postgresql").is_empty());
        assert_eq!(lock_files("postgres://waybill@%2Ftmp%2Fone:55/postgres"), ["/tmp/one/.s.PGSQL.55.lock"]);
        assert!(lock_files("nats://127.0.0.1:4222").is_empty());
    }

    #[test]
    fn a_stat_line_is_read_even_when_the_name_has_brackets() {
        let read = read("42 (post) gres) S 7 42 42 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 3 0 100 200 300")
            .unwrap();
        assert_eq!((read.parent, read.ticks), (7, 350));
        assert!(super::read("no").is_none());
    }

    #[test]
    fn a_listener_of_this_process_is_found_and_its_time_grows() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let found = EngineUse::find(&url).unwrap();
        assert!(found.cpu_us().is_some());
        drop(listener);
        assert!(EngineUse::find(&url).is_none(), "nobody listens any more");
    }
}
