//! Booked places through the node, by the V lines: what a counter asks, what it is told, and what it may never give away.

#[path = "booking/office.rs"]
mod office;

#[path = "booking/counter.rs"]
mod counter;

#[path = "booking/purse.rs"]
mod purse;

#[path = "booking/lists.rs"]
mod lists;

#[path = "booking/lines.rs"]
mod lines;

#[path = "booking/venue.rs"]
mod venue;
