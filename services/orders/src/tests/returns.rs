//! Returns through the door: found from a receipt, taken at a till, received later, refused where they do not belong.

use super::import::{client, historic, rows};
use super::world::{World, asked, asked_by, eur, fields, line, order, reason};
use tonic::{Code, Status};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::find_returnable_request::By;
use waybill_proto::orders::v1::returns_service_server::ReturnsService;
use waybill_types::Role;

/// A finished order of 2 A, delivered in 2020; sealed for nobody's till yet.
async fn delivered(world: &World) -> proto::ReturnableOrder {
    let mut old = historic("R-1", 2);
    old.contact.as_mut().unwrap().member_card = "M-77 01".into();
    client(world).await.import_orders(tokio_stream::iter([rows("i1", vec![old])])).await.unwrap();
    returnable(world, By::Receipt("R-1".into())).await.unwrap().remove(0)
}

async fn returnable(world: &World, by: By) -> Result<Vec<proto::ReturnableOrder>, Status> {
    let message = proto::FindReturnableRequest { by: Some(by), page_size: 5, ..Default::default() };
    world.door.find_returnable(asked(message)).await.map(|answer| answer.into_inner().orders)
}

/// One unit, long after the window.
fn late(order_id: &str, request_id: &str) -> proto::CreateReturnRequest {
    proto::CreateReturnRequest {
        request_id: request_id.into(),
        order_id: order_id.into(),
        lines: vec![proto::ReturnUnits { line_number: 1, quantity: 1, why: "too_small".into() }],
        beyond_window: true,
        ..Default::default()
    }
}

fn seen(quantity: i64, disposition: proto::Disposition) -> proto::ReceivedUnits {
    let (line_number, note) = (1, String::new());
    proto::ReceivedUnits { line_number, quantity, disposition: disposition.into(), note }
}

async fn create(
    world: &World,
    message: proto::CreateReturnRequest,
    role: Role,
) -> Result<proto::CreateReturnResponse, Status> {
    world.door.create_return(asked_by(message, "store", role)).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn what_can_come_back_is_found_from_a_receipt_or_a_card_with_what_it_is_worth() {
    let world = World::new(&[]).await;
    let found = delivered(&world).await;
    assert_eq!((found.channel.as_str(), found.external_order_number.as_str()), ("store", "R-1"));
    let worth = found.lines[0].clone();
    assert_eq!((worth.returnable, worth.next_unit, worth.all_units), (2, eur(1000), eur(2000)));
    assert_eq!(worth.window_close_time.unwrap().seconds, 1_600_000_000 + 30 * 86_400);
    let by_card = returnable(&world, By::MemberCard("m7701".into())).await.unwrap();
    assert_eq!(by_card[0].order_id, found.order_id);
    assert!(returnable(&world, By::CustomerId("nobody".into())).await.unwrap().is_empty());
    world.place(order("OPEN", vec![line("A", 1)])).await.unwrap();
    assert!(returnable(&world, By::Receipt("OPEN".into())).await.unwrap().is_empty(), "nothing came yet");
    let nothing = proto::FindReturnableRequest { page_size: 51, ..Default::default() };
    assert_eq!(
        fields(&world.door.find_returnable(asked(nothing)).await.unwrap_err()),
        ["receipt", "page_size"]
    );
}

#[tokio::test]
async fn goods_are_taken_back_at_a_till_once_per_request_by_operators_after_the_window() {
    let world = World::new(&[]).await;
    let found = delivered(&world).await;
    let mut blind = late(&found.order_id, "r1");
    (blind.node_id, blind.received) = ("n1".into(), vec![seen(1, proto::Disposition::Sellable)]);
    assert_eq!(create(&world, blind.clone(), Role::Node).await.unwrap_err().code(), Code::PermissionDenied);
    let in_time = proto::CreateReturnRequest { beyond_window: false, ..blind.clone() };
    assert_eq!(reason(&create(&world, in_time, Role::Node).await.unwrap_err()), "RETURN_WINDOW_CLOSED");
    for _ in 0..2 {
        let taken = create(&world, blind.clone(), Role::Operator).await.unwrap();
        assert_eq!(taken.refund, eur(1000));
        let back = taken.r#return.unwrap();
        assert_eq!((back.state(), back.refunded), (proto::ReturnState::Settled, eur(1000)));
        assert_eq!(back.lines[0].looked_at[0].node_id, "n1");
    }
    let mut two = blind.clone();
    two.lines[0].quantity = 2;
    assert_eq!(create(&world, two, Role::Operator).await.unwrap_err().code(), Code::AlreadyExists);
    let order = world.get(&found.order_id).await.unwrap();
    assert_eq!(order.returns.len(), 1);
    let totals = order.totals.unwrap();
    assert_eq!((totals.returned, totals.refunded, totals.due), (eur(1000), eur(1000), eur(1000)));
    let left = returnable(&world, By::Receipt("R-1".into())).await.unwrap();
    assert_eq!(left[0].lines[0].returnable, 1);
}

#[tokio::test]
async fn a_return_is_received_at_a_node_that_takes_goods_back_and_closed() {
    let world = World::new(&[]).await;
    let found = delivered(&world).await;
    let mut both = late(&found.order_id, "r1");
    both.lines[0].quantity = 2;
    let id = create(&world, both, Role::Operator).await.unwrap().r#return.unwrap().return_id;
    let receive = |node: &str, request_id: &str, quantity: i64| {
        let message = proto::ReceiveReturnRequest {
            request_id: request_id.into(),
            return_id: id.clone(),
            node_id: node.into(),
            lines: vec![seen(quantity, proto::Disposition::Inspect)],
            ..Default::default()
        };
        world.door.receive_return(asked(message))
    };
    let unknown = receive("n9", "x1", 1).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "NODE_UNKNOWN".to_owned()));
    let refuses = receive("n2", "x2", 1).await.unwrap_err();
    assert_eq!(reason(&refuses), "NODE_REFUSES_RETURNS");
    let one = receive("n1", "x3", 1).await.unwrap().into_inner();
    assert_eq!((one.refund, one.r#return.unwrap().state()), (eur(1000), proto::ReturnState::PartlyReceived));
    assert_eq!(reason(&receive("n1", "x4", 2).await.unwrap_err()), "NOT_RETURNABLE");
    let close = |request_id: &str| {
        let (request_id, return_id) = (request_id.to_owned(), id.clone());
        world.door.close_return(asked(proto::CloseReturnRequest {
            request_id,
            return_id,
            ..Default::default()
        }))
    };
    for _ in 0..2 {
        let closed = close("c1").await.unwrap().into_inner().r#return.unwrap();
        assert_eq!(closed.state(), proto::ReturnState::Settled);
    }
    assert_eq!(reason(&close("c2").await.unwrap_err()), "RETURN_STATE");
    let get = |return_id: &str| {
        let return_id = return_id.to_owned();
        world.door.get_return(asked(proto::GetReturnRequest { return_id, ..Default::default() }))
    };
    let read = get(&id).await.unwrap().into_inner().r#return.unwrap();
    assert_eq!((read.lines[0].quantity, read.lines[0].taken), (2, 1));
    assert_eq!(reason(&get("W00-1-R9").await.unwrap_err()), "RETURN_UNKNOWN");
    assert_eq!(fields(&get("R9").await.unwrap_err()), ["return_id"]);
    let message = proto::DecideReturnRequest { request_id: "d".into(), return_id: id, ..Default::default() };
    assert_eq!(world.door.decide_return(asked(message)).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn every_fault_of_a_return_is_named() {
    let world = World::new(&[]).await;
    let found = delivered(&world).await;
    let mut wrong = late(&found.order_id, "");
    wrong.lines.push(proto::ReturnUnits { line_number: 0, quantity: -1, why: "\u{7}".into() });
    wrong.received = vec![seen(1, proto::Disposition::Unspecified)];
    let refused = create(&world, wrong.clone(), Role::Operator).await.unwrap_err();
    assert_eq!(
        fields(&refused),
        ["request_id", "lines[1].line_number", "lines[1].quantity", "lines[1].why", "node_id"]
    );
    (wrong.node_id, wrong.request_id) = ("n1".into(), "r".into());
    wrong.lines.pop();
    let refused = create(&world, wrong, Role::Operator).await.unwrap_err();
    assert_eq!(fields(&refused), ["received[0].disposition"]);
    let unknown = create(&world, late("W00-99", "r"), Role::Operator).await.unwrap_err();
    assert_eq!(reason(&unknown), "ORDER_UNKNOWN");
}
