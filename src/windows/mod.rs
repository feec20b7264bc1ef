//! Where windows lie: grids of one or several scales over a scene, and the areas that they have to touch.
//!
//! A square window of `window` x `window` tiles moves over the scene by `step` tiles. A window is known by
//! its place alone ([`WindowKey`]), so that grids which share windows share what is known of them.

pub(crate) mod area;
pub(crate) mod area_edges;
pub(crate) mod area_geojson;
pub(crate) mod bounds;
mod error;
pub(crate) mod grid;
mod key;
pub(crate) mod layout;
pub(crate) mod layouts;
pub(crate) mod region;

pub use area::Area;
pub use bounds::Bounds;
pub use error::{LayoutError, RegionError};
pub use grid::{Edges, Grid, GridSettings};
pub use key::WindowKey;
pub use layout::Layout;
pub use layouts::{Coarse, Layouts};
pub use region::Region;
