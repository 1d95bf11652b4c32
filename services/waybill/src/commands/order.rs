//! `waybill order`: find, show, place, change, cancel and watch orders of any channel.

mod amend;
mod back;
mod exceptions;
mod find;
mod hold;
mod place;
mod place_file;
mod print;
mod returns;
mod timeline;
mod watch;

pub(super) use find::table as summaries;

use super::{Common, Flags, Writing, json, parse_quantity, refused_of, say};
use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use waybill_client::Client;
use waybill_client::proto::orders::v1::{
    CancelLine, CancelLineResult, CancelOrderRequest, ExternalOrderKey, GetOrderRequest, Order,
    get_order_request,
};

/// Find, show, place, change, cancel and watch orders.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show one order with its lines, its work at nodes and its attempts.
    #[command(visible_alias = "show")]
    Get(Which),
    /// Find orders, newest first; all given filters must hold.
    Find(find::Find),
    /// Place orders from a file, or one order from flags.
    Place(place::Place),
    /// Cancel an order, lines of it or some units.
    Cancel(Cancel),
    /// Change an order: all of it or nothing; --preview only shows what would happen.
    Amend(amend::Amend),
    /// Say yes or no to an amendment that waits for it.
    Decide(amend::Decide),
    /// Stop an order, or a line of it, from going on.
    Hold(hold::Hold),
    /// Let a held order go on.
    Resolve(hold::Resolve),
    /// Take goods back, or announce them.
    Return(back::Return),
    /// Show what of which orders can come back, from a receipt, a customer or a card.
    Returnable(returns::Returnable),
    /// Show one return.
    ReturnShow(returns::ReturnId),
    /// Take goods of a return that was announced.
    ReturnReceive(returns::Receive),
    /// Say yes or no to a return that waits for it.
    ReturnDecide(returns::Decide),
    /// Nothing more of a return will come.
    ReturnClose(returns::Close),
    /// Show orders that need somebody, oldest first.
    Exceptions(exceptions::Exceptions),
    /// Try units again that every node refused.
    SourceAgain(exceptions::SourceAgain),
    /// Cancel units that every node refused.
    CallOff(exceptions::Answered),
    /// Show what happened to an order, oldest first.
    Timeline(Which),
    /// Show an order and then everything that happens to it, until interrupted.
    Watch(watch::Watch),
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("order_id", "ORDER"),
    ("external.channel", "--channel"),
    ("external.external_order_number", "ORDER"),
    ("lines[]", "--line"),
    ("expected_revision", "--revision"),
    ("wait_ms", "--wait-ms"),
];

/// Which order.
#[derive(Debug, clap::Args)]
struct Which {
    /// The order's id, or with --by-number its number in the channel given with --channel.
    order: String,
    /// Read ORDER as the number in the channel.
    #[arg(long)]
    by_number: bool,
}

#[derive(Debug, clap::Args)]
struct Cancel {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    writing: Writing,
    /// A line to cancel, LINE or LINE:QUANTITY, such as 2 or 2:1; may be repeated. Without any: the whole order.
    #[arg(long = "line", value_name = "LINE[:QUANTITY]")]
    lines: Vec<String>,
    /// Cancel only if the order still has this revision.
    #[arg(long, default_value_t = 0)]
    revision: u64,
    /// How long to wait for the stock to be given back, in milliseconds, at most 60000.
    #[arg(long, default_value_t = 5_000)]
    wait_ms: i64,
}

/// Runs the command.
///
/// # Errors
/// A refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    match &args.what {
        What::Get(which) => get(&client, &args.common, which).await,
        What::Find(find) => find::find(&client, &args.common, find).await,
        What::Place(place) => place::place(&client, &args.common, place).await,
        What::Cancel(cancel) => self::cancel(&client, &args.common, cancel).await,
        What::Amend(amend) => amend::amend(&client, &args.common, amend).await,
        What::Decide(decide) => amend::decide(&client, &args.common, decide).await,
        What::Hold(hold) => hold::place(&client, &args.common, hold).await,
        What::Resolve(resolve) => hold::resolve(&client, &args.common, resolve).await,
        What::Return(back) => back::back(&client, &args.common, back).await,
        What::Returnable(asked) => returns::returnable(&client, &args.common, asked).await,
        What::ReturnShow(asked) => returns::show(&client, &args.common, asked).await,
        What::ReturnReceive(asked) => returns::receive(&client, &args.common, asked).await,
        What::ReturnDecide(asked) => returns::decide(&client, &args.common, asked).await,
        What::ReturnClose(asked) => returns::close(&client, &args.common, asked).await,
        What::Exceptions(asked) => exceptions::list(&client, &args.common, asked).await,
        What::SourceAgain(asked) => exceptions::source_again(&client, &args.common, asked).await,
        What::CallOff(asked) => exceptions::call_off(&client, &args.common, asked).await,
        What::Timeline(which) => timeline::timeline(&client, &args.common, which).await,
        What::Watch(watch) => watch::watch(&client, &args.common, watch).await,
    }
}

async fn read(client: &Client, common: &Common, which: &Which) -> anyhow::Result<Order> {
    let key = if which.by_number {
        let channel = common.connection.channel.clone();
        let channel = channel.context("a number is unique in its channel only: give --channel too")?;
        let external_order_number = which.order.clone();
        get_order_request::Key::External(ExternalOrderKey { channel, external_order_number })
    } else {
        get_order_request::Key::OrderId(which.order.clone())
    };
    let request = GetOrderRequest { key: Some(key), after: String::new() };
    let answer = client.get_order(request).await.map_err(refused_of(FLAGS))?;
    answer.order.context("the server answered without the order")
}

/// The order's id, asked for only where it is not given.
async fn id(client: &Client, common: &Common, which: &Which) -> anyhow::Result<String> {
    if which.by_number { Ok(read(client, common, which).await?.order_id) } else { Ok(which.order.clone()) }
}

async fn get(client: &Client, common: &Common, which: &Which) -> anyhow::Result<()> {
    let order = read(client, common, which).await?;
    if common.json {
        return say(json("orders.v1.Order", &order)?);
    }
    let causes = timeline::causes(client, &order).await?;
    say(print::order(&order, &causes))
}

async fn cancel(client: &Client, common: &Common, cancel: &Cancel) -> anyhow::Result<()> {
    let order = read(client, common, &cancel.which).await?;
    let lines = cancel.lines.iter().map(|text| cancel_line(&order, text));
    let request = CancelOrderRequest {
        request_id: cancel.writing.request_id.clone(),
        reason: cancel.writing.reason.clone(),
        order_id: order.order_id.clone(),
        expected_revision: cancel.revision,
        lines: lines.collect::<anyhow::Result<_>>()?,
        wait_ms: cancel.wait_ms,
    };
    let answer = client.cancel_order(request).await.map_err(refused_of(FLAGS))?;
    match common.json {
        true => say(json("orders.v1.CancelOrderResponse", &answer)?)?,
        false => say(print::cancelled(&order, &answer))?,
    }
    let came_to_nothing = !answer.lines.is_empty() && answer.lines.iter().all(came_to_nothing);
    ensure!(!came_to_nothing, "nothing of {} is cancelled: it is too late", answer.order_id);
    Ok(())
}

/// All that was asked for is too late.
fn came_to_nothing(line: &CancelLineResult) -> bool {
    line.too_late > 0 && line.cancelled == 0 && line.cancel_requested == 0
}

/// `2` or `2:1.5`, the quantity in whole units of the line.
fn cancel_line(order: &Order, text: &str) -> anyhow::Result<CancelLine> {
    let (number, quantity) = text.split_once(':').map_or((text, None), |(number, rest)| (number, Some(rest)));
    let line_number =
        number.parse().with_context(|| format!("{text:?} is no line, give LINE or LINE:QUANTITY"))?;
    let Some(line) = order.lines.iter().find(|line| line.line_number == line_number) else {
        bail!("{} has no line {line_number}, it has lines 1 to {}", order.order_id, order.lines.len());
    };
    let quantity = quantity.map(|text| parse_quantity(text, line.quantity_scale)).transpose()?;
    Ok(CancelLine { line_number, quantity })
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::orders::v1::OrderLine;

    #[test]
    fn a_line_to_cancel_is_read_at_the_scale_of_the_line() {
        let line = OrderLine { line_number: 2, quantity_scale: 3, ..OrderLine::default() };
        let order = Order { lines: vec![line], ..Order::default() };
        assert_eq!(cancel_line(&order, "2").unwrap(), CancelLine { line_number: 2, quantity: None });
        assert_eq!(cancel_line(&order, "2:1.5").unwrap().quantity, Some(1_500));
        for wrong in ["1", "x", "2:", "2:1.2345", ""] {
            assert!(cancel_line(&order, wrong).is_err(), "{wrong}");
        }
    }
}
