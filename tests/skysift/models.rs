//! Published models, the whole way: the real program against a hub on this machine.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use skysift::models::{Catalogue, size_text};
use tempfile::TempDir;

use super::hub::{COMMIT, Request, TestHub, Trick, etag};
use super::support::{skysift, tiny_model};

/// A hub with one small model, and a computer that has nothing yet.
pub struct Desk {
    pub hub: TestHub,
    pub folder: TempDir,
}

/// What a user's own catalogue says of the small model.
pub const TINY: &str = r#"
[[model]]
name = "tiny"
title = "The tiny one"
hub = "tests/tiny"
revision = "main"
layout = "hugging-face"
activation = "quick_gelu"
context = 32
image = 64
size = 900_000
files = [
    "config.json",
    "preprocessor_config.json",
    { any = [["vocab.json", "merges.txt"], "tokenizer.json"] },
    { any = ["special_tokens_map.json"], optional = true },
    { any = ["model.safetensors", "pytorch_model.bin"] },
]
good_for = "tests"
licence = "none"
licence_page = "https://example.com"
citation = "nobody"
"#;

impl Desk {
    pub fn new() -> Self {
        let desk = Self { hub: TestHub::new(), folder: tempfile::tempdir().unwrap() };
        desk.hub.put_folder("tests/tiny", &tiny_model());
        desk.catalogue(TINY);
        desk
    }

    /// The user's own catalogue.
    pub fn catalogue(&self, text: &str) {
        fs::create_dir_all(self.state()).unwrap();
        fs::write(self.state().join("models.toml"), text).unwrap();
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn hf_home(&self) -> PathBuf {
        self.folder.path().join("hf")
    }

    /// The folder of the small model in the hub's cache.
    pub fn repository(&self) -> PathBuf {
        self.hf_home().join("hub/models--tests--tiny")
    }

    pub fn skysift(&self) -> Command {
        let mut command = skysift();
        for variable in [
            "HF_TOKEN",
            "HF_HUB_CACHE",
            "HF_HUB_OFFLINE",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
        ] {
            command.env_remove(variable).env_remove(variable.to_lowercase());
        }
        command
            .env("HF_ENDPOINT", self.hub.url())
            .env("HF_HOME", self.hf_home())
            .env("HF_HUB_DOWNLOAD_TIMEOUT", "2")
            .env("SKYSIFT_STATE_DIR", self.state());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.skysift().args(arguments).output().unwrap()
    }

    /// What it prints; it has to go well.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one line that it ends with; it has to fail.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
        let message = stderr(&output);
        message.lines().last().unwrap_or_default().to_owned()
    }

    /// The entry of a model in the list.
    fn listed(&self, name: &str) -> Value {
        let list: Value = serde_json::from_str(&self.ok(&["models", "list", "--json"])).unwrap();
        list.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap().clone()
    }

    pub fn is_here(&self, name: &str) -> bool {
        self.listed(name)["here"].as_bool().unwrap()
    }

    /// What lies in Skysift's own folder.
    fn kept(&self) -> Vec<String> {
        let files = fs::read_dir(self.state().join("models")).unwrap().flatten();
        let names = files.map(|file| file.file_name().into_string().unwrap());
        names.filter(|name| ![".locks", ".unfinished"].contains(&name.as_str())).collect()
    }

    /// A picture to look at.
    fn picture(&self) -> PathBuf {
        let path = self.folder.path().join("scene.png");
        let pixel =
            |x: u32, y: u32| image::Rgb([u8::try_from(x % 200).unwrap(), u8::try_from(y % 200).unwrap(), 90]);
        image::RgbImage::from_fn(128, 128, pixel).save(&path).unwrap();
        path
    }

    fn detect(&self, model: &str) -> Output {
        self.skysift()
            .arg("detect")
            .arg(self.picture())
            .args(["-k", "harbor", "--tile", "32", "--window", "2", "--device", "cpu", "--model", model])
            .output()
            .unwrap()
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !happened() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn weights() -> Vec<u8> {
    fs::read(tiny_model().join("model.safetensors")).unwrap()
}

/// Sizes of files that are not whole yet.
pub fn partials(repository: &Path) -> Vec<u64> {
    let files = fs::read_dir(repository.join("blobs")).into_iter().flatten().flatten();
    files
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "incomplete"))
        .map(|file| file.metadata().unwrap().len())
        .collect()
}

#[test]
fn a_model_is_fetched_killed_resumed_loaded_and_looked_with() {
    let desk = Desk::new();
    assert!(!desk.is_here("tiny"));
    let missing = desk.detect("tiny");
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        stderr(&missing).contains("get it with `skysift models get tiny` (900 kB)"),
        "{}",
        stderr(&missing)
    );

    desk.hub.pace(Some((20_000, Duration::from_millis(60))));
    let mut get = desk.skysift().args(["models", "get", "tiny"]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("a part of the weights", || partials(&desk.repository()).iter().any(|size| *size > 100_000));
    // As `kill -9` does.
    get.kill().unwrap();
    get.wait().unwrap();
    let part = partials(&desk.repository())[0];
    let whole = weights().len() as u64;
    assert!(part < whole, "it was not in the middle: {part} of {whole}");
    assert!(!desk.is_here("tiny"), "half a model");
    assert_eq!(desk.detect("tiny").status.code(), Some(1));

    desk.hub.pace(None);
    // What was on its way to the first is none of the second's.
    std::thread::sleep(Duration::from_millis(500));
    let sent = desk.hub.sent();
    let path = desk.ok(&["models", "get", "tiny"]);
    assert_eq!(
        desk.hub.transfers().last().unwrap().from(),
        Some(part as usize),
        "it goes on where it stopped"
    );
    assert_eq!((desk.hub.sent() - sent) as u64, whole - part, "only the rest is fetched");
    assert!(desk.is_here("tiny"));
    assert_eq!(fs::read(Path::new(path.trim()).join("model.safetensors")).unwrap(), weights());

    let requests = desk.hub.requests().len();
    assert!(desk.ok(&["models", "get", "tiny"]).contains(path.trim()), "it is here already");
    assert_eq!(desk.hub.requests().len(), requests, "nobody is asked for what is here");

    let found = desk.detect("tiny");
    assert!(found.status.success(), "{}", stderr(&found));
    let report: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert!(!report["detections"].as_array().unwrap().is_empty());
    // By variable, and by the repository's name, as well.
    for (variable, name) in [(Some("tiny"), None), (None, Some("tests/tiny"))] {
        let mut command = desk.skysift();
        command.args(["embed", "--text", "harbor", "--device", "cpu"]);
        if let Some(name) = variable {
            command.env("SKYSIFT_MODEL", name);
        }
        if let Some(name) = name {
            command.args(["--model", name]);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

#[test]
fn the_cache_is_the_hub_s_own() {
    let desk = Desk::new();
    desk.ok(&["models", "get", "tiny", "--quiet"]);
    let repository = desk.repository();
    assert_eq!(fs::read_to_string(repository.join("refs/main")).unwrap(), COMMIT);
    let snapshot = repository.join("snapshots").join(COMMIT);
    let mut names: Vec<String> =
        snapshot.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"]);
    for name in names {
        let bytes = fs::read(tiny_model().join(&name)).unwrap();
        if cfg!(unix) {
            let target = fs::read_link(snapshot.join(&name)).unwrap();
            assert_eq!(target, Path::new("../../blobs").join(etag(&bytes)), "{name}");
        }
        assert_eq!(fs::read(repository.join("blobs").join(etag(&bytes))).unwrap(), bytes, "{name}");
    }
    assert!(desk.hf_home().join("hub/.locks/models--tests--tiny").is_dir());
    assert_eq!(partials(&repository), [0; 0]);

    // The other way round: what another program left, arranged as the Python library does, without links.
    let other = Desk::new();
    let snapshot = other.repository().join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(other.repository().join("refs")).unwrap();
    fs::write(other.repository().join("refs/main"), COMMIT).unwrap();
    for file in tiny_model().read_dir().unwrap().flatten() {
        fs::copy(file.path(), snapshot.join(file.file_name())).unwrap();
    }
    let mut offline = other.skysift();
    let output = offline.args(["models", "get", "tiny"]).env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(other.is_here("tiny") && other.detect("tiny").status.success());
    assert!(other.hub.requests().is_empty(), "nothing had to be asked");
}

/// What goes wrong, at the hub or with the bytes, and what then is said, with bars between the words.
fn bad_answers() -> Vec<(Option<Trick>, Option<Trick>, &'static str)> {
    let hub = |status, headers: &str| Some(Trick::Status(status, headers.to_owned()));
    let retry = "Retry-After: 300\r\n";
    vec![
        (hub(401, "X-Error-Code: GatedRepo\r\n"), None, "agree at http://|/tests/tiny|HF_TOKEN"),
        (hub(403, "X-Error-Code: GatedRepo\r\n"), None, "agree at http://|/tests/tiny|HF_TOKEN"),
        (hub(401, "X-Error-Code: RepoNotFound\r\n"), None, "nobody it does not know (401)|HF_TOKEN"),
        (hub(403, ""), None, "does not give this file away (403)"),
        (hub(404, "X-Error-Code: RepoNotFound\r\n"), None, "no such repository on the hub any more (404)"),
        (hub(404, "X-Error-Code: RevisionNotFound\r\n"), None, "no such revision any more (404)"),
        (hub(404, "X-Error-Code: EntryNotFound\r\n"), None, "tests/tiny has no config.json (404)"),
        (hub(429, retry), None, "too many requests|(429)|wait 300 s"),
        (hub(500, ""), None, "a fault of its own (500)|get it again later"),
        (hub(503, ""), None, "a fault of its own (503)"),
        (hub(418, ""), None, "answered 418"),
        (
            hub(302, "Location: /tests/tiny/resolve/main/config.json\r\n"),
            None,
            "redirects do not come to an end",
        ),
        (
            Some(Trick::Size(1 << 60)),
            None,
            "needs 1152921504.64 GB (1152921504.61 GB and 32 MB to spare)|free, |too little|HF_HOME",
        ),
        (Some(Trick::Stall), None, "cannot be reached|in time|--from FOLDER"),
        (None, Some(Trick::Cut(0)), "bytes of|it goes on where it stopped"),
        (None, Some(Trick::OtherBytes), "is another file (its checksum"),
        (None, Some(Trick::OtherLength), "another file than the hub told of"),
        (None, Some(Trick::Longer), "more of model.safetensors than the hub told of"),
        (None, Some(Trick::Stall), "cannot be reached|in time"),
        (None, hub(403, ""), "does not give this file away (403)"),
        (None, hub(404, ""), "no longer where the hub said"),
        (None, hub(416, ""), "another file than the hub told of"),
        (None, hub(502, ""), "a fault of its own (502)"),
    ]
}

#[test]
fn every_bad_answer_is_a_sentence_and_never_a_model() {
    let desks: Vec<_> = bad_answers()
        .into_iter()
        .map(|(hub, bytes, words)| {
            std::thread::spawn(move || {
                let desk = Desk::new();
                desk.hub.always(hub.clone(), bytes.clone());
                let message = desk.fails(&["models", "get", "tiny"]);
                for word in words.split('|') {
                    assert!(message.contains(word), "{hub:?} {bytes:?}: {message}");
                }
                assert!(message.starts_with("skysift: "), "{message}");
                assert!(!desk.is_here("tiny"), "{hub:?} {bytes:?}");
                // What was wrong once does no harm later.
                desk.hub.always(None, None);
                desk.ok(&["models", "get", "tiny"]);
                assert!(desk.is_here("tiny"));
            })
        })
        .collect();
    for desk in desks {
        desk.join().unwrap();
    }
}

#[test]
fn what_passes_by_itself_is_waited_for() {
    let desk = Desk::new();
    desk.hub.hub_trick(Trick::Status(429, "Retry-After: 1\r\n".to_owned()));
    desk.hub.hub_trick(Trick::Status(500, String::new()));
    let half = weights().len() / 2;
    desk.hub.byte_trick(Trick::Cut(half));
    desk.hub.byte_trick(Trick::Status(503, String::new()));
    desk.hub.byte_trick(Trick::NoRanges);
    let began = Instant::now();
    desk.ok(&["models", "get", "tiny"]);
    assert!(began.elapsed() >= Duration::from_secs(1), "the hub asked to wait a second");
    let asked: Vec<_> = desk.hub.transfers().iter().map(Request::from).collect();
    assert_eq!(asked, [None, Some(half), Some(half)], "it goes on where it was cut");
    assert!(desk.detect("tiny").status.success());
}

#[test]
fn without_a_network_the_way_out_is_named() {
    let desk = Desk::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = desk.skysift().args(["models", "get", "tiny"]).env("HF_ENDPOINT", &nobody).output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message.contains(&format!("{nobody} cannot be reached")) && message.contains("--from FOLDER"),
        "{message}"
    );
    let output = desk.skysift().args(["models", "get", "tiny"]).env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(stderr(&output).contains("HF_HUB_OFFLINE says to ask nobody"), "{}", stderr(&output));
    assert!(desk.hub.requests().is_empty());
}

#[test]
fn a_part_that_was_damaged_is_fetched_anew() {
    let desk = Desk::new();
    let blobs = desk.repository().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(format!("{}.incomplete", etag(&weights()))), vec![7; 150_000]).unwrap();
    desk.ok(&["models", "get", "tiny"]);
    let asked: Vec<_> = desk.hub.transfers().iter().map(Request::from).collect();
    assert_eq!(asked, [Some(150_000), None]);
    assert!(desk.detect("tiny").status.success());
}

#[test]
fn of_two_programs_one_fetches_and_one_waits() {
    let desk = Desk::new();
    desk.hub.pace(Some((50_000, Duration::from_millis(100))));
    let get = || {
        desk.skysift()
            .args(["models", "get", "tiny"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let first = get();
    wait_until("the weights to come", || !desk.hub.transfers().is_empty());
    let second = get();
    let outputs = [first, second].map(|child| child.wait_with_output().unwrap());
    for output in &outputs {
        assert!(output.status.success(), "{}", stderr(output));
    }
    assert!(stderr(&outputs[1]).contains("another program fetches it; waiting for model.safetensors"));
    assert_eq!(desk.hub.transfers().len(), 1, "it was fetched once");
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
}

#[test]
fn the_token_is_for_the_hub_alone() {
    let desk = Desk::new();
    let output =
        desk.skysift().args(["models", "get", "tiny"]).env("HF_TOKEN", "hf_secret").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let requests = desk.hub.requests();
    assert!(requests.iter().any(|request| request.bytes));
    for request in requests {
        let told = request.headers.get("authorization").map(String::as_str);
        assert_eq!(told, (!request.bytes).then_some("Bearer hf_secret"), "{request:?}");
    }
    // From the file of `hf auth login`, too; one that the hub refuses is told apart from none.
    let other = Desk::new();
    fs::create_dir_all(other.hf_home()).unwrap();
    fs::write(other.hf_home().join("token"), "hf_old\n").unwrap();
    other.hub.always(Some(Trick::Status(401, String::new())), None);
    assert!(other.fails(&["models", "get", "tiny"]).contains("does not accept the token (401)"));
    assert_eq!(other.hub.requests()[0].headers["authorization"], "Bearer hf_old");
}

#[test]
fn a_proxy_is_asked_for_other_computers() {
    let desk = Desk::new();
    for variable in ["HTTP_PROXY", "http_proxy"] {
        fs::remove_dir_all(desk.hf_home()).ok();
        let output = desk
            .skysift()
            .args(["models", "get", "tiny"])
            .env("HF_ENDPOINT", "http://hub.invalid")
            .env(variable, desk.hub.url())
            .output()
            .unwrap();
        assert!(output.status.success(), "{variable}: {}", stderr(&output));
    }
    let connects = desk.hub.requests().into_iter().filter(|request| request.method == "CONNECT");
    assert!(connects.map(|request| request.target).any(|target| target.starts_with("hub.invalid")));
}

#[test]
fn a_model_is_taken_from_a_folder_a_file_or_an_archive() {
    let desk = Desk::new();
    let carried = tiny_model();
    desk.ok(&["models", "get", "tiny", "--from", carried.to_str().unwrap()]);
    assert!(desk.is_here("tiny") && desk.detect("tiny").status.success());
    assert!(desk.hub.requests().is_empty());
    assert_eq!(desk.ok(&["models", "remove", "tiny"]).split(';').next(), Some("removed The tiny one"));
    assert!(!desk.is_here("tiny"));
    assert!(desk.fails(&["models", "remove", "tiny"]).contains("is not on this computer"));

    // Files of the wrong kind are told, and nothing is left of them.
    let stick = desk.folder.path().join("stick");
    fs::create_dir_all(&stick).unwrap();
    let stick = stick.to_str().unwrap();
    let message = desk.fails(&["models", "get", "tiny", "--from", stick]);
    assert!(
        message.contains("config.json is missing; get it from https://huggingface.co/tests/tiny"),
        "{message}"
    );
    for file in carried.read_dir().unwrap().flatten() {
        fs::copy(file.path(), Path::new(stick).join(file.file_name())).unwrap();
    }
    let half = weights().len() / 2;
    fs::write(Path::new(stick).join("model.safetensors"), &weights()[..half]).unwrap();
    let message = desk.fails(&["models", "get", "tiny", "--from", stick]);
    assert!(message.contains("safetensors"), "{message}");
    assert!(!desk.is_here("tiny"));
    let file = Path::new(stick).join("model.safetensors");
    assert!(
        desk.fails(&["models", "get", "tiny", "--from", file.to_str().unwrap()]).contains("give the folder")
    );
    assert!(desk.fails(&["models", "get", "tiny", "--from", "/nowhere"]).contains("/nowhere cannot be read"));
    assert_eq!(desk.kept(), [""; 0], "something was left behind");

    let archive = desk.folder.path().join("tiny.zip");
    fs::write(
        &archive,
        zip_of(&["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"]),
    )
    .unwrap();
    desk.ok(&["models", "get", "tiny", "--from", archive.to_str().unwrap()]);
    assert!(desk.detect("tiny").status.success());
}

/// An archive with files of the small model in a folder of it.
pub fn zip_of(names: &[&str]) -> Vec<u8> {
    let files = names
        .iter()
        .map(|name| (format!("Tiny_top50pct/{name}"), fs::read(tiny_model().join(name)).unwrap()));
    zip(files)
}

pub fn zip(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub const TINY_FILES: [&str; 4] =
    ["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"];

#[test]
fn an_archive_on_a_server_is_fetched_and_unpacked() {
    let desk = Desk::new();
    desk.catalogue(
        &TINY.replace("hub = \"tests/tiny\"", &format!("url = \"{}/files/tiny.zip\"", desk.hub.url())),
    );
    desk.hub.put("files/tiny.zip", zip_of(&TINY_FILES));
    desk.ok(&["models", "get", "tiny"]);
    assert!(desk.detect("tiny").status.success());
    assert_eq!(desk.kept(), ["tiny"], "the archive is gone once it is unpacked");
    desk.ok(&["models", "remove", "tiny"]);

    // Hostile and broken ones.
    let whole = zip_of(&TINY_FILES);
    let evil =
        zip(TINY_FILES.map(|name| (format!("../../../{name}"), fs::read(tiny_model().join(name)).unwrap())));
    let bomb = zip(TINY_FILES.map(|name| (name.to_owned(), vec![0; 30_000_000])));
    for (archive, words) in [
        (whole[..whole.len() / 2].to_vec(), "not a whole .zip"),
        (
            zip_of(&TINY_FILES[..3]),
            "holds no model.safetensors or pytorch_model.bin, only Tiny_top50pct/config.json",
        ),
        (bomb, "would grow from"),
        (b"<html>not found</html>".to_vec(), "not a whole .zip"),
    ] {
        desk.hub.put("files/tiny.zip", archive);
        let message = desk.fails(&["models", "get", "tiny"]);
        assert!(message.contains(words), "{message}");
        assert!(!desk.is_here("tiny"));
        assert_eq!(desk.kept(), [""; 0]);
    }
    desk.hub.put("files/tiny.zip", evil);
    desk.ok(&["models", "get", "tiny"]);
    for above in
        [desk.state(), desk.folder.path().to_owned(), desk.folder.path().parent().unwrap().to_owned()]
    {
        assert!(!above.join("model.safetensors").exists() && !above.join("config.json").exists());
    }
}

#[test]
fn names_are_explained() {
    let desk = Desk::new();
    let message = desk.fails(&["models", "get", "georsclip-b-32"]);
    assert!(message.contains("did you mean georsclip-vit-b-32"), "{message}");
    let message = desk.fails(&["models", "check", "no/such/model"]);
    assert!(
        message.contains("no such folder or file") && message.contains("skysift models list"),
        "{message}"
    );
    let message = stderr(&desk.detect("chendelong/RemoteCLIP"));
    assert!(message.contains("remoteclip-rn50 or remoteclip-vit-b-32 or remoteclip-vit-l-14"), "{message}");
    let list = desk.ok(&["models", "list"]);
    for entry in Catalogue::shipped().unwrap().entries {
        assert!(list.contains(&entry.name) && list.contains(&size_text(entry.size)), "{}", entry.name);
    }
    desk.catalogue("[[model]]\nname = 3");
    assert!(desk.fails(&["models", "list"]).contains("models.toml: this is not a list of models"));
    // It is in nobody's way who names a folder.
    assert!(desk.detect(tiny_model().to_str().unwrap()).status.success());
}

#[test]
fn removing_leaves_other_models_of_the_repository() {
    let desk = Desk::new();
    let other = TINY.replace("\"tiny\"", "\"tiny-too\"").replace(
        "{ any = [\"model.safetensors\", \"pytorch_model.bin\"] }",
        "\"model.safetensors\", \"extra.bin\"",
    );
    desk.catalogue(&(TINY.to_owned() + &other));
    desk.hub.put("tests/tiny/extra.bin", vec![9; 120_000]);
    desk.ok(&["models", "get", "tiny-too"]);
    assert!(desk.is_here("tiny"), "the same repository holds both");
    desk.ok(&["models", "remove", "tiny"]);
    assert!(!desk.is_here("tiny") && !desk.is_here("tiny-too"));
    // What only the other one has is still there.
    assert!(desk.repository().join("snapshots").join(COMMIT).join("extra.bin").is_file());
    let output = desk.ok(&["models", "remove", "tiny-too"]);
    assert!(output.contains("120 kB"), "{output}");
    assert!(!desk.repository().exists());
}

#[test]
fn removing_leaves_what_came_of_other_models_of_the_repository() {
    let desk = Desk::new();
    let small = TINY
        .replace("\"tiny\"", "\"small\"")
        .replace("{ any = [\"model.safetensors\", \"pytorch_model.bin\"] }", "\"small.safetensors\"");
    desk.catalogue(&(TINY.to_owned() + &small));
    desk.hub.put("tests/tiny/small.safetensors", vec![9; 120_000]);
    desk.hub.pace(Some((20_000, Duration::from_millis(60))));
    let mut get = desk.skysift().args(["models", "get", "tiny"]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("a part of the weights", || partials(&desk.repository()).iter().any(|size| *size > 100_000));
    get.kill().unwrap();
    get.wait().unwrap();
    let part = partials(&desk.repository());
    desk.hub.pace(None);
    desk.ok(&["models", "get", "small"]);
    desk.ok(&["models", "remove", "small"]);
    assert_eq!(partials(&desk.repository()), part, "what came of the other stays");
    desk.ok(&["models", "remove", "tiny"]);
    assert!(!desk.repository().exists(), "what came of a model goes with it");
}

#[test]
fn a_check_tells_what_a_model_is_and_how_fast_it_runs() {
    let desk = Desk::new();
    desk.ok(&["models", "get", "tiny"]);
    let text = desk.ok(&["models", "check", "tiny", "--device", "cpu"]);
    for words in
        ["Hugging Face", "QuickGELU", "from config.json", "64", "images a second on CPU", "tests/tiny"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let checked: Value =
        serde_json::from_str(&desk.ok(&["models", "check", "tiny", "--device", "cpu", "--json"])).unwrap();
    assert_eq!(checked["image_size"]["value"], 64);
    assert_eq!(checked["differs"], serde_json::json!([]));
    assert!(checked["images_per_second"].as_f64().unwrap() > 1.0);
    // An entry that is wrong is told.
    desk.catalogue(&TINY.replace("context = 32", "context = 77").replace("quick_gelu", "gelu"));
    let text = desk.ok(&["models", "check", "tiny", "--device", "cpu"]);
    assert!(text.contains("activation: QuickGELU; the catalogue says GELU"), "{text}");
    assert!(text.contains("context length: 32; the catalogue says 77"), "{text}");
    assert!(
        desk.ok(&["models", "check", tiny_model().to_str().unwrap(), "--device", "cpu"])
            .contains("QuickGELU")
    );
}

/// The table of models as the README shows it.
fn table() -> String {
    let mut text =
        "| name | model | good for | average | size | licence |\n|---|---|---|---|---|---|\n".to_owned();
    for entry in Catalogue::shipped().unwrap().entries {
        let average = entry.average.map_or(String::new(), |average| format!("{average:.1}"));
        let _ = writeln!(
            text,
            "| `{}` | [{}]({}) | {} | {average} | {} | [{}]({}) |",
            entry.name,
            entry.title,
            entry.page(),
            entry.good_for,
            size_text(entry.size),
            entry.licence,
            entry.licence_page,
        );
    }
    text
}

#[test]
fn the_readme_shows_the_catalogue() {
    const BEGIN: &str = "<!-- made from assets/models.toml by a test -->\n";
    const END: &str = "<!-- until here -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    if std::env::var_os("SKYSIFT_UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}\n{}\n{END}{after}", table())).unwrap();
        return;
    }
    assert_eq!(shown.trim(), table().trim(), "SKYSIFT_UPDATE_DOCS=1 writes it anew");
}
