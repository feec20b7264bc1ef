//! The threads that read patches, so that the window never waits for a file.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use eframe::egui::ColorImage;

use super::grid::PatchKey;
use crate::raster::{RasterError, Rect};
use crate::scan::SceneSource;

/// Threads that read at the same time.
const THREADS: usize = 2;
/// Requests that wait at most; further ones are asked for again when these are done.
const MAX_WAITING: usize = 256;
/// Pictures that wait at most for their upload.
const MAX_READY: usize = 32;

/// What can be read: a place in the scene, in a size.
pub trait Piece: Copy + Eq + Hash + Send + 'static {
    /// The part of the scene, in level-0 pixels; `None` when it lies outside.
    fn place(self, scene: (u32, u32)) -> Option<Rect>;

    /// Width and height of its picture.
    fn size(self, scene: (u32, u32)) -> Option<(u32, u32)>;
}

impl Piece for PatchKey {
    fn place(self, scene: (u32, u32)) -> Option<Rect> {
        self.rect(scene)
    }

    fn size(self, scene: (u32, u32)) -> Option<(u32, u32)> {
        self.picture_size(scene)
    }
}

/// Why a patch can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    #[error("the patch lies outside the scene")]
    Outside,
    #[error("a part of the scene came without pixels")]
    NoPixels,
    #[error(transparent)]
    Read(#[from] RasterError),
}

/// A patch that was read, or why it could not be.
pub struct LoadedPatch<K = PatchKey> {
    pub key: K,
    /// The number of the rendering that it was read in.
    pub generation: u64,
    pub picture: Result<ColorImage, PatchError>,
}

struct Requests<K> {
    /// The scene in the rendering with this number.
    source: Arc<dyn SceneSource>,
    generation: u64,
    /// The next one last.
    waiting: Vec<K>,
    /// What threads work on, or what waits for its upload.
    taken: HashSet<(u64, K)>,
    closed: bool,
}

struct Shared<K> {
    requests: Mutex<Requests<K>>,
    changed: Condvar,
}

impl<K: Piece> Shared<K> {
    /// The requests stay sound whatever a thread that held them did.
    fn lock(&self) -> MutexGuard<'_, Requests<K>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do; `None` when the loader was dropped.
    fn next(&self) -> Option<(K, u64, Arc<dyn SceneSource>)> {
        let mut requests = self.lock();
        loop {
            if requests.closed {
                return None;
            }
            if let Some(key) = requests.waiting.pop() {
                let generation = requests.generation;
                requests.taken.insert((generation, key));
                return Some((key, generation, Arc::clone(&requests.source)));
            }
            requests = self.changed.wait(requests).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Reads patches on background threads; dropping it ends them without waiting.
pub struct PatchLoader<K: Piece = PatchKey> {
    shared: Arc<Shared<K>>,
    ready: Receiver<LoadedPatch<K>>,
}

impl<K: Piece> PatchLoader<K> {
    /// Starts the threads. `wake` is called after each patch.
    #[must_use]
    pub fn new(source: &Arc<dyn SceneSource>, wake: impl Fn() + Clone + Send + 'static) -> Self {
        let requests = Requests {
            source: Arc::clone(source),
            generation: 0,
            waiting: Vec::new(),
            taken: HashSet::new(),
            closed: false,
        };
        let shared = Arc::new(Shared { requests: Mutex::new(requests), changed: Condvar::new() });
        let (sender, ready) = crossbeam_channel::bounded(MAX_READY);
        for number in 0..THREADS {
            let (shared, sender, wake) = (Arc::clone(&shared), sender.clone(), wake.clone());
            let spawned = std::thread::Builder::new()
                .name(format!("patches {number}"))
                .spawn(move || work(&shared, &sender, wake));
            if let Err(error) = spawned {
                source
                    .notices()
                    .tell(format!("a thread that reads the picture could not be started: {error}"));
            }
        }
        Self { shared, ready }
    }

    /// Reads the scene in another rendering from now on.
    pub fn set_source(&self, generation: u64, source: &Arc<dyn SceneSource>) {
        let mut requests = self.shared.lock();
        requests.source = Arc::clone(source);
        requests.generation = generation;
        requests.waiting.clear();
    }

    /// Replaces all requests that wait by these, the most urgent first. Those being read are left out.
    pub fn request(&self, wanted: &[K]) {
        let mut requests = self.shared.lock();
        requests.waiting.clear();
        let fresh = wanted
            .iter()
            .filter(|key| !requests.taken.contains(&(requests.generation, **key)))
            .take(MAX_WAITING)
            .copied();
        let mut fresh: Vec<K> = fresh.collect();
        fresh.reverse();
        requests.waiting = fresh;
        drop(requests);
        self.shared.changed.notify_all();
    }

    /// A patch that has been read, if there is one.
    #[must_use]
    pub fn next_ready(&self) -> Option<LoadedPatch<K>> {
        let loaded = self.ready.try_recv().ok()?;
        self.shared.lock().taken.remove(&(loaded.generation, loaded.key));
        Some(loaded)
    }

    /// Whether anything is still being read or waits to be.
    #[cfg(test)]
    fn busy(&self) -> bool {
        let requests = self.shared.lock();
        !requests.waiting.is_empty() || !requests.taken.is_empty()
    }
}

impl<K: Piece> Drop for PatchLoader<K> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

fn work<K: Piece>(shared: &Shared<K>, ready: &Sender<LoadedPatch<K>>, wake: impl Fn()) {
    while let Some((key, generation, source)) = shared.next() {
        let picture = read(source.as_ref(), key);
        if ready.send(LoadedPatch { key, generation, picture }).is_err() {
            return;
        }
        wake();
    }
}

fn read<K: Piece>(source: &dyn SceneSource, key: K) -> Result<ColorImage, PatchError> {
    let scene = source.size();
    let (Some(rect), Some((width, height))) = (key.place(scene), key.size(scene)) else {
        return Err(PatchError::Outside);
    };
    let pixels = source.read_scaled(rect, width, height)?;
    let size = [pixels.width as usize, pixels.height as usize];
    if pixels.rgba.len() != size[0] * size[1] * 4 || size[0] == 0 || size[1] == 0 {
        return Err(PatchError::NoPixels);
    }
    Ok(ColorImage::from_rgba_unmultiplied(size, &pixels.rgba))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::raster::Pixels;

    /// A scene whose red tells the column of the patch; it waits until it may read.
    struct Plain {
        open: AtomicBool,
    }

    impl SceneSource for Plain {
        fn size(&self) -> (u32, u32) {
            (2560, 2560)
        }

        fn level_sizes(&self) -> Vec<(u32, u32)> {
            vec![self.size()]
        }

        fn read(&self, _level: usize, rect: Rect) -> Result<Pixels, RasterError> {
            self.read_scaled(rect, rect.width, rect.height)
        }

        fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
            while !self.open.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let red = u8::try_from(rect.x / 256).unwrap();
            Ok(Pixels { width, height, rgba: [red, 0, 0, 255].repeat((width * height) as usize) })
        }
    }

    fn next(loader: &PatchLoader) -> LoadedPatch {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(loaded) = loader.next_ready() {
                return loaded;
            }
            assert!(Instant::now() < end, "no patch came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn key(column: u32) -> PatchKey {
        PatchKey { level: 0, column, row: 0 }
    }

    #[test]
    fn patches_come_with_their_own_pixels() {
        let source: Arc<dyn SceneSource> = Arc::new(Plain { open: AtomicBool::new(true) });
        let loader = PatchLoader::new(&source, || {});
        loader.request(&[key(0), key(1), key(2)]);
        let mut seen = HashSet::new();
        for _ in 0..3 {
            let LoadedPatch { key, picture, .. } = next(&loader);
            let picture = picture.unwrap();
            assert_eq!(picture.size, [256, 256]);
            assert_eq!(u32::from(picture.pixels[0].r()), key.column);
            seen.insert(key);
        }
        assert_eq!(seen.len(), 3);
        assert!(!loader.busy());
    }

    #[test]
    fn stale_requests_are_dropped() {
        let plain = Arc::new(Plain { open: AtomicBool::new(false) });
        let source: Arc<dyn SceneSource> = plain.clone();
        let loader = PatchLoader::new(&source, || {});
        loader.request(&[key(0), key(1), key(2), key(3), key(4), key(5)]);
        // Both threads have taken one before the view moves on.
        while loader.shared.lock().taken.len() < THREADS {
            std::thread::sleep(Duration::from_millis(1));
        }
        loader.request(&[key(9)]);
        plain.open.store(true, Ordering::SeqCst);
        let seen: HashSet<u32> = (0..3).map(|_| next(&loader).key.column).collect();
        assert_eq!(seen, HashSet::from([0, 1, 9]));
        assert!(!loader.busy());
    }

    #[test]
    fn another_rendering_is_read_even_while_the_old_one_is() {
        let slow = Arc::new(Plain { open: AtomicBool::new(false) });
        let old: Arc<dyn SceneSource> = slow.clone();
        let loader = PatchLoader::new(&old, || {});
        loader.request(&[key(0)]);
        while loader.shared.lock().taken.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let new: Arc<dyn SceneSource> = Arc::new(Plain { open: AtomicBool::new(true) });
        loader.set_source(1, &new);
        loader.request(&[key(0)]);
        assert_eq!(next(&loader).generation, 1);
        slow.open.store(true, Ordering::SeqCst);
        assert_eq!(next(&loader).generation, 0);
        assert!(!loader.busy());
    }

    #[test]
    fn the_queue_is_bounded() {
        let source: Arc<dyn SceneSource> = Arc::new(Plain { open: AtomicBool::new(false) });
        let loader = PatchLoader::new(&source, || {});
        let many: Vec<PatchKey> = (0..10_000).map(key).collect();
        loader.request(&many);
        assert!(loader.shared.lock().waiting.len() <= MAX_WAITING);
    }
}
