//! Partitions played forward frame by frame, and cuts over several of them: where each stands, what it has sent and what it
//! has received. A cut is consistent when nothing was received in it that was not sent in it, and nobody knows in it of
//! something received that was not. It knows no machine's rows.

use crate::checkpoint::{self, ColdRows, Marker};
use crate::core::Core;
use crate::entry::Body;
use crate::host::{Host, OpenError};
use crate::recovery::{self, RecoveryError, play_on};
use crate::snapshot::Snapshot;
use crate::trail::{Place, Trail};
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use waybill_journal::{Frame, Head, Journal, LogId};
use waybill_machine::Machine;
use waybill_store::Store;
use waybill_types::{Layout, PartitionId, Service, Timestamp};

/// Changed rows that are saved at once.
const SAVED_ROWS: usize = 20_000;

/// What a partition has sent and received by some frame, in numbers that only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The last message to each receiver.
    pub sent: BTreeMap<PartitionId, u64>,
    /// The last message applied of each sender.
    pub received: BTreeMap<PartitionId, u64>,
    /// The last message to each receiver that it is known to have applied.
    pub acknowledged: BTreeMap<PartitionId, u64>,
}

impl Marks {
    /// Those of a state.
    pub fn of<M: Machine>(core: &Core<M>) -> Self {
        let everybody = Service::ALL.into_iter().flat_map(|service| core.layout().partitions(service));
        let received = everybody.map(|from| (from, core.received(from))).filter(|(_, mark)| *mark > 0);
        let (mut sent, mut acknowledged) = (BTreeMap::new(), BTreeMap::new());
        for (to, last, known) in core.sent() {
            sent.extend((last > 0).then_some((to, last)));
            acknowledged.extend((known > 0).then_some((to, known)));
        }
        Self { sent, received: received.collect(), acknowledged }
    }
}

/// Up to where a partition is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The last frame before anything that happened after this time.
    Time(Timestamp),
    /// This frame.
    Sequence(u64),
}

/// A partition in a store, with the log that goes on from there.
pub struct Played<'a> {
    /// The rows.
    pub store: &'a Arc<dyn Store>,
    /// The log.
    pub journal: &'a dyn Journal,
    /// Which partition.
    pub partition: PartitionId,
    /// How many there are.
    pub layout: Layout,
    /// How long request ids are kept, in milliseconds.
    pub request_ttl_ms: i64,
}

impl Played<'_> {
    /// The places that the partition comes through, from where its rows stand; nothing is changed. Blocks.
    ///
    /// # Errors
    /// Rows that are of another log or stand after `until`; a log that cannot be read from there.
    pub fn trail<M: Machine>(&self, until: Until) -> Result<Trail, OpenError> {
        let mut trail: Option<Trail> = None;
        let core = self.play::<M>(
            |frame, body| within(until, frame, body),
            |core, head| {
                let place = Place { head, at: core.at() };
                match &mut trail {
                    Some(trail) => trail.go_on(place, Marks::of(core)),
                    None => trail = Some(Trail::begin(place, Marks::of(core))),
                }
                Ok(())
            },
        )?;
        let nowhere = || Trail::begin(Place { head: Head::EMPTY, at: core.at() }, Marks::of(&core));
        Ok(trail.unwrap_or_else(nowhere))
    }

    /// Brings the rows to where the partition stands after frame `to`, and answers with the state there. Blocks; cut off
    /// half-way it may leave rows of two places.
    ///
    /// # Errors
    /// As [`Self::trail`]; a store that fails.
    pub fn put<M: Machine>(&self, to: Head) -> Result<Core<M>, OpenError> {
        let mut stands = Head::EMPTY;
        let through = |frame: &Frame, _: Option<&Body>| frame.seq <= to.seq;
        let mut core = self.play::<M>(through, |core, head| {
            stands = head;
            // However much is played, little of it is in memory.
            if core.dirty_rows() >= SAVED_ROWS { self.save(core, head) } else { Ok(()) }
        })?;
        if (stands.seq, stands.hash) != (to.seq, to.hash) {
            return Err(waybill_journal::Error::BadChain { at: to.seq }.into());
        }
        self.save(&mut core, to)?;
        Ok(core)
    }

    fn save<M: Machine>(&self, core: &mut Core<M>, at: Head) -> Result<(), OpenError> {
        let marker = Marker { partition: self.partition, sequence: at.seq, hash: at.hash };
        checkpoint::perform_unguarded(&**self.store, &marker, &core.begin_checkpoint())?;
        core.finish_checkpoint();
        Ok(())
    }

    fn play<M: Machine>(
        &self,
        wanted: impl FnMut(&Frame, Option<&Body>) -> bool,
        mut stands: impl FnMut(&mut Core<M>, Head) -> Result<(), OpenError>,
    ) -> Result<Core<M>, OpenError> {
        let partition = self.partition;
        let guarded = catch_unwind(AssertUnwindSafe(|| {
            let marker = recovery::marker(&**self.store, partition)?;
            let cold = Arc::new(ColdRows { store: Arc::clone(self.store), partition });
            let mut core = Core::<M>::open(partition, self.layout, Some(cold), self.request_ttl_ms);
            let mut at = Head::EMPTY;
            if let Some(marker) = &marker {
                at = self.frame_of(marker)?;
            }
            stands(&mut core, at)?;
            let on = |core: &mut Core<M>, frame: &Frame| stands(core, frame.head()).map(|()| true);
            play_on(&mut core, self.journal, at.seq, wanted, on)?;
            Ok(core)
        }));
        guarded.unwrap_or_else(|panic| Err(RecoveryError::panicked(partition, &*panic).into()))
    }

    /// The frame that the rows stand at: it must be the log's own.
    fn frame_of(&self, marker: &Marker) -> Result<Head, OpenError> {
        let (partition, sequence) = (self.partition, marker.sequence);
        match self.journal.read(LogId(partition.number()), sequence, 1) {
            Ok(frames) => match frames.first() {
                Some(frame) if frame.seq == sequence && frame.hash == marker.hash => Ok(frame.head()),
                Some(_) | None => Err(RecoveryError::ForeignCheckpoint { partition, sequence }.into()),
            },
            // What follows it chains to its hash, which is looked at then.
            Err(waybill_journal::Error::Trimmed { oldest }) if oldest == sequence + 1 => {
                Ok(Head { seq: sequence, hash: marker.hash, epoch: 0 })
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn within(until: Until, frame: &Frame, body: Option<&Body>) -> bool {
    match until {
        Until::Sequence(sequence) => frame.seq <= sequence,
        Until::Time(time) => body.is_none_or(|body| body.entries.iter().all(|entry| entry.at <= time)),
    }
}

/// What one partition of a cut has, and another must have had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Who has not come as far.
    pub behind: PartitionId,
    /// Who has gone ahead.
    pub ahead: PartitionId,
    /// Of which message.
    pub number: u64,
    /// What with it.
    pub what: What,
}

/// What goes ahead of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It was received before it was sent.
    Received,
    /// It is known to be received before it was.
    Acknowledged,
}

impl What {
    /// How far whoever is ahead has come with messages of or to `other`.
    pub(crate) fn of_ahead(self, marks: &Marks, other: PartitionId) -> u64 {
        let marks = match self {
            Self::Received => &marks.received,
            Self::Acknowledged => &marks.acknowledged,
        };
        marks.get(&other).copied().unwrap_or(0)
    }

    /// How far whoever is behind must have come with messages to or of `other`.
    #[must_use]
    pub fn of_behind(self, marks: &Marks, other: PartitionId) -> u64 {
        let marks = match self {
            Self::Received => &marks.sent,
            Self::Acknowledged => &marks.received,
        };
        marks.get(&other).copied().unwrap_or(0)
    }
}

/// Whatever in a cut goes ahead of something else in it; partitions that are not in it count as far enough.
#[must_use]
pub fn gone_ahead(cut: &BTreeMap<PartitionId, impl Borrow<Marks>>) -> Vec<Ahead> {
    let mut found = Vec::new();
    for (ahead, marks) in cut.iter().map(|(id, marks)| (id, marks.borrow())) {
        for (what, having) in [(What::Received, &marks.received), (What::Acknowledged, &marks.acknowledged)] {
            for (behind, number) in having {
                let far =
                    cut.get(behind).is_none_or(|marks| what.of_behind(marks.borrow(), *ahead) >= *number);
                if !far {
                    found.push(Ahead { behind: *behind, ahead: *ahead, number: *number, what });
                }
            }
        }
    }
    found
}

impl Host {
    /// The state at a snapshot taken after frame `after`, played on until `far` is content with it or the log ends; with the
    /// frame that it stands at then. Blocks; see [`Self::look_back`].
    ///
    /// # Errors
    /// A state that cannot be read, a log that cannot be.
    pub fn look_on<M: Machine>(
        &self,
        snapshot: Snapshot<M>,
        after: u64,
        far: impl Fn(&Core<M>, u64) -> bool,
    ) -> Result<(Core<M>, u64), OpenError> {
        let mut core = self.look_back(snapshot)?;
        let (partition, mut at) = (core.id(), after);
        if far(&core, at) {
            return Ok((core, at));
        }
        let played = catch_unwind(AssertUnwindSafe(|| {
            play_on(
                &mut core,
                &**self.journal(),
                after,
                |_, _| true,
                |core, frame| {
                    at = frame.seq;
                    Ok::<_, RecoveryError>(!far(core, at))
                },
            )
        }));
        played.unwrap_or_else(|panic| Err(RecoveryError::panicked(partition, &*panic)))?;
        Ok((core, at))
    }
}
