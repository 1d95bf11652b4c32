//! Hosts with links of their own between them, made of network namespaces on a bridge: any link can be cut, one way or both.
//! A link is cut by sending what goes to a neighbour to an address that no card has, so nothing on either side is told. Needs
//! root and Linux.

use crate::program::run;

/// An address that no card has.
const NOWHERE: &str = "02:00:00:00:de:ad";

/// Hosts on one bridge. Gone when dropped.
pub struct Network {
    tag: String,
    block: u32,
    hosts: Vec<String>,
    cuts: Vec<(usize, usize)>,
}

fn ip(arguments: &str) -> anyhow::Result<()> {
    run("ip", &arguments.split(' ').collect::<Vec<_>>())
}

impl Network {
    /// Hosts of these names, each of which reaches every other one, and this process all of them.
    ///
    /// # Errors
    /// Namespaces cannot be made here: no root, no `ip`, or not allowed.
    pub fn create(hosts: &[&str]) -> anyhow::Result<Self> {
        let number = std::process::id();
        let (tag, block) = (format!("wb{:x}", number & 0xf_ffff), number % 200 + 20);
        let mut network = Self { tag, block, hosts: Vec::new(), cuts: Vec::new() };
        let tag = network.tag.clone();
        ip(&format!("link add {tag} type bridge"))?;
        ip(&format!("addr add 10.77.{block}.254/24 dev {tag}"))?;
        ip(&format!("link set {tag} up"))?;
        for (index, host) in hosts.iter().enumerate() {
            let (inside, plug) = (format!("{tag}-{host}"), format!("{tag}p{index}"));
            ip(&format!("netns add {inside}"))?;
            network.hosts.push(inside.clone());
            ip(&format!("link add {plug} type veth peer name eth0 netns {inside}"))?;
            ip(&format!("link set {plug} master {tag} up"))?;
            ip(&format!("-n {inside} link set lo up"))?;
            ip(&format!("-n {inside} addr add {}/24 dev eth0", network.address(index)))?;
            ip(&format!("-n {inside} link set eth0 up"))?;
        }
        Ok(network)
    }

    /// Where the others reach a host.
    #[must_use]
    pub fn address(&self, host: usize) -> String {
        format!("10.77.{}.{}", self.block, host + 1)
    }

    /// The beginning of a command line that runs on a host.
    #[must_use]
    pub fn on(&self, host: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.hosts[host]].map(str::to_owned).to_vec()
    }

    /// From now on nothing that `from` sends reaches `to`.
    ///
    /// # Errors
    /// The system refused.
    pub fn cut(&mut self, from: usize, to: usize) -> anyhow::Result<()> {
        let (host, neighbour) = (&self.hosts[from], self.address(to));
        ip(&format!("-n {host} neigh replace {neighbour} lladdr {NOWHERE} dev eth0 nud permanent"))?;
        self.cuts.push((from, to));
        Ok(())
    }

    /// All links are whole again.
    ///
    /// # Errors
    /// The system refused.
    pub fn heal(&mut self) -> anyhow::Result<()> {
        for (from, to) in std::mem::take(&mut self.cuts) {
            ip(&format!("-n {} neigh del {} dev eth0", self.hosts[from], self.address(to)))?;
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let hosts = self.hosts.iter().map(|host| format!("netns del {host}"));
        for undo in hosts.chain([format!("link del {}", self.tag)]).collect::<Vec<_>>() {
            if let Err(error) = ip(&undo) {
                eprintln!("a test's network could not be taken down: {error:#}");
            }
        }
    }
}
