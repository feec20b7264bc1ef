//! One file, read by both.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

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

/// A note, and a reason to take the file as one that GDAL did not write.
const BOTH_FAIL: &str = "GDAL fails, too";
pub const UNWRITTEN: &str = "not written by this GDAL";

impl Answer {
    pub fn unwritten() -> Self {
        Self { level0: UNWRITTEN.to_owned(), ..Self::default() }
    }

    /// One answer for all layouts of a variant when they agree, the worst one with a note on which it is
    /// otherwise.
    pub fn of_layouts(mut answers: Vec<(&'static str, Self)>) -> Self {
        for (_, answer) in &mut answers {
            if answer.notes.iter().any(|note| note == BOTH_FAIL) {
                *answer = Self::unwritten();
            }
        }
        if answers.len() == 1 {
            return answers.remove(0).1;
        }
        let unwritten: Vec<_> = answers
            .extract_if(.., |(_, answer)| answer.level0 == UNWRITTEN)
            .map(|(layout, _)| layout)
            .collect();
        let rank = |answer: &Self| {
            ["exact", "rounded", "wrong", "refused"].iter().position(|word| *word == verdict(&answer.level0))
        };
        let Some(worst) = answers.iter().map(|(_, answer)| rank(answer)).max() else {
            return Self::unwritten();
        };
        let (bad, good): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(_, answer)| rank(answer) == worst);
        let layouts: Vec<_> = bad.iter().map(|(layout, _)| *layout).collect();
        let mut answer = bad.into_iter().next().map(|(_, answer)| answer).unwrap_or_default();
        if !good.is_empty() {
            answer.notes.insert(0, format!("so with {}, better with others", layouts.join("; ")));
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
    let Some((scene, mut ours, mut theirs)) = read(file, &mut answer) else { return answer };
    let compression = scene.info().compression.clone();
    let lossy = lossy.unwrap_or(["jpeg", "webp", "jpeg2000"].contains(&compression.as_str()));
    let Some(facts) = Facts::of(file) else { return answer };
    if facts.has_palette() && ours.bands > theirs.bands {
        let expanded = gdal::pixels(file, if ours.bands == 4 { "-expand rgba" } else { "-expand rgb" });
        theirs = expanded.unwrap_or(theirs);
        answer.notes.push("compared as colours".to_owned());
    }
    if ours.bands == theirs.bands + 1 && scene.info().alpha == Some(ours.bands) {
        ours = without_last(&ours);
        answer.notes.push("the transparent colour is read as alpha".to_owned());
    } else if theirs.bands == 4 && ours.bands == 3 && facts.adds_alpha() {
        theirs = without_last(&theirs);
        answer.notes.push("GDAL adds an opaque alpha".to_owned());
    } else if theirs.bands == 4 && ours.bands == 3 {
        answer.notes.push("four inks are read as RGB".to_owned());
    }
    answer.level0 = level0(&ours, &mut theirs, lossy, &mut answer.notes);
    if let Some(reason) = wrong_picture(&scene, file, &facts, lossy) {
        answer.level0 = format!("wrong ({reason})");
    }
    answer.overviews = overviews(&scene, file, &facts, &mut answer.notes);
    answer
}

/// Compares the samples of level 0 only, exactly.
pub fn level0_only(file: &Path) -> Answer {
    let mut answer = Answer::default();
    if let Some((_, ours, mut theirs)) = read(file, &mut answer) {
        answer.level0 = level0(&ours, &mut theirs, false, &mut answer.notes);
    }
    answer
}

/// What both read; the answer when one of them does not.
fn read(file: &Path, answer: &mut Answer) -> Option<(Scene, Samples, Samples)> {
    let ours =
        Scene::open(file).and_then(|scene| scene.read_samples(0, part(&scene, 0)).map(|ours| (scene, ours)));
    let mut options = String::new();
    if let Ok((scene, ours)) = &ours {
        // The format that carries GDAL's pixels here has no such type.
        if ["int64", "uint64"].contains(&ours.sample_type.name()) {
            options += "-ot Float64";
        }
        let rect = part(scene, 0);
        if (rect.width, rect.height) != scene.size() {
            let Rect { x, y, width, height } = rect;
            write!(options, " -srcwin {x} {y} {width} {height}").unwrap();
            answer.notes.push(format!("{} x {} of its pixels", rect.width, rect.height));
        }
    }
    let theirs = gdal::pixels(file, &options);
    if let Ok(theirs) = &theirs {
        answer.kind = format!("{} x {}", theirs.bands, theirs.sample_type.name());
    }
    match (ours, theirs) {
        (Ok((scene, ours)), Ok(theirs)) => return Some((scene, ours, theirs)),
        (Ok(_), Err(_)) => "wrong (GDAL fails)".clone_into(&mut answer.level0),
        (Err(error), theirs) => {
            let folder = format!("{}/", file.parent().unwrap_or(file).display());
            "refused".clone_into(&mut answer.level0);
            answer.notes.push(format!("\"{}\"", error.to_string().replace(&folder, "")));
            answer.notes.extend(theirs.is_err().then(|| BOTH_FAIL.to_owned()));
            if theirs.is_ok() {
                follow(&error.to_string());
            }
        }
    }
    None
}

/// Runs the command that a refusal advises, and opens what it made.
fn follow(refusal: &str) {
    let Some(command) = refusal.split('`').nth(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new("sh").args(["-c", command]).current_dir(&folder).output().unwrap();
    assert!(run.status.success(), "{refusal}: {}", String::from_utf8_lossy(&run.stderr));
    let scene = Scene::open(&folder.path().join("scene.tif"));
    let scene = scene.unwrap_or_else(|error| panic!("{refusal}, but then: {error}"));
    scene.read(0, part(&scene, 0)).unwrap_or_else(|error| panic!("{refusal}, but then: {error}"));
}

/// The whole level, or the middle of one that is too large to be compared whole.
fn part(scene: &Scene, level: usize) -> Rect {
    const SIDE: u32 = 4096;
    let whole = whole(scene, level);
    if u64::from(whole.width) * u64::from(whole.height) <= 1 << 26 {
        return whole;
    }
    let (width, height) = (whole.width.min(SIDE), whole.height.min(SIDE));
    Rect::new((whole.width - width) / 2, (whole.height - height) / 2, width, height)
}

fn without_last(samples: &Samples) -> Samples {
    let sample = samples.sample_type.bytes();
    let pixels = samples.data.chunks_exact(samples.bands * sample);
    let data = pixels.flat_map(|pixel| &pixel[..pixel.len() - sample]).copied().collect();
    Samples { bands: samples.bands - 1, data, ..*samples }
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
    let differences =
        || ours.values().zip(theirs.values()).filter_map(|(ours, theirs)| difference(ours, theirs));
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
fn wrong_picture(scene: &Scene, file: &Path, facts: &Facts, lossy: bool) -> Option<String> {
    let whole = part(scene, 0);
    if (whole.width, whole.height) != scene.size() {
        return None;
    }
    let shown = scene.read(0, whole).ok()?;
    if facts.has_mask()
        && let Ok(mask) = gdal::pixels(file, "-b mask")
    {
        let pixels = shown.rgba.chunks_exact(4).zip(mask.values());
        let wrong = pixels.filter(|(pixel, mask)| (pixel[3] == 0) != (*mask == 0.0)).count();
        // A lossy alpha may round to the other side.
        let allowed = if lossy { ROUNDED_SHARE * mask.data.len() as f64 } else { 0.0 };
        if wrong as f64 > allowed {
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
        notes.push(format!("GDAL has {missing} more"));
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
        if part(scene, level) != whole(scene, level) {
            continue;
        }
        let ours = match scene.read_samples(level, whole(scene, level)) {
            Ok(ours) => ours,
            Err(error) => return format!("wrong ({error})"),
        };
        match gdal::pixels(file, &options) {
            Ok(theirs) if theirs.data.len() == ours.data.len() => {
                exact &= ours.values().zip(theirs.values()).all(|(a, b)| difference(a, b).is_none());
                largest = largest.max(unlike(&ours, &theirs));
            }
            Ok(theirs) if ours.bands == theirs.bands + 1 => {
                exact = false;
                largest = largest.max(unlike(&without_last(&ours), &theirs));
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
        let values: Vec<f64> =
            samples.values().skip(band).step_by(samples.bands).filter(|v| v.is_finite()).collect();
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
