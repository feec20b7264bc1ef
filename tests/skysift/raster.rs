//! Tests of raster from the outside.
