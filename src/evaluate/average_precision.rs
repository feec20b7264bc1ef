//! Average precision: the area under precision over recall, interpolated at all points as in PASCAL VOC from
//! 2010 (Everingham et al., 2015).

use super::detection::{CategoryInImage, RankedWindow};

/// Windows that hit a box are right, and a box counts as found once. More windows on a box are no mistakes.
pub fn by_hits(images: &[CategoryInImage]) -> f64 {
    let mut is_found = nothing_found(images);
    let step = |image: usize, window: &RankedWindow| {
        let (mut hits, mut new) = (0, 0);
        for (bounds, is_found) in images[image].boxes.iter().zip(&mut is_found[image]) {
            if window.bounds.hits(bounds) {
                hits += 1;
                new += usize::from(!*is_found);
                *is_found = true;
            }
        }
        (hits > 0, new)
    };
    area(images, step)
}

/// As PASCAL VOC and COCO count: a window is right if the box that it overlaps most has an intersection over
/// union of at least `least` with it and wasn't found by a better window. All others are mistakes.
pub fn by_overlap(images: &[CategoryInImage], least: f64) -> f64 {
    let mut is_found = nothing_found(images);
    let step = |image: usize, window: &RankedWindow| {
        let overlaps = images[image].boxes.iter().map(|bounds| window.bounds.intersection_over_union(bounds));
        let best = overlaps.enumerate().filter(|(_, overlap)| *overlap >= least);
        // Of boxes that are overlapped alike the first counts.
        let best = best.reduce(|best, other| if other.1 > best.1 { other } else { best });
        let is_new = best.is_some_and(|(index, _)| !std::mem::replace(&mut is_found[image][index], true));
        (is_new, usize::from(is_new))
    };
    area(images, step)
}

fn nothing_found(images: &[CategoryInImage]) -> Vec<Vec<bool>> {
    images.iter().map(|image| vec![false; image.boxes.len()]).collect()
}

/// The area under precision over recall of the windows of all images, by score. `step` tells of each in turn
/// whether it is right, and how many boxes it finds for the first time.
fn area(images: &[CategoryInImage], mut step: impl FnMut(usize, &RankedWindow) -> (bool, usize)) -> f64 {
    let boxes: usize = images.iter().map(|image| image.boxes.len()).sum();
    let mut ranked: Vec<(usize, &RankedWindow)> = images
        .iter()
        .enumerate()
        .flat_map(|(image, found)| found.windows.iter().map(move |window| (image, window)))
        .collect();
    // Stable: of equal scores, the earlier image and the better rank come first.
    ranked.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));

    let mut right = 0;
    // Precision, and the number of boxes found for the first time.
    let mut points = Vec::with_capacity(ranked.len());
    for (place, (image, window)) in ranked.into_iter().enumerate() {
        let (is_right, new) = step(image, window);
        right += usize::from(is_right);
        points.push((right as f64 / (place + 1) as f64, new));
    }
    let (mut area, mut highest) = (0.0, 0.0_f64);
    for (precision, new) in points.into_iter().rev() {
        highest = highest.max(precision);
        area += highest * new as f64 / boxes as f64;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::Bounds;

    #[test]
    fn a_box_is_found_once_and_by_a_window_of_its_size() {
        let bounds = |[left, top, right, bottom]: [f64; 4]| Bounds { left, top, right, bottom };
        let windows = [
            (0.9, [0.0, 0.0, 10.0, 10.0]),  // The first, exactly.
            (0.8, [0.0, 0.0, 10.0, 9.0]),   // The first once more.
            (0.7, [20.0, 0.0, 30.0, 20.0]), // The second, with an overlap of a half.
            (0.6, [20.0, 0.0, 40.0, 20.0]), // The second, with a quarter.
        ];
        let image = CategoryInImage {
            boxes: [[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]].map(bounds).to_vec(),
            windows: windows.map(|(score, window)| RankedWindow { score, bounds: bounds(window) }).to_vec(),
            chance: 0.0,
        };
        let images = [image];
        // Right, wrong, right, wrong; precision 1 and 2/3 where boxes are found.
        assert_eq!(by_overlap(&images, 0.3), f64::midpoint(1.0, 2.0 / 3.0));
        assert_eq!(by_overlap(&images, 0.5), f64::midpoint(1.0, 2.0 / 3.0));
        assert_eq!(by_overlap(&images, 0.6), 0.5);
        // Windows on a box that was found are no mistakes here.
        assert_eq!(by_hits(&images), 1.0);
    }
}
