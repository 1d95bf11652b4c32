//! The suite every shared engine must pass beside [`crate::conformance`]: leases, members, bases and keys, seen through
//! two handles at once, as two processes would. Knows no engine; panics where one breaks a promise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cluster::{
    BASE_CHUNK_BYTES_MAX, Base, Engine, KEY_BYTES_MAX, Key, Lease, LeaseRow, Member, NAME_BYTES_MAX, Pass,
    Presence, VaultIdentity, base_hash,
};
use crate::{Claim, Error, Head, LogId, chain_hash};

/// How to get at the engine under test: each call gives another handle on the same storage, as another process has it.
pub type Open<'a> = &'a (dyn Fn() -> Arc<dyn Engine> + Send + Sync);

/// Runs every test of the suite, on logs 200 to 210, in an engine that has no vault yet.
pub async fn all(open: Open<'_>) {
    a_lease_has_one_holder_until_it_lapses(open, LogId(200)).await;
    a_released_lease_is_free_at_once(open, LogId(201), LogId(202)).await;
    a_lease_is_passed_on_by_its_holder_alone(open, LogId(213), LogId(214)).await;
    a_holding_has_its_number_until_somebody_else_holds(open, LogId(211)).await;
    of_racing_holders_one_has_it(open, LogId(203)).await;
    a_wish_stays_until_it_is_changed(open, LogId(204)).await;
    members_are_known_while_they_say_so(open).await;
    a_base_is_seen_when_it_is_whole(open, LogId(205)).await;
    the_two_newest_bases_stay(open, LogId(206)).await;
    a_base_stands_on_a_frame_of_its_log(open, LogId(207)).await;
    a_trimmed_log_keeps_what_follows_its_older_base(open, LogId(208), LogId(209)).await;
    a_slow_reader_meets_a_trim_and_never_a_hole(open, LogId(210)).await;
    keys_are_never_handed_out_twice_and_erased_for_all(open).await;
}

const LONG: Duration = Duration::from_secs(600);
/// An engine may look later than a lease ends, but not for ever.
const LATE_MOST: Duration = Duration::from_secs(20);

async fn hold(engine: &dyn Engine, log: LogId, holder: &str, ttl: Duration) -> Lease {
    engine.hold(&[log], holder, ttl).await.expect("ask for a lease").remove(0)
}

async fn row_of(engine: &dyn Engine, log: LogId) -> LeaseRow {
    let rows = engine.leases().await.expect("list leases");
    rows.into_iter().find(|row| row.log == log).expect("the lease is listed")
}

pub async fn a_lease_has_one_holder_until_it_lapses(open: Open<'_>, log: LogId) {
    let (one, other) = (open(), open());
    let ttl = Duration::from_millis(1500);
    let asked = Instant::now();
    assert_eq!(hold(&*one, log, "one", ttl).await.held_for(), Some(ttl));
    let refused = hold(&*other, log, "other", ttl).await;
    let named = |lease: &Lease| matches!(lease, Lease::HeldBy { holder, remaining } if holder == "one" && *remaining <= ttl);
    assert!(named(&refused) || asked.elapsed() >= ttl, "{refused:?}");
    // Renewed again and again it outlasts its ttl.
    let mut renewed = Instant::now();
    while asked.elapsed() < 2 * ttl {
        assert!(renewed.elapsed() < ttl, "the test itself was held up for longer than a lease");
        renewed = Instant::now();
        assert_eq!(hold(&*one, log, "one", ttl).await.held_for(), Some(ttl));
        let other = hold(&*other, log, "other", ttl).await;
        assert!(named(&other) || renewed.elapsed() >= ttl, "{other:?}");
    }
    // Left alone it lapses: not before its time, and not long after.
    while let Lease::HeldBy { .. } = hold(&*other, log, "other", ttl).await {
        assert!(renewed.elapsed() < ttl + LATE_MOST, "a lease never lapsed");
    }
    assert!(
        renewed.elapsed() >= ttl,
        "a lease was taken {:?} after it was renewed for {ttl:?}",
        renewed.elapsed()
    );
    assert!(matches!(hold(&*one, log, "one", ttl).await, Lease::HeldBy { holder, .. } if holder == "other"));
}

pub async fn a_released_lease_is_free_at_once(open: Open<'_>, log: LogId, another: LogId) {
    let (one, other) = (open(), open());
    let both = one.hold(&[another, log, another], "one", LONG).await.expect("hold");
    let held: Vec<_> = both.iter().map(Lease::held_for).collect();
    assert_eq!(held, vec![Some(LONG); 3], "answers come in the order asked");
    other.release(&[log], "other").await.expect("release what is another's");
    assert!(matches!(hold(&*other, log, "other", LONG).await, Lease::HeldBy { .. }), "that changed nothing");
    one.release(&[log], "one").await.expect("release");
    let row = row_of(&*one, log).await;
    assert_eq!((row.holder, row.remaining), (None, Duration::ZERO));
    let mixed = other.hold(&[log, another], "other", LONG).await.expect("hold");
    assert_eq!(mixed[0].held_for(), Some(LONG));
    assert!(
        matches!(&mixed[1], Lease::HeldBy { holder, remaining } if holder == "one" && !remaining.is_zero())
    );
    let row = row_of(&*one, log).await;
    assert_eq!(row.holder.as_deref(), Some("other"));
    assert!(row.remaining > LONG / 2 && row.remaining <= LONG, "{:?}", row.remaining);
    for bad in ["", &"x".repeat(NAME_BYTES_MAX + 1)] {
        assert!(matches!(one.hold(&[log], bad, LONG).await, Err(Error::Options { .. })), "{bad}");
    }
    for ttl in [Duration::ZERO, Duration::from_secs(3601)] {
        assert!(matches!(one.hold(&[log], "one", ttl).await, Err(Error::Options { .. })), "{ttl:?}");
    }
    assert_eq!(one.hold(&[], "one", LONG).await.expect("hold nothing"), Vec::new());
}

pub async fn a_lease_is_passed_on_by_its_holder_alone(open: Open<'_>, log: LogId, another: LogId) {
    let (one, other, third) = (open(), open(), open());
    let to = async |next: &str, log| {
        let term = row_of(&*other, log).await.term;
        Pass { log, next: next.to_owned(), term }
    };
    let held = one.hold(&[log, another], "one", LONG).await.expect("hold");
    assert!(held.iter().all(|lease| lease.held_for() == Some(LONG)));
    other.pass(&[to("other", log).await], "other", LONG).await.expect("pass what is another's");
    assert_eq!(row_of(&*other, log).await.holder.as_deref(), Some("one"), "that changed nothing");
    let both = [to("third", another).await, to("other", log).await];
    one.pass(&both, "one", LONG).await.expect("pass");
    one.pass(&both, "one", LONG).await.expect("pass again what is no longer one's own");
    let given = row_of(&*other, log).await;
    assert_eq!(given.holder.as_deref(), Some("other"));
    assert!(given.remaining > LONG / 2 && given.remaining <= LONG, "{:?}", given.remaining);
    assert_eq!(row_of(&*other, another).await.holder.as_deref(), Some("third"), "each to its own");
    assert!(matches!(hold(&*one, log, "one", LONG).await, Lease::HeldBy { holder, .. } if holder == "other"));
    let Lease::Held { remaining, term } = hold(&*other, log, "other", LONG).await else {
        panic!("it was given to the other");
    };
    assert_eq!((remaining, term), (LONG, given.term), "to renew is to go on with what was given");
    if let Lease::Held { term: Some(first), .. } = held[0] {
        assert!(given.term.is_some_and(|term| term != first), "{:?} after {first}", given.term);
    }
    assert!(matches!(hold(&*third, another, "third", LONG).await, Lease::Held { .. }));
    let bad = other.pass(&[to("", log).await], "other", LONG).await;
    assert!(matches!(bad, Err(Error::Options { .. })), "{bad:?}");
    other.release(&[log], "other").await.expect("release");
    assert_eq!(row_of(&*one, log).await.term, None, "nobody holds it");
    // One that comes late is about a holding that has ended.
    hold(&*one, log, "one", LONG).await;
    one.pass(&both, "one", LONG).await.expect("pass late");
    assert_eq!(row_of(&*other, log).await.holder.as_deref(), Some("one"), "it was taken anew since");
}

pub async fn a_holding_has_its_number_until_somebody_else_holds(open: Open<'_>, log: LogId) {
    let (one, other) = (open(), open());
    let (brief, term) = (Duration::from_millis(50), |lease: Lease| match lease {
        Lease::Held { term, .. } => term,
        Lease::HeldBy { .. } => panic!("nobody else holds it: {lease:?}"),
    });
    let Some(first) = term(hold(&*one, log, "one", brief).await) else {
        // An engine that does not tell never does.
        assert_eq!(term(hold(&*one, log, "one", brief).await), None);
        return;
    };
    assert_eq!(term(hold(&*one, log, "one", brief).await), Some(first), "renewed");
    let renewed = Instant::now();
    let lapsed = async |engine: &dyn Engine| {
        while !row_of(engine, log).await.remaining.is_zero() {
            assert!(renewed.elapsed() < LATE_MOST, "a lease never lapsed");
        }
    };
    lapsed(&*other).await;
    assert_eq!(term(hold(&*one, log, "one", brief).await), Some(first), "lapsed, and nobody took it");
    lapsed(&*other).await;
    let others = term(hold(&*other, log, "other", LONG).await);
    assert!(others.is_some_and(|others| others != first), "{others:?} after {first}");
    other.release(&[log], "other").await.expect("release");
    let again = term(hold(&*one, log, "one", LONG).await);
    assert!(
        again.is_some() && again != Some(first) && again != others,
        "{again:?} after {first} and {others:?}"
    );
    one.release(&[log], "one").await.expect("release");
    let anew = term(hold(&*one, log, "one", LONG).await);
    assert!(anew.is_some() && anew != again, "what was given up is not gone on with: {anew:?}");
    one.release(&[log], "one").await.expect("release");
}

pub async fn of_racing_holders_one_has_it(open: Open<'_>, log: LogId) {
    let handles = [open(), open()];
    let mut racers = Vec::new();
    for racer in 0..8 {
        let engine = Arc::clone(&handles[racer % 2]);
        racers.push(tokio::spawn(async move { hold(&*engine, log, &format!("racer {racer}"), LONG).await }));
    }
    let mut held = 0;
    for racer in racers {
        held += usize::from(matches!(racer.await.expect("racer"), Lease::Held { .. }));
    }
    assert_eq!(held, 1, "a lease has one holder");
}

pub async fn a_wish_stays_until_it_is_changed(open: Open<'_>, log: LogId) {
    let (one, other) = (open(), open());
    one.wish(log, Some("two")).await.expect("wish for a log nobody held");
    assert_eq!(row_of(&*other, log).await.holder, None);
    assert!(matches!(hold(&*other, log, "one", LONG).await, Lease::Held { .. }), "a wish is not a lease");
    other.release(&[log], "one").await.expect("release");
    assert_eq!(row_of(&*other, log).await.wish.as_deref(), Some("two"));
    one.wish(log, None).await.expect("wish no more");
    assert_eq!(row_of(&*other, log).await.wish, None);
}

fn member(name: &str, instance: u8) -> Member {
    Member {
        name: name.to_owned(),
        instance: [instance; 16],
        address: "http://10.0.0.1:7001".to_owned(),
        services: vec!["orders".to_owned(), "inventory".to_owned()],
        version: "0.1.0".to_owned(),
        events: u32::MAX,
    }
}

pub async fn members_are_known_while_they_say_so(open: Open<'_>) {
    let (one, other) = (open(), open());
    let (first, again) = (member("one", 1), member("one", 2));
    assert_eq!(one.beat(&first, LONG).await.expect("beat"), Presence::Alive);
    assert_eq!(one.beat(&first, LONG).await.expect("beat"), Presence::Alive);
    let taken = other.beat(&again, LONG).await.expect("beat");
    assert!(matches!(taken, Presence::NameTaken { remaining } if remaining > LONG / 2), "{taken:?}");
    let mut alone = member("two", 3);
    alone.services.clear();
    assert_eq!(other.beat(&alone, LONG).await.expect("beat"), Presence::Alive);
    let listed = one.members().await.expect("list members");
    let members: Vec<&Member> = listed.iter().map(|row| &row.member).collect();
    assert_eq!(members, [&first, &alone], "what they say of themselves, by name");
    assert!(listed.iter().all(|row| row.remaining > LONG / 2), "{listed:?}");

    other.leave("one", again.instance).await.expect("leave as somebody else");
    assert_eq!(one.members().await.expect("list members").len(), 2, "that changed nothing");
    one.leave("one", first.instance).await.expect("leave");
    let short = Duration::from_millis(100);
    assert_eq!(other.beat(&again, short).await.expect("beat"), Presence::Alive, "the name is free");
    let beaten = Instant::now();
    while let Presence::NameTaken { .. } = one.beat(&first, LONG).await.expect("beat") {
        assert!(beaten.elapsed() < LATE_MOST, "a member never lapsed");
    }
    let listed = other.members().await.expect("list members");
    assert_eq!(listed.iter().find(|row| row.member.name == "one").map(|row| &row.member), Some(&first));
    let bad = member(&"x".repeat(NAME_BYTES_MAX + 1), 1);
    assert!(matches!(one.beat(&bad, LONG).await, Err(Error::Options { .. })));
    for name in ["one", "two"] {
        one.leave(name, if name == "one" { first.instance } else { alone.instance }).await.expect("leave");
    }
    assert!(one.members().await.expect("list members").is_empty());
}

async fn claimed(engine: &dyn Engine, log: LogId, frames: u64) -> (Claim, Vec<Head>) {
    let claim = engine.claim(log).await.expect("claim");
    let mut heads = vec![claim.head];
    for seq in claim.head.seq + 1..=frames {
        let body = Bytes::from(vec![seq as u8; 100]);
        heads.push(engine.append(log, claim.epoch, seq, body).await.expect("append"));
    }
    (claim, heads)
}

fn chunks(of: u8) -> Vec<Bytes> {
    vec![
        Bytes::from(vec![of; BASE_CHUNK_BYTES_MAX]),
        Bytes::from(vec![of.wrapping_add(1)]),
        Bytes::from((0..100_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()),
    ]
}

async fn put(engine: &dyn Engine, log: LogId, at: Head, chunks: &[Bytes]) -> Result<Base, Error> {
    let mut writer = engine.begin_base(log, at).await.expect("begin a base");
    for chunk in chunks {
        writer.chunk(chunk.clone()).await.expect("write a chunk");
    }
    writer.finish().await
}

/// Reads a base as a caller must: all of it, and then compares.
async fn read(engine: &dyn Engine, base: &Base) -> Result<Vec<Bytes>, Error> {
    let (mut read, mut hash, mut bytes) = (Vec::new(), [0; 16], 0);
    for number in 0..base.chunks {
        let chunk = engine.base_chunk(base, number).await?;
        hash = base_hash(&hash, number, &chunk);
        bytes += chunk.len() as u64;
        read.push(chunk);
    }
    assert_eq!((hash, bytes), (base.hash, base.bytes), "the base does not read back as it was written");
    Ok(read)
}

pub async fn a_base_is_seen_when_it_is_whole(open: Open<'_>, log: LogId) {
    let (one, other) = (open(), open());
    let (_, heads) = claimed(&*one, log, 10).await;
    assert!(one.bases(log).await.expect("list bases").is_empty());
    let mut writer = one.begin_base(log, heads[4]).await.expect("begin a base");
    for chunk in chunks(7) {
        writer.chunk(chunk).await.expect("write a chunk");
        assert!(other.bases(log).await.expect("list bases").is_empty(), "half a base was seen");
    }
    assert!(matches!(writer.chunk(Bytes::new()).await, Err(Error::Empty)));
    let large = Bytes::from(vec![1; BASE_CHUNK_BYTES_MAX + 1]);
    assert!(matches!(writer.chunk(large).await, Err(Error::TooLarge { .. })));
    let base = writer.finish().await.expect("finish");
    assert_eq!((base.log, base.at, base.chunks), (log, heads[4], 3));
    assert_eq!(other.bases(log).await.expect("list bases"), std::slice::from_ref(&base));
    assert!(read(&*other, &base).await.expect("read") == chunks(7));
    // One that was begun and left is nobody's.
    let mut left = one.begin_base(log, heads[6]).await.expect("begin a base");
    left.chunk(Bytes::from_static(b"left")).await.expect("write a chunk");
    drop(left);
    assert_eq!(other.bases(log).await.expect("list bases"), std::slice::from_ref(&base));
    assert!(matches!(other.base_chunk(&base, 3).await, Err(Error::Base { .. })), "there is no fourth chunk");
}

pub async fn the_two_newest_bases_stay(open: Open<'_>, log: LogId) {
    let (one, other) = (open(), open());
    let (_, heads) = claimed(&*one, log, 10).await;
    let mut bases = Vec::new();
    for (of, at) in [(1, 2), (2, 4), (3, 6), (4, 9)] {
        bases.insert(0, put(&*one, log, heads[at], &chunks(of)).await.expect("put a base"));
        let newest = &bases[..bases.len().min(2)];
        assert_eq!(other.bases(log).await.expect("list bases"), newest);
    }
    for (base, of) in bases.iter().zip([4, 3]) {
        assert!(read(&*other, base).await.expect("read") == chunks(of));
    }
    for gone in &bases[2..] {
        assert!(matches!(read(&*other, gone).await, Err(Error::Base { .. })));
    }
}

pub async fn a_base_stands_on_a_frame_of_its_log(open: Open<'_>, log: LogId) {
    let one = open();
    let (_, heads) = claimed(&*one, log, 10).await;
    let foreign = Head { hash: [9; 16], ..heads[5] };
    assert!(matches!(put(&*one, log, foreign, &chunks(1)).await, Err(Error::BadChain { at: 6 })));
    let ahead = Head { seq: 11, epoch: 1, hash: chain_hash(&heads[9].hash, 11, 1, b"never") };
    assert!(matches!(put(&*one, log, ahead, &chunks(1)).await, Err(Error::Base { .. })), "ahead of the log");
    let base = put(&*one, log, heads[5], &chunks(1)).await.expect("put a base");
    for at in [5, 3] {
        let refused = put(&*one, log, heads[at], &chunks(2)).await;
        assert!(matches!(refused, Err(Error::Base { .. })), "at or before another: {refused:?}");
    }
    assert_eq!(one.bases(log).await.expect("list bases"), [base]);
}

/// The engine under test must keep nothing for streams that resume.
pub async fn a_trimmed_log_keeps_what_follows_its_older_base(open: Open<'_>, log: LogId, without: LogId) {
    let (one, other) = (open(), open());
    claimed(&*one, without, 10).await;
    let (claim, heads) = claimed(&*one, log, 30).await;
    put(&*one, log, heads[9], &chunks(1)).await.expect("put a base");
    put(&*one, log, heads[19], &chunks(2)).await.expect("put a base");
    for asked in [without, log] {
        one.trim(asked, u64::MAX).expect("trim");
    }
    let asked = Instant::now();
    let oldest = loop {
        match other.read(log, 1, 0) {
            Err(Error::Trimmed { oldest }) => break oldest,
            Ok(_) => assert!(asked.elapsed() < LATE_MOST, "the log is never trimmed"),
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(oldest, heads[9].seq + 1, "what follows the older of the two bases stays, and no more");
    let kept = other.read(log, oldest, 1 << 20).expect("read what is kept");
    crate::conformance::check_chain(&kept, heads[9]);
    assert_eq!(kept.last().map(crate::Frame::head), heads.last().copied());
    assert_eq!(other.read(without, 1, 1 << 20).expect("read").len(), 10, "without a base nothing is trimmed");
    let head = one.append(log, claim.epoch, 31, Bytes::from_static(b"on")).await.expect("append goes on");
    assert_eq!(other.claim(log).await.expect("claim goes on").head.seq, head.seq + 1);
}

/// The engine under test must keep nothing for streams that resume.
pub async fn a_slow_reader_meets_a_trim_and_never_a_hole(open: Open<'_>, log: LogId) {
    const LAST: u64 = 600;
    let (owner, reader) = (open(), open());
    let (claim, _) = claimed(&*owner, log, 25).await;
    let writing = Arc::clone(&owner);
    let writer = tokio::spawn(async move {
        for seq in 26..=LAST {
            let body = Bytes::from(vec![seq as u8; 100]);
            let head = writing.append(log, claim.epoch, seq, body).await.expect("append");
            if seq % 50 == 0 {
                put(&*writing, log, head, &[Bytes::from(vec![1; 1000])]).await.expect("put a base");
                writing.trim(log, seq).expect("trim");
            }
        }
    });
    let (mut next, mut trims, mut stop) = (1, 0, 125);
    while next <= LAST {
        match reader.read(log, next, 500) {
            Ok(frames) => {
                for frame in &frames {
                    assert_eq!(frame.seq, next);
                    next += 1;
                }
                if frames.is_empty() {
                    assert!(!writer.is_finished(), "the log ends at {next}");
                    tokio::task::yield_now().await;
                }
            }
            Err(Error::Trimmed { oldest }) if oldest > next => {
                trims += 1;
                next = oldest;
            }
            Err(other) => panic!("at {next}: {other}"),
        }
        // Far behind now and then, so that the trim catches up with it.
        if next >= stop {
            stop = next + 125;
            let mut moved = reader.watch(log);
            let far = (next + 250).min(LAST);
            moved.wait_for(|seq| *seq >= far).await.expect("the log moves");
        }
    }
    writer.await.expect("writer");
    assert!(trims > 0, "the reader was never overtaken");
}

pub async fn keys_are_never_handed_out_twice_and_erased_for_all(open: Open<'_>) {
    let (one, other) = (open(), open());
    assert_eq!(one.vault().await.expect("vault"), None);
    let early = one.add_keys(vec![Bytes::from_static(b"early")]).await;
    assert!(matches!(early, Err(Error::Options { .. })), "there is no vault yet: {early:?}");
    let identity = |of: u8| VaultIdentity { id: [of; 16], digest_secret: [of + 1; 32] };
    let (a, b) = tokio::join!(one.found_vault(identity(1)), other.found_vault(identity(5)));
    let (a, b) = (a.expect("found"), b.expect("found"));
    assert_eq!(a, b, "of two founders one is believed, by both");
    assert!([identity(1), identity(5)].contains(&a));
    assert_eq!(one.vault().await.expect("vault"), Some((a, 0)));

    let mut adders = Vec::new();
    for adder in 0..8u8 {
        let engine = if adder % 2 == 0 { Arc::clone(&one) } else { Arc::clone(&other) };
        adders.push(tokio::spawn(async move {
            let keys: Vec<Bytes> = (0..32u8).map(|key| Bytes::from(vec![adder * 32 + key; 32])).collect();
            (engine.add_keys(keys.clone()).await.expect("add keys"), keys)
        }));
    }
    let mut blocks = Vec::new();
    for adder in adders {
        blocks.push(adder.await.expect("adder"));
    }
    blocks.sort_by_key(|(first, _)| *first);
    assert!(blocks.windows(2).all(|pair| pair[0].0 + 32 <= pair[1].0), "a number was handed out twice");
    for (first, keys) in &blocks {
        let numbers: Vec<u64> = (*first..first + 32).rev().collect();
        let wanted: Vec<Key> = keys.iter().rev().cloned().map(Key::Live).collect();
        assert!(other.keys(&numbers).await.expect("get keys") == wanted, "in the order asked");
    }
    let last = blocks[7].0;
    for _ in 0..2 {
        one.erase_key(last + 3).await.expect("erase");
        let keys = other.keys(&[last + 2, last + 3]).await.expect("get keys");
        assert!(keys == [Key::Live(blocks[7].1[2].clone()), Key::Erased], "{keys:?}");
    }
    let (_, handed_out) = one.vault().await.expect("vault").expect("it was founded");
    assert!(handed_out >= last + 32, "{handed_out}");
    let unknown = handed_out + 1_000_000;
    assert!(matches!(one.keys(&[0, unknown]).await, Err(Error::NoKey { number, .. }) if number == unknown));
    assert!(matches!(one.erase_key(unknown).await, Err(Error::NoKey { .. })));
    let most = Bytes::from(vec![1; KEY_BYTES_MAX]);
    assert!(one.add_keys(vec![most]).await.is_ok());
    for bad in [vec![], vec![Bytes::new()], vec![Bytes::from(vec![1; KEY_BYTES_MAX + 1])]] {
        assert!(matches!(one.add_keys(bad).await, Err(Error::Options { .. })));
    }
}
