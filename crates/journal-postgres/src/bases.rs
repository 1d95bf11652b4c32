//! Bases as rows of chunks. Chunks are written under a random id that nobody looks for; one row, written last, makes
//! them a base. Knows nothing of what is in them.

use std::sync::Arc;

use bytes::Bytes;
use waybill_journal::cluster::{BASE_CHUNK_BYTES_MAX, Base, BaseWriter, Bases, base_hash};
use waybill_journal::{BoxFuture, Error, Hash, Head, LogId};

use crate::PostgresJournal;
use crate::fault::{Backoff, Fault};
use crate::frames::{self, number, signed, sixteen, unsigned};
use crate::pool::Pool;
use crate::shared::Shared;

const LIST: &str = "SELECT seq, epoch, frame_hash, chunks, bytes, hash, id FROM bases WHERE log = $1 \
    ORDER BY seq DESC LIMIT 2";

/// The same chunk again, after a try without an answer, is written over itself. Only while the draft lives: a writer
/// that slept for an hour has lost its chunks.
const CHUNK: &str = "INSERT INTO base_chunks (id, chunk, body) \
    SELECT d.id, $2, $3 FROM base_drafts d WHERE d.id = $1 AND NOT d.dead \
    ON CONFLICT (id, chunk) DO UPDATE SET body = excluded.body RETURNING chunk";

const TOUCH: &str = "UPDATE base_drafts SET touched = now() WHERE id = $1";

const GET: &str = "SELECT c.body FROM base_chunks c WHERE c.id = $1 AND c.chunk = $2";

/// Whoever takes the draft away first, finishing or removing, has it.
const TAKE_DRAFT: &str = "DELETE FROM base_drafts WHERE id = $1 AND NOT dead RETURNING id";

const FINISH: &str = "INSERT INTO bases (log, seq, id, epoch, frame_hash, chunks, bytes, hash) \
    SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS \
    (SELECT 1 FROM bases b WHERE b.log = $1 AND b.seq >= $2) RETURNING seq";

/// All but the two newest become drafts again, dead ones, in the same transaction.
const RETIRE: &str = "DELETE FROM bases WHERE log = $1 AND seq < \
    (SELECT min(k.seq) FROM (SELECT seq FROM bases WHERE log = $1 ORDER BY seq DESC LIMIT 2) AS k) RETURNING id";

const BURY: &str = "INSERT INTO base_drafts (id, log, touched, dead) VALUES ($1, $2, now(), true)";

const MARK_DEAD: &str = "UPDATE base_drafts SET dead = true WHERE log = $1 AND NOT dead \
    AND touched < now() - interval '1 hour'";

const DEAD: &str = "SELECT id FROM base_drafts WHERE log = $1 AND dead";

struct Writer {
    shared: Arc<Shared>,
    id: [u8; 16],
    log: LogId,
    at: Head,
    chunks: u32,
    bytes: u64,
    hash: Hash,
}

async fn begin(shared: Arc<Shared>, log: LogId, at: Head) -> Result<Writer, Error> {
    let mut id = [0u8; 16];
    getrandom::fill(&mut id).map_err(|error| Error::Engine { what: format!("no randomness: {error}") })?;
    let pool = &shared.pools.data;
    let sql = "INSERT INTO base_drafts (id, log, touched) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING";
    let begun = pool.query(sql, &[&&id[..], &number(log)]).await;
    begun.map_err(Fault::into_error)?;
    Ok(Writer { shared, id, log, at, chunks: 0, bytes: 0, hash: [0; 16] })
}

impl Writer {
    fn fault(&self, what: impl Into<String>) -> Error {
        Error::Base { log: self.log, seq: self.at.seq, what: what.into() }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let (shared, id, chunk) = (Arc::clone(&self.shared), self.id, self.chunks);
        let body = bytes.clone();
        let written = self.shared.run(async move { put(&shared, id, chunk, body).await }).await?;
        if !written {
            return Err(self.fault("what was written of it was removed: it took longer than an hour"));
        }
        self.hash = base_hash(&self.hash, self.chunks, &bytes);
        self.chunks += 1;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    async fn finish(self) -> Result<Base, Error> {
        let pool = &self.shared.pools.data;
        self.check_frame(pool).await?;
        let mut hash = [0; 16];
        for chunk in 0..self.chunks {
            let rows = pool.query(GET, &[&&self.id[..], &(chunk as i32)]).await.map_err(Fault::into_error)?;
            let body: Option<&[u8]> = rows.first().and_then(|row| row.try_get(0).ok());
            let body =
                body.ok_or_else(|| self.fault(format!("chunk {chunk} was written and is not there")))?;
            hash = base_hash(&hash, chunk, body);
        }
        if hash != self.hash {
            return Err(self.fault("it does not read back as it was written"));
        }
        let base =
            Base { log: self.log, at: self.at, chunks: self.chunks, bytes: self.bytes, hash: self.hash };
        let mut backoff = Backoff::new(pool.patience);
        loop {
            let fault = match self.show(pool).await {
                Ok(()) => break,
                Err(fault) => fault,
            };
            // Without an answer it may be a base by now; a refusal may only mean that it was one already.
            let shown = list(pool, self.log).await.map_err(Fault::into_error)?;
            if shown.iter().any(|(_, id)| *id == self.id) {
                break;
            }
            match fault {
                Fault::Taken => {
                    return Err(self.fault("the log has a base there or later, or its draft is gone"));
                }
                fault => backoff.wait(fault).await.map_err(Fault::into_error)?,
            }
        }
        // Chunks that stay behind cost room and nothing else; the next base of the log tries again.
        if let Err(fault) = sweep(pool, self.log).await {
            tracing::warn!(log = %self.log, ?fault, "could not remove chunks of old bases");
        }
        Ok(base)
    }

    async fn check_frame(&self, pool: &Pool) -> Result<(), Error> {
        let found = frames::slot_and_end(pool, self.log, self.at.seq).await;
        match found.map_err(Fault::into_error)? {
            (Some(slot), _) if slot.head == self.at => Ok(()),
            (Some(_), _) => Err(Error::BadChain { at: self.at.seq }),
            (None, _) => Err(self.fault("the log has no such frame, or no more")),
        }
    }

    /// One transaction: the draft becomes a base, and the third newest base a dead draft.
    async fn show(&self, pool: &Pool) -> Result<(), Fault> {
        let mut lent = pool.lend().await?;
        lent.begin().await?;
        if lent.query(TAKE_DRAFT, &[&&self.id[..]]).await?.is_empty() {
            return Err(Fault::Taken);
        }
        let (log, seq, epoch) = (number(self.log), signed(self.at.seq), signed(self.at.epoch));
        let (id, frame, hash) = (&self.id[..], &self.at.hash[..], &self.hash[..]);
        let (chunks, bytes) = (self.chunks as i32, signed(self.bytes));
        let shown = lent.query(FINISH, &[&log, &seq, &id, &epoch, &frame, &chunks, &bytes, &hash]).await?;
        if shown.is_empty() {
            return Err(Fault::Taken);
        }
        for row in lent.query(RETIRE, &[&log]).await? {
            let old: &[u8] = row.try_get(0)?;
            lent.query(BURY, &[&old, &log]).await?;
        }
        lent.commit().await
    }
}

/// False where the draft is gone.
async fn put(shared: &Shared, id: [u8; 16], chunk: u32, body: Bytes) -> Result<bool, Error> {
    let pool = &shared.pools.data;
    let rows = pool.query(CHUNK, &[&&id[..], &(chunk as i32), &&body[..]]).await;
    let rows = rows.map_err(|fault| match fault {
        Fault::Full => {
            shared.room.ran_out();
            Error::Full { needed_bytes: body.len() as u64 }
        }
        other => other.into_error(),
    })?;
    if chunk % 64 == 63 {
        pool.query(TOUCH, &[&&id[..]]).await.map_err(Fault::into_error)?;
    }
    Ok(!rows.is_empty())
}

async fn list(pool: &Pool, log: LogId) -> Result<Vec<(Base, [u8; 16])>, Fault> {
    let mut bases = Vec::new();
    for row in &pool.query(LIST, &[&number(log)]).await? {
        let seq = unsigned(row.try_get(0)?)?;
        let epoch = unsigned(row.try_get(1)?)?;
        let at = Head { seq, epoch, hash: sixteen(row.try_get(2)?)? };
        let chunks: i32 = row.try_get(3)?;
        let chunks =
            u32::try_from(chunks).map_err(|_| Fault::Refused("a base has fewer than no chunks".into()))?;
        let bytes = unsigned(row.try_get(4)?)?;
        let base = Base { log, at, chunks, bytes, hash: sixteen(row.try_get(5)?)? };
        bases.push((base, sixteen(row.try_get(6)?)?));
    }
    Ok(bases)
}

async fn chunk(pool: &Pool, base: &Base, chunk: u32) -> Result<Bytes, Error> {
    let fault = |what: String| Error::Base { log: base.log, seq: base.at.seq, what };
    let bases = list(pool, base.log).await.map_err(Fault::into_error)?;
    let Some((_, id)) = bases.iter().find(|(known, _)| known == base) else {
        return Err(fault("it is gone: newer ones took its place".into()));
    };
    let rows = pool.query(GET, &[&&id[..], &(chunk as i32)]).await.map_err(Fault::into_error)?;
    let Some(row) = rows.first() else {
        return Err(fault(format!("chunk {chunk} of {} is not there", base.chunks)));
    };
    let body: &[u8] = row.try_get(0).map_err(|error| Fault::from(error).into_error())?;
    Ok(Bytes::copy_from_slice(body))
}

/// Removes the chunks of drafts that nobody will finish, some at a time, and the draft when it has none.
async fn sweep(pool: &Pool, log: LogId) -> Result<(), Fault> {
    pool.query(MARK_DEAD, &[&number(log)]).await?;
    for row in pool.query(DEAD, &[&number(log)]).await? {
        let id: &[u8] = row.try_get(0)?;
        let last = "SELECT chunk FROM base_chunks WHERE id = $1 ORDER BY chunk DESC LIMIT 1";
        while let Some(row) = pool.query(last, &[&id]).await?.first() {
            let last: i32 = row.try_get(0)?;
            pool.query("DELETE FROM base_chunks WHERE id = $1 AND chunk > $2", &[&id, &(last - 16)]).await?;
        }
        pool.query("DELETE FROM base_drafts WHERE id = $1 AND dead", &[&id]).await?;
    }
    Ok(())
}

impl BaseWriter for Writer {
    fn chunk(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            match bytes.len() {
                0 => Err(Error::Empty),
                more if more > BASE_CHUNK_BYTES_MAX => {
                    Err(Error::TooLarge { bytes: more as u64, max: BASE_CHUNK_BYTES_MAX as u64 })
                }
                _ => self.write(bytes).await,
            }
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Base, Error>> {
        let shared = Arc::clone(&self.shared);
        shared.run((*self).finish())
    }
}

impl Bases for PostgresJournal {
    fn begin_base(&self, log: LogId, at: Head) -> BoxFuture<'_, Result<Box<dyn BaseWriter>, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move { Ok(Box::new(begin(shared, log, at).await?) as Box<dyn BaseWriter>) })
    }

    fn bases(&self, log: LogId) -> BoxFuture<'_, Result<Vec<Base>, Error>> {
        let shared = self.shared.clone();
        self.shared.run(async move {
            let bases = list(&shared.pools.data, log).await.map_err(Fault::into_error)?;
            Ok(bases.into_iter().map(|(base, _)| base).collect())
        })
    }

    fn base_chunk(&self, base: &Base, wanted: u32) -> BoxFuture<'_, Result<Bytes, Error>> {
        let (shared, base) = (self.shared.clone(), base.clone());
        self.shared.run(async move { chunk(&shared.pools.data, &base, wanted).await })
    }
}
