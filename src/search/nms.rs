//! From ranked windows that overlap to boxes that don't.
//!
//! A window of the grid overlaps its neighbours, so whatever is seen is seen several times. [`suppress`]
//! keeps the best window of each place, [`merge`] joins the windows of a place into one box.

use std::collections::BTreeMap;

use super::spatial_index::SpatialIndex;
use crate::raster::Rect;
use crate::windows::Bounds;

/// A box of which at least this share lies in a box of another size shows nothing that the other doesn't.
const INSIDE: f64 = 0.9;

/// Windows that touch, directly or through others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowCluster {
    /// The smallest rectangle around all members, in level-0 pixels.
    pub rect: Rect,
    /// The best member: an index into the windows, as all members are.
    pub best: usize,
    /// Best first.
    pub members: Vec<usize>,
}

/// How far two windows show the same, 0 to 1: their intersection over union, but 1 when they differ in size
/// and at least nine tenths of the smaller lie in the other. Intersection over union alone would take a
/// window and one of half its side in its midst for two different places: it is a quarter.
#[must_use]
pub fn overlap(a: &Rect, b: &Rect) -> f64 {
    let same_size = (a.width, a.height) == (b.width, b.height);
    let (a, b) = (Bounds::from(*a), Bounds::from(*b));
    if !same_size && a.intersection_over_smaller(&b) >= INSIDE { 1.0 } else { a.intersection_over_union(&b) }
}

/// The indices of the windows to keep, at most `keep`, best first: greedy non-maximum suppression (Neubeck
/// and Van Gool 2006). The best is kept, then every next one whose [`overlap`] with no kept one is greater
/// than `max_overlap`. The windows, in level-0 pixels, come best first.
#[must_use]
pub fn suppress(windows: &[Rect], max_overlap: f64, keep: usize) -> Vec<usize> {
    if max_overlap >= 1.0 {
        return (0..windows.len().min(keep)).collect();
    }
    suppress_by(windows, keep, |a, b| overlap(a, b) > max_overlap)
}

/// As [`suppress`], with a test for two windows that show the same.
fn suppress_by(windows: &[Rect], keep: usize, mut same: impl FnMut(&Rect, &Rect) -> bool) -> Vec<usize> {
    let mut kept = Vec::new();
    let mut spatial_index = SpatialIndex::default();
    for (index, window) in windows.iter().enumerate() {
        if kept.len() >= keep {
            break;
        }
        if !spatial_index.any(window, |other| same(window, &windows[other])) {
            kept.push(index);
            spatial_index.insert(window, index);
        }
    }
    kept
}

/// Joins windows into clusters: two are in the same one when they overlap or share a part of an edge, or when
/// others between them do. The windows, in level-0 pixels, come best first; the clusters are in the order of
/// their best members.
#[must_use]
pub fn merge(windows: &[Rect]) -> Vec<WindowCluster> {
    merge_by(windows, touch)
}

/// As [`merge`], with a test for two windows that belong together.
fn merge_by(windows: &[Rect], mut together: impl FnMut(&Rect, &Rect) -> bool) -> Vec<WindowCluster> {
    let mut parents: Vec<usize> = (0..windows.len()).collect();
    let mut spatial_index = SpatialIndex::default();
    for (index, window) in windows.iter().enumerate() {
        spatial_index.any(window, |other| {
            if together(window, &windows[other]) {
                let (a, b) = (root(&mut parents, index), root(&mut parents, other));
                // The better one stays the root, so that a cluster's root is its best member.
                parents[a.max(b)] = a.min(b);
            }
            false
        });
        spatial_index.insert(window, index);
    }
    let mut clusters: BTreeMap<usize, WindowCluster> = BTreeMap::new();
    for (index, &rect) in windows.iter().enumerate() {
        let best = root(&mut parents, index);
        let cluster =
            clusters.entry(best).or_insert_with(|| WindowCluster { rect, best, members: Vec::new() });
        cluster.rect = around(&cluster.rect, &rect);
        cluster.members.push(index);
    }
    clusters.into_values().collect()
}

/// The root of an element's tree in a union-find forest; halves the path on the way.
fn root(parents: &mut [usize], mut element: usize) -> usize {
    while parents[element] != element {
        parents[element] = parents[parents[element]];
        element = parents[element];
    }
    element
}

/// Whether rectangles overlap or share a part of an edge; a common corner isn't enough.
fn touch(a: &Rect, b: &Rect) -> bool {
    // The length of the common part of two ranges: 0 when they only meet, below 0 when they are apart.
    let common = |a: (u32, u32), b: (u32, u32)| i64::from(a.1.min(b.1)) - i64::from(a.0.max(b.0));
    let x = common((a.x, a.right()), (b.x, b.right()));
    let y = common((a.y, a.bottom()), (b.y, b.bottom()));
    x >= 0 && y >= 0 && x + y > 0
}

/// The smallest rectangle around two.
fn around(a: &Rect, b: &Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    Rect::new(x, y, a.right().max(b.right()) - x, a.bottom().max(b.bottom()) - y)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Random windows of several sizes on a coarse raster, so that edges and corners often meet.
    fn random(count: usize, extent: u32, seed: u64) -> Vec<Rect> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut draw = |_| {
            let side = [8, 16, 24, 64, 300][rng.random_range(0..5)];
            let (x, y) = (rng.random_range(0..extent) * 4, rng.random_range(0..extent) * 4);
            Rect::new(x, y, side, side)
        };
        (0..count).map(&mut draw).collect()
    }

    fn rects(places: &[(u32, u32, u32, u32)]) -> Vec<Rect> {
        places.iter().map(|&(x, y, width, height)| Rect::new(x, y, width, height)).collect()
    }

    #[test]
    fn overlaps_by_hand() {
        let (a, b) = (Rect::new(0, 0, 10, 10), Rect::new(5, 0, 10, 10));
        assert_eq!(overlap(&a, &b), 50.0 / 150.0);
        assert_eq!(overlap(&a, &a), 1.0);
        assert_eq!(overlap(&a, &Rect::new(2, 2, 5, 5)), 1.0, "it lies in the other");
        let nothing = Rect::new(3, 3, 0, 0);
        assert_eq!(overlap(&nothing, &nothing), 0.0);
    }

    #[test]
    fn the_best_of_each_place_is_kept() {
        let all = rects(&[(0, 0, 10, 10), (5, 0, 10, 10), (10, 0, 10, 10), (2, 2, 4, 4), (11, 1, 10, 10)]);
        assert_eq!(suppress(&all, 0.2, 9), [0, 2]);
        assert_eq!(suppress(&all, 0.5, 9), [0, 1, 2]);
        assert_eq!(suppress(&all, 0.5, 2), [0, 1]);
        assert_eq!(suppress(&all, 1.0, 9), [0, 1, 2, 3, 4]);
        assert!(suppress(&all, 0.5, 0).is_empty());
    }

    #[test]
    fn suppression_is_exactly_the_plain_loop() {
        for (seed, max_overlap) in [(1, 0.0), (2, 0.1), (3, 0.5), (4, 0.9)] {
            let all = random(1500, 300, seed);
            let mut expected: Vec<usize> = Vec::new();
            for index in 0..all.len() {
                let free = |&kept: &usize| overlap(&all[index], &all[kept]) <= max_overlap;
                if expected.iter().all(free) {
                    expected.push(index);
                }
            }
            assert!(expected.len() > 20 && expected.len() < all.len());
            assert_eq!(suppress(&all, max_overlap, usize::MAX), expected);
        }
    }

    #[test]
    fn edges_join_and_corners_do_not() {
        let all =
            rects(&[(0, 0, 10, 10), (30, 30, 10, 10), (10, 5, 10, 10), (20, 15, 10, 10), (40, 40, 1, 1)]);
        let clusters = merge(&all);
        assert_eq!(clusters.len(), 4);
        assert_eq!(
            clusters[0],
            WindowCluster { rect: Rect::new(0, 0, 20, 15), best: 0, members: vec![0, 2] }
        );
        assert_eq!(clusters[1].members, [1]);
        assert_eq!(clusters.iter().map(|cluster| cluster.best).collect::<Vec<_>>(), [0, 1, 3, 4]);
    }

    #[test]
    fn regions_are_those_of_a_plain_search() {
        let all = random(400, 400, 7);
        let mut group: Vec<usize> = (0..all.len()).collect();
        loop {
            let before = group.clone();
            for a in 0..all.len() {
                for b in 0..a {
                    if touch(&all[a], &all[b]) {
                        let least = group[a].min(group[b]);
                        (group[a], group[b]) = (least, least);
                    }
                }
            }
            if group == before {
                break;
            }
        }
        let clusters = merge(&all);
        assert!(clusters.len() > 5);
        assert!(clusters.is_sorted_by_key(|cluster| cluster.best));
        assert_eq!(clusters.iter().map(|cluster| cluster.members.len()).sum::<usize>(), all.len());
        for cluster in &clusters {
            assert!(cluster.members.iter().all(|&member| group[member] == cluster.best));
        }
    }

    #[test]
    fn comparisons_grow_as_windows_do_not_as_their_pairs() {
        // Four times as many windows in four times the area.
        let [few, many] = [(31_250, 10_000), (125_000, 20_000)].map(|(count, extent)| {
            let all = random(count, extent, 11);
            let (mut suppressing, mut merging) = (0_u64, 0_u64);
            let kept = suppress_by(&all, usize::MAX, |a, b| {
                suppressing += 1;
                overlap(a, b) > 0.3
            });
            merge_by(&all, |a, b| {
                merging += 1;
                touch(a, b)
            });
            assert_eq!(kept, suppress(&all, 0.3, usize::MAX));
            [suppressing, merging]
        });
        for (few, many) in few.into_iter().zip(many) {
            assert!((many as f64) < few as f64 * 4.5, "{few} became {many}");
            // All pairs of them are 7.8 x 10^9.
            assert!(many < 100_000_000, "{many}");
        }
    }
}
