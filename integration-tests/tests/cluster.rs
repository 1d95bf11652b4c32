//! Several processes over one engine, PostgreSQL and NATS JetStream by turns: an order goes over all of them, and what was
//! answered survives whichever of them is killed, leaves, or stands still, and the engine's own death.
//!
//! NATS has one server here; `WAYBILL_TEST_NATS_SERVERS=3` runs the same over three.

#[path = "cluster/alone.rs"]
mod alone;
#[path = "cluster/explained.rs"]
mod explained;
#[path = "cluster/outage.rs"]
mod outage;
#[path = "cluster/roles.rs"]
mod roles;
#[path = "cluster/shop.rs"]
mod shop;
#[path = "cluster/stopped.rs"]
mod stopped;
#[path = "cluster/three.rs"]
mod three;
#[path = "cluster/watched.rs"]
mod watched;

/// One test of each engine for every scene.
macro_rules! over_both {
    ($($name:ident: $scene:path;)*) => {
        mod postgres {
            use waybill_integration_tests::shared_journal::Kind;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() -> anyhow::Result<()> {
                    $scene(Kind::Postgres).await
                }
            )*
        }
        mod nats {
            use waybill_integration_tests::shared_journal::Kind;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() -> anyhow::Result<()> {
                    $scene(Kind::nats()?).await
                }
            )*
        }
    };
}

over_both! {
    one_process_survives_a_kill_and_the_loss_of_its_directory:
        crate::alone::survives_a_kill_and_the_loss_of_its_directory;
    three_processes_are_one_engine_through_a_kill_and_a_hand_over:
        crate::three::are_one_engine_through_a_kill_and_a_hand_over;
    what_orders_were_planned_from_is_shown_by_any_process: crate::explained::by_any_process;
    gauges_say_that_the_journal_is_away: crate::watched::says_that_the_journal_is_away;
    processes_with_one_role_each_take_any_request: crate::roles::take_any_request;
    an_outage_of_the_engine_loses_nothing_that_was_acknowledged:
        crate::outage::loses_nothing_that_was_acknowledged;
    owners_that_die_while_the_engine_is_away_are_replaced: crate::outage::owners_die_while_the_engine_is_away;
    nothing_is_lost_when_everything_dies_at_once: crate::outage::everything_dies_at_once;
    an_owner_stopped_beyond_its_lease_is_refused_by_the_fence: crate::stopped::owner_is_refused_by_the_fence;
}
