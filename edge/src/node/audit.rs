//! Who looked up whom, and who signed in (T2): written down before the answer, linked, kept for ever.
//!
//! What was sold, counted, granted and taken back stands with its author in the ledger, which is linked and signed
//! itself; here stands what leaves no entry.

use shared::audit::{Deed, Link, Linked, Record};

use super::access::Acting;
use super::ask::DocumentText;
use super::sale::parse;
use super::{Node, NodeError};
use crate::clock::Reading;

/// A stretch of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPart {
    /// JSON, a record a line.
    pub lines: Vec<String>,
    /// The number of the last one; `None` at the end.
    pub upto: Option<u64>,
}

impl Node {
    /// Writes down what somebody did; nobody but the folder's own programs goes unwritten.
    ///
    /// # Errors
    /// Where the store fails, or its audit is not the one that was written.
    pub fn note(&mut self, deed: &str, about: &str, note: &str, reading: Reading) -> Result<(), NodeError> {
        let who = match &self.acting {
            Acting::Folder => return Ok(()),
            Acting::Shell => "shell".to_owned(),
            Acting::Nobody => "counter".to_owned(),
            Acting::Person { id, name } => format!("{name} {id}"),
        };
        self.check_running()?;
        let (at, _) = self.today(reading);
        let (number, previous) = self.audit_end()?;
        let record = Record::new(number + 1, at.second, Deed { who: &who, deed, about, note });
        let linked = record.linked(previous);
        let put = self.store.put_audit(&linked);
        self.promised(put)?;
        self.audit_last = Some((linked.record.number, linked.link));
        Ok(())
    }

    /// Somebody is looked up: by a mask for people, and the handle under which this site finds them again.
    ///
    /// # Errors
    /// As [`Self::note`].
    pub fn note_looked_up(
        &mut self,
        deed: &str,
        document: &DocumentText,
        found: &str,
        reading: Reading,
    ) -> Result<(), NodeError> {
        let (_, today) = self.today(reading);
        // What is no document is nobody's.
        let Some(document) = parse(document, today).ok().filter(|_| self.acting != Acting::Folder) else {
            return Ok(());
        };
        let about = format!("{} {}", document.masked(), self.keys.tag(&document.person()));
        let note = format!("{} {found}", document.reading().code());
        self.note(deed, &about, &note, reading)
    }

    fn audit_end(&mut self) -> Result<(u64, Link), NodeError> {
        if let Some(last) = self.audit_last {
            return Ok(last);
        }
        let end = self.store.audit_end()?;
        let last = end.map(|row| row.linked().ok_or(NodeError::Altered { what: "the end of the audit" }));
        let last = last.transpose()?.map_or((0, Link::FIRST), |last| (last.record.number, last.link));
        self.audit_last = Some(last);
        Ok(last)
    }

    /// Some records behind a number.
    ///
    /// # Errors
    /// Where the store fails or a row is no record.
    pub fn audit(&self, after: u64, limit: u32) -> Result<AuditPart, NodeError> {
        let first = after.saturating_sub(1);
        let mut previous = match after {
            0 => Link::FIRST,
            _ => self.audit_rows(first, 1)?.first().map_or(Link::FIRST, |last| last.link),
        };
        let mut part = AuditPart { lines: Vec::new(), upto: None };
        for linked in self.audit_rows(after, limit)? {
            part.lines.push(linked.json_line(previous));
            (previous, part.upto) = (linked.link, Some(linked.record.number));
        }
        Ok(part)
    }

    fn audit_rows(&self, after: u64, limit: u32) -> Result<Vec<Linked>, NodeError> {
        let rows = self.store.audit_behind(after, limit)?;
        rows.iter().map(|row| row.linked().ok_or(NodeError::Altered { what: "a record of the audit" })).collect()
    }
}
