//! The bytes of events, rows and answers as they are on disk. A line of `stored.txt` is never changed: old journals
//! hold such bytes for good. A new variant or field adds lines.

use super::*;
use crate::event::{ConsumedLine, Event, GrantedLine, LostLine};
use crate::item::{Alias, BundlePart, Dimensions};
use crate::reservation::{Intent, Reservation, ReservationLine, Standing};
use crate::stock::StockRow;
use crate::wait::{Turn, Wait, WaitPlace};
use crate::{AliasClaim, CountOutcome, ItemOutcome, ItemRecord, MovementKind, PositionView, RowRefusal};
use waybill_machine::Record;
use waybill_machine::record::{decode, encode};
use waybill_types::exchange::{Fate, HoldAnswer, Shortage, TakeOver};

const STORED: &str = include_str!("stored.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What `value` is stored as today under `name`, after reading it back.
fn line<T: Record + PartialEq + std::fmt::Debug>(name: &str, value: &T) -> String {
    let bytes = encode(value);
    assert_eq!(&decode::<T>(&bytes).unwrap(), value, "{name}");
    format!("{name} {}", hex(&bytes))
}

fn hold() -> ReservationId {
    ReservationId::Hold { home: 3, hold: HoldId([7; 16]) }
}

fn part_of(number: u64) -> ReservationId {
    ReservationId::Order { home: 1, order: order(number), attempt: 2 }
}

fn record() -> ItemRecord {
    let full = Item {
        dimensions: Some(Dimensions { length_mm: 300, width_mm: 200, height_mm: 5 }),
        flags: ItemFlags { no_split: true, expiry_tracked: true, ..ItemFlags::default() },
        aliases: vec![Alias { kind: text("gtin"), value: text("4006381333931") }],
        return_window_days: Some(30),
        bundle_parts: vec![BundlePart { sku: sku("B"), quantity: q(2) }],
        substitutes: vec![sku("C")],
        attributes: Attributes::new([("colour", "red")]).unwrap(),
        inactive: true,
        ..item("A")
    };
    ItemRecord { revision: 3, item: full }
}

fn events() -> Vec<(&'static str, Event)> {
    let (id, at) = (hold(), Timestamp::from_ms(1_700_000_000_000));
    let asked = claim("A", "n1", 5);
    let lines = vec![GrantedLine { asked: asked.clone(), granted: q(4) }];
    let request = ReserveRequest {
        id: part_of(9),
        claims: vec![asked.clone()],
        mode: ReserveMode::BestEffort,
        expires_at: None,
        takes_over: Vec::new(),
    };
    let short = vec![Shortage { asked: asked.clone(), available: q(1) }];
    let spot = spot("A", "n1");
    let condition = Condition::Damaged;
    let (mode, owner) = (ReserveMode::AllOrNothing, OwnerId::main());
    vec![
        ("ItemUpserted", Event::ItemUpserted(Box::new(record()))),
        (
            "StockMoved",
            Event::StockMoved {
                spot: spot.clone(),
                condition,
                kind: MovementKind::Receipt,
                delta: -3,
                reference: text("note 7"),
            },
        ),
        (
            "StockCounted",
            Event::StockCounted {
                spot: spot.clone(),
                condition,
                counted: q(9),
                delta: 2,
                source: text("wms"),
                sequence: 77,
            },
        ),
        ("SafetyStockSet", Event::SafetyStockSet { spot, safety_stock: q(2) }),
        (
            "ReservationGranted",
            Event::ReservationGranted {
                id,
                order: None,
                mode,
                expires_at: Some(at),
                lines: lines.clone(),
                taken: Vec::new(),
            },
        ),
        (
            "PartTaken",
            Event::PartTaken {
                request,
                order: Some(order(9)),
                before: vec![asked.clone()],
                lines,
                due: at,
                taking: Vec::new(),
            },
        ),
        (
            "ReservationRefused",
            Event::ReservationRefused { id, outcome: ReserveOutcome::Refused(short.clone()) },
        ),
        ("ReservationDecided", Event::ReservationDecided { id, outcome: ReserveOutcome::Contended(short) }),
        ("PartSettled", Event::PartSettled { id, fate: Fate::Held }),
        ("ReservationCommitted", Event::ReservationCommitted { id, order: order(9) }),
        ("ReservationReleased", Event::ReservationReleased { id }),
        ("ReservationExpired", Event::ReservationExpired { id }),
        ("IntentKept", Event::IntentKept { id, intent: Intent::Adopt(order(9)) }),
        ("UnitsReleased", Event::UnitsReleased { id, claims: vec![asked.clone()] }),
        (
            "UnitsConsumed",
            Event::UnitsConsumed { id, lines: vec![ConsumedLine { shipped: asked.clone(), of_claim: q(4) }] },
        ),
        (
            "UnitsNotFound",
            Event::UnitsNotFound {
                id,
                lines: vec![LostLine { missing: asked.clone(), of_claim: q(4), corrected: q(3) }],
            },
        ),
        ("TombstoneLeft", Event::TombstoneLeft { id, until: at }),
        ("TombstoneForgotten", Event::TombstoneForgotten { id }),
        ("AbandonSent", Event::AbandonSent { id }),
        ("HomeAsked", Event::HomeAsked { id, again_at: at }),
        ("OutcomeRepeated", Event::OutcomeRepeated { id, outcome: ReserveOutcome::Granted(vec![asked]) }),
        (
            "PartAnswered",
            Event::PartAnswered { id, part: PartitionId::new(Service::Inventory, 2), fate: Fate::Refused },
        ),
        (
            "HoldAnswered",
            Event::HoldAnswered { id, order: order(9), answer: HoldAnswer::Gone(Some(order(8))) },
        ),
        (
            "StockAwaited",
            Event::StockAwaited {
                order: order(9),
                sku: sku("A"),
                owner: owner.clone(),
                quantity: q(2),
                priority: 5,
                since: at,
            },
        ),
        ("StockForgotten", Event::StockForgotten { order: order(9), sku: sku("A"), owner: owner.clone() }),
        (
            "WaitersTold",
            Event::WaitersTold {
                sku: sku("A"),
                owner,
                orders: vec![order(9)],
                nodes: Vec::new(),
                in_turn: false,
            },
        ),
    ]
}

/// Events of orders that change and goods that come back, and the fields of older events that only those use.
fn events_of_changes() -> Vec<(&'static str, Event)> {
    let (from, to, at) = (hold(), part_of(9), Timestamp::from_ms(1_700_000_000_000));
    let claims = vec![claim("A", "n1", 5)];
    let lines = vec![GrantedLine { asked: claims[0].clone(), granted: q(5) }];
    let taken = vec![TakeOver { from, claims: claims.clone() }];
    let request = ReserveRequest {
        id: to,
        claims: claims.clone(),
        mode: ReserveMode::AllOrNothing,
        expires_at: None,
        takes_over: taken.clone(),
    };
    let alias = Alias { kind: text("gtin"), value: text("1") };
    vec![
        ("AliasClaimed", Event::AliasClaimed(alias, alias_claim())),
        ("ItemFenced", Event::ItemFenced(sku("A"), 4)),
        (
            "ReservationGranted.taken",
            Event::ReservationGranted {
                id: to,
                order: Some(order(9)),
                mode: ReserveMode::AllOrNothing,
                expires_at: None,
                lines: lines.clone(),
                taken: taken.clone(),
            },
        ),
        (
            "PartTaken.taking",
            Event::PartTaken { request, order: None, before: Vec::new(), lines, due: at, taking: taken },
        ),
        ("UnitsTakenOver", Event::UnitsTakenOver { from, to, claims: claims.clone() }),
        ("UnitsSeized", Event::UnitsSeized { id: to, claims }),
        (
            "StockDisposed",
            Event::StockDisposed {
                spot: spot("A", "n1"),
                from: Condition::Inspect,
                to: Condition::Sellable,
                quantity: q(2),
                reference: text("RMA 7"),
            },
        ),
        (
            "WaitersTold.nodes",
            Event::WaitersTold {
                sku: sku("A"),
                owner: OwnerId::main(),
                orders: vec![order(8), order(9)],
                nodes: vec![Vec::new(), vec![node("n1"), node("n2")]],
                in_turn: false,
            },
        ),
        (
            "WaitersTold.in_turn",
            Event::WaitersTold {
                sku: sku("A"),
                owner: OwnerId::main(),
                orders: vec![order(8)],
                nodes: Vec::new(),
                in_turn: true,
            },
        ),
    ]
}

fn alias_claim() -> AliasClaim {
    AliasClaim { sku: sku("A"), revision: 3, at: Timestamp::from_ms(1_700_000_000_000) }
}

fn position() -> Position {
    let mut position = Position::empty(node("n1"));
    position.book(MovementKind::Receipt, Condition::Sellable, 9);
    position.set_mark(&text("wms"), Condition::Sellable, 77);
    position.claim(q(4), true);
    (position.revision, position.sequence) = (3, 12_345);
    position.changed_at = Timestamp::from_ms(1_700_000_000_000);
    position
}

fn rows() -> Vec<String> {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n1", 5);
    let id = cluster.hold(1, 60_000, &[claim("A", "n1", 2)]).unwrap().id;
    let held: Reservation = (*cluster.state(id.home()).reservations.get(&id).unwrap()).clone();
    let undecided = Reservation {
        standing: Standing::Undecided {
            due: Some(Timestamp::from_ms(5)),
            expires_at: Some(Timestamp::from_ms(9)),
            order: None,
            intent: Some(Intent::Release),
        },
        chain: vec![0, 3],
        elsewhere: vec![claim("B", "n2", 1)],
        ..held.clone()
    };
    let taken = vec![TakeOver { from: part_of(9), claims: vec![claim("A", "n1", 1)] }];
    let awaited = ReservationLine { awaited: q(1), ..held.lines[0].clone() };
    let taking = Reservation { taking: taken, lines: vec![awaited], ..undecided.clone() };
    let committed = Reservation { standing: Standing::Committed { order: Some(order(9)) }, ..held.clone() };
    let stock = StockRow {
        bits: 2,
        rises: 7,
        risen_at: Timestamp::from_ms(8),
        waiting: 1,
        positions: vec![position()],
        lifts: 0,
        looking: 0,
        turn: None,
    };
    let place = WaitPlace { priority: 5, since: Timestamp::from_ms(8) };
    let turn = Some(Turn { place, order: order(9) });
    let offered = StockRow { waiting: 3, looking: 2, turn, ..StockRow::default() };
    let lifted = Position { lifted: 300, ..position() };
    let lifted = StockRow { lifts: 300, positions: vec![lifted], ..StockRow::default() };
    let given = Reservation { takers: vec![part_of(9)], ..committed.clone() };
    let view = committed.view(id);
    let refused = RowRefusal::AliasTaken { kind: text("gtin"), value: text("1"), sku: sku("B") };
    let counted = CountOutcome::Refused(RowRefusal::TooManySources(16));
    let outcomes = vec![CountOutcome::Applied(1), CountOutcome::Ignored(2), counted];
    let named = PositionView::new(&spot("A", "n1"), position());
    vec![
        line("row.item", &record()),
        line("row.stock", &stock),
        line("row.reservation.held", &held),
        line("row.reservation.undecided", &undecided),
        line("row.reservation.committed", &committed),
        line("row.wait", &Wait { quantity: q(3), told: Some(7), knows: 0 }),
        line("row.wait_place", &WaitPlace { priority: 5, since: Timestamp::from_ms(8) }),
        line("answer.nothing", &Answer::Nothing),
        line("answer.items", &Answer::Items(vec![ItemOutcome::Created(1), ItemOutcome::Refused(refused)])),
        line("answer.position", &Answer::Position(named.clone())),
        line("answer.counted", &Answer::Counted(named, true)),
        line("answer.counted_many", &Answer::CountedMany(outcomes)),
        line("answer.reservation", &Answer::Reservation(view)),
        line("row.reservation.taking", &taking),
        line("row.reservation.taken_from", &given),
        line("row.stock.lifted", &lifted),
        line("row.stock.offered", &offered),
        line("row.alias_claim", &alias_claim()),
        line("answer.codes", &Answer::Codes(vec![None, Some(alias_claim())])),
        line(
            "answer.items.overtaken",
            &Answer::Items(vec![ItemOutcome::Refused(RowRefusal::Overtaken(sku("A")))]),
        ),
        line("row.wait.knows", &Wait { quantity: q(3), told: None, knows: 300 }),
    ]
}

#[test]
fn what_is_stored_today_is_what_was_stored_and_old_bytes_are_read() {
    let mut today: Vec<String> = events().iter().map(|(name, event)| line(name, event)).collect();
    today.extend(events_of_changes().iter().map(|(name, event)| line(name, event)));
    today.extend(rows());
    // What is new may stand anywhere in the lists above; here it is added at the end.
    for then in STORED.lines() {
        assert!(
            today.iter().any(|now| now == then),
            "stored bytes never change:\n{then}\nnow:\n{}",
            today.join("\n")
        );
    }
    let new: Vec<&String> = today.iter().filter(|now| STORED.lines().all(|then| then != *now)).collect();
    assert!(new.is_empty(), "add the lines of what is new: {new:#?}");
}
