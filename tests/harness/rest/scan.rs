//! One pass over the bytes for all patterns at once: eight bytes roll through a filter, then a table,
//! then the pattern itself is compared.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::Datelike;
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

use super::Known;

/// Bytes by which a pattern is found; none is shorter.
const HEAD: usize = 8;
const FILTER_BITS: u32 = 22;
/// With so many letters and digits around it a pattern of digits is part of something longer.
const JOINED_MAX: usize = 8;
const ROC_YEARS: i32 = 1911;

/// What was found where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In which file, or what the caller called it.
    pub place: String,
    /// At which byte.
    pub at: usize,
    /// In which form.
    pub form: &'static str,
    /// Whose, by their place in the list.
    pub whose: usize,
}

/// How much was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files.
    pub files: usize,
    /// Bytes.
    pub bytes: usize,
    /// What was found.
    pub found: Vec<Found>,
}

#[derive(Debug)]
struct Pattern {
    bytes: Vec<u8>,
    form: &'static str,
    whose: usize,
    /// Counts only where no digit stands beside it and the word around it is short: digits alone are found in every
    /// long number and hash.
    alone: bool,
}

/// Looks for people.
#[derive(Debug)]
pub struct Scanner {
    patterns: Vec<Pattern>,
    by_head: HashMap<u64, Vec<usize>>,
    filter: Vec<u64>,
}

impl Scanner {
    /// For these people, in every form.
    #[must_use]
    pub fn new(known: &[Known]) -> Self {
        let patterns: Vec<Pattern> =
            known.iter().enumerate().flat_map(|(whose, known)| patterns(whose, known)).collect();
        let mut by_head: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut filter = vec![0u64; 1 << (FILTER_BITS - 6)];
        for (n, pattern) in patterns.iter().enumerate() {
            let head = pattern.bytes.iter().take(HEAD).fold(0, |head, byte| head << 8 | u64::from(*byte));
            by_head.entry(head).or_default().push(n);
            let bit = bit(head);
            filter[bit >> 6] |= 1 << (bit & 63);
        }
        Self { patterns, by_head, filter }
    }

    /// The names of the forms, and one pattern of each: what a test of the scanner plants.
    #[must_use]
    pub fn samples(&self) -> Vec<(&'static str, &[u8])> {
        let mut out: Vec<(&'static str, &[u8])> = Vec::new();
        for pattern in &self.patterns {
            if out.iter().all(|(form, _)| *form != pattern.form) {
                out.push((pattern.form, &pattern.bytes));
            }
        }
        out
    }

    /// How many patterns are looked for.
    #[must_use]
    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// Everything in these bytes.
    #[must_use]
    pub fn scan(&self, place: &str, bytes: &[u8]) -> Vec<Found> {
        let mut out = Vec::new();
        let mut head = 0u64;
        for (end, byte) in bytes.iter().enumerate() {
            head = head << 8 | u64::from(*byte);
            let bit = bit(head);
            if self.filter[bit >> 6] >> (bit & 63) & 1 == 0 || end + 1 < HEAD {
                continue;
            }
            let at = end + 1 - HEAD;
            for pattern in self.by_head.get(&head).into_iter().flatten().map(|n| &self.patterns[*n]) {
                if bytes[at..].starts_with(&pattern.bytes) && pattern.stands(bytes, at) {
                    out.push(Found { place: place.to_owned(), at, form: pattern.form, whose: pattern.whose });
                }
            }
        }
        out
    }

    /// Everything in a folder and the folders in it; names of files count, too.
    ///
    /// # Errors
    /// Where something cannot be read.
    pub fn scan_folder(&self, folder: &Path) -> Result<Looked> {
        let mut looked = Looked::default();
        self.walk(folder, &mut looked)?;
        Ok(looked)
    }

    fn walk(&self, folder: &Path, looked: &mut Looked) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            let place = path.display().to_string();
            looked.found.extend(self.scan(&place, place.as_bytes()));
            if kind.is_dir() {
                self.walk(&path, looked)?;
            } else if kind.is_file() {
                let bytes = fs::read(&path).with_context(|| format!("read {place}"))?;
                looked.files += 1;
                looked.bytes += bytes.len();
                looked.found.extend(self.scan(&place, &bytes));
            }
        }
        Ok(())
    }
}

impl Pattern {
    fn stands(&self, bytes: &[u8], at: usize) -> bool {
        if !self.alone {
            return true;
        }
        let (before, after) = (&bytes[..at], &bytes[at + self.bytes.len()..]);
        let beside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let joined = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).take(JOINED_MAX).count()
            + after.iter().take_while(|byte| byte.is_ascii_alphanumeric()).take(JOINED_MAX).count();
        !beside(before.last()) && !beside(after.first()) && joined < JOINED_MAX
    }
}

fn bit(head: u64) -> usize {
    usize::try_from(head.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)).unwrap_or(0)
}

fn patterns(whose: usize, known: &Known) -> Vec<Pattern> {
    let mut out = Vec::new();
    let mut add = |form, alone, bytes: Vec<u8>| out.push(Pattern { bytes, form, whose, alone });
    let number = known.number.as_bytes();
    add("number", false, number.to_vec());
    add("number, small", true, known.number.to_ascii_lowercase().into_bytes());
    add("number, UTF-16 little", false, number.iter().flat_map(|byte| [*byte, 0]).collect());
    add("number, UTF-16 big", false, number.iter().flat_map(|byte| [0, *byte]).collect());
    encoded(&mut add, ["number, hex", "number, HEX", "number, base64"], number);
    if let Some(packed) = known.packed() {
        encoded(&mut add, ["document, hex", "document, HEX", "document, base64"], &packed);
        add("document", false, packed);
    }
    let birth = known.birth;
    let roc = birth.year() - ROC_YEARS;
    add("birth date", true, birth.to_string().into_bytes());
    add("birth date, slashes", true, birth.format("%Y/%m/%d").to_string().into_bytes());
    add("birth date, digits", true, birth.format("%Y%m%d").to_string().into_bytes());
    for roc in [format!("{roc}"), format!("{roc:03}")] {
        add("birth date, ROC", true, format!("{roc}{}", birth.format("/%m/%d")).into_bytes());
    }
    add("name", false, known.name.clone().into_bytes());
    add("name, escaped", false, known.name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes());
    add("phone", true, known.phone.clone().into_bytes());
    add("phone, dashes", true, dashed(&known.phone).into_bytes());
    out
}

/// As hex of both kinds, and as base64 wherever in a longer text it begins.
fn encoded(add: &mut impl FnMut(&'static str, bool, Vec<u8>), forms: [&'static str; 3], bytes: &[u8]) {
    add(forms[0], false, HEXLOWER.encode(bytes).into_bytes());
    add(forms[1], false, HEXUPPER.encode(bytes).into_bytes());
    for shift in 0..3 {
        let text = BASE64.encode(&[&[0; 3][..shift], bytes].concat());
        // Only the characters that our bytes alone decide.
        let (first, last) = ((shift * 8).div_ceil(6), (shift + bytes.len()) * 8 / 6);
        add(forms[2], false, text.as_bytes()[first..last].to_vec());
    }
}

fn dashed(phone: &str) -> String {
    let (front, rest) = phone.split_at(4);
    let (middle, end) = rest.split_at(3);
    format!("{front}-{middle}-{end}")
}

#[cfg(test)]
mod tests {
    use super::super::people;
    use super::*;

    #[test]
    fn every_form_is_found_where_it_was_planted_and_nowhere_else() {
        let scanner = Scanner::new(&people(1, 100));
        let mut bytes = vec![b'.'; 64 * 1024];
        assert_eq!(scanner.scan("", &bytes), []);
        let samples = scanner.samples();
        assert_eq!(samples.len(), 19);
        for (n, (form, sample)) in samples.iter().enumerate() {
            let at = 1000 * (n + 1) + n;
            bytes[at..at + sample.len()].copy_from_slice(sample);
            let found = scanner.scan("", &bytes);
            assert!(found.iter().any(|found| found.form == *form && found.at == at), "{form}: {found:?}");
            bytes[at..at + sample.len()].fill(b'.');
        }
        for (text, is_found) in [("xb0910000000cy", true), ("10910000000", false), ("abcdef0910000000abcdef", false)] {
            let found = scanner.scan("", text.as_bytes());
            assert_eq!(found.iter().any(|found| found.form == "phone"), is_found, "{text}: {found:?}");
        }
        let (_, number) = samples[0];
        let whole = [number, b"xyz"].concat();
        for place in [0, 1, 2] {
            let text = BASE64.encode(&[&b"ab"[..place.min(2)], &whole].concat());
            assert!(scanner.scan("", text.as_bytes()).iter().any(|found| found.form == "number, base64"), "{text}");
        }
    }
}
