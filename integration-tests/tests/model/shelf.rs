//! Stock as people book it, and holds of checkouts: receipts, corrections, counts, looks, safety stock; nodes that open
//! and close.

use super::facts::Fact;
use super::part::Part;
use super::shop::{origin, text};
use super::sim::{Asked, LAYOUT, Lawful, Sim};
use waybill_fulfillment::Fulfillment;
use waybill_inventory::{
    Answer, Command, Condition, CountRow, Inventory, Item, ItemFlags, ItemRow, ReservationState, Spot, Unit,
};
use waybill_machine::Content;
use waybill_replica::{Input, RequestKey};
use waybill_types::exchange::{Claim, ReserveMode, ReserveRequest};
use waybill_types::network::{Capabilities, Node, NodeKind, TimeZoneName};
use waybill_types::{Attributes, HoldId, NodeId, OwnerId, Quantity, RequestId, ReservationId, Sku};

fn home(sku: &Sku) -> usize {
    usize::from(LAYOUT.sku_home(sku).index)
}

fn condition(sim: &mut Sim) -> (Condition, usize) {
    let index = [0, 0, 0, 0, 1, 2][sim.dice.below(6) as usize];
    (Condition::ALL[index], index)
}

fn spot(sim: &mut Sim) -> Spot {
    let sku = sim.dice.one(&sim.skus).unwrap().clone();
    let node = sim.dice.one(&sim.nodes).unwrap().clone();
    Spot { sku, owner: OwnerId::main(), node }
}

/// Books one thing.
pub(crate) fn book(sim: &mut Sim) -> Lawful {
    let spot = spot(sim);
    let place = (spot.sku.clone(), spot.node.clone());
    let (condition, index) = condition(sim);
    let units = sim.dice.between(1, 6);
    let (command, facts) = match sim.dice.below(10) {
        0..=4 => {
            let quantity = Quantity::of(units);
            let fact = Fact::Booked { place, condition: index, delta: units as i64 };
            (Command::Receive { spot, condition, quantity, reference: text("") }, vec![fact])
        }
        5..=6 => {
            let delta = units as i64 * if sim.dice.chance(60) { -1 } else { 1 };
            let fact = Fact::Booked { place, condition: index, delta };
            (Command::Adjust { spot, condition, delta }, vec![fact])
        }
        7 => {
            let row =
                CountRow { spot, condition, counted: Quantity::of(units), sequence: u64::from(sim.act) };
            let fact = Fact::Counted { place, condition: index, counted: units };
            (Command::Count { source: text("wms"), row }, vec![fact])
        }
        8 => {
            let (to, to_index) = (Condition::ALL[(index + 1) % 3], (index + 1) % 3);
            let delta = units as i64;
            let facts = vec![
                Fact::Booked { place: place.clone(), condition: index, delta: -delta },
                Fact::Booked { place, condition: to_index, delta },
            ];
            let quantity = Quantity::of(units);
            (Command::Disposition { spot, from: condition, to, quantity, reference: text("") }, facts)
        }
        _ => (Command::SetSafetyStock { spot, safety_stock: Quantity::of(units / 3) }, Vec::new()),
    };
    booked(sim, command, facts)
}

fn booked(sim: &mut Sim, command: Command, facts: Vec<Fact>) -> Lawful {
    sim.say(|| format!("stock: {command:?}"));
    let sku = match &command {
        Command::Receive { spot, .. }
        | Command::Adjust { spot, .. }
        | Command::Disposition { spot, .. }
        | Command::SetSafetyStock { spot, .. } => spot.sku.clone(),
        Command::Count { row, .. } => row.spot.sku.clone(),
        other => unreachable!("{other:?} books nothing"),
    };
    let told = move |answer: &Answer, part: &mut Part<Inventory>| {
        if !matches!(answer, Answer::Counted(_, false)) {
            facts.iter().cloned().for_each(|fact| part.tell(fact));
        }
    };
    sim.ask::<Inventory>(home(&sku), command, &origin("store", "wms"), told).map(drop)
}

/// A booking that will be asked again much later, with nothing between the caller and the partition.
pub(crate) fn remembered(sim: &mut Sim) -> Lawful {
    let spot = spot(sim);
    let place = (spot.sku.clone(), spot.node.clone());
    let at = home(&spot.sku);
    let (condition, quantity) = (Condition::Sellable, Quantity::ONE);
    let command = Command::Receive { spot, condition, quantity, reference: text("") };
    let content = Content::new().with("command", &format!("{command:?}"));
    let id = RequestId::new(format!("m-{}", sim.act)).unwrap();
    let request = RequestKey { id, target: b"memory".to_vec(), content };
    let from = origin("store", "wms");
    let (now, log) = (sim.now, format!("stock: {command:?}"));
    sim.say(|| log);
    let part = &mut sim.inventory[at];
    let input =
        Input::Command { command: command.clone(), origin: from.clone(), request: Some(request.clone()) };
    let stepped = part.step(input, now);
    if let Ok(answer) = &stepped.result {
        part.tell(Fact::Booked { place, condition: 0, delta: 1 });
        let asked = Asked::new(at, command, from, request, answer.clone());
        sim.memory.push(asked);
    }
    <Inventory as super::sim::Played>::look(&mut sim.inventory[at], &stepped);
    sim.commit::<Inventory>(at)
}

/// Somebody asks again what was answered long ago.
pub(crate) fn ask_again(sim: &mut Sim) -> Lawful {
    let count = sim.memory.len() as u64;
    if count == 0 {
        return Ok(());
    }
    let pick = sim.dice.below(count) as usize;
    let asked = sim.memory.swap_remove(pick);
    let result = sim.ask_again(&asked);
    sim.memory.push(asked);
    result
}

/// A checkout holds units of one or two SKUs, or lets one of its holds go.
pub(crate) fn hold(sim: &mut Sim) -> Lawful {
    let from = origin("web", "checkout");
    if !sim.holds.is_empty() && sim.dice.chance(25) {
        let pick = sim.dice.below(sim.holds.len() as u64) as usize;
        let (id, _) = sim.holds.swap_remove(pick);
        sim.say(|| format!("checkout: lets {id} go"));
        let command = Command::Release { id, claims: None };
        return sim.ask::<Inventory>(usize::from(id.home().index), command, &from, |_, _| {}).map(drop);
    }
    let mut claims: Vec<Claim> = Vec::new();
    for _ in 0..sim.dice.between(1, 2) {
        let Spot { sku, owner, node } = spot(sim);
        if claims.iter().all(|claim| claim.sku != sku) {
            claims.push(Claim { sku, owner, node, quantity: Quantity::of(sim.dice.between(1, 2)) });
        }
    }
    claims.sort();
    let lowest = claims.iter().map(|claim| home(&claim.sku)).min().unwrap_or(0);
    let mut name = [0u8; 16];
    name[..4].copy_from_slice(&sim.act.to_be_bytes());
    let id = ReservationId::Hold { home: lowest as u8, hold: HoldId(name) };
    let request = ReserveRequest {
        id,
        claims: claims.clone(),
        mode: if sim.dice.chance(50) { ReserveMode::AllOrNothing } else { ReserveMode::BestEffort },
        expires_at: Some(sim.now.plus_ms(sim.dice.between(1_000, 900_000) as i64)),
        takes_over: Vec::new(),
    };
    sim.say(|| format!("checkout: {request:?}"));
    let command = Command::Reserve { request, order: None };
    let answer = sim.ask::<Inventory>(lowest, command, &from, |_, _| {})?;
    if let Ok(Answer::Reservation(view)) = answer
        && view.state != ReservationState::Released
    {
        sim.holds.push((id, claims));
    }
    Ok(())
}

/// A checkout that nobody finishes lets everything go.
pub(crate) fn release_all(sim: &mut Sim) -> Lawful {
    for (id, _) in std::mem::take(&mut sim.holds) {
        let command = Command::Release { id, claims: None };
        drop(sim.ask::<Inventory>(
            usize::from(id.home().index),
            command,
            &origin("web", "checkout"),
            |_, _| {},
        )?);
    }
    Ok(())
}

fn node(id: &NodeId, active: bool, day_capacity_units: Option<u64>) -> Node {
    Node {
        id: id.clone(),
        kind: NodeKind::Store,
        name: text(""),
        address: None,
        point: None,
        time_zone: TimeZoneName::new("Europe/Berlin").unwrap(),
        calendar: None,
        cutoff_minute: None,
        handling_ms: 0,
        handling_cost: None,
        unit_handling_cost: None,
        day_capacity_units,
        can: Capabilities { ships: true, pickup: true, accepts_returns: true },
        active,
        external_codes: Attributes::default(),
        attributes: Attributes::default(),
        lead_days: None,
    }
}

/// A node opens, closes, or can do more or less in a day.
pub(crate) fn change_node(sim: &mut Sim) -> Lawful {
    let id = sim.dice.one(&sim.nodes).unwrap().clone();
    let capacity = sim.dice.chance(30).then(|| sim.dice.between(1, 8));
    let active = sim.dice.chance(75);
    sim.say(|| format!("network: {id} active {active}, capacity {capacity:?}"));
    set_node(sim, &id, active, capacity)
}

pub(crate) fn set_node(sim: &mut Sim, id: &NodeId, active: bool, capacity: Option<u64>) -> Lawful {
    let command = waybill_fulfillment::Command::UpsertNodes(vec![node(id, active, capacity)]);
    sim.ask::<Fulfillment>(0, command, &origin("web", "ops"), |_, _| {}).map(drop)
}

/// Four SKUs and three nodes over both partitions of each service, and some stock.
pub(crate) fn open(sim: &mut Sim) -> Lawful {
    let names = |letter: char| (0..100).map(move |number| format!("{letter}{number}"));
    for index in 0..2u8 {
        let here = |name: &String| LAYOUT.sku_home(&Sku::new(name).unwrap()).index == index;
        sim.skus.extend(names('s').filter(here).take(2).map(|name| Sku::new(name).unwrap()));
        let here = |name: &String| LAYOUT.node_home(&NodeId::new(name).unwrap()).index == index;
        let count = 2 - usize::from(index);
        sim.nodes.extend(names('n').filter(here).take(count).map(|name| NodeId::new(name).unwrap()));
    }
    for id in sim.nodes.clone() {
        set_node(sim, &id, true, None)?;
    }
    for sku in sim.skus.clone() {
        let item = Item {
            sku: sku.clone(),
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
        };
        let row = ItemRow { item, expected_revision: None };
        let command = Command::UpsertItems(vec![row]);
        drop(sim.ask::<Inventory>(home(&sku), command, &origin("web", "ops"), |_, _| {})?);
        for node in sim.nodes.clone() {
            let units = sim.dice.below(7);
            if units > 0 {
                let place = (sku.clone(), node.clone());
                let fact = Fact::Booked { place, condition: 0, delta: units as i64 };
                let spot = Spot { sku: sku.clone(), owner: OwnerId::main(), node };
                let (condition, quantity) = (Condition::Sellable, Quantity::of(units));
                booked(sim, Command::Receive { spot, condition, quantity, reference: text("") }, vec![fact])?;
            }
        }
    }
    Ok(())
}
