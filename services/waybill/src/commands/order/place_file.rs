//! The orders of a file for `waybill order place`, in either of two forms: a PlaceOrderRequest in the JSON form of the
//! contracts, or a record as `waybill import orders` takes it, whose end is of no interest here. It places nothing.

use crate::commands::from_json;
use crate::records;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use waybill_client::proto::orders::v1::PlaceOrderRequest;
use waybill_formats::{OrderRecord, Record};

/// What one file may hold; more is placed from several.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// An order to place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// The channel that a record names; a request is placed in the caller's.
    pub(super) channel: Option<String>,
    pub(super) request: PlaceOrderRequest,
}

/// Reads a file; `-` is standard input.
///
/// # Errors
/// A file that cannot be read, is too large or is not UTF-8.
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    let named = || path.display().to_string();
    let mut input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("cannot open {}", named()))?)
    };
    let mut text = String::new();
    input.by_ref().take(FILE_BYTES_MAX + 1).read_to_string(&mut text).with_context(named)?;
    let fits = text.len() as u64 <= FILE_BYTES_MAX;
    ensure!(fits, "{} is larger than {} MiB; place it in parts", named(), FILE_BYTES_MAX >> 20);
    Ok(text)
}

/// The orders of a text, or what is wrong with one and where. Where the first line is a whole order each line is one, and
/// a wrong line does not stop those after it; otherwise orders may go over several lines.
pub(super) fn orders(text: &str) -> Vec<Result<Wanted, String>> {
    let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let is_by_line = lines().next().is_some_and(|(_, line)| serde_json::from_str::<Value>(line).is_ok());
    if is_by_line {
        let order = |(index, line): (usize, &str)| {
            let value = serde_json::from_str(line).map_err(|fault| format!("line {}: {fault}", index + 1))?;
            wanted(value).map_err(|fault| format!("line {}: {fault:#}", index + 1))
        };
        return lines().map(order).collect();
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let order = |(index, value): (usize, Result<Value, serde_json::Error>)| {
        let value = value.map_err(|fault| format!("the file is not JSON: {fault}"))?;
        wanted(value).map_err(|fault| format!("order {}: {fault:#}", index + 1))
    };
    values.enumerate().map(order).collect()
}

fn wanted(mut value: Value) -> anyhow::Result<Wanted> {
    // A request names a currency with each amount, a record once.
    if value.get("currency_code").is_none() && value.get("place_time").is_none() {
        let mut request: PlaceOrderRequest = from_json("orders.v1.PlaceOrderRequest", value)?;
        if request.request_id.is_empty() {
            // Placed again from the same file it is the same order.
            request.request_id.clone_from(&request.external_order_number);
        }
        return Ok(Wanted { channel: None, request });
    }
    if let Some(record) = value.as_object_mut() {
        // When an order is placed now, the engine's clock says when.
        record.entry("place_time").or_insert_with(|| Value::from("1970-01-01T00:00:00Z"));
    }
    let record: OrderRecord = serde_json::from_value(value)?;
    record.check().map_err(|fault| anyhow::anyhow!("{}: {}", fault.field, fault.why))?;
    Ok(Wanted { channel: Some(record.channel.clone()), request: records::place(&record) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = r#"{
        "external_order_number": "WEB-1", "mode": "PLACE_MODE_CONFIRM",
        "lines": [{"sku": "P1", "quantity": 2, "delivery_method": "DELIVERY_METHOD_PICKUP", "pickup_node_id": "S1"}],
        "amounts": {"total": {"currency_code": "USD", "minor_units": 6398}}
    }"#;
    const RECORD: &str = r#"{"channel":"app","external_order_number":"APP-1","currency_code":"USD","total_minor":500,
        "ship_to":{"street_lines":["5 Elm"],"city":"Fort Wayne","country_code":"US"},
        "lines":[{"sku":"P1","quantity":1,"unit_price_minor":500,"total_minor":500}]}"#;

    #[test]
    fn a_request_is_read_over_several_lines_and_its_number_is_its_request_id() {
        let orders = orders(&format!("{REQUEST}\n{REQUEST}"));
        assert_eq!(orders.len(), 2);
        let Wanted { channel, request } = orders[0].clone().unwrap();
        assert_eq!((channel, request.request_id.as_str(), request.lines[0].quantity), (None, "WEB-1", 2));
        assert_eq!(request.amounts.unwrap().total.unwrap().minor_units, 6_398);
    }

    #[test]
    fn a_record_without_a_time_is_placed_in_the_channel_it_names() {
        let record = RECORD.replace('\n', "");
        let orders = orders(&format!("{record}\n{{\"channel\"\n\n{}\n", record.replace("\"P1\"", "\"\"")));
        let Wanted { channel, request } = orders[0].clone().unwrap();
        assert_eq!((channel.as_deref(), request.external_order_number.as_str()), (Some("app"), "APP-1"));
        assert!(
            orders[1].clone().unwrap_err().starts_with("line 2: "),
            "a wrong line is told and passed over"
        );
        assert!(orders[2].clone().unwrap_err().starts_with("line 4: lines[0].sku: "), "{orders:?}");
    }

    #[test]
    fn a_field_that_no_form_has_is_told() {
        let fault = orders(r#"{"external_order_numbr": "WEB-1"}"#)[0].clone().unwrap_err();
        assert!(fault.starts_with("line 1: ") && fault.contains("external_order_numbr"), "{fault}");
        assert!(orders("orders.csv")[0].clone().unwrap_err().contains("is not JSON"));
        assert!(orders("").is_empty());
    }
}
