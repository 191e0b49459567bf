//! Requests as they come: shapes only. Numbers and names are judged by the node.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::ids::{EntryId, ProgrammeId};

pub(super) mod booking;

use crate::fault::Fault;
use crate::node::ask::{
    ArriveRequest, CorrectRequest, DisputeRequest, DocumentText, Examine, RecordRequest, SaleRequest, WithdrawRequest,
};
use crate::stated;

/// A document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    kind: String,
    number: String,
    birth: String,
}

/// POST check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    programme: Option<String>,
    document: Document,
}

/// POST sell.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sell {
    request: Option<String>,
    programme: Option<String>,
    document: Document,
    #[serde(default)]
    adult: i64,
    #[serde(default)]
    child: i64,
    proxy: Option<Document>,
    #[serde(default)]
    by: String,
    manager: Option<String>,
}

/// POST record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    request: Option<String>,
    programme: Option<String>,
    document: Document,
    #[serde(default)]
    adult: i64,
    #[serde(default)]
    child: i64,
    proxy: Option<Document>,
    #[serde(default)]
    by: String,
    at: String,
}

/// POST arrive.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arrive {
    request: Option<String>,
    programme: Option<String>,
    #[serde(default)]
    adult: i64,
    #[serde(default)]
    child: i64,
    #[serde(default)]
    by: String,
}

/// POST correct.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Correct {
    request: Option<String>,
    programme: Option<String>,
    #[serde(default)]
    adult: i64,
    #[serde(default)]
    child: i64,
    reason: String,
    #[serde(default)]
    by: String,
}

/// POST withdraw.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Withdraw {
    request: Option<String>,
    of: String,
    reason: String,
    #[serde(default)]
    by: String,
}

/// POST disputes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    request: Option<String>,
    programme: Option<String>,
    document: Document,
    reason: String,
    #[serde(default)]
    by: String,
}

/// A body as the request it means.
pub(super) trait Meant: DeserializeOwned {
    /// What the node is asked.
    type Request;

    /// Gives texts their types.
    fn meant(self) -> Result<Self::Request, Fault>;
}

/// Reads a JSON body.
pub(super) fn read<T: Meant>(body: Result<Bytes, BytesRejection>) -> Result<T::Request, Fault> {
    let bytes = body.map_err(|cause| {
        Fault::asked("body", "要求過長或不完整", "the request is too long or incomplete").because(cause)
    })?;
    let body: T = serde_json::from_slice(&bytes).map_err(|cause| {
        // serde's words name fields, not values: a number typed into the wrong place stays private.
        let place = format!("line {}, column {}", cause.line(), cause.column());
        let class = if cause.is_data() { "fields" } else { "JSON" };
        Fault::asked(
            "shape",
            format!("要求的內容不是約定的格式（{place}），未作任何變更"),
            format!("the request's {class} cannot be read at {place}; nothing was changed"),
        )
    })?;
    body.meant()
}

pub(super) fn programme(text: Option<&str>) -> Result<Option<ProgrammeId>, Fault> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(str::parse).transpose().map_err(|cause: shared::ids::BadId| {
        Fault::asked("programme", "沒有這個計畫名稱", "there is no programme of this name").because(cause)
    })
}

pub(super) fn entry(text: &str) -> Result<EntryId, Fault> {
    text.trim().parse().map_err(|cause: shared::ids::BadId| {
        let (zh, en) = (
            "紀錄編號格式不正確，請照收據或最近購買紀錄輸入",
            "not the number of an entry: copy it from the receipt or the recent purchases",
        );
        Fault::asked("entry", zh, en).because(cause)
    })
}

impl Document {
    fn text(self) -> DocumentText {
        DocumentText { kind: self.kind, number: self.number, birth: self.birth }
    }
}

impl Meant for Check {
    type Request = Examine;

    fn meant(self) -> Result<Examine, Fault> {
        Ok(Examine { programme: programme(self.programme.as_deref())?, document: self.document.text() })
    }
}

impl Meant for Sell {
    type Request = SaleRequest;

    fn meant(self) -> Result<SaleRequest, Fault> {
        Ok(SaleRequest {
            request: self.request,
            programme: programme(self.programme.as_deref())?,
            document: self.document.text(),
            adult: self.adult,
            child: self.child,
            proxy: self.proxy.map(Document::text),
            by: self.by,
            manager: self.manager,
        })
    }
}

impl Meant for Record {
    type Request = RecordRequest;

    fn meant(self) -> Result<RecordRequest, Fault> {
        let happened = stated::parse(&self.at).ok_or_else(|| {
            Fault::asked(
                "at",
                "補登時間無法辨識；請寫成 109/02/06 10:30",
                "the time of the sale cannot be read: write it as 109/02/06 10:30 or 2020-02-06 10:30",
            )
        })?;
        let Self { request, programme, document, adult, child, proxy, by, at: _ } = self;
        let sale = Sell { request, programme, document, adult, child, proxy, by, manager: None }.meant()?;
        Ok(RecordRequest { sale, happened })
    }
}

impl Meant for Arrive {
    type Request = ArriveRequest;

    fn meant(self) -> Result<ArriveRequest, Fault> {
        let programme = programme(self.programme.as_deref())?;
        Ok(ArriveRequest { request: self.request, programme, adult: self.adult, child: self.child, by: self.by })
    }
}

impl Meant for Correct {
    type Request = CorrectRequest;

    fn meant(self) -> Result<CorrectRequest, Fault> {
        let programme = programme(self.programme.as_deref())?;
        let Self { request, adult, child, reason, by, .. } = self;
        Ok(CorrectRequest { request, programme, adult, child, reason, by })
    }
}

impl Meant for Withdraw {
    type Request = WithdrawRequest;

    fn meant(self) -> Result<WithdrawRequest, Fault> {
        Ok(WithdrawRequest { request: self.request, of: entry(&self.of)?, reason: self.reason, by: self.by })
    }
}

impl Meant for File {
    type Request = DisputeRequest;

    fn meant(self) -> Result<DisputeRequest, Fault> {
        let programme = programme(self.programme.as_deref())?;
        let Self { request, document, reason, by, .. } = self;
        Ok(DisputeRequest { request, programme, document: document.text(), reason, by })
    }
}
