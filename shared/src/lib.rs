//! The functional core.
