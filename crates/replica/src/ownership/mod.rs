//! Which partitions this process owns: it says that it lives, renews its leases, takes what is free and its own by the
//! spread, and hands over what is not. Leases only say who should claim; that nobody writes beside the owner is the
//! fence of the claim.

mod away;
mod form;
mod spread;

use crate::cluster::{Cluster, Owners, holder, running_name};
use crate::handle::Role;
use crate::seat::{Chair, Chairs};
pub(crate) use away::Away;
use futures::future::join_all;
use spread::{Known, spread};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use waybill_journal::cluster::{Lease, Member, Pass, Presence};
use waybill_journal::{Error, LogId};
use waybill_types::{PartitionId, Service};

/// How this process stands to owning.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Its copies are ready: it may own.
    pub(crate) joined: AtomicBool,
    /// It shall own nothing more.
    pub(crate) leaving: AtomicBool,
}

/// The task that keeps ownership.
pub(crate) struct Keeper {
    pub(crate) cluster: Cluster,
    pub(crate) chairs: Chairs,
    pub(crate) publish: watch::Sender<Arc<Owners>>,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) beaten: Option<Instant>,
    /// The others were told that it shall own nothing more.
    pub(crate) told_leaving: bool,
    pub(crate) renewed: Option<Instant>,
    /// Since when a copy here could not be made, while the engine answered.
    pub(crate) unwell_since: Option<Instant>,
    /// That has lasted.
    pub(crate) unwell: bool,
    /// What was known before the engine was away.
    pub(crate) away: Away,
}

type Plan = BTreeMap<PartitionId, String>;
type Chaired = BTreeMap<PartitionId, Arc<dyn Chair>>;
/// What the owner before passed on.
type Given<'a> = BTreeMap<PartitionId, &'a Arc<dyn Chair>>;

impl Keeper {
    fn ttl(&self) -> Duration {
        self.cluster.options.lease_ttl
    }

    /// Runs until nobody wants it any more.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        loop {
            let turned = tokio::time::timeout(self.ttl(), self.turn()).await;
            if !matches!(turned, Ok(Ok(()))) {
                // Without the engine no copy can be made anywhere.
                self.unwell_since = None;
            }
            let pause = match turned {
                Ok(Ok(())) => self.ttl() / 10,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "who owns what cannot be looked at now");
                    self.ttl() / 20
                }
                Err(_) => {
                    tracing::warn!("the engine does not say in time who owns what");
                    Duration::ZERO
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.cluster.look.notified() => {}
                // Told, or the host is gone.
                _ = &mut stop => return,
            }
        }
    }

    /// One look, and what follows from it.
    async fn turn(&mut self) -> Result<(), Error> {
        let joined = self.wanted.joined.load(Ordering::SeqCst);
        let news = self.told_leaving != self.wanted.leaving.load(Ordering::SeqCst);
        if joined && (news || self.is_beat_due(3)) {
            self.beat().await?;
        }
        let (engine, asked) = (Arc::clone(self.cluster.engine()), Instant::now());
        let (leases, members) = tokio::try_join!(engine.leases(), engine.members())?;
        let owners = Owners { members, leases, asked: Some(asked) };
        let owners = Arc::new(self.away.look(owners, self.ttl(), Instant::now()));
        self.publish(&owners);
        if !joined {
            return Ok(());
        }
        self.settle_form(&owners).await?;
        self.follow_others(&owners);
        self.feel(&owners);
        let plan = self.plan(&owners);
        self.hand_over(&owners, &plan).await?;
        self.hold(&owners, &plan).await?;
        // Later than what callers wait for.
        if self.is_beat_due(4) { self.beat().await } else { Ok(()) }
    }

    /// A `part`th of the time for which it counts as alive has gone by.
    fn is_beat_due(&self, part: u32) -> bool {
        self.beaten.is_none_or(|at| at.elapsed() >= self.ttl() / part)
    }

    fn publish(&self, owners: &Arc<Owners>) {
        // How long leases last changes with every look; only who has them is news.
        let same = |old: &Owners| {
            let who = |owners: &Owners| -> Vec<(LogId, Option<String>)> {
                let holder = |row: &waybill_journal::cluster::LeaseRow| {
                    row.holder.clone().filter(|_| !row.remaining.is_zero())
                };
                owners.leases.iter().map(|row| (row.log, holder(row))).collect()
            };
            let there = |owners: &Owners| -> Vec<(Member, bool)> {
                owners.members.iter().map(|row| (row.member.clone(), row.remaining.is_zero())).collect()
            };
            who(old) == who(owners) && there(old) == there(owners)
        };
        self.publish.send_if_modified(|old| {
            let news = !same(old);
            *old = Arc::clone(owners);
            news
        });
    }

    /// Says that this process lives; with no services while it is leaving, so that nobody gives it anything.
    async fn beat(&mut self) -> Result<(), Error> {
        let mut member = self.cluster.options.member.clone();
        let leaving = self.wanted.leaving.load(Ordering::SeqCst);
        if leaving || self.unwell {
            member.services.clear();
        }
        let asked = Instant::now();
        match self.cluster.engine().beat(&member, self.ttl()).await? {
            Presence::Alive => {
                let was_away = self.beaten.is_none_or(|at| at.elapsed() >= self.ttl());
                // Noted only when it has been looked at: what fails is looked at again.
                if was_away {
                    self.check_form().await?;
                }
                self.beaten = Some(asked);
                self.told_leaving = leaving;
            }
            Presence::NameTaken { remaining } => {
                let name = &member.name;
                tracing::warn!(%name, ?remaining, "another process of this name is or was just alive; waiting");
            }
        }
        Ok(())
    }

    /// Has partitions that this process thinks it owns follow those who hold their leases. Nobody may ask here for one of
    /// them, and then nothing would ever find out that it is fenced: its copy, and what is fed from it, would stand still.
    fn follow_others(&self, owners: &Owners) {
        for (id, chair) in self.chairs() {
            let lost = owners.owner(id).is_some_and(|member| holder(member) != *self.cluster.me);
            if lost && chair.role() == Role::Owner {
                chair.tenure().end();
                drop(chair.step_down());
            }
        }
    }

    /// A process that cannot make a copy, for want of room for instance, would hold the leases of partitions that nobody
    /// serves: it owns nothing until it can, where another process can own all of it.
    fn feel(&mut self, owners: &Owners) {
        let lacks = self.chairs().values().any(|chair| chair.role() == Role::Recovering);
        let mine = &self.cluster.options.member.services;
        let replaced = owners.members.iter().filter(|row| !row.remaining.is_zero()).any(|row| {
            holder(&row.member) != *self.cluster.me
                && mine.iter().all(|one| row.member.services.contains(one))
        });
        self.unwell_since = match self.unwell_since {
            since if lacks && replaced => since.or_else(|| Some(Instant::now())),
            _ => None,
        };
        let unwell = self.unwell_since.is_some_and(|since| since.elapsed() >= self.ttl());
        if unwell != self.unwell {
            self.unwell = unwell;
            tracing::warn!(unwell, "whether the copies of this process can be made has changed");
            // The others are told at once.
            self.beaten = None;
            self.cluster.look();
        }
    }

    fn plan(&self, owners: &Owners) -> Plan {
        let mut plan = Plan::new();
        let chairs = self.chairs();
        for service in Service::ALL {
            let able: Vec<String> = owners.running(service).into_iter().map(holder).collect();
            let known = |id: PartitionId| {
                let row = owners.lease(id);
                let owner = owners.owner(id).map(holder);
                // A wish names a member, whichever start of it is alive.
                let wish = row.and_then(|row| row.wish.as_ref()).and_then(|wish| {
                    able.iter().find(|name| name.split('#').next() == Some(wish.as_str())).cloned()
                });
                Known { owner, wish }
            };
            let partitions: BTreeMap<PartitionId, Known> =
                chairs.keys().filter(|id| id.service == service).map(|id| (*id, known(*id))).collect();
            plan.extend(spread(&partitions, &able));
        }
        plan
    }

    fn chairs(&self) -> Chaired {
        self.chairs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_mine(&self, owners: &Owners, id: PartitionId) -> bool {
        let row = owners.lease(id);
        row.and_then(|row| row.holder.as_deref()) == Some(&*self.cluster.me)
    }

    /// Steps down from what another process shall own, passes its leases on, and tells the others at once.
    async fn hand_over(&mut self, owners: &Owners, plan: &Plan) -> Result<(), Error> {
        let chairs = self.chairs();
        let others: Vec<(PartitionId, &str, &Arc<dyn Chair>)> = chairs
            .iter()
            .filter(|(id, _)| self.is_mine(owners, **id))
            .filter_map(|(id, chair)| Some((*id, plan.get(id)?.as_str(), chair)))
            .filter(|(_, next, _)| **next != *self.cluster.me)
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let patience = self.ttl() / 2;
        let stepped = join_all(others.iter().map(|(_, _, chair)| async move {
            if chair.role() == Role::Claiming {
                // It may wait to hear of its lease, which is given up.
                chair.tenure().end();
            }
            let done = tokio::time::timeout(patience, chair.step_down()).await.is_ok();
            chair.tenure().end();
            // An owner that does not step down in time is fenced by the next owner's claim. A claim that is still under
            // way here would fence the next owner instead, who would not hear of it: its lease is kept until it is made.
            (done, done || chair.role() == Role::Owner)
        }));
        let stepped = stepped.await;
        let in_time = stepped.iter().filter(|(done, _)| *done).count();
        let given = others.iter().zip(&stepped).filter(|(_, (_, given))| *given);
        let passes: Vec<Pass> = given.map(|((id, next, _), _)| pass(owners, *id, next)).collect();
        self.cluster.engine().pass(&passes, &self.cluster.me, self.given_for(owners, &passes)).await?;
        self.cluster.nudge_all();
        let took_ms = began.elapsed().as_millis() as u64;
        tracing::info!(partitions = passes.len(), in_time, took_ms, "handed partitions over");
        // Whoever asks here for these is sent on as soon as the next owner is known.
        self.cluster.look();
        Ok(())
    }

    /// For how long leases are passed on. The next owners renew them at once; those of one that has just died are free
    /// about when its others are.
    fn given_for(&self, owners: &Owners, passes: &[Pass]) -> Duration {
        let of = |next: &str| owners.members.iter().find(|row| holder(&row.member) == next);
        let least = passes.iter().filter_map(|pass| of(&pass.next)).map(|row| row.remaining).min();
        least.unwrap_or_default().clamp(self.ttl() / 4, self.ttl())
    }

    /// Renews what is owned and takes what is free and shall be owned here.
    async fn hold(&mut self, owners: &Owners, plan: &Plan) -> Result<(), Error> {
        let chairs = self.chairs();
        let mine: Vec<PartitionId> =
            plan.iter().filter(|(_, owner)| ***owner == *self.cluster.me).map(|(id, _)| *id).collect();
        let is_free = |id: &PartitionId| {
            let row = owners.lease(*id);
            row.is_none_or(|row| row.holder.is_none() || row.remaining.is_zero())
        };
        let renew = self.renewed.is_none_or(|at| at.elapsed() >= self.ttl() / 4);
        // What is held here and only followed has lost its claim, and makes another at once.
        let follows = |id: &PartitionId| chairs.get(id).is_some_and(|chair| chair.role() == Role::Follower);
        let asked_for: Vec<PartitionId> = mine
            .into_iter()
            .filter(|id| is_free(id) || ((renew || follows(id)) && self.is_mine(owners, *id)))
            .collect();
        if asked_for.is_empty() {
            return Ok(());
        }
        let given = self.claim_given(owners, &asked_for, &chairs);
        let logs: Vec<LogId> = asked_for.iter().map(|id| LogId(id.number())).collect();
        let asked = Instant::now();
        let leases = self.cluster.engine().hold(&logs, &self.cluster.me, self.ttl()).await;
        if leases.is_err() {
            // Claims that wait for the answer need not wait any more.
            given.values().for_each(|chair| chair.tenure().end());
        }
        let leases = leases?;
        if renew {
            self.renewed = Some(asked);
        }
        for (id, lease) in asked_for.iter().zip(leases) {
            let Some(chair) = chairs.get(id) else { continue };
            match lease {
                Lease::Held { remaining, term } => {
                    let unbroken = chair.tenure().extend(asked, remaining, self.ttl(), term);
                    self.held(&**chair, unbroken, given.contains_key(id));
                }
                Lease::HeldBy { .. } => {
                    chair.tenure().end();
                    if chair.role() == Role::Owner {
                        // Another process has claimed or is about to: what is left of this owner is fenced.
                        drop(chair.step_down());
                    }
                }
            }
        }
        Ok(())
    }

    /// Has what the owner before passed on claimed at once, while the engine is asked for how long: such a claim counts
    /// only if the lease is then known to have been held here since it was seen. So none is made of what was not seen.
    fn claim_given<'a>(&self, owners: &Owners, asked_for: &[PartitionId], chairs: &'a Chaired) -> Given<'a> {
        let Some(asked) = owners.asked.filter(|_| !self.away.is_lenient()) else { return Given::new() };
        let seen = asked_for.iter().filter_map(|id| {
            let row = owners.lease(*id)?;
            // Not when it may have been taken by another since, who would be fenced for nothing.
            let is_mine =
                row.holder.as_deref() == Some(&*self.cluster.me) && asked.elapsed() < row.remaining / 2;
            let chair = chairs.get(id).filter(|chair| is_mine && chair.role() == Role::Follower)?;
            chair.tenure().give(asked, row.remaining, row.term);
            chair.own();
            Some((*id, chair))
        });
        seen.collect()
    }

    /// What a lease that is held here means for its partition.
    fn held(&self, chair: &dyn Chair, unbroken: bool, is_given: bool) {
        match chair.role() {
            // It has been told already.
            Role::Follower if is_given && unbroken => {}
            Role::Follower => {
                chair.tenure().begin();
                chair.own();
                self.cluster.look();
            }
            // Its lease ran out and nobody has it now: somebody may have claimed and left meanwhile, and what is in
            // memory here is old. Only a claim of its own says that it is not.
            Role::Owner if !unbroken => {
                chair.tenure().end();
                let (stepped_down, cluster) = (chair.step_down(), self.cluster.clone());
                // Then it claims.
                tokio::spawn(async move {
                    drop(stepped_down.await);
                    cluster.look();
                });
            }
            // Nor what a claim that is still under way was made on: it owns nothing, and another is made.
            Role::Claiming if !unbroken => chair.tenure().end(),
            Role::Owner | Role::Claiming | Role::Recovering => {}
        }
        chair.tenure().settle();
    }
}

/// A lease as it was seen, for its next holder.
fn pass(owners: &Owners, id: PartitionId, next: &str) -> Pass {
    let term = owners.lease(id).and_then(|row| row.term);
    Pass { log: LogId(id.number()), next: next.to_owned(), term }
}

/// The services of a member, as the engine keeps them.
#[must_use]
pub fn service_names(services: &[Service]) -> Vec<String> {
    let names: std::collections::BTreeSet<&str> =
        services.iter().map(|service| running_name(*service)).collect();
    names.into_iter().map(str::to_owned).collect()
}
