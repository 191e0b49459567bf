//! Every row of a database, to be compared with those of another: nothing here knows what a table means.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use rusqlite::types::Value;

type Row = BTreeMap<String, String>;

/// The rows of every table, by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    of: BTreeMap<String, Vec<Row>>,
}

impl Tables {
    /// Reads a database that nobody has open.
    ///
    /// # Errors
    /// Where it is none, or is not sound.
    pub fn of(database: &Path) -> Result<Self> {
        let conn = Connection::open(database).with_context(|| format!("open {}", database.display()))?;
        let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(sound == "ok", "{}: {sound}", database.display());
        let mut names = conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let rows = names.into_iter().map(|name| Ok((name.clone(), rows(&conn, &name)?)));
        Ok(Self { of: rows.collect::<Result<_>>()? })
    }

    /// The same without some tables.
    #[must_use]
    pub fn without(mut self, tables: &[&str]) -> Self {
        self.of.retain(|name, _| !tables.contains(&name.as_str()));
        self
    }

    /// Whether every row of `before` is here once, the same in all its columns, and no other row is.
    ///
    /// # Errors
    /// Which table has another row.
    pub fn hold(&self, before: &Self) -> Result<()> {
        for (name, old) in &before.of {
            let new = self.of.get(name).with_context(|| format!("table {name} is gone"))?;
            ensure!(new.len() == old.len(), "{name} has {} rows, had {}", new.len(), old.len());
            let Some(columns) = old.first() else { continue };
            let kept = |row: &Row| -> Row {
                row.iter()
                    .filter(|(column, _)| columns.contains_key(*column))
                    .map(|it| (it.0.clone(), it.1.clone()))
                    .collect()
            };
            let mut new: Vec<Row> = new.iter().map(kept).collect();
            new.sort();
            for (new, old) in new.iter().zip(old) {
                ensure!(new == old, "{name} has {new:?} for {old:?}");
            }
        }
        Ok(())
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.of.values().map(Vec::len).sum()
    }
}

fn rows(conn: &Connection, table: &str) -> Result<Vec<Row>> {
    let mut all = conn.prepare(&format!("SELECT * FROM {table}"))?;
    let columns: Vec<String> = all.column_names().map(str::to_owned).collect();
    let read = |row: &rusqlite::Row<'_>| {
        let value = |(at, name): (usize, &String)| Ok((name.clone(), format!("{:?}", row.get::<_, Value>(at)?)));
        columns.iter().enumerate().map(value).collect::<rusqlite::Result<Row>>()
    };
    let mut found = all.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
    found.sort();
    Ok(found)
}
