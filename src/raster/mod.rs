//! Scenes: open one, read any region at any level, stretch it to eight bits, place it on the globe.
//!
//! A [`Scene`] never holds its pixels. Files that can be read in parts (TIFF, JPEG 2000, and mosaics of these; TIFF on
//! servers, too) are read in parts; files that cannot (PNG, JPEG, WebP) are decoded once into a file with overviews,
//! which is kept in the user's cache if it is large, and read from there.
//! Which file format is behind a scene is known to one small trait, `Reader`, and to nothing else.
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

mod bands;
mod block_cache;
mod cache_folder;
mod containers;
mod error;
mod files;
mod footprint;
mod georeference;
mod identity;
mod info;
mod jp2;
mod known_files;
mod mosaic;
mod overviews;
mod pam;
mod picture;
mod pixels;
mod product;
mod progress;
mod pyramid;
mod reader;
mod rect;
mod remote;
mod render;
mod rendered;
mod rendering;
mod samples;
mod scaled;
mod scene;
mod scene_files;
mod sidecar;
mod stamp;
mod statistics;
mod storage;
mod stretch;
mod threads;
mod tiff;
mod vrt;
mod xml;

pub use bands::Role;
pub use error::RasterError;
pub use footprint::Footprint;
pub(crate) use footprint::clip;
pub use identity::fingerprint_of;
pub use info::{BandInfo, BlockInfo, SceneInfo, StretchInfo};
pub use overviews::write_overviews;
pub use pixels::Pixels;
pub use progress::OpenProgress;
pub use rect::Rect;
pub(crate) use remote::{Kind as RemoteTrouble, is_here, unanswered};
pub use remote::{RemoteOptions, has_secrets, is_address, without_secrets};
pub use rendered::Rendered;
pub use rendering::{Bands, Preset, Rendering, Stretch};
pub use samples::{SampleType, Samples};
pub use scene::Scene;
pub use scene_files::scene_files;
pub use statistics::BandStatistics;
pub use storage::Storage;
