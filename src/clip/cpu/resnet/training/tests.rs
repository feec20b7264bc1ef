//! The processor's gradients against burn's.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::*;
use crate::clip::cpu::resnet::tests::{SIDE, assert_near, pictures, resnet};
use crate::clip::source::{ModelFiles, ModelSource};
use crate::clip::towers::model::Model;
use crate::clip::towers::vision::VisionTower;
use crate::clip::{ModelPreset, write_random_model};

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
                let tape = trunk.forward_with_tape(&pictures, size, BatchNormMode::Batch).unwrap();
                let training = start.elapsed().as_secs_f64();
                let out = tape.output().unwrap().to_vec();
                trunk.backward(tape, out).unwrap();
                let all = start.elapsed().as_secs_f64();
                println!("{side}: forward {training:.3}, both ways {all:.3}: {:.1}/s", 16.0 / all);
            }
        }
    });
}
