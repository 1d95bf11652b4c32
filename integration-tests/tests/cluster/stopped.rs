//! An owner stands still for longer than its lease and goes on: others own by then, and what it still does is refused by
//! the fence. What it tells its callers afterwards is true all the same.

use crate::shop::{self, Cluster, Ledger, load, numbered};
use anyhow::ensure;
use tonic::Code;
use waybill_integration_tests::shared_journal::Kind;
use waybill_integration_tests::world::until;

/// Orders that the stopped one has in its hands.
const ASKED: usize = 40;

pub(crate) async fn owner_is_refused_by_the_fence(kind: Kind) -> anyhow::Result<()> {
    let cluster = Cluster::new(kind)?;
    let [a, b, c] = cluster.three().await?;
    let (at_a, doors) = (a.channel().await?, [b.channel().await?, c.channel().await?]);
    shop::place(&at_a, numbered("first", 0)).await?;
    let mut ledger = Ledger::default();
    a.signal("-STOP")?;
    // Their bytes are there when it goes on: it decides them as the owner it was.
    let held: Vec<_> = (0..ASKED)
        .map(|n| {
            let at_a = at_a.clone();
            tokio::spawn(async move {
                let number = format!("held-{n}");
                let told = shop::place(&at_a, numbered(&number, n)).await;
                (n, number, told)
            })
        })
        .collect();
    let (shopped, moved) = tokio::join!(ledger.shop("stopped", &doors, load()), async {
        until("others own what the stopped one owned", || async {
            let owned = shop::owned(&b).await?;
            Ok((!owned.contains_key("a") && owned.values().sum::<u32>() == shop::PARTITIONS).then_some(()))
        })
        .await?;
        // Others have written to every log by now.
        ledger_of_others(&doors).await
    });
    let ((longest, retries), others) = (shopped?, moved?);
    a.signal("-CONT")?;
    let mut answered = 0;
    for one in held {
        let (n, number, told) = one.await?;
        match told {
            Ok(placed) => {
                answered += 1;
                ledger.was_told(&number, &placed.order_id)?;
            }
            // Not known, or not done: asked again elsewhere with the same request id.
            Err(error) => {
                let status = error.downcast_ref::<tonic::Status>().map(tonic::Status::code);
                let open =
                    [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::ResourceExhausted];
                ensure!(status.is_some_and(|code| open.contains(&code)), "{number}: {error:#}");
            }
        }
        let again = until("the order is placed elsewhere", || async {
            Ok(shop::place(&doors[n % 2], numbered(&number, n)).await.ok())
        })
        .await?;
        ledger.was_told(&number, &again.order_id)?;
    }
    let log = cluster.log("a");
    let refused = log.matches("the journal refused a frame").count();
    println!(
        "{kind}: stopped beyond its lease: {answered} of {ASKED} answered by the one that stood still, {refused} of its frames \
         refused; longest call elsewhere {} ms, {retries} retries",
        longest.as_millis()
    );
    ensure!(log.contains("owns it no more"), "it does not know that it was replaced");
    ledger.judge(&doors).await?;
    others.judge(&doors).await?;
    ledger.judge(&[at_a]).await?;
    shop::at_rest(&[&a, &b, &c]).await
}

async fn ledger_of_others(doors: &[tonic::transport::Channel]) -> anyhow::Result<Ledger> {
    let mut others = Ledger::default();
    others.all_answer("others", doors).await?;
    Ok(others)
}
