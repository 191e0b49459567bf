//! Reads TOML values with their lines, so that every fault names its field.
//!
//! Written over `toml`'s own tree rather than serde: a derived reader names a
//! line only for some faults, and a missing field of a sub-table by none.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::bad::{BadVersion, Shape, Why};
use super::{Text, VERSION_BYTES_MAX};

/// How much of a wrong value a message repeats.
const QUOTED_CHARS_MAX: usize = 40;

/// One line of 口罩購買說明.
const NOTICE_CHARS_MAX: usize = 400;
/// Lines of 口罩購買說明.
const NOTICES_MAX: usize = 20;
/// The years in which a version or a round may begin.
const RULE_YEARS: RangeInclusive<i32> = 2000..=2200;

/// Reads a whole file; what `read` leaves is unknown.
pub(in crate::rules) fn file<T>(
    text: &str,
    read: impl FnOnce(&mut Fields<'_>) -> Result<T, BadVersion>,
) -> Result<T, BadVersion> {
    if text.len() > VERSION_BYTES_MAX {
        return Err(not_toml(1, "more than 65536 bytes"));
    }
    let table = DeTable::parse(text)
        .map_err(|cause| not_toml(line_at(text, cause.span().map_or(0, |span| span.start)), cause.message()))?;
    let mut file = Fields::of_file(text, table.get_ref());
    let read = read(&mut file)?;
    file.finish()?;
    Ok(read)
}

fn not_toml(line: usize, words: &str) -> BadVersion {
    let words = words.lines().next().unwrap_or_default().chars().take(100).collect();
    BadVersion { line, field: "(toml)".to_owned(), why: Why::Syntax(words) }
}

/// A table whose fields are taken one by one; what is left at the end is unknown.
pub(in crate::rules) struct Fields<'t> {
    path: String,
    line: usize,
    left: Vec<Field<'t>>,
}

/// One value with its name and line.
pub(in crate::rules) struct Field<'t> {
    text: &'t str,
    name: String,
    path: String,
    line: usize,
    value: &'t DeValue<'t>,
}

impl<'t> Fields<'t> {
    /// The whole file.
    pub(in crate::rules) fn of_file(text: &'t str, table: &'t DeTable<'t>) -> Self {
        Self::new(text, String::new(), 1, table)
    }

    fn new(text: &'t str, path: String, line: usize, table: &'t DeTable<'t>) -> Self {
        let left = table.iter().map(|(key, value)| Field::new(text, &path, key, value)).collect();
        Self { path, line, left }
    }

    /// A field that may be absent.
    pub(in crate::rules) fn take(&mut self, name: &str) -> Option<Field<'t>> {
        let at = self.left.iter().position(|field| field.name == name)?;
        Some(self.left.swap_remove(at))
    }

    /// A field that must be there.
    pub(in crate::rules) fn need(&mut self, name: &str) -> Result<Field<'t>, BadVersion> {
        self.take(name).ok_or_else(|| self.fault(name, Why::Missing))
    }

    /// All that are left, whatever they are called.
    pub(in crate::rules) fn take_all(&mut self) -> Vec<Field<'t>> {
        std::mem::take(&mut self.left)
    }

    /// A fault of a field that is not there.
    pub(in crate::rules) fn fault(&self, name: &str, why: Why) -> BadVersion {
        BadVersion { line: self.line, field: join(&self.path, name), why }
    }

    /// Every field was taken: the first that was not is unknown.
    pub(in crate::rules) fn finish(self) -> Result<(), BadVersion> {
        match self.left.iter().min_by_key(|field| field.line) {
            Some(field) => Err(field.fault(Why::Unknown)),
            None => Ok(()),
        }
    }
}

impl<'t> Field<'t> {
    fn new(
        text: &'t str,
        parent: &str,
        key: &Spanned<std::borrow::Cow<'t, str>>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Self {
        let name = key.get_ref().to_string();
        let path = join(parent, &name);
        Self { text, name, path, line: line_at(text, key.span().start), value: value.get_ref() }
    }

    /// What it is called.
    pub(in crate::rules) fn name(&self) -> &str {
        &self.name
    }

    /// A fault of this field.
    pub(in crate::rules) fn fault(&self, why: Why) -> BadVersion {
        BadVersion { line: self.line, field: self.path.clone(), why }
    }

    fn shape(&self, shape: Shape) -> BadVersion {
        self.fault(Why::Shape(shape))
    }

    /// A table.
    pub(in crate::rules) fn fields(&self) -> Result<Fields<'t>, BadVersion> {
        let table = self.value.as_table().ok_or_else(|| self.shape(Shape::Table))?;
        Ok(Fields::new(self.text, self.path.clone(), self.line, table))
    }

    /// A list of at most `most`, each named with its place from 1.
    pub(in crate::rules) fn list(&self, most: usize) -> Result<Vec<Field<'t>>, BadVersion> {
        let list = self.value.as_array().ok_or_else(|| self.shape(Shape::List))?;
        if list.len() > most {
            return Err(self.fault(Why::TooLong { most }));
        }
        Ok(list.iter().zip(1..).map(|(value, place)| self.member(place, value)).collect())
    }

    fn member(&self, place: u32, value: &'t Spanned<DeValue<'t>>) -> Self {
        let name = place.to_string();
        // A table of a list ([[notices]]) has its line at its header.
        let line = line_at(self.text, value.span().start).max(self.line);
        Self { text: self.text, path: join(&self.path, &name), name, line, value: value.get_ref() }
    }

    /// A text with something in it.
    pub(in crate::rules) fn words(&self, chars_max: usize) -> Result<&'t str, BadVersion> {
        let text = self.value.as_str().ok_or_else(|| self.shape(Shape::Text))?;
        if text.trim().is_empty() {
            return Err(self.fault(Why::Empty));
        }
        if text.chars().count() > chars_max {
            return Err(self.fault(Why::TooLong { most: chars_max }));
        }
        Ok(text)
    }

    /// A whole number within bounds.
    pub(in crate::rules) fn number(&self, bounds: RangeInclusive<u32>) -> Result<u32, BadVersion> {
        let digits = self.value.as_integer().ok_or_else(|| self.shape(Shape::Number))?;
        let is = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let fits = is.and_then(|is| u32::try_from(is).ok()).filter(|is| bounds.contains(is));
        let (low, high) = (i64::from(*bounds.start()), i64::from(*bounds.end()));
        fits.ok_or_else(|| self.fault(Why::Range { low, high, is }))
    }

    /// true or false.
    pub(in crate::rules) fn flag(&self) -> Result<bool, BadVersion> {
        self.value.as_bool().ok_or_else(|| self.shape(Shape::Flag))
    }

    /// A day or a moment as it is written: in quotation marks, or as TOML's own.
    pub(in crate::rules) fn date_text(&self) -> Result<String, BadVersion> {
        Ok(match self.value.as_datetime() {
            Some(date) => date.to_string(),
            None => self.value.as_str().ok_or_else(|| self.shape(Shape::Text))?.to_owned(),
        })
    }

    /// The same words in both languages.
    pub(in crate::rules) fn text(&self, chars_max: usize) -> Result<Text, BadVersion> {
        let mut fields = self.fields()?;
        let zh = fields.need("zh")?.words(chars_max)?.to_owned();
        let en = fields.need("en")?.words(chars_max)?.to_owned();
        fields.finish()?;
        Ok(Text { zh, en })
    }

    /// Lines that stay visible on a page (M21).
    pub(in crate::rules) fn notices(&self) -> Result<Vec<Text>, BadVersion> {
        self.list(NOTICES_MAX)?.iter().map(|line| line.text(NOTICE_CHARS_MAX)).collect()
    }

    /// A day on which rules can begin: no slip such as 0020-02-06.
    pub(in crate::rules) fn rule_day(&self) -> Result<NaiveDate, BadVersion> {
        let day = self.day()?;
        if RULE_YEARS.contains(&day.year()) {
            return Ok(day);
        }
        let (low, high) = (i64::from(*RULE_YEARS.start()), i64::from(*RULE_YEARS.end()));
        Err(self.fault(Why::Range { low, high, is: Some(i64::from(day.year())) }))
    }

    /// A day: `"2020-02-06"`, or TOML's own date without quotation marks.
    pub(in crate::rules) fn day(&self) -> Result<NaiveDate, BadVersion> {
        let text = self.date_text()?;
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        // One spelling for one day.
        day.filter(|day| day.to_string() == text).ok_or_else(|| self.fault(Why::Day(quoted(&text))))
    }

    /// One of a closed list of words.
    pub(in crate::rules) fn choice<T>(
        &self,
        one_of: &'static str,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, BadVersion> {
        let text = self.value.as_str().ok_or_else(|| self.shape(Shape::Text))?;
        find(text).ok_or_else(|| self.fault(Why::Choice { one_of, is: quoted(text) }))
    }

    /// A programme's or a version's name.
    pub(in crate::rules) fn id<T: std::str::FromStr>(&self) -> Result<T, BadVersion> {
        let text = self.value.as_str().ok_or_else(|| self.shape(Shape::Text))?;
        text.parse().map_err(|_| self.fault(Why::Name(quoted(text))))
    }
}

/// The line, from 1, of a place in the text.
fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|c| *c == b'\n').count()
}

fn join(parent: &str, name: &str) -> String {
    let name: String = name.chars().take(QUOTED_CHARS_MAX).collect();
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}
