//! Several processes over one engine: each partition has one owner, whoever is asked answers, and what was answered
//! survives the loss of any of them. Each process is a runtime of its own, so that one can be lost without a word.

#[path = "cluster/process.rs"]
mod process;
mod toy;

use process::{Process, World};
use std::time::{Duration, Instant};
use toy::{Command, coins};
use waybill_machine::Content;
use waybill_replica::{Failure, RequestKey, Role, Submission};
use waybill_types::{Origin, PartitionId, RequestId, Service};

fn partition(index: u8) -> PartitionId {
    PartitionId::new(Service::Orders, index)
}

fn asked(command: Command, id: &str) -> Submission<toy::Coins> {
    let content = Content::new().with("id", &id.to_owned());
    let request = RequestKey { id: RequestId::new(id).unwrap(), target: b"account".to_vec(), content };
    Submission { command, origin: Origin::engine("test"), request: Some(request) }
}

/// Puts a command at a process, again with the same id until it is told that it happened.
async fn put(process: &Process, to: PartitionId, command: impl Fn() -> Command, id: &str) -> u64 {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        match process.partitions.of(to).submit(asked(command(), id)).await {
            Ok(accepted) => return accepted.answer,
            Err(Failure::Unavailable { .. } | Failure::OutcomeUnknown | Failure::Busy { .. })
                if Instant::now() < until => {}
            Err(failure) => panic!("{id} at {to}: {failure:?}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn balance(process: &Process, of: PartitionId, account: u64) -> u64 {
    let read = process.partitions.of(of).read(move |state, _| state.balance.get(&account).map_or(0, |b| *b));
    read.await.unwrap()
}

fn owners(processes: &[&Process]) -> Vec<usize> {
    (0..4)
        .map(|index| {
            let owns = |process: &&&Process| process.role(partition(index)) == Role::Owner;
            processes.iter().filter(owns).count()
        })
        .collect()
}

/// Waits until each partition has one owner among these, each of which owns something.
async fn settled(processes: &[&Process]) {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let each = |process: &&Process| (0..4).any(|index| process.role(partition(index)) == Role::Owner);
        if owners(processes) == [1; 4] && processes.iter().all(each) {
            return;
        }
        assert!(Instant::now() < until, "no settled owners: {:?}", owners(processes));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until no message is under way and every copy stands where its owner does; then all coins there are, and the
/// states compared.
async fn coins_and_equal_states(processes: &[&Process]) -> u64 {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let mut states = Vec::new();
        for process in processes {
            states.push(process.cut().await);
        }
        let still = states[0].iter().all(|(_, _, waiting, _)| *waiting == 0);
        let level = states.iter().all(|state| state.iter().zip(&states[0]).all(|(a, b)| a.0 == b.0));
        if still && level {
            for state in &states {
                for (one, first) in state.iter().zip(&states[0]) {
                    assert_eq!(one.3, first.3, "equal places, different states");
                }
            }
            return states[0].iter().map(|(_, coins, _, _)| coins).sum();
        }
        assert!(Instant::now() < until, "the copies do not come to rest");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn whoever_is_asked_answers_and_a_read_sees_every_write_that_was_answered() {
    let world = World::new();
    world.run(async {
        let (a, b) = (world.process("a").await, world.process("b").await);
        settled(&[&a, &b]).await;
        for round in 0..60u64 {
            let (to, account) = (partition((round % 4) as u8), round % 3);
            let (writer, reader) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
            let before = balance(reader, to, account).await;
            put(writer, to, || Command::Mint { account, coins: 7 }, &format!("mint {round}")).await;
            assert_eq!(balance(reader, to, account).await, before + 7, "round {round}");
            let again =
                put(reader, to, || Command::Mint { account, coins: 7 }, &format!("mint {round}")).await;
            assert_eq!(again, before + 7, "a retry anywhere answers the same");
            assert_eq!(balance(writer, to, account).await, before + 7);
        }
        let poor = b
            .partitions
            .of(partition(0))
            .submit(asked(Command::Send { account: 99, coins: 1, to: partition(1) }, "poor"))
            .await;
        assert!(matches!(poor, Err(Failure::Refused(ref poor)) if poor.account == 99), "a refusal travels");
        let poor = a
            .partitions
            .of(partition(0))
            .submit(asked(Command::Send { account: 99, coins: 1, to: partition(1) }, "poor"))
            .await;
        assert!(matches!(poor, Err(Failure::Refused(_))));
        assert_eq!(coins_and_equal_states(&[&a, &b]).await, 60 * 7);
    });
}

#[test]
fn nothing_answered_is_lost_or_doubled_when_owners_die_and_leave() {
    let world = World::new();
    world.run(async {
        let (a, b, c) = (world.process("a").await, world.process("b").await, world.process("c").await);
        settled(&[&a, &b, &c]).await;
        // All callers ask b, which stays; what they ask for lies everywhere.
        let load = |from: u64, to: u64| {
            let b = &b;
            let calls = (from..to).map(move |n| async move {
                let (at, other) = (partition((n % 4) as u8), partition(((n + 1) % 4) as u8));
                let account = n % 20;
                put(b, at, || Command::Mint { account, coins: 10 }, &format!("mint {n}")).await;
                let send = || Command::Send { account, coins: 3, to: other };
                put(b, at, send, &format!("send {n}")).await;
            });
            futures::future::join_all(calls)
        };
        load(0, 100).await;
        let killed = Instant::now();
        let (_, took) = tokio::join!(load(100, 300), async {
            a.kill();
            settled(&[&b, &c]).await;
            killed.elapsed()
        });
        println!("a crash: every partition had an owner again after {} ms", took.as_millis());
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert_eq!(coins_and_equal_states(&[&b, &c]).await, 3_000);
        let asked = Instant::now();
        let (_, took) = tokio::join!(load(300, 500), async {
            c.hand_over().await;
            // What is under way there is forwarded, and must not have to wait for a look that nobody takes any more.
            assert_eq!(c.knows_no_other_owner(), []);
            settled(&[&b]).await;
            asked.elapsed()
        });
        println!("a hand-over: every partition had an owner again after {} ms", took.as_millis());
        c.stop().await;
        let d = world.process("d").await;
        settled(&[&b, &d]).await;
        load(500, 600).await;
        assert_eq!(coins_and_equal_states(&[&b, &d]).await, 6_000);
        assert_eq!(d.sum().await, 6_000);
    });
}

#[test]
fn what_the_machine_knows_again_is_asked_again_when_its_answer_is_lost_and_nothing_else_is() {
    let world = World::new();
    world.run(async {
        let a = world.process("a").await;
        settled(&[&a]).await;
        let b = world.process_without_owning("b").await;
        let bare = async |command| {
            let submission = Submission { command, origin: Origin::engine("test"), request: None };
            b.partitions.of(partition(0)).submit(submission).await
        };
        world.lose_next_answer();
        let founded = bare(Command::Found { account: 1, coins: 5 }).await;
        assert!(world.has_lost(), "it was not put to the owner");
        assert_eq!(founded.expect("asked again").answer, 5);
        world.lose_next_answer();
        let minted = bare(Command::Mint { account: 1, coins: 7 }).await;
        assert!(matches!(minted, Err(Failure::OutcomeUnknown)), "{minted:?}");
        assert!(world.has_lost(), "it was not put to the owner");
        assert_eq!(balance(&b, partition(0), 1).await, 12, "each was done once");
    });
}

#[test]
fn an_owner_that_was_away_too_long_is_fenced_and_follows_again() {
    let world = World::new();
    world.run(async {
        let a = world.process("a").await;
        settled(&[&a]).await;
        let b = world.process_without_owning("b").await;
        put(&a, partition(0), || Command::Mint { account: 1, coins: 5 }, "first").await;
        // Somebody claims behind the owner's back, as after a lease that lapsed unnoticed.
        let claim = world.claim(partition(0)).await;
        assert!(claim > 1);
        // Nothing that the old owner has in memory may be answered as if it were so.
        let fenced = a
            .partitions
            .of(partition(0))
            .submit(asked(Command::Mint { account: 1, coins: 100 }, "second"))
            .await;
        assert!(matches!(fenced, Err(Failure::OutcomeUnknown | Failure::Unavailable { .. })), "{fenced:?}");
        // It claims again, since the lease is still its own, and the same request has its one effect.
        assert_eq!(put(&a, partition(0), || Command::Mint { account: 1, coins: 100 }, "second").await, 105);
        assert_eq!(balance(&b, partition(0), 1).await, 105);
        assert_eq!(coins_and_equal_states(&[&a, &b]).await, 105);
    });
}

#[test]
fn an_owner_that_slept_follows_though_nobody_asks_it_for_anything() {
    let world = World::new();
    world.run(async {
        let (a, b) = (world.process("a").await, world.process("b").await);
        settled(&[&a, &b]).await;
        a.sleep();
        let until = Instant::now() + Duration::from_secs(30);
        while owners(&[&b]) != [1; 4] {
            assert!(Instant::now() < until, "b does not take over");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for index in 0..4 {
            let mint = || Command::Mint { account: 1, coins: 5 };
            put(&b, partition(index), mint, &format!("while a sleeps {index}")).await;
        }
        // Awake, it still thinks that it owns; nobody asks it for anything that would tell it otherwise.
        assert_eq!(coins_and_equal_states(&[&a, &b]).await, 20);
    });
}

#[test]
fn a_process_without_rows_begins_at_a_base_when_the_log_is_trimmed() {
    let world = World::new();
    world.run(async {
        let a = world.process("a").await;
        settled(&[&a]).await;
        for n in 0..40u64 {
            put(&a, partition(2), || Command::Mint { account: n, coins: 2 }, &format!("mint {n}")).await;
        }
        for round in 0..2 {
            a.partitions.of(partition(2)).checkpoint().await.unwrap();
            a.give_base(partition(2)).await;
            put(&a, partition(2), || Command::Mint { account: round, coins: 1 }, &format!("more {round}"))
                .await;
        }
        a.partitions.of(partition(2)).checkpoint().await.unwrap();
        world.until_trimmed(partition(2)).await;
        let b = world.process("b").await;
        assert_eq!(coins_and_equal_states(&[&a, &b]).await, 82);
        a.kill();
        settled(&[&b]).await;
        assert_eq!(put(&b, partition(2), || Command::Mint { account: 0, coins: 1 }, "after").await, 4);
        let sum = b.partitions.of(partition(2)).read(|state, _| coins(state)).await.unwrap();
        assert_eq!(sum, 83);
    });
}

#[test]
fn a_copy_that_is_not_what_its_owner_has_is_thrown_away_and_made_anew() {
    let world = World::new();
    world.run(async {
        let a = world.process("a").await;
        settled(&[&a]).await;
        let b = world.process_without_owning("b").await;
        let (here, mut minted) = (partition(0), 0u64);
        let mut mint_until = async |what: &str, done: &dyn Fn() -> bool| {
            let from = minted;
            while !done() {
                assert!(minted < from + 20_000, "{what} does not happen");
                let (account, id) = (minted % 5, format!("mint {minted}"));
                put(&a, here, || Command::Mint { account, coins: 1 }, &id).await;
                minted += 1;
            }
            minted
        };
        mint_until("the first comparison", &|| b.compared(here).0 > 0).await;
        assert_eq!(b.compared(here).1, 0, "a sound copy is not suspected");
        b.partitions.of(here).checkpoint().await.unwrap();
        b.corrupt(here, 77);
        mint_until("the alarm", &|| b.compared(here).1 > 0).await;
        let (equal, _) = b.compared(here);
        let sum = mint_until("a sound copy again", &|| b.compared(here).0 > equal).await;
        assert_eq!(coins_and_equal_states(&[&a, &b]).await, sum, "what was put there by nobody is gone");
        assert_eq!(a.compared(here).1, 0, "the owner compares with nobody");
    });
}

#[test]
fn nobody_writes_frames_that_a_living_process_cannot_read() {
    let world = World::new();
    world.run(async {
        let old = world.process_reading("old", 1).await.unwrap();
        old.join().await;
        let new = world.process_reading("new", 2).await.unwrap();
        new.join().await;
        settled(&[&old, &new]).await;
        for n in 0..40u64 {
            let (to, id) = (partition((n % 4) as u8), format!("mint {n}"));
            put(&new, to, || Command::Mint { account: n, coins: 1 }, &id).await;
        }
        assert_eq!(world.versions().await, [1].into(), "an older process lives");
        old.stop().await;
        settled(&[&new]).await;
        let mut n = 40u64;
        while !world.versions().await.contains(&2) {
            assert!(n < 2_000, "nothing newer is written although all can read it");
            put(&new, partition(0), || Command::Mint { account: n, coins: 1 }, &format!("mint {n}")).await;
            n += 1;
        }
        let late = world.process_reading("late", 1).await.err().expect("an older binary joined");
        assert!(late.to_string().contains("version 2") && late.to_string().contains("up to 1"), "{late}");
        let newer = world.process_reading("newer", 2).await.unwrap();
        newer.join().await;
        settled(&[&new, &newer]).await;
        assert_eq!(coins_and_equal_states(&[&new, &newer]).await, n);
    });
}
