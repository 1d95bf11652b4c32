//! Amendments to ask for, in few words, and what happens at once: refusals, drops of what is not released, money, notes.

use super::build::{line, node, order, pickup, sku, units};
use super::world::{World, goods};
use crate::command::{AddedAmounts, Amend, Cancel, CancelLine, Change, Command, NewLine, Recipient};
use crate::content::{Lookup, LookupKind};
use crate::order::{Amendment, AmendmentRefused, AmendmentState, AmendmentWait};
use crate::refusal::ChangeRefusal;
use crate::units::Bucket;
use crate::{Answer, Refusal, preview};
use waybill_machine::{Code, Coded};
use waybill_types::exchange::Delivery;
use waybill_types::policy::{ChangeKind, ChangeStage, HoldCode};
use waybill_types::{LineNo, LookupDigest, OrderId, Quantity, Sealed, SubjectKey, Text};

pub(super) const FIRST: LineNo = LineNo(1);
pub(super) const SECOND: LineNo = LineNo(2);

/// `count` units at 10.00 each.
pub(super) fn cost(count: u64) -> AddedAmounts {
    AddedAmounts { unit_price: 1000, discount: 0, tax: 0, total: 1000 * count as i64 }
}

pub(super) fn quantity(line: LineNo, count: u64, added: u64) -> Change {
    Change::SetQuantity { line, quantity: units(count), added: (added > 0).then(|| cost(added)) }
}

pub(super) fn add(new: NewLine) -> Change {
    Change::AddLine(Box::new(new))
}

pub(super) fn collect(lines: &[LineNo], at: &str) -> Change {
    Change::SetDelivery { lines: lines.to_vec(), delivery: Delivery::Pickup(node(at)) }
}

pub(super) fn recipient(digest: u8) -> Recipient {
    Recipient {
        subject: SubjectKey(7),
        sealed: Sealed(vec![digest; 3]),
        lookups: vec![
            Lookup { kind: LookupKind::Phone, digest: LookupDigest([digest; 16]) },
            Lookup { kind: LookupKind::Customer, digest: LookupDigest([2; 16]) },
        ],
    }
}

/// The amendment of the order as it is now; another address where one of the changes needs it.
pub(super) fn amending(world: &World, id: OrderId, changes: Vec<Change>) -> Amend {
    let personal = changes.iter().any(|change| matches!(change, Change::ShipTo | Change::Notes { .. }));
    let expected_revision = world.order(id).1.revision;
    Amend { order: id, expected_revision, changes, recipient: personal.then(|| recipient(9)), unserved: None }
}

pub(super) fn amend(world: &mut World, id: OrderId, changes: Vec<Change>) -> Result<u32, Refusal> {
    let amend = amending(world, id, changes);
    match world.ask(&Command::Amend(Box::new(amend)))? {
        Answer::Amended { order, revision, amendment } => {
            assert_eq!((order, revision), (id, world.order(id).1.revision));
            Ok(amendment)
        }
        other => panic!("{other:?}"),
    }
}

/// The last amendment of the order.
pub(super) fn last(world: &World, id: OrderId) -> Amendment {
    world.order(id).1.amendments.last().unwrap().clone()
}

pub(super) fn refusal(world: &World, id: OrderId) -> Option<AmendmentRefused> {
    match last(world, id).state {
        AmendmentState::Refused(why) => Some(why),
        AmendmentState::Applied | AmendmentState::Pending(_) => None,
    }
}

pub(super) fn wait(world: &World, id: OrderId) -> Option<AmendmentWait> {
    last(world, id).pending().map(|pending| pending.waits.clone())
}

pub(super) fn is_applied(world: &World, id: OrderId) -> bool {
    last(world, id).state == AmendmentState::Applied
}

pub(super) fn in_bucket(world: &World, id: OrderId, line: LineNo, bucket: Bucket) -> u64 {
    world.order(id).1.line(line).unwrap().buckets.get(bucket).units()
}

pub(super) fn total(world: &World, id: OrderId) -> i64 {
    let (opening, order) = world.order(id);
    order.content(&opening).amounts.total
}

/// An order at rest whose work is planned and not released.
pub(super) fn unreleased(world: &mut World, lines: Vec<NewLine>) -> OrderId {
    let mut wanted = order("1", lines);
    wanted.release_at = Some(world.now.plus_ms(10_000_000));
    let id = world.place(wanted);
    world.settle();
    id
}

pub(super) fn released(world: &mut World, lines: Vec<NewLine>) -> OrderId {
    let id = world.place(order("1", lines));
    world.settle();
    id
}

/// Picks and ships so many units of the first line.
pub(super) fn ship(world: &mut World, id: OrderId, count: u64) {
    let work = world.order(id).1.works[0].id;
    world.pick(work, FIRST, units(count));
    world.ship(work);
    world.settle();
}

/// The node's partition says that it has the work, which no caller can see: nobody must decide anew for that.
#[test]
fn what_nobody_sees_makes_no_decision_stale() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    let mut wanted = order("1", vec![line("A", 3)]);
    wanted.release_at = Some(world.now.plus_ms(10_000_000));
    let id = world.place(wanted);
    while in_bucket(&world, id, FIRST, Bucket::Reserved) == 0 {
        assert!(
            world.answer_note() || world.deliver_out(0) || world.deliver_in(0),
            "it is reserved in the end"
        );
    }
    let seen = world.order(id).1.revision;
    world.settle();
    let current = world.order(id).1.revision;
    assert!(current > seen, "the work was taken since");
    let cancel = |expected| {
        let lines = vec![CancelLine { line: FIRST, quantity: Some(units(1)) }];
        Command::Cancel(Cancel { order: id, expected_revision: Some(expected), lines })
    };
    for old in [0, 1, current + 1] {
        let refused = world.ask(&cancel(old)).unwrap_err();
        assert_eq!(refused, Refusal::StaleRevision { order: id, expected: old, current });
    }
    let asked = Amend { expected_revision: seen, ..amending(&world, id, vec![quantity(FIRST, 2, 0)]) };
    world.ask(&Command::Amend(Box::new(asked))).unwrap();
    assert!(is_applied(&world, id));
    assert_eq!(world.ask(&cancel(seen)).unwrap_err().reason(), "STALE_REVISION");
}

#[test]
fn of_two_agents_who_edit_one_revision_the_second_is_told_the_current_one() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    let id = unreleased(&mut world, vec![line("A", 5)]);
    let seen = world.order(id).1.revision;
    let first = Amend { expected_revision: seen, ..amending(&world, id, vec![quantity(FIRST, 4, 0)]) };
    let second = Amend { expected_revision: seen, ..amending(&world, id, vec![quantity(FIRST, 3, 0)]) };
    world.ask(&Command::Amend(Box::new(first))).unwrap();
    let current = world.order(id).1.revision;
    let refused = world.ask(&Command::Amend(Box::new(second))).unwrap_err();
    assert_eq!(refused, Refusal::StaleRevision { order: id, expected: seen, current });
    let history = world.state.history(id).unwrap().unwrap();
    let since: Vec<&str> = history[seen as usize..].iter().map(|entry| entry.what.name()).collect();
    assert_eq!(since, ["AmendmentStarted", "AmendmentApplied"], "what changed stands in the history");
    world.settle();
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Reserved), 4);
    world.audit_at_rest();
}

#[test]
fn a_line_of_five_with_two_shipped_cannot_become_one_and_becomes_two_by_cancelling_three() {
    let mut world = World::with_stock(&[("A", "n1", 5)]);
    let id = released(&mut world, vec![line("A", 5)]);
    ship(&mut world, id, 2);
    let refused = amend(&mut world, id, vec![quantity(FIRST, 1, 0)]).unwrap_err();
    let below = ChangeRefusal::BelowFloor { order: id, line: FIRST, asked: 1, floor: 2 };
    assert_eq!(refused, below.into());
    amend(&mut world, id, vec![quantity(FIRST, 2, 0)]).unwrap();
    assert!(matches!(wait(&world, id), Some(AmendmentWait::Recalls)), "the node must give three back");
    world.settle();
    assert!(is_applied(&world, id));
    let at = [Bucket::Shipped, Bucket::Cancelled, Bucket::Released].map(|b| in_bucket(&world, id, FIRST, b));
    assert_eq!(at, [2, 3, 0]);
    assert_eq!(world.stock[&goods("A", "n1")], units(3), "their claims are given back");
    world.audit_at_rest();
}

#[test]
fn fewer_units_of_what_is_not_released_happen_at_once() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = unreleased(&mut world, vec![line("A", 5)]);
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Backordered), 3);
    amend(&mut world, id, vec![quantity(FIRST, 1, 0)]).unwrap();
    assert!(is_applied(&world, id), "nobody has to be asked");
    world.settle();
    let at = [Bucket::Reserved, Bucket::Backordered, Bucket::Cancelled];
    assert_eq!(at.map(|bucket| in_bucket(&world, id, FIRST, bucket)), [1, 0, 4], "what waits goes first");
    assert!(world.waits.is_empty());
    assert_eq!(world.stock[&goods("A", "n1")], units(1));
    world.audit_at_rest();
}

#[test]
fn a_line_set_to_nothing_is_removed_while_the_rest_goes_on() {
    for steps in 0..12 {
        let mut world = World::with_stock(&[("A", "n1", 3), ("B", "n2", 2)]);
        let mut wanted = order("1", vec![line("A", 3), line("B", 2)]);
        wanted.release_at = Some(world.now.plus_ms(1_000_000));
        let id = world.place(wanted);
        for step in 0..steps {
            match step % 3 {
                0 => world.answer_note(),
                1 => world.deliver_out(step),
                _ => world.deliver_in(step),
            };
        }
        amend(&mut world, id, vec![quantity(FIRST, 0, 0)]).unwrap();
        world.audit();
        world.settle();
        assert!(is_applied(&world, id), "after {steps} steps");
        assert_eq!(in_bucket(&world, id, FIRST, Bucket::Cancelled), 3);
        assert_eq!(in_bucket(&world, id, SECOND, Bucket::Reserved), 2);
        assert_eq!(world.stock[&goods("A", "n1")], units(3), "after {steps} steps");
        world.audit_at_rest();
    }
}

#[test]
fn money_off_touches_no_reservation_even_of_what_was_shipped() {
    let mut world = World::with_stock(&[("A", "n1", 3)]);
    let id = released(&mut world, vec![line("A", 3)]);
    ship(&mut world, id, 3);
    let (before, claims) = (world.order(id).1, world.claims.clone());
    let off = Change::Appease { line: Some(FIRST), amount: 500 };
    amend(&mut world, id, vec![off]).unwrap();
    let (_, after) = world.order(id);
    assert!(is_applied(&world, id));
    assert_eq!(total(&world, id), 2_500);
    assert!(world.sent.values().all(|queue| queue.is_empty()), "nobody is told anything");
    assert_eq!(
        (&after.works, &after.lines, after.last_attempt),
        (&before.works, &before.lines, before.last_attempt)
    );
    assert_eq!(world.claims, claims);
    world.audit_at_rest();
    let too_much = amend(&mut world, id, vec![Change::Appease { line: None, amount: 2_501 }]).unwrap_err();
    assert_eq!(too_much.violations()[0].field, "changes[0].amount");
}

#[test]
fn a_price_from_the_web_waits_for_a_yes_and_one_from_the_call_center_does_not() {
    let price = || Change::SetPrice {
        line: FIRST,
        amounts: AddedAmounts { unit_price: 800, total: 1_600, ..cost(0) },
    };
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    let number = amend(&mut world, id, vec![price()]).unwrap();
    assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
    assert_eq!(total(&world, id), 2_000);
    let again = amend(&mut world, id, vec![price()]).unwrap_err();
    assert_eq!(again, ChangeRefusal::AmendmentPending { order: id, amendment: number }.into());
    let decide = |approve| Command::DecideAmendment { order: id, amendment: number, approve };
    world.restart();
    world.ask(&decide(true)).unwrap();
    assert!(is_applied(&world, id));
    assert_eq!(total(&world, id), 1_600);
    let over = world.ask(&decide(true)).unwrap_err();
    assert_eq!(over, ChangeRefusal::AmendmentNotWaiting { order: id, amendment: number }.into());
    let back = Change::SetPrice { line: FIRST, amounts: cost(2) };
    let by_phone = Command::Amend(Box::new(amending(&world, id, vec![back])));
    world.ask_from("call_center", &by_phone).unwrap();
    assert!(is_applied(&world, id));
    assert_eq!(total(&world, id), 2_000);
    world.settle();
    world.audit_at_rest();
}

#[test]
fn an_approval_that_is_refused_or_never_given_leaves_the_order_as_it_was() {
    for says_no in [true, false] {
        let mut world = World::with_stock(&[("A", "n1", 2)]);
        let id = unreleased(&mut world, vec![line("A", 2)]);
        let price = AddedAmounts { unit_price: 1, total: 2, ..cost(0) };
        let number = amend(&mut world, id, vec![Change::SetPrice { line: FIRST, amounts: price }]).unwrap();
        if says_no {
            world.ask(&Command::DecideAmendment { order: id, amendment: number, approve: false }).unwrap();
            assert_eq!(refusal(&world, id), Some(AmendmentRefused::NotApproved));
        } else {
            world.tick(86_399_999);
            assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
            world.tick(1);
            assert_eq!(refusal(&world, id), Some(AmendmentRefused::TooLate));
        }
        assert_eq!(total(&world, id), 2_000);
        world.settle();
        world.audit_at_rest();
    }
}

#[test]
fn units_that_leave_before_a_price_is_approved_keep_theirs_and_the_amendment_comes_to_nothing() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = world.place(order("1", vec![line("A", 2)]));
    world.settle();
    let price = AddedAmounts { unit_price: 1, total: 2, ..cost(0) };
    amend(&mut world, id, vec![Change::SetPrice { line: FIRST, amounts: price }]).unwrap();
    assert_eq!(wait(&world, id), Some(AmendmentWait::Approval));
    world.send_all();
    assert_eq!(refusal(&world, id), Some(AmendmentRefused::Overtaken));
    assert_eq!(total(&world, id), 2_000);
    world.audit_at_rest();
}

#[test]
fn a_hold_stops_the_changes_it_names_and_survives_the_others() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("A", "n2", 2)]);
    let code = HoldCode::new("fraud").unwrap();
    let mut wanted = order("1", vec![pickup("A", 2, "n1")]);
    wanted.order_holds = vec![code.clone()];
    let id = world.place(wanted);
    world.settle();
    let refused = amend(&mut world, id, vec![collect(&[FIRST], "n2")]).unwrap_err();
    let kind = ChangeKind::PickupNode;
    assert_eq!(refused, ChangeRefusal::OnHold { order: id, hold: 1, code: code.to_string(), kind }.into());
    assert_eq!(refused.reason(), "ORDER_ON_HOLD");
    amend(&mut world, id, vec![quantity(FIRST, 1, 0)]).unwrap();
    world.settle();
    let (_, order) = world.order(id);
    assert!(order.holds[0].stands() && order.holds[0].changed_since, "the edited order is looked at again");
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Reserved), 1, "still held");
    world.audit_at_rest();
}

#[test]
fn what_the_policy_refuses_is_refused_with_its_rule() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = released(&mut world, vec![line("A", 2)]);
    world.pick(world.order(id).1.works[0].id, FIRST, units(1));
    world.settle();
    match amend(&mut world, id, vec![Change::ShipTo]).unwrap_err() {
        Refusal::Change(ChangeRefusal::Forbidden { kind, stage, rule, version, note, .. }) => {
            assert_eq!((kind, stage, version), (ChangeKind::ShipTo, ChangeStage::Picked, 0));
            assert_eq!((rule.as_str(), note.as_str()), ("17", "in hand or gone"));
        }
        other => panic!("{other:?}"),
    }
    let market =
        Command::Amend(Box::new(amending(&world, id, vec![Change::Appease { line: None, amount: 1 }])));
    let refused = world.ask_from("marketplace", &market).unwrap_err();
    assert_eq!(refused.reason(), "CHANGE_FORBIDDEN");
}

#[test]
fn added_units_without_prices_are_refused_and_previewed_as_needing_them() {
    let mut world = World::with_stock(&[("A", "n1", 9)]);
    let id = unreleased(&mut world, vec![line("A", 1)]);
    let more = || vec![Change::SetQuantity { line: FIRST, quantity: units(3), added: None }];
    let refused = amend(&mut world, id, more()).unwrap_err();
    assert_eq!(refused, ChangeRefusal::PricingNeeded { field: "changes[0].added".into() }.into());
    let amend = amending(&world, id, more());
    let seen = world.look(|state, cx| preview(state, &amend, cx)).unwrap();
    assert_eq!(seen.needs_pricing, ["changes[0].added"]);
    assert_eq!(seen.adds[0].quantity, units(2));
    let question = seen.needs.question.unwrap();
    assert_eq!(question.lines[0].quantity, units(2), "only the new units are sourced");
}

#[test]
fn wrong_fields_are_all_named() {
    let mut world = World::with_stock(&[("A", "n1", 9)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    let mut empty = line("B", 1);
    empty.quantity = Quantity::ZERO;
    let changes = vec![
        quantity(LineNo(7), 1, 0),
        quantity(FIRST, 1, 0),
        quantity(FIRST, 2, 0),
        add(empty),
        collect(&[], "n1"),
        Change::ShipTo,
    ];
    let mut amend = amending(&world, id, changes);
    amend.recipient = None;
    let refused = world.ask(&Command::Amend(Box::new(amend))).unwrap_err();
    let fields: Vec<String> = refused.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(
        fields,
        [
            "changes[0].line_number",
            "changes[2]",
            "changes[3].line.quantity",
            "changes[4].line_numbers",
            "recipient"
        ]
    );
    let nothing = amend_nothing(&mut world, id);
    assert_eq!(nothing, ChangeRefusal::NothingChanges { order: id }.into());
    let many = (0..101).map(|_| Change::Appease { line: None, amount: 1 }).collect();
    assert_eq!(super::amending::amend(&mut world, id, many).unwrap_err().code(), Code::Malformed);
    let wrong_sum = AddedAmounts { total: 1, ..cost(1) };
    let changes = vec![Change::SetQuantity { line: FIRST, quantity: units(3), added: Some(wrong_sum) }];
    let refused = super::amending::amend(&mut world, id, changes).unwrap_err();
    assert_eq!(refused.violations()[0].field, "changes[0].added.total");
}

fn amend_nothing(world: &mut World, id: OrderId) -> Refusal {
    amend(world, id, vec![quantity(FIRST, 2, 0)]).unwrap_err()
}

#[test]
fn another_recipient_is_found_by_what_they_are_and_no_more_by_what_they_were() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = released(&mut world, vec![line("A", 2)]);
    let found = |world: &World, digest: u8| {
        world.state.by_lookup(LookupKind::Phone, LookupDigest([digest; 16]), None, 10)
    };
    assert_eq!(found(&world, 1), [id]);
    amend(&mut world, id, vec![Change::Notes { attributes: None }]).unwrap();
    assert!(is_applied(&world, id), "a gift note asks nobody");
    assert_eq!((found(&world, 1), found(&world, 9)), (vec![], vec![id]));
    let (opening, order) = world.order(id);
    assert_eq!(order.content(&opening).recipient, Some(Sealed(vec![9; 3])));
    world.ask(&Command::EraseSubject(id)).unwrap();
    assert!(found(&world, 9).is_empty());
    let refused = amend(&mut world, id, vec![Change::ShipTo]).unwrap_err();
    assert_eq!(refused, ChangeRefusal::Erased { order: id }.into());
    world.audit_at_rest();
}

#[test]
fn an_order_that_does_not_stand_is_not_changed() {
    let mut world = World::with_stock(&[("A", "n1", 2)]);
    let id = world.place(super::build::confirm("1", vec![line("A", 5)]));
    let refused = amend(&mut world, id, vec![quantity(FIRST, 1, 0)]).unwrap_err();
    assert_eq!(refused, ChangeRefusal::NotStanding { order: id, status: "pending" }.into());
    let unknown = Amend { order: OrderId::new(0, 99), ..amending(&world, id, Vec::new()) };
    let refused = world.ask(&Command::Amend(Box::new(unknown))).unwrap_err();
    assert_eq!(refused, Refusal::UnknownOrder(OrderId::new(0, 99)));
}

#[test]
fn other_goods_in_place_of_a_line_drop_it_and_join_in_one_step() {
    let mut world = World::with_stock(&[("A", "n1", 2), ("B", "n1", 1)]);
    let id = unreleased(&mut world, vec![line("A", 2)]);
    let with = Box::new(line("B", 1));
    amend(&mut world, id, vec![Change::Substitute { line: FIRST, with }]).unwrap();
    assert!(matches!(wait(&world, id), Some(AmendmentWait::Plan { .. })));
    assert_eq!(
        in_bucket(&world, id, FIRST, Bucket::Cancelled),
        0,
        "nothing is called off before it has its place"
    );
    world.settle();
    assert!(is_applied(&world, id));
    let (opening, order) = world.order(id);
    assert_eq!(order.content(&opening).lines[1].sku, sku("B"));
    assert_eq!(order.content(&opening).lines[1].external, Text::new("").unwrap());
    assert_eq!(in_bucket(&world, id, FIRST, Bucket::Cancelled), 1);
    assert_eq!(in_bucket(&world, id, SECOND, Bucket::Reserved), 1);
    world.audit_at_rest();
}
