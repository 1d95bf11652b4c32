//! A proxy between a journal and its server, which loses what it is told to lose. It knows bytes and connections, no
//! protocol: what is lost is the next answer or the next request as a whole, and the connection with it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What happens to the next bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// They pass.
    Pass,
    /// So many answers pass; the next is lost, after the server gave it, and from then on nobody gets through.
    LoseAnswer(u8),
    /// The next request is lost before the server sees it, and from then on nobody gets through.
    LoseRequest,
    /// Nobody gets through: connections are closed as soon as they are made.
    Cut,
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    fate: Arc<watch::Sender<Fate>>,
}

impl Proxy {
    pub(crate) async fn start(server: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("address");
        let fate = Arc::new(watch::Sender::new(Fate::Pass));
        let shared = Arc::clone(&fate);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *shared.borrow() != Fate::Cut {
                    tokio::spawn(serve(client, server.clone(), Arc::clone(&shared)));
                }
            }
        });
        Self { url: format!("postgres://waybill@{address}/postgres"), fate }
    }

    pub(crate) fn set(&self, fate: Fate) {
        self.fate.send_replace(fate);
    }

    /// Waits until what was to be lost is lost.
    pub(crate) async fn lost(&self) {
        let cut = async {
            let mut fate = self.fate.subscribe();
            fate.wait_for(|fate| *fate == Fate::Cut).await.expect("the proxy runs");
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), cut).await.expect("nothing was lost");
    }
}

/// One connection, until either side ends it or it meets its fate. Dropping the streams closes them.
async fn serve(mut client: TcpStream, server: PathBuf, fate: Arc<watch::Sender<Fate>>) {
    let Ok(mut server) = UnixStream::connect(server).await else {
        return;
    };
    let mut changes = fate.subscribe();
    let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            () = cut_off(&mut changes) => return,
            read = client.read(&mut asked) => {
                let Ok(bytes @ 1..) = read else { return };
                if fate.send_if_modified(loses_request) || server.write_all(&asked[..bytes]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(bytes @ 1..) = read else { return };
                if fate.send_if_modified(loses_answer) || client.write_all(&answered[..bytes]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Ends when nobody gets through any more, or the test is over.
async fn cut_off(changes: &mut watch::Receiver<Fate>) {
    let _ = changes.wait_for(|fate| *fate == Fate::Cut).await.map(drop);
}

fn loses_request(fate: &mut Fate) -> bool {
    let lost = *fate == Fate::LoseRequest;
    if lost {
        *fate = Fate::Cut;
    }
    lost
}

fn loses_answer(fate: &mut Fate) -> bool {
    match *fate {
        Fate::LoseAnswer(0) => {
            *fate = Fate::Cut;
            true
        }
        Fate::LoseAnswer(more) => {
            *fate = Fate::LoseAnswer(more - 1);
            false
        }
        Fate::Pass | Fate::LoseRequest | Fate::Cut => false,
    }
}
