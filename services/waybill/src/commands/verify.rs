//! `waybill verify`: kept sourcing decisions, checked again without the planner.

use super::{Common, Flags, json, refused_of, say};
use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use waybill_client::proto::fulfillment::v1::{
    VerifySourcingDecisionsRequest, VerifySourcingDecisionsResponse,
};

/// Check kept sourcing decisions: units, stock, rules, dates and costs are counted again without the planner.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// Only the decisions of this order; by default all that are kept.
    #[arg(default_value = "", hide_default_value = true)]
    order: String,
}

/// What the fields are called where they are typed.
const FLAGS: Flags = &[("order_id", "ORDER")];

/// Runs the command.
///
/// # Errors
/// A decision that is wrong, a refusal of the server, or no server.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.common.connection.connect().await?;
    let request = VerifySourcingDecisionsRequest { order_id: args.order, ..Default::default() };
    let answers = client.sourcing().verify_sourcing_decisions(request).await;
    let mut answers = answers.map_err(refused_of(FLAGS))?.into_inner();
    let bar = bar(0);
    let (mut last, mut wrong) = (VerifySourcingDecisionsResponse::default(), 0u64);
    while let Some(answer) = answers.message().await.map_err(refused_of(FLAGS))? {
        bar.set_length(answer.total);
        bar.set_position(answer.checked);
        if !answer.findings.is_empty() {
            wrong += 1;
            let told =
                format!("{} attempt {}: {}", answer.order_id, answer.attempt, answer.findings.join("; "));
            bar.suspend(|| say(&told))?;
        }
        last = answer;
    }
    bar.finish_and_clear();
    if args.common.json {
        say(json("fulfillment.v1.VerifySourcingDecisionsResponse", &last)?)?;
    } else {
        say(summary(&last, wrong))?;
    }
    if wrong > 0 {
        bail!("{wrong} of {} decisions are wrong", last.checked);
    }
    Ok(())
}

fn summary(last: &VerifySourcingDecisionsResponse, wrong: u64) -> String {
    let each = last.kept_bytes.checked_div(last.checked - last.gone).unwrap_or(0);
    format!(
        "{} decisions checked, {wrong} wrong, {} proven optimal, {} bounds counted again from their dual values, {} with \
         the stock of every node, {} gone; {each} bytes each",
        last.checked, last.proven, last.bounds_held, last.whole, last.gone
    )
}

/// A bar on standard error, silent where that is no terminal.
pub(crate) fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}  {eta}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_nothing_divides_by_nothing() {
        let text = summary(&VerifySourcingDecisionsResponse::default(), 0);
        assert!(text.starts_with("0 decisions checked, 0 wrong") && text.ends_with("0 bytes each"), "{text}");
    }
}
