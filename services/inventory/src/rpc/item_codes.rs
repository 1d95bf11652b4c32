//! Claiming the codes of items before the items are written: every code has one home, which says whose it is. What is
//! done here can be left off at any point and done again by anybody; see `waybill_inventory::code`.

use crate::door::Shared;
use crate::error::unexpected;
use futures::future::try_join_all;
use std::collections::BTreeMap;
use tonic::Status;
use waybill_inventory::{Alias, AliasClaim, Answer, ClaimRow, Codes, Command, Item, read};
use waybill_replica::Submission;
use waybill_service_kit::failed;
use waybill_types::{Origin, PartitionId, Sku};

/// A claim that has been pending for longer than this was left behind, in milliseconds. A younger one wins.
const PENDING_MS: i64 = 10_000;

/// A code that an item is to have and has not yet.
#[derive(Clone)]
struct Wanted {
    row: usize,
    revision: u64,
    claim: ClaimRow,
}

/// What became of the codes of each of `items`, which all lie in `partition`: `None` where an item gets none that it or
/// another item of that partition has not already.
pub(super) async fn claimed(
    door: &Shared,
    origin: &Origin,
    partition: PartitionId,
    items: &[Item],
) -> Result<Vec<Option<Codes>>, Status> {
    let mut codes: Vec<Option<Codes>> = vec![None; items.len()];
    let mut wanted = wanted(door, partition, items).await?;
    if wanted.is_empty() {
        return Ok(codes);
    }
    for (row, alias, sku) in had_elsewhere(door, partition, &wanted).await? {
        codes[row].get_or_insert(Codes::Taken(alias, sku));
    }
    wanted.retain(|wanted| codes[wanted.row].is_none());
    for (mut wanted, claim) in refused(door, origin, &wanted).await? {
        let alias = wanted.claim.alias.clone();
        let taken = match holder(door, origin, &alias, &claim).await? {
            Some(sku) => Some(sku),
            None => {
                wanted.claim.over = Some(claim);
                refused(door, origin, &[wanted.clone()]).await?.pop().map(|(_, claim)| claim.sku)
            }
        };
        if let Some(sku) = taken {
            codes[wanted.row].get_or_insert(Codes::Taken(alias, sku));
        }
    }
    for Wanted { row, revision, claim } in wanted {
        match codes[row].get_or_insert(Codes::Claimed(revision, Vec::new())) {
            Codes::Claimed(_, aliases) => aliases.push(claim.alias),
            Codes::Taken(..) => {}
        }
    }
    Ok(codes)
}

async fn wanted(door: &Shared, partition: PartitionId, items: &[Item]) -> Result<Vec<Wanted>, Status> {
    if items.iter().all(|item| item.aliases.is_empty()) {
        return Ok(Vec::new());
    }
    let asked = items.to_vec();
    let found = door.read(partition, move |state| {
        let new = |item: &Item| (read::item_revision(state, &item.sku), read::new_codes(state, item));
        asked.iter().map(new).collect::<Vec<_>>()
    });
    let mut wanted = Vec::new();
    for (row, (revision, aliases)) in found.await?.into_iter().enumerate() {
        let sku = &items[row].sku;
        let claim = |alias| ClaimRow { alias, sku: sku.clone(), revision: revision + 1, over: None };
        wanted.extend(aliases.into_iter().map(|alias| Wanted { row, revision, claim: claim(alias) }));
    }
    Ok(wanted)
}

/// The wanted codes that items of other partitions have. Those may have them without a claim: from the time before codes
/// were claimed, or from another item of their partition.
async fn had_elsewhere(
    door: &Shared,
    partition: PartitionId,
    wanted: &[Wanted],
) -> Result<Vec<(usize, Alias, Sku)>, Status> {
    let asks = door.all().filter(|other| *other != partition).map(|other| {
        let asked: Vec<_> = wanted.iter().map(|wanted| (wanted.row, wanted.claim.alias.clone())).collect();
        door.read(other, move |state| {
            let had = |(row, alias): (usize, Alias)| {
                let sku = read::holder(state, &alias)?;
                Some((row, alias, sku))
            };
            asked.into_iter().filter_map(had).collect::<Vec<_>>()
        })
    });
    Ok(try_join_all(asks).await?.into_iter().flatten().collect())
}

/// Claims codes at their homes; answers those that another claim stands in the way of.
async fn refused(
    door: &Shared,
    origin: &Origin,
    wanted: &[Wanted],
) -> Result<Vec<(Wanted, AliasClaim)>, Status> {
    let mut homes: BTreeMap<PartitionId, Vec<Wanted>> = BTreeMap::new();
    for wanted in wanted {
        let Alias { kind, value } = &wanted.claim.alias;
        homes.entry(door.layout.code_home(kind, value)).or_default().push(wanted.clone());
    }
    let claims = homes.into_iter().map(|(home, wanted)| async move {
        let command = Command::ClaimCodes(wanted.iter().map(|wanted| wanted.claim.clone()).collect());
        match run(door, origin, home, command).await? {
            Answer::Codes(claims) => Ok((wanted, claims)),
            other => Err(unexpected(&other)),
        }
    });
    let answered = try_join_all(claims).await?;
    let refused = answered.into_iter().flat_map(|(wanted, claims)| wanted.into_iter().zip(claims));
    Ok(refused.filter_map(|(wanted, claim)| Some((wanted, claim?))).collect())
}

/// Whose a code is according to a claim; none where the claim is void, for which a claimant that never came back is fenced.
async fn holder(
    door: &Shared,
    origin: &Origin,
    alias: &Alias,
    claim: &AliasClaim,
) -> Result<Option<Sku>, Status> {
    let home = door.home_of(&claim.sku);
    let standing = || {
        let (alias, sku) = (alias.clone(), claim.sku.clone());
        door.read(home, move |state| (read::item_revision(state, &sku), read::holder(state, &alias)))
    };
    let (revision, holder) = standing().await?;
    if holder.is_some() || revision >= claim.revision {
        return Ok(holder);
    }
    if door.clock.now().since_ms(claim.at) < PENDING_MS {
        return Ok(Some(claim.sku.clone()));
    }
    run(door, origin, home, Command::FenceItem(claim.sku.clone(), claim.revision)).await?;
    Ok(standing().await?.1)
}

/// A command that may be repeated freely, so it has no request id.
async fn run(
    door: &Shared,
    origin: &Origin,
    partition: PartitionId,
    command: Command,
) -> Result<Answer, Status> {
    let submission = Submission { command, origin: origin.clone(), request: None };
    let accepted = door.run(partition, submission).await.map_err(|failure| failed(&failure))?;
    Ok(accepted.answer)
}
