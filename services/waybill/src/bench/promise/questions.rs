//! What product pages ask: the item of an order's first line, for the customer of that order and for others.

use crate::demo::world::World;
use crate::records;
use tonic::Status;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::promise_place::Place;
use waybill_client::proto::fulfillment::v1::{
    Destination, FindNearbyRequest, NearbyItem, PromiseItemRequest, PromisePlace,
};
use waybill_client::proto::orders::v1::PlaceOrderRequest;
use waybill_fixtures::OrderShape;
use waybill_formats::{NodeKind, NodeRecord};

/// What is asked of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The customer's address, and the three stores nearest to it.
    Page,
    /// Twenty addresses all over the country.
    Many,
    /// The ten nearest stores that have it.
    Nearby,
}

/// Addresses of [`Kind::Many`].
const ADDRESSES: usize = 20;
/// Stores of [`Kind::Page`].
const STORES: usize = 3;

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Page, Self::Many, Self::Nearby];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Page => "an address and 3 stores",
            Self::Many => "20 addresses",
            Self::Nearby => "10 stores near an address",
        }
    }

    /// Its share of the measured time; all of them are one.
    pub(super) const fn share(self) -> f64 {
        match self {
            Self::Page => 0.6,
            Self::Many | Self::Nearby => 0.2,
        }
    }
}

/// One question.
#[derive(Clone, Debug)]
pub(super) enum Question {
    Promise(PromiseItemRequest),
    Nearby(FindNearbyRequest),
}

impl Question {
    /// Asks it; answers how many ways or stores the answer held.
    pub(super) async fn ask(&self, client: &Client) -> Result<usize, Status> {
        match self {
            Self::Promise(request) => {
                let answer = client.promise_item(request.clone()).await?;
                Ok(answer.places.iter().map(|place| place.options.len()).sum())
            }
            Self::Nearby(request) => Ok(client.find_nearby(request.clone()).await?.nodes.len()),
        }
    }
}

/// The questions of `count` customers. Takes seconds of processor time.
pub(super) fn made(world: &World, kind: Kind, count: u64) -> Vec<Question> {
    let shape = OrderShape { later_permille: 0, pickup_permille: 0, ..OrderShape::default() };
    let orders: Vec<_> = world.orders(shape, count).iter().map(records::place).collect();
    let addresses: Vec<Destination> = orders.iter().filter_map(address).collect();
    let stores: Vec<&NodeRecord> =
        world.retailer.nodes_of(NodeKind::Store).filter(|store| store.pickup && !store.inactive).collect();
    let of = |(index, order): (usize, &PlaceOrderRequest)| {
        let (line, address) = (order.lines.first()?, address(order)?);
        let item = (line.sku.clone(), line.quantity);
        let more = addresses.iter().cycle().skip(index * 31 % addresses.len());
        Some(match kind {
            Kind::Page => {
                let near = nearest(&stores, &address)
                    .into_iter()
                    .map(|store| Place::PickupNodeId(store.node_id.clone()));
                promise(item, std::iter::once(Place::Destination(address)).chain(near))
            }
            Kind::Many => promise(item, more.take(ADDRESSES).cloned().map(Place::Destination)),
            Kind::Nearby => Question::Nearby(FindNearbyRequest {
                near: Some(address),
                items: vec![NearbyItem { sku: item.0, owner: String::new(), quantity: item.1 }],
                ..FindNearbyRequest::default()
            }),
        })
    };
    orders.iter().enumerate().filter_map(of).collect()
}

fn promise((sku, quantity): (String, i64), places: impl Iterator<Item = Place>) -> Question {
    let places = places.map(|place| PromisePlace { place: Some(place) }).collect();
    Question::Promise(PromiseItemRequest { sku, quantity, places, ..PromiseItemRequest::default() })
}

fn address(order: &PlaceOrderRequest) -> Option<Destination> {
    let to = order.ship_to.as_ref()?;
    Some(Destination {
        country_code: to.country_code.clone(),
        postal_code: to.postal_code.clone(),
        location: to.location,
    })
}

/// The stores nearest to a point, near enough for a bench: degrees, as if the Earth were flat.
fn nearest<'s>(stores: &[&'s NodeRecord], to: &Destination) -> Vec<&'s NodeRecord> {
    let Some(point) = to.location else { return stores.iter().take(STORES).copied().collect() };
    let apart = |store: &&NodeRecord| {
        let degrees = |own: Option<i32>, other: i64| i64::from(own.unwrap_or(0)) - other;
        let north = degrees(store.latitude_e6, point.latitude_degrees_e6);
        let east = degrees(store.longitude_e6, point.longitude_degrees_e6);
        north * north + east * east
    };
    let mut stores = stores.to_vec();
    if stores.len() > STORES {
        stores.select_nth_unstable_by_key(STORES - 1, apart);
        stores.truncate(STORES);
    }
    stores
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::Shape;

    #[test]
    fn every_kind_asks_of_items_and_places_that_are_there() {
        let world = World::make(Shape { nodes: 40, skus: 100, ..Shape::tight(1, 100) }, None).unwrap();
        for kind in Kind::ALL {
            let asked = made(&world, kind, 30);
            assert_eq!(asked.len(), 30, "{kind:?}");
            for question in asked {
                let places = match question {
                    Question::Promise(request) => request.places.len(),
                    Question::Nearby(request) => request.items.len(),
                };
                let expected = match kind {
                    Kind::Page => 1 + STORES,
                    Kind::Many => ADDRESSES,
                    Kind::Nearby => 1,
                };
                assert_eq!(places, expected, "{kind:?}");
            }
        }
        assert!((Kind::ALL.map(Kind::share).iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
