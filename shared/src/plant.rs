//! Planted bugs inside the product: what somebody could have written there instead. The simulation plants one at
//! a time and demands that it is caught (docs/simulation.md, "Teeth").
//!
//! Only behind the feature `plant`, which no build but that of the simulation's own test has; without it
//! [`planted!`](crate::planted) is the word `false`.

use std::cell::Cell;

#[cfg(not(debug_assertions))]
compile_error!("planted bugs are never in a release build: build without the feature `plant`");

/// What can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Hub: a sale that is over is told to the nation as one that counts.
    LoserCounted,
    /// Hub: what counts already goes on counting, whatever earlier sale comes later.
    FirstComeCounts,
    /// Hub: a sale that was right by its site's own version is one too many.
    StaleIsOver,
    /// Hub: of two sales of one second it does not ask which card was read.
    ReadingNotAsked,
    /// Hub: a typed number is another person than the same number read from the card.
    TypedIsAnother,
    /// Hub: a case is named by the second in which it came up.
    CaseNamedByTime,
    /// Hub: sales of earlier days are not laid on the table.
    ReachForgotten,
    /// Hub: a run that comes again is counted again.
    NoDedupe,
    /// Hub: a run that waited for another one is not taken when that comes.
    WaitingForgotten,
    /// Hub: a run that is wrong is refused and not kept for the operator.
    QuarantineForgotten,
    /// Hub: what was taken back does not go back on the shelf.
    WithdrawalLeavesStock,
    /// Hub: a version that comes late judges nobody again.
    RejudgeForgotten,
    /// Hub: a rebuild tells the nation everything once more.
    RebuildTells,
    /// Edge: a sale that was taken back still blocks its buyer.
    WithdrawalKeepsQuota,
    /// Edge: what the nation's list says of an own sale is taken for another sale.
    OwnItemCounted,
    /// Edge: an own sale is left to the nation's list before the list has come.
    CoveredTooEarly,
    /// Edge: a purchase that no longer counts stays on the nation's list.
    GoneForgotten,
    /// Edge: the watermark moves and the people are not kept.
    FeedForgotten,
    /// Edge: after a start it does not know which requests it has answered.
    RequestsForgotten,
    /// Edge: after a start it does not know which of its sales were one too many.
    StandingsForgotten,
    /// Edge: a new version replaces those that are still in force.
    OnlyNewestVersion,
    /// Edge: the buyer's document is sealed in the proxy's place.
    WrongSlot,
    /// Edge: the cards that a proxy has carried are not counted.
    ProxyNotCounted,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::LoserCounted,
        Self::FirstComeCounts,
        Self::StaleIsOver,
        Self::ReadingNotAsked,
        Self::TypedIsAnother,
        Self::CaseNamedByTime,
        Self::ReachForgotten,
        Self::NoDedupe,
        Self::WaitingForgotten,
        Self::QuarantineForgotten,
        Self::WithdrawalLeavesStock,
        Self::RejudgeForgotten,
        Self::RebuildTells,
        Self::WithdrawalKeepsQuota,
        Self::OwnItemCounted,
        Self::CoveredTooEarly,
        Self::GoneForgotten,
        Self::FeedForgotten,
        Self::RequestsForgotten,
        Self::StandingsForgotten,
        Self::OnlyNewestVersion,
        Self::WrongSlot,
        Self::ProxyNotCounted,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// A bug in everything that this thread runs, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Planted(());

impl Planted {
    /// Plants a bug.
    pub fn new(bug: Bug) -> Self {
        PLANTED.set(Some(bug));
        Self(())
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(None);
    }
}

/// Whether this is the bug that is planted.
#[must_use]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
