//! Scenes: open one, read any region at any level, stretch it to eight bits, locate it on the globe.
//!
//! A [`Scene`] never holds its pixels. Files that can be read in parts (TIFF, JPEG 2000, and mosaics of
//! these; TIFF also on servers) are read in parts; files that can't be (PNG, JPEG, WebP) are decoded once
//! into a file with overviews, which is kept in the user's cache if it is large, and read from there. The
//! file format of a scene is hidden behind one small trait, `Reader`.
//!
//! ```no_run
//! use skysift::raster::{Rect, Scene};
//!
//! # fn main() -> Result<(), skysift::raster::RasterError> {
//! let scene = Scene::open("harbor.tif".as_ref())?;
//! let (width, height) = scene.size();
//! let thumbnail = scene.read_scaled(Rect::new(0, 0, width, height), 256, 256)?;
//! assert_eq!(thumbnail.rgba.len(), 256 * 256 * 4);
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! Each of these folders and files uses only those below it; a test reads this list and the `use` lines.
//!
//! - `scene`: an opened image, and views of it with other display settings
//! - `identity`: which scene this is, by the bytes of its files
//! - `overviews`: made for scenes that have none
//! - `formats`: the file formats, mosaics and products, and sidecar files
//! - `display`: from samples to 8-bit pixels
//! - `sampling`: which blocks to decode when all would take too long
//! - `reader`: the trait behind which formats lie, and what a file says about itself
//! - `georeference`: from pixels to the map and to the globe
//! - `remote`: files on servers
//! - `cache`: decoded blocks in memory, and files on disk that can be made again
//! - `storage`: budgets for memory and disk
//! - `downsample`: rows of half the width
//! - `interleave`: moving samples between buffers
//! - `band`: what a file says about a band
//! - `samples`: numbers of any type
//! - `pixels`: 8-bit pixels
//! - `rect`: rectangles
//! - `progress`: how far a slow opening is
//! - `threads`: the threads that decode
//! - `positioned_io`: reading and writing at an offset
//! - `error`: why a scene can't be opened or read

mod band;
mod cache;
mod display;
mod downsample;
mod error;
mod formats;
mod georeference;
mod identity;
mod interleave;
mod overviews;
mod pixels;
mod positioned_io;
mod progress;
mod reader;
mod rect;
mod remote;
mod samples;
mod sampling;
mod scene;
mod storage;
mod threads;

pub use band::Role;
pub use display::settings::{BandPreset, Bands, DisplaySettings, Stretch, StretchInfo};
pub use display::statistics::BandStatistics;
pub use error::RasterError;
pub use georeference::MapSystem;
pub use georeference::footprint::Footprint;
pub(crate) use georeference::footprint::clip;
pub use georeference::place::{Place, PlaceError, PlaceForm, ReadPlace};
pub use identity::scene_files::scene_files;
pub use identity::{IdentityError, fingerprint_of};
pub use overviews::write_overviews;
pub use pixels::Pixels;
pub use progress::OpenProgress;
pub use reader::BlockInfo;
pub use rect::Rect;
pub(crate) use remote::{FailureKind as RemoteFailureKind, interpret_failure, is_loopback};
pub use remote::{RemoteOptions, has_secrets, is_address, without_secrets};
pub use samples::{SampleType, Samples};
pub use scene::Scene;
pub use scene::info::{BandInfo, SceneInfo};
pub use scene::open::SceneOptions;
pub use scene::scene_view::SceneView;
pub use storage::Storage;
