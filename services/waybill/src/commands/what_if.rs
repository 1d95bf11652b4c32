//! `waybill what-if`: orders as they were decided beside what another policy would decide over the stock of that time.
//! Nothing is put in force, nothing is reserved.

mod beyond;
mod plot;
mod report;

use super::{Common, Flags, json, policy, refused_of, say, verify};
use anyhow::{Context, bail};
use prost_types::Timestamp;
use report::Report;
use std::path::PathBuf;
use waybill_client::proto::fulfillment::v1::{
    CompareSourcingPolicyRequest, ProjectSourcingDecisionsRequest, UsualRule,
};
use waybill_formats::Instant;

/// Plan orders once more under another policy and compare.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("over").required(true).multiple(true).args(["policy", "rule", "stock", "means"]))]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// Only this order; by default every order of the day or time given.
    #[arg(default_value = "", hide_default_value = true)]
    order: String,
    /// The policy to try, a file as `waybill policy print` writes it.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Instead of a policy: what shops without a planner do, priced by the policy of then.
    #[arg(long, value_enum, conflicts_with_all = ["policy", "current_network", "stock", "means"])]
    rule: Option<Rule>,
    /// Orders that were planned on this day, in UTC, such as 2026-03-02; by default all that are kept.
    #[arg(long, value_name = "DAY", conflicts_with = "order")]
    day: Option<String>,
    /// Plan over the network as it is now instead of as it was.
    #[arg(long)]
    current_network: bool,
    #[command(flatten)]
    stated: beyond::Stated,
    /// Draw what it comes to into this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What shops do without a planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Rule {
    /// The nearest node that has everything; where none has, nodes by distance.
    NearestComplete,
}

impl From<Rule> for UsualRule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::NearestComplete => Self::NearestComplete,
        }
    }
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[("policy", "--policy"), ("order_id", "ORDER"), ("from_time", "--day")];

/// Runs the command.
///
/// # Errors
/// A refusal of the server, no server, or a picture that cannot be written.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let (from_time, until_time) = match &args.day {
        Some(day) => day_of(day)?,
        None => (None, None),
    };
    if args.stated.any() {
        let request = ProjectSourcingDecisionsRequest {
            order_id: args.order.clone(),
            from_time,
            until_time,
            current_network: args.current_network,
            policy: args.policy.as_deref().map(policy::read).transpose()?,
            ..ProjectSourcingDecisionsRequest::default()
        };
        let client = args.common.connection.connect().await?;
        return beyond::run(&client, &args.stated, request, args.common.json).await;
    }
    let request = CompareSourcingPolicyRequest {
        policy: args.policy.as_deref().map(policy::read).transpose()?,
        order_id: args.order.clone(),
        from_time,
        until_time,
        current_network: args.current_network,
        usual_rule: args.rule.map_or(UsualRule::Unspecified, UsualRule::from).into(),
    };
    let client = args.common.connection.connect().await?;
    let answers = client.sourcing().compare_sourcing_policy(request).await;
    let mut answers = answers.map_err(refused_of(FLAGS))?.into_inner();
    let (bar, mut report) = (verify::bar(0), Report::default());
    while let Some(answer) = answers.message().await.map_err(refused_of(FLAGS))? {
        bar.set_length(answer.total);
        bar.set_position(answer.done);
        match &answer.comparison {
            Some(comparison) => {
                if args.common.json {
                    let line = json("fulfillment.v1.PolicyComparison", comparison)?;
                    bar.suspend(|| say(line))?;
                }
                report.add(comparison);
            }
            None => report.skip(),
        }
    }
    bar.finish_and_clear();
    if report.orders() == 0 {
        bail!("no decision of that time is kept whole: {} were looked at", report.skipped());
    }
    if let Some(file) = &args.svg {
        std::fs::write(file, plot::draw(&report))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.common.json { Ok(()) } else { say(report.to_string()) }
}

/// From midnight to midnight in UTC.
fn day_of(day: &str) -> anyhow::Result<(Option<Timestamp>, Option<Timestamp>)> {
    let begin = format!("{day}T00:00:00Z").parse::<Instant>();
    let begin = begin.map_err(|why: String| anyhow::anyhow!("{day:?} is no day: {why}"))?;
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let seconds = begin.ms.div_euclid(1_000);
    Ok((at(seconds), at(seconds + 86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_from_midnight_to_midnight() {
        let (from, until) = day_of("2026-03-02").unwrap();
        assert_eq!(from.unwrap().seconds, 1_772_409_600);
        assert_eq!(until.unwrap().seconds - from.unwrap().seconds, 86_400);
        assert!(day_of("yesterday").is_err());
    }
}
