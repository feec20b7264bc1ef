//! Which patches cover a view: the pyramid of 256-pixel squares at power-of-two levels.
//!
//! These levels are the viewer's own: patch level n is 1/2^n of the scene, whether or not the file has an
//! overview of that size.

use crate::raster::Rect;

/// Side of a patch in its own pixels.
pub const PATCH_SIDE: u32 = 256;

/// One patch of the pyramid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatchKey {
    pub level: u8,
    pub column: u32,
    pub row: u32,
}

impl PatchKey {
    /// The part of the scene that the patch shows, in level-0 pixels; `None` when it lies outside.
    #[must_use]
    pub fn rect(self, scene: (u32, u32)) -> Option<Rect> {
        let (x, width) = side(self.column, self.level, scene.0)?;
        let (y, height) = side(self.row, self.level, scene.1)?;
        Some(Rect::new(x, y, width, height))
    }

    /// Width and height of the patch's picture.
    #[must_use]
    pub fn picture_size(self, scene: (u32, u32)) -> Option<(u32, u32)> {
        let rect = self.rect(scene)?;
        let shrink = |length: u32| length.div_ceil(1 << self.level.min(31)).max(1);
        Some((shrink(rect.width), shrink(rect.height)))
    }

    /// The patch one level coarser that shows the same place.
    #[must_use]
    pub fn parent(self) -> Self {
        Self { level: self.level + 1, column: self.column / 2, row: self.row / 2 }
    }

    /// The four patches one level finer, of which some may lie outside the scene.
    #[must_use]
    pub fn children(self) -> Option<[Self; 4]> {
        let level = self.level.checked_sub(1)?;
        let (column, row) = (self.column.checked_mul(2)?, self.row.checked_mul(2)?);
        let child = |dx, dy| Self { level, column: column + dx, row: row + dy };
        Some([child(0, 0), child(1, 0), child(0, 1), child(1, 1)])
    }
}

/// The position and length of a patch along one side of the scene.
fn side(index: u32, level: u8, length: u32) -> Option<(u32, u32)> {
    let span = u64::from(PATCH_SIDE) << level.min(31);
    let start = u64::from(index) * span;
    let end = (start + span).min(u64::from(length));
    let start = u32::try_from(start).ok()?;
    let size = u32::try_from(end.checked_sub(u64::from(start))?).ok()?;
    (size > 0).then_some((start, size))
}

/// The coarsest level: the whole scene in one patch.
#[must_use]
pub fn top_level(scene: (u32, u32)) -> u8 {
    let longest = u64::from(scene.0.max(scene.1));
    (0..32).find(|level| u64::from(PATCH_SIDE) << level >= longest).unwrap_or(32)
}

/// The level whose pixels are as fine as the screen's, or up to twice as fine. `scale` is screen pixels per
/// level-0 pixel.
#[must_use]
pub fn level_for_scale(scale: f64, scene: (u32, u32)) -> u8 {
    let top = top_level(scene);
    let mut level = 0;
    // The small tolerance keeps a scale of exactly 1/2^n from falling to the finer side by rounding.
    while level < top && scale * f64::from(level_factor(level + 1)) <= 1.0 + 1e-6 {
        level += 1;
    }
    level
}

fn level_factor(level: u8) -> u32 {
    1_u32.checked_shl(u32::from(level)).unwrap_or(u32::MAX)
}

/// The patches of a level that touch `visible` (level-0 pixels), nearest to its centre first. `ring` adds as
/// many patches around.
#[must_use]
pub fn covering(level: u8, visible: Rect, scene: (u32, u32), ring: u32) -> Vec<PatchKey> {
    let span = u64::from(PATCH_SIDE) << level.min(31);
    let range = |from: u32, to: u32, length: u32| {
        let last = (u64::from(length.max(1)) - 1) / span;
        let first = (u64::from(from) / span).saturating_sub(u64::from(ring));
        let end = (u64::from(to.max(1)) - 1) / span + u64::from(ring);
        // Both fit: they are at most the scene's length.
        u32::try_from(first).unwrap_or(0)..=u32::try_from(end.min(last)).unwrap_or(0)
    };
    let columns = range(visible.x, visible.right(), scene.0);
    let rows = range(visible.y, visible.bottom(), scene.1);
    let (center_x, center_y) = visible.center();
    let mut keys: Vec<PatchKey> =
        rows.flat_map(|row| columns.clone().map(move |column| PatchKey { level, column, row })).collect();
    let distance = |key: &PatchKey| {
        key.rect(scene).map_or(f64::INFINITY, |rect| {
            let (x, y) = rect.center();
            (x - center_x).powi(2) + (y - center_y).powi(2)
        })
    };
    keys.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.cmp(b)));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: (u32, u32) = (2826, 1300);

    #[test]
    fn the_coarsest_patch_shows_everything() {
        let top = top_level(SCENE);
        let key = PatchKey { level: top, column: 0, row: 0 };
        assert_eq!(key.rect(SCENE), Some(Rect::new(0, 0, 2826, 1300)));
        let (width, height) = key.picture_size(SCENE).unwrap();
        assert!(width <= PATCH_SIDE && height <= PATCH_SIDE && width > PATCH_SIDE / 2);
        assert_eq!(top_level((1, 1)), 0);
        assert_eq!(top_level((u32::MAX, 1)), 24);
    }

    #[test]
    fn patches_tile_the_scene_without_gap_or_overlap() {
        for level in 0..=top_level(SCENE) {
            let keys = covering(level, Rect::new(0, 0, SCENE.0, SCENE.1), SCENE, 0);
            let area: u64 = keys
                .iter()
                .map(|key| key.rect(SCENE).unwrap())
                .map(|rect| u64::from(rect.width) * u64::from(rect.height))
                .sum();
            assert_eq!(area, u64::from(SCENE.0) * u64::from(SCENE.1), "level {level}");
        }
    }

    #[test]
    fn the_nearest_patches_come_first() {
        let visible = Rect::new(600, 300, 900, 700);
        let keys = covering(0, visible, SCENE, 1);
        let first = keys[0].rect(SCENE).unwrap();
        let (x, y) = visible.center();
        assert!(f64::from(first.x) <= x && x <= f64::from(first.right()));
        assert!(f64::from(first.y) <= y && y <= f64::from(first.bottom()));
        // The ring is there, and nothing outside the scene.
        assert!(keys.contains(&PatchKey { level: 0, column: 1, row: 0 }));
        assert!(keys.iter().all(|key| key.rect(SCENE).is_some()));
    }

    #[test]
    fn the_level_is_at_least_as_fine_as_the_screen() {
        assert_eq!(level_for_scale(8.0, SCENE), 0);
        assert_eq!(level_for_scale(1.0, SCENE), 0);
        assert_eq!(level_for_scale(0.51, SCENE), 0);
        assert_eq!(level_for_scale(0.5, SCENE), 1);
        assert_eq!(level_for_scale(0.26, SCENE), 1);
        assert_eq!(level_for_scale(1e-9, SCENE), top_level(SCENE));
    }

    #[test]
    fn parents_and_children_show_the_same_place() {
        let key = PatchKey { level: 1, column: 3, row: 1 };
        assert!(key.children().unwrap().iter().all(|child| child.parent() == key));
        assert_eq!(PatchKey { level: 0, column: 0, row: 0 }.children(), None);
    }

    #[test]
    fn the_largest_scene_does_not_overflow() {
        let scene = (u32::MAX, u32::MAX);
        let top = top_level(scene);
        assert_eq!(PatchKey { level: top, column: 0, row: 0 }.rect(scene).unwrap().width, u32::MAX);
        assert_eq!(PatchKey { level: 0, column: u32::MAX, row: 0 }.rect(scene), None);
        assert!(!covering(0, Rect::new(u32::MAX - 300, 0, 300, 300), scene, 1).is_empty());
    }
}
