//! The commands: one file each, thin: parse, call, print.
//!
//! `args` has the options that several share. `output` is all that prints; `scan_progress` follows a scan to
//! its end and `progress_bar` other work, `open_scene` opens an image, `stored_scenes` chooses among what is
//! indexed.

mod args;
mod detect;
mod embed;
mod evaluate;
mod export;
mod export_embeddings;
mod finetune;
mod index;
mod info;
mod models;
mod open_scene;
mod output;
mod progress_bar;
mod pyramid;
mod random_model;
mod sample_scene;
mod scan_progress;
mod search;
mod stored_scenes;
mod train_sharpener;
mod window;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use args::like::Like;
pub use args::model::ModelArgs;
pub use args::region::RegionArgs;
pub use args::scan::{GridArgs, KeywordArgs, RankArgs, RefineArgs, RunArgs, ScanArgs};
pub use args::sharpen::SharpenArgs;

/// Finds what you type in satellite images.
///
/// Without a command it opens the window.
#[derive(Parser)]
#[command(name = "skysift", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<CliCommand>,
    #[command(flatten)]
    window: window::WindowArgs,
}

#[derive(Subcommand)]
enum CliCommand {
    /// Scan an image for keywords and print the best windows.
    Detect(Box<detect::DetectArgs>),
    /// Print embeddings of pictures and sentences.
    Embed(embed::EmbedArgs),
    /// Train a model on images with classes or captions.
    Finetune(Box<finetune::FinetuneArgs>),
    /// Measure a model on class folders or captions: accuracy, recall, what a few examples add.
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Measure how well a scan finds what is known to be in images: recall, precision.
    EvaluateDetect(Box<evaluate::detect::EvaluateDetectArgs>),
    /// Write the results of a project, with what was accepted and rejected.
    Export(Box<export::ExportProjectArgs>),
    /// Write the embeddings of indexed images as GeoParquet, for other programs.
    ExportEmbeddings(export_embeddings::ExportEmbeddingsArgs),
    /// Encode all windows of images and keep them, so that any keyword is answered at once later on.
    Index(Box<index::IndexArgs>),
    /// Search everything that was indexed, without opening the images.
    Search(Box<search::SearchArgs>),
    /// Print what is known of an image.
    Info(info::InfoArgs),
    /// Show, fetch, remove and check published models.
    Models(models::ModelsArgs),
    /// Write overviews of an image to a file of their own, so that it opens faster everywhere.
    Pyramid(pyramid::PyramidArgs),
    /// Write a model with random weights: it runs, and its boxes mean nothing.
    RandomModel(random_model::RandomModelArgs),
    /// Paint a coast seen from above, to try the program on or to train on.
    SampleScene(sample_scene::SampleSceneArgs),
    /// Train the network that --sharpen enlarges small windows with.
    TrainSharpener(train_sharpener::TrainSharpenerArgs),
}

/// Runs the program on a command line whose first word is the program's name. The exit status is 0 when it
/// did what was asked, 1 when that failed, with one line on stderr, and 2 for wrong usage.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // For developers, as RUST_LOG asks; what a person should know is a notice.
    let _ = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off")).try_init();
    crate::guard::silence_caught_panics();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return told(&error),
    };
    crate::clip::configure();
    let result = match cli.command {
        None => window::run(cli.window),
        Some(CliCommand::Detect(args)) => detect::run(&args),
        Some(CliCommand::Embed(args)) => embed::run(&args),
        Some(CliCommand::Finetune(args)) => finetune::run(*args),
        Some(CliCommand::Evaluate(args)) => evaluate::run(&args),
        Some(CliCommand::EvaluateDetect(args)) => evaluate::detect::run(&args),
        Some(CliCommand::Export(args)) => export::run(&args),
        Some(CliCommand::ExportEmbeddings(args)) => export_embeddings::run(&args),
        Some(CliCommand::Index(args)) => index::run(&args),
        Some(CliCommand::Search(args)) => search::run(&args),
        Some(CliCommand::Info(args)) => info::run(&args),
        Some(CliCommand::Models(args)) => models::run(&args),
        Some(CliCommand::Pyramid(args)) => pyramid::run(&args),
        Some(CliCommand::RandomModel(args)) => random_model::run(&args),
        Some(CliCommand::SampleScene(args)) => sample_scene::run(&args),
        Some(CliCommand::TrainSharpener(args)) => train_sharpener::run(&args),
    };
    status(result)
}

/// The exit status of a command.
fn status(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<output::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            output::note(one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// Prints help, the version, or what is wrong with a command line.
fn told(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // Where nobody can be told, the status still says it.
        let _ = error.print();
        return ExitCode::from(2);
    }
    status(output::write(|_| error.print()))
}

/// An error with its causes, each told once: many sentences hold that of their cause already.
fn one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let colon = if told.is_empty() { "" } else { ": " };
            told = format!("{told}{colon}{cause}");
        }
    }
    told.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Ends the program with status 2 and clap's own form of message.
fn wrong_usage(message: &str) -> ! {
    Cli::command().error(clap::error::ErrorKind::ValueValidation, message).exit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let cause = || std::io::Error::from_raw_os_error(2);
        let twice = crate::export::ExportError::Write { path: "a.json".to_owned(), source: cause() };
        let told = one_line(&twice.into());
        assert_eq!(told.matches(&cause().to_string()).count(), 1, "{told}");
        let told = one_line(&anyhow::Error::new(cause()).context("the words\ncannot be read"));
        assert!(
            told.starts_with("the words cannot be read: ") && told.contains(&cause().to_string()),
            "{told}"
        );
    }

    #[test]
    fn a_command_has_the_options_that_it_knows() {
        let program = Cli::command();
        program.clone().debug_assert();
        let has = |command: &str, option: &str| {
            let command = program.find_subcommand(command).unwrap();
            command.get_arguments().any(|arg| arg.get_long() == Some(option) && !arg.is_hide_set())
        };
        for option in ["model", "device", "memory", "store", "sharpen"] {
            assert!(["detect", "evaluate-detect", "index", "search"].iter().all(|name| has(name, option)));
        }
        for option in ["tile", "window", "step", "edges", "scales", "exact", "bounds", "region", "uniform"] {
            assert!(has("detect", option) && has("evaluate-detect", option) && has("index", option));
            assert!(!has("search", option), "{option}");
        }
        for option in ["top", "prompt", "background", "rank-by", "nms", "merge", "threshold"] {
            assert!(has("detect", option) && has("evaluate-detect", option) && has("search", option));
            assert!(!has("index", option), "{option}");
        }
        for option in ["tight", "coarse-first", "coarse-only"] {
            assert!(has("detect", option) && has("evaluate-detect", option));
            assert!(!has("index", option) && !has("search", option), "{option}");
        }
        assert!(["embed", "evaluate", "export-embeddings"].iter().all(|name| has(name, "sharpen")));
        assert!(has("detect", "keyword") && has("search", "keyword"));
        assert!(!has("index", "keyword") && !has("evaluate-detect", "keyword"));
        assert!(Cli::try_parse_from(["skysift", "index", "a.tif", "-k", "harbor"]).is_err());
    }
}
