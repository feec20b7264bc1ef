//! Basins: which summit of a map a cell belongs to, as water would run from an upside-down one (watershed:
//! Vincent and Soille, 1991).

use rayon::slice::ParallelSliceMut;

use crate::search::heat_map::HeatMap;

/// A summit that stands less than this above the saddle to a higher one is a part of that: an odds ratio of
/// 1.05, which is no more than noise.
const LEAST_DEPTH: f32 = 0.05;
const NOWHERE: u32 = u32::MAX;

/// The cells of a map from some height on, each with its basin.
pub struct Basins<'a> {
    map: &'a HeatMap,
    /// For every cell the number of a basin, or [`NOWHERE`].
    of: Vec<u32>,
    /// For every basin the one that it became a part of, or its own number.
    parents: Vec<u32>,
    /// The highest cell of every basin.
    tops: Vec<usize>,
}

impl<'a> Basins<'a> {
    /// Cells are taken from the highest down to `least`: each joins the basin of its highest neighbour or,
    /// where it has none, begins one. Takes time for sorting the cells.
    pub fn new(map: &'a HeatMap, least: f32) -> Self {
        let values = &map.values;
        let mut order: Vec<usize> = (0..values.len()).filter(|&at| values[at] >= least).collect();
        order.par_sort_unstable_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        let mut basins = Self { map, of: vec![NOWHERE; values.len()], parents: Vec::new(), tops: Vec::new() };
        for cell in order {
            let known = |at: &usize| basins.of[*at] != NOWHERE;
            let higher = |best: usize, other: usize| if values[other] > values[best] { other } else { best };
            if let Some(highest) = map.neighbours(cell, true).filter(known).reduce(higher) {
                basins.of[cell] = basins.of[highest];
                for neighbour in map.neighbours(cell, true) {
                    if ![NOWHERE, basins.of[cell]].contains(&basins.of[neighbour]) {
                        basins.join(cell, neighbour);
                    }
                }
            } else {
                basins.of[cell] = basins.tops.len() as u32;
                basins.parents.push(basins.of[cell]);
                basins.tops.push(cell);
            }
        }
        basins
    }

    /// Makes one basin of those of a cell and its neighbour, where the cell is hardly lower than the lower
    /// of their summits.
    fn join(&mut self, cell: usize, neighbour: usize) {
        let (own, other) = (self.root(self.of[cell]), self.root(self.of[neighbour]));
        let height = |basin: u32| self.map.values[self.tops[basin as usize]];
        let (high, low) = if height(own) >= height(other) { (own, other) } else { (other, own) };
        if height(low) - self.map.values[cell] < LEAST_DEPTH {
            self.parents[low as usize] = high;
        }
    }

    /// The basin that a basin is a part of by now.
    fn root(&mut self, mut basin: u32) -> u32 {
        while self.parents[basin as usize] != basin {
            let parent = self.parents[basin as usize];
            self.parents[basin as usize] = self.parents[parent as usize];
            basin = parent;
        }
        basin
    }

    /// At most `keep` summits above `base`, the highest first; of equal ones, the upper, then the left one.
    /// Each has the cells of its basin, itself first, that are connected with it along edges and no lower
    /// than what `reach` makes of its value.
    pub fn summits(mut self, keep: usize, base: f32, reach: impl Fn(f32) -> f32) -> Vec<Vec<usize>> {
        let map = self.map;
        let mut summits: Vec<usize> = (0..self.tops.len())
            .filter(|&basin| self.parents[basin] as usize == basin)
            .map(|basin| self.tops[basin])
            .filter(|&top| map.values[top] > base)
            .collect();
        summits.sort_unstable_by(|&a, &b| map.values[b].total_cmp(&map.values[a]).then(a.cmp(&b)));
        summits.truncate(keep);
        let mut is_taken = vec![false; map.values.len()];
        let mut cells_of = |summit: usize| {
            let (basin, least) = (self.root(self.of[summit]), reach(map.values[summit]));
            let mut cells = vec![summit];
            is_taken[summit] = true;
            let mut next = 0;
            while let Some(&cell) = cells.get(next) {
                next += 1;
                for other in map.neighbours(cell, false) {
                    let is_new = !is_taken[other] && self.of[other] != NOWHERE && map.values[other] >= least;
                    if is_new && self.root(self.of[other]) == basin {
                        is_taken[other] = true;
                        cells.push(other);
                    }
                }
            }
            cells
        };
        summits.into_iter().map(&mut cells_of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map from a picture of digits; "." is a cell without a value.
    fn map(rows: &[&str]) -> HeatMap {
        let values = rows.concat().chars().map(|c| c.to_digit(10).map_or(f32::NAN, |d| d as f32)).collect();
        HeatMap { cell: 10, width: rows[0].len(), height: rows.len(), values }
    }

    /// Columns of the cells of each summit of a map of one row.
    fn found(map: &HeatMap, least: f32, reach: f32) -> Vec<Vec<usize>> {
        let mut found = Basins::new(map, least).summits(9, least, |value| (value - reach).max(least));
        for cells in &mut found {
            cells[1..].sort_unstable();
        }
        found
    }

    #[test]
    fn neighbours_part_at_the_saddle() {
        let two = map(&["1379635841"]);
        assert_eq!(found(&two, 2.0, 9.0), [vec![3, 1, 2, 4, 5], vec![7, 6, 8]]);
        assert_eq!(found(&two, 2.0, 2.0), [vec![3, 2], vec![7]]);
        assert_eq!(found(&two, 8.5, 9.0), [vec![3]]);
    }

    #[test]
    fn a_plateau_is_one_summit_however_it_bends() {
        let bent = map(&["404", "404", "444", "0.0"]);
        let summits = Basins::new(&bent, 1.0).summits(9, 1.0, |_| 1.0);
        assert_eq!(summits.len(), 1);
        assert_eq!(summits[0].len(), 7);
        assert!(Basins::new(&bent, 4.0).summits(9, 4.0, |_| 4.0).is_empty(), "nothing is above");
    }

    #[test]
    fn noise_is_no_saddle() {
        let values = vec![0.0, 3.0, 2.96, 3.01, 0.0, 3.0, 2.9, 3.02, 0.0];
        let rough = HeatMap { cell: 1, width: values.len(), height: 1, values };
        assert_eq!(found(&rough, 1.0, 9.0), [vec![7, 6], vec![3, 1, 2], vec![5]]);
        assert_eq!(Basins::new(&rough, 1.0).summits(1, 1.0, |_| 1.0).len(), 1);
    }
}
