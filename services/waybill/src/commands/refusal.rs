//! A refusal of the server in the words of the command: fields by the flags they were typed as, shortages in the units of
//! the item. It knows no reason but that stock is short.

use super::show_quantity;
use anyhow::anyhow;
use std::collections::BTreeMap;
use tonic::Status;
use waybill_client::{explain_as, facts};

/// Fields of a request, `[]` for any place in a list, and what the command calls them. A field below one of these is told
/// as the rest of its path.
pub(crate) type Flags = &'static [(&'static str, &'static str)];

/// What all commands call the same.
const COMMON: Flags = &[
    ("request_id", "--request-id"),
    ("reason", "--reason"),
    ("owner", "--owner"),
    ("waybill-channel", "--channel"),
    ("waybill-actor", "--actor"),
];

/// A refusal where nothing typed is named otherwise in the request.
pub(crate) fn refused(status: Status) -> anyhow::Error {
    refused_of(&[])(status)
}

/// A refusal of a command with these flags.
pub(crate) fn refused_of(flags: Flags) -> impl Fn(Status) -> anyhow::Error {
    move |status| anyhow!("{}", explain_as(&status, |field| flag(flags, field)))
}

/// A refusal of a command with these flags that asks for stock; `scales` has the decimals of each SKU.
pub(crate) fn refused_short(
    flags: Flags,
    scales: &BTreeMap<String, u32>,
) -> impl Fn(Status) -> anyhow::Error {
    move |status| match shortage(&status, scales) {
        Some(shortage) => anyhow!("{}\n  {shortage}", headline(&status)),
        None => refused_of(flags)(status),
    }
}

/// Message and reason, without what follows them.
pub(crate) fn headline(status: &Status) -> String {
    let explained = explain_as(status, str::to_owned);
    explained.lines().next().unwrap_or_default().to_owned()
}

/// `P000001 at S0001: 7 asked, 2 available`, where the refusal has these numbers.
fn shortage(status: &Status, scales: &BTreeMap<String, u32>) -> Option<String> {
    let facts: BTreeMap<String, String> = facts(status).into_iter().collect();
    let sku = facts.get("sku")?;
    let scale = scales.get(sku).copied().unwrap_or(0);
    let quantity = |name: &str| Some(show_quantity(facts.get(name)?.parse().ok()?, scale));
    let (asked, available) = (quantity("asked")?, quantity("available")?);
    let node = facts.get("node_id").map_or_else(String::new, |node| format!(" at {node}"));
    let more = facts.get("shortages").and_then(|count| count.parse::<u64>().ok()).filter(|count| *count > 1);
    let more = more.map_or_else(String::new, |count| format!("; it is short at {} more", count - 1));
    Some(format!("{sku}{node}: {asked} asked, {available} available{more}"))
}

/// `--line number 2, sku` for `lines[1].sku` where `lines[]` is `--line`; the field itself where no flag is meant.
pub(crate) fn flag(flags: Flags, field: &str) -> String {
    named(&[flags, COMMON], field)
}

/// What a field is called in these tables, of which the longest match counts.
pub(crate) fn named(tables: &[Flags], field: &str) -> String {
    let (pattern, places) = pattern(field);
    let matching = tables.iter().copied().flatten().filter_map(|(known, flag)| {
        let rest = pattern.strip_prefix(known)?;
        let ends = rest.is_empty() || rest.starts_with(['.', '[']);
        ends.then_some((known.len(), *flag, rest.trim_start_matches(['.', '[', ']'])))
    });
    let Some((length, flag, rest)) = matching.max_by_key(|(length, ..)| *length) else {
        return field.to_owned();
    };
    let known = &pattern[..length];
    let mut told = flag.to_owned();
    // Only a flag that may be repeated has a number.
    let last = known.ends_with("[]").then(|| known.matches("[]").count() - 1);
    if let Some(place) = last.and_then(|last| places.get(last)) {
        told.push_str(&format!(" number {}", place + 1));
    }
    if !rest.is_empty() {
        told.push_str(&format!(", {rest}"));
    }
    told
}

/// `lines[1].sku` as `lines[].sku` and 1.
fn pattern(field: &str) -> (String, Vec<u64>) {
    let (mut pattern, mut places) = (String::new(), Vec::new());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']').unwrap_or((after, ""));
        pattern.push_str(before);
        pattern.push_str("[]");
        places.extend(inside.parse::<u64>());
        rest = after;
    }
    pattern.push_str(rest);
    (pattern, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;
    use tonic_types::{ErrorDetails, StatusExt};

    const FLAGS: Flags =
        &[("lines[]", "--line"), ("ship_to", "--ship-to"), ("lines[].pickup_node_id", "--pickup")];

    #[test]
    fn a_field_is_told_as_the_flag_it_was_typed_as() {
        for (field, told) in [
            ("lines[1].sku", "--line number 2, sku"),
            ("lines[0].pickup_node_id", "--pickup"),
            ("ship_to.postal_code", "--ship-to, postal_code"),
            ("reason", "--reason"),
            ("waybill-channel", "--channel"),
            ("reasons", "reasons"),
            ("priority", "priority"),
        ] {
            assert_eq!(flag(FLAGS, field), told);
        }
    }

    #[test]
    fn a_shortage_names_item_and_place_in_the_units_of_the_item() {
        let facts = [
            ("sku", "F7"),
            ("node_id", "S1"),
            ("asked", "250"),
            ("available", "50"),
            ("owner", "default"),
            ("shortages", "3"),
        ];
        let facts = facts.map(|(name, fact)| (name.to_owned(), fact.to_owned()));
        let details = ErrorDetails::with_error_info("STOCK_SHORT", "waybill", facts);
        let message = "stock is short at 3 of the places asked";
        let status = Status::with_error_details(Code::FailedPrecondition, message, details);
        let scales = BTreeMap::from([("F7".to_owned(), 2)]);
        assert_eq!(
            refused_short(&[], &scales)(status).to_string(),
            "stock is short at 3 of the places asked (STOCK_SHORT)\n  F7 at S1: 2.50 asked, 0.50 available; it is \
             short at 2 more"
        );
    }
}
