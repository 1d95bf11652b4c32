//! Erasing people: nobody reads them any more, nothing finds them, and the bytes on disk do not have them.

use super::world::{World, asked_by, line, order, reason};
use std::path::Path;
use tonic::Code;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::erase_subject_request::Subject;
use waybill_proto::orders::v1::orders_service_server::OrdersService;
use waybill_types::Role;

async fn erase(world: &World, request_id: &str, subject: Subject) -> Result<u64, tonic::Status> {
    erase_as(world, request_id, subject, Role::Operator).await
}

async fn erase_as(
    world: &World,
    request_id: &str,
    subject: Subject,
    role: Role,
) -> Result<u64, tonic::Status> {
    let message = proto::EraseSubjectRequest {
        request_id: request_id.into(),
        reason: "asked by letter".into(),
        subject: Some(subject),
    };
    let request = asked_by(message, "api", role);
    world.door.erase_subject(request).await.map(|response| response.into_inner().order_count)
}

#[tokio::test]
async fn erasing_by_email_erases_every_order_once_and_a_retry_is_told_the_same() {
    let world = World::new(&[("A", 9)]).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(world.place(order(&number.to_string(), vec![line("A", 1)])).await.unwrap().order_id);
    }
    assert_eq!(erase(&world, "e1", Subject::OrderId(ids[0].clone())).await.unwrap(), 1);
    let by_email = || Subject::Email("ada@example.com".into());
    assert_eq!(erase(&world, "e2", by_email()).await.unwrap(), 4);
    assert_eq!(erase(&world, "e2", by_email()).await.unwrap(), 4, "a retry is told the same");
    assert_eq!(erase(&world, "e3", by_email()).await.unwrap(), 0);
    let other = erase(&world, "e2", Subject::Phone("+33155550000".into())).await;
    assert_eq!(other.unwrap_err().code(), Code::AlreadyExists);
    for id in &ids {
        let order = world.get(id).await.unwrap();
        assert!(order.erased && order.contact.is_none() && order.ship_to.is_none());
    }
    let find = proto::FindOrdersRequest { phone: "+49301234567".into(), ..Default::default() };
    assert!(world.find(find).await.unwrap().orders.is_empty());
    let by_customer = proto::FindOrdersRequest { customer_id: "c-1".into(), ..Default::default() };
    assert_eq!(world.find(by_customer).await.unwrap().orders.len(), 5, "the order itself is not erased");
}

#[tokio::test]
async fn only_operators_erase_and_whoever_else_asks_changes_nothing() {
    let world = World::new(&[("A", 9)]).await;
    let id = world.place(order("1", vec![line("A", 1)])).await.unwrap().order_id;
    for (number, role) in [Role::Channel, Role::Node, Role::Peer].into_iter().enumerate() {
        for subject in [Subject::OrderId(id.clone()), Subject::Email("ada@example.com".into())] {
            let refused = erase_as(&world, &format!("e{number}"), subject, role).await.unwrap_err();
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "NOT_ALLOWED"));
        }
    }
    let order = world.get(&id).await.unwrap();
    assert!(!order.erased && order.contact.is_some());
    assert_eq!(erase(&world, "e1", Subject::OrderId(id)).await.unwrap(), 1);
}

fn holds(path: &Path, needle: &[u8]) -> bool {
    if path.is_dir() {
        return std::fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), needle));
    }
    std::fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn personal_data_never_stands_in_plain_on_disk() {
    let world = World::new(&[("A", 9)]).await;
    let mut planted = order("100", vec![line("A", 1)]);
    planted.gift_note = "Planted Gift Note".into();
    planted.contact.as_mut().unwrap().name = "Planted Name".into();
    let placed = world.place(planted).await.unwrap();
    world.once(&placed.order_id, proto::OrderStatus::Released).await;
    for partition in world.door.partitions().iter() {
        partition.checkpoint().await.unwrap();
    }
    erase(&world, "e1", Subject::OrderId(placed.order_id)).await.unwrap();
    let world = world.restarted().await;
    for needle in ["Planted Name", "Planted Gift Note", "Musterweg", "example.com", "1234567"] {
        assert!(!holds(world.dir.path(), needle.as_bytes()), "{needle:?} stands on disk");
    }
    assert!(holds(world.dir.path(), b"web"), "the search does find what is there");
}
