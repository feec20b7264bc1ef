//! Tests of window from the outside.
