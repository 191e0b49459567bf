//! What a scenario's lines and an output's lines say, parsed with nothing but the contract in `docs/replay.md`.

use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, NaiveDate};
use serde::Deserialize;

use super::places::{self, Slot};

/// A line of a scenario.
#[derive(Debug)]
pub(super) struct Line {
    /// Seconds since 1970 (UTC).
    pub(super) at: i64,
    pub(super) deed: Deed,
}

/// What a line does.
#[derive(Debug)]
pub(super) enum Deed {
    Programme(String),
    Arrive { site: String, pieces: Pieces },
    Sell(Ask),
    Withdraw { site: String, refer: String },
    Cut(String),
    Heal(String),
    Crash(String),
    Clock { site: String, offset_s: i64 },
    Open { slot: Slot, capacity: i64 },
    Eligible(Document),
    Book(Box<places::Ask>),
    Cancel { site: String, refer: String },
}

/// Adult and child masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) struct Pieces {
    pub(super) adult: i64,
    pub(super) child: i64,
}

/// A purchase that is asked for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) site: String,
    pub(super) refer: String,
    pub(super) document: Document,
    pub(super) pieces: Pieces,
}

/// As it was shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Document {
    pub(super) kind: String,
    pub(super) number: String,
    pub(super) birth: String,
}

#[derive(Deserialize)]
struct RawLine {
    at: String,
    #[serde(rename = "do")]
    deed: String,
    programme: Option<serde_json::Value>,
    site: Option<String>,
    #[serde(rename = "ref")]
    refer: Option<String>,
    document: Option<Document>,
    adult: Option<u32>,
    child: Option<u32>,
    offset_s: Option<i64>,
    venue: Option<String>,
    date: Option<String>,
    slot: Option<String>,
    capacity: Option<i64>,
    name: Option<String>,
    mobile: Option<String>,
}

impl Line {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let raw: RawLine = serde_json::from_str(text)?;
        let at = DateTime::parse_from_rfc3339(&raw.at).with_context(|| format!("at {:?}", raw.at))?.timestamp();
        let site = raw.site.ok_or_else(|| anyhow!("no site"));
        let refer = raw.refer.ok_or_else(|| anyhow!("no ref"));
        let slot = match (raw.venue, raw.date, raw.slot) {
            (Some(venue), Some(date), Some(start)) => Ok(Slot { venue, date, start }),
            _ => Err(anyhow!("no venue, date or slot")),
        };
        let pieces = Pieces { adult: raw.adult.unwrap_or(0).into(), child: raw.child.unwrap_or(0).into() };
        let deed = match raw.deed.as_str() {
            "programme" => {
                let programme = raw.programme.context("no programme")?;
                let name = programme.as_str().context("the oracle knows shipped versions only, by name")?;
                Deed::Programme(name.to_owned())
            }
            "arrive" => Deed::Arrive { site: site?, pieces },
            "sell" => {
                Deed::Sell(Ask { site: site?, refer: refer?, document: raw.document.context("no document")?, pieces })
            }
            "withdraw" => Deed::Withdraw { site: site?, refer: refer? },
            "cut" => Deed::Cut(site?),
            "heal" => Deed::Heal(site?),
            "crash" => Deed::Crash(site?),
            "clock" => Deed::Clock { site: site?, offset_s: raw.offset_s.context("no offset_s")? },
            "open" => Deed::Open { slot: slot?, capacity: raw.capacity.context("no capacity")? },
            "eligible" => Deed::Eligible(raw.document.context("no document")?),
            "book" => Deed::Book(Box::new(places::Ask {
                site: site?,
                refer: refer?,
                document: raw.document.context("no document")?,
                slot: slot?,
                contact: (raw.name.unwrap_or_default(), raw.mobile.unwrap_or_default()),
            })),
            "cancel" => Deed::Cancel { site: site?, refer: refer? },
            other => bail!("unknown deed {other:?}"),
        };
        Ok(Self { at, deed })
    }
}

/// A line of the output; which fields it has says what it is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Output {
    #[serde(rename = "ref")]
    pub(super) refer: Option<String>,
    pub(super) verdict: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) next: Option<NaiveDate>,
    pub(super) case: Option<serde_json::Value>,
    pub(super) programme: Option<String>,
    pub(super) refs: Option<Vec<String>>,
    pub(super) over: Option<Vec<String>>,
    pub(super) site: Option<String>,
    pub(super) stock: Option<Pieces>,
    pub(super) number: Option<String>,
    pub(super) venue: Option<serde_json::Value>,
    pub(super) date: Option<serde_json::Value>,
    pub(super) slot: Option<serde_json::Value>,
    pub(super) booked: Option<i64>,
    pub(super) capacity: Option<i64>,
    pub(super) summary: Option<serde_json::Value>,
}
