//! Atoll's node at a pharmacy or health station.
