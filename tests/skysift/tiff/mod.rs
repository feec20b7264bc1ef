//! TIFFs whose tags are missing, odd or at odds with each other, made byte by byte, beside what GDAL reads of
//! them.

pub mod written;

use std::path::Path;

use skysift::raster::{Rect, Samples, Scene};
use tempfile::TempDir;
use weezl::BitOrder;

use crate::formats::gdal;
use crate::support;
use written::{ASCII, LONG, SHORT, Tiff};

const WIDTH: u32 = 40;
const HEIGHT: u32 = 30;

/// A folder with one file, and all its samples.
fn read(tiff: &Tiff) -> (TempDir, Samples) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    std::fs::write(&path, tiff.bytes()).unwrap();
    let samples = samples(&path);
    (folder, samples)
}

fn samples(path: &Path) -> Samples {
    let scene = Scene::open(path).unwrap_or_else(|error| panic!("{error}"));
    let (width, height) = scene.size();
    scene.read_samples(0, Rect::new(0, 0, width, height)).unwrap_or_else(|error| panic!("{error}"))
}

fn same_as_gdal(tiff: &Tiff) -> Samples {
    let (folder, ours) = read(tiff);
    if support::require("gdal") {
        let theirs = gdal::pixels(&folder.path().join("scene.tif"), "").unwrap();
        assert!(ours.data == theirs.data, "not as GDAL reads it");
    }
    ours
}

/// Pixels without a pattern that a wrong row or column would still fit.
fn pixels(bands: u32) -> Vec<u8> {
    (0..WIDTH * HEIGHT * bands).map(|n| (n * n / 7 % 251) as u8).collect()
}

/// An RGB image in strips of 8 rows, not compressed.
fn strips() -> Tiff {
    let rows = pixels(3).chunks((WIDTH * 3 * 8) as usize).map(<[u8]>::to_vec).collect();
    Tiff::new(WIDTH, HEIGHT, 3, rows).tag(278, SHORT, &[8])
}

/// Rows packed a strip at a time.
fn packed(compression: u64, pack: impl Fn(&[u8]) -> Vec<u8>) -> Tiff {
    let rows = pixels(3).chunks((WIDTH * 3 * 8) as usize).map(pack).collect();
    Tiff::new(WIDTH, HEIGHT, 3, rows).tag(278, SHORT, &[8]).tag(259, SHORT, &[compression])
}

/// Compressed with deflate.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; bytes.len() * 2 + 100];
    let length = libdeflater::Compressor::new(libdeflater::CompressionLvl::default())
        .zlib_compress(bytes, &mut out)
        .unwrap();
    out.truncate(length);
    out
}

#[test]
fn inputs_that_were_read_wrongly_are_right() {
    let Some(shared) = support::shared() else { return };
    let folder = shared.join("data/cases");
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let mut seen = 0;
    for (name, right) in truth.as_object().unwrap() {
        let Some(means) = right["band_means"].as_array() else { continue };
        let scene = Scene::open(&folder.join(name)).unwrap();
        let (width, height) = scene.size();
        let shown = scene.read(0, Rect::new(0, 0, width, height)).unwrap();
        for (band, mean) in means.iter().enumerate() {
            let all = shown.rgba.chunks_exact(4).map(|pixel| f64::from(pixel[band]));
            let found = all.sum::<f64>() / f64::from(width * height);
            assert!(
                (found - mean.as_f64().unwrap()).abs() < 0.01,
                "{name}: band {band} is {found}, not {mean}"
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn a_predictor_counts_only_with_compressions_that_know_it() {
    let plain = strips().tag(317, SHORT, &[2]);
    assert_eq!(same_as_gdal(&plain).data, pixels(3));
    // Runs of one byte each.
    let runs = packed(32773, |rows| rows.iter().flat_map(|byte| [0, *byte]).collect()).tag(317, SHORT, &[2]);
    assert_eq!(same_as_gdal(&runs).data, pixels(3));
    let grey: Vec<u8> = pixels(1);
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95)
        .encode(&grey, WIDTH, HEIGHT, image::ExtendedColorType::L8)
        .unwrap();
    let jpeg = Tiff::new(WIDTH, HEIGHT, 1, vec![jpeg]).tag(259, SHORT, &[7]).tag(317, SHORT, &[2]);
    let (_folder, found) = read(&jpeg);
    let apart = found.data.iter().zip(&grey).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
    assert!(apart / (WIDTH * HEIGHT) < 20, "{apart}");
}

#[test]
fn colour_maps_of_8_bits_are_colours() {
    let map = |factor: u64| -> Vec<u64> {
        let band = |band: u64| (0..256).map(move |n| (n * (band + 3) % 256) * factor);
        (0..3).flat_map(band).collect()
    };
    let tiff =
        |map: &[u64]| Tiff::new(WIDTH, HEIGHT, 1, vec![pixels(1)]).tag(262, SHORT, &[3]).tag(320, SHORT, map);
    let shown = |tiff: &Tiff| {
        let (folder, _) = read(tiff);
        let scene = Scene::open(&folder.path().join("scene.tif")).unwrap();
        scene.read(0, Rect::new(0, 0, WIDTH, HEIGHT)).unwrap().rgba
    };
    let right = shown(&tiff(&map(257)));
    let n = u64::from(pixels(1)[9]);
    let [red, green, blue] = [3, 4, 5].map(|factor| (n * factor % 256) as u8);
    assert_eq!(right[4 * 9..][..4], [red, green, blue, 255]);
    assert_eq!(shown(&tiff(&map(1))), right);
    // Whatever stands behind the last colour, and a map that isn't there.
    let longer: Vec<u64> = map(257).into_iter().chain([1, 2, 3]).collect();
    assert_eq!(shown(&tiff(&longer)), right);
    let grey = Tiff::new(WIDTH, HEIGHT, 1, vec![pixels(1)]).tag(262, SHORT, &[3]);
    assert_eq!(shown(&grey).chunks(4).map(|pixel| pixel[1]).collect::<Vec<_>>(), pixels(1));
}

#[test]
fn byte_counts_that_are_zero_or_absent_are_worked_out() {
    // GDAL takes a single strip so, and several for ones that were never written.
    assert!(read(&strips().counts(Some(vec![0; 4]))).1.data == pixels(3));
    assert!(read(&strips().counts(None)).1.data == pixels(3));
    assert!(read(&strips().counts(Some(vec![1; 4]))).1.data == pixels(3));
    let one = Tiff::new(WIDTH, HEIGHT, 3, vec![pixels(3)]);
    assert!(read(&one.clone().counts(None)).1.data == pixels(3));
    assert_eq!(same_as_gdal(&one.counts(Some(vec![0]))).data, pixels(3));
    // Compressed pieces end where the next one begins.
    let squeezed = || packed(8, deflate);
    assert_eq!(read(&squeezed().counts(None)).1.data, pixels(3));
    assert_eq!(read(&squeezed().counts(Some(vec![0; 4]))).1.data, pixels(3));
    // More entries than there are strips.
    let nine = strips().counts(Some(vec![u64::from(WIDTH * 3 * 8); 9]));
    assert_eq!(read(&nine).1.data, pixels(3));
    // One that was never written is empty, the others are there.
    let some = packed(8, deflate);
    let lengths =
        some.lengths().into_iter().enumerate().map(|(index, length)| if index == 2 { 0 } else { length });
    let lengths = lengths.collect();
    let found = same_as_gdal(&some.counts(Some(lengths))).data;
    let strip = (WIDTH * 3 * 8) as usize;
    assert!(found[2 * strip..3 * strip].iter().all(|sample| *sample == 0));
    assert_eq!(found[..2 * strip], pixels(3)[..2 * strip]);
}

#[test]
fn lzw_of_old_programs_is_unpacked() {
    let old = packed(5, |rows| weezl::encode::Encoder::new(BitOrder::Lsb, 8).encode(rows).unwrap());
    assert_eq!(same_as_gdal(&old).data, pixels(3));
    let new = packed(5, |rows| {
        weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(rows).unwrap()
    });
    assert_eq!(same_as_gdal(&new).data, pixels(3));
}

#[test]
fn tiles_may_stand_under_the_tags_of_strips_and_strips_under_those_of_tiles() {
    let all = pixels(1);
    let tile = |left: u32, top: u32| -> Vec<u8> {
        let place = |x: u32, y: u32| if x < WIDTH && y < HEIGHT { all[(y * WIDTH + x) as usize] } else { 0 };
        let mut bytes = Vec::new();
        for y in top..top + 16 {
            bytes.extend((left..left + 16).map(|x| place(x, y)));
        }
        bytes
    };
    let tiles: Vec<Vec<u8>> =
        [0, 16].iter().flat_map(|&top| [0, 16, 32].iter().map(move |&left| tile(left, top))).collect();
    let tiled = |tiff: Tiff| tiff.tag(322, SHORT, &[16]).tag(323, SHORT, &[16]);
    let image = || Tiff::new(WIDTH, HEIGHT, 1, tiles.clone());
    assert_eq!(same_as_gdal(&tiled(image()).tables(324, 325)).data, pixels(1));
    assert_eq!(same_as_gdal(&tiled(image()).tables(273, 279)).data, pixels(1));
    assert_eq!(same_as_gdal(&tiled(image()).tables(273, 325)).data, pixels(1));
    assert_eq!(read(&strips().tables(324, 325)).1.data, pixels(3));
}

#[test]
fn four_inks_as_floating_point_numbers_are_colours() {
    let inks: Vec<u8> = (0..WIDTH * HEIGHT)
        .flat_map(|n| [0.25, (n % 5) as f32 / 4.0, 1.0, 0.5])
        .flat_map(|ink: f32| ink.to_le_bytes())
        .collect();
    let tiff = Tiff::new(WIDTH, HEIGHT, 4, vec![inks])
        .tag(258, SHORT, &[32; 4])
        .tag(339, SHORT, &[3; 4])
        .tag(262, SHORT, &[5]);
    let (folder, found) = read(&tiff);
    assert_eq!(found.bands, 3);
    let found: Vec<f64> = found.values().collect();
    assert_eq!(found[3 * 7..][..3], [0.375, 0.25, 0.0]);
    let notices = notices(&folder.path().join("scene.tif"));
    assert!(notices.contains("four inks"), "{notices}");
}

/// What `info --json` says in its notices.
fn notices(path: &Path) -> String {
    let run = support::skysift().args(["info", "--json"]).arg(path).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let info: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    info["notices"].to_string()
}

#[test]
fn complex_numbers_are_their_magnitude_in_decibels() {
    let number = |n: u32| ((n % 7) as i16 * 300, (n % 11) as i16 * -200);
    let bytes = |big: bool| -> Vec<u8> {
        let order = |part: i16| if big { part.to_be_bytes() } else { part.to_le_bytes() };
        (0..WIDTH * HEIGHT).flat_map(|n| [order(number(n).0), order(number(n).1)].concat()).collect()
    };
    for big in [false, true] {
        let tiff = Tiff::new(WIDTH, HEIGHT, 1, vec![bytes(big)])
            .tag(258, SHORT, &[32])
            .tag(339, SHORT, &[5])
            .tag(42113, ASCII, &b"0\0".map(u64::from));
        let tiff = if big { tiff.big_endian() } else { tiff };
        let (folder, found) = read(&tiff);
        assert_eq!(found.sample_type.name(), "float32");
        for (n, found) in (0..WIDTH * HEIGHT).zip(found.values()) {
            let (re, im) = number(n);
            let right = 20.0 * f64::from(re).hypot(f64::from(im)).log10();
            assert!(found == right || (found - right).abs() < 1e-4, "{n}: {found}, not {right}");
        }
        let path = folder.path().join("scene.tif");
        let shown = Scene::open(&path).unwrap().read(0, Rect::new(0, 0, WIDTH, HEIGHT)).unwrap();
        for (n, pixel) in (0..WIDTH * HEIGHT).zip(shown.rgba.chunks(4)) {
            assert_eq!(pixel[3] == 0, number(n) == (0, 0));
        }
        let notices = notices(&path);
        assert!(notices.contains("decibels"), "{notices}");
    }
}

#[test]
fn what_is_not_read_is_never_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    let sentence = |tiff: &Tiff| {
        std::fs::write(&path, tiff.bytes()).unwrap();
        Scene::open(&path).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let two_bytes = || Tiff::new(WIDTH, HEIGHT, 3, vec![vec![7; (WIDTH * HEIGHT * 2) as usize]]);
    for (what, tiff) in [
        ("mixed BitsPerSample", two_bytes().tag(258, SHORT, &[5, 6, 5])),
        ("predictor", strips().tag(258, SHORT, &[4; 3]).tag(259, SHORT, &[8]).tag(317, SHORT, &[2])),
        ("colour filter array", Tiff::new(WIDTH, HEIGHT, 1, vec![pixels(1)]).tag(262, SHORT, &[32803])),
        ("LZMA", strips().tag(259, LONG, &[34925])),
        ("number 4711", strips().tag(259, SHORT, &[4711])),
    ] {
        let sentence = sentence(&tiff);
        assert!(sentence.contains(what) && sentence.contains("gdal_translate"), "{sentence}");
        assert!(!sentence.contains("damaged"), "{sentence}");
    }
    let whole = packed(8, deflate).bytes();
    std::fs::write(&path, &whole).unwrap();
    assert!(Scene::open(&path).is_ok());
    // What is damaged still is.
    let broken = packed(8, |rows| {
        let mut bytes = deflate(rows);
        bytes[20..40].fill(0);
        bytes
    });
    std::fs::write(&path, broken.bytes()).unwrap();
    let scene = Scene::open(&path).unwrap();
    let error = scene.read(0, Rect::new(0, 0, WIDTH, HEIGHT)).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
}
