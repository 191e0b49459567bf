//! The greeting: same protocol, same encoder, same site as in the certificate.

use super::Close;
use crate::ids::{Incarnation, SiteCode};
use crate::ledger::schema::ENCODER;
use crate::wire::v1::life::EdgeLife;
use crate::wire::v1::message::{Hello, PROTOCOL, Seen, Welcome};

/// What an edge knows when it dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its site.
    pub site: SiteCode,
    /// This life of its store.
    pub incarnation: Incarnation,
    /// The hub's life that the positions belong to.
    pub hub_life: Incarnation,
    /// How far the hub's ledgers have come down.
    pub down: u64,
    /// How far the feed has come down.
    pub feed: u64,
    /// What only an edge of this version says.
    pub life: Option<EdgeLife>,
    /// When the manifest that it holds was made, 0 for none; none where it takes no digests.
    pub manifest: Option<u64>,
}

/// The edge's greeting.
#[must_use]
pub fn hello(standing: Standing) -> Hello {
    Hello {
        protocol: PROTOCOL,
        encoder: ENCODER.to_owned(),
        site: standing.site.to_string(),
        incarnation: standing.incarnation,
        hub_life: standing.hub_life,
        down: standing.down,
        feed: standing.feed,
        life: standing.life,
        manifest: standing.manifest,
    }
}

/// Whether the hub goes on with an edge whose certificate names `certified`.
///
/// # Errors
/// Where versions or names differ.
pub fn judge_hello(hello: &Hello, certified: &SiteCode) -> Result<(), Close> {
    judge_version(hello.protocol, &hello.encoder)?;
    if hello.site != certified.as_str() {
        return Err(Close::Identity { certified: certified.to_string(), said: hello.site.chars().take(20).collect() });
    }
    Ok(())
}

/// The hub's greeting, as far as every version says it.
#[must_use]
pub fn welcome(hub_life: Incarnation, second: i64, last: Option<Seen>, feed: u64) -> Welcome {
    Welcome { protocol: PROTOCOL, encoder: ENCODER.to_owned(), hub_life, second, last, feed, life: None }
}

/// Whether the edge goes on.
///
/// # Errors
/// Where versions differ.
pub fn judge_welcome(welcome: &Welcome) -> Result<(), Close> {
    judge_version(welcome.protocol, &welcome.encoder)
}

fn judge_version(protocol: u32, encoder: &str) -> Result<(), Close> {
    if protocol == PROTOCOL && encoder == ENCODER {
        return Ok(());
    }
    let encoder: String = encoder.chars().take(60).collect();
    Err(Close::Version(format!("protocol {protocol} with {encoder}")))
}
