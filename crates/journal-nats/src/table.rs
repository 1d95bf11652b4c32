//! Rows that processes change under each other: each a subject whose newest message is the row, changed only where it
//! still is what was read. Knows nothing of what the rows mean.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use std::time::Duration;
use waybill_journal::Error;

use crate::fault::{Fault, Patience};
use crate::shared::{Fail, Shared};
use crate::wire::{Expect, Which};

/// A row with the number of its message; 0 and the default where there is none.
pub(crate) async fn get<T>(shared: &Shared, name: &str, left: Duration) -> Result<(u64, T), Fail>
where
    T: Default + for<'b> Decode<'b, ()>,
{
    let subject = shared.names.table(name);
    let found = shared.wire.get(&shared.names.tables(), Which::LastOf(&subject), left).await?;
    let found = found.map_or_else(Seen::default, |kept| Seen { seq: kept.seq, row: kept.payload });
    shared.rows_seen.lock().insert(name.to_owned(), found.clone());
    Ok((found.seq, found.decode(name)?))
}

/// A row as it was when it was last read or written here; 0 and no bytes where there was none.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen {
    seq: u64,
    row: Bytes,
}

impl Seen {
    fn decode<T: Default + for<'b> Decode<'b, ()>>(&self, name: &str) -> Result<T, Error> {
        if self.seq == 0 {
            return Ok(T::default());
        }
        let row = minicbor::decode(&self.row);
        row.map_err(|error| Error::Engine { what: format!("the row {name} is damaged: {error}") })
    }
}

/// # Errors
/// [`Fault::is_taken`] where the row is no longer the one of this number.
async fn put<T: Encode<()>>(
    shared: &Shared,
    name: &str,
    seen: u64,
    row: &T,
    left: Duration,
) -> Result<(), Fail> {
    let encoded = minicbor::to_vec(row);
    let encoded =
        encoded.map_err(|error| Error::Engine { what: format!("encode the row {name}: {error}") })?;
    let row = Bytes::from(encoded);
    let (stream, subject) = (shared.names.tables(), shared.names.table(name));
    let expect = Expect::LastOfSubject(seen);
    let seq = shared.wire.publish(&stream, &subject, expect, row.clone(), left).await?;
    shared.rows_seen.lock().insert(name.to_owned(), Seen { seq, row });
    Ok(())
}

/// Asks `decide` what the row shall be, and writes that if the row is still the same; begins anew if it is not, or if
/// nobody answered. So `decide` may see its own change as somebody's, and must come to the same end. It is first asked
/// about the row as it was last seen here, which saves a question: what it says of that only counts if it is written.
///
/// `decide` answers the row to write, or none to leave it, and what to tell the caller.
///
/// # Errors
/// Whatever `decide` refuses; [`Error::Full`], [`Error::Engine`].
pub(crate) async fn change<T, R>(
    shared: &Shared,
    name: &str,
    mut patience: Patience,
    mut decide: impl FnMut(T) -> Result<(Option<T>, R), Error>,
) -> Result<R, Error>
where
    T: Default + Encode<()> + for<'b> Decode<'b, ()>,
{
    let seen = shared.rows_seen.lock().get(name).cloned();
    if let Some(seen) = seen
        && let Ok((Some(row), answer)) = decide(seen.decode(name)?)
    {
        match put(shared, name, seen.seq, &row, patience.left()).await {
            Ok(()) => return Ok(answer),
            Err(Fail::Fault(fault)) if fault.is_taken() => {}
            Err(fail) => not_written(shared, name, &mut patience, fail).await?,
        }
    }
    loop {
        let (seen, row) = match get::<T>(shared, name, patience.left()).await {
            Ok(found) => found,
            Err(fail) => {
                patience.mend(fail).await?;
                continue;
            }
        };
        let (row, answer) = decide(row)?;
        let Some(row) = row else {
            return Ok(answer);
        };
        match put(shared, name, seen, &row, patience.left()).await {
            Ok(()) => return Ok(answer),
            Err(fail) => not_written(shared, name, &mut patience, fail).await?,
        }
    }
}

/// Waits before the next try, where there is one.
async fn not_written(shared: &Shared, name: &str, patience: &mut Patience, fail: Fail) -> Result<(), Error> {
    match fail {
        Fail::Fault(fault) if fault.is_full() => Err(no_room(shared, name, &fault)),
        fail => patience.mend(fail).await,
    }
}

fn no_room(shared: &Shared, name: &str, fault: &Fault) -> Error {
    tracing::warn!(row = name, %fault, "no room to change a row");
    Error::Full { needed_bytes: shared.options.max_frame_bytes }
}

/// Reads a row, insisting.
pub(crate) async fn read<T>(shared: &Shared, name: &str, mut patience: Patience) -> Result<T, Error>
where
    T: Default + for<'b> Decode<'b, ()>,
{
    loop {
        match get::<T>(shared, name, patience.left()).await {
            Ok((_, row)) => return Ok(row),
            Err(fail) => patience.mend(fail).await?,
        }
    }
}
