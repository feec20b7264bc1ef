//! Scenes from the outside: pixels as GDAL decodes them, places as PROJ puts them, bad files.
//!
//! `tests/reference/make_raster_fixtures.py` made the images and what is expected of them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use skysift::raster::{Pixels, RasterError, Rect, Role, SampleType, Samples, Scene};

use crate::support::{self, shared};

fn fixture(name: &str) -> PathBuf {
    support::fixture("raster").join(name)
}

fn manifest() -> Value {
    let manifest: Value = serde_json::from_slice(&std::fs::read(fixture("manifest.json")).unwrap()).unwrap();
    assert!(manifest["cases"].as_array().unwrap().len() > 20);
    manifest
}

fn open(name: &str) -> Scene {
    Scene::open(&fixture(name)).unwrap()
}

fn whole(scene: &Scene, level: usize) -> Rect {
    let (width, height) = scene.level_sizes()[level];
    Rect::new(0, 0, width, height)
}

/// Little endian, as the fixtures are.
fn little_endian(samples: &Samples) -> Vec<u8> {
    let mut data = samples.data.clone();
    if cfg!(target_endian = "big") {
        data.chunks_exact_mut(samples.sample_type.bytes()).for_each(<[u8]>::reverse);
    }
    data
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(end)).unwrap()
    }

    fn rect(&mut self, (width, height): (u32, u32), longest: u32) -> Rect {
        let (w, h) = (1 + self.below(width.min(longest)), 1 + self.below(height.min(longest)));
        Rect::new(self.below(width - w + 1), self.below(height - h + 1), w, h)
    }
}

#[test]
fn every_variant_decodes_as_gdal_decodes_it() {
    let manifest = manifest();
    for case in manifest["cases"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let scene = open(name);
        let info = scene.info();
        assert_eq!(info.data_type.name(), case["dtype"].as_str().unwrap(), "{name}");
        assert_eq!(info.bands.len() as u64, case["bands"].as_u64().unwrap(), "{name}");
        let is_tiff = info.format.ends_with("TIFF");
        let levels = case["levels"].as_array().unwrap();
        assert!(!is_tiff || levels.len() == scene.level_sizes().len(), "{name}: {:?}", scene.level_sizes());
        for (index, level) in levels.iter().enumerate() {
            let rect = whole(&scene, index);
            assert_eq!(u64::from(rect.width), level["width"].as_u64().unwrap(), "{name}");
            assert_eq!(u64::from(rect.height), level["height"].as_u64().unwrap(), "{name}");
            let samples = little_endian(&scene.read_samples(index, rect).unwrap());
            if let Some(raw) = level["raw"].as_str() {
                let difference = largest_difference(&samples, &std::fs::read(fixture(raw)).unwrap());
                assert!(
                    u64::from(difference) <= case["tolerance"].as_u64().unwrap(),
                    "{name}: {difference} levels"
                );
            } else {
                let hash: String = Sha256::digest(&samples).iter().fold(String::new(), |mut hash, byte| {
                    write!(hash, "{byte:02x}").unwrap();
                    hash
                });
                assert_eq!(hash, level["sha256"].as_str().unwrap(), "samples of {name}, level {index}");
            }
            let shown = scene.read(index, rect).unwrap();
            let valid = shown.rgba.chunks_exact(4).filter(|pixel| pixel[3] > 0).count();
            assert_eq!(
                valid as u64,
                level["valid"].as_u64().unwrap(),
                "valid pixels of {name}, level {index}"
            );
        }
    }
}

#[test]
fn facts_of_the_variants_are_told() {
    let manifest = manifest();
    for case in manifest["cases"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let info = serde_json::to_value(open(name).info()).unwrap();
        for fact in ["shown", "alpha", "format"] {
            if let Some(expected) = case.get(fact) {
                assert_eq!(&info[fact], expected, "{fact} of {name}");
            }
        }
    }
    assert_eq!(open("tiles_planar_uint16_rgbi.tif").info().compression, "deflate");
    assert_eq!(open("tiles_planar_uint16_rgbi.tif").info().shown, [1, 2, 3]);
    assert_eq!(open("tiles_deflate_overviews.tif").info().overviews, [(51, 38), (26, 19)]);
    assert_eq!(open("twelve_bits.tif").info().bits, 12);
    assert_eq!(open("palette.tif").info().bands[0].interpretation, Role::Palette);
    assert!(open("mask.tif").info().mask);
    assert!(open("tiles_zstd_float32.tif").info().nodata.is_some_and(f64::is_nan));
    let json = serde_json::to_value(open("tiles_zstd_float32.tif").info()).unwrap();
    assert_eq!(json["nodata"], "nan");
    assert_eq!(serde_json::to_value(open("strips_packbits_int16.tif").info()).unwrap()["nodata"], -9999.0);
    assert_eq!(open("rgba.webp").info().format, "WebP");
    assert_eq!(open("rgba.webp").info().block, None);
    assert!(open("rgba.webp").info().overviews.is_empty());
    assert_eq!(open("grey_jpeg.tif.png").info().format, "JPEG");
    assert_eq!(open("grey16.png").info().data_type, SampleType::Uint16);
}

#[test]
fn json_holds_what_scripts_ask_for() {
    let json = serde_json::to_value(open("utm33.tif").info()).unwrap();
    for key in [
        "width",
        "height",
        "bands",
        "data_type",
        "compression",
        "overviews",
        "nodata",
        "epsg",
        "bounds",
        "ground_sample_distance",
    ] {
        assert!(json.get(key).is_some(), "{key} is missing in {json}");
    }
    assert_eq!(json["data_type"], "uint8");
    assert_eq!(json["bands"][0]["interpretation"], "grey");
    assert_eq!(json["bounds"], serde_json::json!([500_000.0, 5_499_900.0, 500_070.0, 5_500_000.0]));
    // On the ground, not on the map: in the middle of its zone UTM is smaller than the earth by 0.9996.
    let ground: [f64; 2] = serde_json::from_value(json["ground_sample_distance"].clone()).unwrap();
    for (found, on_map) in ground.into_iter().zip([10.0, 20.0]) {
        assert!((found - on_map / 0.9996).abs() < 1e-6, "{ground:?}");
    }
}

#[test]
fn eight_bits_are_shown_as_they_are() {
    let scene = open("strips_lzw.tif");
    let samples = scene.read_samples(0, whole(&scene, 0)).unwrap();
    let shown = scene.read(0, whole(&scene, 0)).unwrap();
    for (pixel, shown) in samples.data.chunks_exact(3).zip(shown.rgba.chunks_exact(4)) {
        assert_eq!([pixel[0], pixel[1], pixel[2], 255], shown);
    }
    let scene = open("palette.tif");
    let samples = scene.read_samples(0, whole(&scene, 0)).unwrap();
    let shown = scene.read(0, whole(&scene, 0)).unwrap();
    for (&index, shown) in samples.data.iter().zip(shown.rgba.chunks_exact(4)) {
        assert_eq!([index, 255 - index, index / 2, 255], shown);
    }
    let scene = open("white_is_zero.tif");
    let samples = scene.read_samples(0, whole(&scene, 0)).unwrap();
    let shown = scene.read(0, whole(&scene, 0)).unwrap();
    for (&value, shown) in samples.data.iter().zip(shown.rgba.chunks_exact(4)) {
        assert_eq!([255 - value; 3], shown[..3]);
    }
    let scene = open("one_bit.tif");
    let samples = scene.read_samples(0, whole(&scene, 0)).unwrap();
    let shown = scene.read(0, whole(&scene, 0)).unwrap();
    for (&value, shown) in samples.data.iter().zip(shown.rgba.chunks_exact(4)) {
        assert_eq!([value * 255; 3], shown[..3]);
    }
}

#[test]
fn more_bits_are_stretched_between_the_2nd_and_98th_percentile() {
    let scene = open("sentinel_names.tif");
    let samples = scene.read_samples(0, whole(&scene, 0)).unwrap();
    let values: Vec<f64> = samples.values().collect();
    let shown = scene.read(0, whole(&scene, 0)).unwrap();
    for (channel, band) in [(0, 2), (1, 1), (2, 0)] {
        let mut sorted: Vec<f64> = values.iter().skip(band).step_by(5).copied().collect();
        sorted.sort_by(f64::total_cmp);
        // 775 values: the percentiles lie between neighbours, which numpy and we weigh alike.
        let at = |part: f64| {
            let position = part * 774.0;
            let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
            below + (above - below) * position.fract()
        };
        let (black, white) = (at(0.02), at(0.98));
        for (pixel, shown) in values.chunks_exact(5).zip(shown.rgba.chunks_exact(4)) {
            let expected = ((pixel[band] - black) / (white - black) * 255.0).clamp(0.0, 255.0);
            assert!((f64::from(shown[channel]) - expected).abs() <= 0.51, "{shown:?} for {pixel:?}");
        }
    }
}

#[test]
fn nodata_does_not_widen_the_stretch() {
    let scene = open("absent_tiles_nodata.tif");
    assert!(scene.info().stretch[0].black > -9999.0, "{:?}", scene.info().stretch);
    let scene = open("tiles_zstd_float32.tif");
    assert!(scene.info().stretch[0].white <= 60.0, "{:?}", scene.info().stretch);
}

#[test]
fn any_region_is_a_cut_of_the_whole() {
    let mut dice = Dice(7);
    for name in [
        "strips_lzw.tif",
        "tiles_deflate_overviews.tif",
        "tiles_planar_uint16_rgbi.tif",
        "mask.tif",
        "rgb.png",
    ] {
        let scene = open(name);
        for level in 0..scene.level_sizes().len() {
            let all = scene.read(level, whole(&scene, level)).unwrap();
            for _ in 0..20 {
                let rect = dice.rect(scene.level_sizes()[level], 40);
                assert_eq!(scene.read(level, rect).unwrap(), cut(&all, rect), "{name} {level} {rect:?}");
            }
        }
    }
}

fn cut(all: &Pixels, rect: Rect) -> Pixels {
    let rows = (rect.y..rect.bottom()).flat_map(|y| {
        let start = (y * all.width + rect.x) as usize * 4;
        all.rgba[start..start + rect.width as usize * 4].to_vec()
    });
    Pixels { width: rect.width, height: rect.height, rgba: rows.collect() }
}

#[test]
fn threads_read_the_same_as_one() {
    let scene = Arc::new(open("tiles_deflate_overviews.tif"));
    let all = Arc::new(scene.read(0, whole(&scene, 0)).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|seed| {
            let (scene, all) = (Arc::clone(&scene), Arc::clone(&all));
            std::thread::spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..100 {
                    let rect = dice.rect(scene.size(), 60);
                    assert_eq!(scene.read(0, rect).unwrap(), cut(&all, rect));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_region_outside_is_refused() {
    let scene = open("strips_lzw.tif");
    let (width, height) = scene.size();
    for (level, rect) in [
        (0, Rect::new(0, 0, width + 1, height)),
        (0, Rect::new(width, height, 1, 1)),
        (0, Rect::new(u32::MAX, 0, 2, 1)),
        (1, Rect::new(0, 0, 1, 1)),
    ] {
        let message = scene.read(level, rect).unwrap_err().to_string();
        assert!(message.contains("strips_lzw.tif"), "{message}");
        assert!(scene.read_samples(level, rect).is_err());
    }
    assert!(scene.read_scaled(Rect::new(1, 0, width, height), 9, 9).is_err());
    assert!(scene.read_scaled(Rect::new(0, 0, width, height), 1 << 20, 1 << 20).is_err());
    assert_eq!(scene.read(0, Rect::new(3, 3, 0, 5)).unwrap(), Pixels::empty(0, 5));
    assert_eq!(scene.read_scaled(Rect::new(3, 3, 0, 0), 2, 2).unwrap(), Pixels::empty(2, 2));
}

// Reading at a scale.

#[test]
fn at_full_size_scaled_is_read() {
    let mut dice = Dice(3);
    for name in ["strips_lzw.tif", "mask.tif", "rgba.webp"] {
        let scene = open(name);
        for _ in 0..20 {
            let rect = dice.rect(scene.size(), 50);
            let scaled = scene.read_scaled(rect, rect.width, rect.height).unwrap();
            assert_eq!(scaled, scene.read(0, rect).unwrap(), "{name} {rect:?}");
        }
    }
}

#[test]
fn a_whole_factor_is_the_mean_of_its_pixels() {
    let scene = open("strips_lzw.tif");
    let mut dice = Dice(11);
    for factor in 2..6 {
        let (width, height) = (1 + dice.below(10), 1 + dice.below(7));
        let rect = Rect::new(dice.below(10), dice.below(9), width * factor, height * factor);
        let fine = scene.read(0, rect).unwrap();
        let coarse = scene.read_scaled(rect, width, height).unwrap();
        for y in 0..height {
            for x in 0..width {
                for channel in 0..4 {
                    let at =
                        |x: u32, y: u32| u32::from(fine.rgba[((y * fine.width + x) * 4 + channel) as usize]);
                    let sum: u32 = (0..factor)
                        .flat_map(|dy| (0..factor).map(move |dx| (x * factor + dx, y * factor + dy)))
                        .map(|(x, y)| at(x, y))
                        .sum();
                    let mean = f64::from(sum) / f64::from(factor * factor);
                    let found = f64::from(coarse.rgba[((y * width + x) * 4 + channel) as usize]);
                    assert!((found - mean).abs() <= 1.0, "factor {factor}: {found} is not {mean}");
                }
            }
        }
    }
}

#[test]
fn an_overview_that_fits_is_what_is_shown() {
    let scene = open("tiles_deflate_overviews.tif");
    for (level, (width, height)) in scene.level_sizes().into_iter().enumerate() {
        let scaled = scene.read_scaled(whole(&scene, 0), width, height).unwrap();
        assert_eq!(scaled, scene.read(level, whole(&scene, level)).unwrap(), "level {level}");
    }
}

#[test]
fn hidden_pixels_do_not_bleed_into_means() {
    // White where there is data, black where there is none: a mean is white or nothing.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.tif");
    let tile = [[255_u8; 16 * 8], [0; 16 * 8]].concat();
    write_tiff(
        &path,
        &Tiff { width: 16, height: 16, tile: (16, 16), nodata: Some("0"), data: &tile, ..Tiff::default() },
    );
    let scene = Scene::open(&path).unwrap();
    let pixels = scene.read_scaled(whole(&scene, 0), 3, 3).unwrap();
    for pixel in pixels.rgba.chunks_exact(4) {
        assert!(pixel[3] == 0 || pixel[..3] == [255; 3], "{pixel:?}");
    }
    assert_eq!(pixels.rgba[3], 255);
    assert_eq!(pixels.rgba[8 * 4 + 3], 0);
}

#[test]
fn a_picture_larger_than_its_region_repeats_pixels() {
    let scene = open("strips_lzw.tif");
    let small = scene.read(0, Rect::new(4, 5, 2, 2)).unwrap();
    let large = scene.read_scaled(Rect::new(4, 5, 2, 2), 4, 4).unwrap();
    for y in 0..4 {
        for x in 0..4 {
            let at = |pixels: &Pixels, x: usize, y: usize| {
                let start = (y * pixels.width as usize + x) * 4;
                pixels.rgba[start..start + 4].to_vec()
            };
            assert_eq!(at(&large, x, y), at(&small, x / 2, y / 2));
        }
    }
}

#[test]
fn a_huge_scene_without_overviews_is_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.tif");
    // All 152,881 tiles are the same one: 10 gigapixels in a megabyte.
    let tile: Vec<u8> = (0..256 * 256).map(|i| if i % 256 < 128 { 40 } else { 60 }).collect();
    write_tiff(
        &path,
        &Tiff { width: 100_000, height: 100_000, tile: (256, 256), data: &tile, ..Tiff::default() },
    );
    let scene = Scene::open(&path).unwrap();
    let picture = scene.read_scaled(whole(&scene, 0), 300, 200).unwrap();
    for pixel in picture.rgba.chunks_exact(4) {
        assert!((49..=51).contains(&pixel[0]) && pixel[3] == 255, "{pixel:?}");
    }
    // A part that is cheap enough is exact.
    let part = scene.read_scaled(Rect::new(51_200, 25_600, 1024, 512), 8, 4).unwrap();
    let row: Vec<u8> = part.rgba.chunks_exact(4).map(|pixel| pixel[0]).take(8).collect();
    assert_eq!(row, [40, 60, 40, 60, 40, 60, 40, 60]);
}

#[test]
fn one_large_uncompressed_strip_is_read_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(9);
    // A strip of 1.2 MiB; both byte orders; bands side by side and apart.
    let (width, height, bands) = (640_u32, 480_u32, 2_u32);
    let value = |x: u32, y: u32, band: u32| u16::try_from((x * 7 + y * 13 + band * 1000) % 65_536).unwrap();
    for (big, planar) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut data = Vec::new();
        let mut put = |value: u16| data.extend(if big { value.to_be_bytes() } else { value.to_le_bytes() });
        let order: Vec<(u32, u32, u32)> = if planar {
            (0..bands)
                .flat_map(|b| (0..height).flat_map(move |y| (0..width).map(move |x| (x, y, b))))
                .collect()
        } else {
            (0..height)
                .flat_map(|y| (0..width).flat_map(move |x| (0..bands).map(move |b| (x, y, b))))
                .collect()
        };
        for (x, y, band) in order {
            put(value(x, y, band));
        }
        let path = folder.path().join("strip.tif");
        write_strip_tiff(&path, (width, height, bands), big, planar, &data);
        let scene = Scene::open(&path).unwrap();
        let block = scene.info().block.unwrap();
        assert_eq!((block.tiled, block.width, block.height), (false, width, height));
        let mut rects = vec![Rect::new(0, 0, width, height), Rect::new(0, 17, width, 400)];
        rects.extend((0..20).map(|_| dice.rect((width, height), 300)));
        for rect in rects {
            let samples = scene.read_samples(0, rect).unwrap();
            let expected = (rect.y..rect.bottom()).flat_map(|y| {
                (rect.x..rect.right())
                    .flat_map(move |x| (0..bands).map(move |band| f64::from(value(x, y, band))))
            });
            assert!(samples.values().eq(expected), "{rect:?} big {big} planar {planar}");
        }
    }
}

// Places.

#[test]
fn pixels_lie_where_proj_puts_them() {
    let manifest = manifest();
    for place in manifest["places"].as_array().unwrap() {
        let name = place["file"].as_str().unwrap();
        let scene = open(name);
        assert_eq!(scene.info().epsg.map(u64::from), place["epsg"].as_u64(), "{name}");
        let bounds = scene.info().bounds.unwrap();
        for (found, expected) in bounds.iter().zip(place["bounds"].as_array().unwrap()) {
            if name != "rotated.tif" {
                assert!((found - expected.as_f64().unwrap()).abs() < 1e-6, "{name}: {bounds:?}");
            }
        }
        for point in place["points"].as_array().unwrap() {
            let [x, y, lon, lat] = [0, 1, 2, 3].map(|index| point[index].as_f64().unwrap());
            let (found_lon, found_lat) = scene.lon_lat(x, y).unwrap();
            let turn = (found_lon - lon).rem_euclid(360.0);
            assert!(turn.min(360.0 - turn) < 1e-7, "{name}: longitude {found_lon}, not {lon}");
            assert!((found_lat - lat).abs() < 1e-7, "{name}: latitude {found_lat}, not {lat}");
        }
    }
}

#[test]
fn a_pixel_has_a_size_on_the_ground() {
    let size = |name: &str| open(name).info().ground_sample_distance.unwrap();
    let near = |found: [f64; 2], expected: [f64; 2]| {
        found.iter().zip(expected).all(|(found, expected)| (found / expected - 1.0).abs() < 0.01)
    };
    assert!(near(size("utm33.tif"), [10.0, 20.0]));
    assert!(near(size("rotated.tif"), [(64.0_f64 + 4.0).sqrt(), (9.0_f64 + 81.0).sqrt()]));
    // Also where the map's own scale is not exactly 1.
    let [width, height] = size("nztm.tif");
    assert!(width != 10.0 && near([width, height], [10.0, 20.0]), "{width} {height}");
    // 1e-4 degrees of a circle of 40,030 km, smaller by the cosine along a parallel.
    let degree = 40_030_000.0 / 360.0;
    let cosine = 48.25_f64.to_radians().cos();
    assert!(near(size("degrees.tif"), [1e-4 * degree * cosine, 2e-4 * degree]));
    let cosine = open("mercator.tif").lon_lat(3.5, 2.5).unwrap().1.to_radians().cos();
    assert!(near(size("mercator.tif"), [10.0 * cosine, 20.0 * cosine]));
}

#[test]
fn the_antimeridian_does_not_make_a_scene_as_wide_as_the_world() {
    let Some(shared) = shared() else { return };
    let scene = Scene::open(&shared.join("data/scenes/cog_dateline.tif")).unwrap();
    let [west, _, east, _] = scene.info().bounds_lon_lat.unwrap();
    assert!((177.0..180.0).contains(&west) && (-180.0..-177.0).contains(&east), "{west} to {east}");
}

#[test]
fn without_a_georeference_there_is_no_place() {
    for name in ["strips_lzw.tif", "rgb.png"] {
        let scene = open(name);
        assert_eq!(scene.lon_lat(1.0, 1.0), None, "{name}");
        assert_eq!(scene.info().bounds, None, "{name}");
        assert_eq!(scene.info().ground_sample_distance, None, "{name}");
    }
}

// Real scenes.

/// Scenes and how many levels their pixels may differ from GDAL's: JPEG decoders round differently.
const SCENES: [(&str, u8); 13] = [
    ("RGB.byte.tif", 0),
    ("naip.tif", 0),
    ("planet_ship.tif", 0),
    ("port_is_jpeg_inside.png", 3),
    ("bay_is_jpeg_inside.png", 3),
    ("cogeo.tif", 3),
    ("airport.png", 0),
    ("bgra_uint16.tif", 0),
    ("cog_gcps.tif", 0),
    ("cog_dateline.tif", 0),
    ("rgb16_lzw.tif", 0),
    ("tiled_no_overview.tif", 0),
    ("sparse.tif", 3),
];

#[test]
fn regions_of_real_scenes_equal_gdals() {
    let Some(shared) = shared() else { return };
    if !support::require("gdal") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(1);
    for (name, tolerance) in SCENES {
        let path = shared.join("data/scenes").join(name);
        let scene = Scene::open(&path).unwrap();
        let (width, height) = scene.size();
        let corner =
            Rect::new(width.saturating_sub(300), height.saturating_sub(200), width.min(300), height.min(200));
        let mut rects = vec![corner];
        rects.extend((0..5).map(|_| dice.rect((width, height), 700)));
        for rect in rects {
            let expected = gdal_region(&path, rect, folder.path());
            let found = scene.read_samples(0, rect).unwrap().data;
            let difference = if tolerance == 0 {
                assert!(found == expected, "{name} {rect:?} differs from GDAL");
                0
            } else {
                largest_difference(&found, &expected)
            };
            assert!(difference <= tolerance, "{name} {rect:?}: {difference} levels");
        }
    }
}

/// The samples of a region, as GDAL decodes them.
fn gdal_region(path: &Path, rect: Rect, folder: &Path) -> Vec<u8> {
    let out = folder.join("region.raw");
    let window = [rect.x, rect.y, rect.width, rect.height].map(|value| value.to_string());
    let run = Command::new("gdal_translate")
        .args(["-q", "-of", "ENVI", "-co", "INTERLEAVE=BIP", "-srcwin"])
        .args(window)
        .args([path, &out])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::read(out).unwrap()
}

#[test]
fn blue_green_red_alpha_comes_out_in_colour() {
    let Some(shared) = shared() else { return };
    let scene = Scene::open(&shared.join("data/scenes/bgra_uint16.tif")).unwrap();
    assert_eq!(scene.info().shown, [3, 2, 1]);
    assert_eq!(scene.info().alpha, Some(4));
    assert!(scene.read(0, whole(&scene, 0)).unwrap().rgba.chunks_exact(4).any(|pixel| pixel[3] == 255));
    let rect = Rect::new(200, 100, 50, 50);
    let samples: Vec<f64> = scene.read_samples(0, rect).unwrap().values().collect();
    let shown = scene.read(0, rect).unwrap();
    let pixels = samples.chunks_exact(4).zip(shown.rgba.chunks_exact(4));
    let mut opaque = pixels.filter(|(pixel, _)| pixel[3] > 0.0).peekable();
    assert!(opaque.peek().is_some());
    for (pixel, shown) in opaque {
        for (channel, band) in [(0, 2), (1, 1), (2, 0)] {
            let range = scene.info().stretch[channel];
            let expected =
                ((pixel[band] - range.black) / (range.white - range.black) * 255.0).clamp(0.0, 255.0);
            assert!((f64::from(shown[channel]) - expected).abs() <= 0.51);
        }
    }
}

#[test]
fn a_part_of_a_cut_off_file_can_be_read() {
    let Some(shared) = shared() else { return };
    let scene = Scene::open(&shared.join("data/scenes/truncated_cog.tif")).unwrap();
    let coarsest = scene.level_sizes().len() - 1;
    assert!(scene.read(coarsest, whole(&scene, coarsest)).is_ok());
    let message = scene.read(0, whole(&scene, 0)).unwrap_err().to_string();
    assert!(message.contains("truncated_cog.tif") && message.contains("cut off"), "{message}");
}

// Bad input.

/// The one-line message that opening a file ends in.
#[test]
#[cfg(unix)]
fn a_scene_whose_file_is_removed_can_still_be_read() {
    for name in ["tiles_deflate_overviews.tif", "photo.jpg"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::copy(support::fixture("raster").join(name), &path).unwrap();
        let scene = Scene::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (width, height) = scene.size();
        let whole = Rect::new(0, 0, width, height);
        let kept = Scene::open(&support::fixture("raster").join(name)).unwrap();
        assert_eq!(scene.read(0, whole).unwrap(), kept.read(0, whole).unwrap(), "{name}");
        assert_eq!(scene.read_scaled(whole, 20, 20).unwrap(), kept.read_scaled(whole, 20, 20).unwrap());
        // Nobody opens it again.
        let message = failure(&path);
        assert!(message.starts_with("cannot open ") && message.contains(name), "{message}");
    }
}

fn failure(path: &Path) -> String {
    let message =
        Scene::open(path).err().unwrap_or_else(|| panic!("{} was opened", path.display())).to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn files_that_are_no_scenes_end_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let png = std::fs::read(fixture("rgb.png")).unwrap();
    let jpeg = std::fs::read(fixture("photo.jpg")).unwrap();
    let webp = std::fs::read(fixture("rgba.webp")).unwrap();
    let tiff = std::fs::read(fixture("strips_lzw.tif")).unwrap();
    for (path, expected) in [
        (folder.path().join("missing.tif"), "check the name"),
        (folder.path().to_owned(), "is a folder"),
        (write("empty.tif", b""), "is empty"),
        (write("text.tif", b"Dear reader, this is no image."), "is not an image"),
        (write("header_only.tif", b"II*\0"), "damaged or cut off"),
        (write("no_images.tif", b"II*\0\0\0\0\0"), "damaged or cut off"),
        (write("cut.tif", &tiff[..100]), "damaged or cut off"),
        (write("cut.png", &png[..png.len() / 2]), "damaged or cut off"),
        (write("cut.webp", &webp[..webp.len() / 2]), "damaged or cut off"),
        (write("cut.jpg", &jpeg[..100]), "damaged or cut off"),
        (write("scene.jp2", b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\0"), "holds no codestream"),
    ] {
        let message = failure(&path);
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(message.contains(&*name) && message.contains(expected), "{message}");
    }
}

#[test]
fn a_scene_of_one_pixel_is_a_scene() {
    let scene = open("one_pixel.tif");
    assert_eq!(scene.size(), (1, 1));
    let pixel = scene.read(0, Rect::new(0, 0, 1, 1)).unwrap();
    let scaled = scene.read_scaled(Rect::new(0, 0, 1, 1), 3, 2).unwrap();
    assert!(scaled.rgba.chunks_exact(4).all(|found| found == pixel.rgba));
}

#[test]
fn what_a_tiff_claims_is_checked_before_memory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge_tile.tif");
    write_tiff(&path, &Tiff { width: 1 << 20, height: 1 << 20, tile: (1 << 20, 1 << 20), ..Tiff::default() });
    assert!(failure(&path).contains("more than 512 MiB cannot be decoded at once"));
    let path = folder.path().join("other_compression.tif");
    write_tiff(&path, &Tiff { width: 16, height: 16, tile: (16, 16), compression: 34712, ..Tiff::default() });
    assert!(failure(&path).contains("JPEG 2000"), "{}", failure(&path));
    let path = folder.path().join("no_width.tif");
    write_tiff(&path, &Tiff { width: 0, height: 16, tile: (16, 16), ..Tiff::default() });
    assert!(failure(&path).contains("no_width.tif"));
}

/// Whatever is wrong in a file, it is told and nothing breaks.
#[test]
fn damaged_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    let mut dice = Dice(5);
    let mut errors = 0;
    for name in [
        "strips_lzw.tif",
        "tiles_jpeg_ycbcr.tif",
        "tiles_planar_uint16_rgbi.tif",
        "mask.tif",
        "palette.tif",
        "tiles_lerc_float32.tif",
        "tiles_zstd_float32.tif",
        "tiles_webp_lossless.tif",
        "rgb.png",
        "photo.jpg",
        "rgba.webp",
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let length = u32::try_from(bytes.len()).unwrap();
        for round in 0..60 {
            let mut bytes = bytes.clone();
            // Half of the damage in the header and tags, half anywhere.
            let end = if round % 2 == 0 { length.min(600) } else { length };
            for _ in 0..=dice.below(4) {
                bytes[dice.below(end) as usize] = u8::try_from(dice.below(256)).unwrap();
            }
            std::fs::write(&path, bytes).unwrap();
            let outcome = Scene::open(&path).and_then(|scene| {
                let (width, height) = scene.size();
                let part = Rect::new(0, 0, width.min(64), height.min(64));
                scene.read(0, part)?;
                scene.read_scaled(Rect::new(0, 0, width, height), 32, 32)
            });
            if let Err(error) = outcome {
                errors += 1;
                let message = error.to_string();
                // Changed tags may well speak of something that isn't read.
                let said = message.contains("damaged") || message.starts_with("cannot show");
                assert!(said && !message.contains('\n'), "{message}");
            }
        }
    }
    assert!(errors > 50, "only {errors} of the damaged files were noticed");
}

#[test]
fn the_fingerprint_follows_the_contents_and_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.png");
    std::fs::copy(fixture("strips_lzw.tif"), &copy).unwrap();
    let scene = open("strips_lzw.tif");
    assert_eq!(scene.fingerprint().len(), 64);
    assert_eq!(scene.fingerprint(), Scene::open(&copy).unwrap().fingerprint());
    let mut bytes = std::fs::read(&copy).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    assert!(Scene::open(&copy).map_or_else(|_| true, |changed| changed.fingerprint() != scene.fingerprint()));
}

#[test]
fn errors_can_be_told_apart() {
    assert!(matches!(Scene::open(Path::new("/nowhere/at/all.tif")), Err(RasterError::Open { .. })));
    assert!(matches!(Scene::open(&fixture("manifest.json")), Err(RasterError::UnknownFormat { .. })));
    if cfg!(unix) {
        let message = failure(Path::new("/dev/null"));
        assert!(message.contains("not a regular file"), "{message}");
    }
}

/// A grey 8-bit `BigTIFF` whose tiles are all the same bytes.
struct Tiff<'a> {
    width: u32,
    height: u32,
    tile: (u32, u32),
    compression: u64,
    nodata: Option<&'a str>,
    data: &'a [u8],
}

impl Default for Tiff<'_> {
    fn default() -> Self {
        Self { width: 16, height: 16, tile: (16, 16), compression: 1, nodata: None, data: &[0; 256] }
    }
}

fn write_tiff(path: &Path, tiff: &Tiff) {
    const LONG8: u64 = 16;
    const ASCII: u64 = 2;
    let tiles = (tiff.width.div_ceil(tiff.tile.0) * tiff.height.div_ceil(tiff.tile.1)) as usize;
    let nodata = tiff.nodata.map(|text| format!("{text}\0").into_bytes()).unwrap_or_default();
    let data_at = 16;
    let data_length = tiff.data.len() as u64;
    let offsets_at = data_at + data_length;
    let counts_at = offsets_at + tiles as u64 * 8;
    let directory_at = counts_at + tiles as u64 * 8;
    // A single value stands in the tag itself.
    let table = |at: u64, value: u64| if tiles == 1 { value } else { at };
    let mut inline = [0; 8];
    inline[..nodata.len()].copy_from_slice(&nodata);
    let mut tags = vec![
        (256, LONG8, 1, u64::from(tiff.width)),
        (257, LONG8, 1, u64::from(tiff.height)),
        (258, 3, 1, 8),
        (259, 3, 1, tiff.compression),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (322, LONG8, 1, u64::from(tiff.tile.0)),
        (323, LONG8, 1, u64::from(tiff.tile.1)),
        (324, LONG8, tiles as u64, table(offsets_at, data_at)),
        (325, LONG8, tiles as u64, table(counts_at, data_length)),
    ];
    if tiff.nodata.is_some() {
        tags.push((42113, ASCII, nodata.len() as u64, u64::from_le_bytes(inline)));
    }
    let mut bytes = b"II\x2b\0\x08\0\0\0".to_vec();
    bytes.extend(directory_at.to_le_bytes());
    bytes.extend(tiff.data);
    bytes.extend(data_at.to_le_bytes().repeat(tiles));
    bytes.extend(data_length.to_le_bytes().repeat(tiles));
    bytes.extend((tags.len() as u64).to_le_bytes());
    for (code, kind, count, value) in tags {
        bytes.extend(u16::try_from(code).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(kind).unwrap().to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(0_u64.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

/// A grey 16-bit TIFF of one uncompressed strip, or of one a band.
fn write_strip_tiff(
    path: &Path,
    (width, height, bands): (u32, u32, u32),
    big: bool,
    planar: bool,
    data: &[u8],
) {
    let short = |value: u32| u16::try_from(value).unwrap();
    let two = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let four = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let length = u32::try_from(data.len()).unwrap();
    let strips = if planar { bands } else { 1 };
    let tables_at = 8 + length;
    let directory_at = tables_at + strips * 8;
    let table = |at: u32, value: u32| if strips == 1 { value } else { at };
    let mut bytes = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    bytes.extend(four(directory_at));
    bytes.extend(data);
    (0..strips).for_each(|strip| bytes.extend(four(8 + strip * length / strips)));
    (0..strips).for_each(|_| bytes.extend(four(length / strips)));
    let tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 16),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, strips, table(tables_at, 8)),
        (277, 3, 1, bands),
        (278, 4, 1, height),
        (279, 4, strips, table(tables_at + strips * 4, length)),
        (284, 3, 1, if planar { 2 } else { 1 }),
    ];
    bytes.extend(two(short(u32::try_from(tags.len()).unwrap())));
    for (code, kind, count, value) in tags {
        bytes.extend(two(code));
        bytes.extend(two(kind));
        bytes.extend(four(count));
        if kind == 3 {
            bytes.extend(two(short(value)));
            bytes.extend([0; 2]);
        } else {
            bytes.extend(four(value));
        }
    }
    bytes.extend(four(0));
    std::fs::write(path, bytes).unwrap();
}
