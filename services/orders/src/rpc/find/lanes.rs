//! What the partitions found, put together newest first. It does not know how a partition searches, nor what is wanted.

use super::{Found, Place};
use std::collections::VecDeque;
use waybill_types::{OrderId, Timestamp};

/// What is put together: sorted by time, then by id.
pub(super) trait Dated {
    fn at(&self) -> (Timestamp, OrderId);
}

/// One partition's part of a search.
pub(super) struct Lane<H> {
    /// Where it goes on when the page ends now.
    place: Place,
    /// Found and not given out yet, newest first.
    waiting: VecDeque<H>,
    /// How far it has looked; `None` before it was asked.
    looked_through: Option<(Timestamp, OrderId)>,
    /// It has looked at everything there is.
    ended: bool,
    /// Rows it has looked at for this page.
    pub(super) looked_at: usize,
}

impl<H> Lane<H> {
    fn new(place: Place) -> Self {
        let ended = place == Place::Done;
        Self { place, waiting: VecDeque::new(), looked_through: None, ended, looked_at: 0 }
    }

    /// True when it may have more than is waiting.
    const fn is_open(&self) -> bool {
        !self.ended
    }

    /// Where it looks next.
    pub(super) fn next(&self) -> Place {
        match (self.ended, self.looked_through) {
            (true, _) => Place::Done,
            (false, Some((_, id))) => Place::OlderThan(id),
            (false, None) => self.place,
        }
    }

    /// Where the search goes on after what was given out.
    fn rest(&self) -> Place {
        if self.waiting.is_empty() { self.next() } else { self.place }
    }
}

/// The lanes of one page.
pub(super) struct Lanes<H>(Vec<Lane<H>>);

impl<H: Dated> Lanes<H> {
    pub(super) fn from(places: &[Place]) -> Self {
        Self(places.iter().copied().map(Lane::new).collect())
    }

    pub(super) fn lane(&self, index: usize) -> &Lane<H> {
        &self.0[index]
    }

    /// What lane `index` found from [`Lane::next`] on.
    pub(super) fn add(&mut self, index: usize, found: Found<H>) {
        let Some(lane) = self.0.get_mut(index) else { return };
        lane.looked_at += found.looked_at;
        lane.ended = found.looked_through.is_none();
        lane.looked_through = found.looked_through;
        lane.waiting.extend(found.hits);
    }

    /// The newest hit of all, unless a lane with nothing waiting may still have a newer one.
    pub(super) fn pop(&mut self) -> Option<H> {
        let newest = self.newest()?;
        let (newest_at, _) = self.0[newest].waiting.front()?.at();
        let may_be_newer = |lane: &Lane<H>| lane.looked_through.is_none_or(|(at, _)| at > newest_at);
        if self.starved().any(|index| may_be_newer(&self.0[index])) {
            return None;
        }
        let hit = self.0[newest].waiting.pop_front()?;
        self.0[newest].place = Place::OlderThan(hit.at().1);
        Some(hit)
    }

    /// The lanes that must be asked before anything can be given out. None when the search is over.
    pub(super) fn to_ask(&self) -> Vec<usize> {
        let newest = self.newest().and_then(|index| self.0[index].waiting.front()).map(|hit| hit.at().0);
        let hinders = |lane: &Lane<H>| match (newest, lane.looked_through) {
            (Some(newest), Some((at, _))) => at > newest,
            _ => true,
        };
        self.starved().filter(|index| hinders(&self.0[*index])).collect()
    }

    /// Where each lane goes on after what was given out.
    pub(super) fn places(&self) -> Vec<Place> {
        self.0.iter().map(Lane::rest).collect()
    }

    fn newest(&self) -> Option<usize> {
        let heads = self.0.iter().enumerate();
        let heads = heads.filter_map(|(index, lane)| Some((lane.waiting.front()?.at(), index)));
        heads.max().map(|(_, index)| index)
    }

    fn starved(&self) -> impl Iterator<Item = usize> {
        let starved = |(_, lane): &(usize, &Lane<H>)| lane.waiting.is_empty() && lane.is_open();
        self.0.iter().enumerate().filter(starved).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Dated for (Timestamp, OrderId) {
        fn at(&self) -> (Timestamp, OrderId) {
            *self
        }
    }

    /// One partition: its orders, oldest first. Only even ids match; it looks at most at so many rows at once.
    fn searched(
        orders: &[(Timestamp, OrderId)],
        place: Place,
        part: usize,
        rows: usize,
    ) -> Found<(Timestamp, OrderId)> {
        let mut found = Found { hits: Vec::new(), looked_through: None, looked_at: 0 };
        let bound = match place {
            Place::Done => return found,
            Place::Newest => None,
            Place::OlderThan(id) => Some(id),
        };
        for order in orders.iter().rev().filter(|(_, id)| bound.is_none_or(|bound| *id < bound)) {
            found.looked_at += 1;
            if order.1.as_u64().is_multiple_of(2) {
                found.hits.push(*order);
            }
            if found.hits.len() == part || found.looked_at == rows {
                found.looked_through = Some(*order);
                break;
            }
        }
        found
    }

    /// Numbers below `bound`, by chance.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: u64) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) % bound) as usize
        }
    }

    fn partitions(chance: &mut Chance) -> Vec<Vec<(Timestamp, OrderId)>> {
        let partition = |index: usize, chance: &mut Chance| {
            let mut times: Vec<i64> = (0..chance.below(40)).map(|_| chance.below(40) as i64).collect();
            times.sort_unstable();
            let at = |(number, ms)| (Timestamp::from_ms(ms), OrderId::new(index as u8, number));
            (1..).zip(times).map(at).collect()
        };
        (0..=chance.below(6)).map(|index| partition(index, chance)).collect()
    }

    /// However few rows a partition looks at, and wherever pages end, all that matches comes once and in order.
    #[test]
    fn pages_put_together_are_everything_newest_first() {
        for seed in 0..2_000 {
            let mut chance = Chance(seed);
            let partitions = partitions(&mut chance);
            let [size, part, rows, rows_max] = [12, 5, 7, 20].map(|bound| 1 + chance.below(bound));
            let mut given: Vec<(Timestamp, OrderId)> = Vec::new();
            let mut places = vec![Place::Newest; partitions.len()];
            for page in 0.. {
                assert!(page < 10_000, "seed {seed}: the search does not end");
                let mut lanes = Lanes::from(&places);
                let mut hits = 0;
                loop {
                    while hits < size
                        && let Some(hit) = lanes.pop()
                    {
                        given.push(hit);
                        hits += 1;
                    }
                    let asked = lanes.to_ask();
                    let tired = asked.iter().any(|index| lanes.lane(*index).looked_at >= rows_max);
                    if hits == size || asked.is_empty() || tired {
                        break;
                    }
                    for index in asked {
                        let found = searched(&partitions[index], lanes.lane(index).next(), part, rows);
                        lanes.add(index, found);
                    }
                }
                places = lanes.places();
                if places.iter().all(|place| *place == Place::Done) {
                    break;
                }
            }
            let all = partitions.into_iter().flatten().filter(|(_, id)| id.as_u64().is_multiple_of(2));
            let (mut all, mut sorted): (Vec<_>, _) = (all.collect(), given.clone());
            all.sort_unstable();
            sorted.sort_unstable();
            assert_eq!(sorted, all, "seed {seed}: each once");
            assert!(given.windows(2).all(|pair| pair[0].0 >= pair[1].0), "seed {seed}: newest first");
        }
    }
}
