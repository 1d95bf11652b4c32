//! The way that a partition came while it was played: where it stands, and how to go back from there, frame by frame, for as
//! far as that is kept. Several of them are cut back until they are consistent with each other. It knows what was sent and
//! received, in numbers, and nothing of what the frames say.

use crate::replay::{Ahead, Marks, gone_ahead};
use std::collections::{BTreeMap, VecDeque};
use waybill_journal::Head;
use waybill_types::{PartitionId, Timestamp};

/// A place in a log, with the partition's time there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The frame.
    pub head: Head,
    /// The partition's time after it.
    pub at: Timestamp,
}

/// Where a partition stands, and the way back.
#[derive(Clone, Debug)]
pub struct Trail {
    first: Place,
    stands: Place,
    marks: Marks,
    back: VecDeque<Step>,
    kept: usize,
    forgotten: bool,
    cut_back: bool,
}

/// One frame back.
#[derive(Clone, Debug)]
struct Step {
    to: Place,
    changed: Vec<Changed>,
}

/// A number as it was before a frame; zero where there was none.
#[derive(Clone, Copy, Debug)]
struct Changed {
    which: Which,
    of: PartitionId,
    before: u64,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Sent,
    Received,
    Acknowledged,
}

impl Which {
    const ALL: [Self; 3] = [Self::Sent, Self::Received, Self::Acknowledged];

    fn of(self, marks: &Marks) -> &BTreeMap<PartitionId, u64> {
        match self {
            Self::Sent => &marks.sent,
            Self::Received => &marks.received,
            Self::Acknowledged => &marks.acknowledged,
        }
    }

    fn of_mut(self, marks: &mut Marks) -> &mut BTreeMap<PartitionId, u64> {
        match self {
            Self::Sent => &mut marks.sent,
            Self::Received => &mut marks.received,
            Self::Acknowledged => &mut marks.acknowledged,
        }
    }
}

/// Frames that can be gone back, about a megabyte of steps: more than partitions are apart whose clocks are minutes apart.
const KEPT: usize = 8_192;

impl Trail {
    /// A way that begins here.
    #[must_use]
    pub fn begin(place: Place, marks: Marks) -> Self {
        Self::keeping(KEPT, place, marks)
    }

    fn keeping(kept: usize, place: Place, marks: Marks) -> Self {
        let back = VecDeque::new();
        Self { first: place, stands: place, marks, back, kept, forgotten: false, cut_back: false }
    }

    /// One frame on.
    pub fn go_on(&mut self, place: Place, marks: Marks) {
        let mut changed = Vec::new();
        for which in Which::ALL {
            let before = which.of(&self.marks);
            for (of, now) in which.of(&marks) {
                let before = before.get(of).copied().unwrap_or(0);
                if before != *now {
                    changed.push(Changed { which, of: *of, before });
                }
            }
        }
        self.back.push_back(Step { to: self.stands, changed });
        (self.stands, self.marks) = (place, marks);
        if self.back.len() > self.kept {
            self.back.pop_front();
            self.forgotten = true;
        }
    }

    /// Where it began.
    #[must_use]
    pub fn first(&self) -> Place {
        self.first
    }

    /// Where it stands.
    #[must_use]
    pub fn stands(&self) -> Place {
        self.stands
    }

    /// True where it stands before the place that it was played to.
    #[must_use]
    pub fn is_cut_back(&self) -> bool {
        self.cut_back
    }

    /// One frame back; false where that is not kept, or it stands where it began.
    fn go_back(&mut self) -> bool {
        let Some(step) = self.back.pop_back() else { return false };
        for Changed { which, of, before } in step.changed {
            match before {
                0 => drop(which.of_mut(&mut self.marks).remove(&of)),
                _ => drop(which.of_mut(&mut self.marks).insert(of, before)),
            }
        }
        self.stands = step.to;
        self.cut_back = true;
        true
    }
}

/// Cuts back whoever has gone ahead of others until nobody has: the last places that are consistent with each other. Where
/// one must go back further than is kept, `again` plays it anew through the frame given. False where not even the places at
/// which they began are consistent.
///
/// # Errors
/// What `again` refuses.
pub fn make_consistent<E>(
    trails: &mut BTreeMap<PartitionId, Trail>,
    mut again: impl FnMut(PartitionId, u64) -> Result<Trail, E>,
) -> Result<bool, E> {
    loop {
        let marks = trails.iter().map(|(id, trail)| (*id, &trail.marks)).collect();
        let found = gone_ahead(&marks);
        if found.is_empty() {
            return Ok(true);
        }
        for Ahead { behind, ahead, what, .. } in found {
            let reached = trails.get(&behind).map(|trail| what.of_behind(&trail.marks, ahead));
            let (Some(reached), Some(trail)) = (reached, trails.get_mut(&ahead)) else { continue };
            while what.of_ahead(&trail.marks, behind) > reached {
                if trail.go_back() {
                    continue;
                }
                if !trail.forgotten {
                    return Ok(false);
                }
                *trail = again(ahead, trail.stands.head.seq.saturating_sub(1))?;
                trail.cut_back = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::Service;

    fn id(index: u8) -> PartitionId {
        PartitionId::new(Service::Orders, index)
    }

    type Numbers = &'static [(u8, u64)];

    /// After each frame, what was sent to, received from and known to be received by whom in all.
    type Frames = &'static [(Numbers, Numbers, Numbers)];

    fn trail(frames: Frames, kept: usize) -> Trail {
        let marks = |(sent, received, acknowledged): (Numbers, Numbers, Numbers)| {
            let numbers = |pairs: Numbers| pairs.iter().map(|(of, number)| (id(*of), *number)).collect();
            Marks { sent: numbers(sent), received: numbers(received), acknowledged: numbers(acknowledged) }
        };
        let place = |seq: usize| Place {
            head: Head { seq: seq as u64, hash: [0; 16], epoch: 1 },
            at: Timestamp::from_ms(seq as i64),
        };
        let mut trail = Trail::keeping(kept, place(0), marks(frames[0]));
        for (seq, frame) in frames.iter().enumerate().skip(1) {
            trail.go_on(place(seq), marks(*frame));
        }
        trail
    }

    /// Where each stands in the cut, and how often one had to be played again.
    fn cut(all: &[Frames], kept: usize) -> Option<(Vec<u64>, usize)> {
        let mut trails = (0..).map(id).zip(all.iter().map(|frames| trail(frames, kept))).collect();
        let mut played_again = 0;
        let again = |of: PartitionId, through: u64| {
            played_again += 1;
            Ok::<_, ()>(trail(&all[usize::from(of.index)][..=through as usize], kept))
        };
        let is_consistent = make_consistent(&mut trails, again).unwrap();
        let stands = trails.values().map(|trail| trail.stands().head.seq).collect();
        for (trail, frames) in trails.values().zip(all) {
            let place = trail.stands().head.seq as usize;
            assert_eq!(trail.is_cut_back(), place + 1 < frames.len());
            assert_eq!(trail.marks, self::trail(&frames[..=place], 99).marks, "as they were there");
            assert_eq!(trail.stands().at, Timestamp::from_ms(place as i64));
        }
        is_consistent.then_some((stands, played_again))
    }

    fn cut_of(all: &[Frames]) -> Option<Vec<u64>> {
        Some(cut(all, 99)?.0)
    }

    const NOTHING: (Numbers, Numbers, Numbers) = (&[], &[], &[]);
    const SILENT: Frames = &[NOTHING];

    #[test]
    fn a_receiver_is_cut_back_to_before_what_was_not_sent() {
        let sender: Frames = &[NOTHING, (&[(1, 1)], &[], &[])];
        let receiver: Frames = &[NOTHING, (&[], &[(0, 1)], &[]), (&[], &[(0, 3)], &[])];
        assert_eq!(cut_of(&[sender, receiver]), Some(vec![1, 1]));
        assert_eq!(cut_of(&[SILENT, receiver]), Some(vec![0, 0]));
    }

    #[test]
    fn cutting_one_back_may_cut_others_back_in_turn() {
        // 0 has not sent to 1; what 1 did with it went to 2, and from 2 to 3.
        let one: Frames = &[NOTHING, (&[(2, 1)], &[(0, 1)], &[])];
        let two: Frames = &[NOTHING, (&[(3, 1)], &[(1, 1)], &[])];
        let three: Frames = &[NOTHING, NOTHING, (&[], &[(2, 1)], &[])];
        assert_eq!(cut_of(&[SILENT, one, two, three]), Some(vec![0, 0, 0, 1]));
    }

    #[test]
    fn a_sender_is_cut_back_to_before_it_knew_what_was_not_received_yet() {
        let sender: Frames = &[NOTHING, (&[(1, 2)], &[], &[]), (&[(1, 2)], &[], &[(1, 2)])];
        let receiver: Frames = &[NOTHING, (&[], &[(0, 1)], &[]), (&[], &[(0, 2)], &[])];
        assert_eq!(cut_of(&[sender, receiver]), Some(vec![2, 2]));
        assert_eq!(cut_of(&[sender, &receiver[..2]]), Some(vec![1, 1]));
    }

    #[test]
    fn a_beginning_that_is_not_consistent_is_no_cut_and_strangers_are_believed() {
        let ahead: Frames = &[(&[], &[(0, 1)], &[])];
        assert_eq!(cut_of(&[SILENT, ahead]), None);
        let of_strangers: Frames = &[(&[], &[(9, 5)], &[])];
        assert_eq!(cut_of(&[of_strangers]), Some(vec![0]));
    }

    #[test]
    fn who_must_go_back_further_than_is_kept_is_played_again_and_comes_to_the_same_place() {
        let receiver: Frames = &[
            NOTHING,
            (&[], &[(0, 1)], &[]),
            (&[(2, 1)], &[(0, 1)], &[]),
            (&[(2, 1)], &[(0, 2)], &[]),
            (&[(2, 7)], &[(0, 3)], &[]),
            (&[(2, 7)], &[(0, 4)], &[(2, 5)]),
        ];
        let third: Frames = &[NOTHING, (&[], &[(1, 1)], &[]), (&[], &[(1, 5)], &[]), (&[], &[(1, 7)], &[])];
        let sender: Frames = &[NOTHING, (&[(1, 1)], &[], &[])];
        let all = [sender, receiver, third];
        assert_eq!(cut(&all, 99), Some((vec![1, 2, 1], 0)));
        for kept in 1..5 {
            let (stands, played_again) = cut(&all, kept).unwrap();
            assert_eq!(stands, [1, 2, 1], "keeping {kept}");
            assert_eq!(played_again > 0, kept < 3, "keeping {kept}: {played_again}");
        }
    }
}
