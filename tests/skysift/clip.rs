//! CLIP from the outside: the same numbers as transformers and open_clip, and a sentence for every model that
//! cannot run. The fixtures come from `tests/reference/make_clip_fixtures.py`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use skysift::clip::{
    Clip, ClipError, DeviceChoice, ModelPreset, ModelSource, Precision, PrecisionChoice, RunOn,
    write_random_model,
};
use skysift::raster::Pixels;

use crate::{needed, support};

pub(crate) fn fixture(name: &str) -> PathBuf {
    support::fixture("clip").join(name)
}

fn source(path: &Path) -> ModelSource {
    ModelSource { path: path.to_owned(), arch: None }
}

fn load(path: &Path) -> Result<Clip, ClipError> {
    load_in(path, PrecisionChoice::F32)
}

fn load_in(path: &Path, precision: PrecisionChoice) -> Result<Clip, ClipError> {
    Clip::load(&source(path), RunOn { device: DeviceChoice::Cpu, precision })
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

pub(crate) fn picture(path: &Path) -> Pixels {
    let rgba = image::open(path).unwrap().to_rgba8();
    Pixels { width: rgba.width(), height: rgba.height(), rgba: rgba.into_raw() }
}

pub(crate) fn cosine(a: &[f32], b: &[f64]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * b).sum();
    let length = |squares: f64| squares.sqrt();
    dot / length(a.iter().map(|a| f64::from(*a).powi(2)).sum()) / length(b.iter().map(|b| b * b).sum())
}

/// Compares everything that the reference computed for a model with what the program computes, in both
/// precisions.
pub(crate) fn assert_parity(name: &str) {
    let directory = fixture(name);
    let expected = json(&directory.join("expected.json"));
    assert_parity_of(&mut load(&directory).unwrap(), &expected, 0.99999);
    if needed::require("bf16") {
        assert_parity_of(&mut load_in(&directory, PrecisionChoice::Bf16).unwrap(), &expected, 0.999);
    }
}

pub(crate) fn assert_parity_of(clip: &mut Clip, expected: &Value, least: f64) {
    let scale = expected["logit_scale"].as_f64().unwrap();
    assert!((f64::from(clip.logit_scale()) / scale - 1.0).abs() < 1e-3, "{} {scale}", clip.logit_scale());

    let texts: Vec<String> =
        expected["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    for (text, ids) in texts.iter().zip(expected["ids"].as_array().unwrap()) {
        let wanted: Vec<u32> =
            ids.as_array().unwrap().iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect();
        assert_eq!(clip.token_ids(text).unwrap(), wanted, "{text:?}");
    }
    let embeddings = clip.encode_texts(&texts).unwrap();
    assert_eq!(embeddings.len(), texts.len());
    for ((text, found), wanted) in
        texts.iter().zip(&embeddings).zip(expected["text_embeddings"].as_array().unwrap())
    {
        let wanted = numbers(wanted);
        assert_eq!(found.len(), wanted.len());
        let cosine = cosine(found, &wanted);
        assert!(cosine >= least, "{text:?}: {cosine}");
    }

    let preprocess = clip.preprocess().clone();
    let inputs: Vec<Vec<f32>> = (0..3)
        .map(|index| preprocess.picture(&picture(&fixture("pictures").join(format!("{index}.png")))).unwrap())
        .collect();
    // 1/255 of the range, through the smallest standard deviation of the fixtures.
    let tolerance = 1.0 / 255.0 / 0.2 + 1e-4;
    for (wanted, found) in expected["pixels"].as_array().unwrap().iter().zip(&inputs) {
        let wanted = numbers(wanted);
        assert_eq!(wanted.len(), found.len());
        let worst = wanted.iter().zip(found).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
        assert!(worst <= tolerance, "{worst}");
    }
    let embeddings = clip.encode_images(&inputs.concat()).unwrap();
    let len = clip.embedding_len();
    for (found, wanted) in embeddings.chunks(len).zip(expected["image_embeddings"].as_array().unwrap()) {
        let cosine = cosine(found, &numbers(wanted));
        assert!(cosine >= least, "{cosine}");
        let length: f32 = found.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}

#[test]
fn parity_with_transformers_quick_gelu() {
    assert_parity("hf_quick_gelu");
}

#[test]
fn parity_with_transformers_gelu_pooling_at_the_highest_id_and_vocab_with_merges() {
    assert_parity("hf_gelu_eos_2");
}

#[test]
fn parity_with_transformers_shards_in_bf16() {
    assert_parity("hf_shards_bf16");
}

#[test]
fn parity_with_transformers_pytorch_file_in_fp16_and_a_patch_that_does_not_divide() {
    assert_parity("hf_pytorch_fp16");
}

#[test]
fn parity_with_open_clip_gelu() {
    assert_parity("open_clip_gelu");
}

#[test]
fn parity_with_open_clip_wrapped_pytorch_file_in_quick_gelu() {
    assert_parity("open_clip_bare_quick_gelu");
}

#[test]
fn parity_with_open_clip_modified_resnet() {
    assert_parity("open_clip_resnet");
}

#[test]
fn parity_with_open_clip_modified_resnet_in_half_precision_whose_last_map_leaves_out_a_line() {
    assert_parity("open_clip_bare_resnet");
}

#[test]
fn a_model_tells_its_precision() {
    let directory = fixture("hf_quick_gelu");
    let device = |choice| load_in(&directory, choice).map(|clip| clip.device());
    let single = device(PrecisionChoice::F32).unwrap();
    assert_eq!(single.precision(), Precision::Single);
    assert!(!single.to_string().contains("bf16"));
    // A model as small as this gains nothing.
    assert_eq!(device(PrecisionChoice::Auto).unwrap(), single);
    if needed::require("bf16") {
        let bf16 = device(PrecisionChoice::Bf16).unwrap();
        assert_eq!(bf16.precision(), Precision::Bf16);
        assert!(bf16.to_string().ends_with(", bf16"), "{bf16}");
    } else {
        let refused = device(PrecisionChoice::Bf16).unwrap_err().to_string();
        assert!(refused.contains("--precision"), "{refused}");
    }
    let on_card = RunOn { device: DeviceChoice::Gpu, precision: PrecisionChoice::Bf16 };
    let refused = Clip::load(&source(&directory), on_card).err().unwrap().to_string();
    assert!(refused.contains("--device cpu"), "{refused}");
}

#[test]
fn windows_are_resized_as_pillow_does() {
    let scene = picture(&fixture("pictures/1.png"));
    let cases = json(&fixture("pictures/windows.json"));
    for case in cases.as_array().unwrap() {
        let [left, top, side] = ["left", "top", "side"].map(|key| case[key].as_f64().unwrap());
        let size = u32::try_from(case["size"].as_u64().unwrap()).unwrap();
        let name = if left.fract() == 0.0 {
            format!("window_{left}_{top}_{side}_{size}.png")
        } else {
            "window_between.png".to_owned()
        };
        let wanted = picture(&fixture("pictures").join(name));
        let preprocess = skysift::clip::Preprocess::openai(size);
        let mut found = vec![0.0; preprocess.input_len()];
        preprocess.window(&scene, left, top, side, &mut found).unwrap();
        let (mean, std) =
            ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11]);
        let plane = (size * size) as usize;
        for (index, pixel) in wanted.rgba.chunks(4).enumerate() {
            for channel in 0..3 {
                let byte = (found[channel * plane + index] * std[channel] + mean[channel]) * 255.0;
                let difference = (byte - f32::from(pixel[channel])).abs();
                assert!(difference <= 1.001, "{case}: {difference} at {index}, channel {channel}");
            }
        }
    }
}

/// A copy of a fixture that a test may damage.
pub(crate) fn copy_of(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

/// The one-line message of a model that must be refused.
pub(crate) fn refusal(path: &Path, arch: Option<&str>) -> String {
    let source = ModelSource { path: path.to_owned(), arch: arch.map(str::to_owned) };
    let message =
        Clip::load(&source, DeviceChoice::Cpu).err().expect("the model must be refused").to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

pub(crate) fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} isn't in {message:?}");
    }
}

/// Rewrites a safetensors file's tensors.
pub(crate) fn edit_tensors(
    path: &Path,
    edit: impl Fn(&mut Vec<(String, safetensors::tensor::TensorView<'_>)>),
) {
    let bytes = fs::read(path).unwrap();
    let mut tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap().tensors();
    edit(&mut tensors);
    fs::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

#[test]
fn missing_surplus_and_misshaped_tensors_are_named_together() {
    let copy = copy_of("hf_quick_gelu");
    edit_tensors(&copy.path().join("model.safetensors"), |tensors| {
        let renamed = tensors.iter_mut().find(|(name, _)| name == "visual_projection.weight").unwrap();
        renamed.0 = "visual_projektion.weight".to_owned();
        let logit_scale = tensors.iter().find(|(name, _)| name == "logit_scale").unwrap().1.clone();
        let shrunk = tensors.iter_mut().find(|(name, _)| name == "text_model.final_layer_norm.bias").unwrap();
        shrunk.1 = logit_scale;
    });
    let message = refusal(copy.path(), None);
    assert_says(
        &message,
        &[
            "model.safetensors",
            "missing: visual_projection.weight",
            "surplus: visual_projektion.weight",
            "text_model.final_layer_norm.bias ([] instead of [32])",
        ],
    );
}

#[test]
fn an_open_clip_model_with_another_configuration_is_refused() {
    let copy = copy_of("open_clip_gelu");
    let path = copy.path().join("open_clip_config.json");
    let config = fs::read_to_string(&path).unwrap().replace("\"layers\": 3", "\"layers\": 4");
    fs::write(&path, config).unwrap();
    assert_says(&refusal(copy.path(), None), &["missing: transformer.resblocks.3.attn.in_proj_bias"]);
}

#[test]
fn broken_weights_are_refused() {
    let copy = copy_of("hf_quick_gelu");
    let weights = copy.path().join("model.safetensors");
    let whole = fs::read(&weights).unwrap();
    let truncated = &whole[..whole.len() - 100];
    let mut hostile = whole.clone();
    hostile[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    for bytes in [&[][..], b"not weights at all", truncated, &hostile] {
        fs::write(&weights, bytes).unwrap();
        assert_says(&refusal(copy.path(), None), &["model.safetensors", "isn't a whole safetensors file"]);
    }
    fs::remove_file(&weights).unwrap();
    assert_says(
        &refusal(copy.path(), None),
        &["the weights are missing", "model.safetensors", "pytorch_model.bin"],
    );
    for bytes in [&[][..], b"not weights at all", b"PK\x03\x04 nor a zip"] {
        fs::write(copy.path().join("pytorch_model.bin"), bytes).unwrap();
        assert_says(&refusal(copy.path(), None), &["pytorch_model.bin", "PyTorch checkpoint"]);
    }
}

#[test]
fn a_missing_shard_is_named() {
    let copy = copy_of("hf_shards_bf16");
    fs::remove_file(copy.path().join("model-00002-of-00003.safetensors")).unwrap();
    assert_says(&refusal(copy.path(), None), &["model-00002-of-00003.safetensors", "missing"]);
    let index = copy.path().join("model.safetensors.index.json");
    fs::write(&index, r#"{"weight_map": {"logit_scale": "../../etc/passwd"}}"#).unwrap();
    assert_says(&refusal(copy.path(), None), &["../../etc/passwd", "isn't the name of a file"]);
}

#[test]
fn a_torchscript_archive_says_how_to_convert_it() {
    let message = refusal(&fixture("broken/torchscript.pt"), Some("ViT-B-32"));
    let parts =
        ["torchscript.pt", "TorchScript", "torch.jit.load", "state_dict()", "--arch ViT-B-32-quickgelu"];
    assert_says(&message, &parts);
}

#[test]
fn a_bare_state_dict_is_unwrapped_and_compared_with_its_architecture() {
    let file = fixture("open_clip_bare_quick_gelu/open_clip_pytorch_model.bin");
    let message = refusal(&file, Some("ViT-S-32-alt"));
    assert_says(
        &message,
        &[
            // "state_dict." and "module." are gone; layers that the small model lacks are missing.
            "positional_embedding ([24, 32] instead of [77, 256])",
            "missing: transformer.resblocks.3.attn.in_proj_bias",
        ],
    );
    assert!(!message.contains("surplus") && !message.contains("module."), "{message}");
}

#[test]
fn a_resnet_without_its_weights_is_refused() {
    let copy = copy_of("open_clip_gelu");
    let path = copy.path().join("open_clip_config.json");
    let config = fs::read_to_string(&path).unwrap().replace("\"layers\": 2", "\"layers\": [3, 4, 6, 3]");
    fs::write(&path, config).unwrap();
    assert_says(&refusal(copy.path(), None), &["open_clip_model.safetensors", "visual.attnpool.c_proj.bias"]);
    let sizes = fs::read_to_string(&path).unwrap().replace("\"image_size\": 32", "\"image_size\": 63");
    fs::write(&path, sizes).unwrap();
    assert_says(&refusal(copy.path(), None), &["open_clip_config.json", "63 pixels"]);
}

#[test]
fn what_is_no_model_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert_says(&refusal(empty.path(), None), &["config.json", "--arch"]);
    assert_says(&refusal(&empty.path().join("absent"), None), &["absent", "cannot be read"]);
    let bare = fixture("open_clip_bare_quick_gelu/open_clip_pytorch_model.bin");
    assert_says(&refusal(&bare, None), &["--arch", "ViT-B-32"]);
    assert_says(&refusal(&bare, Some("ViT-Q")), &["ViT-Q", "ViT-L-14"]);
    fs::write(empty.path().join("config.json"), r#"{"model_type": "florence2"}"#).unwrap();
    fs::write(empty.path().join("model.safetensors"), "").unwrap();
    assert_says(&refusal(empty.path(), None), &["florence2", "take "]);
    fs::write(empty.path().join("config.json"), "{").unwrap();
    assert_says(&refusal(empty.path(), None), &["config.json", "isn't a CLIP configuration"]);
}

#[test]
fn a_model_without_its_tokenizer_says_what_to_put_there() {
    let copy = copy_of("open_clip_gelu");
    fs::remove_file(copy.path().join("tokenizer.json")).unwrap();
    assert_says(&refusal(copy.path(), None), &["tokenizer.json", "merges.txt"]);
    fs::write(copy.path().join("tokenizer.json"), "{}").unwrap();
    assert_says(&refusal(copy.path(), None), &["tokenizer.json", "isn't a tokenizer"]);
    // Another model's tokenizer, with more tokens than the model knows.
    fs::copy(fixture("hf_quick_gelu/tokenizer.json"), copy.path().join("tokenizer.json")).unwrap();
    let path = copy.path().join("tokenizer.json");
    let text = fs::read_to_string(&path).unwrap().replace("1413", "99999");
    fs::write(&path, text).unwrap();
    assert_says(&refusal(copy.path(), None), &["99999", "take the two from the same model"]);
}

#[test]
fn a_random_model_tells_pictures_and_sentences_apart() {
    let directory = tempfile::tempdir().unwrap();
    write_random_model(directory.path(), ModelPreset::Tiny, 1).unwrap();
    let mut clip = load(directory.path()).unwrap();
    let side = clip.input_size() as usize;
    let bright = vec![1.0; 3 * side * side];
    let striped: Vec<f32> =
        (0..3 * side * side).map(|i| if i % side < side / 2 { 1.5 } else { -1.5 }).collect();
    let embeddings = clip.encode_images(&[bright, striped].concat()).unwrap();
    let (a, b) = embeddings.split_at(clip.embedding_len());
    let b: Vec<f64> = b.iter().map(|value| f64::from(*value)).collect();
    assert!(cosine(a, &b) < 0.95, "{}", cosine(a, &b));
    let texts = clip.encode_texts(&["a photo of a harbor".to_owned(), "forest".to_owned()]).unwrap();
    let other: Vec<f64> = texts[1].iter().map(|value| f64::from(*value)).collect();
    assert!(cosine(&texts[0], &other) < 0.95);

    // The same seed makes the same model, another seed another one.
    let again = tempfile::tempdir().unwrap();
    write_random_model(again.path(), ModelPreset::Tiny, 1).unwrap();
    assert_eq!(load(again.path()).unwrap().fingerprint(), clip.fingerprint());
    write_random_model(again.path(), ModelPreset::Tiny, 2).unwrap();
    assert_ne!(load(again.path()).unwrap().fingerprint(), clip.fingerprint());
}

#[test]
fn a_batch_gives_what_its_pictures_give_alone() {
    let directory = tempfile::tempdir().unwrap();
    write_random_model(directory.path(), ModelPreset::Tiny, 3).unwrap();
    let mut clip = load(directory.path()).unwrap();
    let len = clip.preprocess().input_len();
    let count = 2 * clip.batch_size() + 1;
    let input: Vec<f32> = (0..count * len).map(|i| ((i * i) % 101) as f32 / 50.0 - 1.0).collect();
    let together = clip.encode_images(&input).unwrap();
    assert_eq!(together.len(), count * clip.embedding_len());
    for index in [0, 1, count - 1] {
        let alone = clip.encode_images(&input[index * len..(index + 1) * len]).unwrap();
        let place = index * clip.embedding_len();
        for (a, b) in alone.iter().zip(&together[place..]) {
            assert!((a - b).abs() < 1e-5);
        }
    }
    assert!(clip.encode_images(&[]).unwrap().is_empty());
    assert!(clip.encode_texts(&[]).unwrap().is_empty());
    assert!(clip.encode_images(&input[..len - 1]).is_err());
}

#[test]
fn a_software_renderer_is_never_chosen() {
    let directory = tempfile::tempdir().unwrap();
    write_random_model(directory.path(), ModelPreset::Tiny, 1).unwrap();
    let mut clip = Clip::load(&source(directory.path()), DeviceChoice::Auto).unwrap();
    let label = clip.device_label();
    assert!(!label.contains("llvmpipe") && !label.contains("SwiftShader"), "{label}");
    if label.starts_with("CPU") {
        assert!(clip.take_notice().unwrap().ends_with("running on the CPU"));
        assert_eq!(clip.take_notice(), None);
        // The same machine, when a card is insisted on.
        let refused = Clip::load(&source(directory.path()), DeviceChoice::Gpu).err();
        if std::env::var_os("SKYSIFT_ALLOW_SOFTWARE_GPU").is_none() {
            assert_says(&refused.unwrap().to_string(), &["graphics card", "--device cpu"]);
        }
    } else {
        assert_eq!(clip.take_notice(), None);
    }
    let mut clip = Clip::load(&source(directory.path()), DeviceChoice::Cpu).unwrap();
    assert!(clip.device_label().starts_with("CPU"));
    assert_eq!(clip.take_notice(), None);
}
