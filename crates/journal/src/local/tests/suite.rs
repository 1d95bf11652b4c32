//! The common suite over the local journal, on a real disk and on the simulated one.

use std::sync::Arc;

use crate::conformance::{Engine, all};
use crate::disk::{Disk, SimDisk};
use crate::{Journal, LocalJournal};

use super::helpers::{MAX_FRAME, open, small};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_journal_on_a_real_disk_passes_the_suite() {
    let dir = tempfile::tempdir().unwrap();
    let open = || -> Arc<dyn Journal> { Arc::new(LocalJournal::open(dir.path(), small()).expect("open")) };
    all(&Engine { open: &open, max_frame_bytes: MAX_FRAME }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_journal_on_the_simulated_disk_passes_the_suite() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1 << 30));
    let open = || -> Arc<dyn Journal> { Arc::new(open(&disk, &small()).expect("open")) };
    all(&Engine { open: &open, max_frame_bytes: MAX_FRAME }).await;
}
