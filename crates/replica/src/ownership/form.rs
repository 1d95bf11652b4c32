//! Which version of frames this process writes: never one that a living process cannot read, and never one that a process
//! may join later without reading.
//!
//! Who wants to write a newer version says so in the log that all agree in, and then looks who lives. Who joins says that
//! it lives, and then looks what was said. So of a process that joins and one that raises the version at once, at least
//! one sees the other: the first gives up, or the second waits until the first is gone.

use super::Keeper;
use crate::cluster::Owners;
use crate::{OpenError, agreed};
use std::sync::atomic::Ordering;
use waybill_journal::Error;

/// The newest version that all living processes read.
fn least(owners: &Owners, reads: u32) -> u32 {
    let living = owners.members.iter().filter(|row| !row.remaining.is_zero());
    living.map(|row| row.member.events).fold(reads, u32::min)
}

fn engine(error: OpenError) -> Error {
    match error {
        OpenError::Journal(error) => error,
        other => Error::Engine { what: other.to_string() },
    }
}

impl Keeper {
    /// Looks, once this process is known to live, whether it reads what may have been written. It owns nothing otherwise.
    pub(super) async fn check_form(&mut self) -> Result<(), Error> {
        let member = &self.cluster.options.member;
        let said = agreed::look(self.cluster.engine()).await.map_err(engine)?;
        let Err(error) = agreed::readable(&said, member.events) else { return Ok(()) };
        tracing::error!(%error, "this process cannot take part; it leaves");
        self.wanted.joined.store(false, Ordering::SeqCst);
        self.cluster.engine().leave(&member.name, member.instance).await?;
        Err(Error::Engine { what: error.to_string() })
    }

    /// Goes on to the newest version that all living processes read.
    pub(super) async fn settle_form(&mut self, owners: &Owners) -> Result<(), Error> {
        let (reads, writes) = (self.cluster.options.member.events, self.cluster.form.load(Ordering::Acquire));
        let all = least(owners, reads);
        if writes >= reads || all <= writes {
            return Ok(());
        }
        agreed::raise(self.cluster.engine(), all).await.map_err(engine)?;
        let members = self.cluster.engine().members().await?;
        let now = Owners { members, ..Owners::default() };
        if least(&now, reads) >= all {
            tracing::info!(
                version = all,
                before = writes,
                "every process reads newer frames: they are written from now on"
            );
            self.cluster.form.store(all, Ordering::Release);
        }
        Ok(())
    }
}
