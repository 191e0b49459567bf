//! Who may stand at the counter (REQUIREMENTS S10-S20): the cards that say who somebody is, what a person may do,
//! and what a withdrawn right means to those who had not heard of it.

pub mod card;
