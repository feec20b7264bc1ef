//! One file, read by both.

use std::path::Path;

use skysift::raster::{Rect, SampleType, Samples, Scene};

use super::gdal::{self, Facts};

/// Samples of lossy formats may differ by so much, in 99 of 100 samples.
const ROUNDING: f64 = 2.0;
const ROUNDED_SHARE: f64 = 0.01;
/// Mean and deviation of an overview may differ by so much.
const ALIKE: f64 = 0.01;

/// What the table says of a variant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Bands and type.
    pub kind: String,
    /// A verdict, and in parentheses its numbers.
    pub level0: String,
    pub overviews: String,
    pub notes: Vec<String>,
}

pub const UNWRITTEN: &str = "not written by this GDAL";

impl Answer {
    pub fn unwritten() -> Self {
        Self { level0: UNWRITTEN.to_owned(), ..Self::default() }
    }

    /// One answer for all layouts of a variant when they agree, the worst one with a note on which it is otherwise.
    pub fn of_layouts(mut answers: Vec<(&'static str, Self)>) -> Self {
        if answers.len() == 1 {
            return answers.remove(0).1;
        }
        let unwritten: Vec<_> =
            answers.extract_if(.., |(_, answer)| answer.level0 == UNWRITTEN).map(|(layout, _)| layout).collect();
        let rank = |answer: &Self| {
            ["exact", "rounded", "wrong", "refused"].iter().position(|word| *word == verdict(&answer.level0))
        };
        let Some(worst) = answers.iter().map(|(_, answer)| rank(answer)).max() else { return Self::unwritten() };
        let (bad, good): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| rank(answer) == worst);
        let layouts: Vec<_> = bad.iter().map(|(layout, _)| *layout).collect();
        let mut answer = bad.into_iter().next().map(|(_, answer)| answer).unwrap_or_default();
        if !good.is_empty() {
            answer.notes.insert(0, format!("so with {}, exact with others", layouts.join("; ")));
        }
        if !unwritten.is_empty() {
            answer.notes.push(format!("GDAL does not write {}", unwritten.join("; ")));
        }
        answer
    }
}

/// A verdict without its numbers, which depend on libraries and processors.
pub fn verdict(text: &str) -> &str {
    text.split(" (").next().unwrap_or_default().trim()
}

/// Reads a file with both. Whether its compression loses something is asked of Skysift when it isn't said.
pub fn measure(file: &Path, lossy: Option<bool>) -> Answer {
    let mut answer = Answer::default();
    let theirs = gdal::pixels(file, "");
    if let Ok(theirs) = &theirs {
        answer.kind = format!("{} x {}", theirs.bands, theirs.sample_type.name());
    }
    let ours = Scene::open(file).and_then(|scene| scene.read_samples(0, whole(&scene, 0)).map(|ours| (scene, ours)));
    let (scene, ours) = match ours {
        Ok(read) => read,
        Err(error) => {
            let folder = format!("{}/", file.parent().unwrap_or(file).display());
            "refused".clone_into(&mut answer.level0);
            answer.notes.push(format!("\"{}\"", error.to_string().replace(&folder, "")));
            answer.notes.extend(theirs.is_err().then(|| "GDAL fails, too".to_owned()));
            return answer;
        }
    };
    let Ok(mut theirs) = theirs else {
        "wrong (GDAL fails)".clone_into(&mut answer.level0);
        return answer;
    };
    let lossy = lossy.unwrap_or(["jpeg", "webp", "jpeg2000"].contains(&scene.info().compression.as_str()));
    let Some(facts) = Facts::of(file) else { return answer };
    if facts.has_palette() && ours.bands > theirs.bands {
        let expanded = gdal::pixels(file, if ours.bands == 4 { "-expand rgba" } else { "-expand rgb" });
        theirs = expanded.unwrap_or(theirs);
        answer.notes.push("compared as colours".to_owned());
    }
    answer.level0 = level0(&ours, &mut theirs, lossy, &mut answer.notes);
    if let Some(reason) = wrong_picture(&scene, file, &facts) {
        answer.level0 = format!("wrong ({reason})");
    }
    answer.overviews = overviews(&scene, file, &facts, &mut answer.notes);
    answer
}

fn whole(scene: &Scene, level: usize) -> Rect {
    let (width, height) = scene.level_sizes()[level];
    Rect::new(0, 0, width, height)
}

fn level0(ours: &Samples, theirs: &mut Samples, lossy: bool, notes: &mut Vec<String>) -> String {
    if (ours.width, ours.height, ours.bands) != (theirs.width, theirs.height, theirs.bands) {
        return format!("wrong ({} x {} x {} samples)", ours.width, ours.height, ours.bands);
    }
    if (ours.sample_type, theirs.sample_type) == (SampleType::Int8, SampleType::Uint8) {
        // Before 3.7 GDAL has no such type, and keeps the sign in a note beside the band.
        theirs.sample_type = SampleType::Int8;
    }
    if ours.sample_type != theirs.sample_type {
        notes.push(format!("read as {}", ours.sample_type.name()));
    }
    let differences = || ours.values().zip(theirs.values()).filter_map(|(ours, theirs)| difference(ours, theirs));
    let largest = differences().fold(0.0, f64::max);
    let share = differences().count() as f64 / ours.values().count() as f64;
    let beyond = differences().filter(|difference| *difference > ROUNDING).count() as f64;
    let numbers = format!("up to {largest}, {:.1} %", share * 100.0);
    if share == 0.0 {
        "exact".to_owned()
    } else if lossy && beyond <= ROUNDED_SHARE * ours.values().count() as f64 {
        format!("rounded ({numbers})")
    } else {
        format!("wrong ({numbers})")
    }
}

fn difference(ours: f64, theirs: f64) -> Option<f64> {
    let same = ours == theirs || ours.is_nan() && theirs.is_nan();
    let difference = (ours - theirs).abs();
    (!same).then_some(if difference.is_nan() { f64::INFINITY } else { difference })
}

/// What is wrong with the picture where the samples do not tell: pixels without data, colours of a palette.
fn wrong_picture(scene: &Scene, file: &Path, facts: &Facts) -> Option<String> {
    let shown = scene.read(0, whole(scene, 0)).ok()?;
    if facts.has_mask()
        && let Ok(mask) = gdal::pixels(file, "-b mask")
    {
        let pixels = shown.rgba.chunks_exact(4).zip(mask.values());
        let wrong = pixels.filter(|(pixel, mask)| (pixel[3] == 0) != (*mask == 0.0)).count();
        if wrong > 0 {
            return Some(format!("mask of {:.1} %", wrong as f64 / mask.data.len() as f64 * 100.0));
        }
    }
    if facts.has_palette()
        && let Ok(colours) = gdal::pixels(file, "-expand rgb")
    {
        let pixels = shown.rgba.chunks_exact(4).zip(colours.data.chunks_exact(3));
        let wrong = pixels.filter(|(pixel, colour)| pixel[3] != 0 && pixel[..3] != **colour).count();
        if wrong > 0 {
            return Some(format!("colours of {wrong} pixels"));
        }
    }
    None
}

fn overviews(scene: &Scene, file: &Path, facts: &Facts, notes: &mut Vec<String>) -> String {
    let theirs = facts.overviews();
    let sizes = scene.level_sizes();
    let missing = theirs.iter().filter(|size| !sizes.contains(size)).count();
    if missing > 0 {
        notes.push(format!("GDAL offers {missing} more overviews"));
    }
    if sizes.len() == 1 {
        return "none".to_owned();
    }
    let mut exact = true;
    let mut largest: f64 = 0.0;
    for (level, size) in sizes.iter().enumerate().skip(1) {
        let options = match theirs.iter().position(|theirs| theirs == size) {
            Some(index) => format!("-oo OVERVIEW_LEVEL={index}"),
            None => format!("-outsize {} {} -r average", size.0, size.1),
        };
        let ours = match scene.read_samples(level, whole(scene, level)) {
            Ok(ours) => ours,
            Err(error) => return format!("wrong ({error})"),
        };
        match gdal::pixels(file, &options) {
            Ok(theirs) if theirs.data.len() == ours.data.len() => {
                exact &= ours.values().zip(theirs.values()).all(|(a, b)| difference(a, b).is_none());
                largest = largest.max(unlike(&ours, &theirs));
            }
            // A palette's indices cannot be compared with the colours that Skysift keeps.
            Ok(_) if facts.has_palette() => notes.push("overviews not compared".to_owned()),
            _ => return format!("{}, wrong", sizes.len() - 1),
        }
    }
    let word = if exact { "exact".to_owned() } else { format!("alike ({:.2} %)", largest * 100.0) };
    let word = if largest > ALIKE { format!("wrong ({:.1} %)", largest * 100.0) } else { word };
    format!("{}, {word}", sizes.len() - 1)
}

/// By how much, in parts, means and deviations of the same band differ at most.
fn unlike(ours: &Samples, theirs: &Samples) -> f64 {
    let band = |samples: &Samples, band: usize| {
        let values: Vec<f64> = samples.values().skip(band).step_by(samples.bands).filter(|v| v.is_finite()).collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt())
    };
    let parts = (0..ours.bands).map(|index| {
        let ((mean, deviation), (their_mean, their_deviation)) = (band(ours, index), band(theirs, index));
        let scale = their_mean.abs().max(their_deviation).max(f64::MIN_POSITIVE);
        let deviations = (deviation - their_deviation).abs() / their_deviation.max(f64::MIN_POSITIVE);
        ((mean - their_mean).abs() / scale).max(if deviation == their_deviation { 0.0 } else { deviations })
    });
    parts.fold(0.0, f64::max)
}
