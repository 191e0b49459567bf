//! Making the Automerge document of a ledger, and reading entries back out of it.

use std::collections::BTreeMap;

use automerge::{Automerge, Change, ROOT, ReadDoc, ScalarValue, Value};

use super::schema;
use crate::ids::{ChangeHash, EntryId};

/// A document could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// Automerge refused.
    #[error("fold the ledger's changes into a document")]
    Automerge(#[source] automerge::AutomergeError),
    /// Changes are missing on which others depend.
    #[error("{0} changes are missing from the ledger")]
    Missing(usize),
    /// The document holds something that is no entry.
    #[error("{0:?} in the ledger is no entry")]
    Shape(String),
}

/// A document from changes that we built ourselves.
///
/// # Errors
/// Where changes are missing or contradict each other.
pub fn document(changes: Vec<Change>) -> Result<Automerge, FoldError> {
    let mut document = Automerge::new();
    document.apply_changes(changes).map_err(FoldError::Automerge)?;
    let missing = document.get_missing_deps(&[]).len();
    if missing > 0 {
        return Err(FoldError::Missing(missing));
    }
    Ok(document)
}

/// All entries of a document.
///
/// # Errors
/// Where the document holds anything else.
pub fn entries(document: &Automerge) -> Result<BTreeMap<EntryId, Vec<u8>>, FoldError> {
    let mut out = BTreeMap::new();
    for key in document.keys(ROOT) {
        let value = document.get(ROOT, key.as_str()).map_err(FoldError::Automerge)?;
        let bytes = value.and_then(|(value, _)| bytes(&value));
        match (schema::id(&key), bytes) {
            (Some(id), Some(bytes)) => out.insert(id, bytes),
            _ => return Err(FoldError::Shape(key)),
        };
    }
    Ok(out)
}

fn bytes(value: &Value<'_>) -> Option<Vec<u8>> {
    let Value::Scalar(value) = value else { return None };
    let ScalarValue::Bytes(bytes) = value.as_ref() else { return None };
    Some(bytes.clone())
}

/// The document's heads.
#[must_use]
pub fn heads(document: &Automerge) -> Vec<ChangeHash> {
    document.get_heads().into_iter().map(|hash| ChangeHash(hash.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;
    use crate::ledger::chain::{Link, Tip};

    #[test]
    fn a_ledger_folds_whatever_the_order_and_says_what_is_missing() {
        let doc = "site/5931102274/2020-02-06".parse().unwrap();
        let mut tip = Tip::start(doc, ActorId([1; 16]), 0, vec![]);
        let (links, changes): (Vec<Link>, Vec<Change>) = (0..20u8).map(|n| tip.append_change(&[n]).unwrap()).unzip();
        let forward = document(changes.clone()).unwrap();
        let backward = document(changes.iter().rev().cloned().collect()).unwrap();
        assert_eq!(heads(&forward), vec![links[19].hash], "one writer, one head");
        assert_eq!(heads(&forward), heads(&backward));
        assert_eq!(forward.save(), backward.save());
        let written = links.iter().zip(0..20u8).map(|(link, n)| (link.id, vec![n]));
        assert_eq!(entries(&forward).unwrap(), written.collect(), "every entry, byte for byte");
        assert!(matches!(document(changes[1..].to_vec()), Err(FoldError::Missing(1))));
    }
}
