//! A customer as text for people.

use crate::commands::{Table, money, order, time, word};
use std::collections::BTreeMap;
use waybill_client::proto::customers::v1::{
    Contact, ContactKind, Customer, CustomerChange, CustomerFigures, Feedback, FeedbackKind,
    GetCustomerViewResponse, Identity, IdentityKind,
};

fn kind(kind: IdentityKind) -> String {
    word(kind.as_str_name(), "IDENTITY_KIND")
}

/// One of several people: record, name, tier, what they are known by.
pub(super) fn row(customer: &Customer) -> [String; 4] {
    let profile = customer.profile.clone().unwrap_or_default();
    let known = customer.identities.iter().map(|identity| match identity.value.as_str() {
        "" => kind(identity.kind()),
        value => format!("{} {value}", kind(identity.kind())),
    });
    let name = if customer.erased { "(erased)".to_owned() } else { profile.name };
    [record(customer), name, profile.tier, known.collect::<Vec<_>>().join(", ")]
}

/// Somebody known by orders alone has no record.
fn record(customer: &Customer) -> String {
    if customer.customer_id.is_empty() { "(no record)".to_owned() } else { customer.customer_id.clone() }
}

/// Who, what they did, contacts, what they said.
pub(super) fn view(customer: &Customer, view: &GetCustomerViewResponse) -> String {
    let mut blocks = vec![head(customer, view.figures.as_ref())];
    let tables = [
        identities(&customer.identities),
        order::summaries(&view.orders),
        contacts(&view.contacts),
        feedback(&view.feedback),
        changes(&view.changes),
    ];
    blocks.extend(tables.iter().filter(|table| !table.is_empty()).map(ToString::to_string));
    blocks.join("\n\n")
}

/// What stands above: one fact per line, facts that are not there left out.
fn head(customer: &Customer, figures: Option<&CustomerFigures>) -> String {
    let profile = customer.profile.clone().unwrap_or_default();
    let preferences: BTreeMap<_, _> = profile.preferences.iter().collect();
    let preferences: Vec<_> = preferences.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let figures = figures.cloned().unwrap_or_default();
    let spend: Vec<String> = figures.net_spend.iter().map(|sum| money(Some(sum))).collect();
    let facts = [
        ("name", if customer.erased { "erased".to_owned() } else { profile.name }),
        ("tier", profile.tier),
        ("prefers", preferences.join(", ")),
        ("agreed to", profile.consents.join(", ")),
        ("since", time(customer.create_time.as_ref())),
        ("orders", orders(&figures)),
        ("spent", spend.join(", ")),
        ("usually", figures.usual_channel),
        ("collects", figures.usual_node_id),
    ];
    let mut text = match customer.revision {
        0 => record(customer),
        revision => format!("{}  revision {revision}", record(customer)),
    };
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        text.push_str(&format!("\n{name:<10}{fact}"));
    }
    text
}

/// `12, 1 cancelled (8.3 %), 2 with returns (16.6 %)`; a `+` where there are more than were looked at.
fn orders(figures: &CustomerFigures) -> String {
    let percent = |per_mille: u32| format!("{}.{} %", per_mille / 10, per_mille % 10);
    let mut text = format!("{}{}", figures.order_count, if figures.partial { "+" } else { "" });
    for (count, what, rate) in [
        (figures.cancelled_order_count, "cancelled", figures.cancel_rate_per_mille),
        (figures.returned_order_count, "with returns", figures.return_rate_per_mille),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what} ({})", percent(rate)));
        }
    }
    text
}

fn identities(identities: &[Identity]) -> Table {
    let mut table = Table::new(&["KNOWN BY", "VALUE", "MARKS", "SINCE"]);
    for identity in identities {
        let marks = [
            (identity.verified, "verified"),
            (identity.consent, "may be contacted"),
            (identity.shared, "shared"),
        ];
        let marks: Vec<_> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        let since = time(identity.link_time.as_ref());
        table.row([kind(identity.kind()), identity.value.clone(), marks.join(", "), since]);
    }
    table
}

fn contacts(contacts: &[Contact]) -> Table {
    let mut table = Table::new(&["CONTACT", "WHEN", "CHANNEL", "ABOUT", "NOTE", "KEPT UNTIL"]);
    for contact in contacts {
        let kind: ContactKind = contact.kind();
        let skus = contact.skus.iter().map(String::as_str);
        let about = [contact.order_id.as_str(), contact.node_id.as_str()].into_iter().chain(skus);
        table.row([
            word(kind.as_str_name(), "CONTACT_KIND"),
            time(contact.contact_time.as_ref()),
            contact.channel.clone(),
            given(about),
            contact.note.clone(),
            time(contact.forget_time.as_ref()),
        ]);
    }
    table
}

fn feedback(feedback: &[Feedback]) -> Table {
    let mut table = Table::new(&["SAID", "WHEN", "WHAT", "ABOUT", "WORDS"]);
    for said in feedback {
        let kind: FeedbackKind = said.kind();
        let rating = if said.rating == 0 { String::new() } else { format!("{} of 5", said.rating) };
        let about = [&said.order_id, &said.sku, &said.node_id, &said.carrier, &said.about_channel];
        table.row([
            word(kind.as_str_name(), "FEEDBACK_KIND"),
            time(said.feedback_time.as_ref()),
            given([rating.as_str(), said.code.as_str()]),
            given(about.map(String::as_str)),
            said.text.clone(),
        ]);
    }
    table
}

fn changes(changes: &[CustomerChange]) -> Table {
    let mut table = Table::new(&[">REVISION", "WHEN", "CHANGE", "OTHER", "CHANNEL", "ACTOR", "REASON"]);
    for change in changes {
        table.row([
            change.revision.to_string(),
            time(change.change_time.as_ref()),
            change.what.replace('_', " "),
            change.other_customer_id.clone(),
            change.channel.clone(),
            change.actor.clone(),
            change.reason.clone(),
        ]);
    }
    table
}

/// The texts that are there, one after the other.
fn given<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::customers::v1::CustomerProfile;

    #[test]
    fn somebody_without_a_record_is_shown_by_what_they_are_known_by() {
        let phone =
            Identity { kind: IdentityKind::Phone.into(), value: "+49301".into(), ..Identity::default() };
        let hidden = Identity { kind: IdentityKind::Email.into(), ..Identity::default() };
        let customer = Customer { identities: vec![phone, hidden], ..Customer::default() };
        assert_eq!(row(&customer), ["(no record)", "", "", "phone +49301, email"]);
    }

    #[test]
    fn figures_are_told_in_words_and_tenths_of_a_percent() {
        let mut figures = CustomerFigures { order_count: 12, ..CustomerFigures::default() };
        assert_eq!(orders(&figures), "12");
        (figures.cancelled_order_count, figures.cancel_rate_per_mille, figures.partial) = (1, 83, true);
        assert_eq!(orders(&figures), "12+, 1 cancelled (8.3 %)");
    }

    #[test]
    fn an_erased_record_says_so_and_shows_what_is_left() {
        let profile = Some(CustomerProfile { tier: "gold".into(), ..CustomerProfile::default() });
        let customer = Customer {
            customer_id: "C-17".into(),
            revision: 5,
            profile,
            erased: true,
            ..Customer::default()
        };
        let text = view(&customer, &GetCustomerViewResponse::default());
        assert_eq!(text, "C-17  revision 5\nname      erased\ntier      gold\norders    0");
    }
}
