//! Keys to places and back: which rows a scan finds where, and rows of older versions that lie at their own place. It
//! refuses to know what lies beside what, which [`beside`] says.

use super::SledStore;
use super::packed::Named;
use crate::beside::{self, Part, Placed};
use crate::rows::{self, Head};
use crate::{Error, Order};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Rows with their keys.
type Found = Vec<(Vec<u8>, Vec<u8>)>;

impl SledStore {
    /// True where a table that lies beside another has rows at its own place.
    pub(super) fn has_unmoved(&self) -> Result<bool, Error> {
        let (mut lower, upper) = (Vec::new(), vec![u8::MAX]);
        while lower < upper {
            let (part, from, _) = beside::split(&lower, &upper, Order::Ascending);
            if part.guests && !self.scan_up(&part.lower, &part.upper, 1, as_it_is)?.is_empty() {
                return Ok(true);
            }
            lower = from;
        }
        Ok(false)
    }

    /// True where the row of this key may lie at its own place although it belongs beside another.
    pub(super) fn may_be_unmoved(&self, key: &[u8]) -> bool {
        self.unmoved.load(Ordering::Acquire)
            && beside::placed(key) != Placed::AsItIs(key)
            && beside::is_of_guest_table(key)
    }

    /// The row at a place.
    pub(super) fn value_at(&self, place: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Some(head) = self.head(place)? else { return Ok(None) };
        match rows::parse_head(&head) {
            Some(Head::Inline(value)) => Ok(Some(value.to_vec())),
            Some(Head::Chunked { .. }) | None => self.read_row(place, &head),
        }
    }

    /// Changes by place. What is put or removed is removed from where an older version may have put it, too: that place lies
    /// behind the new one, so a row that moves is at both for a moment, and never at none.
    pub(super) fn to_places<'a>(
        &self,
        changes: BTreeMap<&'a [u8], Option<&'a [u8]>>,
    ) -> BTreeMap<Placed<'a>, Option<&'a [u8]>> {
        let mut places = BTreeMap::new();
        for (key, value) in changes {
            let place = beside::placed(key);
            if beside::is_of_guest_table(key) && place == Placed::AsItIs(key) && value.is_some() {
                // A key of another length, as no table of ours has: found where older versions put theirs.
                self.unmoved.store(true, Ordering::Release);
            }
            if self.may_be_unmoved(key) {
                places.insert(Placed::AsItIs(key), None);
            }
            places.insert(place, value);
        }
        places
    }

    /// The rows between two keys, wherever they lie.
    pub(super) fn scan_places(
        &self,
        lower: &[u8],
        upper: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Found, Error> {
        let (mut lower, mut upper) = (lower.to_vec(), upper.to_vec());
        let mut found = Vec::new();
        while lower < upper && found.len() < limit {
            let (part, from, to) = beside::split(&lower, &upper, order);
            let rows = self.scan_part(&part, order, limit - found.len())?;
            if found.is_empty() {
                found = rows
            } else {
                found.extend(rows)
            }
            (lower, upper) = (from, to);
        }
        Ok(found)
    }

    fn scan_part(&self, part: &Part, order: Order, limit: usize) -> Result<Found, Error> {
        if !part.guests {
            let (lower, upper) = (beside::placed(&part.lower), beside::placed(&part.upper));
            return self.scan_one(&lower, &upper, order, limit, beside::not_guest);
        }
        // Read before those that moved, so that a row that moves meanwhile is found, and as it is then.
        let unmoved = match self.unmoved.load(Ordering::Acquire) {
            true => self.scan_one(&part.lower, &part.upper, order, limit, as_it_is)?,
            false => Vec::new(),
        };
        let (mut lower, mut upper) = (part.lower.clone(), part.upper.clone());
        // Nothing beyond so many is wanted; among hosts without guests the scan would go on to the end of the table.
        if let Some((last, _)) = unmoved.last().filter(|_| unmoved.len() >= limit) {
            match order {
                Order::Ascending => upper = [last, &[0][..]].concat(),
                Order::Descending => lower.clone_from(last),
            }
        }
        let (lower, upper) = (beside::bound_of_guests(&lower), beside::bound_of_guests(&upper));
        let moved = self.scan_one(&lower, &upper, order, limit, beside::guest)?;
        if unmoved.is_empty() {
            return Ok(moved);
        }
        Ok(merged(moved, unmoved, order, limit))
    }

    fn scan_one(
        &self,
        lower: &[u8],
        upper: &[u8],
        order: Order,
        limit: usize,
        named: Named,
    ) -> Result<Found, Error> {
        match order {
            Order::Ascending => self.scan_up(lower, upper, limit, named),
            Order::Descending => self.scan_down(lower, upper, limit, named),
        }
    }
}

fn as_it_is(place: &[u8]) -> Option<Vec<u8>> {
    Some(place.to_vec())
}

/// The first of both in order; where both have a key, what moved is newer.
fn merged(moved: Found, unmoved: Found, order: Order, limit: usize) -> Found {
    let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = unmoved.into_iter().collect();
    rows.extend(moved);
    match order {
        Order::Ascending => rows.into_iter().take(limit).collect(),
        Order::Descending => rows.into_iter().rev().take(limit).collect(),
    }
}
