//! `waybill stock`: what there is, what of it may be promised, and changes of it. Quantities are whole units with the
//! item's decimals.

mod availability;
mod change;
mod nearby;
mod reserve;

use super::{Common, Table, item, json, refused_of, say, show_quantity, time};
use anyhow::Context;
use clap::Subcommand;
use waybill_client::Client;
use waybill_client::proto::inventory::v1::{GetPositionRequest, Item, Position};

/// Show, receive, adjust, count and reserve stock.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the stock of one SKU at one node.
    Show(Place),
    /// Show what may be promised of SKUs.
    Availability(availability::Availability),
    /// Show nodes near a place that have items, and from when they can be fetched there.
    Nearby(nearby::Nearby),
    /// Book goods that came in.
    Receive(change::Receive),
    /// Change stock by a difference.
    Adjust(change::Adjust),
    /// Set stock to what was counted.
    Count(change::Count),
    /// Reserve stock, all or nothing.
    Reserve(reserve::Reserve),
    /// Give a reservation back.
    Release(reserve::Release),
}

/// Which stock.
#[derive(Debug, clap::Args)]
struct Place {
    /// The item.
    sku: String,
    /// The node.
    node: String,
    /// Whose stock; the retailer's own when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
}

/// Runs the command.
///
/// # Errors
/// A refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    match &args.what {
        What::Show(place) => show(&client, &args.common, place).await,
        What::Availability(asked) => availability::availability(&client, &args.common, asked).await,
        What::Nearby(nearby) => nearby.run(&client, &args.common).await,
        What::Receive(receive) => receive.run(&client, &args.common).await,
        What::Adjust(adjust) => adjust.run(&client, &args.common).await,
        What::Count(count) => count.run(&client, &args.common).await,
        What::Reserve(reserve) => reserve.run(&client, &args.common).await,
        What::Release(release) => release.run(&client, &args.common).await,
    }
}

async fn show(client: &Client, common: &Common, place: &Place) -> anyhow::Result<()> {
    let item = item(client, &place.sku).await?;
    let request = GetPositionRequest {
        sku: place.sku.clone(),
        node_id: place.node.clone(),
        owner: place.owner.clone(),
        after: String::new(),
    };
    let flags = &[("sku", "SKU"), ("node_id", "NODE")];
    let answer = client.get_position(request).await.map_err(refused_of(flags))?;
    tell(common, &item, answer.position)
}

/// Shows a position as it is after a read or a change.
fn tell(common: &Common, item: &Item, position: Option<Position>) -> anyhow::Result<()> {
    let position = position.context("the server answered without the position")?;
    if common.json {
        return say(json("inventory.v1.Position", &position)?);
    }
    say(table(item, &position).to_string())
}

fn table(item: &Item, position: &Position) -> Table {
    let mut table = Table::new(&[
        "SKU",
        "NODE",
        ">SELLABLE",
        ">RESERVED",
        ">SAFETY",
        ">AVAILABLE",
        ">OVER",
        ">INSPECT",
        ">DAMAGED",
        "CHANGED",
        "NAME",
    ]);
    let quantity = |quantity| show_quantity(quantity, item.scale);
    table.row([
        position.sku.clone(),
        position.node_id.clone(),
        quantity(position.sellable),
        quantity(position.reserved),
        quantity(position.safety_stock),
        quantity(position.available),
        quantity(position.over_committed),
        quantity(position.inspect),
        quantity(position.damaged),
        time(position.update_time.as_ref()),
        item.name.clone(),
    ]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_shown_at_the_scale_of_its_item() {
        let item = Item { scale: 3, name: "Flour".into(), ..Item::default() };
        let position = Position {
            sku: "P1".into(),
            node_id: "S1".into(),
            sellable: 2_350,
            reserved: 350,
            available: 2_000,
            ..Position::default()
        };
        let text = table(&item, &position).to_string();
        let values = text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(values[..6], ["P1", "S1", "2.350", "0.350", "0.000", "2.000"]);
    }
}
