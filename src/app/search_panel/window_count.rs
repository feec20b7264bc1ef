//! How many windows a scan would look at, before anything is scanned.

use eframe::egui::Context;

use crate::app::jobs::Job;
use crate::app::settings::Settings;
use crate::encoder::CellModel;
use crate::scan::cell_sides;
use crate::windows::{Area, Coarse, GridSettings, LayoutError, Layouts};

/// All that decides which windows there are.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    size: (u32, u32),
    grid: GridSettings,
    scales: Vec<u32>,
    areas: Vec<Area>,
    coarse: Coarse,
    /// Of a dense scan, how the model encodes cells.
    cells: Option<CellModel>,
}

impl Asked {
    fn count(&self) -> Result<usize, LayoutError> {
        let layouts = match self.cells {
            Some(model) => Layouts::of_cells(self.size, &cell_sides(self.grid, &[], model), &self.areas),
            None => Layouts::new(self.size, self.grid, &self.scales, &self.areas, self.coarse),
        };
        Ok(layouts?.windows())
    }
}

/// The number of windows, as far as it was counted.
#[derive(Default)]
pub struct WindowCount {
    asked: Option<Asked>,
    counted: Option<Result<usize, LayoutError>>,
    job: Option<Job<Result<usize, LayoutError>>>,
}

impl WindowCount {
    /// The number of windows; `None` while it's counted, and without a scene.
    #[must_use]
    pub fn windows(&self) -> Option<usize> {
        self.counted.as_ref().and_then(|counted| counted.as_ref().ok()).copied()
    }

    /// Whether no scan is possible with these settings.
    #[must_use]
    pub fn fails(&self) -> bool {
        matches!(self.counted, Some(Err(_)))
    }

    /// Counts windows anew when something has changed that they depend on.
    /// `cells` tells how the model encodes them, if it is loaded and does.
    pub fn sync(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        cells: Option<CellModel>,
        size: Option<(u32, u32)>,
        areas: &[Area],
    ) {
        if let Some(counted) = Job::poll(&mut self.job) {
            self.counted = Some(counted);
        }
        let Some(size) = size else {
            *self = Self::default();
            return;
        };
        let (grid, scales, coarse) = (settings.grid(), settings.scales(), settings.coarse());
        let cells = cells.filter(|_| settings.fine);
        let up_to_date = |asked: &Asked| {
            asked.size == size
                && asked.grid == grid
                && asked.scales == scales
                && asked.coarse == coarse
                && asked.cells == cells
                && asked.areas == areas
        };
        if self.asked.as_ref().is_some_and(up_to_date) {
            return;
        }
        let asked = Asked { size, grid, scales, areas: areas.to_vec(), coarse, cells };
        self.asked = Some(asked.clone());
        if asked.areas.is_empty() && (asked.coarse == Coarse::Off || asked.cells.is_some()) {
            self.job = None;
            self.counted = Some(asked.count());
            return;
        }
        // Every window is held against the areas, or the coarse ones against all, and there may be millions.
        self.count_with(ctx, move || asked.count());
    }

    /// Has another thread count. An older count is no longer waited for.
    fn count_with(
        &mut self,
        ctx: &Context,
        count: impl FnOnce() -> Result<usize, LayoutError> + Send + 'static,
    ) {
        self.counted = None;
        self.job = Job::start(ctx, "count windows", move |_| count()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_count_is_not_taken() {
        let ctx = Context::default();
        let settings = Settings { coarse_first: true, ..Settings::default() };
        let size = Some((4000, 4000));
        let mut count = WindowCount::default();
        count.sync(&ctx, &settings, None, size, &[]);
        let (finish, wait) = crossbeam_channel::bounded::<()>(0);
        count.count_with(&ctx, move || {
            // It ends when the next count is asked for.
            let _ = wait.recv();
            Ok(5)
        });
        count.sync(&ctx, &settings, None, size, &[]);
        assert_eq!(count.windows(), None);
        count.count_with(&ctx, || Ok(7));
        drop(finish);
        while count.windows().is_none() {
            count.sync(&ctx, &settings, None, size, &[]);
            std::thread::yield_now();
        }
        assert_eq!(count.windows(), Some(7));
    }
}
