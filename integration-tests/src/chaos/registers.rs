//! What a single copy would answer to those who reserve one item at one node, and to those who change one order. It knows
//! nothing of processes, journals or retries.

use super::linear::Sequential;

/// Stock of an item at a node as claims leave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shelf {
    /// Units that can be reserved.
    pub available: i64,
    /// Changes so far.
    pub revision: u64,
}

/// A call about a shelf.
#[derive(Clone, Debug)]
pub enum ShelfCall {
    /// Units reserved; no for too few, nothing where nobody knows.
    Reserve(i64, Option<bool>),
    /// Units given back; false where nobody knows whether they were.
    Release(i64, bool),
    /// What was read.
    Read(Shelf),
}

impl Sequential for ShelfCall {
    type State = Shelf;
    fn after(&self, shelf: &Shelf) -> Option<Shelf> {
        let moved = |by: i64| Shelf { available: shelf.available + by, revision: shelf.revision + 1 };
        match self {
            Self::Reserve(quantity, Some(true)) => (*quantity <= shelf.available).then(|| moved(-quantity)),
            Self::Reserve(quantity, Some(false)) => (*quantity > shelf.available).then(|| shelf.clone()),
            Self::Reserve(quantity, None) => {
                Some(if *quantity <= shelf.available { moved(-quantity) } else { shelf.clone() })
            }
            Self::Release(quantity, _) => Some(moved(*quantity)),
            Self::Read(read) => (read == shelf).then(|| shelf.clone()),
        }
    }
}

/// An order as changes leave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// Its revision.
    pub revision: u64,
    /// What the last change wrote into it.
    pub mark: String,
}

/// How far one change raises an order's revision: it is begun, and applied.
pub const CHANGE_RAISES: u64 = 2;

/// A call about an order.
#[derive(Clone, Debug)]
pub enum PageCall {
    /// The revision it was decided on, the mark, and what became of it; nothing where nobody knows.
    Amend(u64, String, Option<Amended>),
    /// What was read.
    Read(Page),
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amended {
    /// It is in the order.
    Applied,
    /// The order had changed before.
    Stale,
}

impl Sequential for PageCall {
    type State = Page;
    fn after(&self, page: &Page) -> Option<Page> {
        match self {
            Self::Amend(expected, mark, outcome) => {
                let fresh = *expected == page.revision;
                let applied = || Page { revision: page.revision + CHANGE_RAISES, mark: mark.clone() };
                match outcome {
                    Some(Amended::Applied) => fresh.then(applied),
                    Some(Amended::Stale) => (!fresh).then(|| page.clone()),
                    None => Some(if fresh { applied() } else { page.clone() }),
                }
            }
            Self::Read(read) => (read == page).then(|| page.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::{Call, Verdict, judge};
    use super::*;

    fn calls<O: Clone>(calls: &[(O, u64, u64)]) -> Vec<Call<O>> {
        let call = |(what, begun, ended): &(O, u64, u64)| Call {
            what: what.clone(),
            begun: *begun,
            ended: Some(*ended),
        };
        calls.iter().map(call).collect()
    }

    #[test]
    fn a_unit_sold_twice_is_found_out() {
        let shelf = Shelf { available: 1, revision: 4 };
        let sold = |begun, ended| (ShelfCall::Reserve(1, Some(true)), begun, ended);
        assert_eq!(judge(&shelf, &calls(&[sold(0, 1)])), Verdict::Fits);
        assert!(matches!(judge(&shelf, &calls(&[sold(0, 9), sold(1, 9)])), Verdict::Broken(_)));
    }

    #[test]
    fn a_reservation_applied_twice_shows_in_the_next_read() {
        let shelf = Shelf { available: 5, revision: 4 };
        let read = |available, revision| (ShelfCall::Read(Shelf { available, revision }), 2, 3);
        let granted = (ShelfCall::Reserve(2, Some(true)), 0, 1);
        assert_eq!(judge(&shelf, &calls(&[granted.clone(), read(3, 5)])), Verdict::Fits);
        assert!(matches!(judge(&shelf, &calls(&[granted, read(1, 6)])), Verdict::Broken(_)));
    }

    #[test]
    fn a_refusal_with_enough_on_the_shelf_is_found_out() {
        let shelf = Shelf { available: 5, revision: 4 };
        let refused = (ShelfCall::Reserve(2, Some(false)), 0, 1);
        assert!(matches!(judge(&shelf, &calls(&[refused])), Verdict::Broken(_)));
    }

    #[test]
    fn a_change_lost_under_another_one_is_found_out() {
        let page = Page { revision: 3, mark: "a".into() };
        let amend = |mark: &str| (PageCall::Amend(3, mark.into(), Some(Amended::Applied)), 0, 9);
        assert_eq!(judge(&page, &calls(&[amend("b")])), Verdict::Fits);
        assert!(matches!(judge(&page, &calls(&[amend("b"), amend("c")])), Verdict::Broken(_)));
        let lost = (PageCall::Read(page.clone()), 10, 11);
        assert!(matches!(judge(&page, &calls(&[amend("b"), lost])), Verdict::Broken(_)));
    }
}
