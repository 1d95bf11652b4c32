//! Instruction streams: order, resumption, erasure, restarts.

use super::world::{World, asked, why};
use futures::{FutureExt, StreamExt};
use tonic::{Code, Status};
use waybill_proto::fulfillment::v1 as proto;
use waybill_proto::fulfillment::v1::fulfillment_service_server::FulfillmentService;
use waybill_proto::fulfillment::v1::pick_instruction::Destination;

type Stream = crate::rpc::subscribe::InstructionStream;

async fn subscribe(
    world: &World,
    node: &str,
    after_number: u64,
    resume_token: &str,
) -> Result<Stream, Status> {
    let request = proto::SubscribeInstructionsRequest {
        node_id: node.into(),
        after_number,
        resume_token: resume_token.into(),
    };
    world.door.subscribe_instructions(asked(request)).await.map(tonic::Response::into_inner)
}

async fn next(stream: &mut Stream) -> (proto::PickInstruction, String) {
    let message = stream.next().await.expect("the stream goes on").expect("without an error");
    (message.instruction.unwrap(), message.resume_token)
}

fn acknowledge(request: &str, through_number: u64) -> proto::AcknowledgeInstructionsRequest {
    proto::AcknowledgeInstructionsRequest {
        request_id: request.into(),
        node_id: "n1".into(),
        through_number,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_gives_what_there_is_and_then_what_comes() {
    let world = World::new().await;
    world.with_node("n1").await;
    world.with_node("n2").await;
    let (first, _) = world.released("n1", 1, 2).await;
    let mut stream = subscribe(&world, "n1", 0, "").await.unwrap();
    let mut other = subscribe(&world, "n2", 0, "").await.unwrap();
    let (instruction, _) = next(&mut stream).await;
    assert_eq!((instruction.number, instruction.fulfillment_order_id), (1, first.to_string()));
    assert_eq!(instruction.kind, proto::PickInstructionKind::Pick as i32);
    assert_eq!((instruction.revision, instruction.priority, instruction.lines.len()), (2, 3, 1));
    assert_eq!(instruction.lines[0].external_line_id, "pos-10");
    let Some(Destination::ShipTo(to)) = instruction.destination else { panic!("it is shipped") };
    assert_eq!(to.contact.unwrap().name, "Ada Lovelace");
    assert_eq!(instruction.gift_note, "Happy birthday");
    assert_eq!(instruction.lines[0].item_name, "", "nobody has told this process of the item");
    assert_eq!(
        (instruction.service_level.as_str(), instruction.packing_note.as_str()),
        ("standard", "this side up")
    );
    world.stocked("n1", 5, 1);
    let second = world.released("n1", 2, 1);
    let ((second, _), (instruction, _)) = tokio::join!(second, next(&mut stream));
    assert_eq!((instruction.number, instruction.fulfillment_order_id), (2, second.to_string()));
    assert_eq!(instruction.lines[0].item_name, "Lamp", "items are called what they are called now");
    assert!(other.next().now_or_never().is_none(), "another node hears nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_stream_resumes_after_the_last_one_taken_even_after_a_restart() {
    let world = World::new().await;
    world.with_node("n1").await;
    for order in 1..=150 {
        world.released("n1", order, 1).await;
    }
    let mut stream = subscribe(&world, "n1", 0, "").await.unwrap();
    let mut token = String::new();
    for number in 1..=100 {
        let (instruction, resume) = next(&mut stream).await;
        assert_eq!(instruction.number, number);
        token = resume;
    }
    drop(stream);
    let world = world.restarted().await;
    let mut stream = subscribe(&world, "n1", 0, &token).await.unwrap();
    for number in 101..=150 {
        assert_eq!(next(&mut stream).await.0.number, number);
    }
    world.released("n1", 151, 1).await;
    assert_eq!(next(&mut stream).await.0.number, 151);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_not_sent_again_and_older_places_are_out_of_range() {
    let world = World::new().await;
    world.with_node("n1").await;
    for order in 1..=4 {
        world.released("n1", order, 1).await;
    }
    let mut stream = subscribe(&world, "n1", 0, "").await.unwrap();
    let (_, early) = next(&mut stream).await;
    let answer = world.door.acknowledge_instructions(asked(acknowledge("a1", 3))).await.unwrap().into_inner();
    assert_eq!((answer.through_number, answer.last_number), (3, 4));
    let lower = world.door.acknowledge_instructions(asked(acknowledge("a2", 1))).await.unwrap().into_inner();
    assert_eq!(lower.through_number, 3);
    let mut fresh = subscribe(&world, "n1", 0, "").await.unwrap();
    assert_eq!(next(&mut fresh).await.0.number, 4);
    let late = subscribe(&world, "n1", 0, &early).await.unwrap_err();
    assert_eq!(why(&late), (Code::OutOfRange, "RESUME_TOKEN_TOO_OLD".into()));
    assert_eq!(subscribe(&world, "n1", 2, "").await.unwrap_err().code(), Code::OutOfRange);
    assert_eq!(subscribe(&world, "n1", 9, "").await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(subscribe(&world, "nobody", 0, "").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(subscribe(&world, "n1", 0, "00ff").await.unwrap_err().code(), Code::InvalidArgument);
    let beyond = world.door.acknowledge_instructions(asked(acknowledge("a3", 5))).await.unwrap_err();
    assert_eq!(why(&beyond), (Code::FailedPrecondition, "INSTRUCTION_UNKNOWN".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_recipient_is_told_as_erased_and_the_work_goes_on() {
    let world = World::new().await;
    world.with_node("n1").await;
    let (_, key) = world.released("n1", 1, 2).await;
    world.seal.erase(key).unwrap();
    let mut stream = subscribe(&world, "n1", 0, "").await.unwrap();
    let (instruction, _) = next(&mut stream).await;
    assert!(instruction.erased);
    let Some(Destination::ShipTo(to)) = instruction.destination else { panic!("it is shipped") };
    assert_eq!((to.contact, to.address, instruction.gift_note.as_str()), (None, None, ""));
}
