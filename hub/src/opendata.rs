//! What everybody may read: how many places are left where, in a form that other people's software knows.

pub mod smart;
