//! A waiting room: callers wait for something to happen to one key and are woken by the partition's notes, never by
//! polling.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Who waits for which key. Cheap to clone; empty keys take no memory.
#[derive(Clone)]
pub struct WaitingRoom<K>(Arc<Mutex<HashMap<K, watch::Sender<u64>>>>);

impl<K> Default for WaitingRoom<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// A place in the waiting room. Take it before you look at the state, so that nothing is missed in between.
pub struct Place<K: Hash + Eq + Clone> {
    room: WaitingRoom<K>,
    key: K,
    woken: watch::Receiver<u64>,
}

impl<K: Hash + Eq + Clone> WaitingRoom<K> {
    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<K, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; every [`Self::wake`] from now on is noticed.
    #[must_use]
    pub fn enter(&self, key: K) -> Place<K> {
        let mut places = self.places();
        let woken = places.entry(key.clone()).or_insert_with(|| watch::channel(0).0).subscribe();
        Place { room: self.clone(), key, woken }
    }

    /// Something happened to `key`.
    pub fn wake(&self, key: &K) {
        if let Some(sender) = self.places().get(key) {
            sender.send_modify(|count| *count += 1);
        }
    }
}

impl<K: Hash + Eq + Clone> Place<K> {
    /// Waits for the next wake since the place was taken or since this last returned.
    pub async fn woken(&mut self) {
        // The sender stays in the room while this place is in it.
        let _ = self.woken.changed().await;
    }
}

impl<K: Hash + Eq + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut places = self.room.places();
        // This place's own receiver is still counted.
        if places.get(&self.key).is_some_and(|sender| sender.receiver_count() <= 1) {
            places.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wake_between_entering_and_waiting_is_not_lost() {
        let room = WaitingRoom::default();
        let mut place = room.enter(7);
        room.wake(&7);
        place.woken().await;
        drop(place);
        assert!(room.places().is_empty(), "an empty key takes no memory");
    }
}
