//! An audit: who did what to whose file, one record after the other, each linked to the one before by its hash, so that
//! no record can be changed, taken out or put in unnoticed (RELIABILITY T2, T13). Edge and hub keep theirs in this form.
//!
//! The form is plain text, for anybody to check with `sha256sum` (docs/operating.md):
//!
//! ```text
//! link = SHA-256 of   the link before, 64 hex digits (64 zeros before the first)   LF
//!                     number LF  second LF  who LF  deed LF  about LF  note LF
//! ```
//!
//! No field holds a line end, and none a person's whole number: a text in which one stands is not taken over.

use std::fmt;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

use crate::rules::identity::holds_number;

/// Longest `who`, in bytes; a longer one is cut.
pub const WHO_BYTES_MAX: usize = 96;
/// Longest `deed`, in bytes.
pub const DEED_BYTES_MAX: usize = 40;
/// Longest `about`, in bytes.
pub const ABOUT_BYTES_MAX: usize = 128;
/// Longest `note`, in bytes.
pub const NOTE_BYTES_MAX: usize = 400;
/// Stands in place of a text in which a person's number stood.
pub const HIDDEN: &str = "（含證號，未記錄）";

const FIELDS: usize = 6;

/// What is to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed<'a> {
    /// Who did it.
    pub who: &'a str,
    /// What: a code that never changes its meaning.
    pub deed: &'a str,
    /// To what or whom: a name, a masked number, or a keyed handle such as a case's id.
    pub about: &'a str,
    /// What else is to be known.
    pub note: &'a str,
}

/// A line of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// 1, 2, 3 …
    pub number: u64,
    /// When, seconds since 1970.
    pub second: i64,
    /// Who did it.
    pub who: String,
    /// What: a code that never changes its meaning.
    pub deed: String,
    /// To what or whom; never a whole number of a person.
    pub about: String,
    /// What else is to be known.
    pub note: String,
}

/// Stands for a record and all before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link(pub [u8; 32]);

/// A record with its link, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The record.
    pub record: Record,
    /// Its link.
    pub link: Link,
}

/// The first record that is not as it was written, is missing, or is out of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record {number} of the audit is not the one that was written")]
pub struct Broken {
    /// Its number.
    pub number: u64,
}

/// Bytes that are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no record of an audit")]
pub struct BadRecord;

impl Link {
    /// What stands before the first record.
    pub const FIRST: Self = Self([0; 32]);

    /// Of the next record, by its bytes.
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(self.to_string().as_bytes());
        hash.update(b"\n");
        hash.update(bytes);
        let mut out = [0; 32];
        out.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(out)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

impl Record {
    /// A line of its own: line ends and other control characters become blanks, what is too long is cut, and a text that
    /// holds a person's number is left out.
    #[must_use]
    pub fn new(number: u64, second: i64, deed: Deed<'_>) -> Self {
        Self {
            number,
            second,
            who: clean(deed.who, WHO_BYTES_MAX),
            deed: clean(deed.deed, DEED_BYTES_MAX),
            about: clean(deed.about, ABOUT_BYTES_MAX),
            note: clean(deed.note, NOTE_BYTES_MAX),
        }
    }

    /// The bytes that are hashed and kept.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let Self { number, second, who, deed, about, note } = self;
        format!("{number}\n{second}\n{who}\n{deed}\n{about}\n{note}\n").into_bytes()
    }

    /// Reads [`Self::bytes`] again.
    ///
    /// # Errors
    /// Where they are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadRecord> {
        let text = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('\n')).ok_or(BadRecord)?;
        let fields: [&str; FIELDS] = text.split('\n').collect::<Vec<_>>().try_into().map_err(|_| BadRecord)?;
        let [number, second, who, deed, about, note] = fields.map(str::to_owned);
        let (number, second) = (number.parse().map_err(|_| BadRecord)?, second.parse().map_err(|_| BadRecord)?);
        let record = Self { number, second, who, deed, about, note };
        // Of one record there is one form.
        if record.bytes() == bytes { Ok(record) } else { Err(BadRecord) }
    }

    /// With its link behind `previous`.
    #[must_use]
    pub fn linked(self, previous: Link) -> Linked {
        Linked { link: previous.with(&self.bytes()), record: self }
    }
}

impl Linked {
    /// A line of an export: JSON, with the link before, so that each line can be checked by itself.
    #[must_use]
    pub fn json_line(&self, previous: Link) -> String {
        let Record { number, second, who, deed, about, note } = &self.record;
        let [who, deed, about, note] = [who, deed, about, note].map(|text| quoted(text));
        format!(
            "{{\"number\":{number},\"second\":{second},\"who\":{who},\"deed\":{deed},\"about\":{about},\
             \"note\":{note},\"previous\":\"{previous}\",\"link\":\"{}\"}}",
            self.link
        )
    }
}

/// Follows the chain from the record behind `after` (a number and its link; 0 and [`Link::FIRST`] for all): each number
/// is one more than the last, each link that of its record. Gives the last number and its link.
///
/// # Errors
/// The first record that is not the one that was written.
pub fn verify(after: (u64, Link), records: impl IntoIterator<Item = Linked>) -> Result<(u64, Link), Broken> {
    let (mut number, mut link) = after;
    for Linked { record, link: kept } in records {
        number += 1;
        link = link.with(&record.bytes());
        if record.number != number || kept != link {
            return Err(Broken { number });
        }
    }
    Ok((number, link))
}

fn clean(text: &str, bytes_max: usize) -> String {
    if holds_number(text) {
        return HIDDEN.to_owned();
    }
    let mut out = String::new();
    for c in text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > bytes_max {
            break;
        }
        out.push(c);
    }
    out
}

/// As JSON has it; control characters are in no record that we wrote.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<Linked> {
        let deeds =
            [("alice", "sign-in", "", ""), ("alice", "case", "00ff", "\"why\" \\ 原因"), ("鮑伯", "sign-out", "", "")];
        let mut out: Vec<Linked> = Vec::new();
        for (number, (who, deed, about, note)) in (1..).zip(deeds) {
            let record = Record::new(number, 1_580_950_800, Deed { who, deed, about, note });
            let previous = out.last().map_or(Link::FIRST, |last| last.link);
            out.push(record.linked(previous));
        }
        out
    }

    fn all(records: &[Linked]) -> Result<(u64, Link), Broken> {
        verify((0, Link::FIRST), records.to_vec())
    }

    #[test]
    fn a_chain_holds_and_can_be_taken_up_in_its_middle() {
        let records = chain();
        let last = (3, records[2].link);
        assert_eq!(all(&records), Ok(last));
        assert_eq!(verify((1, records[0].link), records[1..].to_vec()), Ok(last));
        assert_eq!(verify((0, Link::FIRST), Vec::new()), Ok((0, Link::FIRST)));
    }

    #[test]
    fn the_first_record_that_was_changed_removed_moved_or_put_in_is_named() {
        let broken = |number| Err(Broken { number });
        for field in 0..5 {
            let mut records = chain();
            let record = &mut records[1].record;
            match field {
                0 => record.second += 1,
                1 => record.who.push('x'),
                2 => record.deed.push('x'),
                3 => record.about.clear(),
                _ => record.note.clear(),
            }
            assert_eq!(all(&records), broken(2), "field {field}");
        }
        let mut gone = chain();
        gone.remove(0);
        assert_eq!(all(&gone), broken(1));
        let mut moved = chain();
        moved.swap(1, 2);
        assert_eq!(all(&moved), broken(2));
        let mut twice = chain();
        twice.insert(2, twice[1].clone());
        assert_eq!(all(&twice), broken(3));
        let mut renumbered = chain();
        renumbered.remove(1);
        renumbered[1].record.number = 2;
        assert_eq!(all(&renumbered), broken(2), "another number is another record");
        let mut relinked = chain();
        relinked[2].link = Link::FIRST;
        assert_eq!(all(&relinked), broken(3));
    }

    /// An audit of today must be checked for ever: `printf '%s\n' 000…0 1 1580950800 alice sign-in '' '' | sha256sum`.
    #[test]
    fn the_links_are_what_sha256sum_says() {
        let link = chain()[0].link.to_string();
        assert_eq!(link, "8657852ede76ce8e4fb7ed837fd1b49664d2809ce17b358049f6d50d489a8739");
    }

    #[test]
    fn a_record_is_read_again_and_anything_else_is_none() {
        for Linked { record, .. } in chain() {
            assert_eq!(Record::parse(&record.bytes()), Ok(record));
        }
        let bad = [
            "",
            "\n",
            "1\n2\na\nb\nc\nd",
            "1\n2\na\nb\nc\n",
            "1\n2\na\nb\nc\nd\ne\n",
            "01\n2\na\nb\nc\nd\n",
            "x\n2\na\nb\nc\nd\n",
        ];
        for bad in bad {
            assert_eq!(Record::parse(bad.as_bytes()), Err(BadRecord), "{bad:?}");
        }
        assert_eq!(Record::parse(&[0xff, b'\n']), Err(BadRecord));
    }

    #[test]
    fn no_text_breaks_a_line_and_no_number_of_a_person_is_taken_over() {
        let long = "長".repeat(500);
        let deed = Deed { who: "a\nb", deed: "x\r\ny", about: "A123456789", note: &long };
        let record = Record::new(7, -1, deed);
        assert_eq!((record.who.as_str(), record.deed.as_str()), ("a b", "x  y"));
        assert_eq!(record.about, HIDDEN);
        assert!(record.note.len() <= NOTE_BYTES_MAX && record.note.starts_with("長長"));
        assert_eq!(Record::parse(&record.bytes()), Ok(record.clone()));
        let hidden = Record::new(1, 1, Deed { who: "x", deed: "x", about: "", note: "請電0912-345-678" });
        assert_eq!(hidden.note, HIDDEN);
    }

    #[test]
    fn an_export_is_json_with_everything_that_was_hashed() {
        let records = chain();
        let line = records[1].json_line(records[0].link);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["note"], "\"why\" \\ 原因");
        assert_eq!((&value["number"], &value["second"]), (&2.into(), &1_580_950_800.into()));
        assert_eq!(value["previous"], records[0].link.to_string());
        assert_eq!(value["link"], records[1].link.to_string());
    }
}
