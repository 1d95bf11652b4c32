//! FindCustomers, GetCustomerView, ListCustomerOrders.

use super::error::NotOne;
use super::figures::figures;
use super::parse;
use super::shown::{Eyes, change};
use super::whose::{Hit, ORDERS_MAX, Who};
use super::{CustomersDoor, Inner};
use crate::rpc::{may_see_people, person};
use crate::to_proto;
use tonic::Status;
use waybill_customers::IdentityKey;
use waybill_proto::customers::v1 as proto;
use waybill_proto::orders::v1::OrderSummary;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{Caller, Fields, opaque, status};
use waybill_types::{CustomerId, OrderId};

/// People answered at most.
const FOUND_MAX: usize = 100;
/// Orders in a view.
const NEWEST: usize = 10;
/// Changes in a view.
const CHANGES: usize = 50;

/// Who is asked for.
enum Key {
    Record(CustomerId),
    Identity(IdentityKey),
}

impl Inner {
    fn eyes(&self, caller: &Caller) -> Eyes<'_> {
        Eyes { seal: &self.orders.seal, may_see: may_see_people(caller) }
    }

    async fn one(&self, key: Key) -> Result<Who, Status> {
        match key {
            Key::Record(id) => {
                let (id, record) = self.person(id).await?;
                Ok(Who::Recorded(id, record))
            }
            Key::Identity(key) => {
                let mut known = self.known_by(key).await?;
                match known.len() {
                    0 => Err(status(&NotOne::Nobody)),
                    1 => Ok(known.remove(0)),
                    several => Err(status(&NotOne::Several(several))),
                }
            }
        }
    }

    fn recorded(&self, fields: &mut Fields, id: &str) -> Option<Key> {
        parse::customer(fields, "customer_id", id).map(Key::Record)
    }

    fn identified(&self, fields: &mut Fields, identity: &proto::IdentityValue) -> Option<Key> {
        let given = parse::identity(fields, "identity", &self.orders.seal, Some(identity));
        given.map(|given| Key::Identity(given.key))
    }

    fn summaries(&self, caller: &Caller, hits: &[Hit]) -> Result<Vec<OrderSummary>, Status> {
        let summary = |hit: &Hit| {
            let person = person(&self.orders, caller, &hit.opening, &hit.order)?;
            Ok(to_proto::order::summary(hit.id, &hit.opening, &hit.order, person.as_deref()))
        };
        hits.iter().map(summary).collect()
    }
}

impl Inner {
    /// Somebody on whose record nobody has written a name is called what their newest order calls them.
    fn named(
        &self,
        caller: &Caller,
        mut customer: proto::Customer,
        hits: &[Hit],
    ) -> Result<proto::Customer, Status> {
        let nameless = is_nameless(&customer);
        for hit in hits.iter().take(NEWEST).filter(|_| nameless) {
            let person = person(&self.orders, caller, &hit.opening, &hit.order)?;
            let Some(name) = person.map(|person| person.name).filter(|name| !name.is_empty()) else {
                continue;
            };
            if let Some(profile) = &mut customer.profile {
                profile.name = name;
            }
            break;
        }
        Ok(customer)
    }
}

fn is_nameless(customer: &proto::Customer) -> bool {
    !customer.erased && customer.profile.as_ref().is_some_and(|known| known.name.is_empty())
}

fn missing(fields: &mut Fields) -> Option<Key> {
    fields.wrong("customer_id", "or an identity must be given");
    None
}

pub(crate) async fn find(
    CustomersDoor(door): &CustomersDoor,
    caller: &Caller,
    message: proto::FindCustomersRequest,
) -> Result<proto::FindCustomersResponse, Status> {
    let mut fields = Fields::new();
    let given = parse::identity(&mut fields, "identity", &door.orders.seal, message.identity.as_ref());
    door.after(&mut fields, &message.after);
    let given = fields.finish(given)?;
    let known = door.known_by(given.key).await?;
    let eyes = door.eyes(caller);
    let mut customers = Vec::new();
    for who in known.iter().take(FOUND_MAX) {
        let customer = eyes.customer(who)?;
        let hits = match is_nameless(&customer) {
            true => door.orders_of(who, NEWEST).await?.0,
            false => Vec::new(),
        };
        customers.push(door.named(caller, customer, &hits)?);
    }
    Ok(proto::FindCustomersResponse { customers })
}

pub(crate) async fn view(
    CustomersDoor(door): &CustomersDoor,
    caller: &Caller,
    message: proto::GetCustomerViewRequest,
) -> Result<proto::GetCustomerViewResponse, Status> {
    use proto::get_customer_view_request::Key as Given;
    let mut fields = Fields::new();
    let key = match &message.key {
        Some(Given::CustomerId(id)) => door.recorded(&mut fields, id),
        Some(Given::Identity(identity)) => door.identified(&mut fields, identity),
        None => missing(&mut fields),
    };
    door.after(&mut fields, &message.after);
    let who = door.one(fields.finish(key)?).await?;
    let (hits, partial) = door.orders_of(&who, ORDERS_MAX).await?;
    let newest = &hits[..hits.len().min(NEWEST)];
    let eyes = door.eyes(caller);
    let mut view = proto::GetCustomerViewResponse {
        customer: Some(door.named(caller, eyes.customer(&who)?, newest)?),
        figures: Some(figures(&hits, partial)),
        orders: door.summaries(caller, newest)?,
        ..proto::GetCustomerViewResponse::default()
    };
    if let Who::Recorded(id, record) = &who {
        let id = *id;
        let changes = door.read(move |state| state.changes(id, CHANGES)).await?;
        view.changes = changes.iter().map(|found| change(found)).collect();
        view.contacts = record.contacts.iter().rev().map(|c| eyes.contact(c)).collect::<Result<_, _>>()?;
        view.feedback = record.said.iter().rev().map(|said| eyes.feedback(said)).collect::<Result<_, _>>()?;
    }
    Ok(view)
}

pub(crate) async fn orders(
    CustomersDoor(door): &CustomersDoor,
    caller: &Caller,
    message: proto::ListCustomerOrdersRequest,
) -> Result<proto::ListCustomerOrdersResponse, Status> {
    use proto::list_customer_orders_request::Key as Given;
    let mut fields = Fields::new();
    let key = match &message.key {
        Some(Given::CustomerId(id)) => door.recorded(&mut fields, id),
        Some(Given::Identity(identity)) => door.identified(&mut fields, identity),
        None => missing(&mut fields),
    };
    let size = page_size(&mut fields, message.page_size, 50, 200);
    door.after(&mut fields, &message.after);
    let (key, size) = fields.finish(key.zip(size))?;
    // A token continues the list it came from and no other.
    let kind = match &key {
        Key::Record(id) => format!("orders of customer {id}"),
        Key::Identity(key) => format!("orders of whoever has {key:?}"),
    };
    let after: Option<(i64, u64)> = match message.page_token.as_str() {
        "" => None,
        token => Some(opaque::open(&kind, "page_token", token)?),
    };
    let who = door.one(key).await?;
    let (hits, _) = door.orders_of(&who, ORDERS_MAX).await?;
    let place = |hit: &Hit| (hit.at.as_ms(), hit.id.as_u64());
    let older = |hit: &&Hit| after.is_none_or(|(at, id)| place(hit) < (at, OrderId::from_u64(id).as_u64()));
    let page: Vec<Hit> = hits.iter().filter(older).take(size + 1).cloned().collect();
    let shown = &page[..page.len().min(size)];
    let next_page_token = match shown.last().filter(|_| page.len() > size) {
        Some(last) => opaque::seal(&kind, &place(last)),
        None => String::new(),
    };
    Ok(proto::ListCustomerOrdersResponse { orders: door.summaries(caller, shown)?, next_page_token })
}
