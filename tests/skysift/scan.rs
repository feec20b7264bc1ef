//! Tests of scan from the outside.
