//! The scenario's lines.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate};
use serde::Deserialize;
use serde_json::Value;
use shared::entry::booking::{BadName, Brands, Start, VenueId};
use shared::ids::SiteCode;
use shared::rules::programme;

/// One line.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Ask {
    /// The hub publishes a version.
    Programme {
        /// A shipped version's name, a TOML text, or the whole version as an object.
        programme: Value,
    },
    /// Goods arrive.
    Arrive {
        /// Where.
        site: Site,
        /// How many.
        adult: u32,
        /// How many.
        child: u32,
    },
    /// Somebody asks to buy.
    Sell(Sell),
    /// An earlier sale is taken back.
    Withdraw {
        /// Where.
        site: Site,
        /// Which.
        r#ref: String,
    },
    /// The line goes down.
    Cut {
        /// Whose.
        site: Site,
    },
    /// The line comes up.
    Heal {
        /// Whose.
        site: Site,
    },
    /// The wall clock is set.
    Clock {
        /// Whose.
        site: Site,
        /// Off true time by this.
        offset_s: i64,
    },
    /// kill -9 and a new start.
    Crash {
        /// Whose.
        site: Site,
    },
    /// A slot has so many places.
    Open(Open),
    /// Somebody is put on a round's list.
    Eligible {
        /// Who.
        document: Document,
        /// Which round: a name or a number.
        round: Value,
    },
    /// Somebody asks for a place.
    Book(Box<Book>),
    /// An earlier booking is taken back.
    Cancel {
        /// Where.
        site: Site,
        /// Which.
        r#ref: String,
    },
}

/// A slot that is opened.
#[derive(Debug, Deserialize)]
pub struct Open {
    /// Where.
    pub venue: Parsed<VenueId>,
    /// On which day.
    pub date: NaiveDate,
    /// From when on: `10:00`.
    pub slot: Parsed<Start>,
    /// Which vaccines.
    pub brand: Parsed<Brands>,
    /// People.
    pub capacity: u32,
}

/// A place that is asked for.
#[derive(Debug, Deserialize)]
pub struct Book {
    /// Where somebody asks.
    pub site: Site,
    /// The scenario's name for it.
    pub r#ref: String,
    /// Whose.
    pub document: Document,
    /// 姓名.
    #[serde(default)]
    pub name: String,
    /// 手機號碼.
    #[serde(default)]
    pub mobile: String,
    /// Where they would go.
    pub venue: Parsed<VenueId>,
    /// On which day.
    pub date: NaiveDate,
    /// From when on.
    pub slot: Parsed<Start>,
}

/// A name that has been looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String", bound(deserialize = "T: FromStr<Err = BadName>"))]
pub struct Parsed<T>(pub T);

impl<T: FromStr<Err = BadName>> TryFrom<String> for Parsed<T> {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse().map(Self)
    }
}

/// A sale that is asked for.
#[derive(Debug, Deserialize)]
pub struct Sell {
    /// Where.
    pub site: Site,
    /// The scenario's name for it.
    pub r#ref: String,
    /// The buyer's document.
    pub document: Document,
    /// Pieces.
    #[serde(default)]
    pub adult: i64,
    /// Pieces.
    #[serde(default)]
    pub child: i64,
    /// Which programme, where several are in force.
    #[serde(default)]
    pub programme: Option<String>,
}

/// A document as the scenario writes it.
#[derive(Debug, Deserialize)]
pub struct Document {
    /// 01 to 05.
    pub kind: String,
    /// Its number.
    pub number: String,
    /// The birth date.
    pub birth: String,
}

/// A site code that has been looked at.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct Site(pub SiteCode);

impl TryFrom<String> for Site {
    type Error = shared::ids::BadId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[derive(Deserialize)]
struct Timed {
    at: String,
}

/// A line's time in milliseconds since 1970, and what it asks.
///
/// # Errors
/// What is wrong with the line.
pub fn parse(line: &str) -> Result<(i64, Ask), String> {
    let timed: Timed = serde_json::from_str(line).map_err(|cause| cause.to_string())?;
    let at = DateTime::parse_from_rfc3339(&timed.at).map_err(|cause| format!("at {:?}: {cause}", timed.at))?;
    let ask = serde_json::from_str(line).map_err(|cause| cause.to_string())?;
    Ok((at.timestamp_millis(), ask))
}

/// The TOML text of a version.
///
/// # Errors
/// What is wrong with it.
pub fn version_text(programme: &Value) -> Result<String, String> {
    match programme {
        Value::String(name) if name.contains('\n') => Ok(name.clone()),
        Value::String(name) => programme::shipped_text(name)
            .map(ToOwned::to_owned)
            .ok_or_else(|| format!("programme {name:?} is not shipped")),
        Value::Object(_) => toml::to_string(programme).map_err(|cause| format!("programme: {cause}")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err("programme: neither a name nor a version".to_owned())
        }
    }
}
