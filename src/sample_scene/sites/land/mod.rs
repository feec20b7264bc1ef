//! Open land: sites that fill all that is seen.
//!
//! - `desert`, `mountain`: sand and rock, shaded by the sun
//! - `meadow`, `bare`, `pond`: grass, earth and still water
//! - `relief`: heights, and the light that falls on them

mod bare;
mod desert;
mod meadow;
mod mountain;
mod pond;
mod relief;

pub use bare::bare_land;
pub use desert::desert;
pub use meadow::meadow;
pub use mountain::mountain;
pub use pond::pond;
