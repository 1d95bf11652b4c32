//! What became of a file: counts, and the first faults as they are found.

use crate::commands::{Flags, named};
use indicatif::ProgressBar;
use std::fmt;
use waybill_client::proto::common::v1::RowResult;

/// Columns that are called otherwise than the fields they become.
const COLUMNS: Flags = &[
    ("address.street_lines", "street"),
    ("address.city", "city"),
    ("address.region", "region"),
    ("address.postal_code", "postal_code"),
    ("address.country_code", "country_code"),
    ("location.latitude_degrees_e6", "latitude_e6"),
    ("location.longitude_degrees_e6", "longitude_e6"),
    ("circle.center.latitude_degrees_e6", "latitude_e6"),
    ("circle.center.longitude_degrees_e6", "longitude_e6"),
    ("circle.radius_m", "radius_m"),
    ("areas[]", "areas"),
    ("cutoff_minute_of_day", "cutoff"),
    ("handling_cost", "handling_cost_minor"),
    ("handling_cost.minor_units", "handling_cost_minor"),
    ("handling_cost.currency_code", "currency_code"),
    ("unit_handling_cost", "unit_handling_cost_minor"),
    ("unit_handling_cost.minor_units", "unit_handling_cost_minor"),
    ("unit_handling_cost.currency_code", "currency_code"),
    ("capabilities.ships", "ships"),
    ("capabilities.pickup", "pickup"),
    ("capabilities.accepts_returns", "accepts_returns"),
    ("cost.base", "base_minor"),
    ("cost.base.minor_units", "base_minor"),
    ("cost.base.currency_code", "currency_code"),
    ("cost.per_kg", "per_kg_minor"),
    ("cost.per_kg.minor_units", "per_kg_minor"),
    ("cost.per_kg.currency_code", "currency_code"),
    ("departures[]", "departures"),
    ("weekly[]", "weekly"),
    ("exceptions[]", "exceptions"),
    ("dimensions.length_mm", "length_mm"),
    ("dimensions.width_mm", "width_mm"),
    ("dimensions.height_mm", "height_mm"),
    ("flags.no_split", "no_split"),
    ("flags.hazmat", "hazmat"),
    ("flags.lot_tracked", "lot_tracked"),
    ("flags.serial_tracked", "serial_tracked"),
    ("flags.expiry_tracked", "expiry_tracked"),
    ("aliases[]", "aliases"),
    ("bundle_parts[]", "bundle_parts"),
    ("substitute_skus[]", "substitute_skus"),
];

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
    let field = named(&[COLUMNS], field.strip_prefix("item.").unwrap_or(field));
    let field = if field.is_empty() { field } else { format!(", {field}") };
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
        assert_eq!(line(&[2, 7], &failure), "line 7, scale: is 2, stock was booked at 0");
        let field = |error_field: &str| {
            line(
                &[2],
                &RowResult {
                    error_field: error_field.into(),
                    error_message: "x".into(),
                    ..RowResult::default()
                },
            )
        };
        assert_eq!(field("nodes[0].address.country_code"), "line 2, country_code: x");
        assert_eq!(field("lanes[0].cost.base.minor_units"), "line 2, base_minor: x");
        assert_eq!(field("rows[0].item.aliases[1].value"), "line 2, aliases number 2, value: x");
        assert_eq!(field("nodes[0].time_zone"), "line 2, time_zone: x");
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
