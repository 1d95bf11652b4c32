//! A merge against orders: two records become one while orders under either's identity come in. It knows of a person only
//! what the customers' door shows.

use super::Outcome;
use super::round::{Round, lost};
use crate::retailer;
use crate::world::{World, from_channel};
use anyhow::{Context, bail, ensure};
use std::collections::BTreeSet;
use tonic::Status;
use waybill_proto::common::v1::Contact;
use waybill_proto::customers::v1::{
    FindCustomersRequest, GetCustomerViewRequest, GetCustomerViewResponse, IdentityKind, IdentityValue,
    LinkIdentityRequest, MergeCustomersRequest, get_customer_view_request,
};
use waybill_proto::orders::v1::PlaceMode;

/// Orders of a round: by phone, by card, by both, of which the card is the stronger, and by phone again.
const GIVEN: [(bool, bool); 4] = [(true, false), (false, true), (true, true), (true, false)];

/// Two records, and the identity each began with.
struct People {
    phone: (String, IdentityValue),
    card: (String, IdentityValue),
}

impl People {
    /// Whose an order is that was given the card or not.
    const fn told_by(&self, card: bool) -> &String {
        if card { &self.card.0 } else { &self.phone.0 }
    }
}

/// Two desks merge the records, each the other way round, while four orders are placed. One of the merges stands, and
/// every order is that of the record that stays.
pub(super) async fn merge_against_place(round: &mut Round<'_>) -> anyhow::Result<Outcome> {
    let people = linked(round).await?;
    let (one, other) = (round.moment(), round.moment());
    let places = GIVEN.map(|given| (given, round.moment()));
    let name = &round.name;
    let world = round.world;
    let this_way = async {
        one.await;
        merge(world, name, &people.phone.0, &people.card.0).await
    };
    let that_way = async {
        other.await;
        merge(world, name, &people.card.0, &people.phone.0).await
    };
    let (people, placing) = (&people, places.into_iter().enumerate());
    let placed = futures::future::try_join_all(placing.map(|(number, (given, moment))| async move {
        moment.await;
        place(world, &format!("{name}-{number}"), people, given).await
    }));
    let (this_way, that_way, placed) = tokio::join!(this_way, that_way, placed);
    let placed = placed?;
    let (stays, winner, told) = match (this_way, that_way) {
        (Ok(stays), Err(status)) if stays == people.phone.0 => (stays, "the phone's record", lost(&status)?),
        (Err(status), Ok(stays)) if stays == people.card.0 => (stays, "the card's record", lost(&status)?),
        (this_way, that_way) => bail!("the merges said {this_way:?} and {that_way:?}"),
    };
    for (order, first) in &placed {
        let before = [&people.phone.0, &people.card.0];
        ensure!(before.contains(&first), "{order} was {first}'s, who is neither of the two");
    }
    let orders: BTreeSet<String> = placed.into_iter().map(|(order, _)| order).collect();
    ensure!(orders.len() == GIVEN.len(), "orders became one: {orders:?}");
    for (record, identity) in [&people.phone, &people.card] {
        alone(world, identity, &stays).await?;
        let by_record = get_customer_view_request::Key::CustomerId(record.clone());
        let by_identity = get_customer_view_request::Key::Identity(identity.clone());
        for key in [by_record, by_identity] {
            has_all(&view(world, key).await?, &stays, &orders)?;
        }
    }
    Ok(Outcome { winner, told })
}

/// Two people who never met: a number for the phone, a name for the card.
async fn linked(round: &mut Round<'_>) -> anyhow::Result<People> {
    let number: u64 = round.name.rsplit('-').next().context("a round has a number")?.parse()?;
    let identity = |kind: IdentityKind, value: String| IdentityValue { kind: kind.into(), value };
    let phone = identity(IdentityKind::Phone, format!("+4930{:08}", 10_000_000 + number));
    let card = identity(IdentityKind::MemberCard, format!("CARD-{}", round.name));
    let phone = (link(round.world, &format!("{}-phone", round.name), &phone).await?, phone);
    let card = (link(round.world, &format!("{}-card", round.name), &card).await?, card);
    ensure!(phone.0 != card.0, "{} has the phone and the card at once", phone.0);
    Ok(People { phone, card })
}

async fn link(world: &World, request_id: &str, identity: &IdentityValue) -> anyhow::Result<String> {
    let request = LinkIdentityRequest {
        request_id: request_id.into(),
        identity: Some(identity.clone()),
        ..Default::default()
    };
    let linked = world.customers().link_identity(from_channel("call_center", request)).await?;
    Ok(linked.into_inner().customer_id)
}

/// The record that stays.
async fn merge(world: &World, name: &str, into: &str, from: &str) -> Result<String, Status> {
    let request = MergeCustomersRequest {
        request_id: format!("{name}-merge-{into}"),
        into_customer_id: into.into(),
        from_customer_id: from.into(),
        ..Default::default()
    };
    let merged = world.customers().merge_customers(from_channel("call_center", request)).await?;
    Ok(merged.into_inner().customer_id)
}

/// An order, and whose it is once it is placed: one person's, in whose view it stands, whether merged by then or not.
async fn place(
    world: &World,
    number: &str,
    people: &People,
    (phone, card): (bool, bool),
) -> anyhow::Result<(String, String)> {
    let mut order = retailer::order(number, &[(0, 1)], PlaceMode::Accept);
    let value = |given: bool, of: &IdentityValue| if given { of.value.clone() } else { String::new() };
    order.contact = Some(Contact {
        name: "Ada Example".into(),
        phone: value(phone, &people.phone.1),
        member_card: value(card, &people.card.1),
        ..Default::default()
    });
    let placed = world.place(order).await?.order_id;
    // By the record: before the merge the phone is known of two, since one of the orders has the card too.
    let key = get_customer_view_request::Key::CustomerId(people.told_by(card).clone());
    let seen = view(world, key).await?;
    ensure!(
        seen.orders.iter().any(|order| order.order_id == placed),
        "{placed} is in nobody's view: {seen:?}"
    );
    Ok((placed, seen.customer.context("a view of nobody")?.customer_id))
}

async fn view(world: &World, key: get_customer_view_request::Key) -> anyhow::Result<GetCustomerViewResponse> {
    let request = GetCustomerViewRequest { key: Some(key), after: String::new() };
    Ok(world.customers().get_customer_view(request).await?.into_inner())
}

/// One living person is known by it.
async fn alone(world: &World, identity: &IdentityValue, stays: &str) -> anyhow::Result<()> {
    let request = FindCustomersRequest { identity: Some(identity.clone()), after: String::new() };
    let found = world.customers().find_customers(request).await?.into_inner().customers;
    let ids: Vec<&str> = found.iter().map(|customer| customer.customer_id.as_str()).collect();
    ensure!(ids == [stays], "known by {identity:?}: {ids:?}, one of which is {stays}");
    Ok(())
}

/// The view is of the one who stays and counts every order once.
fn has_all(seen: &GetCustomerViewResponse, stays: &str, orders: &BTreeSet<String>) -> anyhow::Result<()> {
    let who = seen.customer.as_ref().map(|customer| customer.customer_id.as_str());
    let count = seen.figures.as_ref().map_or(0, |figures| figures.order_count);
    let shown: BTreeSet<String> = seen.orders.iter().map(|order| order.order_id.clone()).collect();
    let once = seen.orders.len() == orders.len() && count == orders.len() as u64;
    ensure!(who == Some(stays) && once && shown == *orders, "{stays} has {orders:?}, the view is {seen:?}");
    Ok(())
}
