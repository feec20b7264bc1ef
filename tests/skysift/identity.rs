//! Which scene is which: embeddings never answer for pixels that changed, and always for those that only
//! moved.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use skysift::raster::{Scene, Storage, fingerprint_of};

use crate::store::{
    GRID, WINDOWS, assert_same_detections, command, detect, index, number, output, scene, search, two_scenes,
};
use crate::support::{skysift, write_striped_tiff};

fn fingerprint(path: &Path) -> String {
    let fingerprint = Scene::open(path).unwrap().fingerprint();
    assert_eq!(fingerprint.len(), 64, "{}", path.display());
    assert_eq!(fingerprint_of(path, &Storage::default()).unwrap(), fingerprint);
    fingerprint
}

/// Inverts bytes of a file where they are, and gives it its old date.
fn edit(path: &Path, places: impl IntoIterator<Item = (u64, usize)>) {
    let date = path.metadata().unwrap().modified().unwrap();
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    for (place, length) in places {
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(place)).unwrap();
        file.read_exact(&mut bytes).unwrap();
        for byte in &mut bytes {
            *byte ^= 0xff;
        }
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(&bytes).unwrap();
    }
    file.set_modified(date).unwrap();
}

fn pattern(x: u32, y: u32) -> [u8; 3] {
    let mixed = (x / 64 + 1).wrapping_mul(2_654_435_761) ^ (y / 64).wrapping_mul(2_246_822_519);
    [(mixed >> 8) as u8, (mixed >> 16) as u8, (mixed >> 24) as u8]
}

#[test]
fn an_edit_in_place_is_always_seen() {
    const SIDE: u64 = 4096;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.tif");
    write_striped_tiff(&path, (SIDE as u32, SIDE as u32), pattern);
    let before = fingerprint(&path);
    // Somewhere in the pixels: the headers take less than the first 4 KiB, and the last rows are left alone.
    let block =
        |left: u64, top: u64| (top..top + 512).map(move |row| (4096 + 3 * (row * SIDE + left), 3 * 512));
    let mut seed = 5_u64;
    for round in 0..12 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (left, top) = ((seed >> 33) % (SIDE - 512), (seed >> 20) % (SIDE - 520));
        edit(&path, block(left, top));
        assert_ne!(fingerprint(&path), before, "round {round}");
        edit(&path, block(left, top));
        assert_eq!(fingerprint(&path), before, "round {round}");
    }

    // And so by the program: what was seen before answers no more.
    let store = folder.path().join("store");
    let args = ["-k", "harbor", "--tile", "512", "--window", "2", "--top", "50"];
    let old = detect(&store, &path, &args);
    assert_eq!(number(&detect(&store, &path, &args)["known"]), number(&old["windows"]));
    edit(&path, block(1700, 2100));
    let new = detect(&store, &path, &args);
    assert_eq!(number(&new["known"]), 0);
    assert_ne!(new["scene_fingerprint"], old["scene_fingerprint"]);
    assert_ne!(new["detections"], old["detections"]);
    let fresh = detect(Path::new("none"), &path, &args);
    assert_eq!(new["detections"], fresh["detections"]);
}

#[test]
fn every_file_beside_an_image_counts() {
    let folder = tempfile::tempdir().unwrap();
    let image = scene(folder.path(), "a.tif", 1);
    let mut met = vec![fingerprint(&image)];
    let small = scene(folder.path(), "small.tif", 2);
    let texts = ["a.tif.aux.xml", "a.tfw", "a.prj", "a.wld", "a_RPC.TXT", "a.RPB"];
    for name in texts.iter().chain(&["a.tif.msk", "a.tif.ovr", "a.tif.msk.ovr"]) {
        let beside = folder.path().join(name);
        std::fs::copy(&small, &beside).unwrap();
        let added = fingerprint(&image);
        assert!(!met.contains(&added), "{name} was added");
        edit(&beside, [(1000, 1)]);
        let edited = fingerprint(&image);
        assert!(!met.contains(&edited) && edited != added, "{name} was edited");
        std::fs::remove_file(&beside).unwrap();
        assert_eq!(fingerprint(&image), met[0], "{name} was removed");
        met.extend([added, edited]);
    }
    // All together they move along.
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    for name in texts {
        std::fs::copy(&small, folder.path().join(name)).unwrap();
        std::fs::copy(&small, elsewhere.join(name.replacen('a', "other", 1))).unwrap();
    }
    std::fs::copy(&image, elsewhere.join("other.tif")).unwrap();
    assert_eq!(fingerprint(&elsewhere.join("other.tif")), fingerprint(&image));
}

/// A VRT of one file.
fn write_vrt(path: &Path, source: &str) {
    let bands = [1, 2, 3]
        .map(|band| {
            format!(
                "<VRTRasterBand dataType=\"Byte\" band=\"{band}\"><SimpleSource>\
                 <SourceFilename relativeToVRT=\"1\">{source}</SourceFilename><SourceBand>{band}</SourceBand>\
                 </SimpleSource></VRTRasterBand>"
            )
        })
        .concat();
    let text = format!("<VRTDataset rasterXSize=\"1024\" rasterYSize=\"768\">{bands}</VRTDataset>");
    std::fs::write(path, text).unwrap();
}

#[test]
fn every_file_of_a_mosaic_counts() {
    let folder = tempfile::tempdir().unwrap();
    let image = scene(folder.path(), "a.tif", 1);
    let [inner, outer] = ["inner.vrt", "outer.vrt"].map(|name| folder.path().join(name));
    write_vrt(&inner, "a.tif");
    write_vrt(&outer, "inner.vrt");
    let [of_inner, of_outer] = [&inner, &outer].map(|path| fingerprint(path));
    assert!(of_inner != of_outer && fingerprint(&image) != of_inner);
    let change = |act: &dyn Fn(), back: &dyn Fn()| {
        act();
        let [inner_now, outer_now] = [&inner, &outer].map(|path| fingerprint(path));
        assert!(inner_now != of_inner && outer_now != of_outer);
        back();
        assert_eq!([&inner, &outer].map(|path| fingerprint(path)), [of_inner.clone(), of_outer.clone()]);
    };
    let flip = || edit(&image, [(500_000, 1)]);
    change(&flip, &flip);
    let prj = folder.path().join("a.prj");
    change(&|| std::fs::write(&prj, "GEOGCS").unwrap(), &|| std::fs::remove_file(&prj).unwrap());
    let text = std::fs::read_to_string(&inner).unwrap();
    change(&|| std::fs::write(&inner, format!("{text} ")).unwrap(), &|| {
        std::fs::write(&inner, &text).unwrap();
    });

    // The bands of a product.
    let product = folder.path().join("landsat");
    std::fs::create_dir(&product).unwrap();
    for band in 2..5 {
        let name = format!("LC09_L2SP_193024_20220101_20220103_02_T1_SR_B{band}.TIF");
        std::fs::copy(&image, product.join(name)).unwrap();
    }
    let before = fingerprint(&product);
    edit(&product.join("LC09_L2SP_193024_20220101_20220103_02_T1_SR_B3.TIF"), [(500_000, 1)]);
    assert_ne!(fingerprint(&product), before);
}

#[test]
fn an_image_that_is_known_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("large.tif");
    write_striped_tiff(&image, (6000, 6000), pattern);
    // A file that was only just written may be written once more without a sign.
    std::thread::sleep(Duration::from_millis(2300));
    let store = folder.path().join("store");
    let read = || {
        let mut detect = command("detect", &store);
        detect.arg(&image).args(["-k", "harbor", "--tile", "3000", "--window", "2", "--quiet"]);
        detect.env("XDG_CACHE_HOME", folder.path().join("cache"));
        let mut process = detect.stdout(Stdio::piped()).spawn().unwrap();
        let mut text = String::new();
        process.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        // It is a zombie by now, of which the system still tells what it did.
        let io = std::fs::read_to_string(format!("/proc/{}/io", process.id())).unwrap_or_default();
        assert!(process.wait().unwrap().success());
        let bytes = io.lines().find_map(|line| line.strip_prefix("rchar: ")).map(str::parse::<u64>);
        (bytes.and_then(Result::ok), serde_json::from_str::<Value>(&text).unwrap())
    };
    let ((first, found), (again, known)) = (read(), read());
    assert_eq!(number(&known["known"]), number(&found["windows"]));
    assert_eq!(known["scene_fingerprint"], found["scene_fingerprint"]);
    if let (Some(first), Some(again)) = (first, again) {
        let size = image.metadata().unwrap().len();
        assert!(first > size, "it has to be read once: {first}");
        assert!(again + size / 2 < first, "{first} bytes, then {again}");
    }
    let known = std::fs::read_to_string(folder.path().join("cache/skysift/known-files-1")).unwrap();
    assert_eq!(known.lines().count(), 1, "{known}");
}

#[test]
fn a_scene_that_moved_is_found_where_it_is() {
    let (folder, store, [a, b]) = two_scenes();
    index(&store, &[&a, &b]);
    let moved = folder.path().join("moved.tif");
    std::fs::rename(&a, &moved).unwrap();
    let args = ["-k", "harbor", "--top", "200"];
    let images = |found: &Value| -> Vec<(String, bool)> {
        let found = found["detections"].as_array().unwrap();
        let image = |one: &Value| (one["image"].as_str().unwrap().to_owned(), one["lon"].is_f64());
        let mut images: Vec<_> = found.iter().map(image).collect();
        images.sort();
        images.dedup();
        images
    };
    // Nobody knows yet.
    let [a, b, new] = [&a, &b, &moved].map(|path| path.display().to_string());
    assert!(images(&search(&store, &args)).contains(&(a.clone(), false)));
    assert_eq!(number(&detect(&store, &moved, &[&["-k", "x"], &GRID[..]].concat())["known"]), WINDOWS);
    let mut expected = [(b.clone(), true), (new, true)];
    expected.sort();
    assert_eq!(images(&search(&store, &args)), expected);
    let file = folder.path().join("all.parquet");
    let said = output(command("export-embeddings", &store).arg("--all").arg("-o").arg(&file));
    assert!(said.contains(&format!("{} windows of 2 scenes", 2 * WINDOWS)), "{said}");
    // A copy is the same scene; when the one that was seen last goes, the other still is there.
    let copy = folder.path().join("copy.tif");
    std::fs::copy(&moved, &copy).unwrap();
    index(&store, &[&copy]);
    std::fs::remove_file(&copy).unwrap();
    assert_eq!(images(&search(&store, &args)), expected);
}

#[test]
fn a_scene_that_was_overwritten_ranks_no_more() {
    let (folder, store, [a, b]) = two_scenes();
    index(&store, &[&a, &b]);
    let run = |name: &str, args: &[&str]| {
        let output = command(name, &store).args(args).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let date = a.metadata().unwrap().modified().unwrap();
    std::fs::copy(scene(folder.path(), "other.tif", 3), &a).unwrap();
    File::options().append(true).open(&a).unwrap().set_modified(date).unwrap();
    let args = ["-k", "harbor", "--top", "500"];
    let (code, found, told) = run("search", &args);
    assert!(code == Some(0) && told.contains("a.tif was changed since it was indexed"), "{told}");
    // The report names it among its notices, and nothing that was found in it.
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(number(&found["scenes"]), 1);
    assert!(found["notices"].to_string().contains("a.tif was changed since it was indexed"), "{found}");
    let found = found["detections"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|one| one["image"] == *b.to_str().unwrap()), "{found:?}");
    let file = folder.path().join("all.parquet");
    let (code, said, told) = run("export-embeddings", &["--all", "-o", file.to_str().unwrap()]);
    assert!(code == Some(0) && said.contains("of 1 scenes") && told.contains("was changed"), "{said}{told}");
    // Its successor is a scene of its own, and nothing is missing then.
    index(&store, &[&a]);
    let (code, found, told) = run("search", &args);
    assert!(code == Some(0) && !told.contains("changed"), "{told}");
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(number(&found["scenes"]), 2);
    let new = fingerprint(&a);
    let of_a =
        found["detections"].as_array().unwrap().iter().filter(|one| one["image"] == *a.to_str().unwrap());
    let of_a: Vec<_> = of_a.map(|one| one["scene_fingerprint"].clone()).collect();
    assert!(!of_a.is_empty() && of_a.iter().all(|one| *one == *new));
}

/// Many small windows: a scan of several seconds.
const FINE: [&str; 4] = ["--tile", "16", "--window", "4"];

fn store_bytes(store: &Path) -> u64 {
    let Ok(folders) = std::fs::read_dir(store) else { return 0 };
    let files = folders.flatten().filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten();
    let arrows = files.flatten().filter(|file| file.path().extension().is_some_and(|end| end == "arrows"));
    arrows.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[test]
fn an_image_that_is_overwritten_while_it_is_scanned_leaves_nothing_of_something_else() {
    let (folder, store, [a, _]) = two_scenes();
    let undisturbed = folder.path().join("undisturbed");
    output(command("index", &undisturbed).arg(&a).args(FINE));
    let other = std::fs::read(scene(folder.path(), "other.tif", 3)).unwrap();
    let own = std::fs::read(&a).unwrap();
    let date = a.metadata().unwrap().modified().unwrap();
    let mut index = command("index", &store);
    let process = index.arg(&a).args(FINE).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while store_bytes(&store) == 0 && began.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(1));
    }
    // In place, so that the program reads what is written, and back again with its old date.
    let write = |bytes: &[u8]| {
        let mut file = File::options().write(true).open(&a).unwrap();
        file.write_all(bytes).unwrap();
        file.set_modified(date).unwrap();
    };
    write(&other);
    std::thread::sleep(Duration::from_millis(300));
    write(&own);
    let ended = process.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("changed while it was scanned"), "{told}");
    let args = [&["-k", "harbor", "--top", "3000"], &FINE[..]].concat();
    let (found, expected) = (detect(&store, &a, &args), detect(&undisturbed, &a, &args));
    assert!(number(&found["known"]) > 0 && number(&found["known"]) < number(&found["windows"]));
    assert!(found["detections"].as_array().unwrap().len() > 1000);
    assert_same_detections(&found, &expected);
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&odd).unwrap();
    let image = odd.join(std::ffi::OsStr::from_bytes(b"\xffa.tif"));
    std::fs::rename(scene(folder.path(), "a.tif", 1), &image).unwrap();
    let store = folder.path().join("store");
    let info = output(skysift().arg("info").arg(&image).arg("--json"));
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["epsg"], 4326);
    assert!(info["path"].as_str().unwrap().ends_with("caf\u{fffd}/\u{fffd}a.tif"), "{info}");
    assert!(index(&store, &[&image]).contains(&format!("{WINDOWS} windows")));
    assert!(index(&store, &[folder.path()]).contains(&format!("{WINDOWS} of them known")));
    let found = detect(&store, &image, &[&["-k", "harbor"], &GRID[..]].concat());
    assert_eq!(number(&found["known"]), WINDOWS);
    let found = search(&store, &["-k", "harbor"]);
    let found = found["detections"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|one| one["lon"].is_f64()), "{found:?}");
    let file: PathBuf = odd.join(std::ffi::OsStr::from_bytes(b"\xff.parquet"));
    let said = output(command("export-embeddings", &store).arg("--all").arg("-o").arg(&file));
    assert!(said.contains(&format!("{WINDOWS} windows of 1 scenes")) && file.is_file(), "{said}");
    let file = odd.join(std::ffi::OsStr::from_bytes(b"\xfe.parquet"));
    output(command("export-embeddings", &store).arg(&image).arg("-o").arg(&file));
}
