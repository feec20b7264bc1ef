//! Scenes in other renderings than their own: bands, stretch and gamma, and what stays out of the picture.

use std::fmt::Write;
use std::sync::Arc;

use skysift::raster::{
    BandPreset, Bands, DisplaySettings, Pixels, Rect, Scene, SceneView, Stretch, StretchInfo,
};

use crate::support;

fn open(name: &str) -> Arc<Scene> {
    Arc::new(Scene::open(&support::fixture("raster").join(name)).unwrap())
}

fn whole(scene: &Scene) -> Rect {
    let (width, height) = scene.size();
    Rect::new(0, 0, width, height)
}

fn read(scene: &Arc<Scene>, rendering: &DisplaySettings) -> Pixels {
    SceneView::new(Arc::clone(scene), rendering).read(0, whole(scene)).unwrap()
}

/// The values of one band, in the order of the pixels.
fn band(scene: &Scene, band: usize) -> Vec<f64> {
    let samples = scene.read_samples(0, whole(scene)).unwrap();
    samples.values().skip(band).step_by(samples.bands).collect()
}

fn rendering(bands: Bands, stretch: Stretch) -> DisplaySettings {
    DisplaySettings { bands, stretch, gamma: 1.0 }
}

const NAMES: [&str; 10] = [
    "strips_lzw.tif",
    "sentinel_names.tif",
    "palette.tif",
    "one_bit.tif",
    "twelve_bits.tif",
    "white_is_zero.tif",
    "mask.tif",
    "rgba.webp",
    "tiles_zstd_float32.tif",
    "bgra_uint16.tif",
];

#[test]
fn a_scenes_own_rendering_is_what_it_shows_by_itself() {
    for name in NAMES {
        let scene = open(name);
        let own = scene.read(0, whole(&scene)).unwrap();
        let rendered = SceneView::new(Arc::clone(&scene), scene.display_settings());
        assert_eq!(rendered.read(0, whole(&scene)).unwrap(), own, "{name}");
        assert_eq!(rendered.settings(), scene.display_settings(), "{name}");
        let small = rendered.read_scaled(whole(&scene), 7, 5).unwrap();
        assert_eq!(small, scene.read_scaled(whole(&scene), 7, 5).unwrap(), "{name}");
        let stretch = if scene.info().data_type.bytes() == 1 {
            Stretch::AsStored
        } else {
            Stretch::Percentile(2.0, 98.0)
        };
        assert_eq!(scene.display_settings().stretch, stretch, "{name}");
    }
}

#[test]
fn another_rendering_never_changes_the_scenes_own() {
    let scene = open("sentinel_names.tif");
    let before = scene.read(0, whole(&scene)).unwrap();
    let other = read(&scene, &rendering(Bands::Composite([4, 3, 2]), Stretch::MinMax));
    assert_ne!(other, before);
    assert_eq!(scene.read(0, whole(&scene)).unwrap(), before);
}

#[test]
fn what_has_no_data_has_none_in_any_rendering() {
    for name in NAMES {
        let scene = open(name);
        let alphas = |pixels: &Pixels| pixels.rgba.iter().skip(3).step_by(4).copied().collect::<Vec<u8>>();
        let own = alphas(&scene.read(0, whole(&scene)).unwrap());
        for stretch in [
            Stretch::AsStored,
            Stretch::MinMax,
            Stretch::StandardDeviations(2.0),
            Stretch::Percentile(10.0, 90.0),
            Stretch::Range(vec![StretchInfo { black: 10.0, white: 20.0 }]),
        ] {
            let other = DisplaySettings { gamma: 2.0, ..rendering(scene.display_settings().bands, stretch) };
            assert_eq!(alphas(&read(&scene, &other)), own, "{name}");
        }
    }
}

#[test]
fn every_stretch_puts_black_and_white_where_it_says() {
    let scene = open("sentinel_names.tif");
    let values = band(&scene, 3);
    let (min, max) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    let deviation = variance.sqrt();
    for (stretch, black, white) in [
        (Stretch::AsStored, 0.0, 65535.0),
        (Stretch::MinMax, min, max),
        (Stretch::StandardDeviations(1.5), mean - 1.5 * deviation, mean + 1.5 * deviation),
        (Stretch::Range(vec![StretchInfo { black: 900.0, white: 100.0 }]), 900.0, 100.0),
    ] {
        let rendered = SceneView::new(Arc::clone(&scene), &rendering(Bands::Single(3), stretch.clone()));
        let range = rendered.ranges()[0];
        assert!((range.black - black).abs() < 1e-6 && (range.white - white).abs() < 1e-6, "{range:?}");
        let shown = rendered.read(0, whole(&scene)).unwrap();
        for (value, pixel) in values.iter().zip(shown.rgba.chunks_exact(4)) {
            let expected = ((value - black) / (white - black) * 255.0).clamp(0.0, 255.0);
            assert!((f64::from(pixel[0]) - expected).abs() <= 0.51, "{pixel:?} for {value}: {stretch:?}");
            assert!(pixel[0] == pixel[1] && pixel[1] == pixel[2]);
        }
    }
}

#[test]
fn gamma_comes_after_the_stretch() {
    let scene = open("sentinel_names.tif");
    let straight = rendering(Bands::Composite([2, 1, 0]), Stretch::MinMax);
    let ranges = SceneView::new(Arc::clone(&scene), &straight).ranges();
    let bent = read(&scene, &DisplaySettings { gamma: 2.0, ..straight });
    let values = band(&scene, 2);
    for (value, pixel) in values.iter().zip(bent.rgba.chunks_exact(4)) {
        let part = (value - ranges[0].black) / (ranges[0].white - ranges[0].black);
        assert!((f64::from(pixel[0]) - part.sqrt() * 255.0).abs() <= 0.51);
    }
}

#[test]
fn few_bits_fill_the_range_as_stored() {
    for (name, white) in [("one_bit.tif", 1.0), ("twelve_bits.tif", 4095.0)] {
        let scene = open(name);
        let rendered = SceneView::new(Arc::clone(&scene), &rendering(Bands::Single(0), Stretch::AsStored));
        assert_eq!(rendered.ranges()[0], StretchInfo { black: 0.0, white }, "{name}");
    }
    // Where 0 is white, the smallest value is white.
    let scene = open("white_is_zero.tif");
    let ranges = SceneView::new(Arc::clone(&scene), &rendering(Bands::Single(0), Stretch::MinMax)).ranges();
    assert!(ranges[0].black > ranges[0].white);
}

#[test]
fn a_palette_keeps_its_colours_and_gamma_brightens_them() {
    let scene = open("palette.tif");
    let own = scene.read(0, whole(&scene)).unwrap();
    let stretched = rendering(Bands::Single(0), Stretch::Percentile(10.0, 20.0));
    assert!(SceneView::new(Arc::clone(&scene), &stretched).has_palette());
    assert_eq!(read(&scene, &stretched), own);
    let bright = read(&scene, &DisplaySettings { gamma: 3.0, ..stretched });
    assert!(own.rgba.iter().zip(&bright.rgba).all(|(own, bright)| bright >= own));
    assert_ne!(bright, own);
    // Asked for as a composite, the indices themselves are shown.
    let indices = read(&scene, &rendering(Bands::Composite([0; 3]), Stretch::AsStored));
    let values = band(&scene, 0);
    for (value, pixel) in values.iter().zip(indices.rgba.chunks_exact(4)) {
        assert!((f64::from(pixel[0]) - value).abs() < 0.5);
    }
}

#[test]
fn statistics_leave_out_what_has_no_data() {
    let scene = open("tiles_zstd_float32.tif");
    let known = scene.statistics(&[0]);
    let valid: Vec<f64> = band(&scene, 0).into_iter().filter(|value| value.is_finite()).collect();
    let known = &known[0];
    assert_eq!(known.values, valid.len());
    assert_eq!(known.histogram.iter().map(|count| *count as usize).sum::<usize>(), valid.len());
    assert!((known.mean - valid.iter().sum::<f64>() / valid.len() as f64).abs() < 1e-6);
    assert!(known.min.is_finite() && known.max.is_finite());
    let scene = open("absent_tiles_nodata.tif");
    assert!(scene.statistics(&[0])[0].min > -9999.0);
    // A band that does not exist has no values.
    assert!(scene.statistics(&[99])[0].is_empty());
}

#[test]
fn presets_follow_the_names_of_the_bands() {
    let scene = open("sentinel_names.tif");
    assert_eq!(scene.preset(BandPreset::TrueColour), Some(Bands::Composite([2, 1, 0])));
    let infrared = scene.preset(BandPreset::ColourInfrared);
    let names: Vec<_> = scene.info().bands.iter().map(|band| band.name.clone().unwrap_or_default()).collect();
    let nir = names.iter().position(|name| name.contains("B08"));
    assert_eq!(infrared, nir.map(|nir| Bands::Composite([nir, 2, 1])), "{names:?}");
    let rgbi = open("tiles_planar_uint16_rgbi.tif");
    assert_eq!(rgbi.preset(BandPreset::ColourInfrared), Some(Bands::Composite([3, 0, 1])));
    let grey = open("one_bit.tif");
    assert_eq!(grey.preset(BandPreset::TrueColour), None);
    assert_eq!(grey.preset(BandPreset::ColourInfrared), None);
    assert_eq!(grey.preset(BandPreset::SingleBand), Some(Bands::Single(0)));
}

#[test]
fn bands_that_do_not_exist_become_the_last_and_a_bad_gamma_none() {
    let scene = open("strips_lzw.tif");
    let far =
        DisplaySettings { gamma: f64::NAN, ..rendering(Bands::Composite([0, 1, 99]), Stretch::AsStored) };
    assert_eq!(read(&scene, &far), scene.read(0, whole(&scene)).unwrap());
}

#[test]
fn renderings_survive_the_way_through_a_file() {
    for stretch in [
        Stretch::AsStored,
        Stretch::Percentile(2.0, 98.0),
        Stretch::StandardDeviations(2.0),
        Stretch::Range(vec![StretchInfo { black: 0.5, white: 7.0 }]),
    ] {
        let rendering = DisplaySettings { gamma: 1.4, ..rendering(Bands::Composite([3, 2, 1]), stretch) };
        let text = serde_json::to_string(&rendering).unwrap();
        assert_eq!(serde_json::from_str::<DisplaySettings>(&text).unwrap(), rendering);
    }
}

#[test]
fn north_is_up_unless_the_image_is_turned() {
    let north = open("utm33.tif").north().unwrap();
    assert!(north.abs() < 2.0, "{north}");
    let turned = open("rotated.tif").north().unwrap();
    assert!(turned.abs() > 2.0, "{turned}");
    assert_eq!(open("rgb.png").north(), None);
    assert_eq!(open("utm33.tif").map(0.0, 0.0), Some((500_000.0, 5_500_000.0)));
}

/// A copy of a scene of 16 bits in a folder of its own, with what GDAL would have written beside it: a line a
/// band.
fn with_statistics(folder: &std::path::Path, bands: &[&str]) -> Arc<Scene> {
    let path = folder.join("scene.tif");
    std::fs::copy(support::fixture("raster/sentinel_names.tif"), &path).unwrap();
    let mut text = "<PAMDataset>".to_owned();
    for (index, items) in bands.iter().enumerate() {
        write!(text, "<PAMRasterBand band=\"{}\"><Metadata>", index + 1).unwrap();
        for (key, value) in items.split_whitespace().filter_map(|item| item.split_once('=')) {
            write!(text, "<MDI key=\"STATISTICS_{key}\">{value}</MDI>").unwrap();
        }
        text += "</Metadata></PAMRasterBand>";
    }
    text += "</PAMDataset>";
    std::fs::write(folder.join("scene.tif.aux.xml"), text).unwrap();
    Arc::new(Scene::open(&path).unwrap())
}

fn ranges(scene: &Arc<Scene>, bands: Bands, stretch: Stretch) -> Vec<(f64, f64)> {
    let rendered = SceneView::new(Arc::clone(scene), &rendering(bands, stretch));
    rendered.ranges().iter().map(|range| (range.black, range.white)).collect()
}

#[test]
fn measured_statistics_go_before_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let all = "MINIMUM=10 MAXIMUM=5000 MEAN=1000 STDDEV=200";
    let scene = with_statistics(folder.path(), &[all, "MINIMUM=20 MAXIMUM=6000", all, "MEAN=7 STDDEV=0"]);
    assert_eq!(
        ranges(&scene, Bands::Composite([0, 1, 2]), Stretch::MinMax),
        [(10.0, 5000.0), (20.0, 6000.0), (10.0, 5000.0)]
    );
    let deviations = Stretch::StandardDeviations(2.0);
    assert_eq!(ranges(&scene, Bands::Single(2), deviations.clone()), [(600.0, 1400.0)]);
    assert_eq!(ranges(&scene, Bands::Single(3), deviations.clone()), [(6.5, 7.5)]);

    // Where a band has none, all are sampled; percentiles always are.
    let plain = open("sentinel_names.tif");
    for (bands, stretch) in [
        (Bands::Composite([0, 1, 2]), deviations),
        (Bands::Composite([0, 1, 3]), Stretch::MinMax),
        (Bands::Composite([0, 1, 2]), Stretch::Percentile(1.0, 99.0)),
    ] {
        assert_eq!(ranges(&scene, bands, stretch.clone()), ranges(&plain, bands, stretch));
    }
}

#[test]
fn statistics_beside_a_scene_never_change_what_a_model_sees() {
    let folder = tempfile::tempdir().unwrap();
    let all = "MINIMUM=10 MAXIMUM=5000 MEAN=1000 STDDEV=200";
    let plain = open("sentinel_names.tif");
    let scene = with_statistics(folder.path(), &vec![all; plain.info().bands.len()]);
    assert_eq!(scene.display_settings(), plain.display_settings());
    assert_eq!(scene.info().stretch, plain.info().stretch);
    assert_eq!(scene.read(0, whole(&scene)).unwrap(), plain.read(0, whole(&plain)).unwrap());
}

#[test]
fn damaged_statistics_are_none() {
    let plain = open("sentinel_names.tif");
    for text in ["MINIMUM=nan MAXIMUM=3", "MINIMUM=1", "MINIMUM=x MAXIMUM=inf"] {
        let folder = tempfile::tempdir().unwrap();
        let scene = with_statistics(folder.path(), &[text]);
        let own = |scene| ranges(scene, Bands::Single(0), Stretch::MinMax);
        assert_eq!(own(&scene), own(&plain), "{text}");
    }
}
