//! The checkpoint file: whole, or not there, or refused, whatever happened to its bytes.

use std::fs;
use std::path::Path;

use waybill_store::checkpoint_file::{self, Writer};
use waybill_store::{Error, MAX_KEY_BYTES, MAX_VALUE_BYTES, Op, Options, SledStore, Store};

const NAME: &str = "checkpoint-7";

fn small_ops() -> Vec<Op> {
    vec![
        Op::Put { key: b"a".to_vec(), value: b"first".to_vec() },
        Op::Delete { key: b"b".to_vec() },
        Op::Put { key: vec![], value: vec![] },
        Op::Put { key: vec![0xff; MAX_KEY_BYTES], value: vec![3; 300] },
    ]
}

fn write(dir: &Path, meta: &[u8], ops: &[Op]) -> std::path::PathBuf {
    let mut writer = Writer::create(dir, NAME, meta).unwrap();
    for op in ops {
        writer.append(op).unwrap();
    }
    writer.finish().unwrap()
}

fn read(path: &Path) -> Result<Option<Vec<Op>>, Error> {
    match checkpoint_file::open(path)? {
        Some(reader) => reader.collect::<Result<Vec<_>, _>>().map(Some),
        None => Ok(None),
    }
}

#[test]
fn what_was_appended_comes_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut ops = small_ops();
    for i in 0..40_u32 {
        ops.push(Op::Put { key: i.to_be_bytes().to_vec(), value: vec![i as u8; 9000] });
    }
    ops.push(Op::Put { key: vec![1; MAX_KEY_BYTES], value: vec![9; MAX_VALUE_BYTES] });
    let path = write(dir.path(), b"sequence 7", &ops);
    let reader = checkpoint_file::open(&path).unwrap().unwrap();
    assert_eq!(reader.meta(), b"sequence 7");
    assert_eq!(reader.ops(), ops.len() as u64);
    assert_eq!(reader.collect::<Result<Vec<_>, _>>().unwrap(), ops);
}

#[test]
fn an_empty_checkpoint_is_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), b"", &[]);
    assert_eq!(read(&path).unwrap(), Some(vec![]));
}

#[test]
fn no_file_and_an_unfinished_file_are_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read(&dir.path().join(NAME)).unwrap().is_none());

    let mut writer = Writer::create(dir.path(), NAME, b"m").unwrap();
    writer.append(&small_ops()[0]).unwrap();
    std::mem::forget(writer); // as a crash leaves it
    assert!(read(&dir.path().join(NAME)).unwrap().is_none());
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 1);
    assert!(read(&left[0]).unwrap().is_none(), "a temporary name is never a checkpoint");

    assert_eq!(checkpoint_file::remove_incomplete(dir.path()).unwrap(), 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_dropped_writer_leaves_the_finished_file_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), b"old", &small_ops());
    let mut writer = Writer::create(dir.path(), NAME, b"new").unwrap();
    writer.append(&small_ops()[0]).unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(read(&path).unwrap(), Some(small_ops()));
    checkpoint_file::remove(&path).unwrap();
    checkpoint_file::remove(&path).unwrap();
    assert!(read(&path).unwrap().is_none());
}

#[test]
fn every_truncation_is_refused_and_under_the_temporary_name_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), b"meta", &small_ops());
    let whole = fs::read(&path).unwrap();
    let temporary = dir.path().join(format!("{NAME}.incomplete"));
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(matches!(read(&path), Err(Error::Damaged { .. })), "{len} of {} bytes", whole.len());
        fs::write(&temporary, &whole[..len]).unwrap();
        assert!(matches!(read(&temporary), Ok(None)));
    }
}

#[test]
fn every_flipped_bit_and_every_byte_too_many_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), b"meta", &small_ops());
    let whole = fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(&path), Err(Error::Damaged { .. })), "bit {bit}");
    }
    for extra in [vec![0], whole.clone()] {
        fs::write(&path, [whole.clone(), extra].concat()).unwrap();
        assert!(matches!(read(&path), Err(Error::Damaged { .. })));
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(read(&path).unwrap(), Some(small_ops()));
}

#[test]
fn frames_in_another_order_are_refused_although_each_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let ops: Vec<Op> = (0..3_u8).map(|i| Op::Put { key: vec![i], value: vec![i; 64 << 10] }).collect(); // a frame each
    let path = write(dir.path(), b"", &ops);
    let whole = fs::read(&path).unwrap();
    let (header, frame) = (20, 8 + 7 + 1 + (64 << 10));
    let mut swapped = whole.clone();
    swapped[header..header + frame].copy_from_slice(&whole[header + frame..header + 2 * frame]);
    swapped[header + frame..header + 2 * frame].copy_from_slice(&whole[header..header + frame]);
    assert_ne!(swapped, whole);
    fs::write(&path, &swapped).unwrap();
    assert!(matches!(read(&path), Err(Error::Damaged { .. })));
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), b"", &small_ops());
    let mut bytes = fs::read(&path).unwrap();
    bytes[11] = 2;
    let crc = crc32c::crc32c(&bytes[..12]).to_be_bytes();
    bytes[12..16].copy_from_slice(&crc);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(read(&path), Err(Error::OtherVersion { found: 2, supported: 1, .. })));
}

#[test]
fn operations_the_store_would_refuse_are_refused_here() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), NAME, b"").unwrap();
    let long = Op::Delete { key: vec![0; MAX_KEY_BYTES + 1] };
    assert!(matches!(writer.append(&long), Err(Error::KeyTooLong { .. })));
    let large = Op::Put { key: vec![], value: vec![0; MAX_VALUE_BYTES + 1] };
    assert!(matches!(writer.append(&large), Err(Error::ValueTooLarge { .. })));
    let path = writer.finish().unwrap();
    assert_eq!(read(&path).unwrap(), Some(vec![]));
    let meta = vec![0; checkpoint_file::MAX_META_BYTES + 1];
    assert!(matches!(Writer::create(dir.path(), NAME, &meta), Err(Error::ValueTooLarge { .. })));
}

#[test]
fn putting_a_file_twice_gives_the_same_rows_as_once() {
    let dir = tempfile::tempdir().unwrap();
    let ops: Vec<Op> = (0..700_u32)
        .map(|i| Op::Put {
            key: (i % 500).to_be_bytes().to_vec(),
            value: vec![i as u8; (i as usize * 37) % 9000],
        })
        .collect();
    let path = write(dir.path(), b"", &ops);
    let store = SledStore::open(&dir.path().join("store"), Options::default()).unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        assert_eq!(checkpoint_file::open(&path).unwrap().unwrap().put_into(&store).unwrap(), 700);
        store.sync().unwrap();
        seen.push(store.scan(&[], &[0xff], waybill_store::Order::Ascending, 1000).unwrap());
    }
    assert_eq!(seen[0].len(), 500);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0][0].1, vec![500_u32 as u8; (500 * 37) % 9000], "the later operation on a key wins");
}
