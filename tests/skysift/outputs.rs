//! What is written: never in place of what is read, with the permissions that the user's umask gives, and
//! never with a panic.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{skysift, take_environment, tiny_model, write_striped_tiff};

/// A folder with an image, what lies beside it, a model of its own, and files that options name.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        write_striped_tiff(&bench.at("scene.tif"), (300, 200), |x, y| [x as u8, y as u8, 99]);
        bench.write("scene.tif.aux.xml", "<PAMDataset></PAMDataset>");
        bench.write("scene.tfw", "1\n0\n0\n-1\n500\n900\n");
        let source = "<SimpleSource><SourceFilename relativeToVRT=\"1\">scene.tif</SourceFilename>\
                      <SourceBand>1</SourceBand></SimpleSource>";
        bench.write(
            "scene.vrt",
            &format!(
                "<VRTDataset rasterXSize=\"300\" rasterYSize=\"200\"><VRTRasterBand dataType=\"Byte\" band=\"1\">\
                 {source}</VRTRasterBand></VRTDataset>"
            ),
        );
        fs::create_dir(bench.at("model")).unwrap();
        for file in fs::read_dir(tiny_model()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), bench.at("model").join(file.file_name())).unwrap();
        }
        bench.write("words.txt", "river\n");
        bench.write(
            "region.geojson",
            r#"{"type": "Polygon", "coordinates": [[[500, 800], [700, 800], [700, 900], [500, 800]]]}"#,
        );
        bench.write("names.json", r#"{"red": "a red field", "blue": "a blue field"}"#);
        bench.write("templates.txt", "a {}\n");
        for (class, colour) in [("red", [200, 20, 20]), ("blue", [20, 20, 200])] {
            fs::create_dir_all(bench.at("set").join(class)).unwrap();
            for index in 0..4 {
                let picture = image::RgbImage::from_pixel(32, 32, image::Rgb(colour));
                picture.save(bench.at("set").join(class).join(format!("{index}.png"))).unwrap();
            }
        }
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn run(&self, args: &str) -> Output {
        self.command(args).output().unwrap()
    }

    fn command(&self, args: &str) -> Command {
        let mut command = skysift();
        command.args(args.split_whitespace()).current_dir(self.folder.path());
        command.env("XDG_DATA_HOME", self.at("data"));
        command
    }

    /// Asserts that a command is refused with a sentence that says `words`, and that no file changes.
    fn assert_refused(&self, args: &str, words: &str) {
        let before = contents(self.folder.path());
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args}: {stderr}");
        assert!(stderr.contains(words), "{args}: {stderr:?} does not say {words:?}");
        assert_eq!(stderr.trim_end().lines().count(), 1, "{args}: {stderr}");
        assert!(before == contents(self.folder.path()), "{args}: files changed");
    }

    fn assert_done(&self, args: &str) -> Output {
        let output = self.run(args);
        assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// All files below a folder, in the order of their names.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push((path.clone(), fs::read(&path).unwrap_or_default()));
            }
        }
    }
    all.sort();
    all
}

const DETECT: &str = "detect scene.tif -k harbor --model model --device cpu --quiet";

#[test]
fn an_image_and_what_lies_beside_it_are_never_replaced() {
    let bench = Bench::new();
    fs::hard_link(bench.at("scene.tif"), bench.at("hard.png")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("scene.tif", bench.at("soft.png")).unwrap();
    let mut names =
        vec!["scene.tif", "./scene.tif", "model/../scene.tif", "hard.png", "scene.tif.aux.xml", "scene.tfw"];
    if cfg!(unix) {
        names.push("soft.png");
    }
    for option in ["-o", "--annotate", "--heatmap"] {
        for name in &names {
            bench.assert_refused(&format!("{DETECT} {option} {name}"), "would replace");
        }
    }
    bench.assert_refused("detect scene.vrt -k a --model model --annotate scene.tif", "a part of the image");
    for option in ["--screenshot", "--frame-log"] {
        bench.assert_refused(&format!("scene.tif {option} scene.tif --model model"), "would replace");
    }
}

#[test]
fn nothing_else_that_a_scan_reads_is_replaced() {
    let bench = Bench::new();
    let read = "--background words.txt --region region.geojson";
    for name in ["words.txt", "region.geojson", "model/config.json", "model/tokenizer.json"] {
        bench.assert_refused(&format!("{DETECT} {read} --like set/red/0.png -o {name}"), "would replace");
        bench.assert_refused(&format!("scene.tif --model model {read} --screenshot {name}"), "would replace");
    }
    bench.assert_refused(&format!("{DETECT} --like set/red/0.png -o set/red/0.png"), "would replace");
}

#[test]
fn two_outputs_are_never_one_file() {
    let bench = Bench::new();
    bench.assert_refused(&format!("{DETECT} -o a.out --annotate ./a.out"), "name the same file");
    bench.assert_refused("sample-scene --size 512 -o a.out --truth a.out", "name the same file");
    bench.assert_refused(
        "evaluate set --model model --confusion a.out --confusion-picture a.out",
        "name the same file",
    );
}

#[test]
fn what_is_stored_and_indexed_is_never_replaced() {
    let bench = Bench::new();
    bench.assert_done("index scene.tif --model model --store store --tile 32 --quiet --device cpu");
    let mut paths = contents(&bench.at("store")).into_iter().map(|(path, _)| path);
    let segment = paths.find(|path| path.extension().is_some_and(|end| end == "arrows")).unwrap();
    let inside = segment.with_file_name("boxes.json");
    for name in ["scene.tif", "model/model.safetensors", segment.to_str().unwrap(), inside.to_str().unwrap()]
    {
        let find = "search -k harbor --model model --store store --device cpu --quiet";
        bench.assert_refused(&format!("{find} -o {name}"), name);
        let export = "export-embeddings scene.tif --model model --store store --quiet";
        bench.assert_refused(&format!("{export} -o {name}"), name);
        bench.assert_refused(&format!("{DETECT} --store store -o {name}"), name);
    }
    bench.assert_done("export-embeddings scene.tif --model model --store store -o store.parquet");
}

#[test]
fn a_set_its_words_and_the_model_are_never_replaced() {
    let bench = Bench::new();
    let evaluate =
        "evaluate set --model model --names names.json --templates templates.txt --device cpu --quiet";
    for name in ["set/red/0.png", "names.json", "templates.txt", "model/model.safetensors"] {
        bench.assert_refused(&format!("{evaluate} --confusion {name}"), "would replace");
        bench.assert_refused(&format!("{evaluate} --confusion-picture {name}"), "would replace");
    }
    // A result of an earlier time is no input.
    bench.assert_done(&format!("{evaluate} --confusion model/confusion.csv"));
    bench.assert_done(&format!("{evaluate} --confusion model/confusion.csv"));
}

#[test]
fn overviews_never_replace_their_image() {
    let bench = Bench::new();
    write_striped_tiff(&bench.at("large.tif"), (900, 700), |x, y| [x as u8, y as u8, 99]);
    bench.write("large.tif.aux.xml", "<PAMDataset></PAMDataset>");
    for name in ["large.tif", "./large.tif", "large.tif.aux.xml"] {
        bench.assert_refused(&format!("pyramid large.tif --force -o {name}"), "would replace");
    }
    bench.assert_done("pyramid large.tif");
    bench.assert_refused("pyramid large.tif", "--force");
    bench.assert_done("pyramid large.tif --force");
}

#[test]
fn a_training_goes_to_a_folder_of_its_own() {
    let bench = Bench::new();
    let train = "finetune set --model model --device cpu --epochs 1 --batch 4 --val-split 0 --quiet";
    bench.assert_refused(&format!("{train} --out model"), "the model to begin with");
    bench.assert_refused(&format!("{train} --out ./set/../model --resume"), "the model to begin with");
    bench.assert_done(&format!("{train} --out trained"));
    bench.assert_refused(&format!("{train} --out trained"), "--resume");
    // Nothing is left to do, and nothing is done.
    let before = contents(&bench.at("trained"));
    bench.assert_done(&format!("{train} --out trained --resume"));
    assert!(before == contents(&bench.at("trained")));
    fs::remove_file(bench.at("trained/checkpoint.safetensors")).unwrap();
    bench.assert_refused(&format!("{train} --out trained"), "of a model already");
    bench.assert_refused("random-model trained", "of a model already");
    bench.assert_refused("random-model model --preset mini", "of a model already");
    // Somebody's own pictures of harbors.
    fs::create_dir_all(bench.at("patches/harbor")).unwrap();
    bench.write("patches/harbor/00000.jpg", "a picture");
    let taken = bench.run("sample-scene --patches patches --count 1");
    assert_eq!(taken.status.code(), Some(1));
    assert_eq!(fs::read(bench.at("patches/harbor/00000.jpg")).unwrap(), b"a picture");
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_written_straight() {
    let bench = Bench::new();
    let find = "detect scene.tif -k harbor --model model --device cpu --quiet --tile 32 --format csv";
    let expected = bench.assert_done(find).stdout;
    let find = &format!("\"$SKYSIFT\" {find}");
    let shell = |line: &str| {
        let program = skysift();
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).env("SKYSIFT", program.get_program()).current_dir(bench.folder.path());
        take_environment(&mut shell, &program);
        shell.output().unwrap()
    };
    let rows = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(rows(&shell(&format!("{find} -o /dev/stdout")).stdout), rows(&expected));
    assert_eq!(rows(&shell(&format!("{find} -o -")).stdout), rows(&expected));
    // A file that the shell opened is added to.
    shell(&format!("{find} -o /dev/stdout >> added.csv"));
    shell(&format!("{find} -o /dev/stdout >> added.csv"));
    assert_eq!(rows(&fs::read(bench.at("added.csv")).unwrap()), rows(&expected).repeat(2));
    let null = shell(&format!("{find} -o /dev/null --annotate /dev/null"));
    assert!(null.status.success() && null.stdout.is_empty());
    assert!(!Path::new("/dev/null").is_file());
    let piped = shell(&format!("mkfifo pipe; cat pipe & {find} -o pipe; wait"));
    assert_eq!(rows(&piped.stdout), rows(&expected));
}

#[cfg(unix)]
#[test]
fn files_have_the_permissions_of_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let run = |args: &str| {
        let line = format!("umask 027; exec \"$SKYSIFT\" {args}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(bench.folder.path());
        shell.env("SKYSIFT", env!("CARGO_BIN_EXE_skysift")).env("SKYSIFT_STORE", "none");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("random-model new");
    run("finetune set --model model --out trained --device cpu --epochs 1 --batch 4 --val-split 0");
    fs::create_dir(bench.at("out")).unwrap();
    run("detect scene.tif -k a --model model --device cpu --tile 32 -o out/a.json --annotate out/a.png");
    run("detect scene.tif -k a --model model --device cpu --tile 32 -o out/b.json --heatmap out/a.tif");
    run("index scene.tif --model model --device cpu --tile 32 --store out/store");
    run("export-embeddings scene.tif --model model --store out/store -o out/a.parquet");
    run("sample-scene --size 512 -o out/b.tif --truth out/c.json");
    run("pyramid scene.tif -o out/scene.ovr");
    run("sample-scene --patches out/patches --count 1");
    run("evaluate set --model model --confusion out/a.csv --confusion-picture out/b.png");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let mut count = 0;
    for (path, _) in ["new", "trained", "out"].iter().flat_map(|folder| contents(&bench.at(folder))) {
        assert_eq!(mode(&path), 0o640, "{}", path.display());
        count += 1;
    }
    assert!(count > 30, "{count}");
    // What is replaced keeps its own.
    let shared = bench.at("out/a.json");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o664)).unwrap();
    run("detect scene.tif -k a --model model --device cpu --tile 32 -o out/a.json");
    assert_eq!(mode(&shared), 0o664);
}

/// A command for each thing that can be printed, with a file for it to write.
const PRINTING: [&str; 13] = [
    "info scene.tif",
    "info scene.tif --json",
    "detect scene.tif -k harbor --model model --device cpu --tile 32",
    "index scene.tif --model model --device cpu --tile 32 --store fresh",
    "search -k harbor --model model --device cpu --store store",
    "export-embeddings scene.tif --model model --store store -o a.parquet",
    "embed --text harbor --model model --device cpu",
    "evaluate set --model model --device cpu",
    "random-model fresh-model",
    "pyramid scene.tif -o a.ovr --force",
    "finetune set --model model --out fresh-training --device cpu --epochs 1 --batch 4 --val-split 0",
    "sample-scene --size 512 -o a.tif --truth a.json",
    "detect --help",
];

#[cfg(unix)]
#[test]
fn a_closed_or_full_output_never_panics() {
    let bench = Bench::new();
    bench.assert_done("index scene.tif --model model --store store --tile 32 --quiet --device cpu");
    for (index, args) in PRINTING.iter().enumerate() {
        let fresh = |round: usize| args.replace("fresh", &format!("fresh-{index}-{round}"));
        // Nobody reads any more: no failure, and the work is done all the same.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = bench.command(&fresh(0)).stdout(writer).output().unwrap();
        let stderr = String::from_utf8_lossy(&closed.stderr);
        assert_eq!(closed.status.code(), Some(0), "{args}: {stderr}");
        assert!(!stderr.contains("panic"), "{args}: {stderr}");
        // A full disk, where the system has a device that is one.
        if Path::new("/dev/full").exists() {
            let full = fs::File::options().write(true).open("/dev/full").unwrap();
            let full = bench.command(&fresh(1)).stdout(full).output().unwrap();
            let stderr = String::from_utf8_lossy(&full.stderr);
            assert_eq!(full.status.code(), Some(1), "{args}: {stderr}");
            let told: Vec<&str> = stderr.lines().filter(|line| line.contains("standard output")).collect();
            assert_eq!(told.len(), 1, "{args}: {stderr}");
            assert!(told[0].contains("No space left") && !stderr.contains("panic"), "{args}: {stderr}");
        }
        // Nobody hears notes and errors.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let deaf = bench.command(&fresh(2)).stdout(Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(deaf.code(), Some(0), "{args}");
    }
    let files = ["a.parquet", "a.ovr", "a.tif", "a.json", "fresh-8-0-model/config.json"];
    assert!(files.iter().all(|file| bench.at(file).is_file()));
    for (args, status) in [("detect", 2), ("detect none.tif -k a", 1), ("--no-such-option", 2)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let deaf = bench.command(args).stderr(writer).status().unwrap();
        assert_eq!(deaf.code(), Some(status), "{args}");
    }
}

/// The largest file that a program may write stands for a full disk: embeddings that no longer fit go on into
/// a file without a name, which has room for the rest.
#[cfg(target_os = "linux")]
#[test]
fn windows_that_could_not_be_kept_are_told_by_the_status() {
    let bench = Bench::new();
    write_striped_tiff(&bench.at("large.tif"), (1600, 1600), |x, y| {
        [(x * y) as u8, (x / 3) as u8, (y / 5) as u8]
    });
    let index = "index large.tif --model model --device cpu --tile 32 --window 2";
    bench.assert_done(&format!("{index} --store whole"));
    let length = contents(&bench.at("whole")).iter().map(|(_, bytes)| bytes.len()).max().unwrap();
    let kilobytes = length * 6 / 10 / 1024;
    let line = format!("trap '' XFSZ; ulimit -f {}; exec \"$SKYSIFT\" {index} --store cut", kilobytes * 2);
    let limited = |shell: &str, line: &str| {
        let mut shell = Command::new(shell);
        shell.args(["-c", line]).current_dir(bench.folder.path());
        shell.env("SKYSIFT", env!("CARGO_BIN_EXE_skysift")).output().unwrap()
    };
    let output = limited("sh", &line);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("could not be kept") && stderr.contains("make room"), "{stderr}");
    // With room, the rest is added.
    let again = bench.assert_done(&format!("{index} --store cut"));
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(!said.contains(" 0 of them known"), "{said}");
}

#[test]
fn an_error_of_the_system_is_told_once_and_names_no_temporary_file() {
    let bench = Bench::new();
    bench.write("file", "");
    for args in [
        &format!("{DETECT} --tile 32 -o file/a.json"),
        &format!("{DETECT} --tile 32 -o none/a.json"),
        &format!("{DETECT} --tile 32 --annotate none/a.png"),
        "random-model file/model",
        "sample-scene --size 512 -o none/a.tif",
        "export-embeddings none.tif --model model --store store -o a.parquet",
        "evaluate set --model model --confusion none/a.csv",
        "pyramid scene.tif -o none/a.ovr",
        "detect scene.tif -k a --background none.txt",
    ] {
        let output = bench.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args}: {stderr}");
        assert_eq!(stderr.matches("os error").count(), 1, "{args}: {stderr}");
        assert!(!stderr.contains(".skysift-") && !stderr.contains(".tmp"), "{args}: {stderr}");
    }
    #[cfg(unix)]
    {
        let bench = Bench::new();
        bench.assert_done("sample-scene --size 512 -o set/a.tif --truth set/a.json");
        let mut command = bench.command("evaluate-detect set --methods --model model --device cpu --quiet");
        let output = command.env("TMPDIR", "/proc/none").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("os error") && !stderr.contains(".tmp"), "{stderr}");
    }
}
