//! Patches to train on: small pictures of one kind each, from many worlds, in folders named after the kinds.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use rayon::prelude::*;

use crate::atomic::write_bytes;
use crate::random::SplitMix64;
use crate::sample_scene::error::SampleSceneError;
use crate::sample_scene::frame::Frame;
use crate::sample_scene::kind::Kind;
use crate::sample_scene::painter::paint;
use crate::sample_scene::plan::Region;
use crate::sample_scene::truth::{TrueObject, truths};
use crate::sample_scene::world::World;

/// The side of a patch, in pixels.
const SIDE: u32 = 256;
const QUALITY: u8 = 90;
/// The least and the largest side of the windows that patches are made from, in pixels.
const WINDOW: (f32, f32) = (154.0, 512.0);

/// Writes `count` patches of every kind as `dir/kind/number.jpg`, 256 x 256 pixels, at 0.3 to 0.6 m a pixel
/// before they are scaled. `done` is called for every patch.
///
/// # Errors
/// If a file can't be written, or the folder of a kind holds files already, which may be somebody's pictures.
/// The error names it.
pub fn write_patches(
    dir: &Path,
    count: u32,
    seed: u64,
    done: &(dyn Fn(u64) + Sync),
) -> Result<(), SampleSceneError> {
    for kind in Kind::ALL {
        let folder = dir.join(kind.name());
        std::fs::create_dir_all(&folder).map_err(|error| SampleSceneError::write(&folder, error))?;
        let mut files = folder.read_dir().map_err(|error| SampleSceneError::write(&folder, error))?;
        if files.next().is_some() {
            return Err(SampleSceneError::Taken { path: folder.display().to_string() });
        }
    }
    let all: Vec<(Kind, u32)> =
        Kind::ALL.iter().flat_map(|&kind| (0..count).map(move |number| (kind, number))).collect();
    all.into_par_iter().try_for_each(|(kind, number)| {
        let path = dir.join(kind.name()).join(format!("{number:05}.jpg"));
        let Some(picture) = patch(kind, seed, number) else { return Ok(()) };
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

/// A patch; `None` only if a region has none of the kind, which the plan rules out.
fn patch(kind: Kind, seed: u64, number: u32) -> Option<RgbImage> {
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
    let gsd = rng.range(0.3, 0.6);
    let widest = (1.4 * wide.min(high)).max(50.0);
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
    let side = pixels as usize;
    let bytes = paint(&world, view, gsd, (side, side), place);
    let picture = RgbImage::from_raw(pixels, pixels, bytes)?;
    Some(resize(&picture, SIDE, SIDE, FilterType::CatmullRom))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_patches_that_repeat_and_differ() {
        for kind in Kind::ALL {
            let one = patch(kind, 3, 0).unwrap();
            assert_eq!(one.dimensions(), (SIDE, SIDE));
            assert!(Some(&one) == patch(kind, 3, 0).as_ref(), "{kind:?}");
            assert!(Some(&one) != patch(kind, 3, 1).as_ref(), "{kind:?}");
        }
    }
}
