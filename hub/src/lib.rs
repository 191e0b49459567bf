//! Atoll's centre.
