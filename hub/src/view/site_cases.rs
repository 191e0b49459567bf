//! The cases of sites' stores, as they are shown.

use serde_json::{Value, json};
use shared::rules::calendar::roc_minute;
use shared::rules::programme::Text;

use crate::hub::{Hub, HubError};
use crate::lives::{SiteCase, SiteCaseKind};

/// A site's case with the words around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCaseLine {
    /// The case.
    pub case: SiteCase,
    /// The site's name.
    pub site_name: String,
    /// When it was noticed.
    pub time: String,
    /// What it is called.
    pub title: Text,
    /// What happened and what to do.
    pub words: Text,
    /// How many entries the hub holds of the life that it is about.
    pub entries: u64,
}

/// Every case of a site's store, newest first.
///
/// # Errors
/// Where the store fails.
pub fn site_cases(hub: &Hub) -> Result<Vec<SiteCaseLine>, HubError> {
    let line = |case: SiteCase| {
        Ok(SiteCaseLine {
            site_name: hub.site(&case.site)?.map(|site| site.name).unwrap_or_default(),
            time: roc_minute(case.opened),
            title: title(case.kind),
            words: case.kind.words(),
            entries: hub.count_of_life(&case.site, &case.incarnation)?,
            case,
        })
    };
    hub.site_cases()?.into_iter().map(line).collect()
}

/// For programs.
#[must_use]
pub fn site_case(line: &SiteCaseLine) -> Value {
    let case = &line.case;
    json!({
        "id": case.id.to_string(), "site": case.site.as_str(), "site_name": line.site_name, "kind": case.kind.name(),
        "incarnation": case.incarnation.to_string(), "opened": case.opened, "entries": line.entries,
        "message": { "zh-TW": line.words.zh, "en": line.words.en },
    })
}

fn title(kind: SiteCaseKind) -> Text {
    let (zh, en) = match kind {
        SiteCaseKind::Restored => ("舊備份還原", "restored from a backup"),
        SiteCaseKind::Cloned => ("資料夾重複使用", "cloned"),
        SiteCaseKind::Unstamped => ("印記不符", "stamp missing"),
        SiteCaseKind::Replaced => ("更換電腦", "replaced"),
        SiteCaseKind::Overspent => ("超借名額", "more given away than lent"),
    };
    Text { zh: zh.to_owned(), en: en.to_owned() }
}
