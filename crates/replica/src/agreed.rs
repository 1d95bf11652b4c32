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
    Arriving(#[n(0)] String),
    /// Frames of this version are written from now on.
    #[n(1)]
    Events(#[n(0)] u32),
}

/// What the log comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// How many partitions there are, once somebody said so.
    pub layout: Option<Layout>,
    /// From where the engine is being filled, or was when that was broken off.
    pub arriving: Option<String>,
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
            Word::Arriving(from) => self.arriving = Some(from),
            Word::Events(version) => self.events = self.events.max(version),
        }
        Ok(())
    }

    /// Refuses an engine that a migration has not filled whole.
    fn whole(self) -> Result<Self, OpenError> {
        match self.arriving {
            Some(from) => Err(OpenError::Arriving { what: "the shared journal".into(), from }),
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

/// Marks the engine as one that is being filled, so that no process starts on a part.
///
/// # Errors
/// An engine that does not answer.
pub async fn begin_arrival(engine: &Arc<dyn Engine>, from: &str) -> Result<(), OpenError> {
    let arriving = |agreed: &Agreed| agreed.arriving.is_some();
    say(engine, encode(&Word::Arriving(from.to_owned())), arriving).await.map(|_| ())
}

/// Says that the engine is filled, under this layout.
///
/// # Errors
/// An engine that does not answer.
pub async fn end_arrival(engine: &Arc<dyn Engine>, layout: Layout, events: u32) -> Result<(), OpenError> {
    if events > 1 {
        raise(engine, events).await?;
    }
    let done = |agreed: &Agreed| agreed.arriving.is_none() && agreed.layout == Some(layout);
    say(engine, encode(&layout), done).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_layouts_are_told_apart_and_their_form_stays() {
        let layout = Layout::even(8).unwrap();
        assert_eq!(encode(&layout), [0x83, 8, 8, 8]);
        assert_eq!(encode(&Word::Arriving("d".into())), [0x82, 0, 0x81, 0x61, b'd']);
        assert_eq!(encode(&Word::Events(2)), [0x82, 1, 0x81, 2]);
        let mut agreed = Agreed::default();
        agreed.hear(&encode(&Word::Arriving("there".into()))).unwrap();
        assert!(agreed.clone().whole().is_err(), "a part is not the whole");
        agreed.hear(&encode(&layout)).unwrap();
        agreed.hear(&encode(&Word::Events(3))).unwrap();
        agreed.hear(&encode(&Word::Events(2))).unwrap();
        let agreed = agreed.whole().unwrap();
        assert_eq!(agreed, Agreed { layout: Some(layout), arriving: None, events: 3 });
        assert!(readable(&agreed, 3).is_ok());
        let refused = readable(&agreed, 2).unwrap_err().to_string();
        assert!(refused.contains("version 3") && refused.contains("up to 2"), "{refused}");
        assert!(
            Agreed::default().hear(&[0x82, 9, 0x80]).is_err(),
            "words of a newer version are not skipped"
        );
    }
}
