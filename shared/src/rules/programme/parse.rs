//! What the fields of a version file mean. The reader knows lines, this file knows rules.

use chrono::{Datelike, NaiveDate, Weekday, WeekdaySet};

use super::bad::{BadVersion, Why};
use super::reader::{Field, Fields, file};
use super::{
    BornFrom, CardLimits, ClockRule, Documents, Good, Goods, LIMIT_PIECES_MAX, Limits, ProxyCards, Turn, Version,
    WINDOW_DAYS_MAX, WhenDoubtful, Window, YoungCards,
};
use crate::entry::Pieces;
use crate::rules::identity::DocumentKind;
use crate::rules::knowledge::{Allowed, KnowledgeRule};

/// A title, a name of goods, a unit.
const TITLE_CHARS_MAX: usize = 60;
/// Cards that one proxy may carry a day.
const PROXY_CARDS_MAX: u32 = 100;
/// NT$ a piece.
const PRICE_NTD_MAX: u32 = 100_000;
/// Pieces a day in a proposed delivery.
const ALLOTMENT_PIECES_MAX: u32 = 100_000;
/// Rounds of one programme.
const ROUND_MAX: u32 = 1_000;
/// From which doubt on a time may be doubtful: a beacon leaves some seconds open, and a month is no time at all.
const DOUBTS_S: std::ops::RangeInclusive<u32> = 10..=2_678_400;
/// How old a list of revoked cards a version may allow, in days: a year.
const LIST_DAYS_MAX: u32 = 366;
/// How old knowledge of the nation may be before it is very stale, in hours: a month.
const KNOWLEDGE_HOURS_MAX: u32 = 744;
/// The first year of 民國, and a year beyond every rule.
const BIRTH_YEARS: std::ops::RangeInclusive<u32> = 1912..=2100;

type Read<T> = Result<T, BadVersion>;

/// The whole file.
pub(super) fn version(text: &str) -> Read<Version> {
    file(text, read)
}

fn read(file: &mut Fields<'_>) -> Read<Version> {
    let from_field = file.need("from")?;
    let from = from_field.rule_day()?;
    let goods = goods(&file.need("goods")?)?;
    let two_kinds = goods.child.is_some();
    let window = window(&file.need("window")?)?;
    check_in_round(&from_field, from, window)?;
    Ok(Version {
        programme: file.need("programme")?.id()?,
        name: file.need("name")?.id()?,
        from,
        title: file.need("title")?.text(TITLE_CHARS_MAX)?,
        goods,
        window,
        one_purchase_per_window: file.need("one_purchase_per_window")?.flag()?,
        limit: card_limits(&file.need("limit")?, two_kinds)?,
        child: if two_kinds { Some(born_from(&file.need("child")?)?) } else { None },
        turn: turn(&file.need("turn")?)?,
        proxy: proxy(&file.need("proxy")?)?,
        price_ntd_per_piece: file.need("price_ntd_per_piece")?.number(0..=PRICE_NTD_MAX)?,
        allotment: allotment(&file.need("allotment")?, two_kinds)?,
        notices: file.need("notices")?.notices()?,
        documents: file.take("documents").map_or(Ok(Documents::default()), |field| documents(&field))?,
        clock: file.take("clock").map_or(Ok(ClockRule::default()), |field| clock(&field))?,
        knowledge: file.take("knowledge").map_or(Ok(KnowledgeRule::default()), |field| knowledge(&field))?,
        list_days_max: file.take("access").map(|field| list_days_max(&field)).transpose()?,
    })
}

fn goods(field: &Field<'_>) -> Read<Goods> {
    let mut fields = field.fields()?;
    let adult = good(&fields.need("adult")?)?;
    let child = fields.take("child").map(|field| good(&field)).transpose()?;
    fields.finish()?;
    Ok(Goods { adult, child })
}

fn good(field: &Field<'_>) -> Read<Good> {
    let mut fields = field.fields()?;
    let name = fields.need("name")?.text(TITLE_CHARS_MAX)?;
    let unit = fields.need("unit")?.text(TITLE_CHARS_MAX)?;
    fields.finish()?;
    Ok(Good { name, unit })
}

fn window(field: &Field<'_>) -> Read<Window> {
    let mut fields = field.fields()?;
    let window = match (fields.take("rolling_days"), fields.take("round")) {
        (Some(days), None) => Window::Rolling { days: days.number(1..=WINDOW_DAYS_MAX)? },
        (None, Some(round_field)) => round(&round_field)?,
        (None, None) => return Err(fields.fault("rolling_days", Why::Missing)),
        (Some(_), Some(round)) => {
            return Err(round.fault(Why::Contradicts {
                zh: "不可同時有 rolling_days 與 round",
                en: "must not stand beside rolling_days",
            }));
        }
    };
    fields.finish()?;
    Ok(window)
}

fn round(field: &Field<'_>) -> Read<Window> {
    let mut fields = field.fields()?;
    let number = fields.need("number")?.number(1..=ROUND_MAX)?;
    let from = fields.need("from")?.rule_day()?;
    let next = match fields.take("next") {
        None => None,
        Some(field) => match field.rule_day()? {
            next if next > from => Some(next),
            _ => return Err(field.fault(Why::NotAfter(from))),
        },
    };
    fields.finish()?;
    Ok(Window::Round { number, from, next })
}

/// A version of rounds begins within its round.
fn check_in_round(field: &Field<'_>, day: NaiveDate, window: Window) -> Read<()> {
    match window {
        Window::Rolling { days: _ } => Ok(()),
        Window::Round { number: _, from, next } if day >= from && next.is_none_or(|next| day < next) => Ok(()),
        Window::Round { number: _, from: _, next: _ } => {
            Err(field
                .fault(Why::Contradicts { zh: "不在 window.round 之內", en: "does not lie within window.round" }))
        }
    }
}

fn card_limits(field: &Field<'_>, two_kinds: bool) -> Read<CardLimits> {
    let mut fields = field.fields()?;
    let adult_card = limits(&fields.need("adult_card")?, two_kinds, 0)?;
    let child_card = if two_kinds { limits(&fields.need("child_card")?, true, 1)? } else { adult_card };
    fields.finish()?;
    Ok(CardLimits { adult_card, child_card })
}

fn limits(field: &Field<'_>, two_kinds: bool, child_min: u32) -> Read<Limits> {
    let mut fields = field.fields()?;
    let adult = fields.need("adult")?.number(1..=LIMIT_PIECES_MAX)?;
    if !two_kinds {
        fields.finish()?;
        return Ok(Limits { adult, child: 0, mixed: adult });
    }
    let child = fields.need("child")?.number(child_min..=LIMIT_PIECES_MAX)?;
    let mixed_field = fields.need("mixed")?;
    let mixed = mixed_field.number(1..=LIMIT_PIECES_MAX)?;
    if child == 0 && mixed != adult {
        return Err(mixed_field
            .fault(Why::Contradicts {
                zh: "child 為 0 時須與 adult 相同", en: "must equal adult where child is 0"
            }));
    }
    fields.finish()?;
    Ok(Limits { adult, child, mixed })
}

/// `born_from_year = 2008` or `born_from = "2004-01-01"`.
fn born_from(field: &Field<'_>) -> Read<BornFrom> {
    let mut fields = field.fields()?;
    let born = take_born_from(&mut fields)?;
    fields.finish()?;
    Ok(born)
}

fn take_born_from(fields: &mut Fields<'_>) -> Read<BornFrom> {
    match (fields.take("born_from_year"), fields.take("born_from")) {
        (Some(year), None) => {
            year.number(BIRTH_YEARS).map(|year| BornFrom::Year(i32::try_from(year).unwrap_or(i32::MAX)))
        }
        (None, Some(field)) => match field.day()? {
            day if u32::try_from(day.year()).is_ok_and(|year| BIRTH_YEARS.contains(&year)) => Ok(BornFrom::Day(day)),
            day => Err(field.fault(Why::Day(day.to_string()))),
        },
        (None, None) => Err(fields.fault("born_from_year", Why::Missing)),
        (Some(_), Some(day)) => Err(day.fault(Why::Contradicts {
            zh: "不可同時有 born_from_year 與 born_from",
            en: "must not stand beside born_from_year",
        })),
    }
}

fn turn(field: &Field<'_>) -> Read<Turn> {
    let mut fields = field.fields()?;
    let turn = match fields.need("rule")?.choice("everyone, odd-even", |word| match word {
        "everyone" => Some(false),
        "odd-even" => Some(true),
        _ => None,
    })? {
        false => Turn::Everyone,
        true => Turn::OddEven {
            odd: weekdays(&fields.need("odd")?)?,
            even: weekdays(&fields.need("even")?)?,
            free_for: fields.take("free_for").map(|field| born_from(&field)).transpose()?,
        },
    };
    fields.finish()?;
    Ok(turn)
}

/// At least one: a person whose day never comes could not be told when to come.
fn weekdays(field: &Field<'_>) -> Read<WeekdaySet> {
    let days = field.list(7)?;
    if days.is_empty() {
        return Err(field.fault(Why::Empty));
    }
    let mut set = WeekdaySet::EMPTY;
    for day in days {
        set.insert(day.choice("mon, tue, wed, thu, fri, sat, sun", weekday)?);
    }
    Ok(set)
}

fn weekday(word: &str) -> Option<Weekday> {
    match word {
        "mon" => Some(Weekday::Mon),
        "tue" => Some(Weekday::Tue),
        "wed" => Some(Weekday::Wed),
        "thu" => Some(Weekday::Thu),
        "fri" => Some(Weekday::Fri),
        "sat" => Some(Weekday::Sat),
        "sun" => Some(Weekday::Sun),
        _ => None,
    }
}

fn proxy(field: &Field<'_>) -> Read<ProxyCards> {
    let mut fields = field.fields()?;
    let cards_per_day = fields.need("cards_per_day")?.number(0..=PROXY_CARDS_MAX)?;
    let young = fields.take("young").map(|field| young_cards(&field)).transpose()?;
    fields.finish()?;
    Ok(ProxyCards { cards_per_day, young })
}

fn young_cards(field: &Field<'_>) -> Read<YoungCards> {
    let mut fields = field.fields()?;
    let born_from = take_born_from(&mut fields)?;
    let cards_per_day = fields.need("cards_per_day")?.number(0..=PROXY_CARDS_MAX)?;
    fields.finish()?;
    Ok(YoungCards { born_from, cards_per_day })
}

fn allotment(field: &Field<'_>, two_kinds: bool) -> Read<Pieces> {
    let mut fields = field.fields()?;
    let adult = fields.need("adult")?.number(0..=ALLOTMENT_PIECES_MAX)?;
    let child = if two_kinds { fields.need("child")?.number(0..=ALLOTMENT_PIECES_MAX)? } else { 0 };
    fields.finish()?;
    Ok(Pieces { adult, child })
}

fn documents(field: &Field<'_>) -> Read<Documents> {
    let mut fields = field.fields()?;
    let off = fields.take("off").map_or(Ok(Vec::new()), |field| kinds(&field))?;
    let free_of_turn = fields.take("free_of_turn").map_or(Ok(Vec::new()), |field| kinds(&field))?;
    fields.finish()?;
    Ok(Documents { off, free_of_turn })
}

fn clock(field: &Field<'_>) -> Read<ClockRule> {
    let mut fields = field.fields()?;
    let doubt_s_max = fields.need("doubt_s_max")?.number(DOUBTS_S)?;
    let when_doubtful = fields.need("when_doubtful")?.choice("mark, refuse", |word| match word {
        "mark" => Some(WhenDoubtful::Mark),
        "refuse" => Some(WhenDoubtful::Refuse),
        _ => None,
    })?;
    fields.finish()?;
    Ok(ClockRule { doubt_s_max, when_doubtful })
}

/// Whatever the table leaves out means what it means without the table.
fn knowledge(field: &Field<'_>) -> Read<KnowledgeRule> {
    let mut fields = field.fields()?;
    let usual = KnowledgeRule::default();
    let fresh_hours =
        fields.take("fresh_hours").map_or(Ok(usual.fresh_hours), |field| field.number(1..=KNOWLEDGE_HOURS_MAX))?;
    let stale_hours = fields
        .take("stale_hours")
        .map_or(Ok(usual.stale_hours.max(fresh_hours)), |field| field.number(fresh_hours..=KNOWLEDGE_HOURS_MAX))?;
    // Not `refuse`: nothing could ever be sold.
    let connected = fields.take("connected").map_or(Ok(usual.connected), |field| {
        field.choice("sell, one-piece, manager", |word| allowed(word).filter(|allowed| *allowed != Allowed::Refuse))
    })?;
    let mut step =
        |name| fields.take(name).map_or(Ok(Allowed::Sell), |it| it.choice("sell, one-piece, manager, refuse", allowed));
    let (fresh, stale, very_stale, never) = (step("fresh")?, step("stale")?, step("very_stale")?, step("never")?);
    fields.finish()?;
    Ok(KnowledgeRule { fresh_hours, stale_hours, connected, fresh, stale, very_stale, never })
}

/// Who may look may sell only while the list of revoked cards is no older.
fn list_days_max(field: &Field<'_>) -> Read<u32> {
    let mut fields = field.fields()?;
    let days = fields.need("list_days_max")?.number(1..=LIST_DAYS_MAX)?;
    fields.finish()?;
    Ok(days)
}

fn allowed(word: &str) -> Option<Allowed> {
    match word {
        "sell" => Some(Allowed::Sell),
        "one-piece" => Some(Allowed::OnePiece),
        "manager" => Some(Allowed::Manager),
        "refuse" => Some(Allowed::Refuse),
        _ => None,
    }
}

fn kinds(field: &Field<'_>) -> Read<Vec<DocumentKind>> {
    let all = DocumentKind::ALL.len();
    field.list(all)?.iter().map(|kind| kind.choice("01, 02, 03, 04, 05", DocumentKind::from_code)).collect()
}
