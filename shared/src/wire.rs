//! Encodings, numbered and frozen. Domain types have none; `decode` is the border.

pub mod v1;
