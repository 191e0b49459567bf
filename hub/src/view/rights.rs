//! Rights as they are shown: people with their names masked, issuers, lists, notices, and what was found.

use chrono::NaiveDate;
use serde_json::{Value, json};
use shared::entry::access::Right;
use shared::ids::SiteCode;
use shared::rules::access::card::CardKind;
use shared::rules::calendar::roc_minute;
use shared::rules::programme::Text;

use crate::hub::{Hub, HubError};
use crate::notices::PublishedNotice;
use crate::rights::{ListStanding, PinnedIssuer, StaffCase, StaffMember, StaffRight};

/// A case of somebody's rights with the words around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffCaseLine {
    /// The case.
    pub case: StaffCase,
    /// The site's name.
    pub site_name: String,
    /// Who, masked.
    pub name: String,
    /// What happened.
    pub words: Text,
    /// Whether the site could have known.
    pub blame: Text,
}

/// What was found of a site's people, or of all sites'; at most so many.
///
/// # Errors
/// Where the store fails.
pub fn staff_cases(hub: &Hub, site: Option<&SiteCode>, limit: usize) -> Result<Vec<StaffCaseLine>, HubError> {
    let line = |case: StaffCase| {
        Ok(StaffCaseLine {
            site_name: hub.site(&case.site)?.map(|site| site.name).unwrap_or_default(),
            name: masked_name(&case.name),
            words: case_words(&case),
            blame: case.blame.words(),
            case,
        })
    };
    hub.flagged(site, limit)?.into_iter().map(line).collect()
}

/// For programs.
#[must_use]
pub fn staff_case(line: &StaffCaseLine) -> Value {
    let case = &line.case;
    json!({
        "id": case.id.to_string(), "site": case.site.as_str(), "site_name": line.site_name,
        "staff": case.who.to_string(), "name": line.name, "card": case.card.map(CardKind::code),
        "rights": names(&case.rights), "lack": case.lack.code(), "first": case.first.to_string(),
        "second": case.at.second, "doubt_s": case.at.doubt_s, "deeds": case.deeds, "known": case.blame.code(),
        "opened": case.opened, "message": text(&line.words), "blame": text(&line.blame),
    })
}

fn case_words(case: &StaffCase) -> Text {
    let why = case.lack.words();
    let (zh, en) = rights_words(&case.rights);
    let when = roc_minute(case.at.second);
    if case.deeds == 0 {
        return Text { zh: format!("{zh}：{}（{when}）", why.zh), en: format!("{en}: {} ({when})", why.en) };
    }
    Text {
        zh: format!("{zh}：{}；此後仍有 {} 筆，首筆 {when}", why.zh, case.deeds),
        en: format!("{en}: {}; {} deeds without it, the first at {when}", why.en, case.deeds),
    }
}

/// Rights in both languages.
#[must_use]
pub fn rights_words(rights: &[Right]) -> (String, String) {
    let zh: Vec<String> = rights.iter().map(Right::zh).collect();
    let en: Vec<String> = rights.iter().map(Right::en).collect();
    (zh.join("、"), en.join(", "))
}

/// A name of which the first and the last character are shown: 王○明.
#[must_use]
pub fn masked_name(name: &str) -> String {
    let last = name.chars().count().saturating_sub(1);
    let mask = |(at, c): (usize, char)| if at == 0 && last > 0 || at == last && last > 1 { c } else { '○' };
    name.chars().enumerate().map(mask).collect()
}

/// Somebody with rights.
#[must_use]
pub fn staff_member(member: &StaffMember, today: NaiveDate) -> Value {
    let rights: Vec<Value> = member
        .rights
        .iter()
        .map(|StaffRight { right, holding: held, withdrawn }| {
            json!({
                "right": right.to_string(), "until": held.until, "grant": held.grant.to_string(),
                "giver": held.giver.map(|giver| giver.to_string()), "holds": withdrawn.is_none() && today <= held.until,
                "withdrawn": withdrawn.as_ref().map(|(second, reason)| json!({ "second": second, "reason": reason })),
            })
        })
        .collect();
    let void: Vec<Value> = member
        .void
        .iter()
        .map(|(grant, why, rights)| {
            json!({
                "grant": grant.to_string(), "rights": names(rights), "why": why.code(),
                "message": { "zh-TW": why.zh(), "en": why.en() },
            })
        })
        .collect();
    json!({
        "staff": member.id.to_string(), "name": masked_name(&member.name), "card": member.card.code(),
        "revoked": member.revoked, "rights": rights, "void": void,
    })
}

/// An issuer of cards.
#[must_use]
pub fn issuer(pinned: &PinnedIssuer, list: Option<&ListStanding>) -> Value {
    let cards: Vec<&str> = pinned.issuer.cards.iter().map(|card| card.code()).collect();
    json!({
        "fingerprint": hex(&pinned.fingerprint), "key": hex(&pinned.key), "name": pinned.name, "cards": cards,
        "holds": pinned.issuer.holds, "expires": pinned.expires, "by": pinned.by, "second": pinned.second,
        "list": list.map(card_list),
    })
}

/// An issuer's list.
fn card_list(list: &ListStanding) -> Value {
    json!({ "as_of": list.as_of, "next": list.next, "imported": list.imported, "cards": list.cards })
}

/// A notice.
#[must_use]
pub fn notice(published: &PublishedNotice, today: NaiveDate) -> Value {
    let notice = &published.notice;
    json!({
        "name": notice.name.as_str(), "kind": notice.kind.code(), "title": notice.title, "body": notice.body,
        "from": notice.from, "until": notice.until, "holds": notice.holds, "shown": notice.is_shown(today),
        "by": published.by, "second": published.second,
    })
}

fn names(rights: &[Right]) -> Vec<String> {
    rights.iter().map(Right::to_string).collect()
}

fn text(text: &Text) -> Value {
    json!({ "zh-TW": text.zh, "en": text.en })
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_name_the_ends_are_shown() {
        for (name, masked) in [("王小明", "王○明"), ("歐陽小明", "歐○○明"), ("王明", "王○"), ("王", "○"), ("", "")]
        {
            assert_eq!(masked_name(name), masked);
        }
    }
}
