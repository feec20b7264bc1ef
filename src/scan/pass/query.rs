//! Queries on a pass: windows that were encoded are ranked by a query, and become boxes and heat maps.

use std::sync::Arc;

use super::ScanPass;
use crate::encoder::Encoder;
use crate::scan::ScanError;
use crate::scan::scanned_scene::ScannedScene;
use crate::search::{Answer, Blend, Query, detections, windows_to_keep};

impl ScanPass {
    /// Ranks the windows encoded so far, and those to come, by another query. Returns false, and changes
    /// nothing, when `stale` says that nobody waits for it any more.
    pub fn set_query(
        &mut self,
        mut query: Query,
        encoder: &mut dyn Encoder,
        stale: &(dyn Fn() -> bool + Sync),
    ) -> Result<bool, ScanError> {
        // Windows have no regions, and cells are none.
        query.boxes.regions = self.request.dense;
        self.encoded.refresh(&self.layouts.compared)?;
        self.catch_up();
        let context = ScannedScene {
            encoded: &self.encoded,
            layout: &self.layouts.compared,
            scene: &*self.request.scene,
            options: self.options,
        };
        let mut words = self.vocabulary.words(&query, encoder, &context)?;
        if query.refine {
            let layout = &self.layouts.compared;
            let place = |window: u32| layout.key(window as usize);
            let Some(refined) = self.encoded.refine(words, layout.len(), &place, stale)? else {
                return Ok(false);
            };
            words = refined;
        }
        let words = Arc::new(words);
        let keep = windows_to_keep(&query);
        let Some(ranker) = self.encoded.rank(&words, query.rank_by, keep, stale) else { return Ok(false) };
        self.ranker = ranker;
        self.words = words;
        self.request.query = query;
        self.rank(true)?;
        Ok(true)
    }

    /// Makes boxes of what is ranked. `thoroughly` also makes heat maps, for which all windows are looked at
    /// again.
    pub(super) fn rank(&mut self, thoroughly: bool) -> Result<(), ScanError> {
        if thoroughly {
            self.encoded.refresh(&self.layouts.compared)?;
            self.catch_up();
        }
        let (query, layout) = (&self.request.query, &self.layouts.compared);
        let (mut peaks, mut regions) = (Vec::new(), Vec::new());
        let mut heat_map = self.ranking.heat_map.clone().filter(|_| query.heat_map.is_some());
        if thoroughly {
            let map =
                |keyword, blend| self.encoded.heat_map(&self.words, keyword, query.rank_by, layout, blend);
            if query.boxes.regions {
                let of =
                    |keyword| self.encoded.regions(&self.words, keyword, query.rank_by, layout, query.top_k);
                regions = (0..query.keywords.len()).map(of).collect();
            } else if query.boxes.tight {
                let (tile, size) = (layout.tile(), layout.scene_size());
                let of = |keyword| map(keyword, Blend::Mean).peaks(query.top_k, tile, size);
                peaks = (0..query.keywords.len()).map(of).collect();
            }
            heat_map = query.heat_map.as_ref().and_then(|wanted| {
                let keyword = query.keywords.iter().position(|keyword| *keyword == wanted.keyword)?;
                Some((wanted.keyword.clone(), Arc::new(map(keyword, wanted.blend))))
            });
        }
        let rect = |window| layout.rect(window as usize);
        let detections = detections(&self.ranker, &rect, layout.scene_size(), query, &peaks, &regions);
        let vectors = query.keywords.iter().enumerate();
        let vectors = vectors
            .filter_map(|(keyword, name)| Some((name.clone(), Arc::from(self.words.vector(keyword)?))));
        self.ranking = Arc::new(Answer { detections, heat_map, vectors: vectors.collect() });
        Ok(())
    }
}
