//! What lies below a table: rows as they were at the last finished checkpoint, read a page at a time.

/// Rows as they were at the last finished checkpoint. Reads are of small local rows; a store that cannot answer
/// panics, and the runtime stops the partition before anything is journaled.
pub trait Cold: Send + Sync {
    /// The row under `key`.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
    /// Rows with lower <= key < upper, at most `limit`.
    fn scan(&self, lower: &[u8], upper: &[u8], order: ScanOrder, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)>;
}

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOrder {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Cold rows, read a page at a time as the merge asks for them.
pub(crate) struct ColdPages<'a> {
    cold: Option<&'a dyn Cold>,
    lower: Vec<u8>,
    upper: Vec<u8>,
    pub(crate) order: ScanOrder,
    /// Rows in a page.
    size: usize,
    page: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    head: Option<(Vec<u8>, Vec<u8>)>,
    done: bool,
}

impl<'a> ColdPages<'a> {
    const PAGE: usize = 256;

    /// Pages for who wants `limit` rows: no more are read at once, since most of them would be read in vain.
    pub(crate) fn new(
        cold: &'a dyn Cold,
        lower: Vec<u8>,
        upper: Vec<u8>,
        order: ScanOrder,
        limit: usize,
    ) -> Self {
        let (size, page) = (limit.clamp(1, Self::PAGE), Vec::new().into_iter());
        Self { cold: Some(cold), lower, upper, order, size, page, head: None, done: false }
    }
    pub(crate) fn none(order: ScanOrder) -> Self {
        Self {
            cold: None,
            lower: Vec::new(),
            upper: Vec::new(),
            order,
            size: Self::PAGE,
            page: Vec::new().into_iter(),
            head: None,
            done: true,
        }
    }
    pub(crate) fn peek(&mut self) -> Option<&[u8]> {
        if self.head.is_none() {
            self.head = self.page.next();
        }
        if self.head.is_none() && !self.done {
            self.load();
            self.head = self.page.next();
        }
        self.head.as_ref().map(|(key, _)| key.as_slice())
    }
    pub(crate) fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.peek();
        self.head.take()
    }
    fn load(&mut self) {
        let Some(cold) = self.cold else { return };
        let rows = cold.scan(&self.lower, &self.upper, self.order, self.size);
        self.done = rows.len() < self.size;
        // Whoever comes back for more may have to go far: rows that memory has removed are still here.
        self.size = (self.size * 2).min(Self::PAGE);
        if let Some((last, _)) = rows.last() {
            match self.order {
                ScanOrder::Ascending => {
                    self.lower.clone_from(last);
                    self.lower.push(0);
                }
                ScanOrder::Descending => self.upper.clone_from(last),
            }
        }
        self.page = rows.into_iter();
    }
}

/// The smallest bytes greater than everything that begins with `prefix`.
pub(crate) fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return end;
        }
        end.pop();
    }
    vec![u8::MAX; prefix.len() + 256]
}
