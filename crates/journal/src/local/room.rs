//! Who may still write how much: the room that is preallocated, and the slots reserved in it. Pure: no files.
//!
//! A slot is one frame of the largest size. The rule kept at all times: the slots that still fit into the active
//! segment and the spare ones are at least as many as those reserved. Placing a frame in a reserved slot cannot
//! break it, because a frame takes at most one slot's worth of what is left; any other frame is refused if it would.

use std::collections::{BTreeSet, VecDeque};

use crate::LogId;

/// Room accounting; `S` is a spare segment.
#[derive(Debug)]
pub(crate) struct Room<S> {
    /// Bytes left in the active segment.
    active_free: u64,
    spares: VecDeque<S>,
    reserved: BTreeSet<LogId>,
    /// Bytes of one frame of the largest size.
    slot: u64,
    /// Bytes of a spare segment that frames can take.
    spare_usable: u64,
}

/// Where a frame goes.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Place<S> {
    Active,
    /// The frame opens this segment.
    Next(S),
}

impl<S> Room<S> {
    pub(crate) fn new(active_free: u64, slot: u64, spare_usable: u64) -> Self {
        Self { active_free, spares: VecDeque::new(), reserved: BTreeSet::new(), slot, spare_usable }
    }

    fn slots(&self, active_free: u64, spares: usize) -> u64 {
        active_free / self.slot + spares as u64 * (self.spare_usable / self.slot)
    }

    /// Reserves one slot for the log's next frame; false when there is none left.
    pub(crate) fn reserve(&mut self, log: LogId) -> bool {
        let wanted = self.reserved.len() as u64 + 1;
        if self.reserved.contains(&log) {
            return true;
        }
        let fits = self.slots(self.active_free, self.spares.len()) >= wanted;
        if fits {
            self.reserved.insert(log);
        }
        fits
    }

    /// Takes room for a frame of `span` bytes, out of the log's reservation if it has one. `None`, and nothing
    /// changed, when there is no room or others have reserved it.
    pub(crate) fn take(&mut self, log: LogId, span: u64) -> Option<Place<S>> {
        let reserved = self.reserved.contains(&log);
        let others = self.reserved.len() as u64 - u64::from(reserved);
        let in_active = span <= self.active_free;
        let (free_after, spares_after) = if in_active {
            (self.active_free - span, self.spares.len())
        } else {
            (self.spare_usable.checked_sub(span)?, self.spares.len().checked_sub(1)?)
        };
        if self.slots(free_after, spares_after) < others {
            debug_assert!(!reserved, "a reserved slot must be there");
            return None;
        }
        let place = if in_active { Place::Active } else { Place::Next(self.spares.pop_front()?) };
        self.active_free = free_after;
        self.reserved.remove(&log);
        Some(place)
    }

    /// Takes room in the active segment that belongs to no log, if nobody needs it.
    pub(crate) fn take_unless_needed(&mut self, span: u64) -> bool {
        let Some(after) = self.active_free.checked_sub(span) else { return false };
        if self.slots(after, self.spares.len()) < self.reserved.len() as u64 {
            return false;
        }
        self.active_free = after;
        true
    }

    pub(crate) fn add_spare(&mut self, spare: S) {
        self.spares.push_back(spare);
    }

    pub(crate) fn spares(&self) -> usize {
        self.spares.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reservations_stop_at_what_is_preallocated() {
        let mut room = Room::new(250, 100, 390);
        assert!(room.reserve(LogId(1)));
        assert!(room.reserve(LogId(1)), "asking again is free");
        assert!(room.reserve(LogId(2)));
        assert!(!room.reserve(LogId(3)));
        room.add_spare("spare");
        for log in 3..=5 {
            assert!(room.reserve(LogId(log)), "log {log}");
        }
        assert!(!room.reserve(LogId(6)));
    }

    #[test]
    fn unreserved_frame_may_not_take_what_others_reserved() {
        let mut room: Room<()> = Room::new(250, 100, 390);
        assert!(room.reserve(LogId(1)) && room.reserve(LogId(2)));
        assert_eq!(room.take(LogId(3), 51), None);
        assert_eq!(room.take(LogId(3), 50), Some(Place::Active));
        assert_eq!(room.take(LogId(1), 100), Some(Place::Active));
        assert_eq!(room.take(LogId(2), 100), Some(Place::Active));
        assert_eq!(room.take(LogId(2), 1), None);
    }

    proptest! {
        #[test]
        fn a_reserved_frame_always_finds_room(steps in prop::collection::vec((0u16..6, 0u8..4, 1u64..=100), 1..300)) {
            let mut room = Room::new(330, 100, 390);
            for (log, what, span) in steps {
                let log = LogId(log);
                match what {
                    0 => { room.reserve(log); }
                    1 => { room.take(log, span); }
                    2 if room.reserved.contains(&log) => prop_assert!(room.take(log, span).is_some()),
                    2 => { room.take_unless_needed(span); }
                    _ => room.add_spare(()),
                }
                let slots = room.slots(room.active_free, room.spares.len());
                prop_assert!(slots >= room.reserved.len() as u64);
            }
        }
    }
}
