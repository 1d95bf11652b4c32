//! What all processes over one engine agree on, in a log of its own: the layout, whether a migration has filled the engine
//! whole, and the newest form of frames that may be written. It knows no partition's frames.

use crate::OpenError;
use bytes::Bytes;
use minicbor::{Decode, Encode};
use std::sync::Arc;
use waybill_journal::cluster::Engine;
use waybill_journal::{Error, Journal, LogId};
use waybill_machine::record::{decode, encode};
use waybill_types::Layout;

/// The log: beyond every partition's.
const AGREED: LogId = LogId(0xffff);

/// What is said in the log beside the layout, which stands there by itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
enum Word {
    /// The engine is being filled from there; it is of no use until a layout follows.
    #[n(0)]
    Arriving(#[n(0)] Arrival),
    /// Frames of this version are written from now on.
    #[n(1)]
    Events(#[n(0)] u32),
}

/// Who fills the engine: no two migrations are the same one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Arrival {
    /// From where, for people.
    #[n(0)]
    pub from: String,
    /// Chance, so that each knows its own.
    #[n(1)]
    pub mark: u64,
}

/// What the log comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// How many partitions there are, once somebody said so.
    pub layout: Option<Layout>,
    /// From where the engine is being filled, or was when that was broken off.
    pub arriving: Option<Arrival>,
    /// The newest version of frames that may have been written.
    pub events: u32,
}

/// How often somebody else may be quicker.
const TRIES: usize = 100;

/// Reads what was agreed. Blocks.
///
/// # Errors
/// An engine that does not answer; words of a newer version.
pub fn read(engine: &dyn Engine) -> Result<Agreed, OpenError> {
    let (mut agreed, mut next) = (Agreed { events: 1, ..Agreed::default() }, 1);
    loop {
        let frames = Journal::read(engine, AGREED, next, 1 << 20)?;
        let Some(last) = frames.last() else { return Ok(agreed) };
        next = last.seq + 1;
        for frame in frames.iter().filter(|frame| !frame.is_claim()) {
            agreed.hear(&frame.body)?;
        }
    }
}

impl Agreed {
    fn hear(&mut self, body: &[u8]) -> Result<(), OpenError> {
        // A layout has three numbers at least, a word two parts: neither can be read as the other.
        if let Ok(layout) = decode::<Layout>(body) {
            self.layout.get_or_insert(layout);
            self.arriving = None;
            return Ok(());
        }
        match decode(body)? {
            Word::Arriving(arrival) => self.arriving = Some(arrival),
            Word::Events(version) => self.events = self.events.max(version),
        }
        Ok(())
    }

    /// Refuses an engine that a migration has not filled whole.
    fn whole(self) -> Result<Self, OpenError> {
        match self.arriving {
            Some(Arrival { from, .. }) => {
                Err(OpenError::Arriving { what: "the shared journal".into(), from })
            }
            None => Ok(self),
        }
    }
}

/// Says a word, unless `needless` finds by what was said meanwhile that it need not be said.
async fn say(
    engine: &Arc<dyn Engine>,
    body: Vec<u8>,
    needless: impl Fn(&Agreed) -> bool,
) -> Result<Agreed, OpenError> {
    for _ in 0..TRIES {
        let looking = Arc::clone(engine);
        let agreed = blocking(move || read(&*looking)).await?;
        if needless(&agreed) {
            return Ok(agreed);
        }
        let claim = engine.claim(AGREED).await?;
        // What was said before the claim and after the look is seen now; nothing can be said in between any more.
        let looking = Arc::clone(engine);
        let agreed = blocking(move || read(&*looking)).await?;
        if needless(&agreed) {
            return Ok(agreed);
        }
        match engine.append(AGREED, claim.epoch, claim.head.seq + 1, Bytes::from(body.clone())).await {
            Ok(_) | Err(Error::Fenced { .. } | Error::Sequence { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let what = "the cluster's processes cannot agree; start one process first".into();
    Err(Error::Engine { what }.into())
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let done = tokio::task::spawn_blocking(job).await;
    done.unwrap_or_else(|error| Err(Error::Engine { what: error.to_string() }.into()))
}

/// Founds the cluster's layout, or compares it; and refuses a binary that cannot read what may have been written.
///
/// # Errors
/// Another layout, a migration that was not finished, a newer form of frames; an engine that does not answer.
pub(crate) async fn agree(engine: &Arc<dyn Engine>, asked: Layout, reads: u32) -> Result<Agreed, OpenError> {
    let decided = |agreed: &Agreed| agreed.layout.is_some() || agreed.arriving.is_some();
    let agreed = say(engine, encode(&asked), decided).await?.whole()?;
    readable(&agreed, reads)?;
    match agreed.layout {
        Some(found) if found != asked => Err(OpenError::OtherCluster { found, asked }),
        Some(_) | None => Ok(agreed),
    }
}

/// Refuses a binary that reads less than what may have been written.
pub(crate) fn readable(agreed: &Agreed, reads: u32) -> Result<(), OpenError> {
    let written = agreed.events;
    if reads < written { Err(OpenError::OlderBinary { reads, written }) } else { Ok(()) }
}

/// Says that frames of this version are written from now on; answers what was agreed then.
pub(crate) async fn raise(engine: &Arc<dyn Engine>, version: u32) -> Result<Agreed, OpenError> {
    say(engine, encode(&Word::Events(version)), |agreed| agreed.events >= version).await
}

/// As [`read`], from a task.
///
/// # Errors
/// See [`read`].
pub async fn look(engine: &Arc<dyn Engine>) -> Result<Agreed, OpenError> {
    let engine = Arc::clone(engine);
    blocking(move || read(&*engine)).await
}

/// Marks the engine as one that this migration fills, so that no process starts on a part.
///
/// # Errors
/// Another one fills it, or processes have founded a cluster in it; an engine that does not answer.
pub async fn begin_arrival(engine: &Arc<dyn Engine>, mine: &Arrival) -> Result<(), OpenError> {
    let decided = |agreed: &Agreed| agreed.arriving.is_some() || agreed.layout.is_some();
    let agreed = say(engine, encode(&Word::Arriving(mine.clone())), decided).await?;
    is_filled_by(&agreed, mine)
}

/// Says that the engine is filled, under this layout. May be repeated.
///
/// # Errors
/// It is not this migration that fills it now; an engine that does not answer.
pub async fn end_arrival(
    engine: &Arc<dyn Engine>,
    mine: &Arrival,
    layout: Layout,
    events: u32,
) -> Result<(), OpenError> {
    if events > 1 {
        raise(engine, events).await?;
    }
    let agreed = say(engine, encode(&layout), |agreed| agreed.arriving.as_ref() != Some(mine)).await?;
    match (&agreed.arriving, agreed.layout) {
        (None, Some(found)) if found == layout => Ok(()),
        _ => is_filled_by(&agreed, mine),
    }
}

fn is_filled_by(agreed: &Agreed, mine: &Arrival) -> Result<(), OpenError> {
    match (&agreed.arriving, agreed.layout) {
        (Some(found), None) if found == mine => Ok(()),
        (Some(Arrival { from, .. }), _) => {
            Err(Error::Engine { what: format!("it is being filled from {from} by another migration") }.into())
        }
        (None, _) => {
            Err(Error::Engine { what: "a cluster was founded in it meanwhile, or it was cleared".into() }
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_layouts_are_told_apart_and_their_form_stays() {
        let layout = Layout::even(8).unwrap();
        assert_eq!(encode(&layout), [0x83, 8, 8, 8]);
        let arrival = |from: &str| Arrival { from: from.into(), mark: 7 };
        assert_eq!(encode(&Word::Arriving(arrival("d"))), [0x82, 0, 0x81, 0x82, 0x61, b'd', 7]);
        assert_eq!(encode(&Word::Events(2)), [0x82, 1, 0x81, 2]);
        let mut agreed = Agreed::default();
        agreed.hear(&encode(&Word::Arriving(arrival("there")))).unwrap();
        assert!(agreed.clone().whole().is_err(), "a part is not the whole");
        agreed.hear(&encode(&layout)).unwrap();
        agreed.hear(&encode(&Word::Events(3))).unwrap();
        agreed.hear(&encode(&Word::Events(2))).unwrap();
        let agreed = agreed.whole().unwrap();
        assert_eq!(agreed, Agreed { layout: Some(layout), arriving: None, events: 3 });
        assert!(is_filled_by(&agreed, &arrival("there")).is_err(), "a cluster that was founded");
        let filled = Agreed { arriving: Some(arrival("there")), ..Agreed::default() };
        assert!(is_filled_by(&filled, &arrival("there")).is_ok());
        assert!(
            is_filled_by(&filled, &Arrival { mark: 8, ..arrival("there") }).is_err(),
            "another migration"
        );
        assert!(readable(&agreed, 3).is_ok());
        let refused = readable(&agreed, 2).unwrap_err().to_string();
        assert!(refused.contains("version 3") && refused.contains("up to 2"), "{refused}");
        assert!(
            Agreed::default().hear(&[0x82, 9, 0x80]).is_err(),
            "words of a newer version are not skipped"
        );
    }
}
