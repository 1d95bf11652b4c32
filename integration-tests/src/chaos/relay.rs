//! Carries connections that come to an address of this host on to a socket, so that a server which lets in callers of its own
//! host only can be reached from others. It runs as a process of its own inside a namespace.

use crate::chaos::proxy::Target;
use anyhow::Context;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::process::{Child, Command};

/// Serves until it is killed. `to` is a path or an address with a port.
///
/// # Errors
/// It cannot listen.
pub async fn relay(listen: &str, to: &str) -> anyhow::Result<()> {
    let target = match to.parse() {
        Ok(address) => Target::Tcp(address),
        Err(_) => Target::Unix(to.into()),
    };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    println!("relaying");
    loop {
        let (client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        let target = target.clone();
        tokio::spawn(async move {
            match target {
                Target::Unix(path) => join(client, UnixStream::connect(path).await).await,
                Target::Tcp(address) => {
                    let server = TcpStream::connect(address).await;
                    if let Ok(server) = &server {
                        // Small answers must not wait for each other.
                        let _ = server.set_nodelay(true);
                    }
                    join(client, server).await;
                }
            }
        });
    }
}

async fn join<S: AsyncRead + AsyncWrite + Unpin>(mut client: TcpStream, server: std::io::Result<S>) {
    // Whoever finds nobody behind it is told by the end of the connection.
    if let Ok(mut server) = server {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

/// Starts one by this program's own `relay` command, behind `on`; killed when dropped.
///
/// # Errors
/// It does not start.
pub async fn start(on: &[String], listen: &str, to: &str) -> anyhow::Result<Child> {
    let (first, rest) = on.split_first().context("a relay runs on a host")?;
    let mut child = Command::new(first)
        .args(rest)
        .arg(std::env::current_exe()?)
        .args(["relay", "--listen", listen, "--to", to])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let said = child.stdout.take().context("standard output was piped")?;
    let line = BufReader::new(said).lines().next_line().await?;
    anyhow::ensure!(line.as_deref() == Some("relaying"), "the relay on {listen} said {line:?}");
    Ok(child)
}
