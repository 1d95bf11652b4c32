//! The network through the door: rows by themselves, pages, and that a change counts at once.

use super::world::{World, asked, eur, fields, proto_node};
use tonic::Code;
use waybill_proto::common::v1::RowOutcome;
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::network_service_server::NetworkService;
use waybill_types::NodeId;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_row_does_not_stop_the_others_and_says_why() {
    let world = World::new().await;
    let mut lost = proto_node("n2");
    lost.calendar_id = "nowhere".into();
    let mut garbled = proto_node("n3");
    garbled.time_zone = "Mars".into();
    garbled.kind = 0;
    let answer = world.upsert_nodes(vec![garbled, proto_node("n1"), lost]).await.unwrap();
    let outcomes: Vec<RowOutcome> = answer.results.iter().map(|row| row.outcome()).collect();
    assert_eq!(outcomes, [RowOutcome::Refused, RowOutcome::Created, RowOutcome::Refused]);
    let why: Vec<(&str, &str)> =
        answer.results.iter().map(|row| (row.error_reason.as_str(), row.error_field.as_str())).collect();
    assert_eq!(why[0], ("NETWORK_ROW_FAULTY", "nodes[0].kind"));
    assert!(answer.results[0].error_message.contains("nodes[0].time_zone"), "{:?}", answer.results[0]);
    assert_eq!(why[2], ("NETWORK_REFERENCE_UNKNOWN", "nodes[2].calendar_id"));
    assert_eq!((answer.network_version, answer.results[1].revision), (1, 1));
    let version =
        world.door.get_network_version(asked(proto::GetNetworkVersionRequest { after: answer.token }));
    let version = version.await.unwrap().into_inner();
    assert_eq!((version.network_version, version.node_count), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsert_answers_when_plans_and_the_nodes_partitions_know() {
    let world = World::new().await;
    let names: Vec<String> = (0..20).map(|n| format!("store-{n}")).collect();
    let answer = world.upsert_nodes(names.iter().map(|name| proto_node(name)).collect()).await.unwrap();
    assert_eq!(world.door.network().view().network.version(), answer.network_version);
    for name in &names {
        let id = NodeId::new(name).unwrap();
        let home = world.door.partitions().of(world.home(name));
        let desk = home.read(move |state, _| state.desk(&id)).await.unwrap();
        assert_eq!(desk.unwrap().facts.revision, 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_read_whole_and_listed_page_by_page() {
    let world = World::new().await;
    let mut nodes: Vec<proto::Node> = (0..9).map(|n| proto_node(&format!("n{n}"))).collect();
    nodes[4].kind = proto::NodeKind::Supplier.into();
    nodes[4].handling_cost = Some(eur(150));
    world.upsert_nodes(nodes.clone()).await.unwrap();
    let get = proto::GetNodeRequest { node_id: "n4".into(), after: String::new() };
    let mut read = world.door.get_node(asked(get)).await.unwrap().into_inner().node.unwrap();
    assert_eq!(read.revision, 1);
    read.revision = 0;
    assert_eq!(read, nodes[4]);
    let list = |kinds: Vec<i32>, page_token: String| {
        let request = proto::ListNodesRequest { page_size: 4, page_token, after: String::new(), kinds };
        world.door.list_nodes(asked(request))
    };
    let stores = vec![proto::NodeKind::Store as i32];
    let first = list(stores.clone(), String::new()).await.unwrap().into_inner();
    let second = list(stores, first.next_page_token.clone()).await.unwrap().into_inner();
    let ids: Vec<&str> = first.nodes.iter().chain(&second.nodes).map(|node| node.node_id.as_str()).collect();
    assert_eq!(ids, ["n0", "n1", "n2", "n3", "n5", "n6", "n7", "n8"]);
    let stolen = list(vec![], first.next_page_token).await.unwrap_err();
    assert_eq!((stolen.code(), fields(&stolen)), (Code::InvalidArgument, vec!["page_token".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_is_there_again_after_a_restart() {
    let world = World::new().await;
    world.with_node("n1").await;
    let before = world.door.network().view().network.version();
    let world = world.restarted().await;
    let view = world.door.network().view();
    assert_eq!((view.network.version(), view.network.size()), (before, (1, 1, 1)));
}
