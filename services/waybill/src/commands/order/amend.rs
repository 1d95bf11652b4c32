//! `waybill order amend` and `waybill order decide`: changes to an order, looked at first with `--preview`.

pub(super) mod lines;

use super::{Which, print, read};
use crate::commands::{Common, Flags, Writing, decimals, json, money, parse_quantity, refused_of, say, word};
use crate::records::{self, timestamp};
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use waybill_client::Client;
use waybill_client::proto::common::v1::{Money, TimeRange};
use waybill_client::proto::orders::v1::order_change::Change;
use waybill_client::proto::orders::v1::{
    AddLineChange, AmendOrderRequest, Amendment, AmendmentState, AppeaseChange, ChangeKind, ChangePreview,
    DecideAmendmentRequest, DeliveryMethod, Order, OrderChange, OrderLine, PreviewAmendmentRequest,
    PreviewAmendmentResponse, RemoveLineChange, SetDeliveryChange, SetDeliveryChargeChange, SetNotesChange,
    SetQuantityChange, SetShipToChange, SetTimeChange, Verdict,
};
use waybill_formats::Instant;

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("order_id", "ORDER"),
    ("expected_revision", "--revision"),
    ("changes[].set_quantity", "--set-quantity"),
    ("changes[].set_ship_to.ship_to", "--ship-to"),
    ("changes[].set_delivery", "--deliver"),
    ("changes[].set_notes.gift_note", "--note"),
    ("changes[].appease", "--off"),
    ("changes[].remove_line", "--remove-line"),
    ("changes[].set_time.release_time", "--release-time"),
    ("changes[].set_time.requested", "--wanted-from"),
    ("changes[].add_line", "--add-line"),
    ("changes[].substitute", "--substitute"),
    ("changes[].set_price", "--set-price"),
    ("changes[].set_delivery_charge", "--delivery-charge"),
    ("changes[].set_notes.contact.name", "--name"),
    ("changes[].set_notes.contact.phone", "--phone"),
    ("changes[].set_notes.contact.email", "--email"),
    ("changes[].set_notes.custom_attributes", "--attribute"),
    ("wait_ms", "--wait-ms"),
];

/// What to change; all of it happens or nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Amend {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    writing: Writing,
    /// Units of a line in all, such as 1=3; more than before need the price of one, such as 1=3@9.99. May be repeated.
    #[arg(long = "set-quantity", value_name = "LINE=QUANTITY[@PRICE]")]
    quantities: Vec<String>,
    /// A line to take out. May be repeated.
    #[arg(long = "remove-line", value_name = "LINE")]
    removed: Vec<u32>,
    /// A new line, such as P000001:2:31.99; the price is that of one whole unit. May be repeated.
    #[arg(long = "add-line", value_name = "SKU:QUANTITY:PRICE")]
    added: Vec<String>,
    /// Added lines are fetched at this node; by default they are sent home.
    #[arg(long, value_name = "NODE", requires = "added")]
    pickup: Option<String>,
    /// Other goods in place of units of a line that are not picked, such as 1=P000002:1:29.99. May be repeated.
    #[arg(long = "substitute", value_name = "LINE=SKU:QUANTITY:PRICE")]
    substitutes: Vec<String>,
    /// Another price of one whole unit for what has not left of a line, such as 1=24.99. May be repeated.
    #[arg(long = "set-price", value_name = "LINE=PRICE")]
    prices: Vec<String>,
    /// What delivering all that has not left costs together from now on, such as 0.
    #[arg(long, value_name = "AMOUNT")]
    delivery_charge: Option<String>,
    /// Another address for what has not left, such as "5649 Willow Terrace; Fort Wayne; 46859; US".
    #[arg(long, value_name = "STREET; CITY; POSTAL CODE; COUNTRY")]
    ship_to: Option<String>,
    /// Another way to get a line or all lines, such as 1=home, 2=pickup:S0001 or all=home. May be repeated.
    #[arg(long = "deliver", value_name = "LINE=home|pickup:NODE")]
    deliveries: Vec<String>,
    /// Not to be released before this time.
    #[arg(long)]
    release_time: Option<Instant>,
    /// Not wanted before this time.
    #[arg(long)]
    wanted_from: Option<Instant>,
    /// Wanted before this time.
    #[arg(long)]
    wanted_by: Option<Instant>,
    /// Another gift note.
    #[arg(long)]
    note: Option<String>,
    /// Somebody else to talk to.
    #[arg(long)]
    name: Option<String>,
    /// Another phone number of who to talk to.
    #[arg(long)]
    phone: Option<String>,
    /// Another e-mail address of who to talk to.
    #[arg(long)]
    email: Option<String>,
    /// An attribute of the order, such as gift=yes; without a value it is taken away. May be repeated.
    #[arg(long = "attribute", value_name = "KEY=[VALUE]")]
    attributes: Vec<String>,
    /// Money off the order, such as 5.00, or off a line, such as 1=5.00. May be repeated.
    #[arg(long = "off", value_name = "[LINE=]AMOUNT")]
    off: Vec<String>,
    /// The revision the change was decided on; by default the order's now.
    #[arg(long)]
    revision: Option<u64>,
    /// Only show what would happen.
    #[arg(long)]
    preview: bool,
    /// How long to wait for the outcome, in milliseconds, at most 60000.
    #[arg(long, default_value_t = 5_000)]
    wait_ms: i64,
}

/// A yes or no to an amendment that waits for it.
#[derive(Debug, clap::Args)]
pub(super) struct Decide {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    writing: Writing,
    /// The amendment's number, as `waybill order show` tells it.
    amendment: u32,
    /// Say no.
    #[arg(long)]
    refuse: bool,
}

pub(super) async fn amend(client: &Client, common: &Common, amend: &Amend) -> anyhow::Result<()> {
    let order = read(client, common, &amend.which).await?;
    let changes = amend.changes(client, &order).await?;
    ensure!(!changes.is_empty(), "say what to change, such as --set-quantity 1=2");
    let expected_revision = amend.revision.unwrap_or(order.revision);
    if amend.preview {
        let order_id = order.order_id.clone();
        let request = PreviewAmendmentRequest { order_id, expected_revision, changes, after: String::new() };
        let answer = client.preview_amendment(request).await.map_err(refused_of(FLAGS))?;
        match common.json {
            true => say(json("orders.v1.PreviewAmendmentResponse", &answer)?)?,
            false => say(previewed(&order, &answer))?,
        }
        ensure!(answer.allowed, "{} would stay as it is", order.order_id);
        return Ok(());
    }
    let request = AmendOrderRequest {
        request_id: amend.writing.request_id.clone(),
        reason: amend.writing.reason.clone(),
        order_id: order.order_id.clone(),
        expected_revision,
        changes,
        wait_ms: amend.wait_ms,
    };
    let answer = client.amend_order(request).await.map_err(refused_of(FLAGS))?;
    match common.json {
        true => say(json("orders.v1.AmendOrderResponse", &answer)?)?,
        false => say(told(&answer.order_id, answer.revision, answer.amendment.as_ref()))?,
    }
    taken(&answer.order_id, answer.amendment.as_ref())
}

/// A script learns from the exit code that nothing happened, as it would from a refusal.
fn taken(order_id: &str, amendment: Option<&Amendment>) -> anyhow::Result<()> {
    let refused = amendment.filter(|amendment| amendment.state() == AmendmentState::Refused);
    let Some(amendment) = refused else { return Ok(()) };
    bail!("{order_id} stays as it was: amendment {} is refused", amendment.amendment)
}

pub(super) async fn decide(client: &Client, common: &Common, decide: &Decide) -> anyhow::Result<()> {
    let request = DecideAmendmentRequest {
        request_id: decide.writing.request_id.clone(),
        reason: decide.writing.reason.clone(),
        order_id: super::id(client, common, &decide.which).await?,
        amendment: decide.amendment,
        approve: !decide.refuse,
        wait_ms: 5_000,
    };
    let answer = client.decide_amendment(request).await.map_err(refused_of(FLAGS))?;
    match common.json {
        true => say(json("orders.v1.DecideAmendmentResponse", &answer)?)?,
        false => say(told(&answer.order_id, answer.revision, answer.amendment.as_ref()))?,
    }
    // Whoever says no wants it refused.
    if decide.refuse { Ok(()) } else { taken(&answer.order_id, answer.amendment.as_ref()) }
}

impl Amend {
    async fn changes(&self, client: &Client, order: &Order) -> anyhow::Result<Vec<OrderChange>> {
        let mut changes = Vec::new();
        for text in &self.added {
            let line = lines::new_line(client, order, text, self.pickup.as_deref()).await?;
            changes.push(Change::AddLine(AddLineChange { line: Some(line) }));
        }
        for text in &self.substitutes {
            changes.push(Change::Substitute(lines::substitute(client, order, text).await?));
        }
        changes.extend(self.of_what_there_is(order)?);
        Ok(changes.into_iter().map(|change| OrderChange { change: Some(change) }).collect())
    }

    fn of_what_there_is(&self, order: &Order) -> anyhow::Result<Vec<Change>> {
        let mut changes = Vec::new();
        for text in &self.quantities {
            changes.push(Change::SetQuantity(set_quantity(order, text)?));
        }
        for line_number in &self.removed {
            changes.push(Change::RemoveLine(RemoveLineChange { line_number: *line_number }));
        }
        if let Some(text) = &self.ship_to {
            let address = super::place::address(text)?;
            let mut address = records::address(&address);
            // The recipient stays who it was.
            address.name = order.ship_to.as_ref().map(|before| before.name.clone()).unwrap_or_default();
            changes.push(Change::SetShipTo(SetShipToChange { ship_to: Some(address) }));
        }
        for text in &self.deliveries {
            changes.push(Change::SetDelivery(set_delivery(order, text)?));
        }
        let home = |change: &Change| matches!(change, Change::SetDelivery(set) if set.delivery_method() == DeliveryMethod::ShipHome);
        ensure!(
            order.erased || order.ship_to.is_some() || self.ship_to.is_some() || !changes.iter().any(home),
            "--deliver: {} has no address to send it to, give --ship-to too",
            order.order_id
        );
        changes.extend(self.time(order).map(Change::SetTime));
        changes.extend(self.notes(order)?.map(Change::SetNotes));
        for text in &self.prices {
            changes.push(Change::SetPrice(lines::set_price(order, text)?));
        }
        if let Some(text) = &self.delivery_charge {
            let charge = Some(amount(order, text)?);
            changes.push(Change::SetDeliveryCharge(SetDeliveryChargeChange { charge }));
        }
        for text in &self.off {
            changes.push(Change::Appease(off(order, text)?));
        }
        Ok(changes)
    }

    /// What is not given stays.
    fn time(&self, order: &Order) -> Option<SetTimeChange> {
        let given = [self.release_time, self.wanted_from, self.wanted_by];
        if given.iter().all(Option::is_none) {
            return None;
        }
        let [release, from, by] = given.map(|at| at.map(timestamp));
        let before = order.requested.unwrap_or_default();
        let requested = TimeRange { earliest: from.or(before.earliest), latest: by.or(before.latest) };
        let requested = (requested.earliest.is_some() || requested.latest.is_some()).then_some(requested);
        Some(SetTimeChange { release_time: release.or(order.release_time), requested })
    }

    /// What is not given stays.
    fn notes(&self, order: &Order) -> anyhow::Result<Option<SetNotesChange>> {
        let given = [&self.name, &self.phone, &self.email];
        let mut contact = order.contact.clone().unwrap_or_default();
        let fields = [&mut contact.name, &mut contact.phone, &mut contact.email];
        for (field, given) in
            fields.into_iter().zip(given).filter_map(|(field, given)| Some((field, given.as_ref()?)))
        {
            field.clone_from(given);
        }
        let contact = given.iter().any(|given| given.is_some()).then_some(contact);
        let mut custom_attributes = BTreeMap::new();
        if !self.attributes.is_empty() {
            custom_attributes.extend(order.custom_attributes.clone());
        }
        for text in &self.attributes {
            let shape = || format!("{text:?} is no attribute, give KEY=VALUE, or KEY= to take it away");
            match text.split_once('=').with_context(shape)? {
                (key, "") => drop(custom_attributes.remove(key)),
                (key, value) => drop(custom_attributes.insert(key.to_owned(), value.to_owned())),
            }
        }
        let replace_attributes = !self.attributes.is_empty();
        let gift_note = self.note.clone();
        let any = gift_note.is_some() || contact.is_some() || replace_attributes;
        Ok(any.then_some(SetNotesChange { gift_note, contact, custom_attributes, replace_attributes }))
    }
}

fn line_number(text: &str) -> anyhow::Result<u32> {
    text.parse().with_context(|| format!("{text:?} is no number of a line"))
}

fn line<'a>(order: &'a Order, text: &str) -> anyhow::Result<&'a OrderLine> {
    let number = line_number(text)?;
    let found = order.lines.iter().find(|line| line.line_number == number);
    found.with_context(|| format!("{} has no line {number}", order.order_id))
}

fn currency(order: &Order) -> String {
    let total = order.amounts.as_ref().and_then(|amounts| amounts.total.as_ref());
    total.map(|total| total.currency_code.clone()).unwrap_or_default()
}

fn amount(order: &Order, text: &str) -> anyhow::Result<Money> {
    let currency_code = currency(order);
    let minor_units = parse_quantity(text, decimals(&currency_code)).context("the amount")?;
    Ok(Money { currency_code, minor_units })
}

/// `1=3` or `1=3@9.99`: the price is that of one whole unit of the added ones.
fn set_quantity(order: &Order, text: &str) -> anyhow::Result<SetQuantityChange> {
    let Some((number, wanted)) = text.split_once('=') else {
        bail!("{text:?} is no change of a quantity, give LINE=QUANTITY or LINE=QUANTITY@PRICE");
    };
    let line = line(order, number)?;
    let (quantity, price) = wanted.split_once('@').map_or((wanted, None), |(q, price)| (q, Some(price)));
    let quantity = parse_quantity(quantity, line.quantity_scale)?;
    let cancelled = line.buckets.unwrap_or_default().cancelled;
    let more = quantity - (line.quantity - cancelled);
    let added = match price {
        Some(price) => {
            ensure!(more > 0, "{text:?} has a price, and no units are added");
            Some(lines::units_at(&amount(order, price)?, more, line.quantity_scale)?)
        }
        None => None,
    };
    Ok(SetQuantityChange { line_number: line.line_number, quantity, added })
}

/// `1=home`, `2=pickup:S0001`, `all=home`.
fn set_delivery(order: &Order, text: &str) -> anyhow::Result<SetDeliveryChange> {
    let Some((number, way)) = text.split_once('=') else {
        bail!("{text:?} is no way to deliver, give LINE=home or LINE=pickup:NODE");
    };
    let line_numbers = if number == "all" { Vec::new() } else { vec![line(order, number)?.line_number] };
    let (method, node) = match way.split_once(':') {
        None if way == "home" => (DeliveryMethod::ShipHome, ""),
        Some(("pickup", node)) if !node.is_empty() => (DeliveryMethod::Pickup, node),
        _ => bail!("{way:?} is no way to deliver, give home or pickup:NODE"),
    };
    let (delivery_method, pickup_node_id) = (method.into(), node.to_owned());
    Ok(SetDeliveryChange { line_numbers, delivery_method, pickup_node_id })
}

/// `5.00` or `1=5.00`.
fn off(order: &Order, text: &str) -> anyhow::Result<AppeaseChange> {
    let (line_number, minor) = match text.split_once('=') {
        Some((number, minor)) => (line(order, number)?.line_number, minor),
        None => (0, text),
    };
    Ok(AppeaseChange { line_number, amount: Some(amount(order, minor)?) })
}

/// What became of it, in one line.
fn told(order_id: &str, revision: u64, amendment: Option<&Amendment>) -> String {
    let Some(amendment) = amendment else { return format!("{order_id}  revision {revision}") };
    let state = word(amendment.state().as_str_name(), "AMENDMENT_STATE");
    let mut text = format!("{order_id}  amendment {}  {state}", amendment.amendment);
    match amendment.state() {
        AmendmentState::Pending => {
            let waits = word(amendment.waits_for().as_str_name(), "AMENDMENT_WAIT");
            text.push_str(&format!(", waits for {waits}"));
        }
        AmendmentState::Refused => text.push_str(&format!(": {}", amendment.refusal.replace('_', " "))),
        AmendmentState::Applied | AmendmentState::Unspecified => {}
    }
    format!("{text}  revision {revision}")
}

/// What would happen, change by change.
fn previewed(order: &Order, answer: &PreviewAmendmentResponse) -> String {
    let verdict = match (answer.allowed, answer.needs_approval) {
        (true, false) => "would be taken",
        (true, true) => "would wait for an approval",
        (false, _) => "would be refused",
    };
    let mut text = format!("{}  revision {}  {verdict}", order.order_id, answer.revision);
    for change in &answer.changes {
        text.push_str(&format!("\n  {}: {}", kind(change.kind()), of_change(change)));
    }
    if !answer.message.is_empty() {
        text.push_str(&format!("\n  together: {} ({})", answer.message, answer.refusal));
    }
    let unserved: Vec<String> = answer.unserved.iter().map(|units| print::some_units(order, units)).collect();
    let facts = [
        ("total", money(answer.total.as_ref())),
        ("before", money(answer.total_before.as_ref())),
        ("to authorize", money(answer.extra_authorization.as_ref())),
        ("promise", crate::commands::window(answer.promise.as_ref())),
        ("not served", unserved.join(", ")),
        ("recalled", answer.recalled_fulfillment_order_ids.join(" ")),
    ];
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        text.push_str(&format!("\n{name:<14}{fact}"));
    }
    text
}

fn kind(kind: ChangeKind) -> String {
    word(kind.as_str_name(), "CHANGE_KIND")
}

fn of_change(change: &ChangePreview) -> String {
    if !change.refusal.is_empty() {
        return format!("{} ({})", change.message, change.refusal);
    }
    let stage = word(change.stage().as_str_name(), "CHANGE_STAGE");
    let verdict = match change.verdict() {
        Verdict::NeedsApproval => "needs approval".to_owned(),
        other => word(other.as_str_name(), "VERDICT"),
    };
    let prices = if change.needs_pricing { ", give the price" } else { "" };
    format!("{verdict} at stage {stage} (rule {}){prices}", change.rule_index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::orders::v1::{OrderAmounts, UnitBuckets};

    fn sample() -> Order {
        let line = OrderLine {
            line_number: 2,
            quantity: 2_000,
            quantity_scale: 3,
            buckets: Some(UnitBuckets { cancelled: 500, reserved: 1_500, ..Default::default() }),
            ..Default::default()
        };
        let total = Some(Money { currency_code: "EUR".into(), minor_units: 1_000 });
        Order {
            order_id: "W00-1".into(),
            lines: vec![line],
            amounts: Some(OrderAmounts { total, ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn a_quantity_is_read_at_the_scale_of_the_line_and_the_price_is_that_of_what_is_added() {
        let less = set_quantity(&sample(), "2=1.5").unwrap();
        assert_eq!((less.quantity, less.added), (1_500, None));
        let more = set_quantity(&sample(), "2=1.75@9.99").unwrap();
        let added = more.added.unwrap();
        assert_eq!(added.unit_price.unwrap().minor_units, 999);
        assert_eq!(added.total.unwrap().minor_units, 250, "a quarter of 9.99, rounded half up");
        for wrong in ["2", "1=2", "2=x", "2=1@9.99", "2=2@cheap"] {
            assert!(set_quantity(&sample(), wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ways_and_money_off_are_read_as_they_are_typed() {
        let home = set_delivery(&sample(), "all=home").unwrap();
        assert_eq!((home.line_numbers.len(), home.delivery_method()), (0, DeliveryMethod::ShipHome));
        let fetched = set_delivery(&sample(), "2=pickup:S0001").unwrap();
        assert_eq!((fetched.line_numbers, fetched.pickup_node_id.as_str()), (vec![2], "S0001"));
        for wrong in ["home", "2=away", "2=pickup:", "x=home"] {
            assert!(set_delivery(&sample(), wrong).is_err(), "{wrong}");
        }
        let missing = set_delivery(&sample(), "7=home").unwrap_err();
        assert_eq!(missing.to_string(), "W00-1 has no line 7");
        assert_eq!(off(&sample(), "2=5").unwrap().line_number, 2);
        assert_eq!(off(&sample(), "5.01").unwrap().amount.unwrap().minor_units, 501);
        assert!(off(&sample(), "3=5").is_err());
    }
}
