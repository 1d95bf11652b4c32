//! What is written reads back the same, and what is wrong is told with its line and field.

use std::collections::BTreeMap;
use std::io::Cursor;
use waybill_formats::{
    Alias, BundlePart, CalendarException, CalendarRecord, DayHours, Departure, Format, ItemRecord,
    LaneRecord, MinuteOfDay, NodeKind, NodeRecord, OpenHours, OrderRecord, PostalArea, RateCardRecord,
    RateStep, ReadError, Record, StockRecord, Unit, Weekday, WriteError, Writer, ZoneRecord, read,
};

fn written<R: Record>(format: Format, records: &[R]) -> String {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(format, &mut bytes);
    records.iter().try_for_each(|record| writer.write(record)).unwrap();
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

fn rows<R: Record>(format: Format, text: &str) -> Vec<Result<R, ReadError>> {
    read::<R>(format, Cursor::new(text.to_owned().into_bytes())).unwrap().collect()
}

fn survives<R: Record + PartialEq + std::fmt::Debug + Clone>(record: &R) {
    for format in [Format::Csv, Format::JsonLines] {
        let text = written(format, &[record.clone(), record.clone()]);
        let back: Vec<R> = rows(format, &text).into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(back, [record.clone(), record.clone()], "{text}");
    }
}

fn attributes() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("color".into(), "deep blue".into()),
        ("formula".into(), "a=b".into()),
        ("none".into(), "".into()),
    ])
}

fn kettle() -> ItemRecord {
    ItemRecord {
        sku: "P:1".into(),
        name: "Kettle, \"large\" black".into(),
        unit: Unit::Kilogram,
        scale: 3,
        weight_g: 1_000,
        no_split: true,
        aliases: vec![Alias { kind: "gtin".into(), value: "20:0".into() }],
        return_window_days: Some(0),
        bundle_parts: vec![BundlePart { sku: "A:B".into(), quantity: 2 }],
        substitute_skus: vec!["P2".into(), "P3".into()],
        custom_attributes: attributes(),
        ..ItemRecord::default()
    }
}

#[test]
fn every_kind_survives_both_formats() {
    survives(&kettle());
    survives(&StockRecord { sku: "A".into(), node_id: "N".into(), quantity: 0, ..StockRecord::default() });
    survives(&NodeRecord {
        node_id: "S1".into(),
        kind: NodeKind::LocalWarehouse,
        time_zone: "America/Argentina/Buenos_Aires".into(),
        latitude_e6: Some(-34_600_000),
        longitude_e6: Some(-58_400_000),
        cutoff: Some(MinuteOfDay(839)),
        currency_code: "ARS".into(),
        handling_cost_minor: 5,
        day_capacity_units: Some(u64::MAX),
        external_codes: attributes(),
        lead_days: 365,
        ..NodeRecord::default()
    });
    survives(&LaneRecord {
        lane_id: "L".into(),
        from_node_id: "S1".into(),
        carrier_service: "standard".into(),
        to_zone_id: "Z".into(),
        currency_code: "EUR".into(),
        departures: vec![
            Departure { weekdays: vec![Weekday::Monday, Weekday::Sunday], at: MinuteOfDay(1_050) },
            Departure { weekdays: vec![], at: MinuteOfDay(0) },
        ],
        ..LaneRecord::default()
    });
    survives(&LaneRecord {
        lane_id: "L".into(),
        from_node_id: "S1".into(),
        carrier_service: "standard".into(),
        to_node_id: "S2".into(),
        rate_card_id: "R".into(),
        preparation_ms: 30 * 86_400_000,
        delivery_hours: Some(DayHours { from: MinuteOfDay(0), to: MinuteOfDay(1_440) }),
        ..LaneRecord::default()
    });
    survives(&RateCardRecord {
        rate_card_id: "R".into(),
        currency_code: "EUR".into(),
        steps: vec![
            RateStep { up_to_weight_g: Some(5_000), base_minor: 460, per_kg_minor: 35 },
            RateStep { up_to_weight_g: None, base_minor: 900, per_kg_minor: 0 },
        ],
        ..RateCardRecord::default()
    });
    survives(&ZoneRecord {
        zone_id: "Z".into(),
        time_zone: "Pacific/Apia".into(),
        calendar_id: "C".into(),
        areas: vec![
            PostalArea { country_code: "US".into(), postal_prefixes: vec!["606".into(), "60".into()] },
            PostalArea { country_code: "CA".into(), postal_prefixes: vec![] },
        ],
        ..ZoneRecord::default()
    });
    survives(&CalendarRecord {
        calendar_id: "C".into(),
        weekly: vec![OpenHours { weekday: Weekday::Friday, from: MinuteOfDay(0), to: MinuteOfDay(1_440) }],
        exceptions: vec![
            CalendarException { date: "2028-02-29".into(), open: None },
            CalendarException { date: "2026-12-24".into(), open: Some((MinuteOfDay(540), MinuteOfDay(840))) },
        ],
        ..CalendarRecord::default()
    });
}

#[test]
fn a_value_without_a_csv_form_is_refused_and_never_changed() {
    let mut item = kettle();
    item.custom_attributes.insert("choice".into(), "a|b".into());
    let mut bytes = Vec::new();
    let refusal = Writer::new(Format::Csv, &mut bytes).write(&item).unwrap_err();
    assert!(
        matches!(&refusal, WriteError::NoCell { field, .. } if field == "custom_attributes"),
        "{refusal}"
    );
    let text = written(Format::JsonLines, std::slice::from_ref(&item));
    assert_eq!(rows::<ItemRecord>(Format::JsonLines, &text).remove(0).unwrap(), item);
}

/// The faults of a file as text, and how many rows were good.
fn faults<R: Record>(format: Format, text: &str) -> (Vec<String>, usize) {
    let rows = rows::<R>(format, text);
    let good = rows.iter().filter(|row| row.is_ok()).count();
    (rows.into_iter().filter_map(Result::err).map(|fault| fault.to_string()).collect(), good)
}

#[test]
fn csv_faults_name_line_and_column_and_the_rows_around_them_are_read() {
    let text = "\u{feff}sku,weight_g,name,unit\r\n\
                A,10,\"two\r\nlines are refused\",\r\n\
                B,heavy,,\r\n\
                C,-1,,\r\n\
                ,1,,\r\n\
                D,1,,dozen\r\n\
                E,1\r\n\
                F,1,fine,piece\r\n";
    let (faults, good) = faults::<ItemRecord>(Format::Csv, text);
    assert_eq!(good, 1);
    let begins = [
        "line 2, name: holds control characters",
        "line 4, weight_g: is \"heavy\", must be a whole number",
        "line 5, weight_g: is -1, must be from 0 to",
        "line 6, sku: is empty, must be given",
        "line 7, unit: is \"dozen\", must be one of piece, kilogram",
        "line 8: has 2 cells, the header has 4",
    ];
    assert_eq!(faults.len(), begins.len(), "{faults:#?}");
    for (fault, begin) in faults.iter().zip(begins) {
        assert!(fault.starts_with(begin), "{fault}");
    }
}

#[test]
fn json_faults_name_line_and_field_and_the_rows_around_them_are_read() {
    let long =
        format!("{{\"sku\":\"A\",\"node_id\":\"N\",\"quantity\":1,\"x\":\"{}\"}}", "y".repeat(2 << 20));
    let text = format!(
        "\u{feff}{{\"sku\":\"A\",\"node_id\":\"N\",\"quantity\":1}}\n\n{{\"sku\":\n{{\"sku\":\"A\",\"node_id\":\"N\",\"quantity\":1.5}}\n\
         {{\"sku\":\"A\",\"node_id\":\"N\",\"quantity\":1,\"colour\":2}}\n{{\"sku\":\"A\",\"node_id\":\"N\",\"quantity\":-2}}\n{long}\n\
         {{\"sku\":\"B\",\"node_id\":\"N\",\"quantity\":2}}"
    );
    let (faults, good) = faults::<StockRecord>(Format::JsonLines, &text);
    assert_eq!(good, 2);
    let begins = [
        "line 3: EOF while parsing",
        "line 4: invalid type: floating point `1.5`, expected i64",
        "line 5: unknown field `colour`",
        "line 6, quantity: is -2, must be from 0",
        "line 7: is longer than 1048576 bytes",
    ];
    assert_eq!(faults.len(), begins.len(), "{faults:#?}");
    for (fault, begin) in faults.iter().zip(begins) {
        assert!(fault.starts_with(begin), "{fault}");
    }
}

#[test]
fn bytes_that_are_not_text_are_a_fault_of_their_row() {
    let mut bytes = b"sku,node_id,quantity\nA,\xff,1\nB,N,2\n".to_vec();
    let csv: Vec<_> = read::<StockRecord>(Format::Csv, Cursor::new(bytes.clone())).unwrap().collect();
    assert_eq!(csv[0].as_ref().unwrap_err().to_string(), "line 2: is not UTF-8");
    assert!(csv[1].is_ok());
    bytes.splice(.., *b"{\"sku\":\"\xff\"}\n");
    let json: Vec<_> = read::<StockRecord>(Format::JsonLines, Cursor::new(bytes)).unwrap().collect();
    assert!(json[0].as_ref().unwrap_err().to_string().starts_with("line 1: "));
}

#[test]
fn a_wrong_header_stops_at_once() {
    let open =
        |text: &'static str| read::<StockRecord>(Format::Csv, Cursor::new(text)).err().map(|f| f.to_string());
    assert_eq!(open("sku,node_id\n").unwrap(), "line 1: column \"quantity\" is missing, stock need it");
    assert!(
        open("sku,node_id,quantity,qty\n")
            .unwrap()
            .starts_with("line 1: there is no column \"qty\" in stock")
    );
    assert_eq!(open("sku,node_id,quantity,sku\n").unwrap(), "line 1: column \"sku\" stands twice");
    assert!(open("").unwrap().contains("is missing"));
    assert!(open("quantity , sku, node_id\n1,A,N\n").is_none());
}

#[test]
fn nested_kinds_have_no_csv_form() {
    assert!(matches!(read::<OrderRecord>(Format::Csv, Cursor::new("")), Err(ReadError::NoCsv("orders"))));
    let mut bytes = Vec::new();
    let refusal = Writer::new(Format::Csv, &mut bytes).write(&OrderRecord::default());
    assert!(matches!(refusal, Err(WriteError::NoCsv("orders"))));
}

#[test]
fn the_name_of_a_file_tells_its_format() {
    use std::path::Path;
    assert_eq!(Format::of_path(Path::new("a/b.csv")).unwrap(), Format::Csv);
    assert_eq!(Format::of_path(Path::new("b.ndjson")).unwrap(), Format::JsonLines);
    assert!(Format::of_path(Path::new("b.xlsx")).is_err());
}

#[test]
fn every_good_row_knows_its_line() {
    let lines = |format, text: &str| {
        let mut rows = read::<ItemRecord>(format, std::io::Cursor::new(text.to_owned())).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next() {
            lines.push((row.is_ok(), rows.line()));
        }
        lines
    };
    let csv = "sku,name\r\nA,one\r\nB,\"over,\r\nstill B\"\r\nC,three\r\n";
    assert_eq!(lines(Format::Csv, csv), [(true, 2), (false, 3), (true, 5)]);
    let json = "\n{\"sku\":\"A\"}\n\n\n{\"sku\":\"B\"}\n";
    assert_eq!(lines(Format::JsonLines, json), [(true, 2), (true, 5)]);
}
