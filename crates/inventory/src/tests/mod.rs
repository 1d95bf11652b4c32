//! Tests of the machine as sentences: given events, when command, then events or refusal.

mod codes;
mod goods;
mod history;
mod holds;
mod items;
mod parts;
mod protocol;
mod reserve;
mod stock;
mod stored;
mod takeover;
mod units;
mod waits;

use crate::driver::Cluster;
use crate::position::{Condition, Position, Spot};
use crate::{Answer, Command, Item, ItemFlags, ItemRow, Refusal, ReservationView, Unit, read};
use waybill_types::exchange::{Claim, Message, ReserveMode, ReserveOutcome, ReserveRequest};
use waybill_types::{
    Attributes, HoldId, NodeId, OrderId, OwnerId, PartitionId, Quantity, ReservationId, Service, Sku, Text,
    Timestamp,
};

fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

fn node(text: &str) -> NodeId {
    NodeId::new(text).unwrap()
}

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn q(units: u64) -> Quantity {
    Quantity::of(units)
}

fn spot(item: &str, at: &str) -> Spot {
    Spot { sku: sku(item), owner: OwnerId::main(), node: node(at) }
}

fn claim(item: &str, at: &str, units: u64) -> Claim {
    Claim { sku: sku(item), owner: OwnerId::main(), node: node(at), quantity: q(units) }
}

fn item(code: &str) -> Item {
    Item {
        sku: sku(code),
        name: text("a thing"),
        unit: Unit::Piece,
        scale: 0,
        weight_g: 100,
        dimensions: None,
        flags: ItemFlags::default(),
        aliases: Vec::new(),
        return_window_days: None,
        bundle_parts: Vec::new(),
        substitutes: Vec::new(),
        attributes: Attributes::default(),
        owner: OwnerId::main(),
        inactive: false,
    }
}

const ORDERS: PartitionId = PartitionId::new(Service::Orders, 0);
const WORK: PartitionId = PartitionId::new(Service::Fulfillment, 0);

fn order(number: u64) -> OrderId {
    OrderId::new(0, number)
}

impl Cluster {
    fn home(&self, code: &str) -> PartitionId {
        self.layout.sku_home(&sku(code))
    }

    /// `count` SKUs, each in another partition, named so that they sort by partition.
    fn skus_apart(&self, count: u8) -> Vec<String> {
        let code = |part| {
            let mut codes = (0..10_000).map(|number| format!("P{part}-{number}"));
            codes.find(|code| self.home(code).index == part).expect("some code lies in every partition")
        };
        (0..count).map(code).collect()
    }

    fn run(&mut self, code: &str, command: Command) -> Result<Answer, Refusal> {
        self.ask(self.home(code), &command)
    }

    fn with_item(&mut self, code: &str) {
        let row = ItemRow { item: item(code), expected_revision: None };
        self.run(code, Command::UpsertItems(vec![row])).unwrap();
    }

    fn receive(&mut self, code: &str, at: &str, units: u64) {
        let (spot, condition) = (spot(code, at), Condition::Sellable);
        let command = Command::Receive { spot, condition, quantity: q(units), reference: text("") };
        self.run(code, command).unwrap();
    }

    fn stocked(&mut self, code: &str, at: &str, units: u64) {
        self.with_item(code);
        self.receive(code, at, units);
    }

    fn position(&self, code: &str, at: &str) -> Position {
        self.state(self.home(code)).stock.position(&spot(code, at))
    }

    fn available(&self, code: &str, at: &str) -> u64 {
        self.position(code, at).available().units()
    }

    fn lowest(&self, claims: &[Claim]) -> u8 {
        claims.iter().map(|claim| self.layout.sku_home(&claim.sku).index).min().unwrap()
    }

    fn hold_id(&self, number: u8, claims: &[Claim]) -> ReservationId {
        ReservationId::Hold { home: self.lowest(claims), hold: HoldId([number; 16]) }
    }

    fn order_id(&self, number: u64, claims: &[Claim]) -> ReservationId {
        ReservationId::Order { home: self.lowest(claims), order: order(number), attempt: 1 }
    }

    /// A hold of a caller for `ttl_ms`.
    fn hold(&mut self, number: u8, ttl_ms: i64, claims: &[Claim]) -> Result<ReservationView, Refusal> {
        let id = self.hold_id(number, claims);
        let expires_at = Some(self.now.plus_ms(ttl_ms));
        self.reserve(id, claims, ReserveMode::AllOrNothing, expires_at)
    }

    fn reserve(
        &mut self,
        id: ReservationId,
        claims: &[Claim],
        mode: ReserveMode,
        expires_at: Option<Timestamp>,
    ) -> Result<ReservationView, Refusal> {
        let request =
            ReserveRequest { id, claims: claims.to_vec(), mode, expires_at, takes_over: Vec::new() };
        match self.ask(id.home(), &Command::Reserve { request, order: None })? {
            Answer::Reservation(view) => Ok(view),
            other => panic!("a reservation was asked, the answer is {other:?}"),
        }
    }

    /// An order's reservation, on its way to its home.
    fn order_reserves(&mut self, number: u64, mode: ReserveMode, claims: &[Claim]) -> ReservationId {
        let id = self.order_id(number, claims);
        let request =
            ReserveRequest { id, claims: claims.to_vec(), mode, expires_at: None, takes_over: Vec::new() };
        self.send(ORDERS, id.home(), Message::Reserve(request));
        id
    }

    /// A message about claims to each SKU's partition.
    fn each_part(&mut self, from: PartitionId, claims: &[Claim], message: impl Fn(Vec<Claim>) -> Message) {
        let mut parts: std::collections::BTreeMap<PartitionId, Vec<Claim>> =
            std::collections::BTreeMap::new();
        for claim in claims {
            parts.entry(self.layout.sku_home(&claim.sku)).or_default().push(claim.clone());
        }
        for (part, claims) in parts {
            self.send(from, part, message(claims));
        }
    }

    fn outcomes(&self, id: ReservationId) -> Vec<&ReserveOutcome> {
        let found = self.told.iter().filter_map(|(_, message)| match message {
            Message::Reserved(told, outcome) if *told == id => Some(outcome),
            _ => None,
        });
        found.collect()
    }

    fn live_claims(&self, id: ReservationId) -> Vec<Claim> {
        let mut found = Vec::new();
        for part in self.layout.partitions(Service::Inventory) {
            read::each_live_claim(self.state(part), |of, _, claim| {
                if of == id {
                    found.push(claim);
                }
            });
        }
        found.sort();
        found
    }

    fn reservations(&self) -> usize {
        let parts = self.layout.partitions(Service::Inventory);
        parts.map(|part| self.state(part).reservations.all().len()).sum()
    }

    fn assert_lawful(&mut self) {
        assert_eq!(self.violations(), vec![]);
        assert_eq!(self.hashes(), self.replayed_hashes(), "replay must give the same state");
    }
}
