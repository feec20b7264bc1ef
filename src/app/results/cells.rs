//! Which box stands where in the gallery, and which is beside it.

use eframe::egui::Key;

use super::arrangement::Arranged;
use crate::app::viewport::boxes::DetectionId;
use crate::search::Detection;

/// Where a box stands in the gallery.
pub struct Cells<'a> {
    pub arranged: &'a Arranged,
    /// A column a keyword, rather than one after the other.
    pub compare: bool,
    /// Boxes in a row.
    pub across: usize,
}

impl Cells<'_> {
    #[must_use]
    pub fn rows(&self) -> usize {
        if self.compare {
            self.arranged.columns.iter().map(|(_, own)| own.len()).max().unwrap_or(0)
        } else {
            self.arranged.order.len().div_ceil(self.across.max(1))
        }
    }

    /// The place in the ranking of the box in a row and column.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> Option<usize> {
        if column >= self.across {
            None
        } else if self.compare {
            self.arranged.columns.get(column)?.1.get(row).copied()
        } else {
            self.arranged.order.get(row * self.across + column).copied()
        }
    }

    #[must_use]
    pub fn find(&self, ranking: &[Detection], id: &DetectionId) -> Option<(usize, usize)> {
        let is = |index: &usize| ranking.get(*index).is_some_and(|detection| id.is(detection));
        if self.compare {
            let column = self.arranged.columns.iter().position(|(keyword, _)| *keyword == id.keyword)?;
            let row = self.arranged.columns.get(column)?.1.iter().position(is)?;
            Some((row, column))
        } else {
            let place = self.arranged.order.iter().position(is)?;
            Some((place / self.across.max(1), place % self.across.max(1)))
        }
    }

    /// The box beside one, as the arrow keys go.
    #[must_use]
    pub fn beside(&self, (row, column): (usize, usize), key: Key) -> Option<usize> {
        match key {
            Key::ArrowUp => self.at(row.checked_sub(1)?, column),
            Key::ArrowDown => self.at(row + 1, column),
            Key::ArrowLeft if column > 0 => self.at(row, column - 1),
            Key::ArrowRight if column + 1 < self.across => self.at(row, column + 1),
            // Around the end of a row, as one reads; columns end where they end.
            Key::ArrowLeft if !self.compare => self.at(row.checked_sub(1)?, self.across.checked_sub(1)?),
            Key::ArrowRight if !self.compare => self.at(row + 1, 0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged() -> Arranged {
        Arranged {
            order: vec![10, 11, 12, 13, 14],
            columns: vec![("a".to_owned(), vec![10, 11, 12]), ("b".to_owned(), vec![13])],
            ..Arranged::default()
        }
    }

    #[test]
    fn arrows_walk_as_one_reads() {
        let arranged = arranged();
        let cells = Cells { arranged: &arranged, compare: false, across: 2 };
        assert_eq!(cells.rows(), 3);
        assert_eq!(cells.beside((0, 1), Key::ArrowRight), Some(12));
        assert_eq!(cells.beside((1, 0), Key::ArrowLeft), Some(11));
        assert_eq!(cells.beside((1, 0), Key::ArrowDown), Some(14));
        assert_eq!(cells.beside((1, 1), Key::ArrowDown), None);
        assert_eq!(cells.beside((0, 0), Key::ArrowUp), None);
        assert_eq!(cells.beside((0, 0), Key::ArrowLeft), None);
        assert_eq!(cells.beside((2, 0), Key::ArrowRight), None);
    }

    #[test]
    fn columns_end_where_they_end() {
        let arranged = arranged();
        let cells = Cells { arranged: &arranged, compare: true, across: 2 };
        assert_eq!(cells.rows(), 3);
        assert_eq!(cells.beside((0, 0), Key::ArrowRight), Some(13));
        assert_eq!(cells.beside((0, 1), Key::ArrowRight), None);
        assert_eq!(cells.beside((0, 1), Key::ArrowDown), None);
        assert_eq!(cells.beside((1, 0), Key::ArrowRight), None);
        assert_eq!(cells.beside((1, 0), Key::ArrowDown), Some(12));
    }
}
