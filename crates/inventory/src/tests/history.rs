//! Property: random command histories over one partition keep the law after every step, answers tell the state as it
//! is kept, and replaying the events gives the same state.

use super::*;
use crate::{CountRow, MovementKind};
use proptest::prelude::*;
use waybill_types::exchange::{LandedGoods, Landing, TakeOver};

#[derive(Clone, Debug)]
enum Act {
    Receive(u8, u8, u8, u64),
    Adjust(u8, u8, u8, i64),
    Count(u8, u8, u8, u64, u64),
    Safety(u8, u8, u64),
    Dispose(u8, u8, (u8, u8), u64),
    Land(u8, u8, u8, u64),
    Reserve {
        number: u8,
        claims: Vec<(u8, u8, u64)>,
        best_effort: bool,
        ttl_ms: Option<i64>,
        from: Option<u8>,
    },
    Commit(u8, u64),
    Release(u8, Option<(u8, u8, u64)>),
    Consume(u8, Option<(u8, u8, u64)>),
    Message(u8, u8, Vec<(u8, u8, u64)>),
    Await(u8, u64, u64, u8),
    Forget(u8, u64),
    Upsert(u8, bool),
    Advance(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let at = || (0u8..3, 0u8..3);
    let claim = || (0u8..3, 0u8..3, 1u64..5);
    prop_oneof![
        3 => (at(), 0u8..3, 0u64..9).prop_map(|((s, n), c, q)| Act::Receive(s, n, c, q)),
        2 => (at(), 0u8..3, -6i64..6).prop_map(|((s, n), c, d)| Act::Adjust(s, n, c, d)),
        2 => (at(), 0u8..3, 0u64..9, 0u64..30).prop_map(|((s, n), c, q, seq)| Act::Count(s, n, c, q, seq)),
        1 => (at(), 0u64..4).prop_map(|((s, n), q)| Act::Safety(s, n, q)),
        1 => (at(), (0u8..3, 0u8..3), 0u64..4).prop_map(|((s, n), way, q)| Act::Dispose(s, n, way, q)),
        1 => (at(), 0u8..4, 0u64..4).prop_map(|((s, n), l, q)| Act::Land(s, n, l, q)),
        8 => (
            0u8..12,
            prop::collection::vec(claim(), 1..4),
            any::<bool>(),
            prop::option::of(1i64..9_000),
            prop::option::of(0u8..12)
        )
            .prop_map(|(number, claims, best_effort, ttl_ms, from)| {
                Act::Reserve { number, claims, best_effort, ttl_ms, from }
            }),
        3 => (0u8..12, 1u64..3).prop_map(|(id, order)| Act::Commit(id, order)),
        3 => (0u8..12, prop::option::of(claim())).prop_map(|(id, claim)| Act::Release(id, claim)),
        3 => (0u8..12, prop::option::of(claim())).prop_map(|(id, claim)| Act::Consume(id, claim)),
        6 => (0u8..7, 0u8..12, prop::collection::vec(claim(), 1..3))
            .prop_map(|(kind, id, claims)| Act::Message(kind, id, claims)),
        2 => (0u8..3, 1u64..6, 1u64..9, 0u8..3).prop_map(|(s, o, q, p)| Act::Await(s, o, q, p)),
        1 => (0u8..3, 1u64..6).prop_map(|(s, o)| Act::Forget(s, o)),
        1 => (0u8..3, any::<bool>()).prop_map(|(s, inactive)| Act::Upsert(s, inactive)),
        3 => (0i64..4_000).prop_map(Act::Advance),
    ]
}

fn named(raw: (u8, u8, u64)) -> Claim {
    claim(&format!("A{}", raw.0), &format!("n{}", raw.1), raw.2)
}

fn hold(number: u8) -> ReservationId {
    ReservationId::Hold { home: 0, hold: HoldId([number; 16]) }
}

fn command(act: &Act, now: Timestamp) -> Option<Command> {
    let spot = |s: u8, n: u8| spot(&format!("A{s}"), &format!("n{n}"));
    let condition = |c: u8| Condition::ALL[usize::from(c)];
    let message = |message| Command::Message { from: ORDERS, message };
    Some(match act {
        Act::Receive(s, n, c, units) => Command::Receive {
            spot: spot(*s, *n),
            condition: condition(*c),
            quantity: q(*units),
            reference: text("note"),
        },
        Act::Adjust(s, n, c, delta) => {
            Command::Adjust { spot: spot(*s, *n), condition: condition(*c), delta: *delta }
        }
        Act::Count(s, n, c, units, sequence) => {
            let (counted, sequence) = (q(*units), *sequence);
            let row = CountRow { spot: spot(*s, *n), condition: condition(*c), counted, sequence };
            Command::Count { source: text("wms"), row }
        }
        Act::Safety(s, n, units) => Command::SetSafetyStock { spot: spot(*s, *n), safety_stock: q(*units) },
        Act::Dispose(s, n, (from, to), units) => Command::Disposition {
            spot: spot(*s, *n),
            from: condition(*from),
            to: condition(*to),
            quantity: q(*units),
            reference: text(""),
        },
        Act::Land(s, n, landing, units) => {
            let landings = [Landing::Sellable, Landing::Inspect, Landing::Damaged, Landing::Scrapped];
            let landing = landings[usize::from(*landing)];
            let goods = LandedGoods { goods: named((*s, *n, *units)), landing };
            message(Message::GoodsReturned(order(1), text("R"), vec![goods]))
        }
        Act::Reserve { number, claims, best_effort, ttl_ms, from } => {
            let claims: Vec<Claim> = claims.iter().copied().map(named).collect();
            let take = |from: &u8| TakeOver { from: hold(*from), claims: claims.clone() };
            let request = ReserveRequest {
                id: hold(*number),
                takes_over: from.iter().map(take).collect(),
                claims: claims.clone(),
                mode: if *best_effort { ReserveMode::BestEffort } else { ReserveMode::AllOrNothing },
                expires_at: ttl_ms.map(|ttl| now.plus_ms(ttl)),
            };
            Command::Reserve { request, order: ttl_ms.is_none().then(|| order(1)) }
        }
        Act::Commit(id, number) => Command::CommitHold { id: hold(*id), order: order(*number) },
        Act::Release(id, some) => Command::Release { id: hold(*id), claims: some.map(|c| vec![named(c)]) },
        Act::Consume(id, some) => Command::Consume { id: hold(*id), claims: some.map(|c| vec![named(c)]) },
        Act::Message(kind, id, claims) => {
            let (id, claims) = (hold(*id), claims.iter().copied().map(named).collect());
            message(match kind {
                0 => Message::Release(id, claims),
                1 => Message::Consume(id, claims),
                2 => Message::NotFound(id, claims),
                3 => Message::AdoptHold(id, order(2)),
                4 => Message::AskHome(id, PartitionId::new(Service::Inventory, 0)),
                5 => Message::Seize(id, claims),
                _ => Message::Abandon(id),
            })
        }
        Act::Await(s, number, units, priority) => message(Message::AwaitStock {
            order: order(*number),
            sku: sku(&format!("A{s}")),
            owner: OwnerId::main(),
            quantity: q(*units),
            priority: *priority,
            since: now,
        }),
        Act::Forget(s, number) => {
            message(Message::ForgetStock(order(*number), sku(&format!("A{s}")), OwnerId::main()))
        }
        Act::Upsert(s, inactive) => {
            let item = Item { inactive: *inactive, ..item(&format!("A{s}")) };
            Command::UpsertItems(vec![ItemRow { item, expected_revision: None }])
        }
        Act::Advance(_) => return None,
    })
}

/// An answer about a position or a reservation is what the state says right after.
fn check_answer(cluster: &Cluster, answer: &Answer) {
    match answer {
        Answer::Position(view) | Answer::Counted(view, _) => {
            let (sku, owner, node) = (view.sku.clone(), view.owner.clone(), view.position.node.clone());
            let kept = read::position(cluster.state(cluster.home("A0")), &Spot { sku, owner, node });
            assert_eq!(kept.as_ref(), Some(view));
        }
        Answer::Reservation(view) => match read::reservation(cluster.state(view.id.home()), view.id) {
            Some(kept) => assert_eq!(&kept, view),
            None => assert!(
                matches!(view.state, crate::ReservationState::Consumed | crate::ReservationState::Released),
                "{view:?}"
            ),
        },
        Answer::Nothing | Answer::Items(_) | Answer::Codes(_) | Answer::CountedMany(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn the_law_holds_after_every_step_of_any_history(acts in prop::collection::vec(act(), 200..500)) {
        let mut cluster = Cluster::new(1);
        for code in ["A0", "A1", "A2"] {
            cluster.with_item(code);
        }
        for act in &acts {
            match command(act, cluster.now) {
                None => {
                    let Act::Advance(ms) = act else { unreachable!("every other act is a command") };
                    cluster.advance(*ms);
                }
                Some(command) => {
                    let events = cluster.events();
                    match cluster.run("A0", command) {
                        Ok(answer) => check_answer(&cluster, &answer),
                        Err(_) => prop_assert_eq!(cluster.events(), events, "a refusal changes nothing"),
                    }
                }
            }
            prop_assert_eq!(cluster.violations(), vec![], "after {:?}", act);
        }
        prop_assert_eq!(cluster.hashes(), cluster.replayed_hashes());
    }
}

#[test]
fn the_laws_catch_what_they_are_for() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n", 5);
    cluster.hold(1, 60_000, &[claim("A", "n", 2)]).unwrap();
    let here = spot("A", "n");
    let laws = |state: &crate::State| {
        let mut laws: Vec<&str> =
            crate::invariants::all(state, &mut |_, _| {}).iter().map(|v| v.law).collect();
        laws.dedup();
        laws
    };
    let spoilt = |spoil: fn(&mut Position)| {
        let mut state = Cluster::new(1);
        state.stocked("A", "n", 5);
        state.hold(1, 60_000, &[claim("A", "n", 2)]).unwrap();
        state.spoil(|state| state.stock.update(&here, spoil));
        laws(state.state(state.home("A")))
    };
    assert_eq!(spoilt(|_| ()), Vec::<&str>::new());
    assert_eq!(spoilt(|p| p.reserved = q(6)), vec!["STOCK-1", "STOCK-3"]);
    assert_eq!(spoilt(|p| p.sellable = q(4)), vec!["STOCK-2"]);
    assert_eq!(spoilt(|p| p.reserved = q(1)), vec!["STOCK-3"]);
    assert_eq!(spoilt(|p| p.undecided = q(1)), vec!["STOCK-3"]);
    assert_eq!(spoilt(|p| p.movements.retain(|m| m.kind != MovementKind::Receipt)), vec!["STOCK-2"]);
}
