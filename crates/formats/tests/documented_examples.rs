//! The examples and tables of `docs/import-formats.md` are true: every example reads, and every column is described.

use std::io::Cursor;
use waybill_formats::{
    CalendarRecord, Format, ItemRecord, LaneRecord, NodeRecord, OrderRecord, RateCardRecord, Record,
    StockRecord, ZoneRecord, read,
};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/import-formats.md");
    std::fs::read_to_string(path).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// The fenced blocks of a format and kind, such as `csv items`.
fn examples(document: &str, tag: &str, kind: &str) -> Vec<String> {
    let fence = format!("```{tag} {kind}\n");
    document
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

fn read_all<R: Record>(format: Format, text: &str) -> Vec<R> {
    read::<R>(format, Cursor::new(text.to_owned()))
        .and_then(Iterator::collect)
        .unwrap_or_else(|fault| panic!("{}: {fault}\n{text}", R::KIND))
}

fn check_examples<R: Record>(document: &str) {
    for (format, tag) in [(Format::Csv, "csv"), (Format::JsonLines, "jsonl")] {
        let found = examples(document, tag, R::KIND);
        let needed = format == Format::JsonLines || !R::COLUMNS.is_empty();
        assert_eq!(!found.is_empty(), needed, "{tag} examples of {}", R::KIND);
        for text in found {
            let header_lines = usize::from(format == Format::Csv);
            assert_eq!(read_all::<R>(format, &text).len(), text.lines().count() - header_lines);
        }
    }
}

#[test]
fn every_example_reads() {
    let document = document();
    check_examples::<ItemRecord>(&document);
    check_examples::<CalendarRecord>(&document);
    check_examples::<ZoneRecord>(&document);
    check_examples::<RateCardRecord>(&document);
    check_examples::<NodeRecord>(&document);
    check_examples::<LaneRecord>(&document);
    check_examples::<StockRecord>(&document);
    check_examples::<OrderRecord>(&document);
}

#[test]
fn documented_orders_are_finished() {
    for text in examples(&document(), "jsonl", OrderRecord::KIND) {
        for order in read_all::<OrderRecord>(Format::JsonLines, &text) {
            order.check_finished().unwrap();
        }
    }
}

#[test]
fn every_column_is_described_in_its_section() {
    fn check<R: Record>(document: &str) {
        let title = format!("\n## {}", R::KIND.replace('-', " "));
        let lower = document.to_lowercase();
        let section =
            lower.split(&title).nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
        for column in R::COLUMNS {
            assert!(
                section.contains(&format!("`{column}`")),
                "{column} is missing in the section of {}",
                R::KIND
            );
        }
    }
    let document = document();
    check::<ItemRecord>(&document);
    check::<CalendarRecord>(&document);
    check::<ZoneRecord>(&document);
    check::<RateCardRecord>(&document);
    check::<NodeRecord>(&document);
    check::<LaneRecord>(&document);
    check::<StockRecord>(&document);
}
