//! What several tests need.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use skysift::clip::{ModelPreset, write_random_model};
use tiff_reader::PhotometricInterpretation;
use tiff_writer::{ImageBuilder, TiffWriter, WriteOptions};

use super::needed;
pub use super::needed::require;

/// The program under test, without the environment's own model.
pub fn skysift() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skysift"));
    command.env_remove("SKYSIFT_MODEL");
    // The user's embeddings are none of a test's business.
    command.env("SKYSIFT_STORE", "none");
    // So that two runs of a program write the same.
    command.env("SOURCE_DATE_EPOCH", "1000000000");
    command
}

/// Runs a command in the environment that was prepared for another.
pub fn take_environment(command: &mut Command, from: &Command) {
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// A file of `tests/reference`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// The folder of real scenes beside the checkout, or in SKYSIFT_SHARED. Without one the test is to end; see
/// [`require`].
pub fn shared() -> Option<PathBuf> {
    require("shared").then(needed::shared)
}

/// A model with random weights that encodes hundreds of windows a second.
pub fn tiny_model() -> PathBuf {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tiny-model");
        write_random_model(&folder, ModelPreset::Tiny, 1).unwrap();
        folder
    };
    WRITTEN.get_or_init(write).clone()
}

/// Writes a striped RGB image without overviews.
pub fn write_striped_tiff(path: &Path, (width, height): (u32, u32), colour: fn(u32, u32) -> [u8; 3]) {
    let mut writer = TiffWriter::new(std::fs::File::create(path).unwrap(), WriteOptions::auto()).unwrap();
    let rows = 64;
    let image = ImageBuilder::new(width, height)
        .sample_type::<u8>()
        .samples_per_pixel(3)
        .photometric(PhotometricInterpretation::Rgb)
        .strips(rows);
    let handle = writer.add_image(image).unwrap();
    for (index, top) in (0..height).step_by(rows as usize).enumerate() {
        let bottom = (top + rows).min(height);
        let strip: Vec<u8> = (top..bottom).flat_map(|y| (0..width).flat_map(move |x| colour(x, y))).collect();
        writer.write_block(&handle, index, &strip).unwrap();
    }
    writer.finish().unwrap();
}

/// What one of GDAL's programs prints. Without GDAL the test is to end; see [`require`].
pub fn gdal(folder: &Path, command: &str) -> Option<String> {
    if !require("gdal") {
        return None;
    }
    let mut words = command.split_whitespace();
    let mut program = Command::new(words.next().unwrap());
    let run = program.args(words).current_dir(folder).output().unwrap();
    assert!(run.status.success(), "{command}: {}", String::from_utf8_lossy(&run.stderr));
    Some(String::from_utf8_lossy(&run.stdout).into_owned())
}
