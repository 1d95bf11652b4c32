//! Amendments as commands. What is personal in them is still to be put into the order's sealed person.

use super::basket::{Purse, delivery, line};
use super::person::{check_contact, check_gift_note, fingerprint, postal_address};
use super::values::{attributes, counted, line_no, line_or_all, list, range, time_or_none, whole};
use waybill_machine::Content;
use waybill_orders::LINES_MAX;
use waybill_orders::command::{AddedAmounts, Change};
use waybill_orders::content::OrderContent;
use waybill_proto::common::v1 as common;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::order_change::Change as Given;
use waybill_service_kit::{DoorError, Fields, Person, PostalAddress, Seal};
use waybill_types::exchange::Delivery;
use waybill_types::{Currency, LineNo, OrderId, Quantity, Reason, RequestId};

/// Changes of one amendment.
const CHANGES_MAX: usize = 100;

/// What is asked of which order, as a preview or in earnest.
pub(crate) struct Wanted {
    pub(crate) order: OrderId,
    pub(crate) expected_revision: u64,
    pub(crate) changes: Vec<Change>,
    pub(crate) person: PersonChange,
    /// What a retry must repeat.
    pub(crate) content: Content,
}

/// What changes about who receives it.
#[derive(Clone, Default)]
pub(crate) struct PersonChange {
    address: Option<PostalAddress>,
    contact: Option<common::Contact>,
    gift_note: Option<String>,
    /// Path of a change that sends something home, which needs an address.
    pub(crate) ships: Option<String>,
}

impl PersonChange {
    /// True when nothing personal changes.
    pub(crate) fn is_nothing(&self) -> bool {
        self.address.is_none() && self.contact.is_none() && self.gift_note.is_none()
    }

    /// The person as they shall be.
    pub(crate) fn of(&self, person: Person) -> Person {
        let mut person = person;
        if let Some(address) = &self.address {
            person.address = Some(address.clone());
        }
        if let Some(contact) = self.contact.clone() {
            (person.name, person.phone, person.email) = (contact.name, contact.phone, contact.email);
            (person.member_card, person.social_id) = (contact.member_card, contact.social_id);
        }
        if let Some(note) = &self.gift_note {
            person.gift_note.clone_from(note);
        }
        person
    }
}

/// A checked request to amend.
pub(crate) struct Asked {
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) wanted: Wanted,
    pub(crate) wait_ms: u64,
}

/// Checks a request to amend. `known` is what is ordered now, where there is such an order.
pub(crate) fn amend(
    seal: &Seal,
    given: &proto::AmendOrderRequest,
    known: Option<&OrderContent>,
) -> Result<Asked, DoorError> {
    let mut fields = Fields::new();
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let wanted = wanted(&mut fields, seal, &given.order_id, given.expected_revision, &given.changes, known);
    let wait_ms = whole(&mut fields, "wait_ms", given.wait_ms, 60_000);
    let asked = (|| Some(Asked { request: request?, reason: reason?, wanted: wanted?, wait_ms: wait_ms? }))();
    fields.finish(asked)
}

/// Checks a request to look at.
pub(crate) fn preview(
    seal: &Seal,
    given: &proto::PreviewAmendmentRequest,
    known: Option<&OrderContent>,
) -> Result<Wanted, DoorError> {
    let mut fields = Fields::new();
    let wanted = wanted(&mut fields, seal, &given.order_id, given.expected_revision, &given.changes, known);
    fields.finish(wanted)
}

/// A checked yes or no.
pub(crate) struct Decided {
    pub(crate) request: RequestId,
    pub(crate) reason: Reason,
    pub(crate) order: OrderId,
    pub(crate) amendment: u32,
    pub(crate) approve: bool,
    pub(crate) wait_ms: u64,
}

/// Checks a yes or no.
pub(crate) fn decide(given: &proto::DecideAmendmentRequest) -> Result<Decided, DoorError> {
    let mut fields = Fields::new();
    let request = fields.request_id(&given.request_id);
    let reason = fields.reason(&given.reason);
    let order = fields.check("order_id", given.order_id.parse::<OrderId>());
    let amendment = counted(&mut fields, "amendment", given.amendment);
    let wait_ms = whole(&mut fields, "wait_ms", given.wait_ms, 60_000);
    let decided = (|| {
        Some(Decided {
            request: request?,
            reason: reason?,
            order: order?,
            amendment: amendment?,
            approve: given.approve,
            wait_ms: wait_ms?,
        })
    })();
    fields.finish(decided)
}

fn wanted(
    fields: &mut Fields,
    seal: &Seal,
    order_id: &str,
    expected_revision: u64,
    given: &[proto::OrderChange],
    known: Option<&OrderContent>,
) -> Option<Wanted> {
    let order = fields.check("order_id", order_id.parse::<OrderId>());
    if expected_revision == 0 {
        fields.wrong("expected_revision", "is 0, must be the revision that the change was decided on");
    }
    if given.is_empty() || given.len() > CHANGES_MAX {
        fields.wrong("changes", format!("are {}, must be 1 to {CHANGES_MAX}", given.len()));
        return None;
    }
    let digests: Vec<[u8; 16]> =
        given.iter().map(|change| fingerprint(seal, "change", Some(change))).collect();
    let content = Content::new().with("expected_revision", &expected_revision).with("changes", &digests);
    let mut parsing = Parsing { known, person: PersonChange::default() };
    let changes =
        list(fields, "changes", given, CHANGES_MAX, |fields, at, change| parsing.change(fields, &at, change));
    let person = parsing.person;
    Some(Wanted { order: order?, expected_revision, changes: changes?, person, content })
}

struct Parsing<'a> {
    known: Option<&'a OrderContent>,
    person: PersonChange,
}

impl Parsing<'_> {
    fn change(&mut self, fields: &mut Fields, at: &str, given: &proto::OrderChange) -> Option<Change> {
        let Some(change) = &given.change else {
            fields.wrong(at, "is empty, must be one of the changes");
            return None;
        };
        match change {
            Given::SetQuantity(given) => self.set_quantity(fields, &format!("{at}.set_quantity"), given),
            Given::AddLine(given) => self.add_line(fields, &format!("{at}.add_line"), given),
            Given::RemoveLine(given) => {
                let line = line_no(fields, format!("{at}.remove_line.line_number"), given.line_number)?;
                Some(Change::SetQuantity { line, quantity: Quantity::ZERO, added: None })
            }
            Given::SetShipTo(given) => self.set_ship_to(fields, &format!("{at}.set_ship_to"), given),
            Given::SetDelivery(given) => self.set_delivery(fields, &format!("{at}.set_delivery"), given),
            Given::SetTime(given) => {
                let field = format!("{at}.set_time");
                let release =
                    time_or_none(fields, format!("{field}.release_time"), given.release_time.as_ref());
                let requested = range(fields, &format!("{field}.requested"), given.requested.as_ref());
                Some(Change::SetTime { release_at: release?, requested: requested? })
            }
            Given::SetPrice(given) => {
                let field = format!("{at}.set_price");
                let line = line_no(fields, format!("{field}.line_number"), given.line_number);
                let amounts = self.amounts(fields, &format!("{field}.amounts"), given.amounts.as_ref());
                Some(Change::SetPrice { line: line?, amounts: amounts? })
            }
            Given::Appease(given) => {
                let field = format!("{at}.appease");
                let line = line_or_all(fields, format!("{field}.line_number"), given.line_number);
                let mut purse = Purse { currency: self.currency(), fields };
                let amount = purse.given(format!("{field}.amount"), given.amount.as_ref())?;
                if amount == 0 {
                    fields.wrong(format!("{field}.amount.minor_units"), "is 0, must be more than 0");
                    return None;
                }
                Some(Change::Appease { line: line?, amount })
            }
            Given::SetDeliveryCharge(given) => {
                let field = format!("{at}.set_delivery_charge.charge");
                let mut purse = Purse { currency: self.currency(), fields };
                Some(Change::SetDeliveryCharge { charge: purse.given(field, given.charge.as_ref())? })
            }
            Given::SetNotes(given) => self.set_notes(fields, &format!("{at}.set_notes"), given),
            Given::Substitute(given) => self.substitute(fields, &format!("{at}.substitute"), given),
        }
    }

    fn currency(&self) -> Option<Currency> {
        self.known.map(|content| content.amounts.currency)
    }

    /// What some units cost; `Some(None)` where nothing is said.
    fn amounts_or_none(
        &self,
        fields: &mut Fields,
        at: &str,
        given: Option<&proto::UnitAmounts>,
    ) -> Option<Option<AddedAmounts>> {
        let Some(given) = given else { return Some(None) };
        let mut purse = Purse { currency: self.currency(), fields };
        let unit_price = purse.given(format!("{at}.unit_price"), given.unit_price.as_ref());
        let discount = purse.minor(format!("{at}.discount"), given.discount.as_ref());
        let tax = purse.minor(format!("{at}.tax"), given.tax.as_ref());
        let total = purse.given(format!("{at}.total"), given.total.as_ref());
        let amounts = AddedAmounts { unit_price: unit_price?, discount: discount?, tax: tax?, total: total? };
        Some(Some(amounts))
    }

    /// What some units cost.
    fn amounts(
        &self,
        fields: &mut Fields,
        at: &str,
        given: Option<&proto::UnitAmounts>,
    ) -> Option<AddedAmounts> {
        if given.is_none() {
            fields.wrong(at, "are required");
        }
        self.amounts_or_none(fields, at, given)?
    }

    fn set_quantity(
        &mut self,
        fields: &mut Fields,
        at: &str,
        given: &proto::SetQuantityChange,
    ) -> Option<Change> {
        let line = line_no(fields, format!("{at}.line_number"), given.line_number);
        let quantity = fields.check(format!("{at}.quantity"), Quantity::new(given.quantity));
        let added = self.amounts_or_none(fields, &format!("{at}.added"), given.added.as_ref());
        Some(Change::SetQuantity { line: line?, quantity: quantity?, added: added? })
    }

    fn add_line(&mut self, fields: &mut Fields, at: &str, given: &proto::AddLineChange) -> Option<Change> {
        let added = self.new_line(fields, format!("{at}.line"), given.line.as_ref());
        Some(Change::AddLine(Box::new(added?)))
    }

    fn new_line(
        &mut self,
        fields: &mut Fields,
        at: String,
        given: Option<&proto::PlaceLine>,
    ) -> Option<waybill_orders::command::NewLine> {
        let Some(given) = given else {
            fields.wrong(at, "is required");
            return None;
        };
        let new = line(&mut Purse { currency: self.currency(), fields }, &at, given)?;
        self.ships(&new.delivery, at);
        Some(new)
    }

    fn ships(&mut self, delivery: &Delivery, at: String) {
        if *delivery == Delivery::Ship {
            self.person.ships.get_or_insert(at);
        }
    }

    fn set_ship_to(
        &mut self,
        fields: &mut Fields,
        at: &str,
        given: &proto::SetShipToChange,
    ) -> Option<Change> {
        let Some(address) = &given.ship_to else {
            fields.wrong(format!("{at}.ship_to"), "is required");
            return None;
        };
        let address = postal_address(fields, &format!("{at}.ship_to"), address)?;
        self.person.address = Some(address);
        Some(Change::ShipTo)
    }

    fn set_delivery(
        &mut self,
        fields: &mut Fields,
        at: &str,
        given: &proto::SetDeliveryChange,
    ) -> Option<Change> {
        let field = format!("{at}.line_numbers");
        let lines = list(fields, &field, &given.line_numbers, LINES_MAX, |fields, at, number| {
            line_no(fields, at, *number)
        });
        let delivery = delivery(fields, at, given.delivery_method, &given.pickup_node_id);
        let (mut lines, delivery) = (lines?, delivery?);
        if lines.is_empty() {
            let count = self.known.map_or(1, |content| content.lines.len());
            lines = (1..=count as u16).map(LineNo).collect();
        }
        self.ships(&delivery, at.to_owned());
        Some(Change::SetDelivery { lines, delivery })
    }

    fn set_notes(&mut self, fields: &mut Fields, at: &str, given: &proto::SetNotesChange) -> Option<Change> {
        if let Some(note) = &given.gift_note {
            check_gift_note(fields, format!("{at}.gift_note"), note);
        }
        if let Some(contact) = &given.contact {
            check_contact(fields, &format!("{at}.contact"), contact);
        }
        let field = format!("{at}.custom_attributes");
        let attributes = attributes(fields, field.clone(), &given.custom_attributes);
        if !given.replace_attributes && !given.custom_attributes.is_empty() {
            fields.wrong(field, "are given without replace_attributes, which replaces all of them");
            return None;
        }
        if given.gift_note.is_none() && given.contact.is_none() && !given.replace_attributes {
            fields.wrong(at, "changes nothing");
            return None;
        }
        // Two changes of notes are the machine's to refuse: no two changes of one amendment set the same thing.
        self.person.gift_note = given.gift_note.clone().or(self.person.gift_note.take());
        self.person.contact = given.contact.clone().or(self.person.contact.take());
        let attributes = attributes?;
        Some(Change::Notes { attributes: given.replace_attributes.then_some(attributes) })
    }

    fn substitute(
        &mut self,
        fields: &mut Fields,
        at: &str,
        given: &proto::SubstituteChange,
    ) -> Option<Change> {
        let line = line_no(fields, format!("{at}.line_number"), given.line_number);
        let with = self.new_line(fields, format!("{at}.with"), given.with.as_ref());
        Some(Change::Substitute { line: line?, with: Box::new(with?) })
    }
}
