//! Why a coordinate reference system isn't understood, as parts of sentences.

/// Why nothing but a name is known of a coordinate reference system.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::raster) enum CrsError {
    #[error("{0} is not a code of a horizontal system that PROJ knows")]
    UnknownCode(String),
    #[error("nothing but a name is given, which PROJ does not know")]
    UnknownName,
    #[error("PROJ does not understand its definition")]
    NotUnderstood,
    #[error("it is a local system without a place on the earth")]
    Local,
    #[error("it is a system of another body than the earth")]
    OtherBody,
    #[error("it has no axes")]
    NoAxes,
    #[error("it is a compound system of nothing")]
    EmptyCompound,
    #[error("it is a bound system of nothing")]
    EmptyBound,
    #[error("it counts from the centre of the earth in three directions")]
    Geocentric,
    #[error("it is a system of heights alone")]
    Vertical,
    #[error("its definition is not one of a coordinate system")]
    NoCrs,
    #[error("it is a system within systems within systems")]
    TooNested,
    #[error("its datum is not one of WGS84, NAD83 and NAD27")]
    ArcInfoDatum,
    #[error("Skysift reads old ArcInfo files of geographic and UTM coordinates only")]
    ArcInfoProjection,
    #[error("{0} is neither an EPSG nor an ESRI code that PROJ knows")]
    UnknownProjectedCode(u16),
    #[error("{0} is no code of a geographic system that PROJ knows")]
    UnknownGeographicCode(u16),
    #[error("its keys name no projection")]
    NoProjection,
    #[error("its projection, EPSG's {0}, is not one that PROJ knows")]
    UnknownConversion(u16),
    #[error("its projection, GeoTIFF's number {0}, is not one that PROJ knows")]
    UnknownMethod(u16),
    #[error("its datum, EPSG's {0}, is not one that PROJ knows")]
    UnknownDatum(u16),
    #[error("its ellipsoid, EPSG's {0}, is not one that PROJ knows")]
    UnknownEllipsoid(u16),
    #[error("its prime meridian, EPSG's {0}, is not one that PROJ knows")]
    UnknownPrimeMeridian(u16),
    #[error("its keys name neither a datum nor an ellipsoid")]
    NoDatum,
}
