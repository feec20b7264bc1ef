//! Polygons in well-known binary, as GeoParquet and GeoPackage store them.

/// Kinds of geometries.
const POLYGON: u32 = 3;
const MULTI_POLYGON: u32 = 6;

/// A polygon for each closed ring, little endian: a single one by itself, or as one of several if `several`
/// says so.
pub(super) fn well_known_binary(rings: &[Vec<[f64; 2]>], several: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let begin = |bytes: &mut Vec<u8>, kind: u32, count: usize| {
        bytes.push(1);
        for number in [kind, count as u32] {
            bytes.extend(number.to_le_bytes());
        }
    };
    if several || rings.len() != 1 {
        begin(&mut bytes, MULTI_POLYGON, rings.len());
    }
    for ring in rings {
        begin(&mut bytes, POLYGON, 1);
        bytes.extend((ring.len() as u32).to_le_bytes());
        for number in ring.iter().flatten() {
            bytes.extend(number.to_le_bytes());
        }
    }
    bytes
}
