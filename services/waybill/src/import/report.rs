//! What became of a file: counts, and the first faults as they are found.

use indicatif::ProgressBar;
use std::fmt;
use waybill_client::proto::common::v1::RowResult;

/// Counts rows and tells faults.
#[derive(Debug)]
pub(super) struct Report {
    /// Rows in the file, wrong ones included.
    pub(super) rows: u64,
    /// Rows that changed something.
    taken: u64,
    /// Rows that were so already.
    unchanged: u64,
    /// Rows that were not taken.
    pub(super) refused: u64,
    told: usize,
    told_max: usize,
    bar: ProgressBar,
}

/// What became of the rows of one request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// Rows that changed something.
    pub(super) taken: u64,
    /// Rows that were so already.
    pub(super) unchanged: u64,
    /// Rows that were refused, those included that are not listed.
    pub(super) refused: u64,
    /// Refused rows, by their place in the request; a long list may end early.
    pub(super) failures: Vec<RowResult>,
}

impl Report {
    pub(super) fn new(told_max: usize, bar: ProgressBar) -> Self {
        Self { rows: 0, taken: 0, unchanged: 0, refused: 0, told: 0, told_max, bar }
    }

    /// A row that could not even be read.
    pub(super) fn wrong(&mut self, fault: &dyn fmt::Display) {
        self.rows += 1;
        self.refused += 1;
        self.tell(&fault.to_string());
    }

    /// The answer about rows that stand at `lines`.
    pub(super) fn answered(&mut self, lines: &[u64], answer: &Answer) {
        self.rows += lines.len() as u64;
        self.taken += answer.taken;
        self.unchanged += answer.unchanged;
        self.refused += answer.refused;
        for failure in &answer.failures {
            self.tell(&line(lines, failure));
        }
        self.bar.set_message(format!("{} rows", self.rows));
    }

    /// Faults go to standard error, around the progress bar.
    fn tell(&mut self, fault: &str) {
        self.told += 1;
        if self.told <= self.told_max {
            self.bar.suspend(|| eprintln!("{fault}"));
        }
    }
}

/// The refusal in the words of the file: its line, the field of the row, the reason.
fn line(lines: &[u64], failure: &RowResult) -> String {
    let at = usize::try_from(failure.row).ok().and_then(|row| lines.get(row));
    let at = at.map_or_else(|| failure.key.clone(), |line| format!("line {line}"));
    // The path begins with the row's place in a request that its reader never sees.
    let field = failure.error_field.split_once("].").map_or(failure.error_field.as_str(), |(_, field)| field);
    let field = if field.is_empty() { String::new() } else { format!(", {field}") };
    let why = if failure.error_message.is_empty() { &failure.error_reason } else { &failure.error_message };
    format!("{at}{field}: {why}")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, taken, unchanged, refused, .. } = self;
        write!(f, "{rows} rows: {taken} taken, {unchanged} unchanged, {refused} not taken")?;
        let listed = self.told.min(self.told_max) as u64;
        if *refused > listed {
            write!(f, " ({} of them not listed)", refused - listed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_line_of_the_file_and_the_field_of_the_row() {
        let failure = RowResult {
            row: 1,
            error_field: "rows[1].item.scale".into(),
            error_message: "is 2, stock was booked at 0".into(),
            ..RowResult::default()
        };
        assert_eq!(line(&[2, 7], &failure), "line 7, item.scale: is 2, stock was booked at 0");
        let unnamed = RowResult { row: 0, error_reason: "ITEM_UNKNOWN".into(), ..RowResult::default() };
        assert_eq!(line(&[2, 7], &unnamed), "line 2: ITEM_UNKNOWN");
        let beyond = RowResult { row: 9, key: "P1".into(), error_reason: "X".into(), ..RowResult::default() };
        assert_eq!(line(&[2], &beyond), "P1: X");
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let mut report = Report::new(1, ProgressBar::hidden());
        report.wrong(&"line 2: is not UTF-8");
        let failures = vec![RowResult::default()];
        report.answered(&[3, 4, 5], &Answer { taken: 1, unchanged: 1, refused: 1, failures });
        assert_eq!(report.to_string(), "4 rows: 1 taken, 1 unchanged, 2 not taken (1 of them not listed)");
    }
}
