//! Any message of the contracts as one line of JSON: the canonical form of protobuf, with the field names of the
//! contracts, numbers as numbers and nothing left out that has a value.

use anyhow::Context;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use std::sync::LazyLock;
use waybill_client::proto::FILE_DESCRIPTOR_SET;

static POOL: LazyLock<Result<DescriptorPool, String>> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(|error| error.to_string()));

/// `message`, which is a `name` such as `orders.v1.Order`, as one line.
///
/// # Errors
/// A name that is in no contract: a fault of the caller.
pub(crate) fn json(name: &str, message: &impl Message) -> anyhow::Result<String> {
    let dynamic = DynamicMessage::decode(descriptor(name)?, message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true);
    let mut line = Vec::new();
    dynamic.serialize_with_options(&mut serde_json::Serializer::new(&mut line), &options)?;
    Ok(String::from_utf8(line)?)
}

/// The message that a JSON value in that form means.
///
/// # Errors
/// A field that the contract does not have, or a value that is not of its kind.
pub(crate) fn from_json<M: Message + Default>(name: &str, value: serde_json::Value) -> anyhow::Result<M> {
    let dynamic = DynamicMessage::deserialize(descriptor(name)?, value)?;
    Ok(M::decode(dynamic.encode_to_vec().as_slice())?)
}

/// The same JSON on several lines, for people and for differences between versions.
///
/// # Errors
/// What is no JSON.
pub(crate) fn pretty(line: &str) -> anyhow::Result<String> {
    let value: serde_json::Value = serde_json::from_str(line)?;
    Ok(serde_json::to_string_pretty(&value)?)
}

fn descriptor(name: &str) -> anyhow::Result<MessageDescriptor> {
    let pool = POOL.as_ref().map_err(|error| anyhow::anyhow!("the contracts cannot be read: {error}"))?;
    pool.get_message_by_name(&format!("waybill.{name}")).context("no such message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::inventory::v1::Position;

    #[test]
    fn a_message_is_one_line_with_the_names_of_its_contract() {
        let position =
            Position { sku: "P1".into(), node_id: "S1".into(), sellable: 7, ..Position::default() };
        let line = json("inventory.v1.Position", &position).unwrap();
        assert_eq!(line, r#"{"sku":"P1","node_id":"S1","sellable":7}"#);
    }

    #[test]
    fn a_name_that_no_contract_has_is_told() {
        assert!(json("inventory.v1.Posidon", &Position::default()).is_err());
    }
}
