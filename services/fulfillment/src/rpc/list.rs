//! What every paged list shares: tokens that belong to one list with one filter, and pages that are filled by
//! looking at a bounded number of rows.

use waybill_service_kit::{DoorError, opaque};

/// The place after which a page begins; `None` for the first page. `kind` names the list and its filter.
pub(crate) fn page_token<T: for<'b> minicbor::Decode<'b, ()>>(
    kind: &str,
    text: &str,
) -> Result<Option<T>, DoorError> {
    if text.is_empty() { Ok(None) } else { opaque::open(kind, "page_token", text).map(Some) }
}

/// Rows of one page, and where the next one begins.
pub(crate) struct Page<R> {
    pub(crate) rows: Vec<R>,
    /// The last row that was looked at, when there may be more.
    last: Option<R>,
}

impl<R: Clone> Page<R> {
    /// Fills a page of `size` rows that `fits`, reading from `after` on and looking at no more than `looked_at_max`.
    pub(crate) fn gather<P>(
        size: usize,
        looked_at_max: usize,
        mut after: P,
        place: impl Fn(&R) -> P,
        read: impl Fn(&P, usize) -> Vec<R>,
        fits: impl Fn(&R) -> bool,
    ) -> Self {
        let mut rows = Vec::new();
        let mut looked_at = 0;
        loop {
            let limit = size.max(64);
            let found = read(&after, limit);
            let ended = found.len() < limit;
            for row in found {
                looked_at += 1;
                after = place(&row);
                if fits(&row) {
                    rows.push(row.clone());
                }
                if rows.len() == size || looked_at == looked_at_max {
                    return Self { rows, last: Some(row) };
                }
            }
            if ended {
                return Self { rows, last: None };
            }
        }
    }

    /// The token of the next page; empty when this is the last one.
    pub(crate) fn next_token<P: minicbor::Encode<()>>(&self, kind: &str, place: impl Fn(&R) -> P) -> String {
        self.last.as_ref().map(|row| opaque::seal(kind, &place(row))).unwrap_or_default()
    }
}
