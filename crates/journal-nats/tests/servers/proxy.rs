//! A wire between a client and a server that loses what goes one way, so that a request or its answer is lost and the other
//! is not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Loses {
    requests: AtomicBool,
    answers: AtomicBool,
    over: AtomicBool,
    /// Text in a request from which on answers are lost.
    trigger: Mutex<Option<String>>,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    loses: Arc<Loses>,
}

impl Proxy {
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let loses = Arc::new(Loses::default());
        let shared = Arc::clone(&loses);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::Acquire) {
                    break;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                carry(&client, &server, &shared, Way::Requests);
                carry(&server, &client, &shared, Way::Answers);
            }
        });
        Self { port, loses }
    }

    pub(crate) fn lose_requests(&self, lose: bool) {
        self.loses.requests.store(lose, Ordering::Release);
    }

    /// Loses every answer from the first request on that has this text in it; the request itself arrives.
    pub(crate) fn lose_answers_from(&self, text: &str) {
        *self.loses.trigger.lock().expect("no panic holds it") = Some(text.to_owned());
    }

    pub(crate) fn lose_answers(&self, lose: bool) {
        *self.loses.trigger.lock().expect("no panic holds it") = None;
        self.loses.answers.store(lose, Ordering::Release);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.loses.over.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Requests,
    Answers,
}

impl Loses {
    fn lost(&self, way: Way, bytes: &[u8]) -> bool {
        if way == Way::Answers {
            return self.answers.load(Ordering::Acquire);
        }
        let trigger = self.trigger.lock().expect("no panic holds it");
        let text = trigger.as_ref().map(String::as_bytes);
        if text.is_some_and(|text| bytes.windows(text.len()).any(|window| window == text)) {
            self.answers.store(true, Ordering::Release);
        }
        self.requests.load(Ordering::Acquire)
    }
}

fn carry(from: &TcpStream, to: &TcpStream, loses: &Arc<Loses>, way: Way) {
    let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
    let loses = Arc::clone(loses);
    std::thread::spawn(move || {
        let (mut bytes, mut lost) = (vec![0; 64 << 10], false);
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            if loses.lost(way, &bytes[..read]) {
                lost = true;
            } else if lost || to.write_all(&bytes[..read]).is_err() {
                // What was lost cannot come late: the connection ends, as it would.
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
