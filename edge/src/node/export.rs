//! The site's own log for other eyes: one JSON object a line, documents masked.

use serde_json::{Value, json};
use shared::entry::access::{Access, Right};
use shared::entry::{Entry, Fact, Found, Instant, Pieces, Sale, Sealed};
use shared::ids::EntryId;
use shared::sync::edge::LogPos;

use super::ask::Export;
use super::write::decoded;
use super::{Node, NodeError};
use crate::store::{LogRow, Way};

impl Node {
    /// At most `limit` entries behind a position, oldest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn export(&self, after: LogPos, limit: usize) -> Result<Export, NodeError> {
        let mut out = Export { lines: Vec::new(), upto: None };
        let mut failed = None;
        if limit == 0 {
            return Ok(out);
        }
        self.store.walk(Way::Forward { after }, |row| {
            match decoded(&row).and_then(|entry| self.line(&row, &entry)) {
                Ok(line) => {
                    out.lines.push(line.to_string());
                    out.upto = Some(row.pos);
                    out.lines.len() < limit
                }
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        })?;
        failed.map_or(Ok(out), Err)
    }

    fn line(&self, row: &LogRow, entry: &Entry) -> Result<Value, NodeError> {
        let mut line = json!({
            "pos": row.pos,
            "id": row.id.to_string(),
            "hash": row.hash.to_string(),
            "site": self.site.as_str(),
            "day": row.day.to_string(),
            "at": instant(entry.at),
            "by": { "name": entry.by.name, "verified": entry.by.verified },
            "programme": self.programme_of(row)?.as_str(),
            "stock": { "adult": row.stock.adult, "child": row.stock.child },
            "withdrawn": row.withdrawn,
            "over": self.over.contains(&row.id),
            "acked": self.line.has(row.pos),
            "fact": self.fact(&row.id, &entry.fact)?,
        });
        // Only where somebody had signed in: what was exported before stays as it was.
        if let Some(id) = entry.by.id {
            line["by"]["id"] = json!(id.to_string());
        }
        Ok(line)
    }

    fn fact(&self, id: &EntryId, fact: &Fact) -> Result<Value, NodeError> {
        Ok(match fact {
            Fact::Arrival(it) => json!({
                "kind": "arrival", "counted": pieces(it.counted), "advised": it.advised.map(pieces),
            }),
            Fact::Sale(it) => self.sale(id, it)?,
            Fact::Withdrawal(it) => json!({ "kind": "withdrawal", "of": it.of.to_string(), "reason": it.reason }),
            Fact::Correction(it) => json!({
                "kind": "correction", "adult": it.adult, "child": it.child, "reason": it.reason,
            }),
            Fact::Dispute(it) => json!({
                "kind": "dispute", "version": it.version.as_str(), "reason": it.reason, "watermark": it.watermark,
                "document": self.keys.open(id, 0, &it.document)?.masked(),
                "found": it.found.iter().map(found).collect::<Vec<_>>(),
            }),
            Fact::Access(access) => self::access(access),
            Fact::Booking(booking) => self.booking_line(id, booking)?,
            Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Notice(_) => json!({ "kind": "of the hub" }),
        })
    }

    fn sale(&self, id: &EntryId, sale: &Sale) -> Result<Value, NodeError> {
        let masked = |slot: u8, sealed: &Sealed| self.keys.open(id, slot, sealed).map(|document| document.masked());
        let mut line = json!({
            "kind": "sale",
            "version": sale.version.as_str(),
            "pieces": pieces(sale.pieces),
            "happened": sale.happened.map(instant),
            "document": masked(0, &sale.document)?,
            "proxy": sale.proxy.as_ref().map(|proxy| masked(1, proxy)).transpose()?,
            "watermark": sale.watermark,
        });
        // Only where there is one: what was exported of an old sale stays as it was.
        if let Some(manager) = &sale.approved_by {
            line["approved_by"] = json!(manager);
        }
        Ok(line)
    }
}

/// Rights, without keys.
fn access(access: &Access) -> Value {
    let rights = |rights: &[Right]| rights.iter().map(Right::to_string).collect::<Vec<_>>();
    match access {
        Access::Grant(it) => json!({
            "kind": "grant", "to": it.to.id().to_string(), "name": it.to.name, "card": it.to.card.code(),
            "rights": rights(&it.rights), "until": it.until.to_string(),
            "giver": it.giver.as_ref().map(|giver| giver.id.to_string()),
        }),
        Access::Revocation(it) => json!({
            "kind": "revocation", "of": it.of.to_string(), "rights": rights(&it.rights), "reason": it.reason,
            "taker": it.taker.map(|taker| taker.to_string()),
        }),
        Access::Service(it) => json!({
            "kind": "service", "service": it.service.as_str(), "standing": it.standing.code(), "reason": it.reason,
        }),
        Access::Issuer(_) | Access::Revoked(_) => json!({ "kind": "of the hub" }),
    }
}

fn found(found: &Found) -> Value {
    json!({ "day": found.day.to_string(), "source": found.source.code() })
}

fn pieces(pieces: Pieces) -> Value {
    json!({ "adult": pieces.adult, "child": pieces.child })
}

fn instant(at: Instant) -> Value {
    json!({ "second": at.second, "doubt_s": at.doubt_s })
}
