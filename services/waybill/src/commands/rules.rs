//! `waybill rules`: the order policy, printed, replaced and explained.

use super::{Common, Flags, Writing, from_json, from_word, json, pretty, refused_of, say, word};
use anyhow::Context;
use clap::Subcommand;
use std::path::PathBuf;
use waybill_client::proto::orders::v1::{
    ChangeKind, ChangeStage, ExplainChangeRequest, GetOrderPolicyRequest, OrderPolicy, SetOrderPolicyRequest,
};

/// Which changes are allowed where and when, what holds stop, how long returns are taken.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the policy as JSON: the one in force, or an earlier version.
    Print {
        /// Version; by default the one in force.
        #[arg(value_name = "VERSION", default_value_t = 0, hide_default_value = true)]
        number: u64,
    },
    /// Put a policy in force, from a file as `print` writes it.
    Set {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        writing: Writing,
        /// Only if the version in force is this one.
        #[arg(long, value_name = "VERSION")]
        in_force: Option<u64>,
    },
    /// Tell which rule decides a change that is asked for in the channel given with --channel.
    Explain {
        /// The kind of change, such as ship-to.
        #[arg(long)]
        kind: String,
        /// How far the units are, such as released.
        #[arg(long)]
        stage: String,
    },
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[("policy", "FILE"), ("expected_version", "--in-force"), ("channel", "--channel")];

/// Runs the command.
///
/// # Errors
/// A refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    match args.what {
        What::Print { number } => {
            let request = GetOrderPolicyRequest { version: number, after: String::new() };
            let answer = client.get_order_policy(request).await.map_err(refused_of(FLAGS))?;
            let policy = answer.policy.context("the server answered without the policy")?;
            say(pretty(&json("orders.v1.OrderPolicy", &policy)?)?)?;
            // Not on standard output, which is a file for `set`.
            eprintln!("version {}", answer.version);
            Ok(())
        }
        What::Set { file, writing, in_force } => {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let value =
                serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
            let policy: OrderPolicy = from_json("orders.v1.OrderPolicy", value)
                .with_context(|| format!("{} is no order policy", file.display()))?;
            let request = SetOrderPolicyRequest {
                request_id: writing.request_id,
                reason: writing.reason,
                policy: Some(policy),
                expected_version: in_force,
            };
            let answer = client.set_order_policy(request).await.map_err(refused_of(FLAGS))?;
            match args.common.json {
                true => say(json("orders.v1.SetOrderPolicyResponse", &answer)?),
                false => say(format!("version {} is in force", answer.version)),
            }
        }
        What::Explain { kind, stage } => {
            let channel = args.common.connection.channel;
            let channel =
                channel.context("rules differ by channel: give --channel, such as --channel web")?;
            let kind: ChangeKind = from_word(&kind, "CHANGE_KIND", ChangeKind::as_str_name)?;
            let stage: ChangeStage = from_word(&stage, "CHANGE_STAGE", ChangeStage::as_str_name)?;
            let (kind, stage) = (kind.into(), stage.into());
            let request = ExplainChangeRequest { channel, kind, stage, ..ExplainChangeRequest::default() };
            let answer = client.explain_change(request).await.map_err(refused_of(FLAGS))?;
            if args.common.json {
                return say(json("orders.v1.ExplainChangeResponse", &answer)?);
            }
            let verdict = word(answer.verdict().as_str_name(), "VERDICT");
            let why = match &answer.rule {
                Some(rule) if rule.note.is_empty() => format!("rule {}", answer.rule_index),
                Some(rule) => format!("rule {}: {}", answer.rule_index, rule.note),
                None => "no rule matches".to_owned(),
            };
            say(format!("{verdict}  {why}  (policy version {})", answer.version))
        }
    }
}
