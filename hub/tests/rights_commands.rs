//! `staff`, `issuer`, `crl` and `notice` as an operator runs them: words, exit codes, and nothing half done.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

#[path = "support/cards.rs"]
mod cards;
#[path = "support/operator.rs"]
mod operator;

use cards::*;
use operator::*;
use serde_json::Value;

const TAMSUI: &str = "5931102274";
const OTHER: &str = "3501200000";
const MORNING: &str = "2020-02-06T09:00:00+08:00";

/// Two sites, and nobody with rights.
fn ready() -> Folder {
    Folder::ready(MORNING, &[[TAMSUI, "淡水藥局", "pharmacy"], [OTHER, "虛擬診所", "clinic"]])
}

impl Folder {
    /// The same, where an authority's cards of people and of sites count.
    fn with(authority: &Authority) -> Self {
        let folder = ready();
        let file = folder.file("hca.pem", authority.pem().as_bytes());
        folder.done(&["issuer", "add", &file, "--card", "professional", "--card", "institution"]);
        folder
    }

    /// `staff grant` with this certificate.
    fn grant<'a>(&self, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["staff", "grant", TAMSUI, "--name", "王小明", "--certificate", file], more].concat()
    }

    fn staff(&self) -> Vec<Value> {
        self.done(&["staff", "list", TAMSUI])["staff"].as_array().unwrap().clone()
    }
}

fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}

#[test]
fn only_authorities_that_may_still_sign_are_published() {
    let folder = ready();
    let (good, rsa) = (Authority::new("HCA"), Authority::rsa("MOICA"));
    let add = |name: &str, bytes: &[u8], card: &str| {
        let file = folder.file(name, bytes);
        folder.refused(&["issuer", "add", &file, "--card", card])
    };
    let garbage = add("garbage.pem", b"garbage", "citizen");
    assert!(garbage.contains("garbage.pem") && garbage.contains("不是憑證檔"), "{garbage}");
    assert!(add("long.der", &[0x30; 20_000], "citizen").contains("no certificate"));
    assert!(add("card.der", &good.card(1).der, "professional").contains("no authority's certificate"));
    assert!(add("expired.der", &Authority::expired("OLD").der(), "citizen").contains("expired"));
    assert!(add("sha1.der", &with_sha1(&rsa.der()), "citizen").contains("SHA-1"));
    assert!(add("good.der", &good.der(), "nhi").contains("NHI card has no certificate"));
    assert!(add("good.der", &good.der(), "visa").contains("visa"));
    assert_eq!(folder.done(&["issuer", "list"])["issuers"].as_array().unwrap().len(), 0);

    let file = folder.file("good.pem", good.pem().as_bytes());
    let added = folder.done(&["issuer", "add", &file, "--card", "institution", "--card", "professional"]);
    assert_eq!(added["published"]["cards"], serde_json::json!(["professional", "institution"]));
    let print = added["published"]["fingerprint"].as_str().unwrap().to_owned();
    assert!(folder.said(&["issuer", "list"]).contains("no list was imported"));
    assert!(folder.refused(&["issuer", "remove", "00ff"]).contains("issuer list"));
    assert!(folder.refused(&["issuer", "remove", ""]).contains("issuer list"));
    assert_eq!(folder.done(&["issuer", "remove", &print[..10]])["removed"]["holds"], false);
    assert!(folder.refused(&["issuer", "remove", &print]).contains("no published issuer"), "once");
    assert!(folder.said(&["issuer", "list"]).contains("taken back"));
    folder.done(&["issuer", "add", &file, "--card", "institution"]);
    assert_eq!(folder.done(&["issuer", "list"])["issuers"][0]["holds"], true, "the last word counts");
}

#[test]
fn staff_are_granted_listed_and_revoked() {
    let authority = Authority::new("HCA");
    let folder = Folder::with(&authority);
    let site_card = folder.file("site.der", &authority.card(1).der);
    let granted = folder.done(&folder.grant(&site_card, &["--card", "institution", "--right", "representative"]));
    assert_eq!(granted["granted"]["name"], "王○明", "masked");
    let card = folder.file("card.der", &authority.card(2).der);
    let args = ["--card", "professional", "--right", "manager", "--right", "service:masks", "--until", "2020-12-31"];
    let granted = folder.done(&folder.grant(&card, &args));
    let id = granted["granted"]["staff"].as_str().unwrap().to_owned();
    let said = folder.said(&["staff", "list", TAMSUI]);
    assert!(said.contains("機構代表") && said.contains("機構管理者") && said.contains("防疫口罩管控系統"), "{said}");
    assert!(said.contains("2020-12-31") && said.contains("中心 hub") && !said.contains("王小明"), "{said}");
    folder.done(&["staff", "revoke", TAMSUI, &id[..8], "--right", "service:masks", "--reason", "離職"]);
    let said = folder.said(&["staff", "list", TAMSUI]);
    assert!(said.contains("已收回") && said.contains("離職"), "{said}");
    let member = folder.staff().into_iter().find(|member| member["staff"] == id.as_str()).unwrap();
    let holds: Vec<&Value> = member["rights"].as_array().unwrap().iter().map(|right| &right["holds"]).collect();
    assert_eq!(holds, [&Value::from(true), &Value::from(false)]);
    assert!(
        folder
            .refused(&["staff", "revoke", TAMSUI, "00", "--right", "manager", "--reason", "x"])
            .contains("staff list")
    );
    let never = ["staff", "revoke", TAMSUI, &id, "--right", "service:booking", "--reason", "x"];
    assert!(folder.refused(&never).contains("never given service:booking"));
    let unknown = folder.refused(&["staff", "list", "0000000000"]);
    assert!(unknown.contains("unknown site"), "{unknown}");
    assert!(folder.refused(&["staff", "flagged", "0000000000"]).contains("unknown site"));
    assert_eq!(folder.done(&["staff", "flagged"])["staff_cases"].as_array().unwrap().len(), 0);
    assert_eq!(folder.done(&["cases"])["staff_cases"].as_array().unwrap().len(), 0);
    folder.done(&["rebuild"]);
    assert_eq!(folder.staff().len(), 2);
    folder.done(&["verify"]);
}

#[test]
fn who_must_not_be_granted_something_is_told_why() {
    let (authority, rsa) = (Authority::new("HCA"), Authority::rsa("MOICA"));
    let folder = Folder::with(&authority);
    let moica = folder.file("moica.der", &rsa.der());
    folder.done(&["issuer", "add", &moica, "--card", "citizen"]);
    let tell = |name: &str, bytes: &[u8], more: &[&str]| {
        let file = folder.file(name, bytes);
        folder.refused(&folder.grant(&file, more))
    };
    let (card, masks) = (authority.card(1).der, ["--card", "professional", "--right", "service:masks"]);
    let nhi = tell("card.der", &card, &["--card", "nhi", "--right", "service:masks"]);
    assert!(nhi.contains("機構代表") && nhi.contains("entered at the site"), "{nhi}");
    let bare = ["staff", "grant", TAMSUI, "--name", "x", "--right", "manager", "--card"];
    assert!(folder.refused(&[&bare[..], &["nhi"]].concat()).contains("entered at the site"));
    assert!(folder.refused(&[&bare[..], &["citizen"]].concat()).contains("--certificate"));
    assert!(tell("x.der", b"garbage", &masks).contains("no certificate"));
    assert!(tell("x.der", &authority.encrypting(1).der, &masks).contains("for encryption"));
    assert!(tell("x.der", &authority.der(), &masks).contains("an authority's certificate"));
    assert!(tell("x.der", &Authority::new("GCA").card(1).der, &masks).contains("no published issuer signed it"));
    assert!(tell("x.der", &rsa.card(1).der, &masks).contains("makes no professional's card"));
    assert!(
        tell("x.der", &with_sha1(&rsa.card(1).der), &["--card", "citizen", "--right", "manager"]).contains("SHA-1")
    );
    assert!(tell("x.der", &authority.card_until(1, 2020).der, &masks).contains("expired"));
    let representative = ["--card", "professional", "--right", "representative"];
    assert!(tell("card.der", &card, &representative).contains("the site's own card"));
    assert!(tell("card.der", &card, &["--card", "institution", "--right", "manager"]).contains("all others their own"));
    assert!(tell("card.der", &card, &["--card", "professional", "--right", "king"]).contains("king"));
    let late = ["--card", "professional", "--right", "manager", "--until", "2031-01-01"];
    assert!(tell("card.der", &card, &late).contains("2021-03-12"), "the last day that can be named");
    assert!(folder.refused(&folder.grant("/no/such/file", &masks)).contains("/no/such/file"));
    assert!(folder.staff().is_empty(), "nothing was written");
}

#[test]
fn an_import_is_done_as_a_whole_or_names_every_bad_line() {
    let authority = Authority::new("HCA");
    let folder = Folder::with(&authority);
    folder.file("one.der", &authority.card(1).der);
    let (two, head) = (base64(&authority.card(2).der), "site,name,card,right,until,certificate");
    let good = format!("{TAMSUI},王小明,professional,manager;service:masks,2020-12-31,one.der");
    let other = format!("{OTHER},李小華,professional,service:masks,,{two}");
    let bad = [
        "12,x,professional,manager,,one.der".to_owned(),
        format!("{TAMSUI},x,professional,king,,one.der"),
        format!("{TAMSUI},x,professional,manager,someday,one.der"),
        format!("{TAMSUI},x,professional,manager,,none.der"),
        format!("{TAMSUI},x,professional"),
    ];
    let nhi = format!("{TAMSUI},x,nhi,service:masks,,");
    let file = folder.file("bad.csv", [head, &good, &bad.join("\n"), &nhi, &other].join("\n").as_bytes());
    let told = folder.refused(&["staff", "import", &file]);
    for line in 3..9 {
        assert!(told.contains(&format!("line {line}:")), "{told}");
    }
    assert!(!told.contains("line 2:") && !told.contains("line 9:"), "{told}");
    // Lines that read well and are no grants.
    let refused = [
        nhi,
        "0000000000,x,professional,manager,,one.der".to_owned(),
        format!("{TAMSUI},x,institution,manager,,one.der"),
    ];
    let file = folder.file("refused.csv", [head, &good, &refused.join("\n")].join("\n").as_bytes());
    let told = folder.refused(&["staff", "import", &file]);
    assert!(told.contains("line 3:") && told.contains("line 4:") && told.contains("line 5:"), "{told}");
    assert!(told.contains("entered at the site") && told.contains("unknown site"), "{told}");
    assert!(folder.staff().is_empty(), "nothing half done");
    assert!(folder.refused(&["staff", "import", &folder.file("x.csv", b"site,name\n")]).contains("card"));
    assert!(folder.refused(&["staff", "import", &folder.file("none.csv", head.as_bytes())]).contains("no line in it"));

    let file = folder.file("good.csv", format!("\u{feff}{head}\n{good}\n{other}\n").as_bytes());
    assert_eq!(folder.done(&["staff", "import", &file])["granted"], 2);
    assert_eq!(folder.staff()[0]["rights"].as_array().unwrap().len(), 2);
}

#[test]
fn a_list_is_taken_from_a_published_issuer_and_never_an_older_one() {
    let (authority, rsa) = (Authority::new("HCA"), Authority::rsa("MOICA"));
    let folder = Folder::with(&authority);
    let moica = folder.file("moica.der", &rsa.der());
    folder.done(&["issuer", "add", &moica, "--card", "citizen"]);
    let card = folder.file("card.der", &authority.card(7).der);
    folder.done(&folder.grant(&card, &["--card", "professional", "--right", "service:masks"]));
    let import = |name: &str, bytes: &[u8]| {
        let file = folder.file(name, bytes);
        folder.refused(&["crl", "import", &file])
    };
    let list = authority.list(5, 1..50);
    assert!(import("garbage.crl", b"garbage").contains("garbage.crl"));
    assert!(import("cut.crl", &list[..list.len() / 2]).contains("cut short"));
    assert!(import("sha1.crl", &with_sha1(&rsa.list(5, [1]))).contains("SHA-1"));
    assert!(import("gca.crl", &Authority::new("GCA").list(5, [1])).contains("no published issuer made it"));
    assert!(import("forged.crl", &Authority::new("HCA").list(5, [1])).contains("簽章不符"));
    assert!(import("future.crl", &authority.list(9, [1])).contains("in the future"));
    assert!(folder.refused(&["crl", "import", "/no/such.crl"]).contains("/no/such.crl"));
    let long = folder.path().join("long.crl");
    std::fs::File::create(&long).unwrap().set_len(32 * 1024 * 1024 + 1).unwrap();
    assert!(folder.refused(&["crl", "import", long.to_str().unwrap()]).contains("at most 33554432"));

    let done = folder.done(&["crl", "import", &folder.file("hca.crl", &list)]);
    assert_eq!((&done["cards"], &done["sites"], &done["revoked"]), (&49.into(), &1.into(), &1.into()));
    assert!(import("older.crl", &authority.list(4, [])).contains("a newer list is known"));
    let pem = format!("-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n", base64(&rsa.list(5, [1])));
    assert_eq!(folder.done(&["crl", "import", &folder.file("moica.crl", pem.as_bytes())])["sites"], 0);
    assert!(folder.said(&["staff", "list", TAMSUI]).contains("卡片已廢止"));
    let said = folder.said(&["issuer", "list"]);
    assert!(said.contains("49 張 cards") && said.contains("the next was due then"), "{said}");
    let revoked = folder.file("revoked.der", &authority.card(8).der);
    let told = folder.refused(&folder.grant(&revoked, &["--card", "professional", "--right", "manager"]));
    assert!(told.contains("revoked this card"), "{told}");
}

#[test]
fn notices_are_published_replaced_and_withdrawn() {
    let folder = ready();
    let shipped = folder.done(&["notice", "publish", "--shipped"]);
    assert_eq!(shipped["published"].as_array().unwrap().len(), 9);
    let said = folder.said(&["notice", "list"]);
    assert!(said.contains("daily-maintenance") && said.contains("聯絡窗口") && said.contains("電腦設定"), "{said}");
    let notice = |title: &str| {
        format!(
            "name = \"contact-nhi\"\nkind = \"contact\"\ntitle = \"{title}\"\nbody = \"b\"\nfrom = \"2020-02-06\"\n"
        )
    };
    folder.done(&["notice", "publish", &folder.file("n.toml", notice("新電話").as_bytes())]);
    let all = folder.done(&["notice", "list"])["notices"].as_array().unwrap().clone();
    let contact = all.iter().find(|notice| notice["name"] == "contact-nhi").unwrap();
    assert_eq!((all.len(), &contact["title"], &contact["shown"]), (9, &"新電話".into(), &true.into()));
    folder.done(&["notice", "withdraw", "contact-nhi"]);
    assert!(folder.refused(&["notice", "withdraw", "contact-nhi"]).contains("no notice"));
    assert!(folder.said(&["notice", "list"]).contains("withdrawn"));
    let bad = folder.refused(&["notice", "publish", &folder.file("bad.toml", b"name = 7")]);
    assert!(bad.contains("bad.toml") && bad.contains("name, kind, title, body, from"), "{bad}");
    assert!(folder.refused(&["notice", "publish", &folder.file("x.toml", &[0xff, 0xfe])]).contains("UTF-8"));
    assert!(folder.refused(&["notice", "publish", &folder.file("l.toml", &[b'x'; 20_000])]).contains("at most"));
    assert_eq!(folder.run(&["notice", "publish"]).status.code(), Some(2));
    folder.done(&["rebuild"]);
    assert_eq!(folder.done(&["notice", "list"])["notices"].as_array().unwrap().len(), 9);
}
