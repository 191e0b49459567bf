//! `ingest`: sales a second at the hub, on one core, durable, signatures checked, conflicts found, against a bare durable
//! bulk insert of the same rows.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hub::cases::CaseFilter;
use hub::hub::Hub;
use hub::ingest::{Outcome, Upload};
use hub::registry::Enrolment;
use hub::store::Store;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use shared::entry::{Entry, Fact, Instant as Moment, Pieces, Reading, Sale, Staff};
use shared::ids::{ActorId, DocId, Incarnation, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::ledger::schema::ENCODER;
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;
use shared::rules::programme::shipped_text;
use shared::seal::{Secret, SiteKeys};
use shared::sign::{PublicKey, Signer};
use shared::wire::v1::entry;
use shared::wire::v1::life::EdgeLife;
use shared::wire::v1::message::{Hello, PROTOCOL};

use super::Figure;
use super::counter::MORNING;
use crate::replay::town::nameless;
use crate::scenario::even_numbers;

const SITES: u32 = 40;
const PER_RUN: usize = 25;
const ROUNDS: u32 = 40;
/// One sale in so many is to somebody who bought elsewhere.
const REPEAT_ONE_IN: u32 = 200;
const INCARNATION: Incarnation = Incarnation([1; 16]);

struct Seller {
    site: SiteCode,
    keys: SiteKeys,
    signer: Signer,
    tip: Tip,
}

/// Runs it in a folder of its own.
///
/// # Errors
/// Where the machine has a fault, or the hub did not find every repeated buyer.
pub fn run(folder: &Path) -> Result<Vec<Figure>> {
    let mut dice = SmallRng::seed_from_u64(1);
    let mut hub_dice = SmallRng::seed_from_u64(2);
    let hub_file = folder.join("hub.db");
    let mut hub = Hub::open(Store::open(&hub_file)?, &Secret::new(dice.random()), Box::new(move || hub_dice.random()))?;
    hub.publish_programme(shipped_text("mask-2020-02-06").context("shipped")?, "bench", MORNING - 3600)?
        .map_err(|bad| anyhow::anyhow!("{bad}"))?;
    let mut sellers = (0..SITES).map(|n| seller(&mut hub, &mut dice, n)).collect::<Result<Vec<_>>>()?;
    let bare = Bare::open(&folder.join("bare.db"), &hub_file)?;
    let mut numbers = even_numbers();
    let (mut ours, mut theirs, mut repeats) = (Duration::ZERO, Duration::ZERO, 0);
    let mut seen = Vec::new();
    for round in 0..ROUNDS {
        let mut uploads = Vec::new();
        for seller in &mut sellers {
            let documents = buyers(&mut numbers, &mut dice, &mut seen, &mut repeats)?;
            uploads.push(upload(seller, &documents, i64::from(round))?);
        }
        let started = Instant::now();
        let outcomes = hub.ingest(&uploads, MORNING)?;
        ours += started.elapsed();
        let all = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Ingested { .. }));
        anyhow::ensure!(all, "the hub put runs aside: {outcomes:?}");
        theirs += bare.insert(&bare.new_rows()?)?;
    }
    let over: usize = hub.cases(&CaseFilter::default())?.iter().map(|case| case.over.len()).sum();
    anyhow::ensure!(over == repeats, "{over} sales found over, {repeats} were");
    let sales = f64::from(ROUNDS * SITES) * PER_RUN as f64;
    let rate = |time: Duration| sales / time.as_secs_f64();
    Ok(vec![Figure { name: "ingest", value: rate(ours), unit: "sales/s", baseline: rate(theirs) }])
}

fn seller(hub: &mut Hub, dice: &mut SmallRng, number: u32) -> Result<Seller> {
    let site: SiteCode = format!("59{number:08}").parse()?;
    let secret = Secret::new(dice.random());
    hub.import_sites([nameless(site)])?;
    let enrolment = Enrolment {
        key_number: 1,
        secret: secret.clone(),
        fingerprint: dice.random(),
        serial: dice.random(),
        expires: i64::MAX,
        second: MORNING,
    };
    hub.register(&site, &enrolment)?.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let doc = DocId::Site { site, day: taipei_day(MORNING) };
    let tip = Tip::start(doc, ActorId(dice.random()), 0, vec![]);
    let signer = Signer::derive(&dice.random::<[u8; 32]>(), b"bench")?;
    hub.greet(&site, &hello(&site, signer.public()), MORNING)?;
    Ok(Seller { site, keys: SiteKeys::new(site, 1, &secret)?, signer, tip })
}

/// As an edge of this version greets, whose runs are signed by this key.
fn hello(site: &SiteCode, signer: PublicKey) -> Hello {
    let life = EdgeLife { boot: [1; 16], parent: None, own: 0, signer, keys: vec![], tips: vec![] };
    Hello {
        protocol: PROTOCOL,
        encoder: ENCODER.to_owned(),
        site: site.to_string(),
        incarnation: INCARNATION,
        hub_life: Incarnation([0; 16]),
        down: 0,
        feed: 0,
        life: Some(life),
        manifest: None,
    }
}

/// New people, and now and then one who bought before.
fn buyers(
    numbers: &mut impl Iterator<Item = String>,
    dice: &mut SmallRng,
    seen: &mut Vec<String>,
    repeats: &mut usize,
) -> Result<Vec<Document>> {
    let birth = chrono::NaiveDate::from_ymd_opt(1986, 3, 15).context("a date")?;
    let mut out = Vec::with_capacity(PER_RUN);
    for _ in 0..PER_RUN {
        let again = dice.random_range(0..REPEAT_ONE_IN) == 0 && !seen.is_empty();
        let number = if again {
            *repeats += 1;
            seen.swap_remove(dice.random_range(0..seen.len()))
        } else {
            numbers.next().context("a number")?
        };
        if !again {
            seen.push(number.clone());
        }
        out.push(
            Document::parse("01", &number, &birth.to_string(), taipei_day(MORNING))
                .map_err(|bad| anyhow::anyhow!(bad.en()))?,
        );
    }
    Ok(out)
}

fn upload(seller: &mut Seller, documents: &[Document], second: i64) -> Result<Upload> {
    let start = seller.tip.next.clone();
    let mut entries = Vec::with_capacity(documents.len());
    let mut last = None;
    for document in documents {
        let sale = Sale {
            programme: "mask".parse()?,
            version: "mask-2020-02-06".parse()?,
            pieces: Pieces { adult: 2, child: 0 },
            happened: None,
            reading: Reading::Card,
            watermark: 0,
            document: seller.keys.seal(&seller.tip.next.id, 0, document)?,
            proxy: None,
            approved_by: None,
            behind: vec![],
        };
        let entry = entry::encode(&Entry {
            at: Moment { second: MORNING + second * 10, doubt_s: 1 },
            by: Staff { name: "bench".to_owned(), verified: false, id: None },
            fact: Fact::Sale(sale),
        });
        last = Some(seller.tip.append(&entry)?.hash);
        entries.push(entry);
    }
    let last = last.context("a run has entries")?;
    let mut run = Run { doc: seller.tip.doc, start, entries, joints: vec![], last, signature: None };
    run.signature = Some(seller.signer.sign_head(&run.head()));
    Ok(Upload { site: seller.site, incarnation: INCARNATION, run })
}

/// The same rows, with nothing but SQLite.
struct Bare {
    to: Connection,
    from: Connection,
}

const TABLES: [&str; 2] = ["journal", "sale"];

/// Rows of a table.
type Rows = (&'static str, Vec<Vec<Value>>);

impl Bare {
    fn open(path: &Path, hub_file: &Path) -> Result<Self> {
        let from = Connection::open(hub_file)?;
        let to = Connection::open(path)?;
        to.pragma_update(None, "journal_mode", "wal")?;
        to.pragma_update(None, "synchronous", "full")?;
        for table in TABLES {
            let sql: String =
                from.query_row("SELECT sql FROM sqlite_master WHERE name = ?", [table], |row| row.get(0))?;
            to.execute(&sql, [])?;
        }
        Ok(Self { to, from })
    }

    /// What the hub wrote since the last round.
    fn new_rows(&self) -> Result<Vec<Rows>> {
        let known: i64 = self.to.query_row("SELECT coalesce(max(pos), 0) FROM journal", [], |row| row.get(0))?;
        TABLES.into_iter().map(|table| Ok((table, rows(&self.from, table, known)?))).collect()
    }

    fn insert(&self, tables: &[Rows]) -> Result<Duration> {
        let started = Instant::now();
        let transaction = self.to.unchecked_transaction()?;
        for (table, rows) in tables {
            let places = vec!["?"; rows.first().map_or(0, Vec::len)].join(",");
            let mut insert = transaction.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))?;
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        transaction.commit()?;
        Ok(started.elapsed())
    }
}

fn rows(from: &Connection, table: &str, after: i64) -> Result<Vec<Vec<Value>>> {
    let mut select = from.prepare(&format!("SELECT * FROM {table} WHERE pos > ?"))?;
    let columns = select.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
    Ok(select.query_map([after], row)?.collect::<rusqlite::Result<_>>()?)
}
