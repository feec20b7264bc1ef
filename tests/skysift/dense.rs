//! Dense embeddings against PyTorch. The fixtures come from `tests/reference/make_dense_fixtures.py`.

use skysift::clip::{Clip, DenseAttention, DeviceChoice, ModelSource, PictureSize};

use crate::clip::{cosine, fixture, json, numbers, picture};

/// Compares the cells of the three pictures with what the reference computed under `key`.
fn assert_cells(name: &str, key: &str, attention: DenseAttention) {
    let source = ModelSource { path: fixture(name), arch: None };
    let mut clip = Clip::load(&source, DeviceChoice::Cpu).unwrap();
    let preprocess = clip.preprocess().clone();
    let input: Vec<f32> = (0..3)
        .flat_map(|index| preprocess.picture(&picture(&fixture(&format!("pictures/{index}.png")))).unwrap())
        .collect();
    let size = PictureSize::square(clip.input_size() as usize);
    let dense = clip.encode_dense(&input, size, attention).unwrap();
    let wanted = json(&fixture(name).join("dense.json"));
    let wanted: Vec<Vec<f64>> = wanted[key]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|cells| cells.as_array().unwrap().iter().map(numbers))
        .collect();
    assert_eq!(wanted.len(), 3 * dense.grid.area());
    let found: Vec<&[f32]> = dense.cells.chunks(clip.embedding_len()).collect();
    assert_eq!(found.len(), wanted.len());
    for (index, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        let cosine = cosine(found, wanted);
        assert!(cosine >= 0.9999, "{name}, {key}, cell {index}: {cosine}");
    }
    // What the whole picture is, is what it always was.
    if !dense.pictures.is_empty() {
        let whole = clip.encode_images(&input).unwrap();
        for (found, wanted) in dense.pictures.iter().zip(&whole) {
            assert!((found - wanted).abs() < 1e-5, "{name}: {found}, not {wanted}");
        }
    }
}

#[test]
fn patches_of_a_transformer_by_clear_clip() {
    assert_cells("open_clip_gelu", "ClearClip", DenseAttention::ClearClip);
}

#[test]
fn patches_of_a_transformer_by_seg_earth_ov() {
    assert_cells("open_clip_gelu", "SegEarthOv", DenseAttention::SegEarthOv);
}

#[test]
fn patches_of_a_siglip_are_pooled_alone() {
    assert_cells("siglip", "cells", DenseAttention::default());
}

#[test]
fn cells_of_a_modified_resnet() {
    assert_cells("open_clip_resnet", "cells", DenseAttention::default());
}

#[test]
fn a_size_that_a_model_does_not_take_is_told() {
    for (name, height, width) in [("open_clip_gelu", 32, 64), ("open_clip_resnet", 80, 64)] {
        let source = ModelSource { path: fixture(name), arch: None };
        let mut clip = Clip::load(&source, DeviceChoice::Cpu).unwrap();
        let size = PictureSize { height, width };
        let error = clip.encode_dense(&vec![0.0; 3 * size.area()], size, DenseAttention::default());
        assert!(error.unwrap_err().to_string().contains(&format!("{width} x {height} pixels")));
    }
}
