//! All versions that somebody knows, and which of them is in force on a day (decision 3).

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Version;
use crate::ids::{ProgrammeId, VersionName};

/// Known versions of all programmes.
///
/// The set is a function of the order of insertion only where two versions of a
/// programme begin on the same day: insert in the order of publication.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Versions {
    /// By first day; of two with the same day the one inserted later stands later.
    of: BTreeMap<ProgrammeId, Vec<Version>>,
}

impl Versions {
    /// Takes a version in. One of the same programme and name is replaced; of
    /// two that begin on the same day the one inserted later is in force.
    pub fn insert(&mut self, version: Version) {
        let known = self.of.entry(version.programme.clone()).or_default();
        known.retain(|old| old.name != version.name);
        let at = known.partition_point(|old| old.from <= version.from);
        known.insert(at, version);
    }

    /// The version of a programme in force on a day: the latest that has begun.
    #[must_use]
    pub fn in_force(&self, programme: &ProgrammeId, day: NaiveDate) -> Option<&Version> {
        self.of.get(programme).and_then(|known| begun(known, day))
    }

    /// The versions of all programmes in force on a day.
    pub fn all_in_force(&self, day: NaiveDate) -> impl Iterator<Item = &Version> {
        self.of.values().filter_map(move |known| begun(known, day))
    }

    /// The version of this name, in any programme.
    #[must_use]
    pub fn named(&self, name: &VersionName) -> Option<&Version> {
        self.iter().find(|version| version.name == *name)
    }

    /// The version of this name in one programme.
    #[must_use]
    pub fn named_in(&self, programme: &ProgrammeId, name: &VersionName) -> Option<&Version> {
        self.of.get(programme).and_then(|known| known.iter().find(|version| version.name == *name))
    }

    /// Every programme of which something is known, by name.
    pub fn programmes(&self) -> impl Iterator<Item = &ProgrammeId> {
        self.of.keys()
    }

    /// The version in force when exactly one programme has one: then nobody need ask which is meant.
    #[must_use]
    pub fn only_in_force(&self, day: NaiveDate) -> Option<&Version> {
        let mut in_force = self.of.values().filter_map(|known| begun(known, day));
        match (in_force.next(), in_force.next()) {
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// Whether a version of the programme counts pieces: how much somebody bought matters, not only that they did.
    #[must_use]
    pub fn counts_pieces(&self, programme: &ProgrammeId) -> bool {
        self.of.get(programme).is_some_and(|known| known.iter().any(|version| !version.one_purchase_per_window))
    }

    /// The first day whose sales the window of a version in force, or of one to come, may still reach; none where
    /// nothing is known of the programme.
    #[must_use]
    pub fn reached_from(&self, programme: &ProgrammeId, today: NaiveDate) -> Option<NaiveDate> {
        let known = self.of.get(programme)?;
        let in_force = begun(known, today);
        let is_over =
            |version: &&Version| version.from <= today && in_force.is_none_or(|other| other.name != version.name);
        known.iter().filter(|version| !is_over(version)).map(|version| version.window.reached_from(today)).min()
    }

    /// All versions, by programme and first day.
    pub fn iter(&self) -> impl Iterator<Item = &Version> {
        self.of.values().flatten()
    }
}

fn begun(known: &[Version], day: NaiveDate) -> Option<&Version> {
    known.iter().rev().find(|version| version.from <= day)
}
