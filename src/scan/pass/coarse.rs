//! Larger windows first: they say where to look before others.

use super::{End, Pass};
use crate::raster::Rect;
use crate::scan::blocks::Block;
use crate::scan::products;
use crate::scan::ranking::Score;
use crate::scan::scanner::Link;
use crate::scan::speed::Speed;
use crate::scan::{Coarse, Early, Encoder, Layout, ScanError};

impl Pass {
    pub(super) fn encode_all(&mut self, encoder: &mut dyn Encoder, link: &Link) -> Result<End, ScanError> {
        let mut speed = Speed::new(self.windows, self.done);
        if let Some(coarse) = self.layouts.coarse.clone() {
            let end = self.encode_layout(&coarse, None, &mut speed, encoder, link)?;
            if !matches!(end, End::Complete) {
                return Ok(end);
            }
            let share = match self.request.coarse {
                Coarse::Only(share) => share,
                Coarse::First | Coarse::Off => 1.0,
            };
            let promises = self.promises(&coarse)?;
            let layout = self.layouts.compared.clone();
            return self.encode_layout(&layout, Some((promises, share)), &mut speed, encoder, link);
        }
        let layout = self.layouts.compared.clone();
        self.encode_layout(&layout, None, &mut speed, encoder, link)
    }

    /// The probability of the best keyword in every coarse window.
    fn promises(&mut self, coarse: &Layout) -> Result<Vec<(Rect, f32)>, ScanError> {
        self.seen.refresh(&self.layouts.compared)?;
        let (collection, rank_by) = (&self.seen.collection, self.request.query.rank_by);
        let (mut scratch, mut cosines, mut scores) = (products::Scratch::default(), Vec::new(), Vec::new());
        let mut promises = Vec::new();
        for window in 0..coarse.len() {
            let known = collection.find(coarse.key(window)).and_then(|id| collection.window(id));
            let Some((_, embedding)) = known.filter(|(nodata, _)| *nodata < 1.0) else { continue };
            products::dot_products(embedding, &self.words.matrix, &mut scratch, &mut cosines);
            self.words.score(&cosines, &mut scores);
            let key = |(keyword, score): (usize, &Score)| {
                self.words.key(keyword, rank_by, score.probability, score.cosine)
            };
            let promise = scores.iter().enumerate().map(key).fold(f32::NEG_INFINITY, f32::max);
            promises.push((coarse.rect(window), promise));
        }
        Ok(promises)
    }

    /// How much of the final ranking came early.
    pub(super) fn early(&self) -> Early {
        let arrivals: Vec<usize> = (0..self.words.keywords.len())
            .flat_map(|keyword| self.ranker.best(keyword).into_iter().take(self.request.query.top_k))
            .map(|entry| entry.arrival as usize)
            .collect();
        // What says where to look comes before everything else.
        let before = self.layouts.coarse.as_ref().map_or(0, Layout::wanted);
        let share = |part: f64| {
            let until = part * self.windows as f64;
            let there = arrivals.iter().filter(|arrival| ((before + **arrival) as f64) < until).count();
            there as f64 / arrivals.len().max(1) as f64
        };
        Early { tenth: share(0.1), quarter: share(0.25) }
    }
}

/// How much the coarse windows over a block's middle promise.
pub(super) fn promise(block: &Block, promises: &[(Rect, f32)]) -> f32 {
    let (x, y) = block.area.center();
    let middle = Rect::new(x as u32, y as u32, 1, 1);
    let over = promises.iter().filter(|(window, _)| window.intersects(&middle));
    over.map(|(_, promise)| *promise).fold(f32::NEG_INFINITY, f32::max)
}
