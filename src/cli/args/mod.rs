//! Options that several commands share, and what they mean: the `scan` groups with `region`, `model`, crops
//! (`like`) and what keywords call `@name` (`examples`). `inputs` lists what all of them read.

pub mod examples;
pub mod inputs;
pub mod like;
pub mod model;
pub mod region;
pub mod scan;
