//! Reading rows of a file one by one, each fault with its line and field. A wrong row does not stop the rows after it;
//! a file that cannot be read any further does.

use crate::record::{Cells, Format};
use crate::{FieldError, ReadError, Record, RowError};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::Path;

/// The longest line of a JSON lines file, in bytes: an order of 500 lines fits many times over.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The rows of one file.
pub struct Rows<R> {
    source: Source,
    line: u64,
    ended: bool,
    kind: PhantomData<fn() -> R>,
}

enum Source {
    Csv { reader: csv::Reader<Box<dyn Read + Send>>, columns: Vec<usize> },
    JsonLines { reader: Box<dyn BufRead + Send> },
}

/// Reads the rows of `input`.
///
/// # Errors
/// [`ReadError`] when this kind has no CSV form, or the header lacks a required column, names one twice, or names one
/// that does not exist.
pub fn read<R: Record>(format: Format, input: impl Read + Send + 'static) -> Result<Rows<R>, ReadError> {
    let source = match format {
        Format::JsonLines => Source::JsonLines { reader: Box::new(BufReader::new(input)) },
        Format::Csv if R::COLUMNS.is_empty() => return Err(ReadError::NoCsv(R::KIND)),
        Format::Csv => {
            let input: Box<dyn Read + Send> =
                Box::new(UnixLines { inner: BufReader::new(input), held: false });
            let mut reader = csv::ReaderBuilder::new().from_reader(input);
            let header = reader.headers().map_err(csv_fault)?;
            let columns = columns::<R>(header).map_err(ReadError::Header)?;
            Source::Csv { reader, columns }
        }
    };
    Ok(Rows { source, line: 0, ended: false, kind: PhantomData })
}

/// Turns CR LF into LF. The CSV reader counts lines at LF and begins a row before it, so that with CR LF every row would
/// be told one line too high.
struct UnixLines<B> {
    inner: B,
    /// A CR was read and what follows it is not known yet.
    held: bool,
}

impl<B: BufRead> Read for UnixLines<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        // A first chunk of nothing but CR fills nothing, which the caller would take for the end of the file.
        while filled == 0 && !out.is_empty() {
            let chunk = self.inner.fill_buf()?;
            if chunk.is_empty() {
                if self.held {
                    self.held = false;
                    out[0] = b'\r';
                    return Ok(1);
                }
                return Ok(0);
            }
            let mut taken = 0;
            while filled < out.len() && taken < chunk.len() {
                let byte = chunk[taken];
                if self.held && byte != b'\n' {
                    // The held CR stands alone: it is data. The byte itself comes in the next turn.
                    self.held = false;
                    out[filled] = b'\r';
                    filled += 1;
                    continue;
                }
                taken += 1;
                self.held = byte == b'\r';
                if !self.held {
                    out[filled] = byte;
                    filled += 1;
                }
            }
            self.inner.consume(taken);
        }
        Ok(filled)
    }
}

impl<R: Record> Rows<R> {
    /// Opens a file whose name tells its format.
    ///
    /// # Errors
    /// As [`read`], and when the file cannot be opened or its name tells no format.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        read(Format::of_path(path)?, File::open(path)?)
    }

    /// The line of the file, from 1, on which the row given last begins; 0 before the first. Whoever sends rows on needs
    /// it to say where a row stands that is refused later.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }
}

/// For each column of the record, where it stands in the file; `usize::MAX` where it does not.
fn columns<R: Record>(header: &csv::StringRecord) -> Result<Vec<usize>, String> {
    let mut found = vec![usize::MAX; R::COLUMNS.len()];
    for (position, name) in header.iter().enumerate() {
        let name = name.trim();
        let known = R::COLUMNS.iter().position(|column| *column == name);
        let index = known.ok_or_else(|| {
            format!("there is no column {name:?} in {}, the columns are {}", R::KIND, R::COLUMNS.join(", "))
        })?;
        if found[index] != usize::MAX {
            return Err(format!("column {name:?} stands twice"));
        }
        found[index] = position;
    }
    let missing =
        R::COLUMNS.iter().zip(&found).find(|(column, at)| **at == usize::MAX && R::REQUIRED.contains(column));
    match missing {
        Some((column, _)) => Err(format!("column {column:?} is missing, {} need it", R::KIND)),
        None => Ok(found),
    }
}

fn csv_fault(fault: csv::Error) -> ReadError {
    let line = fault.position().map_or(1, csv::Position::line);
    match fault.into_kind() {
        csv::ErrorKind::Io(io) => ReadError::Io(io),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => ReadError::Row(row(
            line,
            FieldError::new("", format!("has {len} cells, the header has {expected_len}")),
        )),
        csv::ErrorKind::Utf8 { .. } => ReadError::Row(row(line, FieldError::new("", "is not UTF-8"))),
        other => ReadError::Row(row(line, FieldError::new("", format!("is not CSV: {other:?}")))),
    }
}

fn row(line: u64, fault: FieldError) -> RowError {
    RowError { line, field: fault.field, why: fault.why }
}

impl<R: Record> Iterator for Rows<R> {
    type Item = Result<R, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = match &mut self.source {
            Source::Csv { reader, columns } => next_csv(reader, columns, &mut self.line),
            Source::JsonLines { reader } => next_json(reader.as_mut(), &mut self.line),
        };
        // After an error of the device the position in the file means nothing: stop rather than repeat it for ever.
        self.ended = matches!(next, None | Some(Err(ReadError::Io(_))));
        next
    }
}

fn next_csv<R: Record>(
    reader: &mut csv::Reader<Box<dyn Read + Send>>,
    columns: &[usize],
    line: &mut u64,
) -> Option<Result<R, ReadError>> {
    let mut cells = csv::StringRecord::new();
    match reader.read_record(&mut cells) {
        Ok(false) => return None,
        Ok(true) => {}
        Err(fault) => return Some(Err(csv_fault(fault))),
    }
    *line = cells.position().map_or(0, csv::Position::line);
    let record = R::from_cells(&Cells { columns, row: &cells })
        .and_then(|record: R| record.check().map(|()| record))
        .map_err(|fault| ReadError::Row(row(*line, fault)));
    Some(record)
}

fn next_json<R: Record>(reader: &mut dyn BufRead, line: &mut u64) -> Option<Result<R, ReadError>> {
    loop {
        let mut bytes = Vec::new();
        match reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => *line += 1,
            Err(fault) => return Some(Err(fault.into())),
        }
        if bytes.len() as u64 == LINE_BYTES_MAX && bytes.last() != Some(&b'\n') {
            if let Err(fault) = reader.skip_until(b'\n') {
                return Some(Err(fault.into()));
            }
            let why = format!("is longer than {LINE_BYTES_MAX} bytes");
            return Some(Err(ReadError::Row(row(*line, FieldError::new("", why)))));
        }
        // A byte order mark before the first object is what spreadsheet programs leave behind.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
        if text.is_empty() {
            continue;
        }
        return Some(parse_json(text).map_err(|fault| ReadError::Row(row(*line, fault))));
    }
}

fn parse_json<R: Record>(text: &[u8]) -> Result<R, FieldError> {
    let record: R = serde_json::from_slice(text).map_err(|fault| FieldError::new("", json_words(&fault)))?;
    record.check().map(|()| record)
}

/// The fault without serde's own line number, which is always 1 here and would contradict ours.
fn json_words(fault: &serde_json::Error) -> String {
    let words = fault.to_string();
    let column = fault.column();
    let words = words.split(" at line ").next().unwrap_or(&words);
    format!("{words}, at character {column}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_a_cr_before_an_lf_is_dropped(text in "[\r\na]{0,40}", chunk in 1usize..5, out in 1usize..5) {
            let inner = BufReader::with_capacity(chunk, io::Cursor::new(text.clone()));
            let mut reader = UnixLines { inner, held: false };
            let mut got = Vec::new();
            let mut buffer = vec![0; out];
            loop {
                let count = reader.read(&mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                got.extend_from_slice(&buffer[..count]);
            }
            prop_assert_eq!(String::from_utf8(got).unwrap(), text.replace("\r\n", "\n"));
        }
    }
}
