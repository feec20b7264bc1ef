//! A cache with a budget of bytes that forgets what was not used for longest.

use std::collections::HashMap;
use std::hash::Hash;

struct Entry<V> {
    value: V,
    bytes: usize,
    last_used: u64,
}

/// Values by key, as many as fit the budget. What was used in the present turn (frame) is never dropped, so
/// that a view larger than the budget still shows whole.
pub struct ByteCache<K, V> {
    entries: HashMap<K, Entry<V>>,
    budget: usize,
    bytes: usize,
    turn: u64,
}

impl<K: Copy + Eq + Hash, V> ByteCache<K, V> {
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self { entries: HashMap::new(), budget, bytes: 0, turn: 0 }
    }

    /// In bytes.
    #[must_use]
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Begins a frame.
    pub fn next_turn(&mut self) {
        self.turn += 1;
    }

    /// Looks a value up and marks it as used.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        entry.last_used = self.turn;
        Some(&entry.value)
    }

    /// Looks a value up and leaves it as old as it is.
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    #[cfg(test)]
    fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a value, and drops the least recently used ones until the budget holds again.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        let entry = Entry { value, bytes, last_used: self.turn };
        if let Some(old) = self.entries.insert(key, entry) {
            self.bytes -= old.bytes;
        }
        self.bytes += bytes;
        while self.bytes > self.budget {
            let oldest = self
                .entries
                .iter()
                .filter(|(_, entry)| entry.last_used < self.turn)
                .min_by_key(|(_, entry)| entry.last_used)
                .map(|(key, _)| *key);
            let Some(entry) = oldest.and_then(|key| self.entries.remove(&key)) else { break };
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = ByteCache::new(30);
        for key in 0..3 {
            cache.next_turn();
            cache.insert(key, (), 10);
        }
        cache.next_turn();
        assert!(cache.get(&0).is_some());
        cache.next_turn();
        cache.insert(3, (), 10);
        assert!(cache.contains(&0) && !cache.contains(&1) && cache.contains(&2) && cache.contains(&3));
        assert_eq!(cache.bytes(), 30);
    }

    #[test]
    fn what_this_frame_shows_stays() {
        let mut cache = ByteCache::new(30);
        cache.next_turn();
        for key in 0..5 {
            cache.insert(key, (), 10);
        }
        assert!((0..5).all(|key| cache.contains(&key)));
        cache.next_turn();
        cache.insert(5, (), 10);
        assert_eq!(cache.bytes(), 30);
        assert!(cache.contains(&5));
    }

    #[test]
    fn replacing_a_value_counts_it_once() {
        let mut cache = ByteCache::new(100);
        cache.insert(1, "a", 40);
        cache.insert(1, "b", 60);
        assert_eq!((cache.bytes(), cache.get(&1)), (60, Some(&"b")));
    }
}
