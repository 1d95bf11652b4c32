//! Promises and plans over the network and a view of stock.

use super::world::{NOON, World, asked, fields};
use crate::{FreshStock, RemotePlanner};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tonic::Code;
use waybill_mirror::Mirror;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_replica::Token;
use waybill_service_kit::{Planner, PlannerError};
use waybill_types::exchange::{AskedFor, Claim, Delivery, Destination, PlanLine, PlanRequest};
use waybill_types::{Country, LineNo, NodeId, OrderId, OwnerId, Quantity, Sku};

fn basket(quantity: i64) -> proto::Basket {
    proto::Basket {
        lines: vec![proto::BasketLine {
            sku: "A".into(),
            quantity,
            delivery_method: proto::DeliveryMethod::ShipHome.into(),
            ..Default::default()
        }],
        destination: Some(proto::Destination { country_code: "DE".into(), ..Default::default() }),
        ..Default::default()
    }
}

/// The same as the orders' door asks it.
fn three_lamps() -> PlanRequest {
    PlanRequest {
        lines: vec![PlanLine {
            line: LineNo(4),
            sku: Sku::new("A").unwrap(),
            owner: OwnerId::main(),
            quantity: Quantity::of(3),
            delivery: Delivery::Ship,
        }],
        destination: Some(Destination {
            country: Country::new("DE").unwrap(),
            postal_code: None,
            point: None,
        }),
        now: NOON,
        release_at: NOON,
        excluded: Vec::new(),
        pinned: Vec::new(),
        own: Vec::new(),
        channel: None,
        asked_for: None,
    }
}

fn promise(quantity: i64, after: String) -> proto::PromiseRequest {
    proto::PromiseRequest { basket: Some(basket(quantity)), after, ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_says_from_where_by_when_and_at_what_cost() {
    let world = World::new().await;
    world.with_node("n1").await;
    world.stocked("n1", 5, 1);
    let answer = world.door.promise(asked(promise(3, String::new()))).await.unwrap().into_inner();
    assert!(answer.unplanned.is_empty() && !answer.options[0].partial);
    let plan = answer.options[0].plan.as_ref().unwrap();
    let assignment = &plan.assignments[0];
    assert_eq!((assignment.node_id.as_str(), assignment.quantity), ("n1", 3));
    assert_eq!(
        (assignment.carrier_service.as_str(), assignment.ship_date.as_str()),
        ("standard", "2026-01-05")
    );
    assert!(plan.promise.is_some());
    let terms: i64 = plan.cost_terms.iter().map(|term| term.cost.as_ref().unwrap().minor_units).sum();
    let total = plan.total_cost.as_ref().unwrap();
    assert_eq!((total.minor_units, total.currency_code.as_str()), (terms, "EUR"));
    assert!(plan.lower_bound.as_ref().unwrap().minor_units <= terms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_has_is_named_and_an_empty_promise_has_no_options() {
    let world = World::new().await;
    world.with_node("n1").await;
    let answer = world.door.promise(asked(promise(3, String::new()))).await.unwrap().into_inner();
    assert!(answer.options.is_empty());
    assert_eq!((answer.unplanned[0].line_number, answer.unplanned[0].quantity), (1, 3));
    assert_eq!(answer.unplanned[0].reason(), proto::UnplannedReason::NoStock);
    world.stocked("n1", 2, 1);
    let answer = world.door.promise(asked(promise(3, String::new()))).await.unwrap().into_inner();
    assert!(answer.options[0].partial);
    assert_eq!(answer.unplanned[0].quantity, 1);
}

/// Brings three lamps when it is asked, as a view does that was behind.
struct Late(Mirror, AtomicU32);

impl FreshStock for Late {
    fn catch_up<'a>(
        &'a self,
        request: &'a PlanRequest,
    ) -> Pin<Box<dyn Future<Output = Result<(), PlannerError>> + Send + 'a>> {
        Box::pin(async move {
            if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
                return Err(PlannerError::Unavailable("the owner is away".into()));
            }
            assert_eq!(request.lines[0].sku.as_str(), "A");
            super::world::lamps(&self.0, "n1", 3, 9);
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_asks_again_is_planned_over_stock_that_was_brought_up_to_date() {
    let late = |stock: &Mirror| Arc::new(Late(stock.clone(), AtomicU32::new(0))) as Arc<dyn FreshStock>;
    let world = World::with(tempfile::TempDir::new().unwrap(), late).await;
    world.with_node("n1").await;
    let ask = |attempt| proto::PlanRequest {
        basket: Some(basket(3)),
        order_id: OrderId::new(0, 7).to_string(),
        attempt,
        ..Default::default()
    };
    let plan = async |attempt| {
        let answer = world.door.plan(asked(ask(attempt))).await;
        answer.map(|answer| answer.into_inner().plan.unwrap())
    };
    assert_eq!(plan(1).await.unwrap().unplanned[0].quantity, 3, "a first attempt waits for nobody");
    let away = plan(2).await.unwrap_err();
    assert_eq!(away.code(), Code::Unavailable, "over old stock there is no plan: {away:?}");
    let again = plan(2).await.unwrap();
    assert!(again.unplanned.is_empty() && again.assignments[0].quantity == 3, "{again:?}");
}

/// The same where orders run in the planner's process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_planner_within_the_process_brings_its_stock_up_to_date_too() {
    let late = |stock: &Mirror| Arc::new(Late(stock.clone(), AtomicU32::new(1))) as Arc<dyn FreshStock>;
    let world = World::with(tempfile::TempDir::new().unwrap(), late).await;
    world.with_node("n1").await;
    let planner = world.door.planner();
    let asked_for = |attempt| PlanRequest {
        asked_for: Some(AskedFor { order: OrderId::new(0, 7), attempt }),
        ..three_lamps()
    };
    assert_eq!(planner.plan(&asked_for(1)).await.unwrap().unplanned.len(), 1);
    assert!(planner.plan(&asked_for(2)).await.unwrap().unplanned.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_waits_for_the_stock_and_the_network_its_token_names() {
    let world = World::new().await;
    world.with_node("n1").await;
    let home = world.host.layout().sku_home(&Sku::new("A").unwrap());
    let token = Token { partition: home, sequence: 7 }.to_string();
    let asking = world.door.promise(asked(promise(1, token)));
    let told = async {
        tokio::task::yield_now().await;
        world.stocked("n1", 1, 7);
    };
    let (answer, ()) = tokio::join!(asking, told);
    assert_eq!(answer.unwrap().into_inner().options.len(), 1);
    for wrong in ["orders/0@1", "fulfillment/0@999999", "inventory/99@1", "nonsense"] {
        let refused = world.door.promise(asked(promise(1, wrong.into()))).await.unwrap_err();
        assert_eq!(
            (refused.code(), fields(&refused)),
            (Code::InvalidArgument, vec!["after".to_owned()]),
            "{wrong}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planner_in_another_process_plans_the_same() {
    let world = World::new().await;
    world.with_node("n1").await;
    world.with_node("n2").await;
    world.stocked("n1", 2, 1);
    world.stocked("n2", 9, 2);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = world.door.fulfillment_server();
    let server = tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)),
    );
    let channel =
        tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let request = PlanRequest {
        own: vec![Claim {
            sku: Sku::new("A").unwrap(),
            owner: OwnerId::main(),
            node: NodeId::new("n1").unwrap(),
            quantity: Quantity::ONE,
        }],
        ..three_lamps()
    };
    let there = RemotePlanner::new(channel).plan(&request).await.unwrap();
    let here = world.door.planner().plan(&request).await.unwrap();
    assert_eq!(there, here);
    assert_eq!(here.assignments.iter().map(|part| part.quantity).sum::<Quantity>(), Quantity::of(3));
    server.abort();
}
