//! `waybill promise`: what could be promised of one item, place by place, as a product page asks it. Nothing is reserved.

use super::{
    Common, Flags, Table, item, json, money, parse_quantity, refused_of, say, show_quantity, window, word,
};
use anyhow::{Context, ensure};
use waybill_client::proto::common::v1::GeoPoint;
use waybill_client::proto::fulfillment::v1::promise_place::Place;
use waybill_client::proto::fulfillment::v1::{
    DeliveryMethod, Destination, ItemOption, PromiseItemRequest, PromiseItemResponse, PromisePlace,
    UnplannedReason,
};

/// Show what could be promised of an item, by cost and date.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("places").required(true).multiple(true).args(["to", "nodes"]))]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// The item.
    sku: String,
    /// How much, in whole units with the item's decimals.
    #[arg(long, default_value = "1")]
    quantity: String,
    /// Sent to an address there: country, or country and postal code, such as US:60601; may be repeated.
    #[arg(long = "to", value_name = "COUNTRY[:POSTAL_CODE]")]
    to: Vec<String>,
    /// Fetched at this node; may be repeated.
    #[arg(long = "at", value_name = "NODE")]
    nodes: Vec<String>,
    /// Ways per place at most, 1 to 10.
    #[arg(long, default_value_t = 3)]
    options: u32,
    /// Whose stock; the retailer's own when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("sku", "SKU"),
    ("quantity", "--quantity"),
    ("options_max", "--options"),
    ("places[].pickup_node_id", "--at"),
    ("places[].destination", "--to"),
    ("places", "--to and --at"),
    ("channel", "--channel"),
];

/// Runs the command.
///
/// # Errors
/// A refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    let scale = item(&client, &args.sku).await?.scale;
    let (names, places) = places(&args)?;
    let request = PromiseItemRequest {
        sku: args.sku.clone(),
        owner: args.owner.clone(),
        quantity: parse_quantity(&args.quantity, scale)?,
        places,
        options_max: args.options,
        channel: args.common.connection.channel.clone().unwrap_or_default(),
        after: String::new(),
    };
    let answer = client.promise_item(request).await.map_err(refused_of(FLAGS))?;
    ensure!(answer.places.len() == names.len(), "the server answered for other places than were asked");
    if args.common.json {
        return say(json("fulfillment.v1.PromiseItemResponse", &answer)?);
    }
    say(table(&names, &answer).to_string())
}

fn places(args: &Args) -> anyhow::Result<(Vec<String>, Vec<PromisePlace>)> {
    let mut places = Vec::new();
    for text in &args.to {
        places.push((text.clone(), Place::Destination(destination(text, None)?)));
    }
    places.extend(args.nodes.iter().map(|node| (node.clone(), Place::PickupNodeId(node.clone()))));
    Ok(places.into_iter().map(|(name, place)| (name, PromisePlace { place: Some(place) })).unzip())
}

/// `US:60601`, `US`, and where it is on the map.
///
/// # Errors
/// No country.
pub(crate) fn destination(text: &str, point: Option<&str>) -> anyhow::Result<Destination> {
    let (country, postal_code) = text.split_once(':').unwrap_or((text, ""));
    ensure!(!country.is_empty(), "{text:?} has no country, give a code such as US or US:60601");
    Ok(Destination {
        country_code: country.to_owned(),
        postal_code: postal_code.to_owned(),
        location: point.map(location).transpose()?,
    })
}

/// `41.88,-87.63`: degrees of latitude and longitude.
fn location(text: &str) -> anyhow::Result<GeoPoint> {
    let refused = || format!("{text:?} is no point, give degrees such as 41.88,-87.63");
    let (latitude, longitude) = text.split_once(',').with_context(refused)?;
    let millionths = |degrees: &str| parse_quantity(degrees.trim(), 6).with_context(refused);
    Ok(GeoPoint { latitude_degrees_e6: millionths(latitude)?, longitude_degrees_e6: millionths(longitude)? })
}

fn table(names: &[String], answer: &PromiseItemResponse) -> Table {
    let mut table = Table::new(&["PLACE", "BY", ">COST", "DATE", ">UNITS", "FROM"]);
    for (name, place) in names.iter().zip(&answer.places) {
        for option in &place.options {
            table.row(row(name, option, answer.scale));
        }
        if place.unserved_quantity > 0 {
            let why = word(place.unserved_reason().as_str_name(), "UNPLANNED_REASON");
            let short = show_quantity(place.unserved_quantity, answer.scale);
            let why =
                if place.unserved_reason() == UnplannedReason::Unspecified { String::new() } else { why };
            table.row([name.clone(), "none".into(), String::new(), String::new(), short, why]);
        }
    }
    table
}

fn row(name: &str, option: &ItemOption, scale: u32) -> [String; 6] {
    let served: i64 = option.assignments.iter().map(|part| part.quantity).sum();
    let from = option.assignments.iter().map(|part| {
        let node = &part.node_id;
        if option.assignments.len() == 1 {
            node.clone()
        } else {
            format!("{node} {}", show_quantity(part.quantity, scale))
        }
    });
    let services: Vec<&str> = option.assignments.iter().map(|part| part.carrier_service.as_str()).collect();
    let by = match option.delivery_method() {
        DeliveryMethod::Pickup => "pickup".to_owned(),
        DeliveryMethod::ShipHome | DeliveryMethod::Unspecified => {
            let mut services = services;
            services.dedup();
            services.join(" + ")
        }
    };
    let from = from.collect::<Vec<_>>().join(", ");
    let units = show_quantity(served, scale);
    [name.to_owned(), by, money(option.cost.as_ref()), window(option.promise.as_ref()), units, from]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_country_with_or_without_more() {
        let found = destination("US:60601", Some("41.88, -87.63")).unwrap();
        assert_eq!((found.country_code.as_str(), found.postal_code.as_str()), ("US", "60601"));
        let point = found.location.unwrap();
        assert_eq!((point.latitude_degrees_e6, point.longitude_degrees_e6), (41_880_000, -87_630_000));
        assert_eq!(destination("IE", None).unwrap().postal_code, "");
        for (text, point) in [("", None), (":60601", None), ("US", Some("41.88")), ("US", Some("north,west"))]
        {
            assert!(destination(text, point).is_err(), "{text} {point:?}");
        }
    }
}
