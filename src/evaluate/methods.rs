//! Methods of making boxes from windows, compared on the same images.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::detection::DetectionScores;

/// A row of the table: one method.
#[derive(Clone, Debug, Serialize)]
pub struct MethodScores {
    pub method: String,
    /// Windows compared per image, on average.
    pub windows: f64,
    /// Passes of the model per image, on average, where nothing is known from other methods.
    pub passes: f64,
    /// Seconds for all images, where nothing is known from other methods: what a method needed, and as long
    /// as a window took for each that another one had encoded. `None` where this run encoded no window.
    pub seconds: Option<f64>,
    pub mean: Option<DetectionScores>,
}

/// How well weak matches are distinguished from clear ones, over all pairs of an image and a category that
/// its truth lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct NoneHere {
    /// Pairs without a box, and those of them without a clear match.
    pub absent: usize,
    pub absent_told: usize,
    /// Pairs with a box, and those of them with a clear match.
    pub present: usize,
    pub present_told: usize,
}

impl NoneHere {
    /// Counts one category in one image.
    pub fn count(&mut self, has_boxes: bool, has_match: bool) {
        if has_boxes {
            self.present += 1;
            self.present_told += usize::from(has_match);
        } else {
            self.absent += 1;
            self.absent_told += usize::from(!has_match);
        }
    }
}

/// The table: all methods on one set of images.
#[derive(Clone, Debug, Serialize)]
pub struct MethodTable {
    pub data: String,
    pub model: String,
    pub model_fingerprint: String,
    pub images: usize,
    pub categories: usize,
    pub boxes: usize,
    /// Windows that could not be read.
    pub failed: usize,
    /// What a person should know about the images and the model: what is missing, approximate or left out.
    pub notices: Vec<String>,
    pub methods: Vec<MethodScores>,
    /// For the automatic threshold, by method.
    pub none_here: Vec<(String, NoneHere)>,
    pub seconds: f64,
}

impl Display for MethodTable {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.data)?;
        writeln!(out, "{}, {:.1} s", self.model, self.seconds)?;
        writeln!(out, "images: {}, categories: {}, boxes: {}", self.images, self.categories, self.boxes)?;
        writeln!(out)?;
        let names = self.methods.iter().map(|row| row.method.chars().count());
        let width = names.max().unwrap_or(0).max("method".len());
        let cuts: Vec<usize> = self
            .methods
            .iter()
            .find_map(|row| row.mean.as_ref())
            .map_or_else(Vec::new, |mean| mean.at.iter().map(|at| at.k).collect());
        let over = 7 * cuts.len();
        writeln!(out, "{:width$}  {:>7}  {:<over$}  {:<over$}", "", "", "recall", "precision")?;
        write!(out, "{:<width$}  {:>7}", "method", "windows")?;
        for _ in ["recall", "precision"] {
            write!(out, "  ")?;
            for k in &cuts {
                write!(out, " at {k:>3}")?;
            }
        }
        writeln!(
            out,
            "  {:>9}{:>7}{:>7}{:>7}{:>9}{:>8}{:>9}",
            "pointing", "AP", "AP.3", "AP.5", "overlap", "passes", "seconds"
        )?;
        for MethodScores { method, windows, passes, seconds, mean } in &self.methods {
            write!(out, "{method:<width$}  {windows:>7.0}")?;
            let Some(mean) = mean else {
                writeln!(out)?;
                continue;
            };
            let seconds = seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"));
            for of in [|at: &super::AtCut| at.recall, |at: &super::AtCut| at.precision] {
                write!(out, "  ")?;
                for at in &mean.at {
                    write!(out, "{:>7.1}", 100.0 * of(at))?;
                }
            }
            let [pointing, area, overlap] =
                [mean.pointing_accuracy, mean.average_precision, mean.overlap].map(|share| 100.0 * share);
            let [loose, strict] = mean.by_overlap.map(|at| 100.0 * at.average_precision);
            write!(out, "  {pointing:>9.1}{area:>7.1}{loose:>7.1}{strict:>7.1}{overlap:>9.1}")?;
            writeln!(out, "{passes:>8.0}{seconds:>9}")?;
        }
        writeln!(out)?;
        for (method, counts) in &self.none_here {
            let NoneHere { absent, absent_told, present, present_told } = counts;
            writeln!(
                out,
                "threshold auto ({method}): \"no clear match\" for {absent_told} of {absent} categories that are not in \
                 their image, a match for {present_told} of {present} that are"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_by_what_is_there_and_what_is_said() {
        let mut none_here = NoneHere::default();
        for (has_boxes, has_match) in
            [(true, true), (true, false), (false, true), (false, false), (false, false)]
        {
            none_here.count(has_boxes, has_match);
        }
        assert_eq!(none_here, NoneHere { absent: 3, absent_told: 2, present: 2, present_told: 1 });
    }
}
