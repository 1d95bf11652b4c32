//! The bytes of a frame of version 1, written down once: today's code must write and read exactly these.

use minicbor::bytes::ByteVec;
use waybill_machine::Content;
use waybill_machine::record::{decode, encode};
use waybill_replica::{Acknowledged, Body, Cause, Entry, Remembered, StateAt};
use waybill_types::{Actor, Channel, Origin, PartitionId, Reason, RequestId, Service, Timestamp};

fn frame() -> Body {
    let origin = Origin {
        channel: Channel::new("call_center").unwrap(),
        actor: Actor::new("agent-7").unwrap(),
        reason: Reason::new("typed twice").unwrap(),
        role: None,
    };
    let request = Remembered {
        target: [7; 16],
        id: RequestId::new("r-1").unwrap(),
        content: Content::new().with("quantity", &2u64),
        answer: ByteVec::from(vec![1, 2]),
        expires_at: Timestamp::from_ms(1_000_604_800_000),
    };
    let at = Timestamp::from_ms(1_000_000_000_000);
    let from = PartitionId::new(Service::Inventory, 3);
    Body {
        version: Body::VERSION,
        entries: vec![
            Entry {
                at,
                origin,
                cause: Cause::Command,
                events: vec![ByteVec::from(vec![0xaa, 0xbb])],
                request: Some(request),
            },
            Entry {
                at,
                origin: Origin::engine("message"),
                cause: Cause::Message { from, sequence: 9 },
                events: Vec::new(),
                request: None,
            },
        ],
        acknowledged: vec![Acknowledged { to: from, through: 12 }],
        state: None,
    }
}

const VERSION_1: &str = "830182851b000000e8d4a51000836b63616c6c5f63656e746572676167656e742d376b74797065642074776963658200808142aabb85500707070707070707070707070707070763722d31818182687175616e746974791bab13bedf42e84bae4201021b000000e8f8b19400841b000000e8d4a510008366656e67696e6566656e67696e65676d657373616765820182820103098081828201030c";

#[test]
fn a_frame_of_version_one_is_written_and_read_as_ever() {
    let bytes = encode(&frame());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, VERSION_1, "a changed form would make stored journals unreadable");
    assert_eq!(decode::<Body>(&bytes).unwrap(), frame());
}

#[test]
fn what_a_frame_tells_of_an_earlier_state_follows_the_rest() {
    let told = StateAt { sequence: 20_000, digest: [0xab; 16] };
    let bytes = encode(&Body { state: Some(told), ..frame() });
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let before = VERSION_1.strip_prefix("83").unwrap();
    assert_eq!(hex, format!("84{before}82194e2050{}", "ab".repeat(16)));
    assert_eq!(decode::<Body>(&bytes).unwrap().state, Some(told));
}
