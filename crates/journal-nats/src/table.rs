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
    match shared.wire.get(&shared.names.tables(), Which::LastOf(&subject), left).await? {
        None => Ok((0, T::default())),
        Some(kept) => {
            let row = minicbor::decode(&kept.payload);
            let row =
                row.map_err(|error| Error::Engine { what: format!("the row {name} is damaged: {error}") })?;
            Ok((kept.seq, row))
        }
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
) -> Result<u64, Fail> {
    let encoded = minicbor::to_vec(row);
    let encoded =
        encoded.map_err(|error| Error::Engine { what: format!("encode the row {name}: {error}") })?;
    let (stream, subject) = (shared.names.tables(), shared.names.table(name));
    let expect = Expect::LastOfSubject(seen);
    Ok(shared.wire.publish(&stream, &subject, expect, Bytes::from(encoded), left).await?)
}

/// Reads the row, asks `decide` what it shall be, and writes that if the row is still the same; begins anew if it
/// is not, or if nobody answered. So `decide` may see its own change as somebody's, and must come to the same end.
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
            Ok(_) => return Ok(answer),
            Err(Fail::Fault(fault)) if fault.is_full() => return Err(no_room(shared, name, &fault)),
            Err(fail) => patience.mend(fail).await?,
        }
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
