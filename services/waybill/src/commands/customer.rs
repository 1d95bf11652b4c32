//! `waybill customer`: find, show, link, merge, split and erase customers. Whose an order is the server says; nothing here
//! guesses it.

mod change;
mod identity;
mod print;

use super::{Common, Flags, Table, json, order, refused_of, say};
use anyhow::{Context, bail};
use clap::Subcommand;
use identity::Known;
use waybill_client::Client;
use waybill_client::proto::customers::v1::{
    FindCustomersRequest, GetCustomerViewRequest, IdentityValue, ListCustomerOrdersRequest,
    get_customer_view_request, list_customer_orders_request,
};
use waybill_client::proto::orders::v1::OrderSummary;

/// Find, show, link, merge, split and erase customers.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Find people by what they are known by; a phone that several share finds several.
    Find(Known),
    /// Show one person: who, what they did, contacts, what they said.
    #[command(visible_alias = "get")]
    Show(Which),
    /// Show one person's orders over all channels, newest first.
    Orders(Orders),
    /// Say that an identity is a person's; makes the record when there is none.
    Link(change::Link),
    /// Say that two records are one person.
    Merge(change::Merge),
    /// Say that some identities of a record are another person's.
    Split(change::Split),
    /// Destroy the personal data of a person: of the record, and of every order that is theirs. Operators only.
    Erase(change::Erase),
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("customer_id", "CUSTOMER"),
    ("identity.value", "the identity"),
    ("identity", "CUSTOMER or an identity"),
];

/// What to say to somebody who names nobody.
const NOBODY: &str =
    "who is it: give a record such as C-17, or one of --phone, --email, --customer, --card, --social";

/// Who: a record, or an identity that one person has.
#[derive(Debug, clap::Args)]
struct Which {
    /// The record, such as C-17; or give what they are known by.
    #[arg(value_name = "CUSTOMER")]
    record: Option<String>,
    #[command(flatten)]
    known: Known,
}

/// Whom somebody named.
enum Named {
    Record(String),
    KnownBy(IdentityValue),
}

impl Which {
    fn named(&self) -> anyhow::Result<Named> {
        match (&self.record, self.known.one()?) {
            (Some(record), None) => Ok(Named::Record(record.clone())),
            (None, Some(identity)) => Ok(Named::KnownBy(identity)),
            (None, None) => bail!(NOBODY),
            (Some(_), Some(_)) => bail!("give a record or an identity, not both"),
        }
    }
}

#[derive(Debug, clap::Args)]
struct Orders {
    #[command(flatten)]
    which: Which,
    /// How many to show at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// Runs the command.
///
/// # Errors
/// A refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    match &args.what {
        What::Find(known) => find(&client, &args.common, known).await,
        What::Show(which) => show(&client, &args.common, which).await,
        What::Orders(orders) => self::orders(&client, &args.common, orders).await,
        What::Link(link) => change::link(&client, &args.common, link).await,
        What::Merge(merge) => change::merge(&client, &args.common, merge).await,
        What::Split(split) => change::split(&client, &args.common, split).await,
        What::Erase(erase) => change::erase(&client, &args.common, erase).await,
    }
}

async fn find(client: &Client, common: &Common, known: &Known) -> anyhow::Result<()> {
    let identity = Some(known.one()?.context(NOBODY)?);
    let request = FindCustomersRequest { identity, ..Default::default() };
    let found = client.find_customers(request).await.map_err(refused_of(FLAGS))?.customers;
    if common.json {
        return found.iter().try_for_each(|customer| say(json("customers.v1.Customer", customer)?));
    }
    let mut table = Table::new(&["CUSTOMER", "NAME", "TIER", "KNOWN BY"]);
    for customer in &found {
        table.row(print::row(customer));
    }
    say(table.to_string())
}

async fn show(client: &Client, common: &Common, which: &Which) -> anyhow::Result<()> {
    use get_customer_view_request::Key;
    let key = match which.named()? {
        Named::Record(customer) => Key::CustomerId(customer),
        Named::KnownBy(identity) => Key::Identity(identity),
    };
    let request = GetCustomerViewRequest { key: Some(key), ..Default::default() };
    let view = client.get_customer_view(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("customers.v1.GetCustomerViewResponse", &view)?);
    }
    let customer = view.customer.as_ref().context("the server answered without the customer")?;
    say(print::view(customer, &view))
}

async fn orders(client: &Client, common: &Common, asked: &Orders) -> anyhow::Result<()> {
    use list_customer_orders_request::Key;
    let key = match asked.which.named()? {
        Named::Record(customer) => Key::CustomerId(customer),
        Named::KnownBy(identity) => Key::Identity(identity),
    };
    let page_size = u32::try_from(asked.limit.clamp(1, 200))?;
    let mut request = ListCustomerOrdersRequest { key: Some(key), page_size, ..Default::default() };
    let mut found: Vec<OrderSummary> = Vec::new();
    loop {
        let page = client.list_customer_orders(request.clone()).await.map_err(refused_of(FLAGS))?;
        found.extend(page.orders);
        request.page_token = page.next_page_token;
        if found.len() >= asked.limit || request.page_token.is_empty() {
            break;
        }
    }
    let more = found.len() > asked.limit || !request.page_token.is_empty();
    found.truncate(asked.limit);
    if common.json {
        return found.iter().try_for_each(|order| say(json("orders.v1.OrderSummary", order)?));
    }
    say(order::summaries(&found).to_string())?;
    if more {
        // Not on standard output, where the rows may be read by a program.
        eprintln!("more may follow: raise --limit");
    }
    Ok(())
}
