//! The gauges that alarms look at, while the journal is away: they say so, though nobody tells them anything.

use crate::shop::{Cluster, PARTITIONS};
use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use waybill_integration_tests::shared_journal::Kind;
use waybill_integration_tests::world::until;

/// What a gauge of the process says.
async fn gauge(address: &str, name: &str) -> anyhow::Result<f64> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("no {name} in {answer}"))?.trim().parse()?)
}

pub(crate) async fn says_that_the_journal_is_away(kind: Kind) -> anyhow::Result<()> {
    let mut cluster = Cluster::new(kind)?;
    let (engine, address) = cluster.start_measured("a").await?;
    let without_owner = || gauge(&address, "waybill_cluster_partitions_without_owner");
    let silent = || gauge(&address, "waybill_cluster_journal_silent_seconds");
    let owned = || gauge(&address, "waybill_cluster_partitions_owned");
    until("everything is said to be owned", || async {
        let all = owned().await? == f64::from(PARTITIONS) && without_owner().await? == 0.0;
        Ok(all.then_some(()))
    })
    .await?;

    tokio::task::block_in_place(|| cluster.journal.kill_all())?;
    until("the journal is said to be silent", || async { Ok((silent().await? > 3.0).then_some(())) }).await?;
    until("nobody is said to own anything", || async {
        Ok((without_owner().await? == f64::from(PARTITIONS)).then_some(()))
    })
    .await?;

    tokio::task::block_in_place(|| cluster.journal.revive_all())?;
    until("it is heard again", || async {
        Ok((silent().await? < 2.0 && without_owner().await? == 0.0).then_some(()))
    })
    .await?;
    engine.audit().await.map(|_| ())
}
