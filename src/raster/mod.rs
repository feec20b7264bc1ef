//! Scenes: open one, read any region at any level, stretch it to eight bits, place it on the globe.
//!
//! A [`Scene`] never holds its pixels. Files that can be read in parts (TIFF, JPEG 2000, and mosaics of
//! these; TIFF on servers, too) are read in parts; files that cannot (PNG, JPEG, WebP) are decoded once into
//! a file with overviews, which is kept in the user's cache if it is large, and read from there. Which file
//! format is behind a scene is known to one small trait, `Reader`, and to nothing else.
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

mod block_cache;
mod cache_folder;
mod display;
mod error;
mod files;
mod formats;
mod georeference;
mod identity;
mod info;
mod overviews;
mod pixels;
mod progress;
mod reader;
mod rect;
mod remote;
mod samples;
mod scaled;
mod scene;
mod storage;
mod threads;

pub use display::bands::Role;
pub use display::scene_view::Rendered;
pub use display::settings::{Bands, Preset, Rendering, Stretch};
pub use display::statistics::BandStatistics;
pub use error::RasterError;
pub use georeference::footprint::Footprint;
pub(crate) use georeference::footprint::clip;
pub use identity::fingerprint_of;
pub use identity::scene_files::scene_files;
pub use info::{BandInfo, BlockInfo, SceneInfo, StretchInfo};
pub use overviews::write_overviews;
pub use pixels::Pixels;
pub use progress::OpenProgress;
pub use rect::Rect;
pub(crate) use remote::{Kind as RemoteTrouble, is_here, unanswered};
pub use remote::{RemoteOptions, has_secrets, is_address, without_secrets};
pub use samples::{SampleType, Samples};
pub use scene::Scene;
pub use storage::Storage;
