//! `waybill status`: how a running process and each of its partitions is.

use super::Reach;
use crate::commands::{Table, json, refused, say, time, unless_closed, word};
use anyhow::bail;
use waybill_client::Identity;
use waybill_proto::common::v1::{
    GetStatusRequest, GetStatusResponse, PartitionPhase, PartitionStatus, ServiceKind,
};

/// What `status` takes.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Answer as JSON: one object, in the JSON form of the contracts.
    #[arg(long)]
    json: bool,
}

/// Asks and shows; an error when a partition has stopped.
///
/// # Errors
/// Nobody answers, or a partition that has stopped.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.reach.client(Identity::default()).await?;
    let status = client.get_status(GetStatusRequest {}).await.map_err(refused)?;
    // Whoever reads only the first lines still gets the exit code of the whole.
    unless_closed(match args.json {
        true => say(json("common.v1.GetStatusResponse", &status)?),
        false => say(format!("{}\n{}", headline(&status), table(&status.partitions))),
    })?;
    let stopped = status.partitions.iter().filter(|one| one.phase() == PartitionPhase::Stopped).count();
    if stopped > 0 {
        bail!("{stopped} partition(s) have stopped; see the log of the process and restart it");
    }
    Ok(())
}

fn headline(status: &GetStatusResponse) -> String {
    let (version, started) = (&status.version, time(status.start_time.as_ref()));
    let memory = match status.resident_bytes {
        0 => String::new(),
        bytes => format!(", {} MiB of memory", bytes.div_ceil(1 << 20)),
    };
    let clock = if status.virtual_clock { ", a virtual clock" } else { "" };
    format!("waybill {version}, up since {started}{memory}{clock}")
}

fn table(partitions: &[PartitionStatus]) -> Table {
    let mut table = Table::new(&[
        "PARTITION",
        "PHASE",
        ">SEQUENCE",
        ">CHECKPOINT",
        ">OUTBOX",
        ">LAG MS",
        ">QUEUE",
        ">ROWS IN MEMORY",
        "TIME",
    ]);
    for one in partitions {
        let service = ServiceKind::try_from(one.service).unwrap_or_default();
        table.row([
            format!("{}/{}", word(service.as_str_name(), "SERVICE_KIND"), one.partition),
            word(one.phase().as_str_name(), "PARTITION_PHASE"),
            one.durable_sequence.to_string(),
            one.checkpoint_sequence.to_string(),
            one.outbox_depth.to_string(),
            one.outbox_lag_ms.to_string(),
            one.queue_depth.to_string(),
            one.rows_in_memory.to_string(),
            time(one.partition_time.as_ref()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_stopped_is_seen_beside_the_others() {
        let one = |partition, phase: PartitionPhase| PartitionStatus {
            service: ServiceKind::Orders.into(),
            partition,
            phase: phase.into(),
            durable_sequence: 70,
            checkpoint_sequence: 65,
            outbox_depth: 2,
            outbox_lag_ms: 340,
            ..Default::default()
        };
        let text = table(&[one(0, PartitionPhase::Serving), one(1, PartitionPhase::Stopped)]).to_string();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["orders/0", "serving", "70", "65", "2", "340", "0", "0"]);
        assert_eq!(rows[2][..2], ["orders/1", "stopped"]);
        let status = GetStatusResponse { version: "0.1.0".into(), resident_bytes: 1, ..Default::default() };
        assert_eq!(headline(&status), "waybill 0.1.0, up since , 1 MiB of memory");
    }
}
