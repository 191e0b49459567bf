//! Smart cards: what their bytes say. Everything on a card is as hostile as what a peer sends.
//!
//! **Invariant: nothing here talks to a reader**; bytes come in, what they say comes out.

pub mod nhi;
