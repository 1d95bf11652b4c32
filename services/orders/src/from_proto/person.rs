//! Who receives and where: checked, put together for sealing, and turned into the digests an order is found by.

use prost::Message;
use std::fmt::Display;
use waybill_orders::content::{Lookup, LookupKind};
use waybill_proto::common::v1 as common;
use waybill_service_kit::person::{normal_card, normal_email, normal_phone, normal_social};
use waybill_service_kit::{Fields, Person, PostalAddress, Seal, names};
use waybill_types::{Country, CustomerRef, GeoPoint, PostalCode};

/// The kinds of digest that the vault keeps apart.
const PHONE: &str = "phone";
const EMAIL: &str = "email";
const CUSTOMER: &str = "customer";
const MEMBER_CARD: &str = "member card";
const SOCIAL_ID: &str = "social id";
const NAME: &str = "name";

/// The person of an order; `Some(None)` where nothing personal was given.
pub(crate) fn person(
    fields: &mut Fields,
    at: &str,
    contact: Option<&common::Contact>,
    ship_to: Option<&common::Address>,
    gift_note: &str,
) -> Option<Option<Person>> {
    check_gift_note(fields, format_args!("{at}gift_note"), gift_note);
    if let Some(contact) = contact {
        check_contact(fields, &format!("{at}contact"), contact);
    }
    let address = match ship_to {
        Some(address) => Some(postal_address(fields, &format!("{at}ship_to"), address)?),
        None => None,
    };
    let nothing = contact.is_none_or(|contact| *contact == common::Contact::default());
    if nothing && address.is_none() && gift_note.is_empty() {
        return Some(None);
    }
    let contact = contact.cloned().unwrap_or_default();
    Some(Some(Person {
        name: contact.name,
        phone: contact.phone,
        email: contact.email,
        address,
        gift_note: gift_note.to_owned(),
        member_card: contact.member_card,
        social_id: contact.social_id,
    }))
}

/// Personal text of at most `max` characters, line breaks its only control characters. The text itself is never repeated in
/// a violation.
pub(crate) fn personal(fields: &mut Fields, field: impl Display, value: &str, max: usize) -> Option<()> {
    let characters = value.chars().count();
    let (long, controls) = (characters > max, value.chars().any(|c| c.is_control() && c != '\n'));
    if long {
        fields.wrong(&field, format!("has {characters} characters, at most {max} are allowed"));
    }
    if controls {
        fields.wrong(field, "holds control characters");
    }
    (!long && !controls).then_some(())
}

/// What is printed for the recipient.
pub(crate) fn check_gift_note(fields: &mut Fields, field: impl Display, note: &str) {
    personal(fields, field, note, 500);
}

/// Who to talk to.
pub(crate) fn check_contact(fields: &mut Fields, at: &str, contact: &common::Contact) {
    personal(fields, format_args!("{at}.name"), &contact.name, 200);
    check_phone(fields, format_args!("{at}.phone"), &contact.phone);
    check_email(fields, format_args!("{at}.email"), &contact.email);
    check_card(fields, format_args!("{at}.member_card"), &contact.member_card);
    check_social(fields, format_args!("{at}.social_id"), &contact.social_id);
}

/// A member card: what is left without spaces and hyphens must be letters and digits.
pub(crate) fn check_card(fields: &mut Fields, field: impl Display, card: &str) {
    let normal = normal_card(card);
    if !card.is_empty() && (normal.is_empty() || !normal.chars().all(char::is_alphanumeric)) {
        fields.wrong(&field, "must be letters and digits, with spaces and hyphens between them at most");
    }
    personal(fields, &field, card, 64);
}

/// A social id: a network, a colon, an id.
pub(crate) fn check_social(fields: &mut Fields, field: impl Display, id: &str) {
    let normal = normal_social(id);
    let parts = normal.split_once(':').is_some_and(|(network, id)| !network.is_empty() && !id.is_empty());
    if !id.is_empty() && !parts {
        fields.wrong(&field, "must be a network and an id, such as wechat:oXy7");
    }
    personal(fields, &field, id, 128);
}

/// A phone number in E.164 form, spaces and punctuation aside.
pub(crate) fn check_phone(fields: &mut Fields, field: impl Display, phone: &str) {
    let normal = normal_phone(phone);
    let digits = normal.strip_prefix('+').map_or(0, str::len);
    if !phone.is_empty() && !(5..=15).contains(&digits) {
        fields.wrong(field, "must be in E.164 form: + and 5 to 15 digits");
    }
}

/// An e-mail address: something, an @, something.
pub(crate) fn check_email(fields: &mut Fields, field: impl Display, email: &str) {
    let parts = email.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !host.is_empty());
    if !email.is_empty() && !parts {
        fields.wrong(&field, "must be an e-mail address");
    }
    personal(fields, &field, email, 254);
}

/// Where something goes.
pub(crate) fn postal_address(
    fields: &mut Fields,
    at: &str,
    address: &common::Address,
) -> Option<PostalAddress> {
    for (name, value, max) in [
        ("name", &address.name, 200),
        ("company", &address.company, 200),
        ("city", &address.city, 120),
        ("region", &address.region, 120),
    ] {
        personal(fields, format_args!("{at}.{name}"), value, max);
    }
    if !(1..=4).contains(&address.street_lines.len()) {
        fields.wrong(
            format_args!("{at}.street_lines"),
            format!("are {}, must be 1 to 4", address.street_lines.len()),
        );
    }
    for (index, line) in address.street_lines.iter().enumerate() {
        personal(fields, format_args!("{at}.street_lines[{index}]"), line, 200);
    }
    check_phone(fields, format_args!("{at}.phone"), &address.phone);
    let country = &address.country_code;
    if !country.bytes().all(|byte| byte.is_ascii_uppercase()) || Country::new(country).is_err() {
        fields.wrong(format_args!("{at}.country_code"), "must be two upper-case letters (ISO 3166-1)");
    }
    let postal_code = address.postal_code.to_uppercase();
    if !postal_code.is_empty() && PostalCode::new(&postal_code).is_err() {
        fields.wrong(format_args!("{at}.postal_code"), "must have 1 to 16 bytes, without white space around");
    }
    let point = match &address.location {
        None => None,
        Some(point) => {
            let e6 = |degrees: i64| i32::try_from(degrees).unwrap_or(i32::MAX);
            let point = GeoPoint::new(e6(point.latitude_degrees_e6), e6(point.longitude_degrees_e6));
            Some(
                fields
                    .check(format_args!("{at}.location"), point)
                    .map(|point| (point.lat_e6, point.lon_e6))?,
            )
        }
    };
    Some(PostalAddress {
        name: address.name.clone(),
        company: address.company.clone(),
        street_lines: address.street_lines.clone(),
        city: address.city.clone(),
        region: address.region.clone(),
        postal_code,
        country_code: country.clone(),
        point,
        phone: address.phone.clone(),
    })
}

/// What an order of this person and customer is found by, each once.
pub(crate) fn lookups(seal: &Seal, person: Option<&Person>, customer: Option<&CustomerRef>) -> Vec<Lookup> {
    let mut found = Vec::new();
    if let Some(person) = person {
        let receiver = person.address.as_ref().map_or("", |address| address.phone.as_str());
        for phone in [person.phone.as_str(), receiver] {
            if !phone.is_empty() {
                found.push(by_phone(seal, phone));
            }
        }
        if !person.email.is_empty() {
            found.push(by_email(seal, &person.email));
        }
        if !person.member_card.is_empty() {
            found.push(by_card(seal, &person.member_card));
        }
        if !person.social_id.is_empty() {
            found.push(by_social(seal, &person.social_id));
        }
        found.extend(names::beginnings(person.names()).iter().map(|word| by_beginning(seal, word)));
    }
    found.extend(customer.map(|customer| by_customer(seal, customer)));
    found.sort_unstable();
    found.dedup();
    found
}

/// Orders with this phone.
pub(crate) fn by_phone(seal: &Seal, phone: &str) -> Lookup {
    Lookup { kind: LookupKind::Phone, digest: seal.digest(PHONE, &normal_phone(phone)) }
}

/// Orders with this e-mail address.
pub(crate) fn by_email(seal: &Seal, email: &str) -> Lookup {
    Lookup { kind: LookupKind::Email, digest: seal.digest(EMAIL, &normal_email(email)) }
}

/// Orders of this customer.
pub(crate) fn by_customer(seal: &Seal, customer: &CustomerRef) -> Lookup {
    Lookup { kind: LookupKind::Customer, digest: seal.digest(CUSTOMER, customer.as_str()) }
}

/// Orders with this member card.
pub(crate) fn by_card(seal: &Seal, card: &str) -> Lookup {
    Lookup { kind: LookupKind::MemberCard, digest: seal.digest(MEMBER_CARD, &normal_card(card)) }
}

/// Orders with this social id.
pub(crate) fn by_social(seal: &Seal, id: &str) -> Lookup {
    Lookup { kind: LookupKind::SocialId, digest: seal.digest(SOCIAL_ID, &normal_social(id)) }
}

/// Orders with a name of which a word begins so.
fn by_beginning(seal: &Seal, beginning: &str) -> Lookup {
    Lookup { kind: LookupKind::NamePrefix, digest: seal.digest(NAME, beginning) }
}

/// Orders that may have a name with a word that begins so: how the word goes on is seen when the name is opened.
pub(crate) fn by_word(seal: &Seal, word: &str) -> Lookup {
    by_beginning(seal, names::beginning(word))
}

/// A keyed digest of a personal message, to tell a retry from another request without keeping what was said.
pub(crate) fn fingerprint(seal: &Seal, kind: &str, message: Option<&impl Message>) -> [u8; 16] {
    let bytes = message.map(Message::encode_to_vec).unwrap_or_default();
    seal.digest(kind, &super::values::hex(&bytes)).0
}
