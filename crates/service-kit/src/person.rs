//! Personal data of one order, as it is before sealing and after opening. It never stands in events, rows or logs
//! except sealed, and has no `Debug` that would print it.

use minicbor::{Decode, Encode};
use unicode_normalization::UnicodeNormalization;

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
    /// Member card as given.
    #[n(5)]
    pub member_card: String,
    /// Id in a social network as given, `network:id`.
    #[n(6)]
    pub social_id: String,
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

impl Person {
    /// The names this person is known by: their own, and the recipient's at the address.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let receiver = self.address.as_ref().map(|address| address.name.as_str());
        std::iter::once(self.name.as_str()).chain(receiver)
    }
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

/// An e-mail address for look-ups: trimmed, NFKC, lower case.
#[must_use]
pub fn normal_email(email: &str) -> String {
    let email = email.trim();
    // Nearly all are ASCII, which has one form already.
    if email.is_ascii() {
        return email.to_ascii_lowercase();
    }
    email.nfkc().collect::<String>().to_lowercase()
}

/// A name to be kept: NFKC, trimmed, so that one name has one form.
#[must_use]
pub fn normal_name(name: &str) -> String {
    name.trim().nfkc().collect()
}

/// A member card for look-ups: without spaces and hyphens, upper case.
#[must_use]
pub fn normal_card(card: &str) -> String {
    card.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect()
}

/// A social id for look-ups: the network in lower case, the id as it is.
#[must_use]
pub fn normal_social(id: &str) -> String {
    match id.trim().split_once(':') {
        Some((network, id)) => format!("{}:{}", network.trim().to_lowercase(), id.trim()),
        None => id.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_social_ids_typed_in_different_ways_are_one() {
        for typed in ["ab-1234 5678", "AB12345678", " ab1234-5678 "] {
            assert_eq!(normal_card(typed), "AB12345678");
        }
        assert_eq!(normal_social(" WeChat:oXy7 "), "wechat:oXy7");
        assert_ne!(normal_social("wechat:OXY7"), normal_social("wechat:oXy7"), "the id is the network's");
    }

    #[test]
    fn phones_typed_in_different_ways_are_one() {
        for typed in ["+49 30 1234-567", "0049 (30) 1234567", "+49301234567"] {
            assert_eq!(normal_phone(typed), "+49301234567");
        }
        assert_eq!(normal_email(" Ada@Example.COM "), "ada@example.com");
        assert_eq!(normal_email("Ａda@Example.com"), "ada@example.com");
        assert_eq!(normal_name(" Zoe\u{308} "), "Zoë");
    }
}
