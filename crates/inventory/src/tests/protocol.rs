//! Property: over several partitions, whatever overtakes whatever, however time jumps and whenever everything is lost but
//! the rows, nothing is oversold, every order hears one outcome, and in the end what is reserved is exactly what was
//! granted and not given back: also where reservations take units of each other over.

use super::*;
use crate::{CountRow, HOME_PATIENCE_MS, PART_PATIENCE_MS, TOMBSTONE_MS};
use proptest::prelude::*;
use std::collections::BTreeMap;
use waybill_types::exchange::{HoldAnswer, LandedGoods, Landing, TakeOver};

#[derive(Clone, Debug)]
enum Act {
    Order {
        claims: Vec<(u8, u8, u8)>,
        best_effort: bool,
    },
    Hold {
        claims: Vec<(u8, u8, u8)>,
        ttl_ms: i64,
    },
    Adopt(u8),
    ReleaseHold {
        hold: u8,
        whole: bool,
    },
    Cancel(u8),
    Consume(u8),
    NotFound(u8),
    /// Asks for a new reservation that takes over what an order's has at the places they share.
    Amend {
        pick: u8,
        keep: bool,
        claims: Vec<(u8, u8, u8)>,
        best_effort: bool,
    },
    GiveBack(u8),
    Seize(u8, (u8, u8, u8)),
    Return(u8, u8, u8, u8),
    Restart,
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
        8 => (any::<u8>(), any::<bool>(), claims(), any::<bool>())
            .prop_map(|(pick, keep, claims, best_effort)| Act::Amend { pick, keep, claims, best_effort }),
        2 => any::<u8>().prop_map(Act::GiveBack),
        1 => (any::<u8>(), (0u8..5, 0u8..2, 1u8..3)).prop_map(|(pick, claim)| Act::Seize(pick, claim)),
        1 => (0u8..5, 0u8..2, 1u8..4, 0u8..4).prop_map(|(s, n, u, l)| Act::Return(s, n, u, l)),
        1 => Just(Act::Restart),
        3 => (0u8..5, 0u8..2, 1u8..6).prop_map(|(s, n, u)| Act::Receive(s, n, u)),
        1 => (0u8..5, 0u8..2, 0u8..9).prop_map(|(s, n, u)| Act::Count(s, n, u)),
        20 => (1u8..4, any::<u64>()).prop_map(|(times, pick)| Act::Deliver(times, pick)),
        4 => prop_oneof![0i64..3_000, Just(HOME_PATIENCE_MS), Just(PART_PATIENCE_MS)].prop_map(Act::Advance),
    ]
}

/// What a claimant believes.
#[derive(Debug, Default)]
struct Claimant {
    claims: Vec<Claim>,
    gave_up: bool,
    used: bool,
    /// Given back a unit at a time.
    given_back: Vec<Claim>,
    seized: Vec<Claim>,
    /// Which reservation it takes units over from, and which units.
    replaces: Option<(ReservationId, Vec<Claim>)>,
    /// It was replaced, and what was left of it was given back.
    replaced: bool,
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
    heard: usize,
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
            heard: 0,
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
            Act::Amend { pick, keep, claims, best_effort } => {
                let claims = self.claims(claims);
                self.amend(*pick, *keep, claims, *best_effort);
            }
            Act::GiveBack(pick) => self.give_back(*pick),
            Act::Seize(pick, raw) => {
                let claims = self.claims(&[*raw]);
                self.seize(*pick, claims);
            }
            Act::Return(code, at, units, landing) => {
                let landings = [Landing::Sellable, Landing::Inspect, Landing::Damaged, Landing::Scrapped];
                let code = self.codes[usize::from(*code)].clone();
                let goods = claim(&code, &format!("n{at}"), u64::from(*units));
                let goods = vec![LandedGoods { goods, landing: landings[usize::from(*landing)] }];
                let message = Message::GoodsReturned(order(1), text("R1"), goods);
                self.cluster.send(ORDERS, self.cluster.home(&code), message);
            }
            Act::Restart => self.cluster.restart(),
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

    fn amend(&mut self, pick: u8, keep: bool, claims: Vec<Claim>, best_effort: bool) {
        let Some(old) = self.order(pick) else { return };
        let Some(has) = self.granted(old).filter(|_| !self.orders[&old].replaced) else { return };
        // Goods that are on their way out while they are taken over leave without a claim.
        self.took_stock_away |= self.orders[&old].used;
        let kept = if keep { has.clone() } else { Vec::new() };
        let claims = crate::decide::summed(&[kept, claims].concat());
        let shared = |claim: &Claim| {
            let had = has.iter().find(|had| crate::reservation::at_same_place(had, claim))?;
            Some(Claim { quantity: had.quantity.min(claim.quantity), ..claim.clone() })
        };
        let taken: Vec<Claim> = claims.iter().filter_map(shared).collect();
        let order = crate::reservation::order_of(old).unwrap();
        let attempt = self.next as u32;
        self.next += 1;
        let id = ReservationId::Order { home: self.cluster.lowest(&claims), order, attempt };
        let mode = if best_effort { ReserveMode::BestEffort } else { ReserveMode::AllOrNothing };
        let takes_over = vec![TakeOver { from: old, claims: taken.clone() }];
        let request = ReserveRequest { id, claims: claims.clone(), mode, expires_at: None, takes_over };
        self.cluster.send(ORDERS, id.home(), Message::Reserve(request));
        self.orders.insert(id, Claimant { claims, replaces: Some((old, taken)), ..Claimant::default() });
    }

    /// Orders that heard that their new reservation is granted give the rest of the old one back.
    fn hear(&mut self) {
        let news = self.cluster.told[self.heard..].to_vec();
        self.heard = self.cluster.told.len();
        for (_, message) in news {
            let Message::Reserved(id, ReserveOutcome::Granted(_)) = message else { continue };
            let Some((old, taken)) = self.orders.get(&id).and_then(|new| new.replaces.clone()) else {
                continue;
            };
            let taken_of = |claim: &Claim| {
                let same = taken.iter().find(|taken| crate::reservation::at_same_place(taken, claim));
                same.map_or(Quantity::ZERO, |taken| taken.quantity)
            };
            let has = [self.granted(old).unwrap_or_default(), self.orders[&old].seized.clone()].concat();
            let rest = crate::decide::summed(&has).into_iter();
            let rest = rest
                .map(|claim| Claim { quantity: claim.quantity.saturating_sub(taken_of(&claim)), ..claim });
            let rest: Vec<Claim> = rest.filter(|claim| !claim.quantity.is_zero()).collect();
            self.cluster.each_part(ORDERS, &rest, |claims| Message::Release(old, claims));
            self.orders.get_mut(&old).unwrap().replaced = true;
        }
    }

    fn being_replaced(&self, id: ReservationId) -> bool {
        let mut replacing = self.orders.values().filter_map(|claimant| claimant.replaces.as_ref());
        replacing.any(|(old, _)| *old == id)
    }

    /// One unit of what was granted is given back, whatever takes it over meanwhile.
    fn give_back(&mut self, pick: u8) {
        let Some(id) = self.order(pick) else { return };
        let Some(granted) = self.granted(id) else { return };
        let claimant = self.orders.get_mut(&id).unwrap();
        let claim = &granted[usize::from(pick) % granted.len()];
        let one = Claim { quantity: q(1), ..claim.clone() };
        let given = claimant.given_back.iter().filter(|given| **given == one).count() as u64;
        // Nobody gives back what is not left.
        if !claimant.gave_up && !claimant.used && !claimant.replaced && claim.quantity > q(given) {
            claimant.given_back.push(one.clone());
            self.cluster.each_part(ORDERS, &[one], |claims| Message::Release(id, claims));
        }
    }

    /// What a node has in hand is known at once here: an order cannot give back what inventory has not heard of.
    fn seize(&mut self, pick: u8, claims: Vec<Claim>) {
        let Some(id) = self.order(pick) else { return };
        let granted = self.granted(id).is_some();
        let claimant = self.orders.get_mut(&id).unwrap();
        if granted && !claimant.gave_up && !claimant.used && !claimant.replaced {
            self.took_stock_away = true;
            claimant.seized.extend(claims.iter().cloned());
            let part = self.cluster.layout.sku_home(&claims[0].sku);
            let seize = Command::Message { from: WORK, message: Message::Seize(id, claims) };
            self.cluster.ask(part, &seize).unwrap();
        }
    }

    fn cancel(&mut self, pick: u8) {
        let Some(id) = self.order(pick) else { return };
        let claimant = self.orders.get_mut(&id).unwrap();
        if !claimant.gave_up && !claimant.used {
            claimant.gave_up = true;
            let claims = [claimant.claims.clone(), claimant.seized.clone()].concat();
            self.cluster.each_part(ORDERS, &claims, |claims| Message::Release(id, claims));
        }
    }

    fn use_up(&mut self, pick: u8, message: fn(ReservationId, Vec<Claim>) -> Message) {
        let Some(id) = self.order(pick) else { return };
        let granted = self.granted(id);
        self.took_stock_away |= self.being_replaced(id);
        let claimant = self.orders.get_mut(&id).unwrap();
        if let Some(granted) = granted.filter(|_| !claimant.gave_up && !claimant.used && !claimant.replaced) {
            claimant.used = true;
            let mut leaving = crate::decide::summed(&[granted, claimant.seized.clone()].concat());
            // What was given back is not in anybody's hands.
            for claim in &mut leaving {
                let given = claimant
                    .given_back
                    .iter()
                    .filter(|given| crate::reservation::at_same_place(given, claim));
                claim.quantity = claim.quantity.saturating_sub(given.map(|given| given.quantity).sum());
            }
            leaving.retain(|claim| !claim.quantity.is_zero());
            self.cluster.each_part(WORK, &leaving, |claims| message(id, claims));
        }
    }

    fn check(&mut self) {
        self.hear();
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
            self.hear();
            self.cluster.advance(PART_PATIENCE_MS);
            self.check();
        }
        self.cluster.advance(90_000);
        self.cluster.deliver_all();
        self.hear();
        self.cluster.deliver_all();
    }

    fn check_end(&mut self) {
        self.check();
        for (id, claimant) in &self.orders {
            let over = claimant.gave_up || claimant.used || claimant.replaced;
            let mut expected = match self.cluster.outcomes(*id)[..] {
                [ReserveOutcome::Granted(claims)] if !over => {
                    crate::decide::summed(&[claims.clone(), claimant.seized.clone()].concat())
                }
                [_] => Vec::new(),
                _ => panic!("order {id} was never answered"),
            };
            for given in &claimant.given_back {
                for claim in expected.iter_mut().filter(|c| crate::reservation::at_same_place(c, given)) {
                    claim.quantity = claim.quantity.saturating_sub(given.quantity);
                }
            }
            expected.retain(|claim| !claim.quantity.is_zero());
            assert_eq!(crate::decide::summed(&self.cluster.live_claims(*id)), expected, "{id} {claimant:?}");
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
        world.cluster.restart();
        world.check();
        prop_assert_eq!(world.cluster.hashes(), world.cluster.replayed_hashes());
    }
}
