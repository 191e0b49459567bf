//! A crash before every call while this version opens a store of the first one (tests/data/first): whatever is cut
//! short, the store opens, holds every old row with the same bytes, and ends as one that nobody disturbed.

use std::path::Path;

use anyhow::{Result, ensure};
use harness::first;
use harness::fleet::Tool;
use harness::ledger::Ledger;
use harness::prepared::{LATER, person, scratch, sell, tool};
use harness::recorder::{Fault, Recorder};
use harness::sweep::{Deed, SEED, Swept, each_point, every, fresh_copy, sweep_deed};
use harness::tables::Tables;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// What only this version writes when it opens an old store: that it was migrated, and when.
const HISTORY: &str = "refinery_schema_history";

/// A command of this version that is the first to open an old folder.
struct Opening<'a> {
    side: &'a str,
    database: &'a str,
    arguments: &'a [&'a str],
    step: usize,
    /// Tables whose rows may change by opening alone.
    touched: &'a [&'a str],
    /// Besides the rows.
    judge: &'a dyn Fn(&Tool) -> Result<()>,
}

#[test]
fn an_edge_of_the_first_version_is_migrated_through_every_crash() {
    let before = first::exported().unwrap();
    let judge = |edge: &Tool| {
        let after = Ledger::of(edge)?;
        ensure!(after.len() == before.len() && after.goes_on(&before), "the ledger has changed");
        Ok(())
    };
    Opening { side: "edge", database: "ledger.db", arguments: &["export"], step: 1, touched: &[], judge: &judge }
        .sweep();
}

#[test]
fn a_first_sale_after_the_update_survives_a_crash_at_every_point() {
    let folder = scratch().unwrap();
    let old = folder.path().join("old");
    first::lay("edge", &old).unwrap();
    let number = person(30);
    let deed = Deed { kind: "sale", verdict: "sold", id: "sale", arguments: sell(&number, "swept") };
    sweep_deed(&old, &deed, every(3)).unwrap();
}

#[test]
fn a_hub_of_the_first_version_is_migrated_through_every_crash() {
    let before = first::cases().unwrap();
    let judge = |hub: &Tool| {
        let mut case = hub.json(&["cases"])?["cases"][0].take();
        for new in ["doubtful", "bookings", "booked_wrongly"] {
            let said = case.as_object_mut().and_then(|case| case.remove(new));
            ensure!(said.is_some(), "nothing is said of {new}: {case}");
        }
        ensure!(case == before["cases"][0], "the case has changed: {case}");
        let verified = hub.json(&["verify"])?;
        ensure!(verified["rows"] == 11 && verified["findings"] == serde_json::json!([]), "{verified}");
        Ok(())
    };
    let touched = &["meta", "signed"];
    Opening { side: "hub", database: "hub.db", arguments: &["cases"], step: 1, touched, judge: &judge }.sweep();
}

impl Opening<'_> {
    fn sweep(&self) {
        let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
        let [old, data, read] = ["old", "data", "read"].map(|name| folder.path().join(name));
        first::lay(self.side, &old).unwrap();
        // Reading a database writes into its folder.
        fresh_copy(&old, &read).unwrap();
        let before = Tables::of(&read.join(self.database)).unwrap().without(&[HISTORY]).without(self.touched);
        let undisturbed = self.undisturbed(&old, &read).unwrap();
        let mut dice = SmallRng::seed_from_u64(SEED);
        let name = format!("atoll-{}", self.side);
        let swept = Swept { from: &old, name: &name, arguments: self.arguments, step: self.step };
        let points = each_point(&recorder, swept, |fault| {
            fresh_copy(&old, &data)?;
            let tool = tool(&name, &data, LATER)?;
            let second = Fault::Kill(dice.random_range(1..60));
            for fault in [fault, second] {
                tool.clone().under(recorder.environment(fault)).output(self.arguments)?;
            }
            tool.run(self.arguments)?;
            (self.judge)(&tool)?;
            let after = Tables::of(&data.join(self.database))?;
            after.hold(&before)?;
            after.hold(&undisturbed)
        });
        let (points, rows) = (points.unwrap(), before.rows());
        println!("migration of a first {}: {points}; {rows} old rows, lost 0, doubled 0", self.side);
    }

    /// The same commands without a crash.
    fn undisturbed(&self, old: &Path, data: &Path) -> Result<Tables> {
        fresh_copy(old, data)?;
        let tool = tool(&format!("atoll-{}", self.side), data, LATER)?;
        tool.run(self.arguments)?;
        (self.judge)(&tool)?;
        // What was asked stands in the audit, as often as it was asked.
        Ok(Tables::of(&data.join(self.database))?.without(&[HISTORY, "audit"]))
    }
}
