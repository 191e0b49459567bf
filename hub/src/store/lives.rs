//! Statements for the lives of sites' stores and the cases that are made of them.

use rusqlite::Row;
use shared::ids::{CaseId, Incarnation, SiteCode};
use shared::sign::PublicKey;
use shared::wire::v1::life::{Began, Parent};

use super::read::{bytes, signed, site, unsigned};
use super::{Store, StoreError};
use crate::lives::{SiteCase, SiteCaseKind};

/// Most processes of one life that are remembered.
const BOOTS_MAX: i64 = 64;

/// One life of a site's store, as far as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LifeRow {
    pub(crate) line: i64,
    pub(crate) signer: Option<PublicKey>,
    /// How long the journal was when it named its key: what it sent before is unsigned.
    pub(crate) signs_from: u64,
    pub(crate) parent: Option<Parent>,
    pub(crate) doubled: bool,
}

/// Where a process stands among those of its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boot {
    /// The one that greeted last.
    Current,
    /// Not seen yet.
    New,
    /// Another has greeted since.
    Superseded,
}

impl Store {
    pub(crate) fn life(&self, of: &SiteCode, incarnation: &Incarnation) -> Result<Option<LifeRow>, StoreError> {
        const SQL: &str = "SELECT id, signer, parent, began, doubled, signs_from FROM line \
            WHERE site = ?1 AND incarnation = ?2";
        self.one(SQL, (of.as_str(), &incarnation.0), "look for a life of a site's store", life)
    }

    pub(crate) fn set_life(&self, row: &LifeRow) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE line SET signer = ?2, parent = ?3, began = ?4, doubled = ?5, signs_from = ?6 \
            WHERE id = ?1";
        let (parent, began) = (row.parent.map(|it| it.incarnation.0), row.parent.map(|it| it.began.code()));
        let row = (row.line, row.signer.map(|key| key.0), parent, began, row.doubled, signed(row.signs_from));
        self.run(SQL, row, "note a life of a site's store").map(|_| ())
    }

    /// The lines of a site, one a life of its store.
    pub(crate) fn lines_of(&self, of: &SiteCode) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "SELECT id FROM line WHERE site = ?1 ORDER BY id";
        self.all(SQL, [of.as_str()], "look for the lives of a site's store", |row| row.get(0))
    }

    /// The last row of the journal that came over a line; 0 for none.
    pub(crate) fn last_of_line(&self, line: i64) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT coalesce(max(pos), 0) FROM journal WHERE line = ?1";
        let last = self.one(SQL, [line], "look for what a life wrote", |row| unsigned(row, 0))?;
        Ok(last.unwrap_or(0))
    }

    /// The next row of the journal that came over a line, and whether any did.
    pub(crate) fn next_of_line(&self, line: i64, after: u64) -> Result<Option<u64>, StoreError> {
        const SQL: &str = "SELECT min(pos) FROM journal WHERE line = ?1 AND pos > ?2";
        let after = super::read::signed(after);
        let pos = self.one(SQL, (line, after), "look for what a life wrote", |row| row.get::<_, Option<i64>>(0))?;
        Ok(pos.flatten().map(i64::unsigned_abs))
    }

    pub(crate) fn boot(&self, line: i64, boot: &[u8; 16]) -> Result<Boot, StoreError> {
        const SQL: &str = "SELECT nth = (SELECT max(nth) FROM boot WHERE line = ?1) FROM boot \
            WHERE line = ?1 AND boot = ?2";
        let current = self.one(SQL, (line, boot), "look for a process of a site", |row| row.get::<_, bool>(0))?;
        Ok(match current {
            None => Boot::New,
            Some(true) => Boot::Current,
            Some(false) => Boot::Superseded,
        })
    }

    pub(crate) fn put_boot(&self, line: i64, boot: &[u8; 16]) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO boot SELECT ?1, coalesce(max(nth), 0) + 1, ?2 FROM boot WHERE line = ?1";
        const PRUNE: &str =
            "DELETE FROM boot WHERE line = ?1 AND nth <= (SELECT max(nth) FROM boot WHERE line = ?1) - ?2";
        self.run(PUT, (line, boot), "note a process of a site")?;
        self.run(PRUNE, (line, BOOTS_MAX), "forget old processes of a site").map(|_| ())
    }

    /// Opens a site's case, once; that a store was cloned says more than that it was restored.
    pub(crate) fn put_site_case(&self, case: &SiteCase) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO site_case VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET \
            kind = excluded.kind WHERE excluded.kind = ?6";
        let (id, kind) = (&case.id.0, case.kind.code());
        let cloned = SiteCaseKind::Cloned.code();
        let row = (id, case.site.as_str(), kind, &case.incarnation.0, case.opened, cloned);
        self.run(SQL, row, "open a site's case").map(|_| ())
    }

    /// All cases of sites, newest first.
    pub(crate) fn site_cases(&self) -> Result<Vec<SiteCase>, StoreError> {
        const SQL: &str = "SELECT id, site, kind, incarnation, opened FROM site_case ORDER BY opened DESC, id";
        self.all(SQL, [], "read the sites' cases", |row| {
            Ok(SiteCase {
                id: CaseId(bytes(row, 0)?),
                site: site(row, 1)?,
                kind: SiteCaseKind::from_code(row.get(2)?),
                incarnation: Incarnation(bytes(row, 3)?),
                opened: row.get(4)?,
            })
        })
    }

    /// How many entries of a life are in the journal.
    pub(crate) fn count_of_life(&self, of: &SiteCode, incarnation: &Incarnation) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT coalesce(sum(count), 0) FROM journal \
            WHERE line = (SELECT id FROM line WHERE site = ?1 AND incarnation = ?2)";
        let count = self.one(SQL, (of.as_str(), &incarnation.0), "count a life's entries", |row| unsigned(row, 0))?;
        Ok(count.unwrap_or(0))
    }

    /// Whether the life that sent a row of the journal had not named its key yet.
    pub(crate) fn may_be_unsigned(&self, pos: u64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT signer IS NULL OR ?1 <= signs_from FROM line \
            WHERE id = (SELECT line FROM journal WHERE pos = ?1)";
        let before = self.one(SQL, [signed(pos)], "read since when a life signs", |row| row.get(0))?;
        Ok(before.unwrap_or(true))
    }

    /// The keys under which a site has signed.
    pub(crate) fn signers(&self, of: &SiteCode) -> Result<Vec<PublicKey>, StoreError> {
        const SQL: &str = "SELECT DISTINCT signer FROM line WHERE site = ?1 AND signer NOT NULL ORDER BY signer";
        self.all(SQL, [of.as_str()], "read who signs for a site", |row| Ok(PublicKey(bytes(row, 0)?)))
    }
}

fn life(row: &Row<'_>) -> rusqlite::Result<LifeRow> {
    let parent: Option<[u8; 16]> = row.get(2)?;
    let began = Began::from_code(row.get::<_, Option<u8>>(3)?.unwrap_or_default());
    Ok(LifeRow {
        line: row.get(0)?,
        signer: row.get::<_, Option<[u8; 32]>>(1)?.map(PublicKey),
        parent: parent.map(|incarnation| Parent { incarnation: Incarnation(incarnation), began }),
        doubled: row.get(4)?,
        signs_from: unsigned(row, 5)?,
    })
}
