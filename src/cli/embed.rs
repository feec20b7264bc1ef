//! `skysift embed`: embeddings of pictures and sentences, for scripts and comparisons.

use std::path::PathBuf;

use serde::Serialize;

use super::args::run_on::RunOnArgs;
use super::{ModelArgs, SharpenArgs, output};
use crate::clip::{Clip, Scoring};
use crate::dataset::read_picture;

/// Print the embeddings of pictures and sentences as JSON
#[derive(clap::Args, Clone, Debug)]
pub struct EmbedArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub sharpen: SharpenArgs,

    /// A picture to encode whole, a file or the address of a GeoTIFF (may be repeated)
    #[arg(long, value_name = "FILE")]
    pub image: Vec<PathBuf>,

    /// A sentence to encode as it is written (may be repeated)
    #[arg(long, value_name = "SENTENCE")]
    pub text: Vec<String>,

    #[command(flatten)]
    pub run_on: RunOnArgs,
}

#[derive(Serialize)]
struct EmbedOutput {
    image_embeddings: Vec<Vec<f32>>,
    text_embeddings: Vec<Vec<f32>>,
    logit_scale: f32,
    /// What is added to the scaled cosine; only for a model that scores each sentence by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    logit_bias: Option<f32>,
    /// One row a picture: the scaled cosine with each sentence, and the bias.
    logits_per_image: Vec<Vec<f32>>,
}

/// Runs the command.
///
/// # Errors
/// When the model cannot be loaded or run, or a picture cannot be read.
pub fn run(args: &EmbedArgs) -> anyhow::Result<()> {
    let sharpener = args.sharpen.sharpener()?;
    let mut clip = Clip::load(&args.model.source()?, args.run_on.run_on())?;
    if let Some(sharpener) = sharpener {
        clip.sharpen_by(sharpener);
    }
    let preprocess = clip.preprocess().clone();
    let mut image_embeddings = Vec::with_capacity(args.image.len());
    // A batch at a time, so that memory doesn't grow with the number of pictures.
    for paths in args.image.chunks(clip.batch_size().max(1)) {
        let mut input = Vec::with_capacity(paths.len() * preprocess.input_len());
        for path in paths {
            input.extend(preprocess.picture(&read_picture(path)?)?);
        }
        let embeddings = clip.encode_images(&input)?;
        image_embeddings.extend(embeddings.chunks_exact(clip.embedding_len()).map(<[f32]>::to_vec));
    }
    let text_embeddings = clip.encode_texts(&args.text)?;
    let logit_scale = clip.logit_scale();
    let bias = clip.scoring().bias();
    let logit = |a: &[f32], b: &[f32]| logit_scale * a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() + bias;
    let logits_per_image = image_embeddings
        .iter()
        .map(|image| text_embeddings.iter().map(|text| logit(image, text)).collect())
        .collect();
    while let Some(notice) = clip.take_notice() {
        output::note(notice);
    }
    let logit_bias = (clip.scoring() != Scoring::Softmax).then_some(bias);
    let result = EmbedOutput { image_embeddings, text_embeddings, logit_scale, logit_bias, logits_per_image };
    output::write(|out| {
        serde_json::to_writer(&mut *out, &result)?;
        writeln!(out)
    })
}
