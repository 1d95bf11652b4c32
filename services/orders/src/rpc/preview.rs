//! PreviewAmendment: what an amendment would come to, change by change, and the dates the planner would give. Nothing is
//! written and no key is taken.

use super::amend::{Receiver, Sealing, recipient};
use crate::door::{Inner, Standing};
use crate::from_proto::amend::Wanted;
use crate::rpc::foresee;
use crate::stale;
use crate::{from_proto, to_proto};
use tonic::Status;
use waybill_machine::{Coded, Context, Position};
use waybill_orders::command::{Amend, Change};
use waybill_orders::order::{LineState, Order, Unserved};
use waybill_orders::refusal::ChangeRefusal;
use waybill_orders::{Bucket, Buckets, Preview, Refusal, order_money, preview as examine};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::{Caller, Fields, status};
use waybill_types::exchange::{LineUnits, Plan};
use waybill_types::policy::ChangeKind;
use waybill_types::{Origin, Quantity, Reason};

pub(crate) async fn preview(
    door: &Inner,
    caller: Caller,
    message: proto::PreviewAmendmentRequest,
) -> Result<proto::PreviewAmendmentResponse, Status> {
    let mut fields = Fields::new();
    door.after(&mut fields, &message.after);
    fields.finish(Some(()))?;
    let standing = match message.order_id.parse() {
        Ok(id) => door.order(id).await?,
        // Refused below, together with every other fault.
        Err(_) => None,
    };
    let known = standing.as_ref().map(|(opening, order)| order.content(opening));
    let Wanted { order: id, expected_revision, changes, person, content: _ } =
        from_proto::amend::preview(&door.seal, &message, known)?;
    let standing = standing.ok_or_else(|| Inner::unknown(id))?;
    let receiver = recipient(door, id, &standing, &person, Sealing::ForAPreview)?;
    let Receiver { recipient, person } = receiver;
    let amend = Amend { order: id, expected_revision, changes, recipient, unserved: None };
    let names = from_proto::renamed::names(&message.changes);
    let looked = look(door, &caller, amend.clone()).await?;
    if let Err(Refusal::StaleRevision { order, expected, current }) = looked.whole {
        return Err(stale::refusal(door, order, expected, current).await);
    }
    if let Err(
        refusal @ (Refusal::Malformed(_) | Refusal::AmountsDisagree { .. } | Refusal::UnknownOrder(_)),
    ) = looked.whole
    {
        return Err(status(&from_proto::renamed::renamed(refusal, &names)));
    }
    let mut response = proto::PreviewAmendmentResponse {
        allowed: looked.whole.is_ok(),
        revision: looked.revision,
        ..Default::default()
    };
    let currency = standing.1.content(&standing.0).amounts.currency;
    let before = payable(standing.1.content(&standing.0), &standing.1);
    response.total_before = Some(to_proto::money(currency, before));
    response.changes =
        amend.changes.iter().zip(&looked.each).map(|(change, one)| shown(change, one)).collect();
    let whole = match looked.whole {
        Ok(whole) => whole,
        Err(refusal) => {
            if looked.each.iter().all(Result::is_ok) {
                (response.refusal, response.message) = (refusal.reason().to_owned(), refusal.to_string());
            }
            return Ok(response);
        }
    };
    response.needs_approval = whole.needs_approval;
    response.policy_version = whole.policy_version;
    response.recalled_fulfillment_order_ids =
        whole.needs.recalled_works.iter().map(ToString::to_string).collect();
    if whole.needs_pricing.is_empty() {
        let after = payable(&whole.content, &as_it_would_be(&standing, &whole));
        response.total = Some(to_proto::money(currency, after));
        response.extra_authorization = (after > before).then(|| to_proto::money(currency, after - before));
    }
    if let Some(question) = &whole.needs.question {
        let plan = foresee::plan(door, question, person).await?;
        response.promise = promise(plan.as_ref());
        let unserved = whole.needs.unserved(plan.as_ref());
        response.unserved = to_proto::amendment::units(&sum(&unserved));
        if let Some(why) = whole.needs.fails_for(&unserved) {
            let refusal = Refusal::from(ChangeRefusal::Unserved { order: id, why });
            response.allowed = false;
            (response.refusal, response.message) = (refusal.reason().to_owned(), refusal.to_string());
        }
    }
    Ok(response)
}

/// What the machine says of all changes together, and of each by itself.
struct Looked {
    revision: u64,
    whole: Result<Preview, Refusal>,
    each: Vec<Result<Preview, Refusal>>,
}

async fn look(door: &Inner, caller: &Caller, amend: Amend) -> Result<Looked, Status> {
    let (id, layout, origin) = (amend.order, door.layout, caller.origin(Reason::default()));
    let partition = door.partition(id.partition())?;
    let found = partition.read(move |state, at| {
        let look = |origin: &Origin, amend: &Amend| {
            let position = Position { sequence: 0, index: 0 };
            examine(state, amend, &Context { at, origin, partition: id.partition(), layout, position })
        };
        let alone = |change: &Change| {
            let personal = matches!(change, Change::ShipTo | Change::Notes { .. });
            let recipient = amend.recipient.clone().filter(|_| personal);
            Amend { changes: vec![change.clone()], recipient, ..amend.clone() }
        };
        Looked {
            revision: state.order(id).map_or(0, |(_, order)| order.revision),
            whole: look(&origin, &amend),
            each: amend.changes.iter().map(|change| look(&origin, &alone(change))).collect(),
        }
    });
    found.await.map_err(|failure| waybill_service_kit::failed(&failure))
}

/// What the customer pays for all that is not cancelled.
fn payable(content: &waybill_orders::content::OrderContent, order: &Order) -> i64 {
    let money = order_money(content, order);
    money.ordered - money.cancelled
}

/// The order's lines as they would be, as far as money is concerned.
fn as_it_would_be((_, order): &Standing, preview: &Preview) -> Order {
    let mut order = Order::clone(order);
    for (index, line) in preview.content.lines.iter().enumerate().skip(order.lines.len()) {
        let buckets = Buckets::default().with(Bucket::Open, line.quantity);
        debug_assert_eq!(index, order.lines.len());
        order.lines.push(LineState {
            buckets,
            cancel_requested: Quantity::ZERO,
            awaited: false,
            waits: None,
        });
    }
    for LineUnits { line, quantity } in &preview.drops {
        let state = usize::from(line.0).checked_sub(1).and_then(|index| order.lines.get_mut(index));
        if let Some(state) = state {
            let cancelled = state.buckets.get(Bucket::Cancelled).plus(*quantity);
            state.buckets = state.buckets.with(Bucket::Cancelled, cancelled);
        }
    }
    order
}

fn shown(change: &Change, looked: &Result<Preview, Refusal>) -> proto::ChangePreview {
    match looked {
        Ok(preview) => {
            let decided = preview.decided.first();
            proto::ChangePreview {
                kind: to_proto::policy::kind(decided.map_or(kind(change), |decided| decided.kind)).into(),
                stage: decided.map_or(0, |decided| to_proto::policy::stage(decided.stage).into()),
                verdict: decided.map_or(0, |decided| to_proto::policy::verdict(decided.verdict).into()),
                rule_index: decided.and_then(|decided| decided.rule).map_or(-1, i32::from),
                refusal: String::new(),
                message: String::new(),
                needs_pricing: !preview.needs_pricing.is_empty(),
            }
        }
        Err(refusal) => {
            let mut shown = proto::ChangePreview {
                kind: to_proto::policy::kind(kind(change)).into(),
                rule_index: -1,
                refusal: refusal.reason().to_owned(),
                message: refusal.to_string(),
                ..Default::default()
            };
            if let Refusal::Change(ChangeRefusal::Forbidden { kind, stage, rule, .. }) = refusal {
                shown.set_kind(to_proto::policy::kind(*kind));
                shown.set_stage(to_proto::policy::stage(*stage));
                shown.set_verdict(proto::Verdict::Refuse);
                shown.rule_index = rule.parse().unwrap_or(-1);
            }
            shown
        }
    }
}

/// The kind of a change, as far as the change itself says.
fn kind(change: &Change) -> ChangeKind {
    match change {
        Change::SetQuantity { added: Some(_), .. } => ChangeKind::IncreaseQuantity,
        Change::SetQuantity { added: None, .. } => ChangeKind::ReduceQuantity,
        Change::AddLine(_) => ChangeKind::AddLine,
        Change::ShipTo => ChangeKind::ShipTo,
        Change::SetDelivery { .. } => ChangeKind::DeliveryMethod,
        Change::SetTime { .. } => ChangeKind::RequestedTime,
        Change::SetPrice { .. } => ChangeKind::Price,
        Change::Appease { .. } => ChangeKind::Appeasement,
        Change::Notes { .. } => ChangeKind::Notes,
        Change::Substitute { .. } => ChangeKind::Substitute,
        Change::SetDeliveryCharge { .. } => ChangeKind::DeliveryCharge,
    }
}

/// The widest window over all that would be planned anew.
fn promise(plan: Option<&Plan>) -> Option<waybill_proto::common::v1::PromiseWindow> {
    let windows = plan?.assignments.iter().map(|assignment| assignment.promise);
    windows.reduce(waybill_orders::order::widest).map(to_proto::window)
}

/// Units by line, whatever the reason.
fn sum(unserved: &[Unserved]) -> Vec<LineUnits> {
    unserved.iter().map(|some| LineUnits { line: some.line, quantity: some.quantity }).collect()
}
