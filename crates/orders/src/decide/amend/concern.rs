//! Which units each change concerns and how far they are, and what holds and the policy say to that.

use crate::command::{Amend, Change};
use crate::decide::draft::Draft;
use crate::event::ChangeDecided;
use crate::order::{Order, OrderHold, WorkShare};
use crate::refusal::{ChangeRefusal, Refusal};
use crate::state::OrdersState;
use crate::units::{Bucket, Buckets};
use waybill_types::exchange::Delivery;
use waybill_types::policy::{ChangeKind, ChangeStage, Verdict};
use waybill_types::{LineNo, Quantity};

/// One kind of change of some lines.
#[derive(Clone, Debug)]
pub(super) struct Concern {
    /// Index of the change.
    pub(super) change: u16,
    pub(super) kind: ChangeKind,
    /// How far the most advanced of the units concerned is.
    pub(super) stage: ChangeStage,
    /// Which lines; none is all of the order.
    pub(super) lines: Vec<LineNo>,
}

/// Units that are not cancelled: those that have left included.
pub(super) fn live(order: &Order, line: LineNo) -> Quantity {
    order.line(line).map_or(Quantity::ZERO, |state| {
        state.buckets.sum().saturating_sub(state.buckets.get(Bucket::Cancelled))
    })
}

/// Units that are on their way and have not left a node.
pub(super) fn here(order: &Order, line: LineNo) -> Quantity {
    const HERE: [Bucket; 5] =
        [Bucket::Open, Bucket::Backordered, Bucket::Reserved, Bucket::Released, Bucket::Picked];
    order.line(line).map_or(Quantity::ZERO, |s| HERE.into_iter().map(|bucket| s.buckets.get(bucket)).sum())
}

/// Units that orders may call off or plan anew without asking anybody.
pub(super) fn free(draft: &Draft<'_>, line: LineNo) -> Quantity {
    draft.cancellable(line).into_iter().map(|units| units.quantity).sum()
}

/// Units of a line that nodes were told to pick and have not, and that nobody has asked back; the newest work first.
pub(super) fn recallable(order: &Order, line: LineNo) -> Vec<WorkShare> {
    let released = order.works.iter().rev().filter(|work| !work.is_unreleased());
    let shares = released.map(|work| {
        let asked = order.recalls.iter().filter(|recall| recall.work == work.id.number);
        let asked = asked.map(|recall| recall.of_line(line)).sum();
        WorkShare { work: work.id.number, line, quantity: work.to_pick(line).saturating_sub(asked) }
    });
    shares.filter(|share| !share.quantity.is_zero()).collect()
}

/// Units of a line that can be called off, recalled ones included.
pub(super) fn droppable(draft: &Draft<'_>, line: LineNo) -> Quantity {
    free(draft, line).plus(recallable(&draft.order, line).iter().map(|share| share.quantity).sum())
}

const fn stage_of(bucket: Bucket) -> Option<ChangeStage> {
    match bucket {
        Bucket::Open | Bucket::Backordered | Bucket::Reserved => Some(ChangeStage::Unreleased),
        Bucket::Released => Some(ChangeStage::Released),
        Bucket::Picked => Some(ChangeStage::Picked),
        Bucket::Shipped => Some(ChangeStage::Shipped),
        Bucket::Delivered | Bucket::Returned | Bucket::Lost | Bucket::Refused | Bucket::ReturnedToSender => {
            Some(ChangeStage::Delivered)
        }
        Bucket::Cancelled => None,
    }
}

/// How far units of these lines are: those that have not left, where there are any, else all.
fn stage(order: &Order, lines: &[LineNo], through: ChangeStage) -> ChangeStage {
    let buckets = |line: &LineNo| order.line(*line).map(|state| state.buckets);
    let stages: Vec<ChangeStage> = lines.iter().filter_map(buckets).flat_map(stages).collect();
    let within = stages.iter().copied().filter(|stage| *stage <= through).max();
    within.or_else(|| stages.into_iter().min()).unwrap_or(ChangeStage::Unreleased)
}

fn stages(buckets: Buckets) -> impl Iterator<Item = ChangeStage> {
    let there = Bucket::ALL.into_iter().filter(move |bucket| !buckets.get(*bucket).is_zero());
    there.filter_map(stage_of)
}

/// How far the last of `count` units is when those go first that lose least.
fn stage_of_dropping(draft: &Draft<'_>, line: LineNo, count: Quantity) -> ChangeStage {
    let free = free(draft, line);
    if count <= free {
        return ChangeStage::Unreleased;
    }
    let order = &draft.order;
    let in_bucket = |bucket| order.line(line).map_or(Quantity::ZERO, |state| state.buckets.get(bucket));
    let mut reached = free;
    for bucket in [Bucket::Released, Bucket::Picked, Bucket::Shipped] {
        reached = reached.plus(in_bucket(bucket));
        if count <= reached {
            return stage_of(bucket).unwrap_or(ChangeStage::Released);
        }
    }
    ChangeStage::Delivered
}

/// Lines whose units go to the order's address and are given no other way by `amend`.
pub(super) fn shipped_lines(draft: &Draft<'_>, amend: &Amend) -> Vec<LineNo> {
    let given = |line: LineNo| {
        amend
            .changes
            .iter()
            .any(|change| matches!(change, Change::SetDelivery { lines, .. } if lines.contains(&line)))
    };
    let ships = draft.content().numbered().filter(|(_, line)| line.delivery == Delivery::Ship);
    ships.map(|(line, _)| line).filter(|line| !given(*line)).collect()
}

/// What each change concerns. One that sets what is so already concerns nothing.
pub(super) fn concerns(draft: &Draft<'_>, amend: &Amend) -> Vec<Concern> {
    let (order, content) = (&draft.order, draft.content());
    let all: Vec<LineNo> = content.numbered().map(|(line, _)| line).collect();
    let mut found = Vec::new();
    for (index, change) in amend.changes.iter().enumerate() {
        let mut add = |kind, stage, lines: &[LineNo]| {
            found.push(Concern { change: index as u16, kind, stage, lines: lines.to_vec() });
        };
        let before_leaving = |lines: &[LineNo]| stage(order, lines, ChangeStage::Picked);
        match change {
            Change::SetQuantity { line, quantity, .. } => {
                let now = live(order, *line);
                if *quantity > now {
                    add(ChangeKind::IncreaseQuantity, ChangeStage::Unreleased, &[*line]);
                } else if *quantity < now {
                    let stage = stage_of_dropping(draft, *line, now.saturating_sub(*quantity));
                    add(ChangeKind::ReduceQuantity, stage, &[*line]);
                }
            }
            Change::AddLine(_) => add(ChangeKind::AddLine, ChangeStage::Unreleased, &[]),
            Change::Substitute { line, with } => {
                add(ChangeKind::Substitute, stage_of_dropping(draft, *line, with.quantity), &[*line]);
            }
            Change::ShipTo => {
                let lines = shipped_lines(draft, amend);
                add(ChangeKind::ShipTo, before_leaving(&lines), &lines);
            }
            Change::SetDelivery { lines, delivery } => {
                for (kind, lines) in by_kind(draft, lines, delivery) {
                    add(kind, before_leaving(&lines), &lines);
                }
            }
            Change::SetTime { release_at, requested } => {
                if *release_at != content.release_at || *requested != content.requested {
                    let stage = stage(order, &all, ChangeStage::Unreleased);
                    add(ChangeKind::RequestedTime, stage, &[]);
                }
            }
            Change::SetPrice { line, .. } => add(ChangeKind::Price, before_leaving(&[*line]), &[*line]),
            Change::SetDeliveryCharge { .. } => add(ChangeKind::DeliveryCharge, before_leaving(&all), &[]),
            Change::Appease { line, .. } => {
                let lines: &[LineNo] = line.as_slice();
                let stage = stage(order, if lines.is_empty() { &all } else { lines }, ChangeStage::Delivered);
                add(ChangeKind::Appeasement, stage, lines);
            }
            Change::Notes { .. } => add(ChangeKind::Notes, before_leaving(&all), &[]),
        }
    }
    found
}

/// The lines that get another way, by what kind of change that is.
fn by_kind(draft: &Draft<'_>, lines: &[LineNo], new: &Delivery) -> Vec<(ChangeKind, Vec<LineNo>)> {
    let kind = |line: &LineNo| {
        let old = &draft.content().line(*line)?.delivery;
        match (old, new) {
            _ if old == new => None,
            (Delivery::Pickup(_), Delivery::Pickup(_)) => Some(ChangeKind::PickupNode),
            (Delivery::Ship, _) | (_, Delivery::Ship) => Some(ChangeKind::DeliveryMethod),
        }
    };
    let of_kind = |wanted| {
        let lines: Vec<LineNo> = lines.iter().copied().filter(|line| kind(line) == Some(wanted)).collect();
        (wanted, lines)
    };
    let kinds = [ChangeKind::DeliveryMethod, ChangeKind::PickupNode].into_iter().map(of_kind);
    kinds.filter(|(_, lines)| !lines.is_empty()).collect()
}

/// What holds and the policy say.
///
/// # Errors
/// The first change that a hold stops, then the first that the policy refuses.
pub(super) fn allowed(
    state: &OrdersState,
    draft: &Draft<'_>,
    concerns: &[Concern],
) -> Result<Vec<ChangeDecided>, Refusal> {
    for concern in concerns {
        stopped_by_hold(draft, concern.kind, &concern.lines)?;
    }
    let (version, policy) = state.policy();
    let verdict = |concern: &Concern| {
        let Concern { change, kind, stage, .. } = *concern;
        let decided = policy.decide(&draft.cx.origin.channel, kind, stage);
        let (rule, verdict) = (decided.rule, decided.verdict);
        if verdict != Verdict::Refuse {
            return Ok(ChangeDecided { change, kind, stage, rule, verdict });
        }
        let row = rule.and_then(|rule| policy.rules.get(usize::from(rule)));
        let note = row.map_or_else(|| "no rule allows it".to_owned(), |row| row.note.to_string());
        let rule = rule.map_or_else(|| "none".to_owned(), |rule| rule.to_string());
        Err(ChangeRefusal::Forbidden { order: draft.id, kind, stage, rule, version, note }.into())
    };
    concerns.iter().map(verdict).collect()
}

/// Refuses a kind of change of these lines, or of the whole order where none is named, that a standing hold stops.
pub(super) fn stopped_by_hold(draft: &Draft<'_>, kind: ChangeKind, lines: &[LineNo]) -> Result<(), Refusal> {
    let order = &draft.order;
    let concerned = |hold: &OrderHold| match kind {
        // The new line has no number yet: a hold on another line is not about it.
        ChangeKind::AddLine => hold.line.is_none(),
        _ => lines.is_empty() || lines.iter().any(|line| hold.covers(*line)),
    };
    let stops = order.holds.iter().find(|hold| hold.stops(kind) && concerned(hold));
    let Some(hold) = stops else { return Ok(()) };
    let (hold, code) = (hold.number, hold.code().to_string());
    Err(ChangeRefusal::OnHold { order: draft.id, hold, code, kind }.into())
}
