//! What can be wrong with a file: the file itself, or one row of it. Rows after a wrong row are still read.

/// One value of a row is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The column or JSON field at fault; empty when no one field is.
    pub field: String,
    /// What it is and what it must be.
    pub why: String,
}

impl FieldError {
    /// Field `field` is refused because of `why`.
    #[must_use]
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The line of the file on which the row begins, counted from 1; a CSV header is line 1.
    pub line: u64,
    /// The column or JSON field at fault; empty when no one field is.
    pub field: String,
    /// What it is and what it must be.
    pub why: String,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.field.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.why),
            field => write!(f, "line {}, {field}: {}", self.line, self.why),
        }
    }
}
impl std::error::Error for RowError {}

/// Why reading a file cannot begin or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// The name says nothing of the format.
    #[error("{0:?} does not end in .csv, .jsonl or .ndjson: name the file so or state the format")]
    UnknownFormat(String),
    /// This kind of record has no CSV form.
    #[error("{0} have no CSV form because their rows are nested: use JSON lines")]
    NoCsv(&'static str),
    /// The first line of a CSV file is not a usable header.
    #[error("line 1: {0}")]
    Header(String),
    /// A row is wrong; reading may go on after it.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// Why a record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The operating system refused.
    #[error("cannot write the file: {0}")]
    Io(#[from] std::io::Error),
    /// This kind of record has no CSV form.
    #[error("{0} have no CSV form because their rows are nested: use JSON lines")]
    NoCsv(&'static str),
    /// One value of this record has no CSV form.
    #[error("{field}: {why}")]
    NoCell {
        /// The column.
        field: String,
        /// Why it cannot stand in a cell.
        why: String,
    },
}
