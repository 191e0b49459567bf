//! The lines of a scenario, as bytes: written by hand because a national day has 700,000 of them.

use std::io::{self, Write};

use chrono::{DateTime, NaiveDate};

/// Seconds that Taipei is ahead of UTC.
pub(super) const TAIPEI_S: i64 = 8 * 3600;

/// A document as a line shows it.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) kind: &'a str,
    pub(super) number: &'a dyn std::fmt::Display,
    pub(super) birth: NaiveDate,
}

/// A slot as a line names it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) venue: &'a str,
    pub(super) date: NaiveDate,
    pub(super) start: &'a str,
}

/// Writes lines and counts them.
#[derive(Debug)]
pub(super) struct Lines<W> {
    out: W,
    at: (i64, String),
    /// How many so far.
    pub(super) written: u64,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, at: (i64::MIN, String::new()), written: 0 }
    }

    /// Starts a line: `at` is seconds since 1970 (UTC).
    fn begin(&mut self, at: i64, deed: &str) -> io::Result<()> {
        if self.at.0 != at {
            let local = DateTime::from_timestamp(at + TAIPEI_S, 0).unwrap_or_default();
            self.at = (at, local.format("%Y-%m-%dT%H:%M:%S+08:00").to_string());
        }
        self.written += 1;
        write!(self.out, r#"{{"at":"{}","do":"{deed}""#, self.at.1)
    }

    pub(super) fn programme(&mut self, at: i64, name: &str) -> io::Result<()> {
        self.begin(at, "programme")?;
        writeln!(self.out, r#","programme":"{name}"}}"#)
    }

    pub(super) fn arrive(&mut self, at: i64, site: &str, adult: u64, child: u64) -> io::Result<()> {
        self.begin(at, "arrive")?;
        writeln!(self.out, r#","site":"{site}","adult":{adult},"child":{child}}}"#)
    }

    pub(super) fn sell(
        &mut self,
        at: i64,
        site: &str,
        refer: u64,
        document: Document<'_>,
        pieces: (u32, u32),
    ) -> io::Result<()> {
        self.begin(at, "sell")?;
        let Document { kind, number, birth } = document;
        let (adult, child) = pieces;
        writeln!(
            self.out,
            r#","site":"{site}","ref":"s{refer}","document":{{"kind":"{kind}","number":"{number}","birth":"{birth}"}},"adult":{adult},"child":{child}}}"#
        )
    }

    pub(super) fn withdraw(&mut self, at: i64, site: &str, refer: &str) -> io::Result<()> {
        self.begin(at, "withdraw")?;
        writeln!(self.out, r#","site":"{site}","ref":"{refer}"}}"#)
    }

    /// `cut`, `heal` or `crash`.
    pub(super) fn state(&mut self, at: i64, site: &str, deed: &str) -> io::Result<()> {
        self.begin(at, deed)?;
        writeln!(self.out, r#","site":"{site}"}}"#)
    }

    pub(super) fn clock(&mut self, at: i64, site: &str, offset_s: i64) -> io::Result<()> {
        self.begin(at, "clock")?;
        writeln!(self.out, r#","site":"{site}","offset_s":{offset_s}}}"#)
    }

    pub(super) fn open(&mut self, at: i64, place: Place<'_>, brand: &str, capacity: u64) -> io::Result<()> {
        self.begin(at, "open")?;
        let Place { venue, date, start } = place;
        writeln!(
            self.out,
            r#","venue":"{venue}","date":"{date}","slot":"{start}","brand":"{brand}","capacity":{capacity}}}"#
        )
    }

    pub(super) fn eligible(&mut self, at: i64, document: Document<'_>, round: u32) -> io::Result<()> {
        self.begin(at, "eligible")?;
        let Document { kind, number, birth } = document;
        writeln!(
            self.out,
            r#","document":{{"kind":"{kind}","number":"{number}","birth":"{birth}"}},"round":"vaccine-2021-r{round}"}}"#
        )
    }

    pub(super) fn book(
        &mut self,
        at: i64,
        (site, refer): (&str, u64),
        document: Document<'_>,
        (name, mobile): (&str, &str),
        place: Place<'_>,
    ) -> io::Result<()> {
        self.begin(at, "book")?;
        let Document { kind, number, birth } = document;
        let Place { venue, date, start } = place;
        writeln!(
            self.out,
            r#","site":"{site}","ref":"b{refer}","document":{{"kind":"{kind}","number":"{number}","birth":"{birth}"}},"name":"{name}","mobile":"{mobile}","venue":"{venue}","date":"{date}","slot":"{start}"}}"#
        )
    }

    pub(super) fn cancel(&mut self, at: i64, site: &str, refer: &str) -> io::Result<()> {
        self.begin(at, "cancel")?;
        writeln!(self.out, r#","site":"{site}","ref":"{refer}"}}"#)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
