//! Models as their authors left them: every layout beside the code that it is for, and a sentence for what
//! can't be right. The fixtures come from `tests/reference/make_layout_fixtures.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use serde_json::{Value, json};
use skysift::clip::{Clip, DeviceChoice, ModelSource, Scoring, describe_model};

use crate::clip::{
    assert_parity, assert_parity_of, assert_says, copy_of, edit_tensors, fixture, json as read_json, refusal,
};
use crate::support::skysift;

fn source(path: &Path, arch: Option<&str>) -> ModelSource {
    ModelSource { path: path.to_owned(), arch: arch.map(str::to_owned) }
}

fn load(path: &Path, arch: Option<&str>) -> Clip {
    Clip::load(&source(path, arch), DeviceChoice::Cpu).unwrap()
}

fn notices(clip: &mut Clip) -> Vec<String> {
    std::iter::from_fn(|| clip.take_notice()).collect()
}

fn write(path: &Path, value: &Value) {
    fs::write(path, value.to_string()).unwrap();
}

#[test]
fn parity_with_transformers_on_an_old_repository() {
    // Null sections, integer positions, no activation, a tokenizer.json of transformers 4.6,
    // processor_config.json alone that resizes to 40 pixels and cuts out 32.
    assert_parity("hf_old");
    let mut clip = load(&fixture("hf_old"), None);
    let told = notices(&mut clip);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_says(&told[0], &["tokenizer.json", "CLIP's own are taken"]);
    let description = clip.description();
    assert_eq!(description.activation.value, "QuickGELU");
    assert_says(&description.activation.from, &["transformers' default"]);
    assert_eq!(description.preprocessing.from, "processor_config.json");
    assert_says(&description.preprocessing.value, &["shortest side to 40 pixels (bilinear), middle 32 x 32"]);
    assert_eq!(description.left_out, ["flax_model.msgpack"]);
    assert_eq!(description.weight_type, "f16");
}

#[test]
fn parity_with_open_clip_on_heads_of_80_in_bfloat16_deep_inside_a_checkpoint() {
    assert_parity("open_clip_heads_80");
    let mut clip = load(&fixture("open_clip_heads_80"), None);
    assert_says(
        &notices(&mut clip).join("; "),
        &["several models", "\"model.module\"", "not \"ema.module\""],
    );
    assert_says(&clip.description().image_tower, &["width 160, 2 heads"]);
    assert_eq!(clip.description().weight_type, "bf16");
}

#[test]
fn parity_with_long_clip_and_its_two_tables() {
    assert_parity("long_clip");
    let clip = load(&fixture("long_clip"), None);
    let description = clip.description();
    assert_eq!((description.context_length.value, &*description.layout), (248, "open_clip, Long-CLIP"));
    assert_eq!(description.tokenizer.from, "OpenAI's, which comes with Skysift");
}

fn assert_siglip(name: &str) -> Clip {
    assert_parity(name);
    let mut clip = load(&fixture(name), None);
    let expected = read_json(&fixture(name).join("expected.json"));
    let Scoring::Sigmoid { bias } = clip.scoring() else { panic!("not a sigmoid") };
    assert!((f64::from(bias) - expected["logit_bias"].as_f64().unwrap()).abs() < 1e-3);
    assert_eq!(notices(&mut clip), Vec::<String>::new());
    assert_eq!(clip.description().scoring.value, "sigmoid, a word at a time");
    clip
}

#[test]
fn parity_with_transformers_on_siglip_in_bf16_with_sentencepiece_alone() {
    let clip = assert_siglip("siglip");
    assert_eq!(clip.description().activation.value, "tanh-GELU");
    assert_eq!(clip.description().tokenizer.from, "spiece.model");
    assert_says(&clip.description().preprocessing.value, &["squashed to 30 x 30"]);
}

#[test]
fn parity_with_transformers_on_siglip_2_with_gemmas_tokenizer_in_fp16() {
    assert_siglip("siglip2");
}

#[test]
fn parity_with_open_clip_on_siglip_with_timms_image_tower() {
    let clip = assert_siglip("siglip_open_clip");
    assert_eq!(clip.description().activation.value, "GELU for images, tanh-GELU for sentences");
}

/// The probability of a SigLIP is that of its authors' code, whatever other words there are.
#[test]
fn siglip_scores_each_keyword_by_itself_and_reports_say_so() {
    let directory = fixture("siglip");
    let expected = read_json(&directory.join("expected.json"));
    let picture = fixture("pictures").join("2.png");
    let probability = |words: &[&str]| {
        let mut command = skysift();
        command.arg("detect").arg(&picture).arg("--model").arg(&directory).args(["--device", "cpu"]);
        command.args(["--tile", "48", "--window", "1", "--prompt", "{}", "--format", "json"]);
        command.args(words.iter().flat_map(|word| ["-k", word]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["scoring"], "sigmoid");
        report["detections"][0]["probability"].as_f64().unwrap()
    };
    let texts = expected["texts"].as_array().unwrap();
    let place = texts.iter().position(|text| text == "a photo of a harbor").unwrap();
    let wanted = expected["probabilities"][2][place].as_f64().unwrap();
    let alone = probability(&["a photo of a harbor"]);
    // The store's half precision.
    assert!((alone / wanted - 1.0).abs() < 0.01, "{alone}, not {wanted}");
    assert_eq!(alone, probability(&["a photo of a harbor", "forest", "airport"]));
}

/// A bare state dict with the shapes of ViT-S-32-alt, the smallest architecture that has a name, as a
/// training script leaves it; random weights, the same every time.
fn state_dict() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let folder = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
        let mut add = |name: &str, shape: &[usize]| shapes.push((name.to_owned(), shape.to_vec()));
        for (prefix, layers, width) in [("visual.transformer", 12, 384), ("transformer", 10, 256)] {
            for layer in 0..layers {
                for (name, shape) in [
                    ("attn.in_proj_weight", vec![3 * width, width]),
                    ("attn.in_proj_bias", vec![3 * width]),
                    ("attn.out_proj.weight", vec![width, width]),
                    ("attn.out_proj.bias", vec![width]),
                    ("ln_1.weight", vec![width]),
                    ("ln_1.bias", vec![width]),
                    ("ln_2.weight", vec![width]),
                    ("ln_2.bias", vec![width]),
                    ("mlp.c_fc.weight", vec![4 * width, width]),
                    ("mlp.c_fc.bias", vec![4 * width]),
                    ("mlp.c_proj.weight", vec![width, 4 * width]),
                    ("mlp.c_proj.bias", vec![width]),
                ] {
                    add(&format!("{prefix}.resblocks.{layer}.{name}"), &shape);
                }
            }
        }
        for (norm, width) in [("visual.ln_pre", 384), ("visual.ln_post", 384), ("ln_final", 256)] {
            add(&format!("{norm}.weight"), &[width]);
            add(&format!("{norm}.bias"), &[width]);
        }
        add("visual.class_embedding", &[384]);
        add("visual.positional_embedding", &[50, 384]);
        add("visual.conv1.weight", &[384, 3, 32, 32]);
        add("visual.proj", &[384, 256]);
        add("token_embedding.weight", &[49_408, 256]);
        add("positional_embedding", &[77, 256]);
        add("text_projection", &[256, 256]);
        add("logit_scale", &[]);
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 65_536.0 - 0.5
        };
        let bytes: Vec<Vec<u8>> = shapes
            .iter()
            .map(|(name, shape)| {
                let inputs = shape.last().copied().unwrap_or(1) as f32;
                let value = |noise: f32| match name {
                    _ if name == "logit_scale" => 3.0,
                    _ if name.contains("ln_") && name.ends_with("weight") => 1.0 + noise,
                    _ => 4.0 * noise / inputs.sqrt(),
                };
                let count = shape.iter().product::<usize>();
                (0..count).flat_map(|_| half::f16::from_f32(value(next())).to_le_bytes()).collect()
            })
            .collect();
        let tensors = shapes.iter().zip(&bytes).map(|((name, shape), bytes)| {
            let view =
                safetensors::tensor::TensorView::new(safetensors::Dtype::F16, shape.clone(), bytes).unwrap();
            (format!("model.module.{name}"), view)
        });
        fs::write(folder.path().join("tiny.safetensors"), safetensors::serialize(tensors, None).unwrap())
            .unwrap();
        folder
    });
    FILE.get_or_init(|| folder.path().join("tiny.safetensors"))
}

fn embed(model: &Path, args: &[&str]) -> Output {
    let mut command = skysift();
    command.arg("embed").arg("--model").arg(model).args(["--device", "cpu", "--text", "a harbor"]);
    command.arg("--image").arg(fixture("pictures").join("1.png")).args(args).output().unwrap()
}

#[test]
fn a_state_dict_that_does_not_say_its_activation_is_asked_for_it_or_told() {
    let file = state_dict();
    let message = refusal(file, None);
    assert_says(
        &message,
        &["the shapes of ViT-S-32-alt", "ViT-S-32-alt-quickgelu if", "ViT-S-32-alt-gelu if not"],
    );
    // The folder holds nothing else, so it may be named as well.
    assert_eq!(refusal(file.parent().unwrap(), None), message);
    let embedded = |arch: &str| {
        let output = embed(file, &["--arch", arch]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        (value["image_embeddings"].clone(), said)
    };
    let (plain, said) = embedded("ViT-S-32-alt");
    assert_says(
        &said,
        &["doesn't say its activation", "--arch ViT-S-32-alt-quickgelu", "--arch ViT-S-32-alt-gelu"],
    );
    let (gelu, said) = embedded("ViT-S-32-alt-gelu");
    assert_eq!((gelu, said), (plain.clone(), String::new()));
    let (quick, said) = embedded("ViT-S-32-alt-quickgelu");
    assert_eq!(said, "");
    assert_ne!(quick, plain);
}

#[test]
fn a_bare_state_dict_is_trained_and_leaves_a_whole_model() {
    let folder = tempfile::tempdir().unwrap();
    for (class, color) in [("storagetanks", [200, 40, 60]), ("forest", [20, 90, 30])] {
        let data = folder.path().join("data").join(class);
        fs::create_dir_all(&data).unwrap();
        for index in 0..4_u8 {
            let picture = image::RgbImage::from_fn(32, 32, |x, _| {
                image::Rgb(color.map(|value| value + index + (x % 8) as u8))
            });
            picture.save(data.join(format!("{index}.png"))).unwrap();
        }
    }
    let out = folder.path().join("out");
    let mut command = skysift();
    command.arg("finetune").arg(folder.path().join("data")).arg("--model").arg(state_dict());
    command.args(["--arch", "ViT-S-32-alt-quickgelu", "--device", "cpu", "--epochs", "1", "--batch", "4"]);
    let output = command.args(["--lr", "1e-12", "--val-split", "0.25", "--out"]).arg(&out).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_says(
        &said,
        &["before training: validation", "aren't words that the model knows: storagetanks;", "--names"],
    );
    let config = read_json(&out.join("open_clip_config.json"));
    assert_eq!(config.pointer("/model_cfg/quick_gelu"), Some(&json!(true)));
    let embeddings = |output: Output| -> Vec<f32> {
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        serde_json::from_value(value["image_embeddings"][0].clone()).unwrap()
    };
    let before = embeddings(embed(state_dict(), &["--arch", "ViT-S-32-alt-quickgelu"]));
    let after = embeddings(embed(&out, &[]));
    let cosine: f32 = before.iter().zip(&after).map(|(a, b)| a * b).sum();
    assert!(cosine > 0.9999, "{cosine}");
}

#[test]
fn both_activations_have_names_and_give_other_embeddings() {
    let copy = copy_of("open_clip_gelu");
    let config = copy.path().join("open_clip_config.json");
    let gelu = load(copy.path(), None).encode_texts(&["harbor".to_owned()]).unwrap();
    let written =
        fs::read_to_string(&config).unwrap().replace("\"quick_gelu\": false", "\"quick_gelu\": true");
    fs::write(&config, written).unwrap();
    let mut quick = load(copy.path(), Some("ViT-B-32-gelu"));
    assert_ne!(quick.encode_texts(&["harbor".to_owned()]).unwrap(), gelu);
    // A name that contradicts the folder's own configuration isn't used, and told.
    assert_says(&notices(&mut quick).join("; "), &["--arch ViT-B-32-gelu isn't used", "QuickGELU"]);
    assert_eq!(quick.description().activation.from, "open_clip_config.json");
}

#[test]
fn a_model_with_more_rows_than_its_tokenizer_has_ids_is_refused() {
    let copy = copy_of("hf_quick_gelu");
    let path = copy.path().join("tokenizer.json");
    let mut tokenizer = read_json(&path);
    // The last hundred merges and their words are gone, the end token follows.
    let merges = tokenizer["model"]["merges"].as_array().unwrap().len() - 100;
    tokenizer["model"]["merges"].as_array_mut().unwrap().truncate(merges);
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    vocabulary.retain(|_, id| id.as_u64().unwrap() < 512 + merges as u64);
    let first = 512 + merges;
    vocabulary.insert("<|startoftext|>".to_owned(), json!(first));
    vocabulary.insert("<|endoftext|>".to_owned(), json!(first + 1));
    for (token, id) in tokenizer["added_tokens"].as_array_mut().unwrap().iter_mut().zip([first, first + 1]) {
        token["id"] = json!(id);
    }
    write(&path, &tokenizer);
    assert_says(
        &refusal(copy.path(), None),
        &["ids up to 1313", "vocabulary of 1414", "from the same model"],
    );
}

#[test]
fn an_end_token_that_the_model_does_not_look_for_is_refused() {
    let copy = copy_of("hf_quick_gelu");
    let path = copy.path().join("config.json");
    let mut config = read_json(&path);
    config["text_config"]["eos_token_id"] = json!(7);
    write(&path, &config);
    assert_says(&refusal(copy.path(), None), &["end token has the id 1413", "at the id 7"]);
}

#[test]
fn a_processor_that_does_not_fit_the_model_is_refused_and_an_odd_one_told() {
    let copy = copy_of("hf_quick_gelu");
    let path = copy.path().join("preprocessor_config.json");
    write(&path, &json!({"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}));
    assert_says(&refusal(copy.path(), None), &["cuts out 64 x 64", "32 x 32"]);
    write(&path, &json!({"do_resize": false}));
    let mut clip = load(copy.path(), None);
    assert_says(&notices(&mut clip).join("; "), &["doesn't resize", "windows of a scene are resized"]);
}

#[test]
fn two_layouts_in_one_folder_are_told_apart() {
    // transformers' and open_clip's: the weights of both are there.
    let copy = copy_of("open_clip_gelu");
    for name in ["config.json", "model.safetensors"] {
        fs::copy(fixture("hf_quick_gelu").join(name), copy.path().join(name)).unwrap();
    }
    let description = describe_model(&source(copy.path(), None)).unwrap();
    assert_eq!(description.layout, "Hugging Face");
    assert_eq!(description.left_out, ["open_clip_config.json", "open_clip_model.safetensors"]);
    // timm's config.json beside open_clip's files is another library's.
    write(
        &copy.path().join("config.json"),
        &json!({"architecture": "vit_base_patch16_siglip_224", "num_classes": 0}),
    );
    let description = describe_model(&source(copy.path(), None)).unwrap();
    assert_eq!(description.layout, "open_clip");
    assert!(description.parameters > 10_000);
}

#[test]
fn a_text_tower_of_its_own_is_open_clips_too() {
    let copy = copy_of("open_clip_gelu");
    edit_tensors(&copy.path().join("open_clip_model.safetensors"), |tensors| {
        for (name, _) in tensors {
            if !name.starts_with("visual.") && !name.starts_with("logit") {
                *name = format!("text.{name}");
            }
        }
    });
    let expected = read_json(&copy.path().join("expected.json"));
    assert_parity_of(&mut load(copy.path(), None), &expected, 0.99999);
}

#[test]
fn models_of_other_kinds_say_what_they_are_and_what_to_take() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    for (model_type, what) in [
        ("siglip2", "NaFlex"),
        ("vision-text-dual-encoder", "text tower of another kind"),
        ("align", "ALIGN"),
        ("blip", "a BLIP"),
        ("blip-2", "a BLIP-2"),
        ("dinov2", "knows images and no words"),
        ("chinese_clip", "Chinese-CLIP"),
        ("bert", "a model of type \"bert\""),
    ] {
        write(&config, &json!({"model_type": model_type}));
        assert_says(&refusal(folder.path(), None), &[what, "take "]);
    }
    write(&config, &json!({"model_type": "clip", "architectures": ["LLM2CLIPModel"], "auto_map": {}}));
    assert_says(&refusal(folder.path(), None), &["LLM2CLIP"]);
    write(&config, &json!({"model_type": "clip"}));
    fs::write(folder.path().join("flax_model.msgpack"), "").unwrap();
    assert_says(&refusal(folder.path(), None), &["weights of FLAX only"]);
    assert_says(&refusal(&folder.path().join("flax_model.msgpack"), None), &["FLAX", "model.safetensors"]);
    let pointer = folder.path().join("model.pt");
    fs::write(&pointer, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n").unwrap();
    assert_says(&refusal(&pointer, Some("ViT-B-32")), &["pointer of Git LFS"]);

    for (part, what) in [
        (
            json!({"text_cfg": {"hf_model_name": "roberta-base"}, "vision_cfg": {}, "embed_dim": 8}),
            "roberta-base",
        ),
        (json!({"multimodal_cfg": {"width": 8}, "text_cfg": {}, "vision_cfg": {}, "embed_dim": 8}), "CoCa"),
        (
            json!({"vision_cfg": {"timm_model_name": "eva02_base"}, "text_cfg": {}, "embed_dim": 8}),
            "eva02_base",
        ),
    ] {
        let copy = copy_of("open_clip_gelu");
        write(&copy.path().join("open_clip_config.json"), &json!({"model_cfg": part}));
        assert_says(&refusal(copy.path(), None), &[what, "take a CLIP or SigLIP"]);
    }

    for (name, what) in [
        ("modality_trunks.vision.blocks.0.weight", "ImageBind"),
        ("text.transformer.encoder.layer.0.attention.self.query.weight", "BERT or RoBERTa"),
        ("blocks.0.attn.qkv.weight", "knows no words"),
        ("visual.blocks.0.attn.proj.weight", "EVA-CLIP"),
        ("conv1.weight", "no CLIP or SigLIP that Skysift knows"),
    ] {
        let file = folder.path().join("weights.safetensors");
        let bytes = [0; 4];
        let tensor = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &bytes).unwrap();
        fs::write(&file, safetensors::serialize([(name, tensor)], None).unwrap()).unwrap();
        assert_says(&refusal(&file, Some("ViT-B-32")), &[what]);
    }
}

#[test]
fn siglip_is_not_trained() {
    let out = tempfile::tempdir().unwrap();
    let output = skysift()
        .args(["finetune", "."])
        .arg("--model")
        .arg(fixture("siglip"))
        .arg("--out")
        .arg(out.path().join("result"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_says(&String::from_utf8_lossy(&output.stderr), &["SigLIP", "train a CLIP model"]);
}
