//! Which rows lie beside which, so that what is read together is read at once. It knows keys, not what a row means.
//!
//! Where a table's row and the row of another table with the same key are nearly always read together, the engine would
//! read two pages of tens of kilobytes for the two. So rows of table 3 of the partitions below 0x0100 (an order as it
//! stands) lie behind those of table 2 (what was ordered) under the same eight bytes:
//!
//! ```text
//! logical key                        in a pack
//! 0 partition 2 key:8                as it is
//! 0 partition 3 key:8                0 partition 2 key:8 0
//! 0 partition 2 key:8 rest           0 partition 2 key:8 1 rest     (no table has such keys)
//! ```
//! Nobody above sees it: keys go in and come out as they are, and in their own order. Rows that an older version put stay
//! where they are and are found there, unless they were put again since.

use crate::Order;
use std::cmp::Ordering;
use std::ops::Deref;

/// First byte of the partitions that this is about.
const SERVICE: u8 = 0;
/// The table beside whose rows others lie, and the table that lies there.
const HOST: u8 = 2;
const GUEST: u8 = 3;
/// Partition, table and eight bytes.
const KEY_BYTES: usize = 11;
/// What stands behind a host's key.
const OF_GUEST: u8 = 0;
const OF_LONGER: u8 = 1;

/// A key as it stands in a pack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed<'a> {
    AsItIs(&'a [u8]),
    Beside([u8; KEY_BYTES + 1]),
    Longer(Vec<u8>),
}

impl Deref for Placed<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::AsItIs(key) => key,
            Self::Beside(key) => key,
            Self::Longer(key) => key,
        }
    }
}

impl PartialOrd for Placed<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Placed<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

/// Where the row of a key lies.
pub(crate) fn placed(key: &[u8]) -> Placed<'_> {
    match key {
        [SERVICE, partition, GUEST, own @ ..] if key.len() == KEY_BYTES => {
            let mut place = [0; KEY_BYTES + 1];
            place[..3].copy_from_slice(&[SERVICE, *partition, HOST]);
            place[3..KEY_BYTES].copy_from_slice(own);
            place[KEY_BYTES] = OF_GUEST;
            Placed::Beside(place)
        }
        [SERVICE, _, HOST, ..] if key.len() > KEY_BYTES => {
            let (host, rest) = key.split_at(KEY_BYTES);
            Placed::Longer([host, &[OF_LONGER], rest].concat())
        }
        _ => Placed::AsItIs(key),
    }
}

/// Orders keys as their rows lie: whoever puts many rows puts them fastest in this order.
#[must_use]
pub fn in_place_order(a: &[u8], b: &[u8]) -> Ordering {
    placed(a).cmp(&placed(b))
}

/// True for keys of the table that lies beside another: they may lie at their own place all the same.
pub(crate) fn is_of_guest_table(key: &[u8]) -> bool {
    matches!(key, [SERVICE, _, GUEST, ..])
}

/// A part of a scan that is wholly inside or wholly outside the table that lies beside another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) lower: Vec<u8>,
    pub(crate) upper: Vec<u8>,
    pub(crate) guests: bool,
}

/// The first part of a scan in the direction of `order`, and the bounds of the rest. Bounds are of logical keys.
pub(crate) fn split(lower: &[u8], upper: &[u8], order: Order) -> (Part, Vec<u8>, Vec<u8>) {
    let table = |partition: u8, table: u8| vec![SERVICE, partition, table];
    let part = |lower: &[u8], upper: &[u8], guests| Part { lower: lower.into(), upper: upper.into(), guests };
    let (first, last) = (table(u8::MIN, GUEST), table(u8::MAX, GUEST + 1));
    match order {
        Order::Ascending => {
            let own = (lower.first() == Some(&SERVICE)).then(|| lower.get(1).copied().unwrap_or_default());
            let (begin, end) = match own {
                _ if *lower < *first => (first, table(u8::MIN, GUEST + 1)),
                Some(own) if *lower < *table(own, GUEST + 1) => (table(own, GUEST), table(own, GUEST + 1)),
                Some(own) if own < u8::MAX => (table(own + 1, GUEST), table(own + 1, GUEST + 1)),
                // Nothing of it lies above.
                _ => return (part(lower, upper, false), upper.to_vec(), upper.to_vec()),
            };
            let guests = *begin <= *lower;
            let until = if guests { end } else { begin };
            let until = if *until < *upper { until } else { upper.to_vec() };
            (part(lower, &until, guests), until, upper.to_vec())
        }
        Order::Descending => {
            let own = (upper.first() == Some(&SERVICE)).then(|| upper.get(1).copied().unwrap_or_default());
            let (begin, end) = match own {
                _ if *upper > *last => (table(u8::MAX, GUEST), last),
                Some(own) if *upper > *table(own, GUEST) => (table(own, GUEST), table(own, GUEST + 1)),
                Some(own) if own > u8::MIN => (table(own - 1, GUEST), table(own - 1, GUEST + 1)),
                _ => return (part(lower, upper, false), lower.to_vec(), lower.to_vec()),
            };
            let guests = *upper <= *end;
            let from = if guests { begin } else { end };
            let from = if *from > *lower { from } else { lower.to_vec() };
            (part(&from, upper, guests), lower.to_vec(), from)
        }
    }
}

/// Where rows of the guest table begin that are not below the key `bound`.
pub(crate) fn bound_of_guests(bound: &[u8]) -> Vec<u8> {
    match bound {
        [SERVICE, partition, GUEST, own @ ..] => {
            let longer = bound.len() > KEY_BYTES;
            let own = &own[..own.len().min(KEY_BYTES - 3)];
            // Behind the guest of exactly this key.
            let behind: &[u8] = if longer { &[OF_LONGER] } else { &[] };
            [&[SERVICE, *partition, HOST], own, behind].concat()
        }
        // The end of the table: behind all rows of the host.
        [SERVICE, partition, ..] => vec![SERVICE, *partition, HOST + 1],
        _ => bound.to_vec(),
    }
}

/// The key of a guest's row from its place; none where another row lies there.
pub(crate) fn guest(place: &[u8]) -> Option<Vec<u8>> {
    match place {
        [SERVICE, partition, HOST, own @ .., OF_GUEST] if place.len() == KEY_BYTES + 1 => {
            Some([&[SERVICE, *partition, GUEST], own].concat())
        }
        _ => None,
    }
}

/// The key of any other row from its place; none where a guest lies there.
pub(crate) fn not_guest(place: &[u8]) -> Option<Vec<u8>> {
    match place {
        [SERVICE, _, HOST, ..] if place.len() > KEY_BYTES => {
            let (host, rest) = place.split_at(KEY_BYTES);
            let rest = rest.strip_prefix(&[OF_LONGER]).filter(|rest| !rest.is_empty())?;
            Some([host, rest].concat())
        }
        _ => Some(place.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Few different bytes at the edges of everything that matters, and lengths around that of a key.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(2), Just(3), Just(4), Just(0xff)];
        let table = prop_oneof![Just(2u8), Just(3), Just(3), Just(4), Just(0)];
        let any = prop::collection::vec(byte.clone(), 0..15);
        let own =
            prop_oneof![prop::collection::vec(byte.clone(), 8), prop::collection::vec(byte.clone(), 0..11)];
        let ours = (prop_oneof![Just(0u8), Just(1), Just(0xff)], table, own);
        prop_oneof![any, ours.prop_map(|(partition, table, own)| [&[0, partition, table][..], &own].concat())]
    }

    proptest! {
        #[test]
        fn every_key_has_a_place_of_its_own_and_comes_back_from_it(a in key(), b in key()) {
            let place = placed(&a);
            prop_assert_eq!(guest(&place).or_else(|| not_guest(&place)), Some(a.clone()));
            prop_assert_eq!(placed(&a) == placed(&b), a == b);
            prop_assert_eq!(guest(&place).is_some(), a.len() == KEY_BYTES && is_of_guest_table(&a));
        }

        /// Parts follow each other without a gap or an overlap, and each is of one kind.
        #[test]
        fn a_scan_falls_into_parts_that_make_it_up(a in key(), b in key(), key in key()) {
            let (lower, upper) = if a < b { (a, b) } else { (b, a) };
            prop_assume!(lower < upper);
            for order in [Order::Ascending, Order::Descending] {
                let (mut rest, mut parts) = ((lower.clone(), upper.clone()), Vec::new());
                while rest.0 < rest.1 {
                    let (part, from, to) = split(&rest.0, &rest.1, order);
                    prop_assert!(part.lower < part.upper, "{:?}", part);
                    rest = (from, to);
                    parts.push(part);
                }
                if order == Order::Descending {
                    parts.reverse();
                }
                prop_assert_eq!(&parts[0].lower, &lower);
                prop_assert_eq!(&parts[parts.len() - 1].upper, &upper);
                prop_assert!(parts.windows(2).all(|pair| pair[0].upper == pair[1].lower));
                for part in parts.iter().filter(|part| part.lower <= key && key < part.upper) {
                    prop_assert_eq!(part.guests, is_of_guest_table(&key), "{:?} {:?}", part, key);
                }
            }
        }

        /// In a part of guests a bound parts the places as it parts the keys.
        #[test]
        fn bounds_of_guests_part_their_places(
            own in prop::array::uniform8(0u8..3),
            bound in prop::option::weighted(0.9, prop::collection::vec(0u8..3, 0..11)),
            exact in any::<bool>(),
        ) {
            let key = [&[0, 1, 3][..], &own].concat();
            let bound = match bound {
                None => vec![0, 1, 4],
                Some(rest) if exact => [&key[..], &rest].concat(),
                Some(rest) => [&[0, 1, 3][..], &rest].concat(),
            };
            prop_assert_eq!(key < bound, *placed(&key) < *bound_of_guests(&bound));
        }
    }
}
