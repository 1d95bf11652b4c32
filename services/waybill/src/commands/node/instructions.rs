//! `waybill node instructions` and `acknowledge`: what a node is told.

use crate::commands::{Common, Flags, Writing, json, refused_of, say, show_quantity, time, word};
use futures::StreamExt;
use waybill_client::Client;
use waybill_client::proto::fulfillment::v1::pick_instruction::Destination;
use waybill_client::proto::fulfillment::v1::{AcknowledgeInstructionsRequest, PickInstruction};

/// What the fields are called where they are typed.
const FLAGS: Flags = &[("node_id", "NODE"), ("after_number", "--after"), ("through_number", "THROUGH")];

#[derive(Debug, clap::Args)]
pub(super) struct Instructions {
    /// The node.
    node: String,
    /// Begin after this number.
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// End after this many instructions instead of waiting for new ones.
    #[arg(long)]
    count: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Acknowledge {
    /// The node.
    node: String,
    /// It has every instruction up to and including this number.
    through: u64,
    #[command(flatten)]
    writing: Writing,
}

pub(super) async fn instructions(
    client: &Client,
    common: &Common,
    asked: &Instructions,
) -> anyhow::Result<()> {
    let all = client.instructions(&asked.node, asked.after);
    let mut instructions = all.take(asked.count.unwrap_or(usize::MAX));
    while let Some(message) = instructions.next().await {
        let message = message.map_err(refused_of(FLAGS))?;
        match &message.instruction {
            Some(_) if common.json => say(json("fulfillment.v1.SubscribeInstructionsResponse", &message)?)?,
            Some(instruction) => say(text(instruction))?,
            None => {}
        }
    }
    Ok(())
}

/// The instruction as a picker reads it.
fn text(instruction: &PickInstruction) -> String {
    let kind = word(instruction.kind().as_str_name(), "PICK_INSTRUCTION_KIND");
    let mut text = format!(
        "{}  {kind}  {}  ship by {}  {}",
        instruction.number,
        instruction.fulfillment_order_id,
        time(instruction.ship_by_time.as_ref()),
        to(instruction),
    );
    for line in &instruction.lines {
        let quantity = show_quantity(line.quantity, line.scale);
        text.push_str(&format!("\n     {quantity:>8} x {}  {}", line.sku, line.item_name));
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn to(instruction: &PickInstruction) -> String {
    match &instruction.destination {
        _ if instruction.erased => "to an erased address".to_owned(),
        Some(Destination::ShipTo(to)) => {
            let address = to.address.clone().unwrap_or_default();
            format!("to {} {} by {}", address.postal_code, address.city, instruction.carrier_service)
        }
        Some(Destination::Pickup(_)) => "to be fetched here".to_owned(),
        None => String::new(),
    }
}

pub(super) async fn acknowledge(client: &Client, common: &Common, asked: Acknowledge) -> anyhow::Result<()> {
    let request = AcknowledgeInstructionsRequest {
        request_id: asked.writing.request_id,
        reason: asked.writing.reason,
        node_id: asked.node,
        through_number: asked.through,
    };
    let answer = client.acknowledge_instructions(request).await.map_err(refused_of(FLAGS))?;
    if common.json {
        return say(json("fulfillment.v1.AcknowledgeInstructionsResponse", &answer)?);
    }
    say(format!("acknowledged {} of {}", answer.through_number, answer.last_number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_client::proto::common::v1::Address;
    use waybill_client::proto::fulfillment::v1::{PickInstructionKind, PickLine, ShipDestination};

    #[test]
    fn an_instruction_reads_like_a_pick_list() {
        let address =
            Address { postal_code: "46859".into(), city: "Fort Wayne".into(), ..Address::default() };
        let line = PickLine {
            sku: "F7".into(),
            item_name: "Lace".into(),
            quantity: 250,
            scale: 2,
            ..PickLine::default()
        };
        let mut instruction = PickInstruction {
            number: 12,
            kind: PickInstructionKind::Pick.into(),
            fulfillment_order_id: "W03-1-F1.05".into(),
            ship_by_time: Some(prost_types::Timestamp { seconds: 1_772_460_022, nanos: 0 }),
            destination: Some(Destination::ShipTo(ShipDestination {
                address: Some(address),
                ..Default::default()
            })),
            carrier_service: "standard".into(),
            lines: vec![line],
            ..PickInstruction::default()
        };
        assert_eq!(
            text(&instruction),
            "12  pick  W03-1-F1.05  ship by 2026-03-02 14:00:22Z  to 46859 Fort Wayne by standard\n         \
             2.50 x F7  Lace"
        );
        instruction.erased = true;
        assert!(text(&instruction).contains("erased"));
    }
}
