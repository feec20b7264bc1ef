//! Where windows lie: grids of one or several scales over a scene, and the areas that they have to touch.
//!
//! A square window of `window` x `window` tiles moves over the scene by `step` tiles. A window is known by
//! its place alone ([`WindowKey`]), so that grids which share windows share what is known of them.
//!
//! `grid` lays the windows of one scale, `layout` numbers those of several, `layouts` adds the larger windows
//! of a coarse-to-fine scan; `key` is a window's place. `area` is a part of a scene in pixels, with
//! `area_edges` for quick tests and `area_geojson` for files and degrees; `region` is one that was named
//! before the scene was open. `bounds` measures how far rectangles overlap.

mod area;
mod area_edges;
mod area_geojson;
mod bounds;
mod error;
mod grid;
mod key;
mod layout;
mod layouts;
mod region;

pub use area::Area;
pub use bounds::Bounds;
pub use error::{AreaError, LayoutError, RegionError};
pub use grid::{Edges, Grid, GridSettings};
pub use key::WindowKey;
pub use layout::WindowLayout;
pub use layouts::{Coarse, Layouts};
pub use region::RequestedRegion;
