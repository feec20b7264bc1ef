//! Labels on annotated pictures, and what a picture with very many boxes takes.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{skysift, tiny_model, write_striped_tiff};

const WHITE_SCENE: fn(u32, u32) -> [u8; 3] = |_, _| [255, 255, 255];

fn annotate(folder: &Path, keyword: &str, (width, height): (u32, u32)) -> (Output, image::RgbImage) {
    write_striped_tiff(&folder.join("scene.tif"), (width, height), WHITE_SCENE);
    let mut command = skysift();
    command.args(["detect", "scene.tif", "-k", keyword, "--tile", "16", "--window", "2", "--top", "1"]);
    command.arg("--model").arg(tiny_model()).args([
        "--device",
        "cpu",
        "--annotate",
        "marked.png",
        "-o",
        "marked.json",
    ]);
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{keyword}: {}", String::from_utf8_lossy(&output.stderr));
    let picture = image::open(folder.join("marked.png")).unwrap().into_rgb8();
    assert_eq!(picture.dimensions(), (width, height));
    (output, picture)
}

/// Pixels that are the black of letters.
fn ink(picture: &image::RgbImage) -> usize {
    picture.pixels().filter(|pixel| pixel.0.iter().all(|value| *value < 40)).count()
}

#[test]
fn what_was_typed_stands_in_the_label_and_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let (_, short) = annotate(folder.path(), "é", (400, 300));
    for keyword in ["Ångström", "гавань", "λιμάνι", "港口", "ميناء", "⚓ pier"] {
        let (output, picture) = annotate(folder.path(), keyword, (400, 300));
        let report = std::fs::read_to_string(folder.path().join("marked.json")).unwrap();
        assert!(report.contains(keyword), "{keyword}");
        assert!(ink(&picture) > ink(&short), "{keyword}: {} {}", ink(&picture), ink(&short));
        // Letters that no font has are told, by their word.
        let stderr = String::from_utf8_lossy(&output.stderr);
        let letters =
            keyword.chars().filter(|letter| !letter.is_ascii()).map(|letter| format!("{:x}", letter as u32));
        let told = stderr.contains("no font on this system");
        assert_eq!(
            told,
            stderr.contains(&format!("“{}”", keyword.replace(" pier", ""))),
            "{keyword}: {stderr}"
        );
        if cfg!(target_os = "linux") && told {
            let lacks =
                letters.into_iter().any(|code| installed_fonts(&format!(":charset={code}")) == Some(0));
            assert!(lacks, "{keyword}: a font has all of it");
        }
    }
}

/// How many fonts fit a pattern; `None` where nobody can tell.
fn installed_fonts(pattern: &str) -> Option<usize> {
    let output = Command::new("fc-list").arg(pattern).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().count())
}

#[cfg(target_os = "linux")]
#[test]
fn without_any_font_for_it_a_word_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let fonts = folder.path().join("fonts.conf");
    std::fs::write(&fonts, "<fontconfig><dir>/no/such/folder</dir></fontconfig>").unwrap();
    write_striped_tiff(&folder.path().join("scene.tif"), (200, 150), WHITE_SCENE);
    let mut command = skysift();
    command.args(["detect", "scene.tif", "-k", "港口", "-k", "harbor", "--tile", "16", "--top", "2"]);
    command.arg("--model").arg(tiny_model()).args(["--device", "cpu", "--annotate", "marked.png"]);
    let output = command.env("FONTCONFIG_FILE", &fonts).current_dir(folder.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr.matches("no font on this system has all letters of “港口”").count(), 1, "{stderr}");
    assert!(!stderr.contains("“harbor”"), "{stderr}");
}

#[test]
fn no_label_leaves_a_small_picture() {
    let folder = tempfile::tempdir().unwrap();
    let long = "a very long description of a harbor with many ships, cranes and containers at the quay";
    for size in [(120, 90), (40, 200), (200, 24), (33, 33), (16, 16), (400, 10), (1, 1)] {
        let (_, picture) = annotate(folder.path(), long, size);
        // A label that was cut off at an edge would have letters right at it.
        let (width, height) = picture.dimensions();
        let dark = |x: u32, y: u32| picture.get_pixel(x, y).0.iter().all(|value| *value < 40);
        let side = (0..height).any(|y| dark(width - 1, y)) || (0..width).any(|x| dark(x, height - 1));
        assert!(!side, "{size:?}");
    }
}

/// 100,000 boxes took 1.8 GiB more than a few.
#[cfg(target_os = "linux")]
#[test]
fn very_many_boxes_take_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    write_striped_tiff(&folder.path().join("scene.tif"), (5200, 5200), WHITE_SCENE);
    let peak = |top: &str| {
        let mut command = skysift();
        command.args([
            "detect",
            "scene.tif",
            "-k",
            "harbor",
            "--tile",
            "16",
            "--window",
            "1",
            "--quiet",
            "--top",
            top,
        ]);
        command.arg("--model").arg(tiny_model()).args(["--device", "cpu", "--annotate", "marked.png"]);
        let mut child = command.current_dir(folder.path()).stdout(Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0_u64;
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(now.unwrap_or(0));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success());
                return peak / 1024;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    let (few, many) = (peak("10"), peak("100000"));
    assert!(many > 0 && many < few + 256, "{few} MiB, then {many} MiB");
}
