//! The planner's copy of the network: built anew from partition 0's documents when its version changes, swapped whole,
//! so that a plan sees one version from beginning to end. It is not journaled.

use crate::metrics as figures;
use parking_lot::RwLock;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use waybill_fulfillment::{Fulfillment, FulfillmentState, Kept, NetworkHead};
use waybill_replica::Partition;
use waybill_sourcing::{Documents, Interner, Network, PolicyVersion};
use waybill_types::Currency;
use waybill_types::network::{Calendar, Lane, Node, Policy, RateCard, Zone};

/// One version of the network, ready for planning.
#[derive(Clone)]
pub struct NetworkView {
    /// The graph.
    pub network: Network,
    /// The policy in force.
    pub policy: PolicyVersion,
    /// What both were built from.
    pub(crate) documents: Arc<Copy>,
}

/// The current view. Cheap to clone.
#[derive(Clone)]
pub struct NetworkMirror {
    view: Arc<RwLock<Arc<NetworkView>>>,
    built: watch::Receiver<u64>,
}

impl NetworkMirror {
    /// The view now.
    #[must_use]
    pub fn view(&self) -> Arc<NetworkView> {
        Arc::clone(&self.view.read())
    }

    /// Waits until the view is of `version` or newer.
    pub async fn reached(&self, version: u64) {
        let mut built = self.built.clone();
        if built.wait_for(|built| *built >= version).await.is_err() {
            // The builder is gone: the process is stopping, and nothing newer will come.
            std::future::pending::<()>().await;
        }
    }

    /// Starts the task that keeps the view, with the view as it is now. Ends with the partition.
    pub(crate) async fn start(
        partition: Partition<Fulfillment>,
        names: Arc<RwLock<Interner>>,
        changed: watch::Receiver<u64>,
        gather: Duration,
    ) -> Self {
        let documents = Arc::default();
        let empty =
            NetworkView { network: Network::empty(), policy: PolicyVersion::sound(euro()), documents };
        let view = Arc::new(RwLock::new(Arc::new(empty)));
        let (built, seen) = watch::channel(0);
        let mut builder = Builder { partition, names, view: Arc::clone(&view), built };
        builder.build().await;
        tokio::spawn(builder.run(changed, gather));
        Self { view, built: seen }
    }
}

fn euro() -> Currency {
    Currency::new("EUR").unwrap_or_else(|_| unreachable!("a literal within bounds"))
}

struct Builder {
    partition: Partition<Fulfillment>,
    names: Arc<RwLock<Interner>>,
    view: Arc<RwLock<Arc<NetworkView>>>,
    built: watch::Sender<u64>,
}

/// How long the builder rests when the partition could not be read.
const PAUSE: Duration = Duration::from_millis(100);

impl Builder {
    async fn run(mut self, mut changed: watch::Receiver<u64>, gather: Duration) {
        loop {
            let built = *self.built.borrow();
            if changed.wait_for(|version| *version > built).await.is_err() {
                return;
            }
            // Imports change thousands of rows: one build for all that comes meanwhile.
            tokio::time::sleep(gather).await;
            if !self.build().await {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Reads every document in one read, so that they are of one version, and builds off the partition's task.
    async fn build(&mut self) -> bool {
        let Ok(copy) = self.partition.glance(|state, _| Copy::of(state)).await else { return false };
        let begun = Instant::now();
        let names = Arc::clone(&self.names);
        let Ok(view) = tokio::task::spawn_blocking(move || copy.view(&names)).await else { return false };
        metrics::histogram!(figures::NETWORK_BUILD).record(begun.elapsed().as_secs_f64());
        let version = view.network.version();
        metrics::gauge!(figures::NETWORK_VERSION).set(version as f64);
        metrics::gauge!(figures::LEFT_OUT).set(view.network.left_out().len() as f64);
        for left_out in view.network.left_out().iter().take(10) {
            tracing::warn!(why = left_out.why(), "a document of the network cannot be used for plans");
        }
        *self.view.write() = Arc::new(view);
        self.built.send_replace(version);
        true
    }
}

/// The documents as partition 0 has them, shared with its rows.
#[derive(Default)]
pub(crate) struct Copy {
    head: NetworkHead,
    policy: Option<Arc<Policy>>,
    nodes: Vec<Arc<Kept<Node>>>,
    lanes: Vec<Arc<Kept<Lane>>>,
    zones: Vec<Arc<Kept<Zone>>>,
    calendars: Vec<Arc<Kept<Calendar>>>,
    rate_cards: Vec<Arc<Kept<RateCard>>>,
}

impl Copy {
    fn of(state: &FulfillmentState) -> Self {
        Self {
            head: state.network(),
            policy: state.policy(),
            nodes: state.nodes(None, usize::MAX),
            lanes: state.lanes(None, usize::MAX),
            zones: state.zones(None, usize::MAX),
            calendars: state.calendars(None, usize::MAX),
            rate_cards: state.rate_cards(None, usize::MAX),
        }
    }

    /// The network, and the policy in force or a sound one in the network's currency.
    fn view(self, names: &RwLock<Interner>) -> NetworkView {
        let network = Network::build(&mut names.write(), self.head.version, &self.all());
        let policy = match &self.policy {
            Some(policy) => PolicyVersion { version: self.head.policy, policy: Policy::clone(policy) },
            None => PolicyVersion::sound(self.head.currency.unwrap_or_else(euro)),
        };
        NetworkView { network, policy, documents: Arc::new(self) }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Documents<'_> {
        Documents {
            nodes: self.nodes.iter().map(|kept| &kept.document).collect(),
            lanes: self.lanes.iter().map(|kept| &kept.document).collect(),
            zones: self.zones.iter().map(|kept| &kept.document).collect(),
            calendars: self.calendars.iter().map(|kept| &kept.document).collect(),
            rate_cards: self.rate_cards.iter().map(|kept| &kept.document).collect(),
        }
    }
}
