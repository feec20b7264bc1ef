//! Tests of clip from the outside.
