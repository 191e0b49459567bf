//! Copies of a hub's and a site's folder that exchange until one of them dies, or everything has crossed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use hub::authority::Authority;
use hub::cases::CaseFilter;
use hub::hub::Hub;
use hub::store::Store;
use shared::entry::Fact;
use shared::ledger::fold;
use shared::wire::v1::entry;

use crate::fleet::{Http, Tool, until};
use crate::prepared::{LATER, Prepared, SITE, serve_edge, tool};
use crate::sweep::fresh_copy;

const PATIENCE: Duration = Duration::from_secs(30);

/// Which process suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The site's.
    Edge,
    /// The hub's.
    Hub,
}

/// The two folders.
#[derive(Debug)]
pub struct Pair<'a> {
    /// Where the hub listens.
    pub prepared: &'a Prepared,
    /// Where both folders lie.
    pub folder: PathBuf,
}

impl Pair<'_> {
    /// The hub's commands.
    ///
    /// # Errors
    /// Where it is not built.
    pub fn hub(&self) -> Result<Tool> {
        tool("atoll-hub", &self.folder.join("hub"), LATER)
    }

    /// The site's.
    ///
    /// # Errors
    /// Where it is not built.
    pub fn edge(&self) -> Result<Tool> {
        tool("atoll-edge", &self.folder.join("edge"), LATER)
    }

    /// Copies of these in place of whatever was there; where there is no folder of the site, none.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn fresh(&self, hub: &Path, edge: &Path) -> Result<()> {
        fresh_copy(hub, &self.folder.join("hub"))?;
        fresh_copy(edge, &self.folder.join("edge"))
    }

    /// Both serve until everything is exchanged, or until the victim is dead. Whether it died.
    ///
    /// # Errors
    /// Where neither happens in time.
    pub fn exchange(
        &self,
        victim: Victim,
        environment: Vec<(&'static str, OsString)>,
        is_done: impl Fn(&Http) -> bool,
    ) -> Result<bool> {
        let (mut hub, mut edge) = (self.hub()?, self.edge()?);
        match victim {
            Victim::Hub => hub = hub.under(environment),
            Victim::Edge => edge = edge.under(environment),
        }
        // One that dies while it starts is as good.
        let Ok((mut hub, _)) = self.prepared.serve_hub(&hub) else {
            return Ok(true);
        };
        let Ok((mut edge, http)) = serve_edge(&edge) else {
            return Ok(true);
        };
        let mut died = false;
        let ended = until("everything is exchanged", PATIENCE, || {
            died = hub.ended().is_ok_and(|end| end.is_some()) || edge.ended().is_ok_and(|end| end.is_some());
            (died || is_done(&http)).then_some(())
        });
        ended.map_err(|cause| anyhow!("{cause}: {:?}", http.get("/api/v1/status")))?;
        // Closing is a crash point too.
        let ended = [edge.stop()?, hub.stop()?];
        Ok(died || ended.iter().any(|status| !status.success()))
    }

    /// The site's sales in the hub's ledger; nobody has bought twice.
    ///
    /// # Errors
    /// Where the hub cannot be read, or has a case.
    pub fn sales_at_the_hub(&self) -> Result<BTreeSet<String>> {
        let folder = self.folder.join("hub");
        let authority = Authority::open(&folder)?;
        let hub = Hub::open(Store::open(&folder.join("hub.db"))?, authority.master(), Box::new(|| [7; 16]))?;
        ensure!(hub.cases(&CaseFilter::default())?.is_empty(), "nobody bought twice, and there is a case");
        let held = fold::entries(&hub.document(&format!("site/{SITE}/2020-02-06").parse()?)?)?;
        let mut sales = BTreeSet::new();
        for (id, bytes) in held {
            if matches!(entry::decode(&bytes)?.fact, Fact::Sale(_)) {
                sales.insert(id.to_string());
            }
        }
        Ok(sales)
    }
}
