//! Patches to train on: small pictures of one kind each, from many worlds, in folders named after the kinds.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use rayon::prelude::*;

use crate::atomic::write_bytes;
use crate::random::SplitMix64;
use crate::sample_scene::canvas::Canvas;
use crate::sample_scene::error::SampleSceneError;
use crate::sample_scene::frame::Frame;
use crate::sample_scene::kind::Kind;
use crate::sample_scene::painter::{develop, paint, painted};
use crate::sample_scene::plan::Region;
use crate::sample_scene::sites::{Plot, Site};
use crate::sample_scene::truth::{TrueObject, truths};
use crate::sample_scene::world::World;

/// The side of a patch, in pixels.
const SIDE: u32 = 256;
const QUALITY: u8 = 90;
/// The least and the largest side of the windows that patches are made from, in pixels.
const WINDOW: (f32, f32) = (154.0, 512.0);
/// The least and the most pixels a side that are made from further away.
const LEAST_PIXELS: f32 = 48.0;
const MOST_PIXELS: f32 = 320.0;
/// Nothing is painted much coarser, in metres a pixel: lines thinner than a pixel would become too bold.
const FINE: f32 = 0.6;
/// But no more pixels a side than these.
const MOST_PAINTED: u32 = 1600;

/// Of what distance and of which places patches are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variety {
    /// The kinds of a scene, from 0.3 to 0.6 m a pixel.
    Scene,
    /// Those from further away as well, and sites that no scene holds.
    Rich,
}

impl Variety {
    /// The number of kinds of which there are patches.
    #[must_use]
    pub fn kinds(self) -> usize {
        self.subjects().len()
    }

    fn subjects(self) -> Vec<Subject> {
        let kinds = Kind::ALL.map(|kind| Subject::Kind(kind, self));
        match self {
            Self::Scene => kinds.to_vec(),
            Self::Rich => kinds.into_iter().chain(Site::ALL.map(Subject::Site)).collect(),
        }
    }
}

/// What a patch shows.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Kind(Kind, Variety),
    Site(Site),
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Kind(kind, _) => kind.name(),
            Self::Site(site) => site.name(),
        }
    }

    fn patch(self, seed: u64, number: u32) -> Option<RgbImage> {
        match self {
            // Every other one is as near as ever.
            Self::Kind(kind, Variety::Rich) if number % 2 == 1 => patch(kind, seed, number, &far_gsd),
            Self::Kind(kind, _) => patch(kind, seed, number, &near_gsd),
            Self::Site(site) => site_patch(site, seed, number),
        }
    }
}

/// Writes `count` patches of every kind as `dir/kind/number.jpg`, 256 x 256 pixels. `done` is called for
/// every patch.
///
/// # Errors
/// If a file can't be written, or the folder of a kind holds files already, which may be somebody's pictures.
/// The error names it.
pub fn write_patches(
    dir: &Path,
    count: u32,
    seed: u64,
    variety: Variety,
    done: &(dyn Fn(u64) + Sync),
) -> Result<(), SampleSceneError> {
    let subjects = variety.subjects();
    for subject in &subjects {
        let folder = dir.join(subject.name());
        std::fs::create_dir_all(&folder).map_err(|error| SampleSceneError::write(&folder, error))?;
        let mut files = folder.read_dir().map_err(|error| SampleSceneError::write(&folder, error))?;
        if files.next().is_some() {
            return Err(SampleSceneError::Taken { path: folder.display().to_string() });
        }
    }
    let all: Vec<(Subject, u32)> =
        subjects.iter().flat_map(|&subject| (0..count).map(move |number| (subject, number))).collect();
    all.into_par_iter().try_for_each(|(subject, number)| {
        let path = dir.join(subject.name()).join(format!("{number:05}.jpg"));
        let Some(picture) = subject.patch(seed, number) else { return Ok(()) };
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY)
            .write_image(picture.as_raw(), SIDE, SIDE, ExtendedColorType::Rgb8)
            .map_err(|error| SampleSceneError::Encode {
                path: path.display().to_string(),
                message: error.to_string(),
            })?;
        write_bytes(&path, &bytes).map_err(|error| SampleSceneError::write(&path, error))?;
        done(1);
        Ok(())
    })
}

/// How much of a kind a window must show, in metres.
fn narrowest(kind: Kind) -> f32 {
    match kind {
        Kind::GolfCourse => 95.0,
        Kind::SparseResidential | Kind::Beach => 75.0,
        Kind::BaseballDiamond | Kind::StorageTanks | Kind::Runway | Kind::Buildings | Kind::Sea => 65.0,
        Kind::Freeway | Kind::Overpass | Kind::Intersection | Kind::River => 58.0,
        _ => 46.0,
    }
}

/// The largest ground sample distance at which a kind can be told, in metres, and how far beyond its box it
/// goes on, as a factor.
fn farthest(kind: Kind) -> (f32, f32) {
    match kind {
        Kind::TennisCourt | Kind::Intersection => (1.0, 1.0),
        Kind::Airplane => (1.2, 1.0),
        Kind::BaseballDiamond | Kind::Overpass | Kind::ParkingLot => (2.0, 1.0),
        Kind::MobileHomePark | Kind::SparseResidential => (2.5, 1.0),
        Kind::Buildings | Kind::MediumResidential | Kind::StorageTanks | Kind::Runway => (3.0, 1.0),
        Kind::DenseResidential | Kind::GolfCourse | Kind::Harbor => (4.0, 1.0),
        Kind::Chaparral => (6.0, 1.0),
        Kind::Freeway | Kind::Beach => (5.0, 3.0),
        Kind::River => (8.0, 5.0),
        Kind::Farmland | Kind::Forest => (10.0, 1.2),
        _ => (10.0, 3.0),
    }
}

/// How near a patch is taken, by the widest that it may show: the ground sample distance and that width, in
/// metres.
type Gsd = dyn Fn(&mut SplitMix64, Kind, f32) -> (f32, f32);

fn near_gsd(rng: &mut SplitMix64, _: Kind, widest: f32) -> (f32, f32) {
    (rng.range(0.3, 0.6), widest)
}

fn far_gsd(rng: &mut SplitMix64, kind: Kind, widest: f32) -> (f32, f32) {
    let (coarsest, beyond) = farthest(kind);
    let widest = widest * beyond;
    (log_uniform(rng, 0.6, coarsest.min(widest / LEAST_PIXELS)), widest)
}

/// Uniform in the logarithm; the upper end wins if they are the wrong way round.
fn log_uniform(rng: &mut SplitMix64, from: f32, to: f32) -> f32 {
    rng.range(from.min(to).ln(), to.ln()).exp()
}

/// A patch; `None` only if a region has none of the kind, which the plan rules out.
fn patch(kind: Kind, seed: u64, number: u32, gsd: &Gsd) -> Option<RgbImage> {
    let mut rng = SplitMix64::of(&[seed, kind as u64, u64::from(number)]);
    let world = World::new(rng.bits());
    let region = Region::new(&world, rng.index(8) as i64, rng.index(8) as i64);
    let choices: Vec<TrueObject> =
        truths(&world, &region).into_iter().filter(|truth| truth.kind == kind).collect();
    if choices.is_empty() {
        return None;
    }
    // The larger of two, since there are more light aircraft than airliners.
    let area = |truth: &TrueObject| (truth.bounds[2] - truth.bounds[0]) * (truth.bounds[3] - truth.bounds[1]);
    let (one, other) = (rng.pick(&choices), rng.pick(&choices));
    let chosen = if area(&one) >= area(&other) { one } else { other };
    let [left, top, right, bottom] = chosen.bounds;
    let (wide, high) = ((right - left) as f32, (bottom - top) as f32);
    // The window is small enough for the kind to dominate it.
    let (gsd, widest) = gsd(&mut rng, kind, (1.4 * wide.min(high)).max(50.0));
    let pixels = WINDOW.0 + (WINDOW.1 - WINDOW.0) * rng.unit().powi(2);
    let pixels = pixels.min(widest / gsd).max(narrowest(kind) / gsd) as u32;
    let metres = pixels as f32 * gsd;
    let mut centre = |focus: f64, from: f64, extent: f32| {
        let middle = from + f64::from(0.5 * extent);
        // If there is much more of the kind than the window shows, it may be anywhere within.
        let inside = 0.5 * extent - 0.56 * metres;
        let play = if inside > 0.0 { inside } else { 0.14 * metres.min(extent) };
        let off_centre = if (focus - middle).abs() > 1.0 { 0.14 * metres } else { play };
        focus + f64::from(off_centre * rng.range(-1.0, 1.0))
    };
    let (x, y) = (centre(chosen.focus.0, left, wide), centre(chosen.focus.1, top, high));
    let angle = rng.range(0.0, std::f32::consts::TAU);
    let view = Frame::new((x, y)).turned(angle).at(-0.5 * metres, -0.5 * metres);
    let place = (rng.index(256), rng.index(256));
    seen(pixels, gsd, |side, gsd| paint(&world, view, gsd, (side, side), place))
}

/// A patch of a site, over what lies around it.
fn site_patch(site: Site, seed: u64, number: u32) -> Option<RgbImage> {
    let mut rng = SplitMix64::of(&[seed, 1000 + site as u64, u64::from(number)]);
    let world = World::new(rng.bits());
    let region = Region::new(&world, rng.index(8) as i64, rng.index(8) as i64);
    let (x, y) = site.place(&mut rng);
    let measures = site.measures();
    let size = log_uniform(&mut rng, measures.size.0, measures.size.1);
    let metres = size * log_uniform(&mut rng, measures.shown.0, measures.shown.1);
    let (finest, coarsest) = measures.gsd;
    let gsd = log_uniform(
        &mut rng,
        finest.max(metres / MOST_PIXELS),
        coarsest.min(metres / LEAST_PIXELS).max(metres / MOST_PIXELS),
    );
    let pixels = (metres / gsd).ceil() as u32;
    // What stands in a town mostly follows its streets.
    let angle = if rng.chance(0.5) { 0.0 } else { rng.range(0.0, std::f32::consts::TAU) };
    let frame = region.frame.at(x, y).turned(angle);
    let frame = if rng.chance(0.5) { frame } else { frame.mirrored_y() };
    let plot = Plot { frame, size, seen: 0.9 * metres, seed: rng.bits() };
    let play = 0.3 * (metres - size).abs() + 0.06 * metres;
    let play = play.min(0.18 * metres);
    let middle = frame.at(play * rng.range(-1.0, 1.0), play * rng.range(-1.0, 1.0));
    let view = Frame::new(middle.origin).turned(rng.range(0.0, std::f32::consts::TAU));
    let view = view.at(-0.5 * metres, -0.5 * metres);
    let place = (rng.index(256), rng.index(256));
    seen(pixels, gsd, |side, gsd| {
        let size = (side, side);
        let mut canvas = if site.fills() {
            Canvas::new(size, view, gsd, &world)
        } else {
            painted(&world, view, gsd, size)
        };
        site.paint(&mut canvas, &world, &plot);
        develop(&canvas, &world, place)
    })
}

/// A picture of so many pixels a side at a ground sample distance, as a patch. A coarse pixel is the mean of
/// finer ones, as on a sensor.
fn seen(pixels: u32, gsd: f32, paint: impl Fn(usize, f32) -> Vec<u8>) -> Option<RgbImage> {
    let finer = ((gsd / FINE) as u32).clamp(1, (MOST_PAINTED / pixels.max(1)).max(1));
    let side = pixels * finer;
    let picture = RgbImage::from_raw(side, side, paint(side as usize, gsd / finer as f32))?;
    let picture = if finer > 1 { resize(&picture, pixels, pixels, FilterType::Triangle) } else { picture };
    Some(resize(&picture, SIDE, SIDE, FilterType::CatmullRom))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_patches_that_repeat_and_differ() {
        for subject in Variety::Rich.subjects() {
            let one = subject.patch(3, 1).unwrap();
            assert_eq!(one.dimensions(), (SIDE, SIDE));
            assert!(Some(&one) == subject.patch(3, 1).as_ref(), "{subject:?}");
            assert!(Some(&one) != subject.patch(3, 2).as_ref(), "{subject:?}");
        }
    }

    #[test]
    fn names_are_those_of_one_kind_alone() {
        let mut names: Vec<&str> = Variety::Rich.subjects().into_iter().map(Subject::name).collect();
        assert_eq!(names.len(), Variety::Rich.kinds());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Variety::Rich.kinds());
    }

    #[test]
    fn near_patches_of_a_scene_stay_as_they_were() {
        // The first edition of the model that comes with Skysift was trained on them.
        for kind in Kind::ALL {
            let (plain, rich) = (Subject::Kind(kind, Variety::Scene), Subject::Kind(kind, Variety::Rich));
            assert!(plain.patch(3, 0) == rich.patch(3, 0), "{kind:?}");
        }
    }

    #[test]
    fn a_coarse_pixel_is_the_mean_of_what_it_covers() {
        // Stripes finer than a pixel are grey, not black or white.
        let stripes = |side: usize, _: f32| {
            (0..side * side * 3).map(|i| if i / 3 % 2 == 0 { 0 } else { 240 }).collect()
        };
        let picture = seen(64, 2.0 * FINE, stripes).unwrap();
        let (least, most) =
            picture.iter().fold((255, 0), |(least, most), &byte| (byte.min(least), byte.max(most)));
        assert!(least > 90 && most < 150, "{least} to {most}");
    }

    #[test]
    fn distances_stay_within_what_is_asked() {
        let mut rng = SplitMix64::new(4);
        let drawn: Vec<f32> = (0..1000).map(|_| log_uniform(&mut rng, 0.5, 8.0)).collect();
        assert!(drawn.iter().all(|gsd| (0.499..8.01).contains(gsd)));
        let below = drawn.iter().filter(|gsd| **gsd < 2.0).count();
        assert!((430..570).contains(&below), "{below} of 1000 lie in the lower half");
        assert!(log_uniform(&mut rng, 3.0, 1.0) <= 3.0);
    }
}
