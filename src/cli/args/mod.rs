//! Options that several commands share, and what they mean: the `scan` groups with `region`, `model`,
//! where that runs (`run_on`), crops
//! (`like`), what keywords call `@name` (`examples`) and what sharpens (`sharpen`). `inputs` lists what all
//! of them read, `export` how and where results are written.

pub mod examples;
pub mod export;
pub mod inputs;
pub mod like;
pub mod model;
pub mod region;
pub mod run_on;
pub mod scan;
pub mod sharpen;
