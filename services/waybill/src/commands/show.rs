//! Values in words for people: times in UTC, amounts with their currency's decimals, states in lower case.

use prost_types::Timestamp;
use waybill_client::proto::common::v1::{Money, PromiseWindow};
use waybill_formats::Instant;

/// Currencies of ISO 4217 whose minor unit is not a hundredth.
const WHOLE: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
    "XOF", "XPF",
];
const THOUSANDTHS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// How many decimals the minor unit of a currency has.
pub(crate) fn decimals(currency_code: &str) -> u32 {
    match currency_code {
        code if WHOLE.contains(&code) => 0,
        code if THOUSANDTHS.contains(&code) => 3,
        _ => 2,
    }
}

/// `USD 17.99`, `JPY 1799`, `KWD 1.799`; empty when absent.
pub(crate) fn money(amount: Option<&Money>) -> String {
    let Some(Money { currency_code, minor_units }) = amount else { return String::new() };
    format!("{currency_code} {}", super::show_quantity(*minor_units, decimals(currency_code)))
}

/// `2026-03-02 14:05:00Z`; empty when absent.
pub(crate) fn time(at: Option<&Timestamp>) -> String {
    let Some(at) = at else { return String::new() };
    // Years past 9999 have no text; nothing the engine takes reaches them.
    let ms = at.seconds.clamp(-62_135_596_800, 253_402_300_799) * 1_000;
    let text = Instant::from_ms(ms).to_string();
    text.replace('T', " ").replace(".000Z", "Z")
}

/// The day of a time, `2026-03-02`.
pub(crate) fn day(at: Option<&Timestamp>) -> String {
    time(at).chars().take(10).collect()
}

/// `2026-03-02 - 2026-03-04`; empty when absent.
pub(crate) fn window(window: Option<&PromiseWindow>) -> String {
    window.map_or_else(String::new, |window| {
        match (day(window.earliest.as_ref()), day(window.latest.as_ref())) {
            (earliest, latest) if earliest == latest => latest,
            (earliest, latest) => format!("{earliest} - {latest}"),
        }
    })
}

/// `ORDER_STATUS_PARTIALLY_SHIPPED` without its prefix, in lower case: `partially shipped`.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    let rest = name.strip_prefix(prefix).map_or(name, |rest| rest.trim_start_matches('_'));
    rest.to_ascii_lowercase().replace('_', " ")
}

/// The enum value whose [`word`] is `text`; `-` and `_` count as spaces.
///
/// # Errors
/// A word that is none of them; all are listed.
pub(crate) fn from_word<E: TryFrom<i32>>(
    text: &str,
    prefix: &str,
    name: fn(&E) -> &'static str,
) -> anyhow::Result<E> {
    // 0 is "not given" in every enum, and none has 64 values.
    let values = || (1..64).filter_map(|number| E::try_from(number).ok());
    let wanted = text.to_ascii_lowercase().replace(['-', '_'], " ");
    values().find(|value| word(name(value), prefix) == wanted).ok_or_else(|| {
        let words: Vec<String> = values().map(|value| word(name(&value), prefix).replace(' ', "-")).collect();
        anyhow::anyhow!("there is no {text:?}, give one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        let amount =
            |code: &str, minor_units| money(Some(&Money { currency_code: code.into(), minor_units }));
        assert_eq!(amount("EUR", 1_799), "EUR 17.99");
        assert_eq!(amount("JPY", 1_799), "JPY 1799");
        assert_eq!(amount("KWD", -5), "KWD -0.005");
        assert_eq!(money(None), "");
    }

    #[test]
    fn times_are_shown_in_utc_to_the_second() {
        let at = Timestamp { seconds: 1_772_460_022, nanos: 999_000_000 };
        assert_eq!(time(Some(&at)), "2026-03-02 14:00:22Z");
        let later = Timestamp { seconds: at.seconds + 86_400, nanos: 0 };
        let dates = PromiseWindow { earliest: Some(at), latest: Some(later) };
        assert_eq!(window(Some(&dates)), "2026-03-02 - 2026-03-03");
        let beyond = Timestamp { seconds: i64::MAX, nanos: 0 };
        assert_eq!(day(Some(&beyond)), "9999-12-31");
    }

    #[test]
    fn states_lose_their_prefix() {
        assert_eq!(word("ORDER_STATUS_PARTIALLY_SHIPPED", "ORDER_STATUS"), "partially shipped");
        assert_eq!(word("NODE_KIND_STORE", "NODE_KIND"), "store");
    }

    #[test]
    fn words_are_read_as_they_are_shown() {
        use waybill_client::proto::fulfillment::v1::NodeKind;
        let kind = |text| from_word::<NodeKind>(text, "NODE_KIND", NodeKind::as_str_name);
        assert_eq!(kind("central-warehouse").unwrap(), NodeKind::CentralWarehouse);
        assert_eq!(kind("Local_Warehouse").unwrap(), NodeKind::LocalWarehouse);
        let refused = kind("unspecified").unwrap_err().to_string();
        assert!(refused.ends_with("store, local-warehouse, central-warehouse, supplier"), "{refused}");
    }
}
