//! Quantities as people write them: whole units with the item's decimals, `2.350` at scale 3, and never a float.

use anyhow::{Context, bail};

/// `quantity` at `scale` decimals in whole units: 2350 at scale 3 is `2.350`.
pub(crate) fn show_quantity(quantity: i64, scale: u32) -> String {
    let digits = quantity.unsigned_abs().to_string();
    let scale = usize::try_from(scale).unwrap_or(usize::MAX).min(18);
    let sign = if quantity < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, rest) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{rest}")
}

/// Reads `2.35` as 2350 at scale 3. More decimals than the item has are refused, not rounded.
///
/// # Errors
/// Anything but a decimal number that the scale can hold.
pub(crate) fn parse_quantity(text: &str, scale: u32) -> anyhow::Result<i64> {
    let refused = || format!("{text:?} is no quantity, give whole units such as 2 or 2.350");
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if unsigned.is_empty() || !is_number(unsigned) || !is_number(rest) || text.ends_with('.') {
        bail!(refused());
    }
    let scale = usize::try_from(scale)?;
    if rest.len() > scale {
        bail!("{text:?} has {} decimals, the item has {scale}", rest.len());
    }
    format!("{whole}{rest:0<scale$}").parse().with_context(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back_the_same() {
        for (quantity, scale, text) in [
            (2_350, 3, "2.350"),
            (0, 0, "0"),
            (-5, 2, "-0.05"),
            (7, 0, "7"),
            (-1_200, 3, "-1.200"),
            (0, 3, "0.000"),
        ] {
            assert_eq!(show_quantity(quantity, scale), text);
            assert_eq!(parse_quantity(text, scale).unwrap(), quantity);
        }
        assert_eq!(parse_quantity("2.5", 3).unwrap(), 2_500);
        assert_eq!(parse_quantity("2", 3).unwrap(), 2_000);
        assert_eq!(show_quantity(i64::MIN, 0), i64::MIN.to_string());
    }

    #[test]
    fn what_the_scale_cannot_hold_is_refused() {
        for (text, scale) in [
            ("1.5", 0),
            ("1.2345", 3),
            ("", 0),
            ("-", 0),
            (".5", 1),
            ("1.", 1),
            ("1e3", 0),
            ("9999999999999999999", 0),
        ] {
            assert!(parse_quantity(text, scale).is_err(), "{text}");
        }
    }
}
