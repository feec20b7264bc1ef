//! A search through everything that is stored, scene by scene, without the images.

use std::io;
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::answer;
use super::detection::Detection;
use super::encoded_windows::EncodedWindows;
use super::error::QueryError;
use super::query::Query;
use super::scene_context::SceneContext;
use super::vocabulary::Vocabulary;
use crate::clip::sharpener_of;
use crate::encoder::Encoder;
use crate::raster::Rect;
use crate::store::{Collection, Inventory, Provenance, StoredCollection};
use crate::windows::{WindowKey, WindowLayout};

/// The stored embeddings of a model, of windows that one network sharpened or none or of the cells of dense
/// scans, one entry a scene, in the order of the scenes' paths; and the number of scenes that only have other
/// ones. Of a scene that was
/// scanned in several ways the plainest counts: the one with the least to say about how windows were read.
#[must_use]
pub fn scenes_by_model(
    inventory: &Inventory,
    model_fingerprint: &str,
    sharpened_by: Option<&str>,
    dense: bool,
) -> (Vec<StoredCollection>, usize) {
    let (mut own, others): (Vec<StoredCollection>, Vec<StoredCollection>) =
        inventory.entries.iter().filter(|entry| entry.provenance.is_dense() == dense).cloned().partition(
            |StoredCollection { provenance, .. }| {
                provenance.model_fingerprint == model_fingerprint
                    && sharpener_of(&provenance.preprocessing) == sharpened_by
            },
        );
    let scene = |entry: &StoredCollection| entry.provenance.scene_fingerprint.clone();
    own.sort_by_key(|entry| (scene(entry), entry.provenance.preprocessing.len()));
    own.dedup_by_key(|entry| scene(entry));
    let mut others: Vec<String> =
        others.iter().map(scene).filter(|other| !own.iter().any(|own| scene(own) == *other)).collect();
    others.sort_unstable();
    others.dedup();
    own.sort_by(|a, b| a.provenance.scene.cmp(&b.provenance.scene));
    (own, others.len())
}

/// All that is stored of one scene, ready to be searched.
pub struct StoredScene {
    encoded: EncodedWindows,
    /// Where the windows lie, by their numbers.
    places: Vec<WindowKey>,
    /// That of the cells of a dense scan.
    cells: Option<WindowLayout>,
    provenance: Arc<Provenance>,
}

impl StoredScene {
    /// Windows of all sizes, or only those with one of these sides in pixels.
    #[must_use]
    pub fn new(collection: Collection, sides: &[u32]) -> Self {
        let provenance = Arc::new(collection.provenance().clone());
        if let Some(layout) = cells_of(&collection, sides) {
            let places = (0..layout.len()).map(|cell| layout.key(cell)).collect();
            let encoded = EncodedWindows::new(collection, &layout);
            return Self { encoded, places, cells: Some(layout), provenance };
        }
        let (encoded, places) = EncodedWindows::all(collection, sides);
        Self { encoded, places, cells: None, provenance }
    }

    /// What an entry of the inventory stands for.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn open(entry: &StoredCollection, sides: &[u32]) -> io::Result<Self> {
        Ok(Self::new(Collection::read(&entry.folder)?, sides))
    }

    /// What a person should know of what is stored, once.
    pub fn take_notices(&mut self) -> Vec<String> {
        self.encoded.collection.take_notices()
    }

    /// What was told of the scene while its windows were read.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        self.encoded.collection.remarks()
    }

    /// The number of windows that have data.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.encoded.count().0
    }
}

/// Where the cells of a dense scan lie, those with one of some sides or all; `None` for windows.
fn cells_of(collection: &Collection, wanted: &[u32]) -> Option<WindowLayout> {
    let provenance = collection.provenance();
    if !provenance.is_dense() {
        return None;
    }
    let is_wanted = |side: &u32| wanted.is_empty() || wanted.contains(side);
    let mut sides: Vec<u32> =
        collection.in_order().into_iter().map(|(key, _)| key.side).filter(is_wanted).collect();
    sides.sort_unstable_by(|a, b| b.cmp(a));
    sides.dedup();
    WindowLayout::of_cells(provenance.scene_size, &sides, &[]).ok().filter(|_| !sides.is_empty())
}

impl SceneContext for StoredScene {
    fn embed_place(&self, _: Rect, _: &mut dyn Encoder) -> Result<Vec<f32>, QueryError> {
        Err(QueryError::PlaceInStore)
    }

    fn mean(&self) -> Vec<f32> {
        self.encoded.mean()
    }
}

/// Opens scenes side by side, in the order of the entries.
#[must_use]
pub fn open_scenes(entries: &[&StoredCollection], sides: &[u32]) -> Vec<io::Result<StoredScene>> {
    entries.par_iter().map(|entry| StoredScene::open(entry, sides)).collect()
}

/// A window that ranks among the best of all scenes.
#[derive(Clone, Debug)]
pub struct LibraryMatch {
    pub scene: Arc<Provenance>,
    /// Its rank is that among all scenes.
    pub detection: Detection,
    /// What it is ranked by.
    key: f32,
}

/// Looks for the same in one scene after the other, and keeps the best of all.
pub struct LibrarySearch<'a> {
    query: &'a Query,
    encoder: &'a mut dyn Encoder,
    vocabulary: Vocabulary,
    /// For every keyword the best so far, best first.
    best: Vec<Vec<LibraryMatch>>,
}

impl<'a> LibrarySearch<'a> {
    pub fn new(query: &'a Query, encoder: &'a mut dyn Encoder) -> Self {
        let best = query.keywords.iter().map(|_| Vec::new()).collect();
        Self { query, encoder, vocabulary: Vocabulary::default(), best }
    }

    /// Ranks the windows of a scene, on all cores. Boxes and what counts as a clear match are those of a scan
    /// of this scene alone.
    ///
    /// # Errors
    /// When a keyword can't be understood, or something can't be encoded.
    pub fn add(&mut self, scene: &StoredScene) -> Result<(), QueryError> {
        let mut words = self.vocabulary.words(self.query, self.encoder, scene)?;
        if self.query.refine {
            let place = |window: u32| scene.places[window as usize];
            let Some(refined) = scene.encoded.refine(words, scene.windows(), &place, &|| false)? else {
                return Ok(());
            };
            words = refined;
        }
        let words = Arc::new(words);
        let (rank_by, keep) = (self.query.rank_by, answer::windows_to_keep(self.query));
        let Some(ranker) = scene.encoded.rank(&words, rank_by, keep, &|| false) else { return Ok(()) };
        let rect = |window: u32| scene.places[window as usize].rect();
        let mut regions = Vec::new();
        if let Some(layout) = scene.cells.as_ref().filter(|_| self.query.boxes.regions) {
            let of = |keyword| scene.encoded.regions(&words, keyword, rank_by, layout, self.query.top_k);
            regions = (0..self.query.keywords.len()).map(of).collect();
        }
        let size = scene.provenance.scene_size;
        for detection in answer::detections(&ranker, &rect, size, self.query, &[], &regions) {
            let keyword = self.query.keywords.iter().position(|keyword| *keyword == detection.keyword);
            let Some(keyword) = keyword else { continue };
            let key = words.key(keyword, rank_by, detection.probability, detection.cosine);
            self.best[keyword].push(LibraryMatch { scene: Arc::clone(&scene.provenance), detection, key });
        }
        for best in &mut self.best {
            // Stable: equal windows of a scene stay in their order.
            best.sort_by(|a, b| b.key.total_cmp(&a.key).then_with(|| a.scene.scene.cmp(&b.scene.scene)));
            best.truncate(self.query.top_k);
        }
        Ok(())
    }

    /// The best windows: keywords in the order of the query, ranks ascending.
    #[must_use]
    pub fn finish(self) -> Vec<LibraryMatch> {
        let ranked = |best: Vec<LibraryMatch>| {
            best.into_iter().enumerate().map(|(position, mut found)| {
                found.detection.rank = position + 1;
                found
            })
        };
        self.best.into_iter().flat_map(ranked).collect()
    }
}
