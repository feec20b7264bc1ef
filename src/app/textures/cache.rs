//! A cache with a budget of bytes that forgets what was not used for longest.

use std::hash::Hash;

use lru::LruCache;

struct Entry<V> {
    value: V,
    bytes: usize,
    last_used: u64,
}

/// Values by key, as many as fit the budget. What was used in the present frame is never dropped, so that a
/// view larger than the budget still shows whole.
pub struct ByteCache<K: Eq + Hash, V> {
    entries: LruCache<K, Entry<V>>,
    budget: usize,
    bytes: usize,
    frame: u64,
}

impl<K: Eq + Hash, V> ByteCache<K, V> {
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self { entries: LruCache::unbounded(), budget, bytes: 0, frame: 0 }
    }

    /// In bytes.
    #[must_use]
    pub fn budget(&self) -> usize {
        self.budget
    }

    pub fn next_frame(&mut self) {
        self.frame += 1;
    }

    /// Looks a value up and marks it as used.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        entry.last_used = self.frame;
        Some(&entry.value)
    }

    /// Looks a value up and leaves it as old as it is.
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.entries.peek(key).map(|entry| &entry.value)
    }

    /// Keeps a value, and drops the least recently used ones until the budget holds again.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        if let Some(old) = self.entries.put(key, Entry { value, bytes, last_used: self.frame }) {
            self.bytes -= old.bytes;
        }
        self.bytes += bytes;
        while self.bytes > self.budget
            && self.entries.peek_lru().is_some_and(|(_, oldest)| oldest.last_used < self.frame)
            && let Some((_, oldest)) = self.entries.pop_lru()
        {
            self.bytes -= oldest.bytes;
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
            cache.next_frame();
            cache.insert(key, (), 10);
        }
        cache.next_frame();
        assert!(cache.get(&0).is_some());
        cache.next_frame();
        cache.insert(3, (), 10);
        assert!(
            cache.entries.contains(&0)
                && !cache.entries.contains(&1)
                && cache.entries.contains(&2)
                && cache.entries.contains(&3)
        );
        assert_eq!(cache.bytes, 30);
    }

    #[test]
    fn what_this_frame_shows_stays() {
        let mut cache = ByteCache::new(30);
        cache.next_frame();
        for key in 0..5 {
            cache.insert(key, (), 10);
        }
        assert!((0..5).all(|key| cache.entries.contains(&key)));
        cache.next_frame();
        cache.insert(5, (), 10);
        assert_eq!(cache.bytes, 30);
        assert!(cache.entries.contains(&5));
    }

    #[test]
    fn replacing_a_value_counts_it_once() {
        let mut cache = ByteCache::new(100);
        cache.insert(1, "a", 40);
        cache.insert(1, "b", 60);
        assert_eq!((cache.bytes, cache.get(&1)), (60, Some(&"b")));
    }
}
