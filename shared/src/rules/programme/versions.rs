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

    /// All versions, by programme and first day.
    pub fn iter(&self) -> impl Iterator<Item = &Version> {
        self.of.values().flatten()
    }
}

fn begun(known: &[Version], day: NaiveDate) -> Option<&Version> {
    known.iter().rev().find(|version| version.from <= day)
}
