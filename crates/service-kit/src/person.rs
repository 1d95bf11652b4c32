//! Personal data of one order, as it is before sealing and after opening. It never stands in events, rows or logs
//! except sealed, and has no `Debug` that would print it.

use minicbor::{Decode, Encode};

/// Who to talk to and where to send. Every text may be empty.
#[derive(Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Person {
    /// Name of the customer.
    #[n(0)]
    pub name: String,
    /// Phone as given.
    #[n(1)]
    pub phone: String,
    /// E-mail as given.
    #[n(2)]
    pub email: String,
    /// Where shipped lines go.
    #[n(3)]
    pub address: Option<PostalAddress>,
    /// To be printed for the recipient.
    #[n(4)]
    pub gift_note: String,
}

/// A postal address. Every text may be empty except the country.
#[derive(Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct PostalAddress {
    /// Who receives.
    #[n(0)]
    pub name: String,
    /// Company of the receiver.
    #[n(1)]
    pub company: String,
    /// Street and house number.
    #[n(2)]
    pub street_lines: Vec<String>,
    /// City.
    #[n(3)]
    pub city: String,
    /// State, province or region.
    #[n(4)]
    pub region: String,
    /// Postal code, upper case.
    #[n(5)]
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, upper case.
    #[n(6)]
    pub country_code: String,
    /// Latitude and longitude in millionths of a degree, where known.
    #[n(7)]
    pub point: Option<(i32, i32)>,
    /// Phone of the receiver.
    #[n(8)]
    pub phone: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(..)")
    }
}

impl std::fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostalAddress(..)")
    }
}

/// A phone number for look-ups: digits only, a leading `+` kept, `00` read as `+`.
#[must_use]
pub fn normal_phone(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    if phone.trim_start().starts_with('+') {
        format!("+{digits}")
    } else if let Some(rest) = digits.strip_prefix("00") {
        format!("+{rest}")
    } else {
        digits
    }
}

/// An e-mail address for look-ups: trimmed, lower case.
#[must_use]
pub fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_typed_in_different_ways_are_one() {
        for typed in ["+49 30 1234-567", "0049 (30) 1234567", "+49301234567"] {
            assert_eq!(normal_phone(typed), "+49301234567");
        }
        assert_eq!(normal_email(" Ada@Example.COM "), "ada@example.com");
    }
}
