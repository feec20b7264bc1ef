//! `skysift models`: which published models there are, and how they come here.

pub mod check;

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output;
use crate::models::{CatalogueEntry, DownloadProgress, Installed, ModelPlaces, Pace, Watch, size_text};
use check::CheckArgs;

#[derive(Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// Show which published models there are, and which are here
    List(ListArgs),
    /// Fetch a model; one that was broken off goes on where it stopped
    Get(GetArgs),
    /// Remove a model, also from the hub's cache that other programs use
    Remove(NameArgs),
    /// Load a model and say what it is, and how fast it encodes here
    Check(CheckArgs),
}

#[derive(Args)]
struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct NameArgs {
    /// A name of the list
    name: String,
}

#[derive(Args)]
struct GetArgs {
    /// A name of the list
    name: String,
    /// Take the files from here instead of the hub: a folder, a state dict or a .zip that was carried to this
    /// computer
    #[arg(long, value_name = "FOLDER_OR_FILE")]
    from: Option<PathBuf>,
    /// Say nothing but where the model is
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such model, or it can't be had or removed.
pub fn run(args: &ModelsArgs) -> Result<()> {
    match &args.command {
        ModelsCommand::List(args) => list(args),
        ModelsCommand::Get(args) => get(args),
        ModelsCommand::Remove(args) => remove(args),
        ModelsCommand::Check(args) => check::run(args),
    }
}

/// A line of the list.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    entry: &'a CatalogueEntry,
    here: bool,
    /// The folder, or the state dict.
    path: Option<String>,
    bytes: Option<u64>,
}

fn list(args: &ListArgs) -> Result<()> {
    let models = ModelPlaces::from_environment().models()?;
    let listed: Vec<(&CatalogueEntry, Option<Installed>)> =
        models.catalogue.entries.iter().map(|entry| (entry, models.find(entry))).collect();
    if args.json {
        let listed = listed.into_iter().map(|(entry, installed)| Listed {
            entry,
            here: installed.is_some(),
            bytes: installed.as_ref().map(|installed| installed.bytes),
            path: installed.map(|installed| installed.source.path.display().to_string()),
        });
        return output::line(serde_json::to_string_pretty(&listed.collect::<Vec<_>>())?);
    }
    let width = listed.iter().map(|(entry, _)| entry.name.len()).max().unwrap_or_default();
    output::write(|out| {
        for (entry, installed) in &listed {
            let (size, here) = match installed {
                Some(installed) => (installed.bytes, "here"),
                None => (entry.size, ""),
            };
            let average =
                entry.average.map_or(String::new(), |average| format!("; {average:.1}% on average"));
            let (name, size) = (&entry.name, size_text(size));
            writeln!(out, "{name:width$}  {size:>7}  {here:4}  {}{average}", entry.good_for)?;
        }
        writeln!(out, "\n`skysift models get NAME` fetches one; --json tells licences, pages and citations.")
    })
}

fn get(args: &GetArgs) -> Result<()> {
    let models = ModelPlaces::from_environment().models()?;
    let entry = models.named(&args.name)?;
    if let Some(installed) = models.find(entry).filter(|_| args.from.is_none()) {
        return tell(entry, &installed, "is already here", args.quiet);
    }
    if !args.quiet {
        let (title, size, licence, page) =
            (&entry.title, size_text(entry.size), &entry.licence, &entry.licence_page);
        output::note(format_args!("{title} ({size}), licence: {licence}, {page}"));
    }
    let mut bar = DownloadBar::new(args.quiet);
    let stop = AtomicBool::new(false);
    let mut show = |progress: &DownloadProgress| bar.show(progress);
    let mut watch = Watch::new(&stop, &mut show);
    let fetched = match &args.from {
        Some(from) => models.take(entry, from, &mut watch),
        None => models.fetch(entry, &mut watch),
    };
    bar.finish();
    tell(entry, &fetched?, "is here", args.quiet)
}

/// The place of the model on stdout, what to do with it on stderr.
fn tell(entry: &CatalogueEntry, installed: &Installed, what: &str, quiet: bool) -> Result<()> {
    output::line(installed.source.path.display())?;
    if !quiet {
        output::note(format_args!("{} {what}; use it with --model {}", entry.title, entry.name));
    }
    Ok(())
}

fn remove(args: &NameArgs) -> Result<()> {
    let models = ModelPlaces::from_environment().models()?;
    let entry = models.named(&args.name)?;
    let freed = models.remove(entry)?;
    if freed == 0 {
        bail!("{} is not on this computer", entry.title);
    }
    output::line(format_args!("removed {}; {} are free again", entry.title, size_text(freed)))
}

/// A bar on a terminal; elsewhere a line for every file.
struct DownloadBar {
    shown: ProgressBar,
    lines: bool,
    pace: Pace,
    file: String,
    waiting: bool,
}

impl DownloadBar {
    fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if !quiet && terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {msg}") {
            bar.set_style(style);
        }
        Self {
            shown: bar,
            lines: !quiet && !terminal,
            pace: Pace::default(),
            file: String::new(),
            waiting: false,
        }
    }

    fn show(&mut self, progress: &DownloadProgress) {
        self.pace.note(Instant::now(), progress.done);
        if self.lines && (progress.file != self.file || (progress.waiting && !self.waiting)) {
            let waits = if progress.waiting { "another program fetches it; waiting for " } else { "" };
            output::note(format_args!("{waits}{}", progress.file));
        }
        progress.file.clone_into(&mut self.file);
        self.waiting = progress.waiting;
        self.shown.set_length(progress.total);
        self.shown.set_position(progress.done);
        self.shown.set_message(message(progress, &self.pace));
    }

    fn finish(&self) {
        self.shown.finish_and_clear();
    }
}

fn message(progress: &DownloadProgress, pace: &Pace) -> String {
    let DownloadProgress { done, total, file, waiting } = progress;
    if *waiting {
        return format!("another program fetches {file}; waiting for it");
    }
    let mut text = format!("{} of {}", size_text(*done), size_text(*total));
    if let Some(speed) = pace.speed() {
        let _ = write!(text, ", {}/s", size_text(speed as u64));
    }
    if let Some(left) = pace.seconds_left(total.saturating_sub(*done)) {
        let left = Duration::try_from_secs_f64(left).unwrap_or_default();
        let _ = write!(text, ", {} left", indicatif::HumanDuration(left));
    }
    format!("{text}  {file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_a_line() {
        let mut pace = Pace::default();
        let began = Instant::now();
        let progress =
            |done, waiting| DownloadProgress { done, total: 605_000_000, file: "a.pt".to_owned(), waiting };
        assert_eq!(message(&progress(0, false), &pace), "0 bytes of 605 MB  a.pt");
        assert_eq!(message(&progress(0, true), &pace), "another program fetches a.pt; waiting for it");
        pace.note(began, 0);
        pace.note(began + Duration::from_secs(2), 11_000_000);
        let text = message(&progress(11_000_000, false), &pace);
        assert_eq!(text, "11 MB of 605 MB, 5.5 MB/s, 2 minutes left  a.pt");
    }
}
