//! The processor's ResNet against burn's.

use burn::tensor::DType;

use super::*;
use crate::clip::config::VisionConfig;
use crate::clip::dense::CellModel;
use crate::clip::source::{ModelFiles, ModelSource};
use crate::clip::towers::model::Model;
use crate::clip::towers::vision::VisionTower;
use crate::clip::{ModelPreset, write_random_model};

const SIDE: usize = 64;

fn resnet(device: &Device) -> (ModifiedResNet, ResNetConfig) {
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

fn pictures(count: usize) -> Vec<f32> {
    (0..count * 3 * SIDE * SIDE).map(|i| ((i % 4093) as f32 * 0.37 + (i / 4093) as f32).sin() * 2.0).collect()
}

fn assert_near(got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(1e-6_f32, |most, x| most.max(x.abs()));
    let worst = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 2e-3 * size, "{what}: {worst} of {size}");
}

#[test]
fn embeddings_agree_with_burn_s() {
    let (resnet, config) = resnet(&Device::flex());
    let (cores, cpu) = (Cores::new().unwrap(), CpuResNet::new(&resnet, &config).unwrap());
    for count in [1, 2, 67] {
        let pictures = pictures(count);
        let got = cpu.forward(&cores, &pictures).unwrap();
        let tensor = TensorData::new(pictures, [count, 3, SIDE, SIDE]);
        let want = resnet.forward(Tensor::from_data(tensor, &Device::flex()));
        assert_near(&got, &want.into_data().try_into_vec::<f32>().unwrap(), "embeddings");
    }
}

/// With batch statistics and with running ones.
#[test]
fn gradients_agree_with_burn_s() {
    for mode in [BatchNormMode::Batch, BatchNormMode::Running] {
        let device = Device::flex().autodiff();
        let (resnet, _) = resnet(&device);
        let pictures = pictures(3);
        let trunk = Trunk::new(&resnet).unwrap();
        let tape = trunk.forward_with_tape(&pictures, PictureSize::square(SIDE), mode).unwrap();
        let pixels = tape.output().unwrap().to_vec();
        // The gradient of the sum of squares is twice the output.
        let gradient = pixels.iter().map(|x| 2.0 * x).collect();
        let got = trunk.backward(tape, gradient).unwrap();

        let tensor = TensorData::new(pictures, [3, 3, SIDE, SIDE]);
        let mut statistics = (mode == BatchNormMode::Batch).then(Vec::new);
        let map = resnet.features(Tensor::from_data(tensor, &device), &mut statistics);
        let [count, channels, height, width] = map.dims();
        let want = map.clone().permute([0, 2, 3, 1]).reshape([count * height * width * channels]);
        assert_near(&pixels, &want.into_data().try_into_vec::<f32>().unwrap(), "map");
        let gradients = map.powf_scalar(2.0).sum().backward();
        assert_eq!(got.len(), resnet.layers().count());
        for (index, (got, layer)) in got.into_iter().zip(resnet.layers()).enumerate() {
            let what = format!("{mode:?}, layer {index}");
            let weight = layer.conv.weight.val();
            let [outputs, inputs, side, _] = weight.dims();
            let want = weight.grad(&gradients).unwrap();
            let want = want.permute([2, 3, 1, 0]).reshape([side * side * inputs * outputs]);
            assert_near(got.weight.slice().unwrap(), &want.into_data().try_into_vec::<f32>().unwrap(), &what);
            for (got, param) in [(got.gamma, &layer.bn.gamma), (got.beta, &layer.bn.beta)] {
                let want = param.val().grad(&gradients).unwrap();
                assert_near(&got, &want.into_data().try_into_vec::<f32>().unwrap(), &what);
            }
        }
    }
}

/// Of the model's own size, and of another that is no square.
#[test]
fn cells_agree_with_burn_s() {
    let (resnet, config) = resnet(&Device::flex());
    let (cores, cpu) = (Cores::new().unwrap(), CpuResNet::new(&resnet, &config).unwrap());
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
    let (cores, cpu) = (Cores::new().unwrap(), CpuResNet::new(&resnet, &config).unwrap());
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
    let weights = &files.weights;
    let model = Model::load(weights, &files.config, &Device::flex(), DType::F32).unwrap();
    let VisionTower::ResNet(resnet) = model.vision else { panic!() };
    let trunk = Trunk::new(&resnet).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        for side in [64, 96, 112] {
            let size = PictureSize::square(side);
            let pictures: Vec<f32> = (0..16 * 3 * side * side).map(|i| (i as f32 * 0.37).sin()).collect();
            for _ in 0..3 {
                let start = std::time::Instant::now();
                let out = trunk.forward(&pictures, size).unwrap();
                let eval = start.elapsed().as_secs_f64();
                let start = std::time::Instant::now();
                let tape = trunk.forward_with_tape(&pictures, size, BatchNormMode::Batch).unwrap();
                let training = start.elapsed().as_secs_f64();
                trunk.backward(tape, out).unwrap();
                let all = start.elapsed().as_secs_f64();
                println!(
                    "{side}: eval {:.0}/s, training {training:.3}, step {all:.3}: {:.1}/s",
                    16.0 / eval,
                    16.0 / all
                );
            }
        }
    });
}
