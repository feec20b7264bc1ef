//! How well the ranked windows of a scan find things whose boxes are known.
//!
//! Windows come from a grid: most are far larger than an airplane or far smaller than a forest, and
//! neighbours overlap. So a window *hits* a box if the centre of either lies in the other. An intersection
//! over union of 0.5 implies both; to require it would require windows to have the size of what they show.

use serde::Serialize;

use super::average_precision;
use crate::windows::{Bounds, Grid};

/// One category in one image: where it is and where it was found.
#[derive(Clone, Debug, Default)]
pub struct CategoryInImage {
    pub boxes: Vec<Bounds>,
    /// The best first.
    pub windows: Vec<RankedWindow>,
    /// As [`chance`] computes it.
    pub chance: f64,
}

#[derive(Clone, Copy, Debug)]
pub struct RankedWindow {
    /// The score by which it is ranked, comparable between images.
    pub score: f32,
    pub bounds: Bounds,
}

/// The numbers of windows for which recall and precision are computed.
pub const CUTS: [usize; 4] = [5, 10, 50, 100];

/// How well one category is found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryScores {
    /// Images with a box of the category.
    pub images: usize,
    pub boxes: usize,
    #[serde(flatten)]
    pub scores: DetectionScores,
}

/// Shares from 0 to 1; [`DEFINITIONS`] says of what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DetectionScores {
    pub at: Vec<AtCut>,
    pub pointing_accuracy: f64,
    pub average_precision: f64,
    pub by_overlap: [AtOverlap; 2],
    pub overlap: f64,
    pub chance: f64,
}

/// Average precision where a window is right that overlaps a box by `least` or more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtOverlap {
    pub least: f64,
    pub average_precision: f64,
}

/// The overlaps for which average precision is computed.
pub const OVERLAPS: [f64; 2] = [0.3, 0.5];

/// Recall and precision of the `k` best windows of every image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtCut {
    pub k: usize,
    pub recall: f64,
    pub precision: f64,
}

/// What each score means, by name.
pub const DEFINITIONS: [(&str, &str); 9] = [
    ("hit", "either-centre-inside: the window's centre lies in the box, or the box's centre in the window"),
    ("recall", "share of all boxes that one of their image's k best windows hits"),
    (
        "precision",
        "share of an image's k best windows, or of all where it has fewer, whose centre lies in a box; \
         mean over the images with a box",
    ),
    (
        "pointing_accuracy",
        "share of the images with a box whose best window's centre lies in one (the pointing game of \
         Zhang et al., 2018, without tolerance)",
    ),
    (
        "average_precision",
        "area under precision over recall, interpolated at all points as in PASCAL VOC from 2010, of the windows \
         kept from all images whose truth lists the category, by score: a window is right if it hits a box, and \
         a box counts as found once; more windows on a box are no mistakes, as nothing suppresses neighbours",
    ),
    (
        "by_overlap",
        "average precision as in PASCAL VOC: a window is right if its intersection over union with the box that it \
         overlaps most is at least this and no better window found that box; all others are mistakes",
    ),
    (
        "overlap",
        "intersection over union of a box and that of its image's best windows (all that are kept) which fits it best, \
         mean over all boxes",
    ),
    (
        "chance",
        "share of all windows whose centre lies in a box, mean over the images with a box: the precision and \
         pointing accuracy of a ranking at random",
    ),
    ("mean", "each category with a box counts the same"),
];

/// Measures one category over all images whose truth lists it. `top` is the number of windows kept for each
/// image; cuts beyond it are left out. `None` if there is no box to find.
#[must_use]
pub fn score_category(images: &[CategoryInImage], top: usize) -> Option<CategoryScores> {
    let with_boxes: Vec<&CategoryInImage> = images.iter().filter(|image| !image.boxes.is_empty()).collect();
    let boxes = with_boxes.iter().map(|image| image.boxes.len()).sum::<usize>();
    if boxes == 0 {
        return None;
    }
    let mean = |of: &dyn Fn(&CategoryInImage) -> f64| {
        with_boxes.iter().map(|image| of(image)).sum::<f64>() / with_boxes.len() as f64
    };
    let at_cut = |k: usize| AtCut {
        k,
        recall: with_boxes.iter().map(|image| image.boxes_hit(k)).sum::<usize>() as f64 / boxes as f64,
        precision: mean(&|image| image.precision(k)),
    };
    let scores = DetectionScores {
        at: CUTS.into_iter().filter(|&k| k <= top).map(at_cut).collect(),
        pointing_accuracy: mean(&|image| image.precision(1)),
        average_precision: average_precision::by_hits(images),
        by_overlap: OVERLAPS.map(|least| AtOverlap {
            least,
            average_precision: average_precision::by_overlap(images, least),
        }),
        overlap: with_boxes.iter().map(|image| image.overlap()).sum::<f64>() / boxes as f64,
        chance: mean(&|image| image.chance),
    };
    Some(CategoryScores { images: with_boxes.len(), boxes, scores })
}

/// The mean over categories, all with the same cuts; `None` if there are none.
#[must_use]
pub fn mean_scores(categories: &[&DetectionScores]) -> Option<DetectionScores> {
    let mean = |of: &dyn Fn(&DetectionScores) -> f64| {
        categories.iter().map(|scores| of(scores)).sum::<f64>() / categories.len() as f64
    };
    let cuts = categories.first()?.at.iter().enumerate();
    let at = cuts.map(|(cut, &AtCut { k, .. })| AtCut {
        k,
        recall: mean(&|scores| scores.at[cut].recall),
        precision: mean(&|scores| scores.at[cut].precision),
    });
    Some(DetectionScores {
        at: at.collect(),
        pointing_accuracy: mean(&|scores| scores.pointing_accuracy),
        average_precision: mean(&|scores| scores.average_precision),
        by_overlap: std::array::from_fn(|index| AtOverlap {
            least: OVERLAPS[index],
            average_precision: mean(&|scores| scores.by_overlap[index].average_precision),
        }),
        overlap: mean(&|scores| scores.overlap),
        chance: mean(&|scores| scores.chance),
    })
}

/// The share of a grid's windows whose centre lies in one of the boxes.
#[must_use]
pub fn chance(grid: &Grid, boxes: &[Bounds]) -> f64 {
    let size = grid.scene_size();
    let xs: Vec<f64> = (0..grid.columns()).map(|column| grid.at(column, 0).within(size).center().0).collect();
    let ys: Vec<f64> = (0..grid.rows()).map(|row| grid.at(0, row).within(size).center().1).collect();
    let mut is_inside = vec![false; xs.len() * ys.len()];
    for bounds in boxes {
        let columns: Vec<usize> = (0..xs.len()).filter(|&column| bounds.contains_x(xs[column])).collect();
        for row in (0..ys.len()).filter(|&row| bounds.contains_y(ys[row])) {
            for column in &columns {
                is_inside[row * xs.len() + column] = true;
            }
        }
    }
    is_inside.iter().filter(|&&inside| inside).count() as f64 / is_inside.len() as f64
}

impl CategoryInImage {
    /// The number of boxes that one of the `k` best windows hits.
    fn boxes_hit(&self, k: usize) -> usize {
        let best = &self.windows[..k.min(self.windows.len())];
        self.boxes.iter().filter(|bounds| best.iter().any(|window| window.bounds.hits(bounds))).count()
    }

    /// The sum over all boxes of the intersection over union with the best fitting window.
    fn overlap(&self) -> f64 {
        let best = |bounds: &Bounds| {
            self.windows
                .iter()
                .map(|window| window.bounds.intersection_over_union(bounds))
                .fold(0.0, f64::max)
        };
        self.boxes.iter().map(best).sum()
    }

    /// Of the `k` best windows, the share whose centre lies in a box.
    fn precision(&self, k: usize) -> f64 {
        let best = &self.windows[..k.min(self.windows.len())];
        let is_right = |window: &&RankedWindow| {
            let center = window.bounds.center();
            self.boxes.iter().any(|bounds| bounds.contains(center))
        };
        best.iter().filter(is_right).count() as f64 / best.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::GridSettings;

    fn bounds([left, top, right, bottom]: [f64; 4]) -> Bounds {
        Bounds { left, top, right, bottom }
    }

    fn image(boxes: &[[f64; 4]], windows: &[(f32, [f64; 4])]) -> CategoryInImage {
        CategoryInImage {
            boxes: boxes.iter().copied().map(bounds).collect(),
            windows: windows
                .iter()
                .map(|&(score, window)| RankedWindow { score, bounds: bounds(window) })
                .collect(),
            chance: 0.25,
        }
    }

    #[test]
    fn either_centre_makes_a_hit() {
        let window = bounds([0.0, 0.0, 100.0, 100.0]);
        for (other, is_hit) in [
            // Small things within, and one that the window cuts through the middle.
            ([10.0, 10.0, 12.0, 12.0], true),
            ([90.0, 40.0, 109.0, 60.0], true),
            ([90.0, 40.0, 110.0, 60.0], false),
            // A forest around it, and one that only touches a corner.
            ([-500.0, -500.0, 900.0, 60.0], true),
            ([60.0, 60.0, 900.0, 900.0], false),
        ] {
            assert_eq!(window.hits(&bounds(other)), is_hit, "{other:?}");
            assert_eq!(bounds(other).hits(&window), is_hit, "{other:?}");
        }
    }

    #[test]
    fn one_image_by_hand() {
        let small = [10.0, 10.0, 20.0, 20.0];
        let large = [200.0, 0.0, 400.0, 200.0];
        let windows = [
            (0.9, [250.0, 50.0, 350.0, 150.0]), // Centre in the large one.
            (0.8, [500.0, 0.0, 600.0, 100.0]),  // Nothing.
            (0.7, [240.0, 50.0, 340.0, 150.0]), // The large one once more.
            (0.6, [0.0, 0.0, 100.0, 100.0]),    // Holds the small one beside its own centre.
        ];
        let found = score_category(&[image(&[small, large], &windows)], 10).unwrap();
        assert_eq!((found.images, found.boxes), (1, 2));
        let at = |k, recall, precision| AtCut { k, recall, precision };
        assert_eq!(found.scores.at, [at(5, 1.0, 0.5), at(10, 1.0, 0.5)]);
        assert_eq!(found.scores.pointing_accuracy, 1.0);
        // Precision 1, 1/2, 2/3, 3/4; the first window finds one box, the fourth the other.
        assert_eq!(found.scores.average_precision, 0.5 * 1.0 + 0.5 * 0.75);
    }

    #[test]
    fn images_are_pooled_by_score() {
        let thing = [40.0, 40.0, 60.0, 60.0];
        let (on, off) = ([0.0, 0.0, 100.0, 100.0], [100.0, 0.0, 200.0, 100.0]);
        let images = [
            image(&[thing], &[(0.5, off), (0.4, on)]),
            image(&[thing], &[(0.6, on)]),
            // Its truth lists the category without a box.
            image(&[], &[(0.7, on)]),
        ];
        let found = score_category(&images, 100).unwrap();
        assert_eq!((found.images, found.boxes, found.scores.chance), (2, 2, 0.25));
        assert_eq!(found.scores.at.len(), CUTS.len());
        assert_eq!(found.scores.pointing_accuracy, 0.5);
        // Half of one image's two windows, all of the other's one.
        assert_eq!((found.scores.at[0].recall, found.scores.at[0].precision), (1.0, 0.75));
        // In order: 0.7 wrong, 0.6 right, 0.5 wrong, 0.4 right; precision 0, 1/2, 1/3, 1/2.
        assert_eq!(found.scores.average_precision, 0.5);
    }

    #[test]
    fn nothing_to_find_or_nothing_found() {
        assert_eq!(score_category(&[image(&[], &[(0.5, [0.0, 0.0, 1.0, 1.0])])], 5), None);
        let missed = score_category(&[image(&[[0.0, 0.0, 9.0, 9.0]], &[])], 5).unwrap();
        assert_eq!(missed.scores.at, [AtCut { k: 5, recall: 0.0, precision: 0.0 }]);
        assert_eq!((missed.scores.pointing_accuracy, missed.scores.average_precision), (0.0, 0.0));
    }

    #[test]
    fn the_mean_counts_categories_alike() {
        let scores = |value: f64| DetectionScores {
            at: vec![AtCut { k: 5, recall: value, precision: value / 2.0 }],
            pointing_accuracy: value,
            average_precision: 1.0 - value,
            by_overlap: OVERLAPS.map(|least| AtOverlap { least, average_precision: value }),
            overlap: value,
            chance: 0.0,
        };
        let mean = mean_scores(&[&scores(1.0), &scores(0.5)]).unwrap();
        assert_eq!(mean, DetectionScores { average_precision: 0.25, ..scores(0.75) });
        assert_eq!(mean_scores(&[]), None);
    }

    #[test]
    fn chance_counts_centres() {
        let settings = GridSettings { tile: 100, window: 1, ..GridSettings::default() };
        let grid = Grid::new(400, 200, settings).unwrap();
        // Centres at 50, 150, 250, 350 and 50, 150. The boxes share one.
        let boxes = [bounds([0.0, 0.0, 200.0, 100.0]), bounds([150.0, 0.0, 151.0, 200.0])];
        assert_eq!(chance(&grid, &boxes), 3.0 / 8.0);
        assert_eq!(chance(&grid, &[]), 0.0);
    }
}
