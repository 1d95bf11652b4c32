//! `waybill audit`: every law, with how many things were checked.

use super::Reach;
use crate::audit::{self, LawReport};
use crate::commands::{refused, say, unless_closed};
use crate::config::Config;
use anyhow::bail;
use std::path::PathBuf;
use waybill_client::Identity;

/// What `audit` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Audit a directory that nobody serves, instead of a running engine.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Partitions of that directory.
    #[arg(long, default_value_t = 8)]
    partitions: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Audits and prints; an error when a law is broken.
///
/// # Errors
/// A broken law, an engine or directory that cannot be audited.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let laws = match &args.data_dir {
        Some(data_dir) => offline(data_dir.clone(), args.partitions).await?,
        None => online(&args.reach).await?,
    };
    // Whoever reads only the first lines still gets the exit code of the whole.
    unless_closed(if args.json { print_json(&laws) } else { say(table(&laws)) })?;
    let broken = laws.iter().filter(|(_, report)| report.violation_count > 0).count();
    if broken > 0 {
        bail!("{broken} law(s) are broken");
    }
    Ok(())
}

async fn offline(data_dir: PathBuf, partitions: u16) -> anyhow::Result<Vec<(String, LawReport)>> {
    if !waybill_replica::DataDir::new(&data_dir).exists() {
        bail!("{} is not a data directory: there is no journal in it", data_dir.display());
    }
    let config = Config { data_dir, partitions, ..Config::default() };
    let host = crate::serve::open_host(&config).await?;
    let report = tokio::task::spawn_blocking(move || audit::audit_offline(&host)).await??;
    Ok(report.laws().map(|(law, found)| (law.to_owned(), found)).collect())
}

async fn online(reach: &Reach) -> anyhow::Result<Vec<(String, LawReport)>> {
    let reports = reach.client(Identity::default()).await?.audit(&[]).await.map_err(refused)?;
    let laws = reports.into_iter().map(|report| {
        let found = LawReport {
            checked: report.checked_count,
            violations: report.violations,
            violation_count: report.violation_count,
            not_yet_built: report.not_yet_built,
        };
        (report.law, found)
    });
    Ok(laws.collect())
}

/// What came of a law, in words. A law that found nothing to look at has not been shown to hold.
#[must_use]
pub fn verdict(not_yet_built: bool, checked: u64, violations: u64) -> String {
    match (not_yet_built, checked, violations) {
        (true, ..) => "not yet built".to_owned(),
        (false, 0, 0) => "nothing to check".to_owned(),
        (false, _, 0) => "holds".to_owned(),
        (false, _, count) => format!("BROKEN {count} time(s)"),
    }
}

/// The laws as people read them.
fn table(laws: &[(String, LawReport)]) -> String {
    let mut text = format!("{:<12} {:>12}  result", "law", "checked");
    for (law, report) in laws {
        let verdict = verdict(report.not_yet_built, report.checked, report.violation_count);
        text.push_str(&format!("\n{law:<12} {:>12}  {verdict}", report.checked));
        report.violations.iter().for_each(|what| text.push_str(&format!("\n             - {what}")));
    }
    text
}

fn print_json(laws: &[(String, LawReport)]) -> anyhow::Result<()> {
    let rows: Vec<serde_json::Value> = laws
        .iter()
        .map(|(law, report)| {
            serde_json::json!({
                "law": law, "checked": report.checked, "violation_count": report.violation_count,
                "violations": report.violations, "not_yet_built": report.not_yet_built,
            })
        })
        .collect();
    say(serde_json::to_string_pretty(&rows)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_that_looked_at_nothing_is_not_said_to_hold() {
        let law = |checked, violation_count| LawReport { checked, violation_count, ..LawReport::default() };
        let mut broken = law(0, 1);
        broken.violations.push("A at C01 is oversold".to_owned());
        let laws = [("STOCK-1", law(5, 0)), ("ONCE-1", law(0, 0)), ("STOCK-2", broken)];
        let text = table(&laws.map(|(law, report)| (law.to_owned(), report)));
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            rows,
            [
                "STOCK-1                 5  holds",
                "ONCE-1                  0  nothing to check",
                "STOCK-2                 0  BROKEN 1 time(s)",
                "             - A at C01 is oversold"
            ]
        );
    }
}
