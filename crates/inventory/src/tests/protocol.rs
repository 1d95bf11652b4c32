//! Property: over several partitions, whatever overtakes whatever and however time jumps, nothing is oversold, every
//! order hears one outcome, and in the end what is reserved is exactly what was granted and not given back.

use super::*;
use crate::{CountRow, HOME_PATIENCE_MS, PART_PATIENCE_MS, TOMBSTONE_MS};
use proptest::prelude::*;
use std::collections::BTreeMap;
use waybill_types::exchange::HoldAnswer;

#[derive(Clone, Debug)]
enum Act {
    Order { claims: Vec<(u8, u8, u8)>, best_effort: bool },
    Hold { claims: Vec<(u8, u8, u8)>, ttl_ms: i64 },
    Adopt(u8),
    ReleaseHold { hold: u8, whole: bool },
    Cancel(u8),
    Consume(u8),
    NotFound(u8),
    Receive(u8, u8, u8),
    Count(u8, u8, u8),
    Deliver(u8, u64),
    Advance(i64),
}

fn claims() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0u8..5, 0u8..2, 1u8..4), 1..5)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (claims(), any::<bool>()).prop_map(|(claims, best_effort)| Act::Order { claims, best_effort }),
        4 => (claims(), 1i64..90_000).prop_map(|(claims, ttl_ms)| Act::Hold { claims, ttl_ms }),
        3 => any::<u8>().prop_map(Act::Adopt),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(hold, whole)| Act::ReleaseHold { hold, whole }),
        2 => any::<u8>().prop_map(Act::Cancel),
        2 => any::<u8>().prop_map(Act::Consume),
        1 => any::<u8>().prop_map(Act::NotFound),
        3 => (0u8..5, 0u8..2, 1u8..6).prop_map(|(s, n, u)| Act::Receive(s, n, u)),
        1 => (0u8..5, 0u8..2, 0u8..9).prop_map(|(s, n, u)| Act::Count(s, n, u)),
        20 => (1u8..4, any::<u64>()).prop_map(|(times, pick)| Act::Deliver(times, pick)),
        4 => prop_oneof![0i64..3_000, Just(HOME_PATIENCE_MS), Just(PART_PATIENCE_MS)].prop_map(Act::Advance),
    ]
}

/// What a claimant believes.
#[derive(Default)]
struct Claimant {
    claims: Vec<Claim>,
    gave_up: bool,
    used: bool,
}

struct World {
    cluster: Cluster,
    codes: Vec<String>,
    orders: BTreeMap<ReservationId, Claimant>,
    holds: Vec<(ReservationId, Vec<Claim>)>,
    adopters: BTreeMap<ReservationId, Vec<u64>>,
    next: u64,
    counted: u64,
    took_stock_away: bool,
}

impl World {
    fn new() -> Self {
        let mut cluster = Cluster::new(4);
        // Four partitions and a fifth SKU that shares one of them.
        let mut codes = cluster.skus_apart(4);
        let twin = (0..).map(|n| format!("T{n}")).find(|code| cluster.home(code) == cluster.home(&codes[1]));
        codes.extend(twin);
        for code in &codes {
            cluster.stocked(code, "n0", 4);
            cluster.receive(code, "n1", 3);
        }
        Self {
            cluster,
            codes,
            orders: BTreeMap::new(),
            holds: Vec::new(),
            adopters: BTreeMap::new(),
            next: 1,
            counted: 0,
            took_stock_away: false,
        }
    }

    fn claims(&self, raw: &[(u8, u8, u8)]) -> Vec<Claim> {
        let claims = raw.iter().map(|(sku, node, units)| {
            claim(&self.codes[usize::from(*sku)], &format!("n{node}"), u64::from(*units))
        });
        crate::decide::summed(&claims.collect::<Vec<_>>())
    }

    fn order(&self, pick: u8) -> Option<ReservationId> {
        let index = usize::from(pick).checked_rem(self.orders.len())?;
        self.orders.keys().nth(index).copied()
    }

    fn granted(&self, id: ReservationId) -> Option<Vec<Claim>> {
        match self.cluster.outcomes(id)[..] {
            [ReserveOutcome::Granted(claims)] => Some(claims.clone()),
            _ => None,
        }
    }

    fn run(&mut self, act: &Act) {
        match act {
            Act::Order { claims, best_effort } => {
                let claims = self.claims(claims);
                let mode = if *best_effort { ReserveMode::BestEffort } else { ReserveMode::AllOrNothing };
                let id = self.cluster.order_reserves(self.next, mode, &claims);
                self.next += 1;
                self.orders.insert(id, Claimant { claims, ..Claimant::default() });
            }
            Act::Hold { claims, ttl_ms } => {
                let claims = self.claims(claims);
                let number = self.holds.len() as u8;
                if self.holds.len() < 200
                    && let Ok(view) = self.cluster.hold(number, *ttl_ms, &claims)
                {
                    self.holds.push((view.id, claims));
                }
            }
            Act::Adopt(pick) => {
                if let Some(index) = usize::from(*pick).checked_rem(self.holds.len()) {
                    let (id, _) = self.holds[index];
                    let number = 1_000_000 + self.next;
                    self.next += 1;
                    self.adopters.entry(id).or_default().push(number);
                    self.cluster.send(ORDERS, id.home(), Message::AdoptHold(id, order(number)));
                }
            }
            Act::ReleaseHold { hold, whole } => {
                if let Some(index) = usize::from(*hold).checked_rem(self.holds.len()) {
                    let (id, claims) = self.holds[index].clone();
                    // Only the one who holds gives back, and not what an order may have adopted meanwhile.
                    if !self.adopters.contains_key(&id) {
                        let some = Claim { quantity: q(1), ..claims[claims.len() - 1].clone() };
                        let claims = (!whole).then(|| vec![some]);
                        let _refused_when_too_late =
                            self.cluster.ask(id.home(), &Command::Release { id, claims });
                    }
                }
            }
            Act::Cancel(pick) => self.cancel(*pick),
            Act::Consume(pick) => self.use_up(*pick, Message::Consume),
            Act::NotFound(pick) => {
                self.took_stock_away = true;
                self.use_up(*pick, Message::NotFound);
            }
            Act::Receive(code, at, units) => {
                let code = self.codes[usize::from(*code)].clone();
                self.cluster.receive(&code, &format!("n{at}"), u64::from(*units));
            }
            Act::Count(code, at, units) => {
                self.took_stock_away = true;
                self.counted += 1;
                let row = CountRow {
                    spot: spot(&self.codes[usize::from(*code)], &format!("n{at}")),
                    condition: Condition::Sellable,
                    counted: q(u64::from(*units)),
                    sequence: self.counted,
                };
                let code = self.codes[usize::from(*code)].clone();
                self.cluster.run(&code, Command::Count { source: text("wms"), row }).unwrap();
            }
            Act::Deliver(times, pick) => {
                (0..*times).for_each(|n| {
                    self.cluster.deliver(pick.rotate_left(u32::from(n) * 8));
                });
            }
            Act::Advance(ms) => self.cluster.advance(*ms),
        }
    }

    fn cancel(&mut self, pick: u8) {
        let Some(id) = self.order(pick) else { return };
        let claimant = self.orders.get_mut(&id).unwrap();
        if !claimant.gave_up && !claimant.used {
            claimant.gave_up = true;
            let claims = claimant.claims.clone();
            self.cluster.each_part(ORDERS, &claims, |claims| Message::Release(id, claims));
        }
    }

    fn use_up(&mut self, pick: u8, message: fn(ReservationId, Vec<Claim>) -> Message) {
        let Some(id) = self.order(pick) else { return };
        let granted = self.granted(id);
        let claimant = self.orders.get_mut(&id).unwrap();
        if let Some(granted) = granted.filter(|_| !claimant.gave_up && !claimant.used) {
            claimant.used = true;
            self.cluster.each_part(WORK, &granted, |claims| message(id, claims));
        }
    }

    fn check(&mut self) {
        assert_eq!(self.cluster.violations(), vec![]);
        for id in self.orders.keys() {
            assert!(self.cluster.outcomes(*id).len() <= 1, "{id} heard two outcomes");
        }
        if !self.took_stock_away {
            for code in &self.codes {
                for at in ["n0", "n1"] {
                    assert_eq!(
                        self.cluster.position(code, at).over_committed,
                        q(0),
                        "{code} at {at} is oversold"
                    );
                }
            }
        }
    }

    /// Everything arrives and every patience ends.
    fn quiesce(&mut self) {
        for _ in 0..6 {
            self.cluster.deliver_all();
            self.cluster.advance(PART_PATIENCE_MS);
            self.check();
        }
        self.cluster.advance(90_000);
        self.cluster.deliver_all();
    }

    fn check_end(&mut self) {
        self.check();
        for (id, claimant) in &self.orders {
            let expected = match self.cluster.outcomes(*id)[..] {
                [ReserveOutcome::Granted(claims)] if !claimant.gave_up && !claimant.used => claims.clone(),
                [_] => Vec::new(),
                _ => panic!("order {id} was never answered"),
            };
            let mut expected = expected;
            expected.sort();
            assert_eq!(self.cluster.live_claims(*id), expected, "{id}");
        }
        for (id, _) in &self.holds {
            let adopted: Vec<(OrderId, Vec<Claim>)> = self
                .cluster
                .told
                .iter()
                .filter_map(|(_, message)| match message {
                    Message::HoldAnswered(of, order, HoldAnswer::Adopted(claims)) if of == id => {
                        Some((*order, claims.clone()))
                    }
                    _ => None,
                })
                .collect();
            assert!(adopted.len() <= 1, "{id} was given to {adopted:?}");
            let mut expected = adopted.into_iter().next().map(|(_, claims)| claims).unwrap_or_default();
            expected.sort();
            assert_eq!(self.cluster.live_claims(*id), expected, "{id}");
        }
        let asked: usize = self.adopters.values().map(Vec::len).sum();
        let answered =
            self.cluster.told.iter().filter(|(_, m)| matches!(m, Message::HoldAnswered(..))).count();
        assert_eq!(asked, answered, "every adopter is answered once");
        for part in self.cluster.layout.partitions(Service::Inventory) {
            let rows = self.cluster.state(part).reservations.all();
            assert!(rows.iter().all(|(_, row)| !row.is_undecided()), "{part} is undecided about something");
        }
        self.cluster.advance(TOMBSTONE_MS);
        for part in self.cluster.layout.partitions(Service::Inventory) {
            let state = self.cluster.state(part);
            assert!(
                state.timers.is_empty() && state.tombstones.all().is_empty(),
                "{part} remembers too long"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn no_interleaving_oversells_or_leaves_anything_over(acts in prop::collection::vec(act(), 1..300)) {
        let mut world = World::new();
        for act in &acts {
            world.run(act);
            world.check();
        }
        world.quiesce();
        world.check_end();
        prop_assert_eq!(world.cluster.hashes(), world.cluster.replayed_hashes());
    }
}
