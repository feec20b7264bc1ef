//! Sharpening from the outside: a network is trained, used, and never mixed up with none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use image::{Rgb, RgbImage};
use serde_json::Value;
use skysift::clip::Sharpener;
use skysift::raster::Pixels;

use super::store::{command, output, scene};
use super::torch::{Kind, Object, Tensor, save};
use crate::support::{skysift, tiny_model};

/// Windows of 40 x 40 pixels, less than the model takes, every 64 pixels. Each shows an edge of the scene's
/// squares: what has one colour is the same however it is enlarged.
const GRID: [&str; 6] = ["--tile", "8", "--window", "5", "--step", "8"];

/// Two class folders with a few pictures each.
fn pictures(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    for (class, name) in ["fields", "roads"].into_iter().enumerate() {
        fs::create_dir_all(data.join(name)).unwrap();
        for index in 0..5_u32 {
            let picture = RgbImage::from_fn(80, 80, |x, y| {
                let along = if class == 0 { x / 5 + index } else { (x + y + index) / 3 };
                Rgb(if along % 2 == 0 { [60, 140, 50] } else { [200 - index as u8, 180, 150] })
            });
            picture.save(data.join(name).join(format!("{index}.png"))).unwrap();
        }
    }
    data
}

fn train(data: &Path, out: &Path) -> Command {
    let mut command = skysift();
    command.arg("train-sharpener").arg(data).arg("--out").arg(out);
    command.args(["--scale", "2", "--features", "4", "--layers", "1", "--steps", "5", "--batch", "2"]);
    command.args(["--crop", "8", "--val-split", "0.2"]);
    command
}

/// A network that was trained for a moment.
fn network() -> PathBuf {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sharpener.safetensors");
        let told = output(&mut train(&pictures(folder.path()), &path));
        assert!(told.contains(" dB with bicubic"), "{told}");
        path
    };
    WRITTEN.get_or_init(write).clone()
}

fn sharpen() -> String {
    format!("--sharpen={}", network().display())
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&output(command)).unwrap()
}

#[test]
fn what_is_sharpened_and_what_is_not_never_mix() {
    let folder = tempfile::tempdir().unwrap();
    let image = scene(folder.path(), "a.tif", 1);
    let store = folder.path().join("store");
    let windows = |command: &mut Command| output(command.arg(&image).args(GRID));
    let plain = windows(&mut command("index", &store));
    assert!(plain.contains(" windows, 0 of them known"), "{plain}");
    let sharpened = windows(command("index", &store).arg(sharpen()));
    assert!(sharpened.contains(" windows, 0 of them known"), "{sharpened}");
    let known = |told: &str| {
        let mut words = told.split_whitespace().skip_while(|word| !word.ends_with("windows,"));
        words.nth(1).unwrap().to_owned()
    };
    for mode in [&[][..], &[sharpen()]] {
        assert_ne!(known(&windows(command("index", &store).args(mode))), "0");
    }

    let search =
        |store: &Path, mode: &[String]| json(command("search", store).args(["-k", "harbor"]).args(mode));
    let (without, with) = (search(&store, &[]), search(&store, &[sharpen()]));
    assert_eq!((&without["scenes"], &with["scenes"]), (&Value::from(1), &Value::from(1)));
    assert_ne!(without["detections"][0]["cosine"], with["detections"][0]["cosine"]);
    // A scan finds the same as the search in what is stored, and says that details are likely, not seen.
    let mut detect = command("detect", &store);
    let detected = json(detect.arg(&image).args(GRID).args(["-k", "harbor"]).arg(sharpen()));
    assert_eq!(detected["detections"][0]["cosine"], with["detections"][0]["cosine"]);
    assert!(detected["notices"].to_string().contains("enlarged by the network"), "{}", detected["notices"]);

    let alone = folder.path().join("alone");
    windows(&mut command("index", &alone));
    let refused = command("search", &alone).args(["-k", "harbor"]).arg(sharpen()).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nothing is indexed"));
}

#[test]
fn pictures_are_shrunk_and_sharpened_before_they_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path());
    let evaluate = |args: &[&str]| {
        let mut command = skysift();
        command
            .arg("evaluate")
            .arg(&data)
            .arg("--model")
            .arg(tiny_model())
            .args(["--device", "cpu", "--json"]);
        json(command.args(args))
    };
    let (plain, shrunk) = (evaluate(&[]), evaluate(&["--shrink", "20"]));
    let sharpened = evaluate(&["--shrink", "20", &sharpen()]);
    assert_eq!((&plain["shrink"], &shrunk["shrink"]), (&Value::Null, &Value::from(20)));
    assert_eq!(sharpened["sharpened_by"].as_str().unwrap().len(), 64);
    let probabilities = |report: &Value| report["classification"].to_string();
    assert!(!probabilities(&shrunk).is_empty());
    let embed = |args: &[&str]| {
        let mut command = skysift();
        command.arg("embed").arg("--model").arg(tiny_model()).args(["--device", "cpu", "--image"]);
        json(command.arg(folder.path().join("small.png")).args(args))["image_embeddings"].clone()
    };
    let small = RgbImage::from_fn(20, 20, |x, y| Rgb([x as u8 * 12, y as u8 * 12, 90]));
    small.save(folder.path().join("small.png")).unwrap();
    assert_ne!(embed(&[]), embed(&[&sharpen()]));
}

#[test]
fn a_network_is_the_same_for_the_same_seed_and_replaces_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path());
    let (one, two) = (folder.path().join("1.safetensors"), folder.path().join("2.safetensors"));
    output(&mut train(&data, &one));
    output(&mut train(&data, &two));
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    assert!(fs::metadata(&one).unwrap().len() < 4096, "it is stored in half precision");
    let refused = train(&data, &data.join("fields/0.png")).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("0.png"));
}

#[test]
fn networks_of_real_esrgan_are_read_and_others_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tensor =
        |shape: &[usize], value| Object::Tensor(Tensor { shape: shape.to_vec(), kind: Kind::Float, value });
    let body = |value: f32| {
        let tensors = [
            ("body.0.weight", tensor(&[4, 3, 3, 3], value)),
            ("body.0.bias", tensor(&[4], 0.0)),
            ("body.1.weight", tensor(&[4], 0.25)),
            ("body.2.weight", tensor(&[4, 4, 3, 3], 0.0)),
            ("body.2.bias", tensor(&[4], 0.0)),
            ("body.3.weight", tensor(&[4], 0.25)),
            ("body.4.weight", tensor(&[48, 4, 3, 3], value)),
            ("body.4.bias", tensor(&[48], value)),
        ];
        Object::Dict(tensors.map(|(name, tensor)| (name.to_owned(), tensor)).into())
    };
    let write = |name: &str, object: &Object| {
        let path = folder.path().join(name);
        fs::write(&path, save(object)).unwrap();
        path
    };
    // Of a network and its moving average, the latter counts: nothing but the nearest pixel, lighter by 0.2.
    let both = [("params".to_owned(), body(0.5)), ("params_ema".to_owned(), body(0.2))];
    let sharpener = Sharpener::open(&write("both.pth", &Object::Dict(both.into()))).unwrap();
    assert_eq!(sharpener.upscale(), 4);
    let small = Pixels { width: 2, height: 1, rgba: vec![0, 51, 102, 255, 10, 20, 30, 255] };
    let large = sharpener.enlarge(&small).unwrap();
    assert_eq!((large.width, large.height), (8, 4));
    assert_eq!(large.rgba[..4], [51, 102, 153, 255]);
    assert_eq!(large.rgba[16..20], [61, 71, 81, 255]);
    assert!(Sharpener::open(&write("bare.pth", &body(0.1))).is_ok());

    for path in [
        write("other.pth", &Object::Dict(vec![("fc.weight".to_owned(), tensor(&[2, 2], 0.0))])),
        tiny_model().join("model.safetensors"),
    ] {
        let error = Sharpener::open(&path).err().unwrap().to_string();
        assert!(error.contains("SRVGGNetCompact") && error.contains(path.to_str().unwrap()), "{error}");
    }
    let mut detect = command("detect", &folder.path().join("store"));
    let refused = detect.arg("a.tif").args(["-k", "x", "--sharpen=/no/such.pth"]).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("/no/such.pth") && told.trim_end().lines().count() == 1, "{told}");
}
