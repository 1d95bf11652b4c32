//! The key vault: what was sealed opens, until its key is erased; then nothing on disk can open it.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use waybill_store::Error;
use waybill_store::vault::{FILE_NAME, KeyId, Opened, Sealed, Vault};

const SLOT_BYTES: usize = 64;
const SLOTS_AT: usize = 4096;

fn raw(dir: &Path) -> Vec<u8> {
    fs::read(dir.join(FILE_NAME)).unwrap()
}

fn raw_key(dir: &Path, key: KeyId) -> Vec<u8> {
    let at = SLOTS_AT + key.0 as usize * SLOT_BYTES + 8;
    raw(dir)[at..at + 32].to_vec()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn sealed_bytes_open_with_their_context_only() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::load_or_create(dir.path()).unwrap();
    let (key, other) = (vault.next().unwrap(), vault.next().unwrap());
    let sealed = vault.seal(key, b"Ada Lovelace", b"name").unwrap();
    assert_eq!(vault.open(&sealed, b"name").unwrap(), Opened::Plain(b"Ada Lovelace".to_vec()));
    assert_eq!(sealed.key().unwrap(), key);
    assert_eq!(sealed.as_bytes().len(), 12 + Sealed::OVERHEAD_BYTES);
    assert!(!contains(sealed.as_bytes(), b"Ada"));
    assert!(matches!(vault.open(&sealed, b"street"), Err(Error::NotSealedHere { .. })));

    let mut moved = sealed.as_bytes().to_vec();
    moved[1..9].copy_from_slice(&other.0.to_be_bytes());
    assert!(matches!(vault.open(&Sealed::from_bytes(moved), b"name"), Err(Error::NotSealedHere { .. })));
    let again = vault.seal(key, b"Ada Lovelace", b"name").unwrap();
    assert_ne!(sealed, again, "equal values are not seen to be equal");
    let empty = vault.seal(key, b"", b"name").unwrap();
    assert_eq!(vault.open(&empty, b"name").unwrap(), Opened::Plain(vec![]));
}

#[test]
fn no_damaged_sealed_bytes_open() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::load_or_create(dir.path()).unwrap();
    let sealed = vault.seal(vault.next().unwrap(), b"secret", b"c").unwrap();
    for bit in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(vault.open(&Sealed::from_bytes(bytes), b"c").is_err(), "bit {bit}");
    }
    for len in 0..sealed.as_bytes().len() {
        let cut = Sealed::from_bytes(sealed.as_bytes()[..len].to_vec());
        assert!(matches!(vault.open(&cut, b"c"), Err(Error::NotSealedHere { .. })), "{len} bytes");
    }
}

#[test]
fn erasing_leaves_no_byte_of_the_key_and_is_no_error_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::load_or_create(dir.path()).unwrap();
    let (kept, erased) = (vault.next().unwrap(), vault.next().unwrap());
    let bytes = raw_key(dir.path(), erased);
    assert!(contains(&raw(dir.path()), &bytes), "the test looks at the right place");
    let sealed = vault.seal(erased, b"gone", b"c").unwrap();
    let stays = vault.seal(kept, b"stays", b"c").unwrap();

    vault.erase(erased).unwrap();
    vault.erase(erased).unwrap();
    for part in bytes.chunks(8) {
        assert!(!contains(&raw(dir.path()), part), "a part of the erased key is still in the file");
    }
    assert_eq!(vault.open(&sealed, b"c").unwrap(), Opened::Erased);
    assert!(matches!(vault.seal(erased, b"x", b"c"), Err(Error::KeyErased { .. })));
    drop(vault);

    let vault = Vault::load(dir.path()).unwrap();
    assert_eq!(vault.open(&sealed, b"c").unwrap(), Opened::Erased);
    assert_eq!(vault.open(&stays, b"c").unwrap(), Opened::Plain(b"stays".to_vec()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no other file could hold a key");
}

#[test]
fn keys_are_never_handed_out_twice_over_reopens_and_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = HashSet::new();
    let mut id = None;
    for take in [1, 255, 256, 257, 3] {
        let vault = Vault::load_or_create(dir.path()).unwrap();
        assert_eq!(*id.get_or_insert(vault.id()), vault.id());
        for _ in 0..take {
            let key = vault.next().unwrap();
            assert!(seen.insert(key), "{key:?} twice");
            assert!(key.0 < vault.keys());
        }
    }
    let secrets: HashSet<_> = seen.iter().map(|key| raw_key(dir.path(), *key)).collect();
    assert_eq!(secrets.len(), seen.len());
}

#[test]
fn a_block_that_was_not_acknowledged_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::load_or_create(dir.path()).unwrap();
    let key = vault.next().unwrap();
    let sealed = vault.seal(key, b"x", b"c").unwrap();
    drop(vault);
    let path = dir.path().join(FILE_NAME);
    let torn = [raw(dir.path()), vec![0xab; 1000]].concat(); // a crash in the middle of the second block
    fs::write(&path, torn).unwrap();
    let vault = Vault::load(dir.path()).unwrap();
    let next = vault.next().unwrap();
    assert_eq!(next, KeyId(256));
    let second = vault.seal(next, b"y", b"c").unwrap();
    drop(vault);
    let vault = Vault::load(dir.path()).unwrap();
    assert_eq!(vault.open(&sealed, b"c").unwrap(), Opened::Plain(b"x".to_vec()));
    assert_eq!(vault.open(&second, b"c").unwrap(), Opened::Plain(b"y".to_vec()));
}

#[test]
fn a_lost_short_or_damaged_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Vault::load(dir.path()), Err(Error::Damaged { .. })), "missing");
    let vault = Vault::load_or_create(dir.path()).unwrap();
    let key = vault.next().unwrap();
    let sealed = vault.seal(key, b"x", b"c").unwrap();
    assert!(matches!(Vault::load(dir.path()), Err(Error::InUse { .. })));
    drop(vault);
    let whole = raw(dir.path());
    let path = dir.path().join(FILE_NAME);
    for len in [0, 10, 4095, 4096, SLOTS_AT + 64, whole.len() - 1] {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(matches!(Vault::load(dir.path()), Err(Error::Damaged { .. })), "{len} bytes");
    }
    for bit in 0..64 * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(Vault::load(dir.path()), Err(Error::Damaged { .. })), "header bit {bit}");
    }
    for bit in 0..SLOT_BYTES * 8 {
        let mut bytes = whole.clone();
        bytes[SLOTS_AT + bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        let vault = Vault::load(dir.path()).unwrap();
        assert!(matches!(vault.open(&sealed, b"c"), Err(Error::Damaged { .. })), "slot bit {bit}");
    }
}

#[test]
fn keys_of_another_vault_are_unknown_or_do_not_open() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (Vault::load_or_create(one.path()).unwrap(), Vault::load_or_create(two.path()).unwrap());
    let sealed = one.seal(one.next().unwrap(), b"x", b"c").unwrap();
    assert!(matches!(two.open(&sealed, b"c"), Err(Error::UnknownKey { id: 0, keys: 0 })));
    assert!(matches!(two.erase(KeyId(0)), Err(Error::UnknownKey { .. })));
    two.next().unwrap();
    assert!(matches!(two.open(&sealed, b"c"), Err(Error::NotSealedHere { .. })));
    assert_ne!(one.id(), two.id());
}

#[test]
fn digests_are_stable_keyed_and_tell_kinds_apart() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let vault = Vault::load_or_create(dir.path()).unwrap();
    let digest = vault.digest("email", "ada@example.com");
    assert_ne!(digest, vault.digest("email", "ada@example.org"));
    assert_ne!(digest, vault.digest("phone", "ada@example.com"));
    assert_ne!(vault.digest("ab", "c"), vault.digest("a", "bc"));
    assert_ne!(digest, Vault::load_or_create(other.path()).unwrap().digest("email", "ada@example.com"));
    drop(vault);
    assert_eq!(digest, Vault::load(dir.path()).unwrap().digest("email", "ada@example.com"));
}

#[test]
fn only_the_owner_reads_the_file() {
    let dir = tempfile::tempdir().unwrap();
    drop(Vault::load_or_create(dir.path()).unwrap());
    let mode = fs::metadata(dir.path().join(FILE_NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn many_threads_take_seal_open_and_erase_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::load_or_create(dir.path()).unwrap();
    let shared = vault.next().unwrap();
    let taken: Vec<KeyId> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4_u8)
            .map(|worker| {
                let vault = &vault;
                scope.spawn(move || {
                    let mut keys = Vec::new();
                    for turn in 0..150_u8 {
                        let key = vault.next().unwrap();
                        let sealed = vault.seal(key, &[worker, turn], b"c").unwrap();
                        assert_eq!(vault.open(&sealed, b"c").unwrap(), Opened::Plain(vec![worker, turn]));
                        if turn % 10 == 0 {
                            vault.erase(key).unwrap();
                            assert_eq!(vault.open(&sealed, b"c").unwrap(), Opened::Erased);
                        }
                        if worker == 0 && turn == 75 {
                            vault.erase(shared).unwrap();
                        }
                        // Whole before, erased after, never damage in between.
                        match vault.seal(shared, b"s", b"c") {
                            Ok(_) | Err(Error::KeyErased { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                        keys.push(key);
                    }
                    keys
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 600);
}

#[test]
fn a_torn_block_count_leaves_the_one_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::load_or_create(dir.path()).unwrap();
    for _ in 0..600 {
        vault.next().unwrap(); // three blocks
    }
    drop(vault);
    let file = OpenOptions::new().write(true).open(dir.path().join(FILE_NAME)).unwrap();
    file.write_all_at(&[0xee; 5], 1024 + 4).unwrap(); // three is odd: the second sector
    let vault = Vault::load(dir.path()).unwrap();
    assert_eq!(vault.keys(), 512, "the third count was torn, so its write had not returned");
}
