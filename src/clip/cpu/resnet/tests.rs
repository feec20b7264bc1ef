//! The processor's ResNet against burn's.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::*;
use crate::clip::config::VisionConfig;
use crate::clip::dense::CellModel;
use crate::clip::source::{ModelFiles, ModelSource};
use crate::clip::towers::model::Model;
use crate::clip::towers::vision::VisionTower;
use crate::clip::{ModelPreset, write_random_model};

pub(super) const SIDE: usize = 64;

pub(super) fn resnet(device: &Device) -> (ModifiedResNet, ResNetConfig) {
    let directory = tempfile::tempdir().unwrap();
    write_random_model(directory.path(), ModelPreset::TinyResnet, 5).unwrap();
    let source = ModelSource { path: directory.path().to_owned(), arch: None };
    let files = ModelFiles::find(&source).unwrap();
    let weights = &files.weights;
    let model = Model::load(weights, &files.config, device, DType::F32).unwrap();
    match (model.vision, files.config.vision) {
        (VisionTower::ResNet(resnet), VisionConfig::ResNet(config)) => (resnet, config),
        _ => panic!("not a ResNet"),
    }
}

pub(super) fn pictures(count: usize) -> Vec<f32> {
    (0..count * 3 * SIDE * SIDE).map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin() * 2.0).collect()
}

pub(super) fn assert_near(got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(1e-6_f32, |most, x| most.max(x.abs()));
    let worst = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 2e-3 * size, "{what}: {worst} of {size}");
}

#[test]
fn embeddings_agree_with_burn_s() {
    let (resnet, config) = resnet(&Device::flex());
    let (cores, cpu) = (Cores::new().unwrap(), CpuResNet::new(&resnet, &config, Precision::Single).unwrap());
    for count in [1, 2, 67] {
        let pictures = pictures(count);
        let got = cpu.forward(&cores, &pictures).unwrap();
        let tensor = TensorData::new(pictures, [count, 3, SIDE, SIDE]);
        let want = resnet.forward(Tensor::from_data(tensor, &Device::flex()));
        assert_near(&got, &want.into_data().try_into_vec::<f32>().unwrap(), "embeddings");
    }
}

/// Rounded to bf16, which other processors than those that have it multiply as well.
#[test]
fn less_precision_is_near() {
    let (resnet, config) = resnet(&Device::flex());
    let cores = Cores::new().unwrap();
    let encode = |precision| {
        let cpu = CpuResNet::new(&resnet, &config, precision).unwrap();
        let whole = cpu.forward(&cores, &pictures(5)).unwrap();
        (whole, cpu.forward_dense(&cores, &pictures(2), PictureSize::square(SIDE)).unwrap())
    };
    let (single, bf16) = (encode(Precision::Single), encode(Precision::Bf16));
    for (single, bf16) in [(single.0, bf16.0), (single.1, bf16.1)] {
        assert!(single != bf16, "it is rounded");
        let size = single.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let worst = single.iter().zip(&bf16).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 0.05 * size, "{worst} of {size}");
    }
}

/// Of the model's own size, and of another that is no square.
#[test]
fn cells_agree_with_burn_s() {
    let (resnet, config) = resnet(&Device::flex());
    let (cores, cpu) = (Cores::new().unwrap(), CpuResNet::new(&resnet, &config, Precision::Single).unwrap());
    for size in [PictureSize::square(SIDE), PictureSize { height: 32, width: 96 }] {
        let pictures = &pictures(7)[..3 * 3 * size.area()];
        let got = cpu.forward_dense(&cores, pictures, size).unwrap();
        let tensor = TensorData::new(pictures.to_vec(), [3, 3, size.height, size.width]);
        let want = resnet.forward_dense(Tensor::from_data(tensor, &Device::flex()));
        assert_near(&got, &want.into_data().try_into_vec::<f32>().unwrap(), "cells");
    }
}

/// What lies beyond a cell's margin makes no difference, wherever a picture ends.
#[test]
fn a_cell_depends_on_no_more_than_its_margin() {
    const CELLS: PictureSize = PictureSize { height: 9, width: 14 };
    let (resnet, config) = resnet(&Device::flex());
    let margin = CellModel::of(&VisionConfig::ResNet(config.clone())).unwrap().margin;
    let (cores, cpu) = (Cores::new().unwrap(), CpuResNet::new(&resnet, &config, Precision::Single).unwrap());
    let pixels = |cells: PictureSize| PictureSize { height: 32 * cells.height, width: 32 * cells.width };
    let size = pixels(CELLS);
    let picture: Vec<f32> = (0..3 * size.area()).map(|i| ((i * 7919 % 4093) as f32 * 0.37).sin()).collect();
    let all = cpu.forward_dense(&cores, &picture, size).unwrap();
    let length = all.len() / CELLS.area();

    // The cells from a column on, with their margin.
    let first = 1 + margin;
    let part = PictureSize { width: CELLS.width - 1, ..CELLS };
    let lines = picture.chunks_exact(size.width).flat_map(|line| &line[32..]);
    let some = cpu.forward_dense(&cores, &lines.copied().collect::<Vec<f32>>(), pixels(part)).unwrap();
    for (row, column) in (0..CELLS.height).flat_map(|row| (first..CELLS.width).map(move |at| (row, at))) {
        let whole = &all[(row * CELLS.width + column) * length..][..length];
        assert_near(&some[(row * part.width + column - 1) * length..][..length], whole, "a cell");
    }
}

#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn speed() {
    let directory = tempfile::tempdir().unwrap();
    write_random_model(directory.path(), ModelPreset::Mini, 5).unwrap();
    let source = ModelSource { path: directory.path().to_owned(), arch: None };
    let files = ModelFiles::find(&source).unwrap();
    let model = Model::load(&files.weights, &files.config, &Device::flex(), DType::F32).unwrap();
    let (VisionTower::ResNet(resnet), VisionConfig::ResNet(config)) = (model.vision, files.config.vision)
    else {
        panic!()
    };
    let cores = Cores::new().unwrap();
    for precision in [Precision::Single, Precision::Bf16] {
        let cpu = CpuResNet::new(&resnet, &config, precision).unwrap();
        for count in [1, 4, cpu.pass_size() * cores.count(), 4 * cpu.pass_size() * cores.count()] {
            let side = config.image_size;
            let pictures: Vec<f32> = (0..count * 3 * side * side).map(|i| (i as f32 * 0.37).sin()).collect();
            let least = (0..5)
                .map(|_| {
                    let start = std::time::Instant::now();
                    cpu.forward(&cores, &pictures).unwrap();
                    start.elapsed().as_secs_f64()
                })
                .fold(f64::INFINITY, f64::min);
            println!("{precision:?}, {count} pictures of {side}: {:.0}/s", count as f64 / least);
        }
    }
}
