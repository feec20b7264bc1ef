//! What is painted: a file for each kind of place.

pub mod airport;
pub mod buildings;
pub mod farm;
pub mod golf;
pub mod harbor;
pub mod houses;
pub mod parking;
pub mod roads;
pub mod sport;
pub mod tanks;
pub mod trees;
pub mod vehicles;
