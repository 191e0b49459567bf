//! A site's ledger as `atoll-edge export` prints it, judged by counting alone: nothing here is shared with
//! the product's own folds.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::fleet::Tool;

/// The exported lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    lines: Vec<Value>,
}

impl Ledger {
    /// Exports it and judges it; what the status says must agree.
    ///
    /// # Errors
    /// Where a command fails, or the books do not balance.
    pub fn of(edge: &Tool) -> Result<Self> {
        let ledger = Self::parse(&edge.run(&["export"])?)?;
        let status = edge.json(&["status"])?;
        ensure!(status["ledger"]["entries"] == ledger.lines.len(), "{} lines, {status}", ledger.lines.len());
        let shown = (status["stock"][0]["stock"]["adult"].as_i64(), status["stock"][0]["stock"]["child"].as_i64());
        let last = ledger.lines.last().map(stock).transpose()?.unwrap_or((0, 0));
        ensure!(
            (shown.0.unwrap_or(0), shown.1.unwrap_or(0)) == last,
            "the status shows {shown:?}, the ledger {last:?}"
        );
        Ok(ledger)
    }

    /// Reads an export and counts it again.
    ///
    /// # Errors
    /// Where a line is half written, a name doubled, or the stock is not what came less what went.
    pub fn parse(text: &str) -> Result<Self> {
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        let ledger = Self { lines: lines.context("a line of the export is no JSON")? };
        ledger.balance()?;
        Ok(ledger)
    }

    fn balance(&self) -> Result<()> {
        let mut have = (0, 0);
        let mut moves: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        let mut taken_back = BTreeSet::new();
        for (pos, line) in (1u64..).zip(&self.lines) {
            ensure!(line["pos"] == pos, "position {pos} is missing: {line}");
            let (id, fact) = (text(&line["id"])?, &line["fact"]);
            let step = match text(&fact["kind"])? {
                "arrival" => pair(&fact["counted"])?,
                "sale" => pair(&fact["pieces"]).map(|(adult, child)| (-adult, -child))?,
                "correction" => pair(fact)?,
                "withdrawal" => {
                    let of = text(&fact["of"])?;
                    ensure!(taken_back.insert(of), "{of} was taken back twice");
                    moves.get(of).map(|(adult, child)| (-adult, -child)).with_context(|| format!("{of} is missing"))?
                }
                other => anyhow::bail!("a line of kind {other}"),
            };
            have = (have.0 + step.0, have.1 + step.1);
            ensure!(moves.insert(id, step).is_none(), "two entries are called {id}");
            ensure!(stock(line)? == have, "the stock should be {have:?}: {line}");
        }
        for line in &self.lines {
            let is_gone = taken_back.contains(text(&line["id"])?);
            ensure!(line["withdrawn"] == is_gone, "withdrawn should be {is_gone}: {line}");
        }
        Ok(())
    }

    /// The ids of the entries of a kind.
    #[must_use]
    pub fn ids(&self, kind: &str) -> Vec<&str> {
        self.lines.iter().filter(|line| line["fact"]["kind"] == kind).filter_map(|line| line["id"].as_str()).collect()
    }

    /// Whether it begins with another one: the same facts under the same names and hashes.
    #[must_use]
    pub fn goes_on(&self, before: &Self) -> bool {
        let same =
            |(a, b): (&Value, &Value)| ["pos", "id", "hash", "fact", "stock", "at"].iter().all(|key| a[key] == b[key]);
        self.lines.len() >= before.lines.len() && before.lines.iter().zip(&self.lines).all(same)
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

fn pair(value: &Value) -> Result<(i64, i64)> {
    let count = |key: &str| value[key].as_i64().with_context(|| format!("{value} has no {key}"));
    Ok((count("adult")?, count("child")?))
}

fn stock(line: &Value) -> Result<(i64, i64)> {
    pair(&line["stock"])
}
