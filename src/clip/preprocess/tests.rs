//! What becomes of windows and whole pictures.

use super::*;

/// A picture whose red is the column, green the row and blue 7.
fn ramp(width: u8, height: u8) -> Pixels {
    let pixel = |i: u32| [(i % u32::from(width)) as u8, (i / u32::from(width)) as u8, 7, 255];
    let rgba = (0..u32::from(width) * u32::from(height)).flat_map(pixel).collect();
    Pixels { width: width.into(), height: height.into(), rgba }
}

fn plain(side: u32) -> Preprocess {
    Preprocess::new(side, [0.0; 3], [1.0; 3], 1.0)
}

#[test]
fn a_window_of_the_input_size_is_copied() {
    let mut out = vec![0.0; 48];
    plain(4).window(&ramp(9, 9), 3.0, 2.0, 4.0, &mut out).unwrap();
    assert_eq!(out[..4], [3.0, 4.0, 5.0, 6.0]);
    assert_eq!(out[16..20], [2.0; 4]);
    assert_eq!(out[32..], [7.0; 16]);
}

#[test]
fn the_edge_is_repeated_outside_the_picture() {
    let mut out = vec![0.0; 48];
    plain(4).window(&ramp(3, 2), -1.0, 0.0, 4.0, &mut out).unwrap();
    assert_eq!(out[..4], [0.0, 0.0, 1.0, 2.0]);
    assert_eq!(out[16..32], [[0.0; 4], [1.0; 4], [1.0; 4], [1.0; 4]].concat());
    // Far outside on every side, and of a picture without pixels: no panic.
    plain(4).window(&ramp(3, 2), 1e300, -1e300, f64::NAN, &mut out).unwrap();
    plain(4).window(&Pixels::default(), 0.0, 0.0, 4.0, &mut out).unwrap();
}

#[test]
fn what_cannot_be_resized_is_an_error_and_no_black_picture() {
    let mut out = vec![0.0; 48];
    let beyond = plain(4).rectangle(&ramp(3, 2), [2.0, 0.0, 9.0, 2.0], &mut out);
    assert!(beyond.is_err_and(|error| error.to_string().contains("resized")));
}

#[test]
fn a_window_is_cut_as_pictures_are() {
    // Resized to 8, of which the middle 4 are seen: pixels 2 to 5 of an 8 x 8 window.
    let crops = plain(4).with(Filter::Bicubic, Fit::CenterCrop { shortest: 8 }, CropRounding::Down);
    let mut out = vec![0.0; 48];
    crops.window(&ramp(20, 20), 3.0, 2.0, 8.0, &mut out).unwrap();
    assert_eq!((&out[..4], &out[16..17]), (&[5.0, 6.0, 7.0, 8.0][..], &[4.0][..]));
    let windows = ramp(20, 20);
    let mut cut = Pixels { width: 8, height: 8, rgba: Vec::new() };
    for y in 2..10 {
        cut.rgba.extend_from_slice(&windows.rgba[(y * 20 + 3) * 4..(y * 20 + 11) * 4]);
    }
    assert_eq!(crops.picture(&cut).unwrap(), out);
}

#[test]
fn a_picture_that_is_not_resized_is_cut_or_framed_in_black() {
    let cuts = plain(4).with(Filter::Bicubic, Fit::CropOnly, CropRounding::Down);
    assert_eq!(cuts.picture(&ramp(9, 6)).unwrap()[..4], [2.0, 3.0, 4.0, 5.0]);
    let framed = cuts.picture(&ramp(3, 2)).unwrap();
    assert_eq!(framed[..4], [0.0; 4]);
    assert_eq!(framed[32..40], [0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 7.0, 7.0]);
}

#[test]
fn the_middle_of_odd_differences() {
    let halves = |rounding: CropRounding| (0..6).map(move |n| rounding.before(n)).collect::<Vec<_>>();
    assert_eq!(halves(CropRounding::Down), [0, 0, 1, 1, 2, 2]);
    // Python's round(): 0.5 is 0, 1.5 is 2, 2.5 is 2.
    assert_eq!(halves(CropRounding::HalfToEven), [0, 0, 1, 2, 2, 2]);
}
