//! What may be changed from outside, by a form or by a program: each deed goes to the one owner of the hub, with a
//! record in the same transaction.

use serde::Deserialize;
use shared::audit::Deed;
use shared::ids::{CaseId, VersionName};
use shared::rules::identity::Document;
use shared::rules::programme::shipped_text;

use super::Console;
use super::door::Me;
use super::trouble::Trouble;
use crate::audit::deeds;
use crate::disputes::Verdict;
use crate::operators::Role;

/// A change to an account.
#[derive(Debug, Deserialize)]
pub(super) struct AccountDeed {
    /// Whose.
    pub(super) name: String,
    /// `role` or `disable`.
    pub(super) deed: String,
    /// The new role.
    #[serde(default)]
    pub(super) role: String,
}

impl Console {
    /// Decides a dispute in the name of who has signed in.
    pub(super) async fn decide(&self, me: &Me, id: &str, verdict: &str, words: String) -> Result<(), Trouble> {
        let case: CaseId = id.parse().map_err(|_| Trouble::Missing)?;
        let verdict = match verdict {
            "grant" => Verdict::Grant,
            "reject" => Verdict::Reject,
            _ => return Err(Trouble::Asked("grant or reject".to_owned())),
        };
        let (who, by, second) = (me.who(), me.name.clone(), self.clock.second());
        let decided = self.desk.call(move |hub| {
            let deed = Deed { who: &who, deed: verdict.deed(), about: &case.to_string(), note: "" };
            hub.recorded(second, deed, |hub| hub.decide(&case, verdict, (&words, &by), second))
        });
        Ok(decided.await???)
    }

    /// Asks to see the number of a case's person.
    pub(super) async fn ask_identity(&self, me: &Me, id: &str, reason: String) -> Result<u64, Trouble> {
        let of: CaseId = id.parse().map_err(|_| Trouble::Missing)?;
        let (name, second) = (me.name.clone(), self.clock.second());
        Ok(self.desk.call(move |hub| hub.ask_identity(&of, &name, &reason, second)).await???)
    }

    /// Approves or refuses what another one asked for.
    pub(super) async fn judge_identity(&self, me: &Me, number: &str, approved: bool) -> Result<(), Trouble> {
        let number: u64 = number.parse().map_err(|_| Trouble::Missing)?;
        let (name, second) = (me.name.clone(), self.clock.second());
        Ok(self.desk.call(move |hub| hub.judge_identity(number, approved, &name, second)).await???)
    }

    /// The number in clear, while that is approved; and until when.
    pub(super) async fn show_identity(&self, me: &Me, id: &str) -> Result<(Document, i64), Trouble> {
        let of: CaseId = id.parse().map_err(|_| Trouble::Missing)?;
        let (name, second) = (me.name.clone(), self.clock.second());
        Ok(self.desk.call(move |hub| hub.show_identity(&of, &name, second)).await???)
    }

    /// Changes an account.
    pub(super) async fn change_account(&self, me: &Me, asked: AccountDeed) -> Result<(), Trouble> {
        let AccountDeed { name, deed, role } = asked;
        let role: Option<Role> = match deed.as_str() {
            "role" => Some(role.parse().map_err(|bad: crate::operators::BadRole| Trouble::Asked(bad.to_string()))?),
            "disable" => None,
            _ => return Err(Trouble::Asked("role or disable".to_owned())),
        };
        let (who, second) = (me.who(), self.clock.second());
        let changed = self.desk.call(move |hub| {
            let (deed, note) = role.map_or((deeds::ACCOUNT_DISABLED, ""), |role| (deeds::ACCOUNT_ROLE, role.name()));
            let deed = Deed { who: &who, deed, about: &name, note };
            hub.recorded(second, deed, |hub| match role {
                Some(role) => hub.set_role(&name, role),
                None => hub.disable_operator(&name),
            })
        });
        Ok(changed.await???)
    }

    /// Publishes a version: the text of its file, or the name of a shipped one.
    pub(super) async fn publish(&self, me: &Me, version: &str) -> Result<VersionName, Trouble> {
        let text = shipped_text(version).unwrap_or(version).to_owned();
        let (who, by, second) = (me.who(), me.name.clone(), self.clock.second());
        let published = self.desk.call(move |hub| {
            let about = shared::rules::programme::Version::parse(&text).map(|version| version.name.to_string());
            let deed = Deed { who: &who, deed: deeds::PUBLISH, about: &about.unwrap_or_default(), note: "" };
            hub.recorded(second, deed, |hub| hub.publish_programme(&text, &by, second))
        });
        published.await??.map_err(|bad| Trouble::Asked(bad.to_string()))
    }
}
