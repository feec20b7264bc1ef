//! What leaves the program: annotated pictures, JSON, GeoJSON and CSV.
