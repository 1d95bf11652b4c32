//! The connection, and one request at a time through it: published, read, asked for. Knows subjects and JSON, and not what
//! the bytes mean.
//!
//! Requests have a multiplexer of their own: that of the client library keeps an entry for every request that
//! nobody answered, for good, and a journal asks again and again while its servers are away.
//!
//! While a stream has no leader, what is asked of it is dropped without a word, and a moment later there is one. So questions that
//! change nothing are asked again under the same number until one of them is answered. What is to be stored is sent once: whether
//! to send it again is for those to say who know what else may stand there by then.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State as Link;
use async_nats::{Client, ConnectOptions, Event, HeaderMap, Message, StatusCode, Subscriber};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use waybill_journal::Error;

use crate::fault::{Fault, code};
use crate::options::{Access, Options};

/// Pings unanswered for twice this long end a connection, so that a stopped server does not hold it.
const PING_INTERVAL: Duration = Duration::from_secs(1);
const RECONNECT_PAUSE_MOST: Duration = Duration::from_millis(250);
/// How long a question is unanswered before it is asked again.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(250);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Requests handed to the connection and not yet written: what bounds memory while it is away.
const COMMANDS_MAX: usize = 256;

/// Connects, at least once. Whoever waits in `waiting` is told when the connection breaks.
///
/// # Errors
/// [`Error::Options`] for credentials that cannot be read; [`Error::Engine`] where no server answers.
pub(crate) async fn connect(
    options: &Options,
    access: &Access,
    waiting: &Arc<Waiting>,
) -> Result<Client, Error> {
    let waiting = Arc::clone(waiting);
    let mut how = ConnectOptions::new()
        .event_callback(move |event| {
            if let Event::Disconnected = event {
                // What was asked over it is not answered any more: an answer goes where the question came from.
                waiting.lock().clear();
            }
            std::future::ready(())
        })
        .name(format!("waybill {}", options.name))
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_WITHIN)
        .client_capacity(COMMANDS_MAX)
        .reconnect_delay_callback(|tries| {
            let pause = Duration::from_millis(10) * 2u32.saturating_pow(tries.min(10) as u32);
            pause.min(RECONNECT_PAUSE_MOST)
        });
    for authority in &options.authorities {
        how = how.add_root_certificates(authority.clone());
    }
    how = match access {
        Access::Open => how,
        Access::User { name, password } => how.user_and_password(name.clone(), password.clone()),
        Access::Token(token) => how.token(token.clone()),
        Access::Credentials(file) => how.credentials_file(file).await.map_err(|source| Error::Options {
            what: format!("the credentials in {} cannot be used: {source}", file.display()),
        })?,
    };
    let connected = how.connect(options.servers.as_slice()).await;
    connected.map_err(|error| Error::Engine { what: format!("no NATS server can be reached: {error}") })
}

/// A message as it stands in a stream.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) seq: u64,
    pub(crate) payload: Bytes,
}

/// Which message of a stream.
#[derive(Clone, Debug)]
pub(crate) enum Which<'a> {
    At(u64),
    LastOf(&'a str),
    FirstOf(&'a str),
}

/// What must hold for a publish to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    Nothing,
    /// The stream's last message has this number.
    Last(u64),
    /// The subject's last message has this number; 0 where it has none.
    LastOfSubject(u64),
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.err_code, status: refusal.code, what: refusal.description }
    }
}

#[derive(Deserialize)]
struct Published {
    error: Option<Refusal>,
    seq: Option<u64>,
}

#[derive(Deserialize)]
struct Got<'a> {
    #[serde(default)]
    error: Option<Refusal>,
    #[serde(borrow, default)]
    message: Option<GotMessage<'a>>,
}

#[derive(Deserialize)]
struct GotMessage<'a> {
    seq: u64,
    #[serde(borrow, default)]
    data: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct MaybeRefused {
    error: Option<Refusal>,
}

/// A stream as its leader describes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Info {
    pub(crate) config: Value,
    pub(crate) state: State,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct State {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    /// Messages per subject, where a filter asked for it.
    #[serde(default)]
    pub(crate) subjects: Option<HashMap<String, u64>>,
}

/// Who waits for an answer, by the number of the question.
pub(crate) type Waiting = Mutex<HashMap<u64, oneshot::Sender<Message>>>;

pub(crate) struct Wire {
    client: Client,
    /// Where answers come in, with a number behind it.
    inbox: String,
    waiting: Arc<Waiting>,
    next: AtomicU64,
    answer_within: Duration,
}

/// What is sent, and whether it may be sent again while nobody answers.
struct Asked {
    subject: String,
    headers: Option<HeaderMap>,
    payload: Bytes,
    again: bool,
}

/// Takes the entry away however the request ends.
struct Entry<'a> {
    waiting: &'a Waiting,
    number: u64,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.number);
    }
}

impl Wire {
    /// # Errors
    /// [`Error::Engine`] where the connection is closed for good.
    pub(crate) async fn new(
        client: Client,
        waiting: Arc<Waiting>,
        answer_within: Duration,
    ) -> Result<Self, Error> {
        let inbox = client.new_inbox();
        let closed = |error| Error::Engine { what: format!("subscribe to answers: {error}") };
        let answers = client.subscribe(format!("{inbox}.*")).await.map_err(closed)?;
        tokio::spawn(hand_out(answers, Arc::clone(&waiting)));
        Ok(Self { client, inbox, waiting, next: AtomicU64::new(0), answer_within })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Requests without an answer yet.
    pub(crate) fn pending(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Asks, and waits for the first answer.
    async fn request(&self, asked: Asked, left: Duration) -> Result<Message, Fault> {
        // Handing it to a connection that is away would only queue it, for a server that comes later.
        if self.client.connection_state() != Link::Connected {
            return Err(Fault::Away { what: "no connection to a NATS server".to_owned() });
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().insert(number, sender);
        let _entry = Entry { waiting: &self.waiting, number };
        let reply = format!("{}.{number}", self.inbox);
        let within = self.answer_within.min(left);
        let message = tokio::time::timeout(within, self.insist(&asked, &reply, answer))
            .await
            .unwrap_or_else(|_| Err(Fault::Lost { what: format!("none within {within:?}") }))?;
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(Fault::Away {
                what: "the stream has no leader, or JetStream does not run".to_owned(),
            });
        }
        Ok(message)
    }

    /// Sends it, again and again where it may be, until there is an answer.
    async fn insist(
        &self,
        asked: &Asked,
        reply: &str,
        mut answer: oneshot::Receiver<Message>,
    ) -> Result<Message, Fault> {
        loop {
            self.send(asked, reply).await?;
            let wait = if asked.again { ASKED_AGAIN_AFTER } else { Duration::MAX };
            if let Ok(answered) = tokio::time::timeout(wait, &mut answer).await {
                return answered.map_err(|_| Fault::Lost { what: "the connection broke".to_owned() });
            }
        }
    }

    async fn send(&self, asked: &Asked, reply: &str) -> Result<(), Fault> {
        let (subject, reply, payload) = (asked.subject.clone(), reply.to_owned(), asked.payload.clone());
        let sent = match asked.headers.clone() {
            Some(headers) => {
                self.client.publish_with_reply_and_headers(subject, reply, headers, payload).await
            }
            None => self.client.publish_with_reply(subject, reply, payload).await,
        };
        sent.map_err(|error| Fault::Away { what: error.to_string() })
    }

    /// Stores a message; answers its number in the stream.
    pub(crate) async fn publish(
        &self,
        stream: &str,
        subject: &str,
        expect: Expect,
        payload: Bytes,
        left: Duration,
    ) -> Result<u64, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Stream", stream);
        match expect {
            Expect::Nothing => {}
            Expect::Last(seq) => headers.insert("Nats-Expected-Last-Sequence", seq.to_string()),
            Expect::LastOfSubject(seq) => {
                headers.insert("Nats-Expected-Last-Subject-Sequence", seq.to_string());
            }
        }
        let asked = Asked { subject: subject.to_owned(), headers: Some(headers), payload, again: false };
        let answer = self.request(asked, left).await?;
        let published: Published = understand(&answer.payload)?;
        match published {
            Published { error: Some(refusal), .. } => Err(refusal.into()),
            Published { seq: Some(seq), .. } => Ok(seq),
            Published { .. } => Err(odd("an acknowledgement without a number", &answer.payload)),
        }
    }

    /// Reads one message from the stream's leader; none where it has no such message.
    pub(crate) async fn get(
        &self,
        stream: &str,
        which: Which<'_>,
        left: Duration,
    ) -> Result<Option<Kept>, Fault> {
        let asked = match which {
            Which::At(seq) => json!({ "seq": seq }),
            Which::LastOf(subject) => json!({ "last_by_subj": subject }),
            Which::FirstOf(subject) => json!({ "seq": 1, "next_by_subj": subject }),
        };
        let subject = format!("$JS.API.STREAM.MSG.GET.{stream}");
        let asked = Asked { subject, headers: None, payload: asked.to_string().into(), again: true };
        let answer = self.request(asked, left).await?;
        match understand::<Got<'_>>(&answer.payload)? {
            Got { error: Some(Refusal { err_code: code::NO_MESSAGE, .. }), .. } => Ok(None),
            Got { error: Some(refusal), .. } => Err(refusal.into()),
            Got { message: Some(message), .. } => {
                let payload = STANDARD.decode(message.data.as_bytes());
                let payload = payload.map_err(|_| odd("bytes that are not base64", b""))?;
                Ok(Some(Kept { seq: message.seq, payload: payload.into() }))
            }
            Got { .. } => Err(odd("neither a message nor an error", &answer.payload)),
        }
    }

    /// Calls the JetStream API, once.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        verb: &str,
        asked: &Value,
        left: Duration,
    ) -> Result<T, Fault> {
        self.call_api(verb, asked, false, left).await
    }

    /// As [`Wire::call`], for what changes nothing.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        verb: &str,
        asked: &Value,
        left: Duration,
    ) -> Result<T, Fault> {
        self.call_api(verb, asked, true, left).await
    }

    async fn call_api<T: DeserializeOwned>(
        &self,
        verb: &str,
        asked: &Value,
        again: bool,
        left: Duration,
    ) -> Result<T, Fault> {
        let payload = if asked.is_null() { Bytes::new() } else { asked.to_string().into() };
        let asked = Asked { subject: format!("$JS.API.{verb}"), headers: None, payload, again };
        let answer = self.request(asked, left).await?;
        if let MaybeRefused { error: Some(refusal) } = understand(&answer.payload)? {
            return Err(refusal.into());
        }
        understand(&answer.payload)
    }

    /// A stream as its leader sees it, none where there is no such stream. With a filter, messages per subject too.
    pub(crate) async fn info(
        &self,
        stream: &str,
        filter: Option<&str>,
        left: Duration,
    ) -> Result<Option<Info>, Fault> {
        let asked = filter.map_or(Value::Null, |filter| json!({ "subjects_filter": filter }));
        match self.query(&format!("STREAM.INFO.{stream}"), &asked, left).await {
            Ok(info) => Ok(Some(info)),
            Err(fault) if fault.is_no_stream() => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// Brings each answer to who asked. Ends with the connection.
async fn hand_out(mut answers: Subscriber, waiting: Arc<Waiting>) {
    while let Some(message) = answers.next().await {
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse::<u64>().ok());
        let asker = number.and_then(|number| waiting.lock().remove(&number));
        if let Some(asker) = asker {
            // Who no longer waits has been answered that nobody answered.
            let _ = asker.send(message);
        }
    }
}

fn understand<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(payload).map_err(|error| odd(&error.to_string(), payload))
}

fn odd(what: &str, payload: &[u8]) -> Fault {
    let start = String::from_utf8_lossy(&payload[..payload.len().min(200)]);
    Fault::Odd { what: format!("{what}: {start}") }
}

#[cfg(all(test, feature = "server"))]
mod tests;
