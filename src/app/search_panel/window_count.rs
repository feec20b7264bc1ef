//! How many windows a scan would look at, before anything is scanned.

use crate::app::App;
use crate::app::jobs::Report;
use crate::windows::Coarse;
use crate::windows::{Area, GridSettings, Layouts};

/// All that decides which windows there are.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    size: (u32, u32),
    grid: GridSettings,
    scales: Vec<u32>,
    areas: Vec<Area>,
    coarse: Coarse,
}

impl Asked {
    fn count(&self) -> Result<usize, String> {
        let layouts = Layouts::new(self.size, self.grid, &self.scales, &self.areas, self.coarse);
        Ok(layouts.map_err(|error| error.to_string())?.windows())
    }
}

/// The number of windows, as far as it was counted.
#[derive(Default)]
pub struct Plan {
    asked: Option<Asked>,
    /// How often it was counted, so that an old count is told from the last.
    number: u64,
    counted: Option<Result<usize, String>>,
}

impl Plan {
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

    /// Takes what a job counted.
    pub fn take(&mut self, number: u64, counted: Result<usize, String>) {
        if number == self.number {
            self.counted = Some(counted);
        }
    }
}

impl App {
    /// Counts windows anew when something has changed that they depend on.
    pub(in crate::app) fn follow_plan(&mut self) {
        let Some(size) = self.scene.as_ref().map(|open| open.scene.size()) else {
            self.plan.asked = None;
            self.plan.counted = None;
            return;
        };
        let (grid, scales) = (self.settings.grid(), self.settings.scales());
        let coarse = self.settings.coarse();
        let up_to_date = |asked: &Asked| {
            asked.size == size
                && asked.grid == grid
                && asked.scales == scales
                && asked.coarse == coarse
                && asked.areas == self.areas
        };
        if self.plan.asked.as_ref().is_some_and(up_to_date) {
            return;
        }
        let asked = Asked { size, grid, scales, areas: self.areas.clone(), coarse };
        self.plan.asked = Some(asked.clone());
        self.plan.number += 1;
        if asked.areas.is_empty() && asked.coarse == Coarse::Off {
            self.plan.counted = Some(asked.count());
            return;
        }
        // Every window is held against the areas, or the coarse ones against all, and there may be millions.
        let number = self.plan.number;
        self.plan.counted = None;
        self.jobs.start("count windows", move |reporter| {
            reporter.tell(Report::Counted { number, windows: asked.count() });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_count_is_not_taken() {
        let mut plan = Plan { number: 2, ..Plan::default() };
        plan.take(1, Ok(5));
        assert_eq!(plan.windows(), None);
        plan.take(2, Ok(7));
        assert_eq!(plan.windows(), Some(7));
    }
}
