//! `waybill audit`: every law, with how many things were checked.

use super::Reach;
use crate::audit::{self, LawReport};
use crate::config::Config;
use anyhow::bail;
use std::path::PathBuf;
use waybill_proto::common::v1::{AuditRequest, audit_response::Step};

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
    if args.json {
        print_json(&laws)?
    } else {
        print_table(&laws)
    }
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
    let mut stream = reach.admin().await?.audit(AuditRequest::default()).await?.into_inner();
    let mut laws = Vec::new();
    while let Some(answer) = stream.message().await? {
        if let Some(Step::Report(report)) = answer.step {
            let found = LawReport {
                checked: report.checked_count,
                violations: report.violations,
                violation_count: report.violation_count,
                not_yet_built: report.not_yet_built,
            };
            laws.push((report.law, found));
        }
    }
    Ok(laws)
}

/// Prints the laws as people read them.
pub fn print_table(laws: &[(String, LawReport)]) {
    println!("{:<12} {:>12}  result", "law", "checked");
    for (law, report) in laws {
        let result = match (report.not_yet_built, report.violation_count) {
            (true, _) => "not yet built".to_owned(),
            (false, 0) => "holds".to_owned(),
            (false, count) => format!("BROKEN {count} time(s)"),
        };
        println!("{law:<12} {:>12}  {result}", report.checked);
        report.violations.iter().for_each(|what| println!("             - {what}"));
    }
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
    println!("{}", serde_json::to_string_pretty(&rows)?);
    Ok(())
}
