//! The rules, pure: who a person is, whose day it is, how much may still be
//! bought, what a refusal says (REQUIREMENTS S10, M3, M5-M9, M11-M13, M19-M23 and
//! the decisions under "what the manuals leave open").
//!
//! **Invariant: a rule is a function of plain values.** Nothing here knows a
//! ledger, a wire, a clock or a disk; histories, stock and the day come in as
//! arguments. The quota is written once ([`quota`]) and asked before a sale,
//! after a merge and before the next sale.
//!
//! Direction: `calendar, typed ← identity ← programme ← {clock, knowledge, turn, quota, stock} ← sale`,
//! with `refusal` as the answer of all of them.

pub mod access;
pub mod booking;
pub mod calendar;
pub mod clock;
pub mod evidence;
pub mod identity;
pub mod knowledge;
pub mod programme;
pub mod quota;
pub mod refusal;
pub mod sale;
pub mod stock;
pub mod turn;
mod typed;
pub mod withdrawal;
