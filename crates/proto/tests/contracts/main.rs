//! The habits of the public contracts, checked on the descriptor set itself: what every RPC and field must have.
//! Knows no domain rule. Style that `buf lint` already checks (names, packages, suffixes) is not repeated here.

mod catalogue;
mod habits;

use catalogue::Catalogue;
use prost::Message as _;
use prost_types::FileDescriptorSet;

fn published() -> Catalogue {
    let set =
        FileDescriptorSet::decode(waybill_proto::FILE_DESCRIPTOR_SET).expect("the descriptor set decodes");
    Catalogue::new(set)
}

#[track_caller]
fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn descriptor_set_holds_every_service_once() {
    let mut names: Vec<String> = published().services().map(|service| service.full_name).collect();
    names.sort();
    let expected = [
        "waybill.common.v1.AdminService",
        "waybill.common.v1.ClusterService",
        "waybill.common.v1.OwnershipService",
        "waybill.common.v1.PartitionService",
        "waybill.customers.v1.CustomersService",
        "waybill.fulfillment.v1.FulfillmentService",
        "waybill.fulfillment.v1.NetworkService",
        "waybill.fulfillment.v1.PromiseService",
        "waybill.fulfillment.v1.SourcingService",
        "waybill.inventory.v1.InventoryService",
        "waybill.orders.v1.AmendmentsService",
        "waybill.orders.v1.OrderPolicyService",
        "waybill.orders.v1.OrdersService",
        "waybill.orders.v1.ReturnsService",
    ];
    assert_eq!(names, expected);
}

#[test]
fn descriptor_set_carries_what_it_imports() {
    // Reflection clients resolve imports from the set alone.
    assert!(published().has_file("google/protobuf/timestamp.proto"));
}

#[test]
fn everything_public_is_explained() {
    assert_none(habits::without_comment(&published()));
}

#[test]
fn every_write_can_be_repeated_safely_and_says_why() {
    assert_none(habits::writes_without_identity(&published()));
}

#[test]
fn every_write_answers_with_a_token_and_every_read_takes_one() {
    assert_none(habits::broken_read_your_writes(&published()));
}

#[test]
fn every_list_pages() {
    assert_none(habits::lists_without_pages(&published()));
}

#[test]
fn every_stream_resumes() {
    assert_none(habits::streams_that_cannot_resume(&published()));
}

#[test]
fn units_are_in_names_types_and_comments() {
    assert_none(habits::unclear_units(&published()));
}

#[test]
fn reasons_for_exceptions_name_rpcs_that_exist() {
    let catalogue = published();
    let known: Vec<String> = catalogue.rpcs().into_iter().map(|rpc| rpc.name).collect();
    for (name, reason) in habits::exceptions() {
        assert!(known.iter().any(|rpc| rpc == name), "{name} is excepted ({reason}) but does not exist");
    }
}

/// The checks above prove nothing unless they can fail: each finds its fault in a file made to have them all.
#[test]
fn each_habit_is_missed_where_it_is_broken() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts");
    let set = protox::compile(["broken.proto"], [directory]).expect("broken.proto compiles");
    let broken = Catalogue::new(set);
    let cases = [
        (habits::without_comment(&broken), "DoThingRequest.weight_g has no comment"),
        (habits::without_comment(&broken), "BrokenService.DoThing has no comment"),
        (habits::writes_without_identity(&broken), "DoThing: DoThingRequest has no request_id"),
        (habits::writes_without_identity(&broken), "DoThing: DoThingRequest has no reason"),
        (habits::broken_read_your_writes(&broken), "DoThing: DoThingResponse has no token"),
        (habits::broken_read_your_writes(&broken), "GetThing: GetThingRequest has no after"),
        (habits::lists_without_pages(&broken), "ListThings: ListThingsResponse has no next_page_token"),
        (habits::streams_that_cannot_resume(&broken), "WatchThing: WatchThingRequest has no resume_token"),
        (habits::unclear_units(&broken), "GetThingResponse.price is a floating-point number"),
        (habits::unclear_units(&broken), "GetThingResponse.wait_ms is not an int64"),
        (habits::unclear_units(&broken), "GetThingResponse.done_time is not a google.protobuf.Timestamp"),
        (habits::unclear_units(&broken), "GetThingResponse.wait_ms does not say \"milliseconds\""),
    ];
    for (faults, expected) in cases {
        assert!(faults.iter().any(|fault| fault.contains(expected)), "missing {expected:?} in {faults:#?}");
    }
}

#[test]
fn bytes_are_shared_and_maps_are_ordered() {
    // Ordered maps make the same message the same bytes; shared bytes make forwarding free of copies.
    let request = waybill_proto::common::v1::DeliverRequest {
        messages: vec![prost::bytes::Bytes::from_static(b"one")],
        ..Default::default()
    };
    assert_eq!(
        waybill_proto::common::v1::DeliverRequest::decode(request.encode_to_vec().as_slice()),
        Ok(request)
    );
    let mut item = waybill_proto::inventory::v1::Item::default();
    for key in ["size", "colour"] {
        item.custom_attributes.insert(key.into(), "any".into());
    }
    assert_eq!(item.custom_attributes.keys().collect::<Vec<_>>(), ["colour", "size"]);
}
