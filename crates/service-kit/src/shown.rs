//! Single values of answers: times, windows, amounts, attributes. The counterpart of [`crate::values`]. Knows no message
//! of any one service.

use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use waybill_proto::common::v1 as common;
use waybill_types::exchange::PromiseWindow;
use waybill_types::{Attributes, Currency, Timestamp};

/// A point in time, to the millisecond.
#[must_use]
pub fn time(at: Timestamp) -> prost_types::Timestamp {
    let ms = at.as_ms();
    prost_types::Timestamp { seconds: ms.div_euclid(1000), nanos: (ms.rem_euclid(1000) as i32) * 1_000_000 }
}

/// What the customer was told.
#[must_use]
pub fn window(window: PromiseWindow) -> common::PromiseWindow {
    common::PromiseWindow { earliest: Some(time(window.earliest)), latest: Some(time(window.latest)) }
}

/// An amount in minor units.
#[must_use]
pub fn money(currency: Currency, minor_units: i64) -> common::Money {
    common::Money { currency_code: currency.as_str().to_owned(), minor_units }
}

/// Custom attributes.
#[must_use]
pub fn attributes(attributes: &Attributes) -> BTreeMap<String, String> {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

static POOL: LazyLock<Result<DescriptorPool, String>> = LazyLock::new(|| {
    DescriptorPool::decode(waybill_proto::FILE_DESCRIPTOR_SET).map_err(|error| error.to_string())
});

/// A message of the contracts as JSON, with the field names of the contracts and numbers as numbers; fields without a
/// value are left out. `name` is such as `inventory.v1.Item`; `null` for a name that no contract has.
#[must_use]
pub fn json(name: &str, message: &impl Message) -> serde_json::Value {
    let Some(descriptor) =
        POOL.as_ref().ok().and_then(|pool| pool.get_message_by_name(&format!("waybill.{name}")))
    else {
        return serde_json::Value::Null;
    };
    let options = SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true);
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).ok();
    let value = dynamic
        .and_then(|dynamic| dynamic.serialize_with_options(serde_json::value::Serializer, &options).ok());
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_before_1970_has_nanoseconds_of_zero_or_more() {
        let shown = time(Timestamp::from_ms(-1));
        assert_eq!((shown.seconds, shown.nanos), (-1, 999_000_000));
        assert_eq!(time(Timestamp::from_ms(1_234)).nanos, 234_000_000);
    }

    #[test]
    fn a_message_is_json_with_the_names_of_its_contract() {
        let cursor = common::PartitionCursor { partition: 3, sequence: 7 };
        assert_eq!(
            json("common.v1.PartitionCursor", &cursor),
            serde_json::json!({ "partition": 3, "sequence": 7 })
        );
        assert_eq!(json("common.v1.Nobody", &cursor), serde_json::Value::Null);
    }
}
