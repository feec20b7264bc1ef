//! A twin of every model of the catalogue, with weights that mean nothing. Each is fetched by its name.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use skysift::clip::{Clip, DeviceChoice, ModelSource, describe_model};
use skysift::models::{Catalogue, CatalogueEntry};

use super::models::Desk;
use super::twin_files::publish;

/// A computer with the shipped catalogue, and a hub with all its twins.
fn desk() -> Desk {
    let desk = Desk::new();
    let catalogue = Catalogue::shipped().unwrap();
    let skyclip = catalogue.find("skyclip-vit-b-32").unwrap();
    // The one address that is no hub's.
    let shipped = include_str!("../../assets/models.toml");
    let own =
        shipped.replace(skyclip.url.as_ref().unwrap(), &format!("{}/files/skyclip.zip", desk.hub.url()));
    desk.catalogue(&own);
    for entry in &catalogue.entries {
        publish(entry, None, &desk.hub);
    }
    desk
}

fn is_large(entry: &CatalogueEntry) -> bool {
    entry.name.contains("l-14") || entry.name.contains("h-14")
}

#[test]
fn every_model_of_the_catalogue_is_fetched_and_understood() {
    let desk = desk();
    for entry in Catalogue::shipped().unwrap().entries {
        let path = desk.ok(&["models", "get", &entry.name, "--quiet"]);
        let source = ModelSource { path: path.trim().into(), arch: entry.arch.clone() };
        let about = describe_model(&source).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let known = entry.activation_text();
        let of_resnet = format!("ReLU for images, {known} for sentences");
        let found = if entry.name.contains("rn50") { of_resnet } else { known };
        assert_eq!(about.activation.value, found, "{}", entry.name);
        assert_eq!(about.context_length.value, entry.context, "{}", entry.name);
        assert_eq!(about.image_size.value, entry.image, "{}", entry.name);
        assert!(desk.is_here(&entry.name));
    }
}

/// Those that a processor runs in a moment; see below for the larger ones.
#[test]
fn every_kind_of_model_is_loaded_and_checked() {
    let desk = desk();
    for entry in Catalogue::shipped().unwrap().entries.iter().filter(|entry| !is_large(entry)) {
        desk.ok(&["models", "get", &entry.name, "--quiet"]);
        let checked = desk.ok(&["models", "check", &entry.name, "--device", "cpu", "--json"]);
        let checked: Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(checked["differs"], json!([]), "{}: {checked}", entry.name);
        assert!(checked["images_per_second"].as_f64().unwrap() > 0.0, "{}", entry.name);
        desk.ok(&["models", "remove", &entry.name]);
    }
}

/// As wide as published, with two layers in each tower. Only a configuration says how many there are: the
/// state dicts of the larger models have as many as their architecture's name stands for, and H/14's weights
/// alone would take four gigabytes of memory here. They are described above, which holds the names and shapes
/// of all their tensors to what is loaded.
#[test]
fn large_models_of_few_layers_are_loaded_and_checked() {
    let desk = Desk::new();
    for name in ["clip-vit-l-14", "clip-vit-l-14-336"] {
        let catalogue = Catalogue::shipped().unwrap();
        publish(catalogue.find(name).unwrap(), Some(2), &desk.hub);
        desk.ok(&["models", "get", name, "--quiet"]);
        let checked = desk.ok(&["models", "check", name, "--device", "cpu", "--json"]);
        let checked: Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(checked["differs"], json!([]), "{name}: {checked}");
        assert!(checked["images_per_second"].as_f64().unwrap() > 0.0, "{name}");
        let tower = checked["image_tower"].as_str().unwrap();
        assert!(tower.contains("width 1024, 16 heads") && tower.contains("2 layers"), "{tower}");
        desk.ok(&["models", "remove", name]);
    }
}

/// A SigLIP's state dict alone is the same model as with its configuration.
#[test]
fn a_siglip_is_loaded_by_the_name_of_its_architecture() {
    let desk = Desk::new();
    let catalogue = Catalogue::shipped().unwrap();
    publish(catalogue.find("siglip2-vit-b-16").unwrap(), None, &desk.hub);
    let whole = desk.ok(&["models", "get", "siglip2-vit-b-16", "--quiet"]);
    let whole = Path::new(whole.trim());
    let bare = desk.folder.path().join("siglip.bin");
    fs::copy(whole.join("open_clip_pytorch_model.bin"), &bare).unwrap();
    let source = |path: &Path, arch: Option<&str>| ModelSource {
        path: path.to_owned(),
        arch: arch.map(str::to_owned),
    };
    let refused = describe_model(&source(&bare, None)).unwrap_err().to_string();
    assert!(refused.contains("add --arch ViT-B-16-SigLIP"), "{refused}");
    let named = source(&bare, Some("ViT-B-16-SigLIP2"));
    let refused = describe_model(&named).unwrap_err().to_string();
    assert!(refused.contains("put the model's tokenizer.json"), "{refused}");
    fs::copy(whole.join("tokenizer.json"), bare.with_file_name("tokenizer.json")).unwrap();

    let mut answers = Vec::new();
    for source in [source(whole, None), named] {
        let mut clip = Clip::load(&source, DeviceChoice::Cpu).unwrap();
        let input: Vec<f32> =
            (0..clip.preprocess().input_len()).map(|place| (place as f32 * 0.37).sin()).collect();
        let (image, texts) =
            (clip.encode_images(&input).unwrap(), ["harbor".to_owned(), "a beach".to_owned()]);
        let about = clip.description().clone();
        answers.push((
            image,
            clip.encode_texts(&texts).unwrap(),
            about.preprocessing.value,
            about.activation.value,
        ));
        assert_eq!((about.context_length.value, about.image_size.value), (64, 224));
        assert!(clip.take_notice().is_none());
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].2.contains("squashed to 224 x 224"), "{}", answers[0].2);
}
