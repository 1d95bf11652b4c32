//! Writing records: CSV with a header, or JSON lines. What is written reads back the same.

use crate::record::Format;
use crate::{FieldError, Record, WriteError};
use std::io::{self, Write};

/// Writes records of one kind.
pub struct Writer<W: Write> {
    out: Out<W>,
    header_written: bool,
}

enum Out<W: Write> {
    Csv(Box<csv::Writer<W>>),
    JsonLines(W),
}

impl<W: Write> Writer<W> {
    /// Writes to `out`; give a buffered one.
    pub fn new(format: Format, out: W) -> Self {
        let out = match format {
            Format::Csv => Out::Csv(Box::new(csv::Writer::from_writer(out))),
            Format::JsonLines => Out::JsonLines(out),
        };
        Self { out, header_written: false }
    }

    /// Writes one record.
    ///
    /// # Errors
    /// [`WriteError::NoCsv`] for nested kinds in CSV, [`WriteError::NoCell`] naming the value that has no CSV form, and
    /// input/output errors.
    pub fn write<R: Record>(&mut self, record: &R) -> Result<(), WriteError> {
        match &mut self.out {
            Out::JsonLines(out) => {
                serde_json::to_writer(&mut *out, record).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
            }
            Out::Csv(_) if R::COLUMNS.is_empty() => return Err(WriteError::NoCsv(R::KIND)),
            Out::Csv(out) => {
                if !self.header_written {
                    out.write_record(R::COLUMNS).map_err(|fault| io::Error::other(fault.to_string()))?;
                    self.header_written = true;
                }
                let cells = record
                    .to_cells()
                    .map_err(|FieldError { field, why }| WriteError::NoCell { field, why })?;
                out.write_record(cells).map_err(|fault| io::Error::other(fault.to_string()))?;
            }
        }
        Ok(())
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// Input/output errors.
    pub fn finish(self) -> Result<(), WriteError> {
        match self.out {
            Out::Csv(mut out) => out.flush()?,
            Out::JsonLines(mut out) => out.flush()?,
        }
        Ok(())
    }
}
