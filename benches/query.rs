//! A new keyword on windows that were encoded, beside numpy and faiss (`IndexFlatIP`) on the same vectors in
//! one run.
//!
//! `cargo bench --bench query [-- REPETITIONS]`, with `PYTHON` naming a Python that has numpy and faiss;
//! whoever is missing is left out. Skysift reads half floats from a store on disk, the others hold floats of
//! 32 bits in memory.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Whoever measures reads them.

mod support;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use half::f16;
use skysift::clip::ClipError;
use skysift::encoder::{Encoder, EncoderCard, EncoderError, Preprocessor};
use skysift::raster::Pixels;
use skysift::search::{LibrarySearch, Query, RankBy, StoredScene};
use skysift::store::{Collection, Provenance, Record, Store};
use skysift::windows::WindowKey;
use support::{Peer, Spent, Stopwatch, threads};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LENGTH: usize = 512;
const TOP: usize = 100;
/// Windows of a row of the made-up scene, and of a batch.
const COLUMNS: u32 = 1000;
const BATCH: usize = 4096;
/// Side of a window in pixels.
const SIDE: u32 = 64;
/// Half floats change cosines by about 1e-5, so that a few of the last places may differ.
const LEAST_COMMON: usize = 95;

fn main() -> Result<()> {
    // Cargo passes `--bench` along.
    let repetitions = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(5);
    println!("{} threads, {LENGTH} values a window, top {TOP}, medians of {repetitions}\n", threads());
    println!(
        "| windows | keywords | Skysift, ms | with 60 background words | numpy, ms | ratio | faiss, ms | ratio | least common |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for windows in [100_000, 1_000_000] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let scene = store(folder.path(), windows)?;
        for keywords in [1, 20] {
            compare(folder.path(), &scene, windows, keywords, repetitions)?;
        }
    }
    Ok(())
}

fn compare(
    folder: &Path,
    scene: &StoredScene,
    windows: usize,
    keywords: usize,
    repetitions: usize,
) -> Result<()> {
    let names: Vec<String> = (0..keywords).map(|keyword| format!("word{keyword}")).collect();
    let query = |background: usize, rank_by| Query {
        keywords: names.clone(),
        background: (0..background).map(|word| format!("background{word}")).collect(),
        rank_by,
        top_k: TOP,
        ..Query::default()
    };
    let (plain, shared) = (query(0, RankBy::Cosine), query(60, RankBy::Probability));
    let words: Vec<f32> = names.iter().flat_map(|name| sentence(&plain.template.prompts(name)[0])).collect();
    write_floats(&folder.join("words.f32"), &words)?;

    // A first turn, so that nobody pays for reading the disk.
    let found = search(scene, &plain)?;
    let timed = |query: &Query| -> Result<Spent> {
        let mut all = Vec::new();
        for _ in 0..repetitions {
            let watch = Stopwatch::start();
            std::hint::black_box(search(scene, query)?);
            all.push(watch.spent());
        }
        Ok(Spent::median(&all))
    };
    let (ours, background) = (timed(&plain)?, timed(&shared)?);
    let mut cells = Vec::new();
    // None before anything was compared.
    let mut least: Option<usize> = None;
    for library in ["numpy", "faiss"] {
        match peer(library, folder, windows, keywords, repetitions) {
            Ok((spent, theirs)) => {
                for (ours, theirs) in found.iter().zip(&theirs) {
                    let common = ours.iter().filter(|window| theirs.contains(window)).count();
                    least = Some(least.map_or(common, |least| least.min(common)));
                }
                let ratio = spent.wall / ours.wall;
                cells.push(format!(" {:.1} | {ratio:.2} |", spent.wall * 1e3));
            }
            Err(error) => cells.push(format!(" left out: {error:#} | |")),
        }
    }
    let cells = cells.concat();
    let common = least.map_or_else(|| "not compared".to_owned(), |least| least.to_string());
    println!(
        "| {windows} | {keywords} | {:.1} | {:.1} |{cells} {common} |",
        ours.wall * 1e3,
        background.wall * 1e3
    );
    if let Some(least) = least.filter(|least| *least < LEAST_COMMON) {
        bail!("only {least} of the best {TOP} windows are the same");
    }
    Ok(())
}

/// The best windows of every keyword, as a new keyword on a scanned scene finds them.
fn search(scene: &StoredScene, query: &Query) -> Result<Vec<Vec<u32>>> {
    let mut encoder = Sentences;
    let mut search = LibrarySearch::new(query, &mut encoder);
    search.add(scene)?;
    let mut best = vec![Vec::new(); query.keywords.len()];
    for found in search.finish() {
        let keyword = query.keywords.iter().position(|keyword| *keyword == found.detection.keyword);
        let window = found.detection.window;
        best[keyword.context("a keyword that nobody asked for")?].push(window.y * COLUMNS + window.x);
    }
    Ok(best)
}

/// The time of a library, and what it found.
fn peer(
    library: &str,
    folder: &Path,
    windows: usize,
    keywords: usize,
    repetitions: usize,
) -> Result<(Spent, Vec<Vec<u32>>)> {
    let (windows, length, top) = (windows.to_string(), LENGTH.to_string(), TOP.to_string());
    let mut peer =
        Peer::start("query_peer.py", &[library, &folder.to_string_lossy(), &windows, &length, &top])?;
    peer.ask("")?;
    let all = (0..repetitions).map(|_| peer.ask("")).collect::<Result<Vec<_>>>()?;
    let bytes = std::fs::read(folder.join(format!("{library}.u32")))?;
    let numbers: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    if numbers.len() != keywords * TOP {
        bail!("{library} found {} windows", numbers.len());
    }
    Ok((Spent::median(&all), numbers.chunks(TOP).map(<[u32]>::to_vec).collect()))
}

/// A store with random vectors, and the same as floats in a file for the others.
fn store(folder: &Path, windows: usize) -> Result<StoredScene> {
    let store = Store::new(&folder.join("store"));
    // Windows are cut at the scene's edge.
    let scene_size = (COLUMNS + SIDE, windows as u32 / COLUMNS + SIDE + 1);
    let provenance = Provenance { scene_size, ..Provenance::default() };
    let mut collection = Collection::open(Some(&store), provenance, LENGTH)?;
    if let Some(problem) = collection.take_notices().pop() {
        bail!(problem);
    }
    let mut floats = std::io::BufWriter::new(std::fs::File::create(folder.join("windows.f32"))?);
    for first in (0..windows).step_by(BATCH) {
        let numbers = first..(first + BATCH).min(windows);
        let mut records = Vec::with_capacity(BATCH);
        for number in numbers {
            let embedding = unit(number as u64 + 1);
            write_all(&mut floats, &embedding)?;
            let (x, y) = (number as u32 % COLUMNS, number as u32 / COLUMNS);
            let embedding = embedding.iter().map(|value| f16::from_f32(*value)).collect();
            records.push(Record { key: WindowKey { x, y, side: SIDE }, nodata: 0.0, embedding });
        }
        collection.append(&records)?;
    }
    collection.refresh()?;
    Ok(StoredScene::new(collection, &[]))
}

/// A random vector of length one.
fn unit(seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u32 << 24) as f32
    };
    // The sum of four even draws is close to normal.
    let vector: Vec<f32> = (0..LENGTH).map(|_| draw() + draw() + draw() + draw() - 2.0).collect();
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(|value| value / norm).collect()
}

fn sentence(text: &str) -> Vec<f32> {
    unit(text.bytes().fold(1 << 40, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte))))
}

fn write_floats(path: &Path, values: &[f32]) -> Result<()> {
    write_all(&mut std::fs::File::create(path)?, values)
}

fn write_all(out: &mut dyn std::io::Write, values: &[f32]) -> Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(out.write_all(&bytes)?)
}

/// Knows sentences only: they are vectors made of their letters.
struct Sentences;

impl Encoder for Sentences {
    fn card(&self) -> EncoderCard {
        EncoderCard {
            model: "random".to_owned(),
            fingerprint: String::new(),
            device: "CPU".to_owned(),
            precision: skysift::clip::Precision::Single,
            input_size: 8,
            embedding_len: LENGTH,
            batch_size: 1,
            logit_scale: 100.0,
            scoring: skysift::clip::Scoring::Softmax,
            cells: None,
            known_words: skysift::clip::KnownWords::default(),
            ground_sizes: None,
        }
    }

    fn preprocessor(&self) -> Arc<dyn Preprocessor> {
        Arc::new(Nothing)
    }

    fn encode_images(&mut self, _: &[f32]) -> Result<Vec<f32>, EncoderError> {
        Err(ClipError::Fingerprint.into())
    }

    fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(sentences.iter().map(|text| sentence(text)).collect())
    }

    fn take_notice(&mut self) -> Option<String> {
        None
    }
}

struct Nothing;

impl Preprocessor for Nothing {
    fn describe(&self) -> String {
        String::new()
    }

    fn input_len(&self) -> usize {
        1
    }

    fn window(&self, _: &Pixels, _: f64, _: f64, _: f64, _: &mut [f32]) -> Result<(), EncoderError> {
        Ok(())
    }
}
