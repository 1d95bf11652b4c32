//! `waybill backup`: a consistent, verified copy of a running engine on its own machine.

use super::{Reach, fresh_request_id};
use crate::commands::{refused, say};
use anyhow::bail;
use std::path::PathBuf;
use waybill_proto::common::v1::{BackupRequest, backup_response::Step};

/// What `backup` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    reach: Reach,
    /// A directory on the server's machine that does not exist or is empty.
    directory: PathBuf,
}

/// Makes the copy and says what it holds.
///
/// # Errors
/// No copy could be made.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let directory = std::path::absolute(&args.directory)?.display().to_string();
    let request = BackupRequest { request_id: fresh_request_id()?, reason: "backup".into(), directory };
    let mut stream = args.reach.admin().await?.backup(request).await.map_err(refused)?.into_inner();
    while let Some(answer) = stream.message().await.map_err(refused)? {
        if let Some(Step::Result(result)) = answer.step {
            let (directory, partitions) = (result.directory, result.partitions.len());
            return say(format!("{directory}: {} bytes, {partitions} partitions, verified", result.bytes));
        }
    }
    bail!("the engine ended the backup without a result; the copy is not complete")
}
