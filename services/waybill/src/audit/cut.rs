//! Every partition of this process at one consistent cut. Where the journal is this process's own, partitions that stand still
//! together are one. Copies of what other processes own are not: each is as far as it has heard, and may have received what
//! its sender's copy has not sent yet, or know of something received that the receiver's copy has not. Whoever is behind is played
//! on, by the log that all share, until nobody is. It judges nothing.

use super::running::{NotCut, Running, Stopped};
use crate::migrate::with_machine;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use waybill_machine::Machine;
use waybill_replica::replay::{Ahead, Marks, gone_ahead};
use waybill_replica::{Core, Frozen, Host, OpenError, Partitions, Snapshot};
use waybill_types::PartitionId;

/// One partition of a cut.
pub struct Stand {
    /// A `Snapshot` of the partition's machine.
    snapshot: Box<dyn Any + Send>,
    /// The frame that it was taken after.
    taken: u64,
    /// The frame that the cut is at.
    pub through: u64,
    marks: Arc<Marks>,
}

/// A cut; no checkpoint may begin before it is dropped. What keeps rows still are checkpoints alone: a copy may be taken anew
/// meanwhile, rows and all, and then the cut is of no use. So whoever has read it asks [`Self::stands`].
pub struct ConsistentCut {
    /// Where every partition stands.
    pub stands: BTreeMap<PartitionId, Stand>,
    /// How often the copy of each had been taken anew before.
    replaced: BTreeMap<PartitionId, u64>,
}

/// A copy that was taken anew while a cut was read, or that is being taken anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the copy of {0} in this process is being made anew; ask again in a moment, or ask another process")]
pub struct Anew(pub PartitionId);

/// Times that a cut is taken anew because a copy was.
pub const TRIES: usize = 5;

impl ConsistentCut {
    /// Notes where every partition stands, while they stand still together for a moment.
    ///
    /// # Errors
    /// A partition has stopped, or its copy is being made anew.
    pub async fn note(running: &Running) -> Result<Self, NotCut> {
        let _one_cut_at_a_time = running.cuts.lock().await;
        let replaced = running.replaced();
        let stands = Self::freeze(running).await.map_err(|id| match running.is_opening(id) {
            true => NotCut::Anew(Anew(id)),
            false => NotCut::Stopped(Stopped(id)),
        })?;
        Ok(Self { stands, replaced })
    }

    async fn freeze(running: &Running) -> Result<BTreeMap<PartitionId, Stand>, PartitionId> {
        let began = Instant::now();
        let mut all = BTreeMap::new();
        // All stay frozen until the last has answered.
        let orders = freeze(running.orders.as_ref(), &mut all).await?;
        let inventory = freeze(running.inventory.as_ref(), &mut all).await?;
        let fulfillment = freeze(running.fulfillment.as_ref(), &mut all).await?;
        let customers = freeze(running.customers.as_ref(), &mut all).await?;
        drop((orders, inventory, fulfillment, customers));
        tracing::info!(stood_still_ms = began.elapsed().as_millis() as u64, "noted a cut");
        Ok(all)
    }

    /// Whether all that was read of the cut until now was of it.
    ///
    /// # Errors
    /// A copy was taken anew: what was read may be of two states.
    pub fn stands(&self, running: &Running) -> Result<(), Anew> {
        let now = running.replaced();
        match now.into_iter().find(|(id, times)| self.replaced.get(id) != Some(times)) {
            Some((id, _)) => Err(Anew(id)),
            None => Ok(()),
        }
    }

    /// Plays on whoever has not sent what others have received. Blocks.
    ///
    /// # Errors
    /// A state or a log that cannot be read.
    pub fn align(&mut self, host: &Host) -> Result<(), OpenError> {
        let mut turns = 0u32;
        loop {
            let marks = self.stands.iter().map(|(id, stand)| (*id, Arc::clone(&stand.marks))).collect();
            let found = gone_ahead(&marks);
            let Some(first) = found.first().copied() else {
                if turns > 0 {
                    tracing::info!(turns, "played copies on to one cut");
                }
                return Ok(());
            };
            turns += 1;
            let behind = first.behind;
            let Some(stand) = self.stands.get_mut(&behind) else { return Ok(()) };
            // As far as anybody in the cut has heard of it.
            let needed: Vec<Ahead> = found.into_iter().filter(|one| one.behind == behind).collect();
            let (through, marks) = with_machine!(behind.service, M => stand.play_on::<M>(host, &needed))?;
            if first.what.of_behind(&marks, first.ahead) < first.number {
                let (ahead, number) = (first.ahead, first.number);
                let what =
                    format!("{ahead} knows of message {number} with {behind}, whose log does not tell of it");
                return Err(waybill_journal::Error::Engine { what }.into());
            }
            (stand.through, stand.marks) = (through, Arc::new(marks));
        }
    }

    /// The state of a partition at the cut. Blocks.
    ///
    /// # Errors
    /// A state or a log that cannot be read.
    ///
    /// # Panics
    /// Never for a partition of this cut and its own machine.
    pub fn look<M: Machine>(&self, host: &Host, partition: PartitionId) -> Result<Core<M>, OpenError> {
        let stand = &self.stands[&partition];
        Ok(host.look_on(stand.snapshot::<M>(), stand.taken, |_, at| at >= stand.through)?.0)
    }

    /// What was not in the store when a partition was noted.
    #[must_use]
    pub fn unsaved<M: Machine>(&self, partition: PartitionId) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.stands[&partition].snapshot::<M>().unsaved()
    }

    /// True where a partition was played on.
    #[must_use]
    pub fn was_played(&self, partition: PartitionId) -> bool {
        self.stands.get(&partition).is_some_and(|stand| stand.through > stand.taken)
    }
}

impl Stand {
    fn snapshot<M: Machine>(&self) -> Snapshot<M> {
        match self.snapshot.downcast_ref::<Snapshot<M>>() {
            Some(snapshot) => snapshot.clone(),
            None => unreachable!("a partition is looked at as its own service's machine"),
        }
    }

    fn play_on<M: Machine>(&self, host: &Host, needed: &[Ahead]) -> Result<(u64, Marks), OpenError> {
        let far = |core: &Core<M>, at: u64| {
            let marks = Marks::of(core);
            at >= self.through && needed.iter().all(|one| one.what.of_behind(&marks, one.ahead) >= one.number)
        };
        let (core, through) = host.look_on(self.snapshot::<M>(), self.taken, far)?;
        Ok((through, Marks::of(&core)))
    }
}

type Noted<M> = (Snapshot<M>, Marks);

async fn freeze<M: Machine>(
    partitions: Option<&Partitions<M>>,
    all: &mut BTreeMap<PartitionId, Stand>,
) -> Result<Option<Frozen<Noted<M>>>, PartitionId> {
    let Some(partitions) = partitions else { return Ok(None) };
    let note = |core: &mut Core<M>| (core.snapshot(), Marks::of(core));
    let mut frozen = partitions.freeze(note).await?;
    for (id, at, (snapshot, marks)) in std::mem::take(&mut frozen.results) {
        let stand = Stand { snapshot: Box::new(snapshot), taken: at, through: at, marks: Arc::new(marks) };
        all.insert(id, stand);
    }
    Ok(Some(frozen))
}
