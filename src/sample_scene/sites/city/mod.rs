//! Sites made of many large buildings.
//!
//! - `towers`: boxes of any height, with walls that lean and shadows that fall on lower roofs
//! - `blocks`, `square`: the streets of a city and what lies between them
//! - `downtown`: the middle of a city
//! - `industrial`, `works`: an industrial area, and its halls, tanks and yards

mod blocks;
mod downtown;
mod industrial;
mod square;
mod towers;
mod works;

pub use blocks::{City, city};
pub use downtown::downtown;
pub use industrial::industrial;
