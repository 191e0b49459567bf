//! Reads TOML values with their lines, so that every fault names its field.
//!
//! Written over `toml`'s own tree rather than serde: a derived reader names a
//! line only for some faults, and a missing field of a sub-table by none.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::bad::{BadVersion, Shape, Why};

/// How much of a wrong value a message repeats.
const QUOTED_CHARS_MAX: usize = 40;

/// A table whose fields are taken one by one; what is left at the end is unknown.
pub(super) struct Fields<'t> {
    path: String,
    line: usize,
    left: Vec<Field<'t>>,
}

/// One value with its name and line.
pub(super) struct Field<'t> {
    text: &'t str,
    name: String,
    path: String,
    line: usize,
    value: &'t DeValue<'t>,
}

impl<'t> Fields<'t> {
    /// The whole file.
    pub(super) fn of_file(text: &'t str, table: &'t DeTable<'t>) -> Self {
        Self::new(text, String::new(), 1, table)
    }

    fn new(text: &'t str, path: String, line: usize, table: &'t DeTable<'t>) -> Self {
        let left = table.iter().map(|(key, value)| Field::new(text, &path, key, value)).collect();
        Self { path, line, left }
    }

    /// A field that may be absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Field<'t>> {
        let at = self.left.iter().position(|field| field.name == name)?;
        Some(self.left.swap_remove(at))
    }

    /// A field that must be there.
    pub(super) fn need(&mut self, name: &str) -> Result<Field<'t>, BadVersion> {
        self.take(name).ok_or_else(|| self.fault(name, Why::Missing))
    }

    /// A fault of a field that is not there.
    pub(super) fn fault(&self, name: &str, why: Why) -> BadVersion {
        BadVersion { line: self.line, field: join(&self.path, name), why }
    }

    /// Every field was taken: the first that was not is unknown.
    pub(super) fn finish(self) -> Result<(), BadVersion> {
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

    /// A fault of this field.
    pub(super) fn fault(&self, why: Why) -> BadVersion {
        BadVersion { line: self.line, field: self.path.clone(), why }
    }

    fn shape(&self, shape: Shape) -> BadVersion {
        self.fault(Why::Shape(shape))
    }

    /// A table.
    pub(super) fn fields(&self) -> Result<Fields<'t>, BadVersion> {
        let table = self.value.as_table().ok_or_else(|| self.shape(Shape::Table))?;
        Ok(Fields::new(self.text, self.path.clone(), self.line, table))
    }

    /// A list of at most `most`, each named with its place from 1.
    pub(super) fn list(&self, most: usize) -> Result<Vec<Field<'t>>, BadVersion> {
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
    pub(super) fn words(&self, chars_max: usize) -> Result<&'t str, BadVersion> {
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
    pub(super) fn number(&self, bounds: RangeInclusive<u32>) -> Result<u32, BadVersion> {
        let digits = self.value.as_integer().ok_or_else(|| self.shape(Shape::Number))?;
        let is = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let fits = is.and_then(|is| u32::try_from(is).ok()).filter(|is| bounds.contains(is));
        let (low, high) = (i64::from(*bounds.start()), i64::from(*bounds.end()));
        fits.ok_or_else(|| self.fault(Why::Range { low, high, is }))
    }

    /// true or false.
    pub(super) fn flag(&self) -> Result<bool, BadVersion> {
        self.value.as_bool().ok_or_else(|| self.shape(Shape::Flag))
    }

    /// A day: `"2020-02-06"`, or TOML's own date without quotation marks.
    pub(super) fn day(&self) -> Result<NaiveDate, BadVersion> {
        let text = match self.value.as_datetime() {
            Some(date) => date.to_string(),
            None => self.value.as_str().ok_or_else(|| self.shape(Shape::Text))?.to_owned(),
        };
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        // One spelling for one day.
        day.filter(|day| day.to_string() == text).ok_or_else(|| self.fault(Why::Day(quoted(&text))))
    }

    /// One of a closed list of words.
    pub(super) fn choice<T>(
        &self,
        one_of: &'static str,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, BadVersion> {
        let text = self.value.as_str().ok_or_else(|| self.shape(Shape::Text))?;
        find(text).ok_or_else(|| self.fault(Why::Choice { one_of, is: quoted(text) }))
    }

    /// A programme's or a version's name.
    pub(super) fn id<T: std::str::FromStr>(&self) -> Result<T, BadVersion> {
        let text = self.value.as_str().ok_or_else(|| self.shape(Shape::Text))?;
        text.parse().map_err(|_| self.fault(Why::Name(quoted(text))))
    }
}

/// The line, from 1, of a place in the text.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|c| *c == b'\n').count()
}

fn join(parent: &str, name: &str) -> String {
    let name: String = name.chars().take(QUOTED_CHARS_MAX).collect();
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}
