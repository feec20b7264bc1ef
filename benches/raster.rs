//! Reading regions of `GeoTIFFs` beside GDAL, and making overviews beside `gdaladdo` and `vips`, in one run
//! on the same files.
//!
//! `cargo bench --bench raster [-- REPETITIONS [SIDE]]`, with `PYTHON` naming a Python that has rasterio, and
//! GDAL's and libvips' programs on the path; whoever is missing is left out. All files are in the page cache
//! for everybody. Overviews are of a painted scene of SIDE x SIDE pixels (20,000), tiled and uncompressed.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever measures reads them.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use skysift::raster::{Rect, Scene};
use support::{Peer, Spent, Stopwatch, threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Windows that one question reads, and their side.
const WINDOWS: u32 = 200;
const SIDE: u32 = 512;

fn main() -> Result<()> {
    // Cargo passes `--bench` along.
    let mut numbers = std::env::args().filter_map(|arg| arg.parse::<u32>().ok());
    let repetitions = numbers.next().unwrap_or(3);
    let side = numbers.next().unwrap_or(20_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    println!("{} threads\n", threads());
    regions(folder.path(), repetitions)?;
    overviews(folder.path(), side, repetitions)
}

fn regions(folder: &Path, repetitions: u32) -> Result<()> {
    let painted = paint(folder, 4096)?;
    println!("| file | read | Skysift, MP/s | GDAL, MP/s | ratio | processor time, Skysift | GDAL |");
    println!("|---|---|---|---|---|---|---|");
    for (name, options) in [
        ("tiles, none", &["TILED=YES"][..]),
        ("tiles, deflate with predictor", &["TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=2"]),
        ("tiles, LZW", &["TILED=YES", "COMPRESS=LZW"]),
        ("tiles, JPEG", &["TILED=YES", "COMPRESS=JPEG", "PHOTOMETRIC=YCBCR"]),
        ("strips, deflate", &["COMPRESS=DEFLATE"]),
    ] {
        let file = folder.join("regions.tif");
        let mut translate = Command::new("gdal_translate");
        translate.args(["-q", "-co", "BIGTIFF=NO"]);
        for option in options {
            translate.args(["-co", option]);
        }
        if !translate.arg(&painted).arg(&file).status().context("gdal_translate is needed")?.success() {
            bail!("gdal_translate could not write {name}");
        }
        let mut seed = 1_u64;
        let mut dice = |end: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u32 % end
        };
        let random: Vec<Rect> =
            (0..WINDOWS).map(|_| Rect::new(dice(4096 - SIDE), dice(4096 - SIDE), SIDE, SIDE)).collect();
        let scan: Vec<Rect> = (0..8).map(|row| Rect::new(0, row * SIDE, 4096, SIDE)).collect();
        for (what, rects) in [("random 512 x 512", random), ("whole", scan)] {
            compare(name, what, &file, &rects, repetitions)?;
        }
    }
    println!();
    Ok(())
}

fn compare(name: &str, what: &str, file: &Path, rects: &[Rect], repetitions: u32) -> Result<()> {
    let question: Vec<String> =
        rects.iter().map(|r| format!("{},{},{},{}", r.x, r.y, r.width, r.height)).collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        // Everybody starts with an empty cache of blocks.
        let scene = Scene::open(file)?;
        let watch = Stopwatch::start();
        for rect in rects {
            std::hint::black_box(scene.read_samples(0, *rect)?);
        }
        ours.push(watch.spent());
        if let Ok(mut peer) = Peer::start("raster_peer.py", &[&file.to_string_lossy()]) {
            theirs.push(peer.ask(&question.join(" "))?);
        }
    }
    let pixels: f64 = rects.iter().map(|r| f64::from(r.width) * f64::from(r.height)).sum();
    let (ours, theirs) = (Spent::median(&ours), Spent::median(&theirs));
    println!(
        "| {name} | {what} | {:.0} | {:.0} | {:.2} | {:.2} s | {:.2} s |",
        pixels / ours.wall / 1e6,
        pixels / theirs.wall / 1e6,
        theirs.wall / ours.wall,
        ours.cpu,
        theirs.cpu
    );
    Ok(())
}

fn overviews(folder: &Path, side: u32, repetitions: u32) -> Result<()> {
    let painted = paint(folder, side)?;
    let source = folder.join("source.tif");
    let plain = ["-q", "-co", "TILED=YES", "-co", "BIGTIFF=YES"];
    if !Command::new("gdal_translate").args(plain).arg(&painted).arg(&source).status()?.success() {
        bail!("gdal_translate could not write the source");
    }
    std::fs::remove_file(&painted)?;
    let ovr = folder.join("source.tif.ovr");
    let skysift = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skysift"));
        command.args(["pyramid", "--force"]).arg(&source);
        command
    };
    let gdaladdo = |compress: &'static str| {
        let source = source.clone();
        move || {
            let mut command = Command::new("gdaladdo");
            command.args(["-q", "-ro", "-r", "average", "--config", "GDAL_NUM_THREADS", "ALL_CPUS"]);
            command.args(["--config", "COMPRESS_OVERVIEW", compress, "--config", "ZLEVEL_OVERVIEW", "1"]);
            command.args(["--config", "BIGTIFF_OVERVIEW", "YES"]).arg(&source);
            command
        }
    };
    let vips = |compress: &'static str| {
        let (source, target) = (source.clone(), folder.join("vips.tif"));
        move || {
            let mut command = Command::new("vips");
            command.arg("tiffsave").arg(&source).arg(&target);
            command.args(["--pyramid", "--tile", "--bigtiff", "--subifd", "--compression", compress]);
            command.args(["--tile-width", "256", "--tile-height", "256"]);
            command
        }
    };
    println!("Overviews of {side} x {side} RGB:\n");
    println!("| program | s | ratio to Skysift | peak memory, MiB | size, MB |");
    println!("|---|---|---|---|---|");
    let mut first = f64::NAN;
    let programs: [(&str, &dyn Fn() -> Command, PathBuf); 5] = [
        ("skysift pyramid (none)", &skysift, ovr.clone()),
        ("gdaladdo, deflate 1", &gdaladdo("DEFLATE"), ovr.clone()),
        ("gdaladdo, none", &gdaladdo("NONE"), ovr.clone()),
        (
            "vips tiffsave --pyramid, deflate, with the full resolution",
            &vips("deflate"),
            folder.join("vips.tif"),
        ),
        ("vips tiffsave --pyramid, none, with the full resolution", &vips("none"), folder.join("vips.tif")),
    ];
    for (name, command, result) in programs {
        let mut runs = Vec::new();
        let mut size = 0;
        for _ in 0..repetitions {
            let _ = std::fs::remove_file(&ovr);
            match measured(command()) {
                Ok(run) => runs.push(run),
                Err(error) => {
                    println!("| {name} | left out: {error:#} | | | |");
                    break;
                }
            }
            size = result.metadata().map_or(0, |metadata| metadata.len());
            std::fs::remove_file(&result)?;
        }
        if runs.is_empty() {
            continue;
        }
        let seconds = support::median(runs.iter().map(|run| run.0));
        let memory = support::median(runs.iter().map(|run| run.1));
        first = if first.is_nan() { seconds } else { first };
        println!("| {name} | {seconds:.1} | {:.2} | {memory:.0} | {} |", seconds / first, size / 1_000_000);
    }
    Ok(())
}

/// Runs a program; seconds, and its largest resident memory in MiB, looked at every few milliseconds.
fn measured(mut command: Command) -> Result<(f64, f64)> {
    let started = Instant::now();
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("it is not installed")?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    let ended = loop {
        if let Ok(text) = std::fs::read_to_string(&status)
            && let Some(line) = text.lines().find(|line| line.starts_with("VmHWM"))
        {
            let kib = line.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok());
            peak = peak.max(kib.unwrap_or(0.0) / 1024.0);
        }
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    if !ended.success() {
        bail!("it failed ({:?}, signal {:?})", ended.code(), ended.signal());
    }
    Ok((started.elapsed().as_secs_f64(), peak))
}

fn paint(folder: &Path, side: u32) -> Result<PathBuf> {
    let path = folder.join(format!("painted-{side}.tif"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_skysift"));
    command.args(["sample-scene", "--size", &side.to_string(), "-o"]).arg(&path);
    if !command.stdout(Stdio::null()).status()?.success() {
        bail!("the scene could not be painted");
    }
    Ok(path)
}
