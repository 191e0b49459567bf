//! The M lines through the node: what a counter asks and what it is told.

#[cfg(test)]
#[path = "node/town.rs"]
mod town;

#[cfg(test)]
#[path = "node/selling.rs"]
mod selling;

#[cfg(test)]
#[path = "node/shelf.rs"]
mod shelf;

#[cfg(test)]
#[path = "node/exchange.rs"]
mod exchange;

#[cfg(test)]
#[path = "node/clocks.rs"]
mod clocks;

#[cfg(test)]
#[path = "node/disk.rs"]
mod disk;

#[cfg(test)]
#[path = "node/verify.rs"]
mod verify;

#[cfg(test)]
#[path = "node/disputes.rs"]
mod disputes;

#[cfg(test)]
#[path = "node/ladder.rs"]
mod ladder;

#[cfg(test)]
#[path = "node/verdicts.rs"]
mod verdicts;

#[cfg(test)]
#[path = "node/digests.rs"]
mod digests;

#[cfg(test)]
#[path = "node/confirm.rs"]
mod confirm;

#[cfg(test)]
#[path = "node/access.rs"]
mod access;

#[cfg(test)]
#[path = "node/booking.rs"]
mod booking;
