//! What waits for the owner of the hub, in lanes, so that nobody waits long behind others.
//!
//! A turn is one commit of short runs from sites whose last run was good, one of long runs (a morning without a line),
//! at most one run of a site whose last was not good, and a few of the other questions. However many lines ask, and
//! whatever they send, a sale that comes now waits for no more than the rest of a turn.

use std::collections::{HashMap, HashSet, VecDeque};

use shared::ids::SiteCode;
use shared::ledger::run::RUN_ENTRIES_MAX;

use super::{Ask, BATCH_ENTRIES_MAX, BATCH_RUNS_MAX, Parcel};

/// Questions that are no uploads, in one turn.
pub(super) const OTHERS_A_TURN: usize = 16;
/// Of one site in one commit: at least one whole run.
const SITE_ENTRIES_MAX: usize = RUN_ENTRIES_MAX;
/// A run of more entries is long: what it takes is longer than a commit.
const SHORT_ENTRIES_MAX: usize = 64;
/// Of long runs in one commit: at least one whole run.
const LONG_ENTRIES_MAX: usize = RUN_ENTRIES_MAX;

/// See the module. Runs of one site stay in their order within a lane; a line has no more than a few in flight.
#[derive(Default)]
pub(super) struct Lanes {
    good: VecDeque<Box<Parcel>>,
    long: VecDeque<Box<Parcel>>,
    doubtful: VecDeque<Box<Parcel>>,
    others: VecDeque<Ask>,
    /// Sites whose last run was kept aside.
    suspects: HashSet<SiteCode>,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.good.is_empty() && self.long.is_empty() && self.doubtful.is_empty() && self.others.is_empty()
    }

    pub(super) fn put(&mut self, ask: Ask) {
        match ask {
            Ask::Upload(parcel) if self.suspects.contains(&parcel.caller.site) => self.doubtful.push_back(parcel),
            Ask::Upload(parcel) if self.goes_long(&parcel) => self.long.push_back(parcel),
            Ask::Upload(parcel) => self.good.push_back(parcel),
            other @ (Ask::Do(_) | Ask::Look | Ask::Stop) => self.others.push_back(other),
        }
    }

    /// A short run does not overtake a long one of its site.
    fn goes_long(&self, parcel: &Parcel) -> bool {
        let site = parcel.caller.site;
        parcel.upload.run.entries.len() > SHORT_ENTRIES_MAX
            || self.long.iter().any(|waiting| waiting.caller.site == site)
    }

    /// A run of a site was kept aside: its next ones wait behind those of others.
    pub(super) fn was_bad(&mut self, site: SiteCode) {
        self.suspects.insert(site);
    }

    /// A run of a site was taken. None of its next ones overtakes what still waits.
    pub(super) fn was_good(&mut self, site: &SiteCode) {
        if self.suspects.contains(site) && !self.doubtful.iter().any(|parcel| parcel.caller.site == *site) {
            self.suspects.remove(site);
        }
    }

    /// The next commit of long runs, oldest first.
    pub(super) fn long(&mut self) -> Vec<Parcel> {
        let (mut entries, mut batch) = (0, Vec::new());
        while let Some(parcel) = self.long.pop_front() {
            entries += parcel.upload.run.entries.len();
            if entries > LONG_ENTRIES_MAX && !batch.is_empty() {
                self.long.push_front(parcel);
                break;
            }
            batch.push(*parcel);
        }
        batch
    }

    /// The next commit of short ones; no site fills it alone.
    pub(super) fn good(&mut self) -> Vec<Parcel> {
        let (mut entries, mut of): (usize, HashMap<SiteCode, usize>) = (0, HashMap::new());
        let (mut batch, mut later) = (Vec::new(), VecDeque::new());
        while let Some(parcel) = self.good.pop_front() {
            if batch.len() >= BATCH_RUNS_MAX || entries >= BATCH_ENTRIES_MAX {
                later.push_back(parcel);
                break;
            }
            let more = parcel.upload.run.entries.len();
            let own = of.entry(parcel.caller.site).or_default();
            if *own > 0 && *own + more > SITE_ENTRIES_MAX {
                // Nor does one of its later runs overtake this one.
                *own = SITE_ENTRIES_MAX;
                later.push_back(parcel);
                continue;
            }
            *own += more;
            entries += more;
            batch.push(*parcel);
        }
        later.append(&mut self.good);
        self.good = later;
        batch
    }

    /// One run of a site whose last was not good.
    pub(super) fn doubtful(&mut self) -> Vec<Parcel> {
        self.doubtful.pop_front().map(|parcel| *parcel).into_iter().collect()
    }

    /// The next question that is no upload.
    pub(super) fn other(&mut self) -> Option<Ask> {
        self.others.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::seal::Secret;
    use tokio::sync::{Semaphore, mpsc};

    use super::*;
    use crate::ingest::Upload;
    use crate::mailbox::Caller;
    use crate::testing::{Ledger, MORNING, OTHER, TAMSUI, code_of};

    /// So many runs of a site, of one entry each.
    fn uploads(site: &str, count: usize) -> Vec<Ask> {
        let mut ledger = Ledger::new(code_of(site), 1, &Secret::new([5; 32]));
        let room = Arc::new(Semaphore::new(count));
        let caller = Caller { site: code_of(site), fingerprint: [0; 32] };
        let one = |n: usize| {
            ledger.sell("A123456789", MORNING);
            let run = ledger.run(n).unwrap();
            let last = run.last_id();
            let upload = Upload { site: caller.site, incarnation: ledger.incarnation(), run };
            let answers = mpsc::channel(1).0;
            let room = room.clone().try_acquire_owned().unwrap();
            Ask::Upload(Box::new(Parcel { caller, upload, last, answers, _room: room }))
        };
        (0..count).map(one).collect()
    }

    /// The same with so many entries in each run.
    fn of_entries(asks: Vec<Ask>, entries: usize) -> impl Iterator<Item = Ask> {
        asks.into_iter().map(move |ask| match ask {
            Ask::Upload(mut parcel) => {
                let entry = parcel.upload.run.entries[0].clone();
                parcel.upload.run.entries.resize(entries, entry);
                Ask::Upload(parcel)
            }
            other @ (Ask::Do(_) | Ask::Look | Ask::Stop) => other,
        })
    }

    /// Whose runs, and their sequence.
    fn named<'p>(parcels: impl IntoIterator<Item = &'p Parcel>) -> Vec<(SiteCode, u32)> {
        parcels.into_iter().map(|parcel| (parcel.caller.site, parcel.last.seq)).collect()
    }

    #[test]
    fn a_suspect_waits_and_overtakes_nobody_not_even_itself() {
        let mut lanes = Lanes::default();
        let (bad, honest) = (code_of(TAMSUI), code_of(OTHER));
        let mut of_bad = uploads(TAMSUI, 4).into_iter();
        lanes.was_bad(bad);
        of_bad.by_ref().take(2).for_each(|ask| lanes.put(ask));
        uploads(OTHER, 3).into_iter().for_each(|ask| lanes.put(ask));
        assert_eq!(named(&lanes.good()), [(honest, 1), (honest, 2), (honest, 3)], "in front of what came earlier");
        assert_eq!(named(&lanes.doubtful()), [(bad, 1)], "one a turn");
        lanes.was_good(&bad);
        lanes.put(of_bad.next().unwrap());
        assert!(lanes.good().is_empty(), "the third does not overtake the second");
        assert_eq!([lanes.doubtful(), lanes.doubtful()].map(|one| named(&one)).concat(), [(bad, 2), (bad, 3)]);
        lanes.was_good(&bad);
        lanes.put(of_bad.next().unwrap());
        assert_eq!(named(&lanes.good()), [(bad, 4)], "forgiven");
        assert!(lanes.is_empty());
    }

    #[test]
    fn no_site_fills_a_commit_alone() {
        let mut lanes = Lanes::default();
        let much = SITE_ENTRIES_MAX + 100;
        uploads(TAMSUI, much).into_iter().chain(uploads(OTHER, 1)).for_each(|ask| lanes.put(ask));
        let first = named(&lanes.good());
        assert_eq!(first.len(), SITE_ENTRIES_MAX + 1);
        assert_eq!(first.last(), Some(&(code_of(OTHER), 1)), "whoever comes last is in the first commit");
        let rest = named(&lanes.good());
        assert_eq!(rest.first().map(|(_, seq)| *seq), u32::try_from(SITE_ENTRIES_MAX + 1).ok());
        assert_eq!(rest.len(), 100);
    }

    #[test]
    fn a_sale_does_not_wait_for_a_morning_of_somebody_else() {
        let mut lanes = Lanes::default();
        let (cut_off, seller) = (code_of(TAMSUI), code_of(OTHER));
        let mut after = uploads(TAMSUI, 3).into_iter();
        let long: Vec<Ask> = after.by_ref().take(2).collect();
        of_entries(long, RUN_ENTRIES_MAX).for_each(|ask| lanes.put(ask));
        after.for_each(|ask| lanes.put(ask));
        uploads(OTHER, 1).into_iter().for_each(|ask| lanes.put(ask));
        assert_eq!(named(&lanes.good()), [(seller, 1)], "in front, and no run of a site overtakes another of it");
        assert_eq!(named(&lanes.long()), [(cut_off, 1)], "one whole run");
        assert_eq!(named(&lanes.long()), [(cut_off, 2)]);
        assert_eq!(named(&lanes.long()), [(cut_off, 3)]);
        of_entries(uploads(TAMSUI, 9), SHORT_ENTRIES_MAX + 1).for_each(|ask| lanes.put(ask));
        assert_eq!(lanes.long().len(), 9, "what is not much longer goes together");
        assert!(lanes.is_empty());
    }
}
