//! Is there one order of all calls in which each takes effect at one moment between its beginning and its end, and answers
//! as a single copy would? The search of Wing and Gong with Lowe's memory of what was tried: a state that was reached with
//! the same calls done needs no second look. It knows no engine and no clock; times are numbers that grow.
//!
//! Of the crates that check histories, `stateright` remembers nothing of what it tried, which takes exponential time on histories
//! of a few hundred calls, and `todc-utils` cannot stop a search that grows too large nor say which calls do not fit.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// A call of something whose right behaviour is known.
pub trait Sequential: Debug {
    /// What a single copy keeps.
    type State: Clone + Eq + Hash + Debug;
    /// The state after it, or nothing where a single copy in `state` would not have answered so.
    fn after(&self, state: &Self::State) -> Option<Self::State>;
}

/// One call as its caller saw it.
#[derive(Clone, Debug)]
pub struct Call<O> {
    /// What was asked, and what was answered.
    pub what: O,
    /// When the caller began to ask, in any unit.
    pub begun: u64,
    /// When it had the answer; absent where it never had one: it may take effect at any later time, or never.
    pub ended: Option<u64>,
}

/// What a history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One copy could have answered so.
    Fits,
    /// No single copy could have; the text says how far an order was found and what does not fit there.
    Broken(String),
    /// Not found out within the bound.
    TooLarge,
}

/// States looked at before a search is given up.
const LOOKS_MAX: usize = 4_000_000;

type Done = Box<[u64]>;

/// A place of the search: the calls done so far and what they led to.
struct Place<S> {
    done: Done,
    state: S,
    /// Calls that may come next, still to be tried.
    next: Vec<usize>,
    closed_left: usize,
}

/// Judges the calls on one thing that began as `begin`.
pub fn judge<O: Sequential>(begin: &O::State, calls: &[Call<O>]) -> Verdict {
    let mut calls: Vec<&Call<O>> = calls.iter().collect();
    calls.sort_by_key(|call| call.begun);
    let closed = calls.iter().filter(|call| call.ended.is_some()).count();
    let done: Done = vec![0; calls.len().div_ceil(64)].into();
    let mut tried: HashSet<(Done, O::State)> = HashSet::new();
    let next = candidates(&calls, &done);
    let mut path = vec![Place { done, state: begin.clone(), next, closed_left: closed }];
    let mut furthest = (closed, String::new());
    while let Some(place) = path.last_mut() {
        if place.closed_left == 0 {
            return Verdict::Fits;
        }
        let Some(index) = place.next.pop() else {
            path.pop();
            continue;
        };
        let Some(state) = calls[index].what.after(&place.state) else { continue };
        let mut done = place.done.clone();
        done[index / 64] |= 1 << (index % 64);
        if !tried.insert((done.clone(), state.clone())) {
            continue;
        }
        if tried.len() > LOOKS_MAX {
            return Verdict::TooLarge;
        }
        let closed_left = place.closed_left - usize::from(calls[index].ended.is_some());
        let next = candidates(&calls, &done);
        if closed_left < furthest.0 || furthest.1.is_empty() {
            let stuck: Vec<_> = next.iter().map(|index| calls[*index]).collect();
            furthest = (
                closed_left,
                format!(
                    "of {closed} calls {closed_left} do not fit; in {state:?} none of {stuck:?} leads on"
                ),
            );
        }
        path.push(Place { done, state, next, closed_left });
    }
    if furthest.1.is_empty() {
        furthest.1 = format!("none of the first calls fits {begin:?}: {:?}", calls.first());
    }
    Verdict::Broken(furthest.1)
}

/// Calls that may take effect next: not done, and begun before any other that is not done had ended. Those that end first come
/// last, to be tried first.
fn candidates<O>(calls: &[&Call<O>], done: &Done) -> Vec<usize> {
    let mut first_end = u64::MAX;
    let mut found = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        if done[index / 64] & (1 << (index % 64)) != 0 {
            continue;
        }
        if call.begun > first_end {
            break;
        }
        first_end = first_end.min(call.ended.unwrap_or(u64::MAX));
        found.push(index);
    }
    found.sort_by_key(|index| std::cmp::Reverse(calls[*index].ended.unwrap_or(u64::MAX)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    enum Cell {
        Write(u8),
        Read(u8),
        /// From, to, and whether it was done; nobody knows where absent.
        Swap(u8, u8, Option<bool>),
    }

    impl Sequential for Cell {
        type State = u8;
        fn after(&self, state: &u8) -> Option<u8> {
            match *self {
                Self::Write(value) => Some(value),
                Self::Read(value) => (value == *state).then_some(value),
                Self::Swap(from, to, Some(true)) => (from == *state).then_some(to),
                Self::Swap(from, _, Some(false)) => (from != *state).then_some(*state),
                Self::Swap(from, to, None) => Some(if from == *state { to } else { *state }),
            }
        }
    }

    fn call(what: Cell, begun: u64, ended: u64) -> Call<Cell> {
        Call { what, begun, ended: Some(ended) }
    }

    fn fits(calls: &[Call<Cell>]) -> bool {
        match judge(&0, calls) {
            Verdict::Fits => true,
            Verdict::Broken(why) => {
                assert!(!why.is_empty());
                false
            }
            Verdict::TooLarge => panic!("too large: {calls:?}"),
        }
    }

    #[test]
    fn calls_at_the_same_time_may_come_in_either_order() {
        assert!(fits(&[call(Cell::Write(1), 0, 10), call(Cell::Read(0), 1, 2), call(Cell::Read(1), 3, 4)]));
        assert!(fits(&[
            call(Cell::Write(1), 0, 10),
            call(Cell::Write(2), 0, 10),
            call(Cell::Read(1), 11, 12)
        ]));
    }

    #[test]
    fn a_read_of_what_was_replaced_before_it_began_is_found_out() {
        assert!(!fits(&[call(Cell::Write(1), 0, 1), call(Cell::Read(0), 2, 3)]));
        // Seen once it cannot be unseen, though the write itself has not answered yet.
        let unseen = [call(Cell::Write(1), 0, 10), call(Cell::Read(1), 1, 2), call(Cell::Read(0), 3, 4)];
        assert!(!fits(&unseen));
    }

    #[test]
    fn two_who_both_replace_the_same_value_are_found_out() {
        let (one, other) = (Cell::Swap(0, 1, Some(true)), Cell::Swap(0, 2, Some(true)));
        assert!(!fits(&[call(one, 0, 10), call(other, 0, 10)]));
    }

    #[test]
    fn one_that_is_refused_without_a_cause_is_found_out() {
        assert!(!fits(&[call(Cell::Swap(0, 1, Some(false)), 0, 1)]));
    }

    #[test]
    fn what_has_no_answer_may_happen_late_or_never_but_only_once() {
        let open = Call { what: Cell::Swap(0, 5, None), begun: 0, ended: None };
        assert!(fits(&[open.clone(), call(Cell::Read(0), 50, 60)]));
        assert!(fits(&[open.clone(), call(Cell::Read(0), 50, 60), call(Cell::Read(5), 70, 80)]));
        let twice =
            [open, call(Cell::Read(5), 10, 11), call(Cell::Write(0), 20, 21), call(Cell::Read(5), 30, 31)];
        assert!(!fits(&twice));
    }

    #[test]
    fn a_long_history_with_one_stale_read_is_judged_in_time() {
        let mut calls = Vec::new();
        for round in 0..250_u64 {
            let (at, value) = (round * 10, (round % 200) as u8);
            calls.push(call(Cell::Write(value), at, at + 4));
            calls.push(call(Cell::Read(value), at + 2, at + 7));
            calls.push(call(Cell::Read(value), at + 5, at + 8));
        }
        assert!(fits(&calls));
        calls.push(call(Cell::Read(7), 2_500, 2_501));
        assert!(!fits(&calls));
    }
}
