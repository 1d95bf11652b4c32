//! Places in a change feed: cursors and tokens, where a stream begins, and which places are refused. Knows no event.

use super::{Asked, Teller};
use crate::error::DoorError;
use crate::fields::Fields;
use crate::opaque;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use tonic::Status;
use waybill_machine::Machine;
use waybill_replica::{Feed, FeedError, Partition, Partitions};
use waybill_types::PartitionId;

/// A place in one partition's feed: a frame, and how many of its events are known. Sequences on the wire hold both, so
/// that each event has its own and a stream resumes in the middle of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    frame: u64,
    events: u32,
}

impl Spot {
    const EVENT_BITS: u32 = 20;
    /// Before everything.
    pub(super) const ZERO: Self = Self { frame: 0, events: 0 };

    pub(super) const fn sequence(self) -> u64 {
        self.frame << Self::EVENT_BITS | self.events as u64
    }
    pub(super) const fn of(sequence: u64) -> Self {
        let events = sequence & ((1 << Self::EVENT_BITS) - 1);
        Self { frame: sequence >> Self::EVENT_BITS, events: events as u32 }
    }
    /// All events of a frame are known.
    pub(super) const fn whole(frame: u64) -> Self {
        Self { frame, events: (1 << Self::EVENT_BITS) - 1 }
    }
    fn is_whole(self) -> bool {
        self == Self::whole(self.frame)
    }
    /// The place of the next event that is read, which stands in `frame`.
    pub(super) fn next_in(self, frame: u64) -> Self {
        match self.frame == frame && !self.is_whole() {
            true => Self { events: self.events + 1, ..self },
            false => Self { frame, events: 1 },
        }
    }
}

/// Where one partition's stream begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// At the oldest event that is kept.
    Oldest,
    /// After this spot; an error when that is no longer kept or was never reached.
    After(Spot),
}

impl Start {
    /// The last place that is known.
    pub(super) const fn known(self) -> Spot {
        match self {
            Self::Oldest => Spot::ZERO,
            Self::After(spot) => spot,
        }
    }

    /// The feed that begins there. A place within a frame begins at the frame itself, whose first events are left out
    /// later; that frame is looked at now, since a cursor that counts more events than it has was never given out.
    pub(super) async fn begin<M: Machine>(self, partition: &Partition<M>) -> Result<Feed<M>, FeedError> {
        let whole = match self {
            Self::Oldest => Some(0),
            Self::After(spot) if spot.is_whole() || spot.frame == 0 => Some(spot.frame),
            Self::After(_) => None,
        };
        if let Some(frame) = whole {
            return partition.feed(frame);
        }
        let spot = self.known();
        // Refuses a frame that was never reached, for which the feed below would wait.
        partition.feed(spot.frame)?;
        let read = partition.feed(spot.frame - 1)?.next().await?;
        let of_frame = read.iter().filter(|change| change.position.sequence == spot.frame);
        let events: usize = of_frame.map(|change| change.events.len()).sum();
        if spot.events as usize > events {
            return Err(FeedError::Ahead { asked: spot.frame, newest: spot.frame });
        }
        partition.feed(spot.frame - 1)
    }
}

/// Where each partition begins; those that are not named begin at their oldest event, all begin now when nothing is said.
pub(super) fn starts<T: Teller>(
    partitions: &Partitions<T::Machine>,
    fields: &mut Fields,
    asked: &Asked,
) -> Result<BTreeMap<u8, Start>, DoorError> {
    let mut starts = BTreeMap::new();
    if !asked.resume_token.is_empty() {
        if !asked.cursors.is_empty() {
            fields.wrong("cursors", "are given together with a resume_token; give one of them");
        }
        let known: BTreeMap<u8, u64> = opaque::open(T::TOKEN_KIND, "resume_token", &asked.resume_token)?;
        starts.extend(known.into_iter().map(|(index, sequence)| (index, Start::After(Spot::of(sequence)))));
        return Ok(starts);
    }
    for (index, cursor) in asked.cursors.iter().enumerate() {
        match u8::try_from(cursor.partition) {
            Ok(partition) if partitions.iter().any(|here| here.id().index == partition) => {
                let start = match cursor.sequence {
                    0 => Start::Oldest,
                    sequence => Start::After(Spot::of(sequence)),
                };
                starts.insert(partition, start);
            }
            _ => fields.wrong(format!("cursors[{index}].partition"), format!("is {}", cursor.partition)),
        }
    }
    if asked.cursors.is_empty() {
        for partition in partitions.iter() {
            let now = partition.status().sequence.load(Ordering::Acquire);
            starts.insert(partition.id().index, Start::After(Spot::whole(now)));
        }
    }
    Ok(starts)
}

/// What is known at the start, per partition, as a token carries it.
pub(super) fn places(starts: &BTreeMap<u8, Start>) -> BTreeMap<u8, u64> {
    let known = starts.iter().filter_map(|(index, start)| match start {
        Start::Oldest => None,
        Start::After(spot) => Some((*index, spot.sequence())),
    });
    known.collect()
}

/// The status of a feed that cannot go on in one partition; `places` is where the stream stands in all of them.
pub(super) fn refused<T: Teller>(
    partition: PartitionId,
    failure: &FeedError,
    mut places: BTreeMap<u8, u64>,
) -> Status {
    match failure {
        FeedError::OutOfRange { oldest, .. } => {
            places.insert(partition.index, Spot::whole(oldest.saturating_sub(1)).sequence());
            DoorError::OutOfRange { oldest: opaque::seal(T::TOKEN_KIND, &places) }.into()
        }
        FeedError::Ahead { newest, .. } => {
            let asked = places.get(&partition.index).copied().unwrap_or_default();
            let newest = Spot::whole(*newest).sequence();
            DoorError::Ahead { partition: partition.index, asked, newest }.into()
        }
        FeedError::Journal(what) => DoorError::Bug { what: what.clone() }.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_a_frame_has_a_sequence_of_its_own_and_the_next_frame_is_beyond_them() {
        let first = Spot::ZERO.next_in(7);
        let second = first.next_in(7);
        assert!(Spot::ZERO < first && first < second && second < Spot::whole(7));
        assert_eq!(second.next_in(9), Spot { frame: 9, events: 1 });
        assert!(Spot::whole(7) < second.next_in(9));
        for spot in [first, second, Spot::whole(7), Spot::whole(1 << 43)] {
            assert_eq!(Spot::of(spot.sequence()), spot);
        }
    }
}
