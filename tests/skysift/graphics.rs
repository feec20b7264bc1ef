//! The path that graphics cards take, on a software adapter where there is no card. Each test runs itself once
//! more in a process of its own, in which such an adapter is allowed.

use std::path::Path;

use safetensors::tensor::TensorView;
use skysift::clip::{
    CardError, Clip, ClipError, DeviceChoice, ModelSource, Precision, PrecisionChoice, RunOn,
};

use crate::clip::{assert_parity_of, copy_of, cosine, edit_tensors, fixture, json, numbers, picture};
use crate::needed;

const ALLOWED: &str = "SKYSIFT_ALLOW_SOFTWARE_GPU";

/// Runs a test once more with a software adapter allowed. Returns whether this is that run.
fn is_on_a_card(test: &str) -> bool {
    if std::env::var_os(ALLOWED).is_some() {
        skysift::clip::configure();
        return true;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("graphics::{test}"), "--nocapture"])
        .env(ALLOWED, "1")
        // Compiling kernels takes a minute in software as it is; don't look for the best ones.
        .env("CUBECL_AUTOTUNE_LEVEL", "minimal")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // A test that is no longer called that would pass by not being there.
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    needed::note("vulkan", !said.contains("no graphics card was found"));
    false
}

/// A model on the card; `None`, which is told, if there is none at all.
fn load(folder: &Path, precision: PrecisionChoice) -> Option<Clip> {
    let source = ModelSource { path: folder.to_owned(), arch: None };
    match Clip::load(&source, RunOn { device: DeviceChoice::Gpu, precision }) {
        Ok(clip) => {
            println!("on {}", clip.device_label());
            Some(clip)
        }
        Err(error @ ClipError::RunOnCard(CardError::NotFound | CardError::SoftwareOnly { .. })) => {
            println!("{error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// All kinds of towers, in half precision where the adapter has it and it is faster.
#[test]
fn the_graphics_path_gives_the_same_numbers() {
    if !is_on_a_card("the_graphics_path_gives_the_same_numbers") {
        return;
    }
    for name in ["hf_quick_gelu", "siglip", "open_clip_resnet"] {
        let Some(mut clip) = load(&fixture(name), PrecisionChoice::Auto) else { return };
        assert_parity_of(&mut clip, &json(&fixture(name).join("expected.json")), 0.999);
        assert_eq!(clip.take_notice(), None);
    }
    // The window may load a model again in the same process.
    let again = load(&fixture("hf_quick_gelu"), PrecisionChoice::F32).unwrap();
    assert_eq!(again.device().precision(), Precision::Single);
    let refused = Clip::load(
        &ModelSource { path: fixture("hf_quick_gelu"), arch: None },
        RunOn { device: DeviceChoice::Gpu, precision: PrecisionChoice::Bf16 },
    );
    assert!(refused.is_err_and(|error| error.to_string().contains("--device cpu")));
}

/// A projection a million times as large changes no direction, but half precision ends at 65,504: what comes
/// out of it there isn't a number. The trial has to see that, and single precision is taken.
#[test]
fn half_precision_that_overflows_is_refused() {
    if !is_on_a_card("half_precision_that_overflows_is_refused") {
        return;
    }
    let copy = copy_of("hf_quick_gelu");
    edit_tensors(&copy.path().join("model.safetensors"), |tensors| {
        let (_, tensor) = tensors.iter_mut().find(|(name, _)| name == "visual_projection.weight").unwrap();
        let (values, _) = tensor.data().as_chunks::<4>();
        let larger: Vec<u8> =
            values.iter().flat_map(|value| (f32::from_le_bytes(*value) * 1e6).to_le_bytes()).collect();
        *tensor = TensorView::new(tensor.dtype(), tensor.shape().to_vec(), larger.leak()).unwrap();
    });
    let Some(mut clip) = load(copy.path(), PrecisionChoice::Auto) else { return };
    assert_eq!(clip.device().precision(), Precision::Single);
    let expected = json(&copy.path().join("expected.json"));
    let input = clip.preprocess().picture(&picture(&fixture("pictures/0.png"))).unwrap();
    let found = clip.encode_images(&input).unwrap();
    assert!(cosine(&found, &numbers(&expected["image_embeddings"][0])) >= 0.999);
}
