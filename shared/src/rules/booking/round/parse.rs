//! What the fields of a round's file mean.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use super::{GROUPS_MAX, Group, Interval, NUMBER_MAX, ROUND_BRANDS_MAX, Round};
use crate::entry::booking::Brands;
use crate::rules::programme::reader::{Field, Fields, file};
use crate::rules::programme::{BadVersion, Why};

const TITLE_CHARS_MAX: usize = 60;
const COUNTY_CHARS_MAX: usize = 10;
const COUNTIES_MAX: usize = 22;
const AGE_MAX: u32 = 130;
const INTERVAL_DAYS_MAX: u32 = 366;

type Read<T> = Result<T, BadVersion>;

/// The whole file.
pub(super) fn round(text: &str) -> Read<Round> {
    file(text, read)
}

fn read(file: &mut Fields<'_>) -> Read<Round> {
    let opens = moment(&file.need("opens")?)?;
    let closes_field = file.need("closes")?;
    let closes = moment(&closes_field)?;
    if closes <= opens {
        return Err(closes_field.fault(Why::NotAfter(opens.date())));
    }
    let first_day = file.need("first_day")?.rule_day()?;
    let last_field = file.need("last_day")?;
    let last_day = last_field.rule_day()?;
    if last_day < first_day {
        return Err(last_field.fault(Why::NotAfter(first_day)));
    }
    Ok(Round {
        programme: file.need("programme")?.id()?,
        name: file.need("name")?.id()?,
        number: file.need("number")?.number(1..=NUMBER_MAX)?,
        title: file.need("title")?.text(TITLE_CHARS_MAX)?,
        opens,
        closes,
        first_day,
        last_day,
        brands: brands(&file.need("brands")?)?,
        interval: file.take("interval").map(|field| interval(&field)).transpose()?,
        groups: groups(&file.need("groups")?)?,
        notices: file.take("notices").map_or(Ok(Vec::new()), |field| field.notices())?,
    })
}

/// `2021-07-13T10:00` or with a blank, in Taipei's time.
fn moment(field: &Field<'_>) -> Read<NaiveDateTime> {
    let text = field.date_text()?;
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let moment = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
    moment.ok_or_else(|| field.fault(Why::Moment(text.chars().take(40).collect())))
}

fn brands(field: &Field<'_>) -> Read<Vec<String>> {
    let list = field.list(ROUND_BRANDS_MAX)?;
    let mut out: Vec<String> = Vec::new();
    for item in &list {
        let word = item.words(COUNTY_CHARS_MAX)?;
        let is_one = word.parse::<Brands>().is_ok_and(|brands| brands.iter().count() == 1);
        if !is_one || out.iter().any(|known| known == word) {
            return Err(item
                .fault(Why::Contradicts {
                    zh: "廠牌須為不重複之大寫英數字", en: "must be A-Z and 0-9, each once"
                }));
        }
        out.push(word.to_owned());
    }
    if out.is_empty() { Err(field.fault(Why::Empty)) } else { Ok(out) }
}

fn interval(field: &Field<'_>) -> Read<Interval> {
    let mut fields = field.fields()?;
    let days = fields.need("days")?.number(0..=INTERVAL_DAYS_MAX)?;
    let same_brand = fields.take("same_brand").map_or(Ok(false), |field| field.flag())?;
    let mut after = BTreeMap::new();
    if let Some(table) = fields.take("after") {
        for brand in table.fields()?.take_all() {
            after.insert(brand.name().to_owned(), brand.number(0..=INTERVAL_DAYS_MAX)?);
        }
    }
    fields.finish()?;
    Ok(Interval { days, after, same_brand })
}

fn groups(field: &Field<'_>) -> Read<Vec<Group>> {
    let groups: Vec<Group> = field.list(GROUPS_MAX)?.iter().map(group).collect::<Read<_>>()?;
    if groups.is_empty() { Err(field.fault(Why::Empty)) } else { Ok(groups) }
}

fn group(field: &Field<'_>) -> Read<Group> {
    let mut fields = field.fields()?;
    let mut years = |name| fields.take(name).map(|field| field.number(0..=AGE_MAX)).transpose();
    let (age_from, age_to) = (years("age_from")?, years("age_to")?);
    let small = |field: Field<'_>| field.number(0..=15).map(|number| u8::try_from(number).unwrap_or(u8::MAX));
    let category = |field: &Field<'_>| field.number(1..=255).map(|number| u8::try_from(number).unwrap_or(u8::MAX));
    let group = Group {
        title: fields.need("title")?.text(TITLE_CHARS_MAX)?,
        age_from,
        age_to,
        categories: match fields.take("categories") {
            Some(list) => list.list(255)?.iter().map(category).collect::<Read<_>>()?,
            None => Vec::new(),
        },
        registered: fields.take("registered").map_or(Ok(false), |field| field.flag())?,
        doses_from: fields.take("doses_from").map(small).transpose()?,
        doses_to: fields.take("doses_to").map(small).transpose()?,
        opens: fields.take("opens").map(|field| moment(&field)).transpose()?,
        counties: match fields.take("counties") {
            Some(list) => list
                .list(COUNTIES_MAX)?
                .iter()
                .map(|county| county.words(COUNTY_CHARS_MAX).map(str::to_owned))
                .collect::<Read<_>>()?,
            None => Vec::new(),
        },
    };
    fields.finish()?;
    Ok(group)
}
