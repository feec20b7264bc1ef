//! Tests of cli from the outside.
