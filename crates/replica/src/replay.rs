//! Partitions played forward frame by frame, and cuts over several of them: where each stands, what it has sent and what it
//! has received. A cut is consistent when nothing was received in it that was not sent in it, and nobody knows in it of
//! something received that was not. It knows no machine's rows.

use crate::checkpoint::{ColdRows, Marker, marker_key};
use crate::core::Core;
use crate::entry::Body;
use crate::host::{Host, OpenError};
use crate::recovery::{self, RecoveryError};
use crate::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use waybill_journal::{Frame, Head, Journal, LogId};
use waybill_machine::Machine;
use waybill_machine::record::{decode, encode};
use waybill_store::{Op, Store};
use waybill_types::{Layout, PartitionId, Service, Timestamp};

const READ_BYTES: usize = 4 << 20;

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

/// Where a partition stood after one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The frame.
    pub head: Head,
    /// The partition's time there.
    pub at: Timestamp,
    /// What it had sent and received; shared with the step before where that is the same.
    pub marks: Arc<Marks>,
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
    /// Every place that the partition comes through, from where its rows stand; nothing is changed. Blocks.
    ///
    /// # Errors
    /// Rows that are of another log or stand after `until`; a log that cannot be read from there.
    pub fn steps<M: Machine>(&self, until: Until) -> Result<Vec<Step>, OpenError> {
        let mut steps: Vec<Step> = Vec::new();
        self.play::<M>(
            |frame, body| within(until, frame, body),
            |core, head| {
                let now = Marks::of(core);
                let marks = match steps.last() {
                    Some(last) if *last.marks == now => Arc::clone(&last.marks),
                    Some(_) | None => Arc::new(now),
                };
                steps.push(Step { head, at: core.at(), marks });
            },
        )?;
        Ok(steps)
    }

    /// Brings the rows to where the partition stands after frame `to`. Blocks; cut off half-way it leaves rows of two places.
    ///
    /// # Errors
    /// As [`Self::steps`]; a store that fails.
    pub fn put<M: Machine>(&self, to: Head) -> Result<(), OpenError> {
        let mut stands = Head::EMPTY;
        let through = |frame: &Frame, _: Option<&Body>| frame.seq <= to.seq;
        let mut core = self.play::<M>(through, |_, head| stands = head)?;
        if (stands.seq, stands.hash) != (to.seq, to.hash) {
            return Err(waybill_journal::Error::BadChain { at: to.seq }.into());
        }
        let change = |(key, value): (Vec<u8>, Option<Vec<u8>>)| match value {
            Some(value) => Op::Put { key, value },
            None => Op::Delete { key },
        };
        self.store.put_unsynced(&mut core.unsaved().into_iter().map(change))?;
        self.store.sync()?;
        let marker = Marker { partition: self.partition, sequence: to.seq, hash: to.hash };
        Ok(self.store.commit(&[Op::Put { key: marker_key(self.partition), value: encode(&marker) }])?)
    }

    fn play<M: Machine>(
        &self,
        mut wanted: impl FnMut(&Frame, Option<&Body>) -> bool,
        mut stands: impl FnMut(&Core<M>, Head),
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
            stands(&core, at);
            play_on(&mut core, self.journal, at.seq, &mut wanted, |core, frame| {
                stands(core, frame.head());
                true
            })?;
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

/// Applies frames after `after` for as long as they are wanted and `on` says to go on.
fn play_on<M: Machine>(
    core: &mut Core<M>,
    journal: &dyn Journal,
    after: u64,
    wanted: &mut impl FnMut(&Frame, Option<&Body>) -> bool,
    mut on: impl FnMut(&Core<M>, &Frame) -> bool,
) -> Result<(), OpenError> {
    let (partition, mut next) = (core.id(), after + 1);
    loop {
        let frames = journal.read(LogId(partition.number()), next, READ_BYTES)?;
        if frames.is_empty() {
            return Ok(());
        }
        for frame in frames {
            let sequence = frame.seq;
            let undecodable = |error| RecoveryError::Undecodable { partition, sequence, error };
            let body: Option<Body> = match frame.is_claim() {
                true => None,
                false => Some(decode(&frame.body).map_err(undecodable)?),
            };
            if let Some(found) = body.as_ref().map(|body| body.version).filter(|found| *found > Body::VERSION)
            {
                return Err(RecoveryError::Newer { partition, sequence, found }.into());
            }
            if !wanted(&frame, body.as_ref()) {
                return Ok(());
            }
            if let Some(body) = &body {
                core.replay(body, sequence).map_err(undecodable)?;
            }
            next = sequence + 1;
            if !on(core, &frame) {
                return Ok(());
            }
        }
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
    fn of_ahead(self, marks: &Marks, other: PartitionId) -> u64 {
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
pub fn gone_ahead(cut: &BTreeMap<PartitionId, Arc<Marks>>) -> Vec<Ahead> {
    let mut found = Vec::new();
    for (ahead, marks) in cut {
        for (what, having) in [(What::Received, &marks.received), (What::Acknowledged, &marks.acknowledged)] {
            for (behind, number) in having {
                let far = cut.get(behind).is_none_or(|marks| what.of_behind(marks, *ahead) >= *number);
                if !far {
                    found.push(Ahead { behind: *behind, ahead: *ahead, number: *number, what });
                }
            }
        }
    }
    found
}

/// Of every place that partitions came through, the last that are consistent with each other: whoever has gone ahead is cut
/// back until nobody has. `None` where not even the first ones are.
#[must_use]
pub fn consistent(steps: &BTreeMap<PartitionId, Vec<Step>>) -> Option<BTreeMap<PartitionId, Step>> {
    let mut cut: BTreeMap<PartitionId, usize> =
        steps.iter().map(|(id, steps)| Some((*id, steps.len().checked_sub(1)?))).collect::<Option<_>>()?;
    loop {
        let marks = cut.iter().map(|(id, at)| (*id, Arc::clone(&steps[id][*at].marks))).collect();
        let found = gone_ahead(&marks);
        if found.is_empty() {
            return Some(cut.into_iter().map(|(id, at)| (id, steps[&id][at].clone())).collect());
        }
        for Ahead { behind, ahead, what, .. } in found {
            let reached = what.of_behind(marks.get(&behind)?, ahead);
            // Another of these may have cut it back further already.
            let at = cut.get_mut(&ahead)?;
            let allowed = |step: &Step| what.of_ahead(&step.marks, behind) <= reached;
            *at = (*at).min(steps[&ahead].partition_point(allowed).checked_sub(1)?);
        }
    }
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
            play_on(&mut core, &**self.journal(), after, &mut |_, _| true, |core, frame| {
                at = frame.seq;
                !far(core, at)
            })
        }));
        played.unwrap_or_else(|panic| Err(RecoveryError::panicked(partition, &*panic).into()))?;
        Ok((core, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u8) -> PartitionId {
        PartitionId::new(Service::Orders, index)
    }

    /// A partition's places: after each frame, what was sent to and received from whom in all.
    fn steps(frames: &[(&[(u8, u64)], &[(u8, u64)])]) -> Vec<Step> {
        let marks = |pairs: &[(u8, u64)]| pairs.iter().map(|(of, number)| (id(*of), *number)).collect();
        let step = |(seq, (sent, received)): (usize, &(&[(u8, u64)], &[(u8, u64)]))| Step {
            head: Head { seq: seq as u64, hash: [0; 16], epoch: 1 },
            at: Timestamp::from_ms(seq as i64),
            marks: Arc::new(Marks { sent: marks(sent), received: marks(received), ..Marks::default() }),
        };
        frames.iter().enumerate().map(step).collect()
    }

    fn cut(all: Vec<Vec<Step>>) -> Option<Vec<u64>> {
        let all = (0..).map(id).zip(all).collect();
        Some(consistent(&all)?.values().map(|step| step.head.seq).collect())
    }

    #[test]
    fn a_receiver_is_cut_back_to_before_what_was_not_sent() {
        let sender = steps(&[(&[], &[]), (&[(1, 1)], &[])]);
        let receiver = steps(&[(&[], &[]), (&[], &[(0, 1)]), (&[], &[(0, 3)])]);
        assert_eq!(cut(vec![sender.clone(), receiver.clone()]), Some(vec![1, 1]));
        assert_eq!(cut(vec![sender[..1].to_vec(), receiver]), Some(vec![0, 0]));
    }

    #[test]
    fn cutting_one_back_may_cut_others_back_in_turn() {
        // 0 has not sent to 1; what 1 did with it went to 2, and from 2 to 3.
        let silent = steps(&[(&[], &[])]);
        let one = steps(&[(&[], &[]), (&[(2, 1)], &[(0, 1)])]);
        let two = steps(&[(&[], &[]), (&[(3, 1)], &[(1, 1)])]);
        let three = steps(&[(&[], &[]), (&[], &[]), (&[], &[(2, 1)])]);
        assert_eq!(cut(vec![silent, one, two, three]), Some(vec![0, 0, 0, 1]));
    }

    #[test]
    fn a_sender_is_cut_back_to_before_it_knew_what_was_not_received_yet() {
        let mut sender = steps(&[(&[], &[]), (&[(1, 2)], &[]), (&[(1, 2)], &[])]);
        let mut knows = (*sender[2].marks).clone();
        knows.acknowledged.insert(id(1), 2);
        sender[2].marks = Arc::new(knows);
        let receiver = steps(&[(&[], &[]), (&[], &[(0, 1)]), (&[], &[(0, 2)])]);
        assert_eq!(cut(vec![sender.clone(), receiver.clone()]), Some(vec![2, 2]));
        assert_eq!(cut(vec![sender, receiver[..2].to_vec()]), Some(vec![1, 1]));
    }

    #[test]
    fn a_beginning_that_is_not_consistent_is_no_cut_and_strangers_are_believed() {
        let sender = steps(&[(&[], &[])]);
        let receiver = steps(&[(&[], &[(0, 1)])]);
        assert_eq!(cut(vec![sender, receiver]), None);
        let of_strangers = steps(&[(&[], &[(9, 5)])]);
        assert_eq!(cut(vec![of_strangers]), Some(vec![0]));
        assert_eq!(cut(vec![Vec::new()]), None);
    }
}
