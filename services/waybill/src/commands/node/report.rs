//! What a node reports about one piece of its work, by hand: each report reads the work first and is based on that
//! revision, so a change in between is refused and not overwritten.

use super::work::table;
use crate::commands::{Common, Flags, Writing, from_word, json, refused_of, say, word};
use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::{
    AcceptFulfillmentOrderRequest, AnswerCancelRequest, ConfirmDeliveryRequest, ConfirmPickRequest,
    FulfillmentLine, FulfillmentOrder, GetFulfillmentOrderRequest, GoodsCondition, HandOverRequest,
    PackRequest, Parcel, ParcelContent, PickedLine, PickupRest, ReadyForPickupRequest,
    RejectFulfillmentOrderRequest, RejectReason, ReportNoShowRequest, ReportUndeliveredRequest, ShipRequest,
    ShortReason, StartPickingRequest, UndeliveredKind,
};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[
    ("fulfillment_order_id", "WORK"),
    ("reject_reason", "--because"),
    ("lines[].short_quantity", "--short"),
    ("parcels[].parcel_id", "--parcel"),
    ("parcels[].weight_g", "--weight-g"),
    ("carrier", "--carrier"),
    ("tracking_number", "--tracking"),
    ("shelf", "--shelf"),
    ("proof", "--proof"),
];

/// The reports of a node.
#[derive(Debug, Subcommand)]
pub(super) enum Report {
    /// The node says yes.
    Accept(About),
    /// The node says no; the units are sourced elsewhere.
    Reject {
        #[command(flatten)]
        about: About,
        /// out-of-stock, damaged, no-capacity, closed or other.
        #[arg(long)]
        because: String,
    },
    /// The node begins to pick.
    Start(About),
    /// The node picked everything, or less where --short says so.
    Pick {
        #[command(flatten)]
        about: About,
        /// Units that are not there, LINE:QUANTITY at the item's scale; may be repeated.
        #[arg(long = "short", value_name = "LINE:QUANTITY")]
        shorts: Vec<String>,
    },
    /// The node packed everything that it picked in one parcel.
    Pack {
        #[command(flatten)]
        about: About,
        /// The parcel's name.
        #[arg(long, default_value = "1")]
        parcel: String,
        /// Gross weight in grams.
        #[arg(long, default_value_t = 0)]
        weight_g: i64,
    },
    /// The carrier has it.
    Ship {
        #[command(flatten)]
        about: About,
        /// The carrier.
        #[arg(long)]
        carrier: String,
        /// The carrier's number.
        #[arg(long, default_value = "", hide_default_value = true)]
        tracking: String,
    },
    /// The customer has the parcels.
    Deliver(About),
    /// A pickup waits for the customer.
    Ready {
        #[command(flatten)]
        about: About,
        /// Where it waits.
        #[arg(long, default_value = "", hide_default_value = true)]
        shelf: String,
    },
    /// The customer fetched a pickup.
    HandOver {
        #[command(flatten)]
        about: About,
        /// How the person was checked, such as code; no personal data.
        #[arg(long, default_value = "", hide_default_value = true)]
        proof: String,
        /// What the customer took, LINE:QUANTITY; may be repeated. Without it everything.
        #[arg(long = "line", value_name = "LINE:QUANTITY")]
        taken: Vec<String>,
        /// What is left goes back on the shelf and is cancelled; else it waits on.
        #[arg(long)]
        give_up: bool,
    },
    /// The customer did not fetch a pickup: it goes back on the shelf.
    NoShow(About),
    /// Answers a cancel of units in hand.
    AnswerCancel {
        #[command(flatten)]
        about: About,
        /// What is back on the shelf, LINE:QUANTITY; may be repeated. Without it nothing: it is too late.
        #[arg(long = "stopped", value_name = "LINE:QUANTITY")]
        stopped: Vec<String>,
    },
    /// Parcels did not reach the customer.
    Undelivered {
        #[command(flatten)]
        about: About,
        /// lost, refused or returned-to-sender.
        #[arg(long)]
        kind: String,
        /// For returned-to-sender: sellable, inspect, damaged or scrapped.
        #[arg(long)]
        condition: Option<String>,
        /// A parcel; may be repeated. Without it all.
        #[arg(long = "parcel")]
        parcels: Vec<String>,
    },
}

/// Which piece of work.
#[derive(Debug, clap::Args)]
pub(super) struct About {
    /// The fulfilment order.
    work: String,
    #[command(flatten)]
    writing: Writing,
}

/// A request about `$work` as it is now, with further fields.
macro_rules! say_so {
    ($client:ident.$call:ident($request:ident, $work:ident, $about:ident $(, $field:ident: $value:expr)*)) => {
        $client.$call($request {
            request_id: $about.writing.request_id.clone(),
            reason: $about.writing.reason.clone(),
            fulfillment_order_id: $work.fulfillment_order_id.clone(),
            revision: $work.revision,
            $($field: $value,)*
        }).await.map_err(refused_of(FLAGS))?.fulfillment_order
    };
}

impl Report {
    fn about(&self) -> &About {
        match self {
            Self::Accept(about) | Self::Start(about) | Self::Deliver(about) | Self::NoShow(about) => about,
            Self::Reject { about, .. }
            | Self::Pick { about, .. }
            | Self::Pack { about, .. }
            | Self::Ship { about, .. }
            | Self::Ready { about, .. }
            | Self::HandOver { about, .. }
            | Self::AnswerCancel { about, .. }
            | Self::Undelivered { about, .. } => about,
        }
    }
}

pub(super) async fn report(client: &Client, common: &Common, report: Report) -> anyhow::Result<()> {
    let about = report.about();
    let request =
        GetFulfillmentOrderRequest { fulfillment_order_id: about.work.clone(), after: String::new() };
    let work = client.get_fulfillment_order(request).await.map_err(refused_of(FLAGS))?.fulfillment_order;
    let work = work.context("the server answered without the work")?;
    let work = match &report {
        Report::Accept(_) => {
            say_so!(client.accept_fulfillment_order(AcceptFulfillmentOrderRequest, work, about))
        }
        Report::Reject { because, .. } => {
            let because: RejectReason = from_word(because, "REJECT_REASON", RejectReason::as_str_name)?;
            say_so!(client.reject_fulfillment_order(
                RejectFulfillmentOrderRequest, work, about, reject_reason: because.into()
            ))
        }
        Report::Start(_) => say_so!(client.start_picking(StartPickingRequest, work, about)),
        Report::Pick { shorts, .. } => {
            let lines = picked(&work, shorts)?;
            say_so!(client.confirm_pick(ConfirmPickRequest, work, about, lines: lines))
        }
        Report::Pack { parcel, weight_g, .. } => {
            let parcels = vec![whole(&work, parcel, *weight_g)?];
            say_so!(client.pack(PackRequest, work, about, parcels: parcels))
        }
        Report::Ship { carrier, tracking, .. } => say_so!(client.ship(
            ShipRequest, work, about, carrier: carrier.clone(), tracking_number: tracking.clone(), parcels: Vec::new(),
            ship_time: None
        )),
        Report::Deliver(_) => say_so!(client.confirm_delivery(
            ConfirmDeliveryRequest, work, about, delivery_time: None, parcel_ids: Vec::new()
        )),
        Report::Ready { shelf, .. } => {
            say_so!(client.ready_for_pickup(ReadyForPickupRequest, work, about, shelf: shelf.clone()))
        }
        Report::HandOver { proof, taken, give_up, .. } => {
            let rest = if *give_up { PickupRest::GiveUp } else { PickupRest::Later };
            say_so!(client.hand_over(
                HandOverRequest, work, about, proof: proof.clone(), taken: units(taken)?, rest: rest.into()
            ))
        }
        Report::NoShow(_) => say_so!(client.report_no_show(ReportNoShowRequest, work, about)),
        Report::AnswerCancel { stopped, .. } => {
            say_so!(client.answer_cancel(AnswerCancelRequest, work, about, stopped: units(stopped)?))
        }
        Report::Undelivered { kind, condition, parcels, .. } => {
            let kind: UndeliveredKind = from_word(kind, "UNDELIVERED_KIND", UndeliveredKind::as_str_name)?;
            let named = condition
                .as_deref()
                .map(|condition| from_word(condition, "GOODS_CONDITION", GoodsCondition::as_str_name));
            let condition: GoodsCondition = named.transpose()?.unwrap_or_default();
            say_so!(client.report_undelivered(
                ReportUndeliveredRequest, work, about, kind: kind.into(), condition: condition.into(),
                parcel_ids: parcels.clone()
            ))
        }
    };
    let work = work.context("the server answered without the work")?;
    if common.json {
        return say(json("fulfillment.v1.FulfillmentOrder", &work)?);
    }
    say(table(&[work]).to_string())
}

/// LINE:QUANTITY, each.
fn units(typed: &[String]) -> anyhow::Result<Vec<ParcelContent>> {
    let one = |text: &String| {
        let parts = text.split_once(':').and_then(|(line, quantity)| {
            Some(ParcelContent { line_number: line.parse().ok()?, quantity: quantity.parse().ok()? })
        });
        parts.with_context(|| format!("{text:?} is not understood, give LINE:QUANTITY"))
    };
    typed.iter().map(one).collect()
}

/// Every line with what is still to be picked, less what is short.
fn picked(work: &FulfillmentOrder, shorts: &[String]) -> anyhow::Result<Vec<PickedLine>> {
    // The quantity is lowered by what is short already.
    let open = |line: &FulfillmentLine| line.quantity - line.picked;
    let mut lines: Vec<PickedLine> = work
        .lines
        .iter()
        .filter(|line| open(line) > 0)
        .map(|line| PickedLine {
            line_number: line.line_number,
            picked_quantity: open(line),
            ..PickedLine::default()
        })
        .collect();
    for ParcelContent { line_number: number, quantity: short } in units(shorts)? {
        let Some(line) = lines.iter_mut().find(|line| line.line_number == number) else {
            bail!("{} has no line {number} to pick", work.fulfillment_order_id);
        };
        ensure!(
            (1..=line.picked_quantity).contains(&short),
            "line {number} has {} to pick",
            line.picked_quantity
        );
        line.picked_quantity -= short;
        line.short_quantity += short;
        line.set_short_reason(ShortReason::NotFound);
    }
    Ok(lines)
}

/// One parcel with everything that is picked and has not left.
fn whole(work: &FulfillmentOrder, parcel_id: &str, weight_g: i64) -> anyhow::Result<Parcel> {
    let contents = work.lines.iter().filter(|line| line.picked > line.shipped);
    let contents: Vec<ParcelContent> = contents
        .map(|line| ParcelContent { line_number: line.line_number, quantity: line.picked - line.shipped })
        .collect();
    let state = word(work.state().as_str_name(), "FULFILLMENT_ORDER_STATE");
    ensure!(
        !contents.is_empty(),
        "{} is {state}: nothing of it is picked that has not left, so there is nothing to pack; pick it first",
        work.fulfillment_order_id
    );
    Ok(Parcel { parcel_id: parcel_id.to_owned(), contents, weight_g, ..Parcel::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> FulfillmentOrder {
        let line =
            |line_number, quantity| FulfillmentLine { line_number, quantity, ..FulfillmentLine::default() };
        FulfillmentOrder { lines: vec![line(1, 3), line(4, 2), line(5, 0)], ..FulfillmentOrder::default() }
    }

    #[test]
    fn everything_is_picked_but_what_is_short() {
        let lines = picked(&work(), &["4:1".to_owned()]).unwrap();
        let shown: Vec<_> =
            lines.iter().map(|line| (line.line_number, line.picked_quantity, line.short_quantity)).collect();
        assert_eq!(shown, [(1, 3, 0), (4, 1, 1)]);
        assert_eq!(lines[1].short_reason(), ShortReason::NotFound);
        for wrong in ["4:3", "2:1", "4", "4:0", "4:-1"] {
            assert!(picked(&work(), &[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_parcel_holds_what_was_picked() {
        let mut work = work();
        work.lines[0].picked = 3;
        let parcel = whole(&work, "1", 500).unwrap();
        assert_eq!(parcel.contents, [ParcelContent { line_number: 1, quantity: 3 }]);
    }
}
