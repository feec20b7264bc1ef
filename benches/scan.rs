//! The thesis' case from end to end, beside the thesis' own loop in PyTorch on the same cores, weights and
//! image: a scene of 1300 x 2826 pixels (height x width), tile 128, window 4, 133 windows, one keyword.
//!
//! `cargo bench --bench scan [-- REPETITIONS]`, with `PYTHON` naming a Python that has torch, transformers
//! and Pillow. The two take turns; the figures are medians. The loop encodes its sentence anew for every
//! window, once padded to the model's context as `tests/reference/thesis.py` does it, and once as short as it
//! is. Skysift's time includes its background words, which the loop doesn't have.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever measures reads them.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use skysift::clip::{Clip, DeviceChoice, ModelPreset, ModelSource};
use skysift::encoder::{Encoder, EncoderCard, EncoderError, Preprocessor};
use skysift::raster::{Pixels, RasterError, Rect, Scene};
use skysift::scan::{Command, Event, ScanRequest, Scanner, SceneSource};
use skysift::search::{PromptTemplate, Query, RankBy, default_background};
use skysift::windows::{Edges, GridSettings};
use support::{Peer, Spent, Stopwatch, median, model_directory, threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WIDTH: u32 = 2826;
const HEIGHT: u32 = 1300;
const GRID: GridSettings = GridSettings { tile: 128, window: 4, step: 1, edges: Edges::Drop };
const WINDOWS: usize = 133;
const KEYWORD: &str = "harbor";

fn main() -> Result<()> {
    // Cargo passes `--bench` along.
    let repetitions = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(3);
    let model = model_directory(ModelPreset::VitB32, "vit-b-32")?;
    let scratch = tempfile::tempdir()?;
    let image = scratch.path().join("scene.png");
    paint(&image)?;

    let (tile, window, threads) = (GRID.tile.to_string(), GRID.window.to_string(), threads().to_string());
    let arguments = [&*model.to_string_lossy(), &*image.to_string_lossy(), KEYWORD, &tile, &window, &threads];
    let mut peer = match Peer::start("thesis_loop.py", &arguments) {
        Ok(peer) => Some(peer),
        Err(error) => {
            println!("the thesis' loop is left out: {error:#}");
            None
        }
    };
    let greeting = peer.as_ref().map(|peer| peer.greeting.clone()).unwrap_or_default();
    let peer_loading =
        greeting.rsplit(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(f64::NAN);
    // One window, so that the first turn doesn't pay for warming up.
    peer.as_mut().map(|peer| peer.ask("1 longest")).transpose()?;

    let (mut ours, mut padded, mut short, mut runs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..repetitions {
        let watch = Stopwatch::start();
        runs.push(scan(&model, &image)?);
        ours.push(watch.spent());
        if let Some(peer) = &mut peer {
            padded.push(peer.ask(&format!("{WINDOWS} max_length"))?);
            short.push(peer.ask(&format!("{WINDOWS} longest"))?);
        }
    }

    let windows = WINDOWS as f64;
    let of = |part: fn(&Run) -> f64| median(runs.iter().map(part));
    let (scanning, loading) = (of(|run| run.scanning), of(|run| run.loading));
    let (ours, padded, short) = (Spent::median(&ours), Spent::median(&padded), Spent::median(&short));
    println!("{WINDOWS} windows on {threads} threads; the loop: {greeting} s to import and load\n");
    println!("| | Skysift | the loop | ratio | the loop, short text | ratio |");
    println!("|---|---|---|---|---|---|");
    let rate = |what: &str, extra: f64, peer_extra: f64| {
        let [ours, padded, short] = [scanning + extra, padded.wall + peer_extra, short.wall + peer_extra]
            .map(|seconds| windows / seconds);
        println!(
            "| {what} | {ours:.1} | {padded:.1} | {:.2} | {short:.1} | {:.2} |",
            ours / padded,
            ours / short
        );
    };
    rate("windows a second, model loaded", 0.0, 0.0);
    rate("windows a second, cold", loading, peer_loading);
    println!("| processor time, s | {:.1} | {:.1} | | {:.1} | |", ours.cpu, padded.cpu, short.cpu);
    println!("\n| of Skysift's {:.2} s | s | on |", scanning + loading);
    println!("|---|---|---|");
    println!("| load the model | {loading:.2} | the scan's thread |");
    println!("| encode text | {:.2} | the scan's thread |", of(|run| run.text));
    println!(
        "| encode windows | {:.2} | the scan's thread, which keeps all cores busy |",
        of(|run| run.encode)
    );
    println!(
        "| wait for windows, rank, tell | {:.2} | the scan's thread |",
        of(|run| run.scanning - run.text - run.encode)
    );
    println!("| decode | {:.2} | readers, meanwhile |", of(|run| run.decode));
    println!("| resize | {:.2} | readers, meanwhile |", of(|run| run.resize));
    Ok(())
}

/// Flat shapes on a sloping ground, so that windows differ and the file is no smaller than a photograph's.
fn paint(path: &Path) -> Result<()> {
    let mut seed = 1_u32;
    let picture = image::RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let ground = (x / 97 * 31 + y / 61 * 57) % 192 + (seed >> 28);
        image::Rgb([ground as u8, (ground + x / 16 % 32) as u8, (255 - ground) as u8])
    });
    Ok(picture.save(path)?)
}

/// Seconds of one scan.
struct Run {
    loading: f64,
    /// From the loaded model to the last ranking.
    scanning: f64,
    text: f64,
    encode: f64,
    decode: f64,
    resize: f64,
}

fn scan(model: &Path, image: &Path) -> Result<Run> {
    let clocks = Arc::new(Clocks::default());
    let started = Instant::now();
    let scene = Timed { inner: Arc::new(Scene::open(image)?), clocks: Arc::clone(&clocks) };
    let source = ModelSource { path: model.to_owned(), arch: None };
    let encoder_clocks = Arc::clone(&clocks);
    let load = Box::new(move || {
        let inner = Clip::load(&source, DeviceChoice::Cpu)?;
        Ok(Box::new(Timed { inner, clocks: encoder_clocks }) as Box<dyn Encoder>)
    });
    let query = Query {
        keywords: vec![KEYWORD.to_owned()],
        template: PromptTemplate::default(),
        background: default_background(),
        rank_by: RankBy::Probability,
        top_k: 5,
        ..Query::default()
    };
    let request = ScanRequest::new(Arc::new(scene), GRID, query);
    let scanner = Scanner::spawn(|| {});
    scanner.send(Command::Load { load, measure: false });
    scanner.send(Command::Scan(request));
    let mut loaded = started;
    for event in scanner.events() {
        match event {
            Event::Loaded { .. } => loaded = Instant::now(),
            Event::Finished { summary, .. } => {
                let windows = summary.windows;
                if windows != WINDOWS {
                    bail!("{windows} windows instead of {WINDOWS}");
                }
                return Ok(Run {
                    loading: (loaded - started).as_secs_f64(),
                    scanning: loaded.elapsed().as_secs_f64(),
                    text: clocks.text.seconds(),
                    encode: clocks.encode.seconds(),
                    decode: clocks.decode.seconds(),
                    resize: clocks.resize.seconds(),
                });
            }
            Event::LoadFailed(reason) | Event::Failed(reason) => bail!(reason),
            _ => {}
        }
    }
    None.context("the scan ended without a result")
}

#[derive(Default)]
struct Clocks {
    decode: Clock,
    resize: Clock,
    text: Clock,
    encode: Clock,
}

/// Adds up time, on whatever threads it passes.
#[derive(Default)]
struct Clock(AtomicU64);

impl Clock {
    fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        self.0.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }

    fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// One of the scan's parts, with the time that it takes.
struct Timed<T> {
    inner: T,
    clocks: Arc<Clocks>,
}

impl SceneSource for Timed<Arc<Scene>> {
    fn size(&self) -> (u32, u32) {
        self.inner.size()
    }

    fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.inner.level_sizes()
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.clocks.decode.time(|| SceneSource::read(&*self.inner, level, rect))
    }

    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        self.clocks.decode.time(|| SceneSource::read_scaled(&*self.inner, rect, width, height))
    }
}

impl Encoder for Timed<Clip> {
    fn card(&self) -> EncoderCard {
        self.inner.card()
    }

    fn preprocessor(&self) -> Arc<dyn Preprocessor> {
        Arc::new(Timed { inner: self.inner.preprocessor(), clocks: Arc::clone(&self.clocks) })
    }

    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, EncoderError> {
        self.clocks.encode.time(|| Encoder::encode_images(&mut self.inner, input))
    }

    fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.clocks.text.time(|| Encoder::encode_texts(&mut self.inner, sentences))
    }

    fn take_notice(&mut self) -> Option<String> {
        Encoder::take_notice(&mut self.inner)
    }
}

impl Preprocessor for Timed<Arc<dyn Preprocessor>> {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn input_len(&self) -> usize {
        self.inner.input_len()
    }

    fn window(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        out: &mut [f32],
    ) -> Result<(), EncoderError> {
        self.clocks.resize.time(|| self.inner.window(pixels, left, top, side, out))
    }
}
