//! A wire in front of a server that can be made slow, lossy, or deaf one way: what it swallows is lost, and the connection
//! ends when the wire is whole again, as a broken one would. It knows no protocol.

use crate::fault::Chance;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a wire does with what is put into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// Each stretch of bytes comes later by up to so much.
    pub delay_max: Duration,
    /// Of a thousand stretches so many are lost, and the connection with them.
    pub cut_per_mille: u64,
    /// Nothing that clients say arrives.
    pub loses_requests: bool,
    /// Nothing that the server says arrives.
    pub loses_answers: bool,
}

/// Where the server is.
#[derive(Clone, Debug)]
pub enum Target {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port.
    Tcp(SocketAddr),
}

/// The wire. Gone when dropped, with all its connections.
pub struct Proxy {
    /// Where clients connect.
    pub address: SocketAddr,
    /// The same in the file system, for clients whose network is another one.
    pub socket: PathBuf,
    wire: watch::Sender<Wire>,
    tasks: [JoinHandle<()>; 2],
}

impl Proxy {
    /// A wire to `target` on a free port and at `socket`.
    ///
    /// # Errors
    /// No port, or no such directory.
    pub async fn before(target: Target, socket: &Path) -> anyhow::Result<Self> {
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        let unix = UnixListener::bind(socket)?;
        let (wire, seen) = watch::channel(Wire::default());
        let address = tcp.local_addr()?;
        let (to, at) = (target.clone(), seen.clone());
        let by_port = tokio::spawn(async move {
            while let Ok((client, _)) = tcp.accept().await {
                // Small answers must not wait for each other.
                let _ = client.set_nodelay(true);
                tokio::spawn(serve(client, to.clone(), at.clone()));
            }
        });
        let by_file = tokio::spawn(async move {
            while let Ok((client, _)) = unix.accept().await {
                tokio::spawn(serve(client, target.clone(), seen.clone()));
            }
        });
        Ok(Self { address, socket: socket.to_path_buf(), wire, tasks: [by_port, by_file] })
    }

    /// From now on.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn serve<C>(client: C, target: Target, wire: watch::Receiver<Wire>)
where
    C: AsyncRead + AsyncWrite + Send + 'static,
{
    // A client of a server that is down is told by the end of its connection.
    match target {
        Target::Unix(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                both(client, server, wire).await;
            }
        }
        Target::Tcp(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                let _ = server.set_nodelay(true);
                both(client, server, wire).await;
            }
        }
    }
}

/// Carries bytes both ways until either way ends; then the other does too.
async fn both<C, S>(client: C, server: S, wire: watch::Receiver<Wire>)
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    tokio::select! {
        () = carry(from_client, to_server, wire.clone(), Way::Requests) => {}
        () = carry(from_server, to_client, wire, Way::Answers) => {}
        // The wire itself is gone.
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Requests,
    Answers,
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut wire: watch::Receiver<Wire>,
    way: Way,
) {
    let loses = |wire: &Wire| match way {
        Way::Requests => wire.loses_requests,
        Way::Answers => wire.loses_answers,
    };
    let mut chance = Chance::new(std::ptr::from_ref(&wire).addr() as u64);
    let (mut bytes, mut lost) = (vec![0; 64 << 10], false);
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => match read {
                Ok(read @ 1..) => read,
                _ => return,
            },
            changed = wire.changed() => {
                if changed.is_err() || (lost && !loses(&wire.borrow_and_update())) {
                    return;
                }
                continue;
            }
        };
        let now = *wire.borrow();
        if chance.below(1_000) < now.cut_per_mille {
            return;
        }
        if loses(&now) {
            lost = true;
            continue;
        }
        if lost {
            return;
        }
        if !now.delay_max.is_zero() {
            let most = now.delay_max.as_micros() as u64;
            // The delay is what is wanted here.
            tokio::time::sleep(Duration::from_micros(chance.below(most + 1))).await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    // It ends when the client does.
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Ok((address, task))
    }

    async fn said(stream: &mut TcpStream, text: &[u8]) -> anyhow::Result<Vec<u8>> {
        stream.write_all(text).await?;
        let mut heard = vec![0; text.len()];
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut heard)).await??;
        heard.truncate(read);
        Ok(heard)
    }

    #[tokio::test]
    async fn what_a_deaf_wire_swallowed_never_comes_and_its_connection_ends_with_it() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let (server, _task) = echo().await?;
        let proxy = Proxy::before(Target::Tcp(server), &dir.path().join("wire")).await?;
        let mut client = TcpStream::connect(proxy.address).await?;
        assert_eq!(said(&mut client, b"one").await?, b"one");
        proxy.set(Wire { loses_answers: true, ..Wire::default() });
        client.write_all(b"two").await?;
        let mut nothing = [0; 8];
        let silence = tokio::time::timeout(Duration::from_millis(200), client.read(&mut nothing)).await;
        assert!(silence.is_err(), "an answer came through: {silence:?}");
        proxy.set(Wire::default());
        let end = tokio::time::timeout(Duration::from_secs(5), client.read(&mut nothing)).await??;
        assert_eq!(end, 0, "the broken connection goes on");
        let mut client = TcpStream::connect(proxy.address).await?;
        assert_eq!(said(&mut client, b"three").await?, b"three");
        Ok(())
    }

    #[tokio::test]
    async fn a_wire_that_cuts_everything_lets_nothing_through() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let (server, _task) = echo().await?;
        let proxy = Proxy::before(Target::Tcp(server), &dir.path().join("wire")).await?;
        proxy.set(Wire { cut_per_mille: 1_000, ..Wire::default() });
        let mut client = TcpStream::connect(proxy.address).await?;
        assert!(said(&mut client, b"one").await.is_ok_and(|heard| heard.is_empty()));
        Ok(())
    }
}
