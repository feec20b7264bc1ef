//! Coarse to fine: larger windows go first and say where to look next.

use super::{End, ScanPass};
use crate::encoder::Encoder;
use crate::scan::blocks::WindowBlock;
use crate::scan::scanner::ScannerLink;
use crate::scan::speed::Speed;
use crate::scan::{EarlyRecall, ScanError};
use crate::windows::{Coarse, WindowLayout};

/// What coarse windows promise of the places that they cover.
pub(super) struct Promises<'a> {
    coarse: &'a WindowLayout,
    /// The greatest key of a keyword in each coarse window; the least number where there is none.
    keys: Vec<f32>,
    /// The share of the places that is looked at, the most promising ones.
    pub share: f64,
}

impl Promises<'_> {
    /// How much the coarse windows over a block's middle promise.
    pub fn of(&self, block: &WindowBlock) -> f32 {
        let (x, y) = block.area.center();
        let over = self.coarse.over(x as u32, y as u32);
        over.map(|window| self.keys[window]).fold(f32::NEG_INFINITY, f32::max)
    }
}

impl ScanPass {
    pub(super) fn encode_all(
        &mut self,
        encoder: &mut dyn Encoder,
        link: &ScannerLink,
    ) -> Result<End, ScanError> {
        let mut speed = Speed::new(self.windows, self.done);
        if let Some(coarse) = self.layouts.coarse.clone() {
            let end = self.encode_layout(&coarse, None, &mut speed, encoder, link)?;
            if !matches!(end, End::Complete) || self.gone.is_some() {
                return Ok(end);
            }
            let promises = self.promises(&coarse)?;
            let layout = self.layouts.compared.clone();
            return self.encode_layout(&layout, Some(&promises), &mut speed, encoder, link);
        }
        if let Some(model) = self.card.cells.filter(|_| self.request.dense) {
            return self.encode_cells(model, &mut speed, encoder, link);
        }
        let layout = self.layouts.compared.clone();
        self.encode_layout(&layout, None, &mut speed, encoder, link)
    }

    fn promises<'a>(&mut self, coarse: &'a WindowLayout) -> Result<Promises<'a>, ScanError> {
        self.encoded.refresh(&self.layouts.compared)?;
        self.catch_up();
        let keys = self.encoded.greatest_keys(&self.words, self.request.query.rank_by, coarse);
        let share = match self.request.coarse {
            Coarse::Only(share) => share,
            Coarse::First | Coarse::Off => 1.0,
        };
        Ok(Promises { coarse, keys, share })
    }

    /// How much of the final ranking came early.
    pub(super) fn early(&self) -> EarlyRecall {
        let arrivals: Vec<usize> = (0..self.words.keywords.len())
            .flat_map(|keyword| self.ranker.best(keyword).into_iter().take(self.request.query.top_k))
            .map(|entry| entry.arrival as usize)
            .collect();
        // What says where to look comes before everything else.
        let before = self.layouts.coarse.as_ref().map_or(0, WindowLayout::wanted);
        let share = |part: f64| {
            let until = part * self.windows as f64;
            let there = arrivals.iter().filter(|arrival| ((before + **arrival) as f64) < until).count();
            there as f64 / arrivals.len().max(1) as f64
        };
        EarlyRecall { tenth: share(0.1), quarter: share(0.25) }
    }
}
