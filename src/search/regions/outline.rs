//! The outline of connected cells of a map.

use std::collections::HashMap;

use serde::Serialize;

/// The outer boundary of a region, without holes: corners in level-0 pixels, counterclockwise as the picture
/// is seen. The last corner is joined to the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Outline {
    pub corners: Vec<[u32; 2]>,
}

impl Outline {
    /// Around cells that are connected along their edges, each (column, row); a cell has `cell` pixels a
    /// side, and the scene `(width, height)` pixels. Holes are filled.
    pub(super) fn around(cells: &[(usize, usize)], cell: u32, scene: (u32, u32)) -> Self {
        let pixels =
            |number: usize, length: u32| (number as u64 * u64::from(cell)).min(u64::from(length)) as u32;
        let corners = Mask::filled(cells).boundary().into_iter();
        Self { corners: corners.map(|(x, y)| [pixels(x, scene.0), pixels(y, scene.1)]).collect() }
    }

    /// The corners as numbers.
    #[must_use]
    pub fn ring(&self) -> Vec<(f64, f64)> {
        self.corners.iter().map(|[x, y]| (f64::from(*x), f64::from(*y))).collect()
    }

    /// The number of pixels inside.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        let next = self.corners.iter().cycle().skip(1);
        let twice: i64 = self
            .corners
            .iter()
            .zip(next)
            .map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]))
            .sum();
        twice.unsigned_abs() / 2
    }
}

/// Cells of a region with a free cell all around.
struct Mask {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    inside: Vec<bool>,
}

impl Mask {
    /// A region with all that can't be reached from outside along edges, so that its boundary never touches
    /// itself.
    fn filled(cells: &[(usize, usize)]) -> Self {
        let left = cells.iter().map(|(column, _)| *column).min().unwrap_or(0);
        let top = cells.iter().map(|(_, row)| *row).min().unwrap_or(0);
        let width = cells.iter().map(|(column, _)| column - left + 3).max().unwrap_or(0);
        let height = cells.iter().map(|(_, row)| row - top + 3).max().unwrap_or(0);
        let mut mask = Self { left, top, width, height, inside: vec![true; width * height] };
        let mut taken = vec![false; width * height];
        for (column, row) in cells {
            taken[(row - top + 1) * width + column - left + 1] = true;
        }
        let mut outside = vec![0];
        while let Some(at) = outside.pop() {
            if at < taken.len() && !taken[at] && std::mem::take(&mut mask.inside[at]) {
                let (column, row) = (at % width, at / width);
                outside.extend((column > 0).then(|| at - 1));
                outside.extend((column + 1 < width).then_some(at + 1));
                outside.extend((row > 0).then(|| at.wrapping_sub(width)));
                outside.extend((row + 1 < height).then_some(at + width));
            }
        }
        mask
    }

    /// The corners of the boundary, in columns and rows: down the left side first.
    fn boundary(&self) -> Vec<(usize, usize)> {
        let is_inside = |column: usize, row: usize| self.inside[row * self.width + column];
        // Every edge between inside and outside, by where it begins, with the inside on its left as it is
        // seen: down along left sides, to the right along lower ones.
        let mut edges: HashMap<(usize, usize), (usize, usize)> = HashMap::new();
        for row in 1..self.height.saturating_sub(1) {
            for column in (1..self.width.saturating_sub(1)).filter(|column| is_inside(*column, row)) {
                let sides = [
                    (is_inside(column - 1, row), (column, row), (column, row + 1)),
                    (is_inside(column, row + 1), (column, row + 1), (column + 1, row + 1)),
                    (is_inside(column + 1, row), (column + 1, row + 1), (column + 1, row)),
                    (is_inside(column, row - 1), (column + 1, row), (column, row)),
                ];
                edges
                    .extend(sides.into_iter().filter(|(joined, ..)| !joined).map(|(_, from, to)| (from, to)));
            }
        }
        let Some(&start) = edges.keys().min_by_key(|(column, row)| (*row, *column)) else {
            return Vec::new();
        };
        let mut around = vec![start];
        while let Some(&next) = around.last().and_then(|last| edges.get(last)).filter(|next| **next != start)
        {
            around.push(next);
        }
        let count = around.len();
        let is_corner = |at: &usize| {
            let (before, here, after) =
                (around[(at + count - 1) % count], around[*at], around[(at + 1) % count]);
            (before.0 == here.0) != (here.0 == after.0)
        };
        let place = |at: usize| (around[at].0 + self.left - 1, around[at].1 + self.top - 1);
        (0..count).filter(is_corner).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of a picture in which `#` marks them.
    fn cells(rows: &[&str]) -> Vec<(usize, usize)> {
        let row = |(row, text): (usize, &&str)| {
            let marks = text.bytes().enumerate().filter(|(_, mark)| *mark == b'#');
            marks.map(|(column, _)| (column, row)).collect::<Vec<_>>()
        };
        rows.iter().enumerate().flat_map(row).collect()
    }

    #[test]
    fn outlines_by_hand() {
        let square = Outline::around(&cells(&["....", ".##.", ".##."]), 10, (100, 100));
        assert_eq!(square.corners, [[10, 10], [10, 30], [30, 30], [30, 10]]);
        let bend = Outline::around(&cells(&["#.", "##"]), 10, (15, 100));
        assert_eq!(bend.corners, [[0, 0], [0, 20], [15, 20], [15, 10], [10, 10], [10, 0]]);
        assert_eq!(bend.pixels(), 200 + 50);
        assert!(Outline::around(&[], 10, (10, 10)).corners.is_empty());
    }

    #[test]
    fn holes_are_filled_also_where_only_a_corner_leads_out() {
        for ring in [&["###", "#.#", "###"][..], &["###", "#.#", "##."]] {
            let outline = Outline::around(&cells(ring), 1, (9, 9));
            let holes = ring.concat().matches('.').count() as u64;
            assert!(outline.pixels() == 9 || outline.pixels() == 9 - holes + 1, "{outline:?}");
            let mut corners = outline.corners.clone();
            corners.sort_unstable();
            corners.dedup();
            assert_eq!(corners.len(), outline.corners.len(), "no corner comes twice");
        }
    }
}
