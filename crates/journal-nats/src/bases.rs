//! Checkpoints in the engine: each chunk a message, and per log one row that names the whole ones. A base is visible
//! when it is in the row, and it gets there after it was read back. Knows nothing of what the chunks hold.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use minicbor::{Decode, Encode};
use serde_json::{Value, json};
use waybill_journal::cluster::{BASE_CHUNK_BYTES_MAX, Base, BaseWriter, Bases, base_hash};
use waybill_journal::{BoxFuture, Error, Hash, Head, LogId};

use crate::fault::Patience;
use crate::journal::NatsJournal;
use crate::shared::{Fail, Shared, token};
use crate::slot::{self, Slot};
use crate::table;
use crate::wire::{Expect, Which};

/// The latest, and one older.
const KEPT: usize = 2;
/// How long the log may seem to end before a base.
const DOUBT: Duration = Duration::from_secs(1);
/// Hash of the chunk before its bytes, so that a chunk tells itself whether it is whole.
const CHUNK_HEADER_BYTES: usize = 16;

#[derive(Clone, Default, Debug, Encode, Decode)]
struct Index {
    /// Newest first.
    #[n(0)]
    bases: Vec<Record>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Record {
    #[n(0)]
    seq: u64,
    #[n(1)]
    epoch: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    at_hash: Hash,
    #[n(3)]
    chunks: u32,
    #[n(4)]
    bytes: u64,
    #[cbor(n(5), with = "minicbor::bytes")]
    hash: Hash,
    /// Names the subjects of its chunks.
    #[n(6)]
    token: String,
}

impl Record {
    fn base(&self, log: LogId) -> Base {
        let at = Head { seq: self.seq, hash: self.at_hash, epoch: self.epoch };
        Base { log, at, chunks: self.chunks, bytes: self.bytes, hash: self.hash }
    }
}

fn row(log: LogId) -> String {
    format!("bases.{log}")
}

fn refused(log: LogId, seq: u64, what: impl Into<String>) -> Error {
    Error::Base { log, seq, what: what.into() }
}

/// The newest whole base of a log.
pub(crate) async fn newest(shared: &Shared, log: LogId, left: Duration) -> Result<Option<Base>, Fail> {
    let (_, index) = table::get::<Index>(shared, &row(log), left).await?;
    Ok(index.bases.first().map(|record| record.base(log)))
}

/// Where the older of a log's bases stands; none while there is no base.
pub(crate) async fn oldest_seq(shared: &Shared, log: LogId, left: Duration) -> Result<Option<u64>, Fail> {
    let (_, index) = table::get::<Index>(shared, &row(log), left).await?;
    Ok(index.bases.last().map(|record| record.seq))
}

struct Writing {
    shared: Arc<Shared>,
    log: LogId,
    at: Head,
    token: String,
    chunks: u32,
    bytes: u64,
    hash: Hash,
    /// A chunk may be missing.
    is_broken: bool,
}

impl Writing {
    async fn chunk(&mut self, bytes: Bytes) -> Result<(), Error> {
        if self.is_broken {
            return Err(Error::Engine { what: "an earlier chunk of this base failed: begin anew".into() });
        }
        if bytes.is_empty() {
            return Err(Error::Empty);
        }
        if bytes.len() > BASE_CHUNK_BYTES_MAX {
            return Err(Error::TooLarge { bytes: bytes.len() as u64, max: BASE_CHUNK_BYTES_MAX as u64 });
        }
        self.is_broken = true;
        let mut message = BytesMut::with_capacity(CHUNK_HEADER_BYTES + bytes.len());
        message.put_slice(&base_hash(&[0; 16], self.chunks, &bytes));
        message.put_slice(&bytes);
        let subject = format!("{}.{}", self.shared.names.base(self.log, &self.token), self.chunks);
        store(&self.shared, &self.shared.names.bases(), &subject, message.freeze()).await?;
        self.hash = base_hash(&self.hash, self.chunks, &bytes);
        (self.chunks, self.bytes) = (self.chunks + 1, self.bytes + bytes.len() as u64);
        self.is_broken = false;
        Ok(())
    }

    async fn finish(self) -> Result<Base, Error> {
        let (shared, log, seq) = (&self.shared, self.log, self.at.seq);
        if self.is_broken {
            return Err(Error::Engine { what: "a chunk of this base failed: begin anew".into() });
        }
        let record = Record {
            seq,
            epoch: self.at.epoch,
            at_hash: self.at.hash,
            chunks: self.chunks,
            bytes: self.bytes,
            hash: self.hash,
            token: self.token.clone(),
        };
        read_back(shared, log, &record).await?;
        stands_on_the_log(shared, log, &self.at).await?;
        let patience = shared.patience("make a base visible");
        let (base, kept) = table::change(shared, &row(log), patience, |mut index: Index| {
            if let Some(newest) = index.bases.first().filter(|newest| newest.seq >= seq) {
                let same =
                    newest.seq == seq && newest.at_hash == record.at_hash && newest.hash == record.hash;
                let why = || format!("the log has a base at {} already", newest.seq);
                let base = if same { newest.base(log) } else { return Err(refused(log, seq, why())) };
                return Ok((None, (base, tokens(&index))));
            }
            index.bases.insert(0, record.clone());
            index.bases.truncate(KEPT);
            let kept = tokens(&index);
            Ok((Some(index), (record.base(log), kept)))
        })
        .await?;
        if let Err(error) = purge_others(shared, log, &kept).await {
            // The next base takes them along.
            tracing::debug!(%log, %error, "could not remove chunks of older bases");
        }
        Ok(base)
    }
}

fn tokens(index: &Index) -> Vec<String> {
    index.bases.iter().map(|record| record.token.clone()).collect()
}

/// Stores a message however often it takes: only the newest of its subject counts, and a repeat is the same.
async fn store(shared: &Shared, stream: &str, subject: &str, payload: Bytes) -> Result<(), Error> {
    let mut patience = shared.patience("store a chunk");
    loop {
        match shared.wire.publish(stream, subject, Expect::Nothing, payload.clone(), patience.left()).await {
            Ok(_) => return Ok(()),
            Err(fault) if fault.is_full() => return Err(Error::Full { needed_bytes: payload.len() as u64 }),
            Err(fault) => patience.again(&fault).await?,
        }
    }
}

/// A base's log must have had the frame that it stands at.
async fn stands_on_the_log(shared: &Arc<Shared>, log: LogId, at: &Head) -> Result<(), Error> {
    let (entry, mut patience) = (shared.log(log), shared.patience("find the base's frame"));
    let mut doubt = Patience::new("find the base's frame", DOUBT.min(shared.options.patience));
    loop {
        match slot::look(shared, &entry, at.seq, patience.left()).await {
            Ok(Slot::Taken(found)) if found.frame.head() == *at => return Ok(()),
            Ok(Slot::Taken(_)) => return Err(Error::BadChain { at: at.seq }),
            Ok(Slot::Hole) => return Err(Error::Hole { at: at.seq }),
            Ok(Slot::Trimmed) => return Err(refused(log, at.seq, "the log is trimmed beyond it")),
            // A server that is behind may not have the frame yet.
            Ok(Slot::Free | Slot::Beyond { .. }) => {
                let what = "the log ends before it";
                doubt.pause(&what).await.map_err(|_| refused(log, at.seq, what))?;
            }
            Err(fail) => patience.mend(fail).await?,
        }
    }
}

async fn read_back(shared: &Shared, log: LogId, record: &Record) -> Result<(), Error> {
    let (mut hash, mut bytes) = ([0; 16], 0);
    for chunk in 0..record.chunks {
        let read = read_chunk(shared, log, record, chunk).await?;
        hash = base_hash(&hash, chunk, &read);
        bytes += read.len() as u64;
    }
    if hash != record.hash || bytes != record.bytes {
        return Err(refused(log, record.seq, "it is not read back as it was written"));
    }
    Ok(())
}

async fn read_chunk(shared: &Shared, log: LogId, record: &Record, chunk: u32) -> Result<Bytes, Error> {
    let subject = format!("{}.{chunk}", shared.names.base(log, &record.token));
    let mut patience = shared.patience("read a base");
    let found = loop {
        match shared.wire.get(&shared.names.bases(), Which::LastOf(&subject), patience.left()).await {
            Ok(found) => break found,
            Err(fault) => patience.again(&fault).await?,
        }
    };
    let gone = || refused(log, record.seq, format!("its chunk {chunk} is gone"));
    let payload = found.ok_or_else(gone)?.payload;
    let bytes = payload.get(CHUNK_HEADER_BYTES..).unwrap_or_default();
    if bytes.is_empty() || payload[..CHUNK_HEADER_BYTES] != base_hash(&[0; 16], chunk, bytes) {
        return Err(refused(log, record.seq, format!("its chunk {chunk} is not what was written")));
    }
    Ok(payload.slice(CHUNK_HEADER_BYTES..))
}

/// Removes what belongs to no visible base: older ones, and what writers left that never finished. One that is writing
/// just now at another process, deposed or not, finds its chunks gone, and begins anew.
async fn purge_others(shared: &Shared, log: LogId, kept: &[String]) -> Result<(), Error> {
    let (stream, mut patience) = (shared.names.bases(), shared.patience("remove an older base"));
    let filter = shared.names.bases_of(log);
    let subjects = loop {
        match shared.wire.info(&stream, Some(&filter), patience.left()).await {
            Ok(info) => break info.and_then(|info| info.state.subjects).unwrap_or_default(),
            Err(fault) => patience.again(&fault).await?,
        }
    };
    let writers = subjects.keys().filter_map(|subject| subject.rsplit_once('.').map(|(writer, _)| writer));
    let mut others: Vec<String> = writers
        .filter(|writer| !kept.iter().any(|token| shared.names.base(log, token) == **writer))
        .map(|writer| format!("{writer}.*"))
        .collect();
    others.sort_unstable();
    others.dedup();
    for other in others {
        let verb = format!("STREAM.PURGE.{stream}");
        loop {
            match shared.wire.call::<Value>(&verb, &json!({ "filter": other }), patience.left()).await {
                Ok(_) => break,
                Err(fault) => patience.again(&fault).await?,
            }
        }
    }
    Ok(())
}

/// The caller's end of a base that is being written; the work is done on the journal's own threads.
struct Writer(Option<Writing>);

impl BaseWriter for Writer {
    fn chunk(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let gone =
                || Error::Engine { what: "an earlier chunk of this base was given up: begin anew".into() };
            let mut writing = self.0.take().ok_or_else(gone)?;
            let runtime = writing.shared.runtime().clone();
            let written = runtime.spawn(async move {
                let written = writing.chunk(bytes).await;
                (writing, written)
            });
            let (writing, written) = written.await.map_err(|_| crate::journal::closed())?;
            self.0 = Some(writing);
            written
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Base, Error>> {
        Box::pin(async move {
            let gone = || Error::Engine { what: "a chunk of this base was given up: begin anew".into() };
            let writing = self.0.ok_or_else(gone)?;
            let runtime = writing.shared.runtime().clone();
            runtime.spawn(writing.finish()).await.map_err(|_| crate::journal::closed())?
        })
    }
}

impl Bases for NatsJournal {
    fn begin_base(&self, log: LogId, at: Head) -> BoxFuture<'_, Result<Box<dyn BaseWriter>, Error>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let token = token()?.iter().map(|byte| format!("{byte:02x}")).collect();
            let (chunks, bytes, hash) = (0, 0, [0; 16]);
            let writing = Writing { shared, log, at, token, chunks, bytes, hash, is_broken: false };
            let writer: Box<dyn BaseWriter> = Box::new(Writer(Some(writing)));
            Ok(writer)
        })
    }

    fn bases(&self, log: LogId) -> BoxFuture<'_, Result<Vec<Base>, Error>> {
        self.run(move |shared| async move {
            let index: Index = table::read(&shared, &row(log), shared.patience("list bases")).await?;
            Ok(index.bases.iter().map(|record| record.base(log)).collect())
        })
    }

    fn base_chunk(&self, base: &Base, chunk: u32) -> BoxFuture<'_, Result<Bytes, Error>> {
        let base = base.clone();
        self.run(move |shared| async move {
            let index: Index = table::read(&shared, &row(base.log), shared.patience("find a base")).await?;
            let record = index.bases.iter().find(|record| record.base(base.log) == base);
            let gone = || refused(base.log, base.at.seq, "it is gone: a newer one took its place");
            let record = record.ok_or_else(gone)?;
            if chunk >= record.chunks {
                let what = format!("it has {} chunks, and chunk {chunk} was asked for", record.chunks);
                return Err(refused(base.log, base.at.seq, what));
            }
            read_chunk(&shared, base.log, record, chunk).await
        })
    }
}
