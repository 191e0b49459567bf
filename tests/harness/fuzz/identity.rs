//! Documents as they are typed and as they are kept, and every other name that crosses a border.

use chrono::{Datelike, Days, NaiveDate};
use shared::ids::{ActorId, CaseId, DocId, EntryId, ProgrammeId, SiteCode};
use shared::rules::identity::{BadDocument, Document, DocumentKind};
use shared::seal::{Secret, SiteKeys};
use shared::wire::v1::document;

use super::choices::Choices;
use super::said::SITE;

/// What the counter types.
pub(super) fn typed(input: &[u8]) {
    let mut choices = Choices::new(input);
    let kind = if choices.rarely() { choices.text(6) } else { choices.pick(&DocumentKind::ALL).code().to_owned() };
    let today = NaiveDate::from_ymd_opt(2020, 2, 6).expect("a day") + Days::new(u64::from(choices.byte()) * 9);
    let birth = if choices.flag() { "1986-03-15".to_owned() } else { choices.text(24) };
    let number = if choices.flag() { numbered(&mut choices) } else { choices.text(70) };
    match Document::parse(&kind, &number, &birth, today) {
        Ok(document) => {
            assert!(document.birth() <= today && document.birth().year() >= 1912);
            check(&document);
            let back = [
                document.birth().to_string(),
                document.birth().format("%Y%m%d").to_string(),
                format!("{:03}{}", document.birth().year() - 1911, document.birth().format("%m%d")),
            ];
            for birth in back {
                assert_eq!(
                    Document::parse(document.kind().code(), document.number(), &birth, today).as_ref(),
                    Ok(&document)
                );
            }
        }
        Err(bad) => {
            let told = told(&bad);
            assert!(
                number.trim().chars().count() < 8
                    || !told.contains(number.trim())
                    || is_our_word(&number, &kind, &birth, today),
                "the refusal tells the number: {told}"
            );
            let right = is_right(&number) && kind == "02" && birth == "1986-03-15";
            assert!(!right, "refused, and nothing is wrong: {bad}");
        }
    }
}

fn told(bad: &BadDocument) -> String {
    [bad.zh(), bad.en(), format!("{bad:?}")].concat()
}

/// Whether a refusal says this to others too, who typed another number: somebody typed what our refusals say.
fn is_our_word(number: &str, kind: &str, birth: &str, today: NaiveDate) -> bool {
    let others = [(kind, "#"), (kind, "A123456788"), ("05", "X1")];
    let refused = others.into_iter().filter_map(|(kind, other)| Document::parse(kind, other, birth, today).err());
    !others.iter().any(|(_, other)| *other == number.trim())
        && refused.into_iter().any(|bad| told(&bad).contains(number.trim()))
}

/// A number of a right shape, mostly with a right check digit.
pub(super) fn numbered(choices: &mut Choices<'_>) -> String {
    let letter = char::from(b'A' + choices.byte() % 26);
    let second = *choices.pick(b"1289ABCD");
    let digits: String = (0..8).map(|_| char::from(b'0' + choices.byte() % 10)).collect();
    let number = format!("{letter}{}{digits}", char::from(second));
    if choices.rarely() {
        return number;
    }
    let body = &number[..9];
    (0..10).map(|check| format!("{body}{check}")).find(|number| is_right(number)).unwrap_or(number)
}

/// What is sealed in a sale, as bytes.
pub(super) fn kept(input: &[u8]) {
    if let Ok(read) = document::decode(input) {
        check(&read);
    }
    let keys = SiteKeys::new(SITE.parse().expect("a site"), 1, &Secret::new([1; 32])).expect("keys");
    let id = EntryId { actor: ActorId([2; 16]), seq: 3 };
    let alien = shared::entry::Sealed(input.to_vec());
    assert!(keys.open(&id, 0, &alien).is_err(), "what nobody sealed opens");
}

pub(super) fn kept_seeds() -> Vec<Vec<u8>> {
    let today = NaiveDate::from_ymd_opt(2020, 2, 6).expect("a day");
    let kinds = [("01", "A123456789"), ("03", "AB00207171"), ("04", "X12"), ("05", "PA1234567")];
    let made = kinds.map(|(kind, number)| Document::parse(kind, number, "1986-03-15", today).expect("a document"));
    made.iter().map(document::encode).collect()
}

/// What holds for every document that was accepted.
fn check(read: &Document) {
    let (kind, number) = (read.kind(), read.number());
    match kind {
        DocumentKind::NhiCard | DocumentKind::NhiCardTyped | DocumentKind::ResidentCertificate => {
            assert!(is_right(number), "accepted with a wrong check digit");
        }
        DocumentKind::EntryPermit | DocumentKind::Passport => {
            assert!((1..=20).contains(&number.len()));
            assert!(number.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()));
        }
    }
    assert_eq!(Document::from_parts(kind, number, read.birth()).as_ref(), Ok(read));
    assert_eq!(document::decode(&document::encode(read)).as_ref(), Ok(read));
    let masked = read.masked();
    assert_eq!(masked.len(), number.len());
    let hidden = masked.bytes().filter(|c| *c == b'*').count();
    assert!(hidden * 10 >= number.len() * 4, "too much is shown: {masked}");
    let logged = format!("{read:?}{:?}", read.person());
    assert!(number.len() < 4 || !logged.contains(number), "a log would tell the number");
    assert!(read.last_digit().is_none_or(|digit| digit < 10));
    check_sealed(read);
}

/// Opens under its own name and key only.
fn check_sealed(read: &Document) {
    let keys = SiteKeys::new(SITE.parse().expect("a site"), 1, &Secret::new([1; 32])).expect("keys");
    let id = EntryId { actor: ActorId([2; 16]), seq: 3 };
    let sealed = keys.seal(&id, 0, read).expect("sealed");
    assert!(sealed.0.len() <= shared::seal::SEALED_BYTES_MAX);
    assert_eq!(keys.open(&id, 0, &sealed).as_ref(), Ok(read));
    assert!(keys.open(&id, 1, &sealed).is_err());
    assert!(keys.open(&EntryId { seq: 4, ..id }, 0, &sealed).is_err());
    for at in 0..sealed.0.len() {
        let mut other = sealed.clone();
        other.0[at] ^= 1;
        assert!(keys.open(&id, 0, &other).is_err(), "changed at {at}, and it opens");
    }
}

/// The check digit once more, by the published table of letters and by nothing of ours.
pub(super) fn is_right(number: &str) -> bool {
    const LETTERS: [(char, u32); 26] = [
        ('A', 10),
        ('B', 11),
        ('C', 12),
        ('D', 13),
        ('E', 14),
        ('F', 15),
        ('G', 16),
        ('H', 17),
        ('I', 34),
        ('J', 18),
        ('K', 19),
        ('L', 20),
        ('M', 21),
        ('N', 22),
        ('O', 35),
        ('P', 23),
        ('Q', 24),
        ('R', 25),
        ('S', 26),
        ('T', 27),
        ('U', 28),
        ('V', 29),
        ('W', 32),
        ('X', 30),
        ('Y', 31),
        ('Z', 33),
    ];
    let value = |letter: char| LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, value)| *value);
    let chars: Vec<char> = number.chars().collect();
    let [first, second, digits @ ..] = chars.as_slice() else { return false };
    let Some(first) = value(*first) else { return false };
    let second = match second {
        '1' | '2' | '8' | '9' => second.to_digit(10),
        'A' | 'B' | 'C' | 'D' => value(*second).map(|value| value % 10),
        _ => None,
    };
    let digits: Option<Vec<u32>> = digits.iter().map(|c| if c.is_ascii() { c.to_digit(10) } else { None }).collect();
    let (Some(second), Some(digits)) = (second, digits) else { return false };
    let [a, b, c, d, e, f, g, check] = digits.as_slice() else { return false };
    let sum = first / 10 + 9 * (first % 10) + 8 * second + 7 * a + 6 * b + 5 * c + 4 * d + 3 * e + 2 * f + g + check;
    sum % 10 == 0
}

/// Every other name: one spelling each, and it comes back.
pub(super) fn names(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(site) = text.parse::<SiteCode>() {
        assert_eq!((site.to_string().as_str(), site.as_str()), (&*text, &*text));
        let _ = site.check_digit_fits();
    }
    if let Ok(doc) = text.parse::<DocId>() {
        assert_eq!(doc.to_string(), text);
    }
    if let Ok(id) = text.parse::<EntryId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = text.parse::<CaseId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(name) = text.parse::<ProgrammeId>() {
        assert_eq!(name.to_string(), text);
    }
    if let Some(time) = edge::stated::parse(&text) {
        let minute = time.format("%Y-%m-%d %H:%M:%S").to_string();
        assert_eq!(edge::stated::parse(&minute), Some(time.with_nanos_cut()), "{text}");
    }
}

trait Cut {
    fn with_nanos_cut(self) -> Self;
}

impl Cut for chrono::NaiveDateTime {
    fn with_nanos_cut(self) -> Self {
        use chrono::Timelike;
        self.with_nanosecond(0).unwrap_or(self)
    }
}

pub(super) fn name_seeds() -> Vec<Vec<u8>> {
    let id = format!("{}-12", "07".repeat(16));
    let texts = [
        SITE,
        "site/5931102274/2020-02-06",
        "desk/5931102274/2020-02",
        "nation/2020-02",
        &id,
        &id[..32],
        "mask-2020-02-06",
        "109/02/06 10:30",
        "2020-02-06T10:30:00+08:00",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
