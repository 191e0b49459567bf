//! The register of sites: reading its file, and what an operator sees of each.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use shared::ids::{BadId, SiteCode};

use super::{SiteRecord, SiteStatus, SiteStock};
use crate::hub::{Hub, HubError};

/// A register that cannot be read; nothing of it was taken.
#[derive(Debug, thiserror::Error)]
pub enum BadSites {
    /// No table, or a column is missing.
    #[error("read the register of sites")]
    Table(#[from] csv::Error),
    /// A column that must be there.
    #[error("the register has no column {0:?}")]
    Column(&'static str),
    /// A line that cannot be.
    #[error("line {line} of the register")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        cause: BadId,
    },
}

/// Reads the register: columns `inst_code, name, kind, address, tel, lat, lng, town_code`, others ignored.
///
/// # Errors
/// Where the table or a code in it cannot be read.
pub fn read_sites(register: impl Read) -> Result<Vec<SiteRecord>, BadSites> {
    let mut table = csv::Reader::from_reader(register);
    let head = table.headers()?.clone();
    let column = |name: &'static str| {
        let found = head.iter().position(|cell| cell.trim_start_matches('\u{feff}') == name);
        found.ok_or(BadSites::Column(name))
    };
    let names = ["inst_code", "name", "kind", "address", "tel", "lat", "lng", "town_code"];
    let mut columns = [0; 8];
    for (at, name) in columns.iter_mut().zip(names) {
        *at = column(name)?;
    }
    let mut sites = Vec::new();
    for record in table.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: usize| record.get(at).unwrap_or_default().trim().to_owned();
        let [code, name, kind, address, tel, lat, lng, town] = columns.map(cell);
        let code = code.parse().map_err(|cause| BadSites::Line { line, cause })?;
        let (lat, lng) = (lat.parse().ok(), lng.parse().ok());
        sites.push(SiteRecord { code, name, kind, address, tel, lat, lng, town });
    }
    Ok(sites)
}

/// Everything about the sites that is not in the register's lines.
struct Known {
    enrolled: HashSet<SiteCode>,
    contacts: HashMap<SiteCode, i64>,
    entries: HashMap<SiteCode, u64>,
    quarantined: HashMap<SiteCode, u64>,
    stock: HashMap<SiteCode, Vec<SiteStock>>,
}

impl Known {
    fn status(&mut self, record: SiteRecord) -> SiteStatus {
        let code = record.code;
        SiteStatus {
            enrolled: self.enrolled.contains(&code),
            last_contact: self.contacts.get(&code).copied(),
            entries: self.entries.get(&code).copied().unwrap_or(0),
            quarantined: self.quarantined.get(&code).copied().unwrap_or(0),
            stock: self.stock.remove(&code).unwrap_or_default(),
            record,
        }
    }
}

impl Hub {
    /// Every site of the registry, by code.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sites(&self) -> Result<Vec<SiteStatus>, HubError> {
        let mut known = self.known()?;
        Ok(self.store.sites()?.into_iter().map(|record| known.status(record)).collect())
    }

    /// One site of the registry.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn site_status(&self, code: &SiteCode) -> Result<Option<SiteStatus>, HubError> {
        let mut known = self.known()?;
        Ok(self.store.site(code)?.map(|record| known.status(record)))
    }

    fn known(&self) -> Result<Known, HubError> {
        let mut contacts: HashMap<SiteCode, i64> = self.store.contacts()?.into_iter().collect();
        for ((site, _), second) in &self.memory.contacts {
            let last = contacts.entry(*site).or_insert(*second);
            *last = (*last).max(*second);
        }
        let mut stock: HashMap<SiteCode, Vec<SiteStock>> = HashMap::new();
        for (site, programme, adult, child) in self.store.stocks()? {
            stock.entry(site).or_default().push(SiteStock { programme, adult, child });
        }
        Ok(Known {
            enrolled: self.store.enrolled()?.into_iter().collect(),
            contacts,
            entries: self.store.entry_counts()?.into_iter().collect(),
            quarantined: self.store.quarantine_counts()?.into_iter().collect(),
            stock,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_is_read_by_the_names_of_its_columns() {
        let text = "\u{feff}name,inst_code,kind,address,tel,lat,lng,town_code,memo\n\
            淡水藥局,5931102274,pharmacy,新北市,(02),25.1,,65000100,x\n";
        let sites = read_sites(text.as_bytes()).unwrap();
        assert_eq!((sites[0].code.as_str(), sites[0].name.as_str()), ("5931102274", "淡水藥局"));
        assert_eq!((sites[0].lat, sites[0].lng), (Some(25.1), None));
        let cut = text.replace("5931102274", "593110227");
        assert!(matches!(read_sites(cut.as_bytes()), Err(BadSites::Line { line: 2, .. })));
        assert!(matches!(read_sites("a,b\n".as_bytes()), Err(BadSites::Column("inst_code"))));
    }
}
