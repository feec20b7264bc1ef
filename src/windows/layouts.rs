//! All windows of a scan: those that are compared, and where it looks coarsely first, those that say where.

use super::area::Area;
use super::error::LayoutError;
use super::grid::GridSettings;
use super::layout::WindowLayout;

/// The layouts of a scan.
#[derive(Clone, Debug)]
pub struct Layouts {
    /// The windows that are compared.
    pub compared: WindowLayout,
    /// The windows that say where to look first.
    pub coarse: Option<WindowLayout>,
}

impl Layouts {
    /// Lays windows over a scene of `size` level-0 pixels; the other settings are those of
    /// [`WindowLayout::new`].
    ///
    /// # Errors
    /// As [`WindowLayout::new`].
    pub fn new(
        size: (u32, u32),
        settings: GridSettings,
        scales: &[u32],
        areas: &[Area],
        coarse: Coarse,
    ) -> Result<Self, LayoutError> {
        let compared = WindowLayout::new(size, settings, scales, areas)?;
        let coarse = match coarse {
            Coarse::Off => None,
            Coarse::First | Coarse::Only(_) => Some(WindowLayout::new(size, settings.coarser(), &[], areas)?),
        };
        Ok(Self { compared, coarse })
    }

    /// Lays cells of some `sides`, as [`WindowLayout::of_cells`] does.
    ///
    /// # Errors
    /// As [`WindowLayout::of_cells`].
    pub fn of_cells(size: (u32, u32), sides: &[u32], areas: &[Area]) -> Result<Self, LayoutError> {
        Ok(Self { compared: WindowLayout::of_cells(size, sides, areas)?, coarse: None })
    }

    /// The number of windows that a scan looks at. One that is compared and says where to look counts once.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.compared.wanted() + self.only_coarse().count()
    }

    /// The numbers, in the coarse layout, of the windows that say where to look and aren't compared.
    pub fn only_coarse(&self) -> impl Iterator<Item = usize> {
        let wanted = |coarse: &WindowLayout, window: usize| {
            coarse.area_of(window).is_some() && self.compared.find(coarse.key(window)).is_none()
        };
        let coarse = self.coarse.iter();
        coarse.flat_map(move |coarse| (0..coarse.len()).filter(move |window| wanted(coarse, *window)))
    }
}

/// Whether windows twice as large are looked at before all others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Coarse {
    #[default]
    Off,
    /// They say where to look first.
    First,
    /// Only this share of the places that they find most promising is looked at, from 0 to 1.
    Only(f64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Rect;
    use crate::windows::grid::Edges;

    const GRID: GridSettings = GridSettings { tile: 10, window: 2, step: 1, edges: Edges::Cover };

    fn windows(grid: GridSettings, scales: &[u32], areas: &[Area], coarse: Coarse) -> usize {
        Layouts::new((40, 30), grid, scales, areas, coarse).unwrap().windows()
    }

    #[test]
    fn all_windows_of_a_scan_are_counted() {
        assert_eq!(windows(GRID, &[], &[], Coarse::Off), 6);
        assert_eq!(windows(GRID, &[3, 2], &[], Coarse::Off), 8);
        // One row and one column of windows of 40 pixels.
        assert_eq!(windows(GRID, &[], &[], Coarse::First), 7);
        let corner = [Area::rect(Rect::new(0, 0, 5, 5))];
        assert_eq!(windows(GRID, &[], &corner, Coarse::Off), 1);
        assert_eq!(windows(GRID, &[], &corner, Coarse::Only(0.5)), 2);
        let outside = [Area::rect(Rect::new(90, 0, 5, 5))];
        assert!(Layouts::new((40, 30), GRID, &[], &outside, Coarse::Off).is_err());
    }

    #[test]
    fn a_coarse_window_counts_unless_it_is_compared() {
        let compared = windows(GRID, &[2, 4], &[], Coarse::Off);
        assert_eq!(windows(GRID, &[2, 4], &[], Coarse::First), compared);
        // Windows of 80 pixels, compared every 60 pixels and looked at every 40.
        let grid = GridSettings { window: 4, step: 6, ..GRID };
        let layouts = Layouts::new((200, 80), grid, &[4, 8], &[], Coarse::First).unwrap();
        let coarse = layouts.coarse.as_ref().unwrap();
        let lefts: Vec<u32> = layouts.only_coarse().map(|window| coarse.rect(window).x).collect();
        assert_eq!((lefts, coarse.len()), (vec![40, 80], 4));
        assert_eq!(layouts.windows(), layouts.compared.wanted() + 2);
    }
}
