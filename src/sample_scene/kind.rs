//! The kinds of places that there are to find.

/// A kind of place, with a plain name that a person might type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Airplane,
    BaseballDiamond,
    Beach,
    Buildings,
    Chaparral,
    DenseResidential,
    Farmland,
    Forest,
    Freeway,
    GolfCourse,
    Harbor,
    Intersection,
    MediumResidential,
    MobileHomePark,
    Overpass,
    ParkingLot,
    River,
    Runway,
    Sea,
    SparseResidential,
    StorageTanks,
    TennisCourt,
    /// Meadows, without boxes.
    Open,
    /// A road, without a box.
    Road,
    /// What contains runways and aircraft.
    Airport,
}

impl Kind {
    /// All kinds with boxes, in the order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::Airplane,
        Self::BaseballDiamond,
        Self::Beach,
        Self::Buildings,
        Self::Chaparral,
        Self::DenseResidential,
        Self::Farmland,
        Self::Forest,
        Self::Freeway,
        Self::GolfCourse,
        Self::Harbor,
        Self::Intersection,
        Self::MediumResidential,
        Self::MobileHomePark,
        Self::Overpass,
        Self::ParkingLot,
        Self::River,
        Self::Runway,
        Self::Sea,
        Self::SparseResidential,
        Self::StorageTanks,
        Self::TennisCourt,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Airplane => "airplane",
            Self::BaseballDiamond => "baseball diamond",
            Self::Beach => "beach",
            Self::Buildings => "buildings",
            Self::Chaparral => "chaparral",
            Self::DenseResidential => "dense residential area",
            Self::Farmland => "farmland",
            Self::Forest => "forest",
            Self::Freeway => "freeway",
            Self::GolfCourse => "golf course",
            Self::Harbor => "harbor",
            Self::Intersection => "intersection",
            Self::MediumResidential => "medium residential area",
            Self::MobileHomePark => "mobile home park",
            Self::Overpass => "overpass",
            Self::ParkingLot => "parking lot",
            Self::River => "river",
            Self::Runway => "runway",
            Self::Sea => "sea",
            Self::SparseResidential => "sparse residential area",
            Self::StorageTanks => "storage tanks",
            Self::TennisCourt => "tennis court",
            Self::Open => "meadow",
            Self::Road => "road",
            Self::Airport => "airport",
        }
    }

    /// Its number in the ground truth, from 1.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|&kind| kind == self).map_or(0, |index| index + 1)
    }
}
