//! What the benchmarks share: a model, a peer in Python, medians, processor time.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use skysift::clip::{ModelPreset, write_random_model};

/// The model to run: `SKYSIFT_MODEL`, or one with random weights, written once beside the build.
#[allow(dead_code, reason = "one benchmark needs no model")]
pub fn model_directory(preset: ModelPreset, name: &str) -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("SKYSIFT_MODEL") {
        return Ok(directory.into());
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("random-{name}"));
    // The last file to be written.
    if !directory.join("tokenizer_config.json").exists() {
        write_random_model(&directory, preset, 1)?;
    }
    Ok(directory)
}

/// Cores that this process may use.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Measures from its start.
pub struct Stopwatch {
    wall: Instant,
    cpu: f64,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    pub fn spent(&self) -> Spent {
        Spent { wall: self.wall.elapsed().as_secs_f64(), cpu: cpu_seconds() - self.cpu }
    }
}

/// How long something took.
#[derive(Clone, Copy)]
pub struct Spent {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of all cores together. Neighbours on a busy machine stretch the clock far more than this.
    pub cpu: f64,
}

impl Spent {
    /// The median of each.
    pub fn median(all: &[Self]) -> Self {
        Self {
            wall: median(all.iter().map(|spent| spent.wall)),
            cpu: median(all.iter().map(|spent| spent.cpu)),
        }
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor time of this process in seconds; NaN where the system isn't Linux.
fn cpu_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let ticks = || {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is a name in brackets; user and system time are the 14th and 15th.
        let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
        Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
    };
    ticks().map_or(f64::NAN, |ticks| ticks / TICKS_A_SECOND)
}

/// A Python program that answers each line with the seconds, on the clock and of processor time, that it
/// took.
pub struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it said of itself when it was ready.
    pub greeting: String,
}

impl Peer {
    /// Starts a script of this folder with the Python that `PYTHON` names, or `python3`.
    pub fn start(script: &str, arguments: &[&str]) -> Result<Self> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(script);
        let mut process = Command::new(&python)
            .arg(&script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{python} cannot be started; name a Python with PYTHON"))?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("no output")?;
        let mut peer = Self { process, input, output: BufReader::new(output), greeting: String::new() };
        peer.greeting = peer.line()?;
        Ok(peer)
    }

    pub fn ask(&mut self, question: &str) -> Result<Spent> {
        let input = self.input.as_mut().context("no input")?;
        writeln!(input, "{question}")?;
        let answer = self.line()?;
        let numbers = answer.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        match numbers[..] {
            [wall, cpu] => Ok(Spent { wall, cpu }),
            _ => bail!("the peer answered {answer:?}"),
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the peer ended; it needs the Python packages that its first lines import");
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The end of its input is the end of the peer.
        self.input = None;
        let _ = self.process.wait();
    }
}
