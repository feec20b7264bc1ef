//! The scene on the screen: how it is opened, its overviews, and how it is shown.

pub mod address;
pub mod display;
pub mod display_panel;
pub mod histogram;
pub mod opening;
pub mod overviews;
pub mod sample;
