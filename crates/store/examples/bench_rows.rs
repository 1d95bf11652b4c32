//! What a row costs: unsynced puts with random and with monotone keys, reads, scans, commits, the checkpoint file and
//! the vault. `cargo run --release -p waybill-store --example bench_rows -- [rows] [value bytes]`; it refuses to judge.

use std::time::Instant;

use waybill_store::checkpoint_file::{self, Writer};
use waybill_store::vault::Vault;
use waybill_store::{Error, Op, Options, Order, SledStore, Store};

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<usize>().unwrap_or(0));
    let rows = args.next().filter(|rows| *rows > 0).unwrap_or(100_000) as u64;
    let bytes = args.next().filter(|bytes| *bytes > 0).unwrap_or(200);
    let dir = std::env::temp_dir().join(format!("waybill-bench-rows-{}", std::process::id()));
    println!("{rows} rows of {bytes} bytes in {}", dir.display());
    let outcome = ["monotone", "random"].into_iter().try_for_each(|keys| {
        let store = SledStore::open(&dir.join(keys), Options::default())?;
        bench_rows(&store, keys, rows, bytes)?;
        Box::new(store).close()
    });
    let outcome = outcome.and_then(|()| bench_file(&dir, rows, bytes)).and_then(|()| bench_vault(&dir));
    let _ = std::fs::remove_dir_all(&dir);
    outcome
}

/// Runs and prints what one of `count` took, in microseconds.
fn timed(what: &str, count: u64, run: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let start = Instant::now();
    run()?;
    println!("  {what:<44} {:>9.2} us", start.elapsed().as_secs_f64() * 1e6 / count.max(1) as f64);
    Ok(())
}

fn key(keys: &str, row: u64) -> Vec<u8> {
    let number = if keys == "random" { row.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { row };
    number.to_be_bytes().to_vec()
}

fn op(keys: &str, row: u64, turn: u8, bytes: usize) -> Op {
    let mut value = vec![turn; bytes];
    value[..bytes.min(8)].copy_from_slice(&row.to_be_bytes()[..bytes.min(8)]);
    Op::Put { key: key(keys, row), value }
}

fn bench_rows(store: &SledStore, keys: &str, rows: u64, bytes: usize) -> Result<(), Error> {
    println!("{keys} keys");
    for (what, turn) in [("put_unsynced and sync, new rows, per row", 0), ("the same again, other values", 1)]
    {
        timed(what, rows, || {
            store.put_unsynced(&mut (0..rows).map(|row| op(keys, row, turn, bytes)))?;
            store.sync()
        })?;
    }
    timed("get, per row", rows, || (0..rows).try_for_each(|row| store.get(&key(keys, row)).map(|_| ())))?;
    timed("scan of everything, per row", rows, || {
        store
            .scan(&[], &[0xff; 9], Order::Ascending, usize::MAX)
            .map(|found| assert_eq!(found.len() as u64, rows))
    })?;
    let commits = 200;
    timed("commit of one row, per commit", commits, || {
        (0..commits).try_for_each(|turn| store.commit(&[op(keys, turn, 2, bytes)]))
    })?;
    println!("  on disk {} MB", store.stats().disk_bytes >> 20);
    Ok(())
}

fn bench_file(dir: &std::path::Path, rows: u64, bytes: usize) -> Result<(), Error> {
    println!("checkpoint file");
    let mb = (rows * (bytes as u64 + 15)) as f64 / 1e6;
    let start = Instant::now();
    let mut writer = Writer::create(dir, "checkpoint", b"bench")?;
    for row in 0..rows {
        writer.append(&op("random", row, 0, bytes))?;
    }
    let path = writer.finish()?;
    println!("  written and synced at {:.0} MB/s", mb / start.elapsed().as_secs_f64());
    let start = Instant::now();
    if let Some(reader) = checkpoint_file::open(&path)? {
        println!("  verified at {:.0} MB/s", mb / start.elapsed().as_secs_f64());
        let start = Instant::now();
        let read = reader.filter(Result::is_ok).count() as u64;
        println!("  read at {:.0} MB/s", mb / start.elapsed().as_secs_f64());
        assert_eq!(read, rows);
    }
    Ok(())
}

fn bench_vault(dir: &std::path::Path) -> Result<(), Error> {
    println!("vault");
    let vault = Vault::load_or_create(dir)?;
    let count = 20_000;
    let mut keys = Vec::new();
    timed("next, per key", count, || {
        keys = (0..count).map(|_| vault.next()).collect::<Result<Vec<_>, _>>()?;
        Ok(())
    })?;
    let mut sealed = Vec::new();
    timed("seal 60 bytes", count, || {
        sealed =
            keys.iter().map(|key| vault.seal(*key, &[7; 60], b"bench")).collect::<Result<Vec<_>, _>>()?;
        Ok(())
    })?;
    timed("open 60 bytes", count, || {
        sealed.iter().try_for_each(|sealed| vault.open(sealed, b"bench").map(|_| ()))
    })?;
    timed("digest", count, || {
        for _ in 0..count {
            std::hint::black_box(vault.digest("email", "ada@example.com"));
        }
        Ok(())
    })?;
    timed("erase, per key", 200, || keys.iter().take(200).try_for_each(|key| vault.erase(*key)))
}
