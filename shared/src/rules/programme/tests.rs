//! Version files: the shipped ones read, the wrong ones name field and line.

use super::*;
use crate::rules::knowledge::Allowed;
use proptest::prelude::*;

const MASK: &str = include_str!("../../../programmes/mask-2020-02-06.toml");
const KIT: &str = include_str!("../../../programmes/kit-2022-08-15.toml");

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The fault that replacing `old` by `new` makes in a good file.
fn fault(file: &str, old: &str, new: &str) -> BadVersion {
    assert!(file.contains(old), "{old:?} is not in the file");
    Version::parse(&file.replacen(old, new, 1)).expect_err(new)
}

fn line_of(file: &str, needle: &str) -> usize {
    1 + file.lines().position(|line| line.contains(needle)).unwrap()
}

#[test]
fn every_shipped_version_reads_under_its_own_name() {
    for (name, text) in shipped() {
        let version = Version::parse(text).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        assert_eq!(version.name.as_str(), *name);
        assert_eq!(*name, format!("{}-{}", version.programme, version.from));
        assert_eq!(version.notices.len(), 5, "{name}: 口罩購買說明 has five lines");
        assert_eq!(shipped_text(name), Some(*text));
    }
    assert_eq!(shipped_text("mask-2020-02-07"), None);
}

#[test]
fn m21_the_first_version_has_the_manuals_five_lines() {
    let lines: Vec<_> = Version::parse(MASK).unwrap().notices.into_iter().map(|notice| notice.zh).collect();
    let manual = [
        "1.每人一次限購2片(7天內只能購買2片,2片10元)。",
        "2.身分證字號末碼雙號者(0、2、4、6、8)可於每週二、四、六購買,單號者(1、3、5、7、9)可於每週一、三、五購買,週日則開放全民皆可購買",
        "3.代購:一人限代持一張健保卡,購買規則相同。",
        "4.每日每個販售點成人口罩200片,兒童口罩50片,但會依實際口罩生產產能作調整。",
        "5.兒童口罩僅限12歲以下兒童健保卡(民國97年以後出生者)購買。",
    ];
    assert_eq!(lines, manual);
}

#[test]
fn a_wrong_field_is_named_with_its_line() {
    let cases = [
        ("rolling_days = 7", "rolling_days = 0", "window.rolling_days", "must be 1 to 366, is 0"),
        ("rolling_days = 7", "rolling_days = 367", "window.rolling_days", "must be 1 to 366, is 367"),
        ("rolling_days = 7", "rolling_days = -7", "window.rolling_days", "must be 1 to 366, is -7"),
        ("rolling_days = 7", "rolling_days = 7.5", "window.rolling_days", "must be a whole number"),
        ("rolling_days = 7", "rolling_days = 99999999999999999999", "window.rolling_days", "must be 1 to 366"),
        ("adult = 2", "adult = 1001", "limit.adult_card.adult", "must be 1 to 1000, is 1001"),
        ("adult = 2", "adult = 0", "limit.adult_card.adult", "must be 1 to 1000, is 0"),
        ("mixed = 2", "mixed = 3", "limit.adult_card.mixed", "must equal adult where child is 0"),
        (
            "from = \"2020-02-06\"",
            "from = \"2020-02-30\"",
            "from",
            "must be a day such as 2020-02-06, is \"2020-02-30\"",
        ),
        ("from = \"2020-02-06\"", "from = \"2020-2-6\"", "from", "must be a day such as 2020-02-06, is \"2020-2-6\""),
        ("from = \"2020-02-06\"", "from = \"0109-02-06\"", "from", "must be 2000 to 2200, is 109"),
        (
            "name = \"mask-2020-02-06\"",
            "name = \"Mask 1\"",
            "name",
            "must be 1 to 40 of a-z, 0-9 and hyphen, is \"Mask 1\"",
        ),
        ("title = { zh = \"口罩實名制\"", "title = { zh = \" \"", "title.zh", "must not be empty"),
        ("rule = \"odd-even\"", "rule = \"odd\"", "turn.rule", "must be one of everyone, odd-even, is \"odd\""),
        (
            "odd = [\"mon\"",
            "odd = [\"mun\"",
            "turn.odd.1",
            "must be one of mon, tue, wed, thu, fri, sat, sun, is \"mun\"",
        ),
        ("even = [\"tue\", \"thu\", \"sat\", \"sun\"]", "even = []", "turn.even", "must not be empty"),
        ("born_from_year = 2008", "born_from_year = 97", "child.born_from_year", "must be 1912 to 2100, is 97"),
        (
            "one_purchase_per_window = true",
            "one_purchase_per_window = 1",
            "one_purchase_per_window",
            "must be true or false",
        ),
        ("price_ntd_per_piece = 5", "price_ntd_per_peice = 5", "price_ntd_per_piece", "is missing"),
        ("cards_per_day = 1", "cards_per_day = 101", "proxy.cards_per_day", "must be 0 to 100, is 101"),
    ];
    for (old, new, field, why) in cases {
        let bad = fault(MASK, old, new);
        assert_eq!(bad.field, field, "{new}");
        assert_eq!(bad.why.en(), why, "{new}");
        if bad.why != Why::Missing {
            assert_eq!(bad.line, line_of(MASK, old), "{new}");
        }
        assert!(bad.to_string().starts_with(&format!("line {}, field {field}: ", bad.line)));
        assert!(bad.zh().starts_with(&format!("第 {} 行，欄位 {field}：", bad.line)), "{}", bad.zh());
    }
}

#[test]
fn a_wrong_field_is_explained_in_chinese() {
    let name = |is: &str| Why::Name(is.to_owned());
    let cases = [
        (Why::Missing, "缺少此欄位"),
        (Why::Shape(Shape::Text), "須為文字（以引號括起）"),
        (Why::Shape(Shape::Number), "須為整數"),
        (Why::Shape(Shape::Flag), "須為true 或 false"),
        (Why::Shape(Shape::Table), "須為表格"),
        (Why::Shape(Shape::List), "須為清單"),
        (Why::Range { low: 1, high: 366, is: Some(0) }, "須為 1 至 366，現為 0"),
        (Why::NotAfter(day("2022-08-15")), "須晚於 2022-08-15（111/08/15）"),
        (name("Mask 1"), "須為 1 至 40 個小寫英文、數字或連字號，現為 \"Mask 1\""),
    ];
    for (why, zh) in cases {
        assert_eq!(why.zh(), zh);
        let bad = BadVersion { line: 3, field: "limit".to_owned(), why };
        assert_eq!(bad.zh(), format!("第 3 行，欄位 limit：{zh}"));
        assert_eq!(bad.en(), format!("line 3, field limit: {}", bad.why.en()));
    }
}

#[test]
fn a_day_of_birth_lies_within_the_calendar_of_people() {
    let born =
        |day: &str| Version::parse(&MASK.replacen("born_from_year = 2008", &format!("born_from = \"{day}\""), 1));
    assert_eq!(born("1912-01-01").unwrap().child, Some(BornFrom::Day(day("1912-01-01"))));
    assert_eq!(born("2100-12-31").unwrap().child, Some(BornFrom::Day(day("2100-12-31"))));
    for beyond in ["1911-12-31", "2101-01-01"] {
        let bad = born(beyond).unwrap_err();
        assert_eq!((bad.field.as_str(), bad.why), ("child.born_from", Why::Day(beyond.to_owned())));
    }
}

#[test]
fn as_much_as_fits_is_read_and_one_more_is_not() {
    let padded = |bytes: usize| format!("{MASK}#{}", "x".repeat(bytes - MASK.len() - 1));
    assert_eq!(Version::parse(&padded(VERSION_BYTES_MAX)), Version::parse(MASK));
    assert_eq!(Version::parse(&padded(VERSION_BYTES_MAX + 1)).unwrap_err().field, "(toml)");
    let too_long = |text: &str| Version::parse(text).err().map(|bad| (bad.field, bad.why));
    for (beyond, title) in [(0, None), (1, Some("title.zh")), (2, Some("title.zh"))] {
        let text = MASK.replacen(
            "title = { zh = \"口罩實名制\"",
            &format!("title = {{ zh = \"{}\"", "字".repeat(60 + beyond)),
            1,
        );
        assert_eq!(too_long(&text), title.map(|title| (title.to_owned(), Why::TooLong { most: 60 })));
        let notice = "[[notices]]\nzh = \"一\"\nen = \"one\"\n".repeat(15 + beyond);
        let notices = title.map(|_| ("notices".to_owned(), Why::TooLong { most: 20 }));
        assert_eq!(too_long(&format!("{MASK}\n{notice}")), notices, "five lines and {}", 15 + beyond);
    }
}

/// The mask file with a table for clocks, which the shipped ones leave out: an edge of the first version refuses it.
fn clocked(table: &str) -> String {
    MASK.replacen("[[notices]]", &format!("[clock]\n{table}\n[[notices]]"), 1)
}

#[test]
fn a_bad_table_for_clocks_is_named() {
    for (table, field, why) in [
        ("doubt_s_max = 9\nwhen_doubtful = \"mark\"\n", "clock.doubt_s_max", "must be 10 to 2678400, is 9"),
        ("when_doubtful = \"mark\"\n", "clock.doubt_s_max", "is missing"),
        (
            "doubt_s_max = 300\nwhen_doubtful = \"hide\"\n",
            "clock.when_doubtful",
            "must be one of mark, refuse, is \"hide\"",
        ),
    ] {
        let bad = Version::parse(&clocked(table)).unwrap_err();
        assert_eq!((bad.field.as_str(), bad.why.en().as_str()), (field, why), "{table}");
    }
}

#[test]
fn a_version_of_before_says_nothing_of_clocks_and_means_mark() {
    let with = clocked("doubt_s_max = 300\nwhen_doubtful = \"mark\"\n");
    assert_eq!(Version::parse(&with), Version::parse(MASK));
    let refuse = clocked("doubt_s_max = 60\nwhen_doubtful = \"refuse\"\n");
    let clock = Version::parse(&refuse).unwrap().clock;
    assert_eq!(clock, ClockRule { doubt_s_max: 60, when_doubtful: WhenDoubtful::Refuse });
}

/// The mask file with a table for old knowledge, which the shipped ones leave out as they leave out clocks.
fn knowing(table: &str) -> String {
    MASK.replacen("[[notices]]", &format!("[knowledge]\n{table}\n[[notices]]"), 1)
}

#[test]
fn a_bad_table_for_knowledge_is_named() {
    for (table, field, why) in [
        ("fresh_hours = 0\n", "knowledge.fresh_hours", "must be 1 to 744, is 0"),
        ("stale_hours = 2\n", "knowledge.stale_hours", "must be 3 to 744, is 2"),
        ("fresh_hours = 24\nstale_hours = 745\n", "knowledge.stale_hours", "must be 24 to 744, is 745"),
        ("stale = \"ask\"\n", "knowledge.stale", "must be one of sell, one-piece, manager, refuse, is \"ask\""),
        // With a line to the hub something must be sold.
        ("connected = \"refuse\"\n", "knowledge.connected", "must be one of sell, one-piece, manager, is \"refuse\""),
        ("old = \"sell\"\n", "knowledge.old", "does not exist: check the spelling"),
    ] {
        let bad = Version::parse(&knowing(table)).unwrap_err();
        assert_eq!((bad.field.as_str(), bad.why.en().as_str()), (field, why), "{table}");
    }
}

#[test]
fn a_version_that_says_nothing_of_knowledge_sells_at_every_step() {
    let said = "fresh_hours = 3\nstale_hours = 72\nconnected = \"sell\"\nfresh = \"sell\"\nstale = \"sell\"\n\
                very_stale = \"sell\"\nnever = \"sell\"\n";
    for table in ["", said] {
        assert_eq!(Version::parse(&knowing(table)), Version::parse(MASK), "{table}");
    }
    let steps = "fresh_hours = 96\nconnected = \"one-piece\"\nvery_stale = \"manager\"\nnever = \"refuse\"\n";
    let wanted = KnowledgeRule {
        fresh_hours: 96,
        stale_hours: 96,
        connected: Allowed::OnePiece,
        very_stale: Allowed::Manager,
        never: Allowed::Refuse,
        ..KnowledgeRule::default()
    };
    assert_eq!(Version::parse(&knowing(steps)).unwrap().knowledge, wanted);
}

#[test]
fn a_missing_field_is_named_with_the_line_of_its_table() {
    let bad = fault(MASK, "rolling_days = 7\n", "");
    assert_eq!((bad.field.as_str(), bad.line), ("window.rolling_days", line_of(MASK, "[window]")));
    let bad = fault(MASK, "adult = 2\nchild = 2\n", "adult = 2\n");
    assert_eq!((bad.field.as_str(), bad.line), ("limit.child_card.child", line_of(MASK, "[limit.child_card]")));
    let bad = fault(MASK, "programme = \"mask\"\n", "");
    assert_eq!((bad.field.as_str(), bad.line), ("programme", 1));
}

#[test]
fn an_unknown_field_is_named_with_its_line() {
    let bad = fault(MASK, "[window]\n", "[window]\nhours = 3\n");
    assert_eq!(bad.to_string(), format!("line {}, field window.hours: does not exist: check the spelling", bad.line));
    assert_eq!(bad.line, line_of(MASK, "[window]") + 1);
    let bad = fault(KIT, "adult = 2\n", "adult = 2\nchild = 2\n");
    assert_eq!(bad.field, "limit.adult_card.child", "no child goods, no child limit");
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    let bad = fault(MASK, "rolling_days = 7", "rolling_days = ");
    assert_eq!((bad.field.as_str(), bad.line), ("(toml)", line_of(MASK, "rolling_days")));
    let bad = fault(MASK, "rolling_days = 7", "rolling_days = 7\nrolling_days = 8");
    assert_eq!((bad.field.as_str(), bad.line), ("(toml)", line_of(MASK, "rolling_days") + 1));
    assert_eq!(Version::parse("").unwrap_err().field, "from");
    assert_eq!(Version::parse(&"#\n".repeat(40_000)).unwrap_err().field, "(toml)");
}

#[test]
fn rounds_must_make_sense() {
    let bad = fault(KIT, "next = \"2022-09-01\"", "next = \"2022-08-15\"");
    assert_eq!(
        bad.to_string(),
        format!("line {}, field window.round.next: must be after 2022-08-15", line_of(KIT, "next ="))
    );
    for from in ["2022-08-14", "2022-09-01"] {
        let bad = fault(KIT, "\nfrom = \"2022-08-15\"", &format!("\nfrom = \"{from}\""));
        assert_eq!((bad.field.as_str(), bad.why.en().as_str()), ("from", "does not lie within window.round"));
    }
    let bad = fault(KIT, "[window.round]", "[window]\nrolling_days = 7\n[window.round]");
    assert_eq!(bad.field, "window.round");
}

#[test]
fn days_may_be_written_with_and_without_quotation_marks() {
    let bare = MASK.replacen("from = \"2020-02-06\"", "from = 2020-02-06", 1);
    assert_eq!(Version::parse(&bare), Version::parse(MASK));
    let bad = fault(MASK, "from = \"2020-02-06\"", "from = 2020-02-06T08:00:00");
    assert_eq!((bad.field.as_str(), bad.line), ("from", line_of(MASK, "from = ")));
}

#[test]
fn decision_14_by_year_alone_or_by_date() {
    let year = BornFrom::Year(2008);
    assert!(year.includes(day("2008-01-01")) && !year.includes(day("2007-12-31")));
    let date = BornFrom::Day(day("2004-07-01"));
    assert!(date.includes(day("2004-07-01")) && !date.includes(day("2004-06-30")));
}

#[test]
fn decision_3_the_latest_version_that_has_begun_is_in_force() {
    let mut versions = Versions::default();
    for (_, text) in shipped().iter().rev() {
        versions.insert(Version::parse(text).unwrap());
    }
    let mask: ProgrammeId = "mask".parse().unwrap();
    let kit: ProgrammeId = "kit".parse().unwrap();
    let name = |programme, on| versions.in_force(programme, day(on)).map(|version| version.name.to_string());
    assert_eq!(name(&mask, "2020-02-05"), None);
    assert_eq!(name(&mask, "2020-02-06").as_deref(), Some("mask-2020-02-06"));
    assert_eq!(name(&mask, "2020-02-19").as_deref(), Some("mask-2020-02-16"));
    assert_eq!(name(&mask, "2021-01-01").as_deref(), Some("mask-2020-04-19"));
    assert_eq!(name(&kit, "2022-06-12").as_deref(), Some("kit-2022-06-06"));
    let only = |on| versions.only_in_force(day(on)).map(|version| version.name.to_string());
    assert_eq!(only("2020-02-05"), None);
    assert_eq!(only("2020-03-01").as_deref(), Some("mask-2020-02-27"));
    assert_eq!(only("2022-05-01"), None, "masks and kits: somebody must say which");
    assert_eq!(versions.programmes().map(ProgrammeId::as_str).collect::<Vec<_>>(), ["kit", "mask"]);
    assert_eq!(versions.iter().count(), shipped().len());
    assert!(versions.named(&"kit-2022-06-13".parse().unwrap()).is_some());
}

#[test]
fn a_later_publication_replaces_and_wins() {
    let mut versions = Versions::default();
    let mask: ProgrammeId = "mask".parse().unwrap();
    let first = Version::parse(MASK).unwrap();
    let again = Version { price_ntd_per_piece: 6, ..first.clone() };
    versions.insert(first.clone());
    versions.insert(again);
    assert_eq!(versions.iter().count(), 1, "same name: replaced");
    let same_day = Version { name: "mask-corrected".parse().unwrap(), ..first };
    versions.insert(same_day);
    assert_eq!(versions.iter().count(), 2);
    let in_force = versions.in_force(&mask, day("2020-02-06")).unwrap();
    assert_eq!(in_force.name.as_str(), "mask-corrected", "same day: the later one");
}

proptest! {
    #[test]
    fn parse_never_panics_on_any_text(text in "\\PC*") {
        let _ = Version::parse(&text);
    }

    #[test]
    fn parse_never_panics_on_a_damaged_file(
        file in prop::sample::select(vec![MASK, KIT]),
        cut in 0usize..3000,
        len in 0usize..40,
        junk in "[\\[\\]{}=\"'.,a-z0-9\\n -]{0,12}",
    ) {
        let mut chars: Vec<char> = file.chars().collect();
        let cut = cut.min(chars.len());
        let end = (cut + len).min(chars.len());
        chars.splice(cut..end, junk.chars());
        let text: String = chars.into_iter().collect();
        if let Err(bad) = Version::parse(&text) {
            prop_assert!(bad.line >= 1 && bad.line <= text.lines().count() + 1, "{bad}");
            prop_assert!(!bad.field.is_empty() && !bad.zh().is_empty());
        }
    }
}
