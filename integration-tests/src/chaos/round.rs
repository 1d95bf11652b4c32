//! One round: callers at work, one fault under them, and the judges afterwards.

use super::callers::{Home, MARK, PageRegister, Register, Round, ShelfRegister, Wait};
use super::callers::{at_page, at_shelf, read_page, read_shelf};
use super::doors::{ANSWER_WITHIN, Doors, lock};
use super::linear::{Call, Sequential, Verdict, judge};
use super::registers::{PageCall, ShelfCall};
use super::site::{NAMES, Site, home};
use super::strike::{Fault, Window};
use super::{ChaosOptions, SHAPE, report};
use crate::fault::Chance;
use crate::fault::judge::ledger_holds;
use crate::fault::ledger::send;
use crate::fault::load::{Traffic, choose};
use crate::fault::warehouse::{Desks, work};
use crate::retailer::{self, node};
use crate::world::{from_channel, until};
use anyhow::{Context, bail, ensure};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use waybill_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use waybill_proto::inventory::v1::{
    Item, ItemRow, ReceiveStockRequest, ReleaseReservationRequest, ReserveMode, ReserveStockRequest,
    StockCondition, StockQuantity, Unit, UpsertItemsRequest,
};
use waybill_proto::orders::v1::orders_service_client::OrdersServiceClient;
use waybill_proto::orders::v1::{GetOrderRequest, OrderStatus, PlaceMode, get_order_request};

/// How long callers are at work before the fault, so that there is something to compare with.
const CALM: Duration = Duration::from_secs(2);
/// Units of each watched item: few, so that some are refused.
const ON_SHELF: i64 = 7;

/// What is watched closely, with where it lives.
pub(super) struct Things {
    shelves: Vec<(String, Home)>,
    pages: Vec<(String, Home)>,
}

/// What outlives a round.
pub(super) struct Standing {
    pub(super) site: Site,
    pub(super) traffic: Arc<Traffic>,
    pub(super) desks: Arc<Desks>,
    pub(super) things: Things,
    /// Entries of the ledger that were judged already.
    pub(super) judged: usize,
}

/// What a round showed.
pub(super) struct Shown {
    pub(super) windows: Vec<Window>,
    pub(super) waits: Vec<Wait>,
    pub(super) began: Instant,
    pub(super) calls: usize,
    pub(super) acknowledged: usize,
    pub(super) settled_by_retry: usize,
    pub(super) audited: u64,
}

impl Things {
    /// Items that no order asks for, and orders that nobody releases.
    pub(super) async fn open(at: &Channel, options: &ChaosOptions) -> anyhow::Result<Self> {
        let mut shelves = Vec::new();
        let skus: Vec<String> = (0..options.shelves).map(|index| format!("WATCHED-{index:02}")).collect();
        let item = |sku: &String| ItemRow {
            item: Some(Item {
                sku: sku.clone(),
                name: sku.to_lowercase(),
                unit: Unit::Piece.into(),
                weight_g: 100,
                ..Default::default()
            }),
            expected_revision: 0,
        };
        let mut inventory = InventoryServiceClient::new(at.clone());
        let rows = skus.iter().map(item).collect();
        inventory
            .upsert_items(UpsertItemsRequest {
                request_id: "watched-items".into(),
                rows,
                ..Default::default()
            })
            .await?;
        for sku in skus {
            shelves.push((sku.clone(), stocked(&mut inventory, &sku).await?));
        }
        let mut pages = Vec::new();
        for index in 0..options.pages {
            let id = ordered(at, index).await?;
            pages.push((id.clone(), home(&id)?));
        }
        Ok(Self { shelves, pages })
    }
}

/// Receives what is to be on the shelf, and finds out where it lives.
async fn stocked(inventory: &mut InventoryServiceClient<Channel>, sku: &str) -> anyhow::Result<Home> {
    let received = ReceiveStockRequest {
        request_id: format!("watched-{sku}"),
        sku: sku.to_owned(),
        node_id: node(0),
        quantity: ON_SHELF,
        condition: StockCondition::Sellable.into(),
        ..Default::default()
    };
    inventory.receive_stock(received).await?;
    // The id of a hold says in which partition its item is.
    let probe = ReserveStockRequest {
        request_id: format!("where-{sku}"),
        lines: vec![StockQuantity {
            sku: sku.to_owned(),
            node_id: node(0),
            quantity: 1,
            ..Default::default()
        }],
        mode: ReserveMode::AllOrNothing.into(),
        ttl_ms: 60_000,
        ..Default::default()
    };
    let held = inventory.reserve_stock(probe).await?.into_inner();
    let reservation_id = held.reservation.context("a hold")?.reservation_id;
    let request_id = format!("leave-{sku}");
    let release = ReleaseReservationRequest {
        request_id,
        reservation_id: reservation_id.clone(),
        ..Default::default()
    };
    inventory.release_reservation(release).await?;
    home(&reservation_id)
}

async fn ordered(at: &Channel, index: usize) -> anyhow::Result<String> {
    let mut order =
        retailer::order(&format!("watched-{index}"), &[(index % SHAPE.items, 1)], PlaceMode::Accept);
    order.release_time = Some((SystemTime::now() + Duration::from_secs(86_400)).into());
    order.custom_attributes = [(MARK.to_owned(), "new".to_owned())].into();
    let placed = OrdersServiceClient::new(at.clone()).place_order(from_channel("web", order)).await?;
    let id = placed.into_inner().order_id;
    until("a watched order is reserved", || async {
        let key = Some(get_order_request::Key::OrderId(id.clone()));
        let request = GetOrderRequest { key, after: String::new() };
        let order = OrdersServiceClient::new(at.clone()).get_order(request).await?.into_inner().order;
        Ok(order.filter(|order| order.status() == OrderStatus::Reserved).map(|_| ()))
    })
    .await?;
    Ok(id)
}

impl Standing {
    /// One fault under load, and the judges.
    pub(super) async fn round(
        &mut self,
        fault: Fault,
        name: &str,
        options: &ChaosOptions,
        chance: &mut Chance,
    ) -> anyhow::Result<Shown> {
        self.site.whole().await?;
        // What was asked for before has all of its consequences: a node that says yes raises an order's revision too.
        for index in 0..NAMES.len() {
            self.site.engine(index)?.settle().await?;
        }
        let doors = self.site.doors();
        let shelves = begin(&self.things.shelves, &doors, read_shelf).await?;
        let pages = begin(&self.things.pages, &doors, read_page).await?;
        let round = Arc::new(Round::new(doors, name.to_owned()));
        let mut callers = JoinSet::new();
        let pace = Duration::from_millis(options.pace_ms);
        for _ in 0..options.at_each {
            for shelf in &shelves {
                let chance = Chance::new(chance.draw());
                callers.spawn(at_shelf(Arc::clone(&round), Arc::clone(shelf), chance, pace));
            }
            for page in &pages {
                let chance = Chance::new(chance.draw());
                callers.spawn(at_page(Arc::clone(&round), Arc::clone(page), chance, pace));
            }
        }
        let mut shop = self.shop(options, &round.doors, chance);
        let began = Instant::now();
        // There must be something to compare with.
        tokio::time::sleep(CALM).await;
        let struck = self.site.strike(fault, chance).await;
        round.stop.store(true, Ordering::Relaxed);
        self.traffic.stop.store(true, Ordering::Relaxed);
        let all = async { while callers.join_next().await.is_some() {} };
        let ended = tokio::time::timeout(Duration::from_secs(120), all).await;
        // Nodes wait for their streams, and shoppers leave what has no answer to the judge.
        shop.shutdown().await;
        self.traffic.stop.store(false, Ordering::Relaxed);
        let windows = struck?;
        // Said before the judges speak: it helps to know, when they object.
        println!("{}", report::struck(fault, &windows, &lock(&round.waits), began));
        ended.context("callers still wait two minutes after the fault")?;
        self.judged(&round, &shelves, &pages, windows, began).await
    }

    /// Shoppers and nodes.
    fn shop(&self, options: &ChaosOptions, doors: &Arc<Doors>, chance: &mut Chance) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let pace = Duration::from_millis(options.pace_ms);
        for shopper in 0..options.shoppers {
            let (traffic, doors) = (Arc::clone(&self.traffic), Arc::clone(doors));
            tasks.spawn(shopping(traffic, doors, shopper, Chance::new(chance.draw()), pace));
        }
        for index in 0..SHAPE.nodes {
            let (traffic, desks, doors) =
                (Arc::clone(&self.traffic), Arc::clone(&self.desks), Arc::clone(doors));
            tasks.spawn(async move {
                for door in index.. {
                    work(Arc::clone(&traffic), Arc::clone(&desks), doors.at(door), node(index)).await;
                    // A process that is down ends every stream at once.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
        }
        tasks
    }

    async fn judged(
        &mut self,
        round: &Round,
        shelves: &[Arc<ShelfRegister>],
        pages: &[Arc<PageRegister>],
        windows: Vec<Window>,
        began: Instant,
    ) -> anyhow::Result<Shown> {
        self.site.whole().await?;
        let faults = std::mem::take(&mut *lock(&round.faults));
        ensure!(
            faults.is_empty(),
            "callers were told {} thing(s) that no engine may say, such as: {}",
            faults.len(),
            faults[0]
        );
        let verdict = ledger_holds(&self.traffic, &self.site.doors.at(0), self.judged).await?;
        self.judged += verdict.sent;
        let mut calls = 0;
        for door in 0..NAMES.len() {
            for shelf in shelves {
                let read = read_shelf(self.site.doors.at(door), &shelf.name).await?;
                last_word(&shelf.calls, ShelfCall::Read(read), door);
            }
            for page in pages {
                let read = read_page(self.site.doors.at(door), &page.name).await?;
                last_word(&page.calls, PageCall::Read(read), door);
            }
        }
        for shelf in shelves {
            calls += in_one_order::<ShelfCall>(shelf)?;
        }
        for page in pages {
            calls += in_one_order::<PageCall>(page)?;
        }
        let audited = self.site.at_rest().await?;
        Ok(Shown {
            windows,
            waits: std::mem::take(&mut *lock(&round.waits)),
            began,
            calls,
            acknowledged: verdict.acknowledged,
            settled_by_retry: verdict.settled_by_retry,
            audited,
        })
    }
}

/// What is watched, as it stands while nobody does anything.
async fn begin<O, S>(
    things: &[(String, Home)],
    doors: &Doors,
    read: impl AsyncFn(Channel, &str) -> Result<S, tonic::Status>,
) -> anyhow::Result<Vec<Arc<Register<O, S>>>> {
    let mut registers = Vec::new();
    for (name, home) in things {
        let stands = read(doors.at(0), name).await?;
        registers.push(Arc::new(Register::new(name.clone(), *home, stands)));
    }
    Ok(registers)
}

/// What one process says when all is over, after everything else.
fn last_word<O>(calls: &std::sync::Mutex<Vec<Call<O>>>, what: O, door: usize) {
    let at = u64::MAX - 10 + 2 * door as u64;
    lock(calls).push(Call { what, begun: at, ended: Some(at + 1) });
}

fn in_one_order<O: Sequential + Clone>(register: &Register<O, O::State>) -> anyhow::Result<usize> {
    let calls = lock(&register.calls).clone();
    match judge(&register.begin, &calls) {
        Verdict::Fits => Ok(calls.len()),
        Verdict::Broken(why) => bail!("no single copy answers so about {}: {why}", register.name),
        Verdict::TooLarge => bail!("{} calls about {} are too many to judge", calls.len(), register.name),
    }
}

/// One shopper, until the round is over: places, cancels and holds, asked again elsewhere while nobody knows.
async fn shopping(
    traffic: Arc<Traffic>,
    doors: Arc<Doors>,
    mut door: usize,
    mut chance: Chance,
    pace: Duration,
) {
    while !traffic.stop.load(Ordering::Relaxed) {
        let ask = choose(&traffic, &mut chance);
        let index = traffic.ledger.intend(ask.clone());
        while !traffic.stop.load(Ordering::Relaxed) {
            let answer = tokio::time::timeout(ANSWER_WITHIN * 5, send(&doors.at(door), &ask)).await;
            if let Ok(Some(answer)) = answer {
                traffic.ledger.answered(index, answer);
                break;
            }
            door += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(pace).await;
    }
}
