//! The edge's web without a port: pages by the manual's lines, the API, who may ask.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, header};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

mod api;
mod booking;
mod border;
mod cards;
mod disputes;
mod ladder;
mod lan;
mod masks;
mod sign_in;
mod stock;

use super::{Web, app};
use crate::desk::Desk;
use crate::trial::{THURSDAY, desk_at, site};
use crate::uplink::LineStatus;

const HOST: &str = "localhost:8750";
const FORM: &str = "application/x-www-form-urlencoded";

/// A browser at one counter: keeps its cookie, follows redirects, sends what browsers send.
struct Browser {
    app: Router,
    cookie: Option<String>,
}

impl Browser {
    fn at(time: &str, versions: &[&str]) -> Self {
        Self::before(&desk_at(time, versions))
    }

    /// Any number of browsers may stand before one node.
    fn before(desk: &Desk) -> Self {
        let (_, line) = watch::channel(LineStatus::default());
        Self::of(app(Arc::new(Web::new(desk.clone(), site(), line, vec![HOST.to_owned()]))))
    }

    fn of(app: Router) -> Self {
        Self { app, cookie: None }
    }

    /// With today's question answered and 200 and 50 in stock.
    async fn ready() -> Self {
        let mut browser = Self::at(THURSDAY, &["mask-2020-02-06"]);
        browser.post("/masks/entered", "").await;
        browser.post("/stock/arrive", "programme=mask&adult=200&child=50").await;
        browser
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn get(&mut self, path: &str) -> String {
        let mut request = Request::get(path).header(header::HOST, HOST);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self.send(request.body(Body::empty()).unwrap()).await;
        self.keep(response.headers());
        assert_eq!(response.status(), 200, "{path}");
        text(response).await
    }

    /// Posts a form and gives the page that the browser is led to.
    async fn post(&mut self, path: &str, form: &str) -> String {
        let response = self.post_only(path, form).await;
        assert_eq!(response.status(), 303, "{path}: POST → redirect → GET");
        let to = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        self.get(&to).await
    }

    /// The page, or the one that the browser is led to.
    async fn get_led(&mut self, path: &str) -> String {
        let mut request = Request::get(path).header(header::HOST, HOST);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self.send(request.body(Body::empty()).unwrap()).await;
        match response.headers().get(header::LOCATION) {
            Some(to) => {
                let to = to.to_str().unwrap().to_owned();
                self.get(&to).await
            }
            None => text(response).await,
        }
    }

    /// Posts a form and follows wherever that leads.
    async fn post_led(&mut self, path: &str, form: &str) -> String {
        let response = self.post_only(path, form).await;
        let to = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        self.get_led(&to).await
    }

    /// What a program reads that is no JSON object.
    async fn get_text(&self, path: &str) -> String {
        text(self.send(Request::get(path).header(header::HOST, HOST).body(Body::empty()).unwrap()).await).await
    }

    async fn post_only(&mut self, path: &str, form: &str) -> Response<Body> {
        let mut request = Request::post(path).header(header::HOST, HOST).header(header::CONTENT_TYPE, FORM);
        request = request.header(header::ORIGIN, format!("http://{HOST}")).header("sec-fetch-site", "same-origin");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self.send(request.body(Body::from(form.to_owned())).unwrap()).await;
        self.keep(response.headers());
        response
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let name = cookie.split('=').next().unwrap();
            let others = self.cookie.take().unwrap_or_default();
            let others = others.split("; ").filter(|other| !other.is_empty() && other.split('=').next() != Some(name));
            self.cookie = Some(others.chain([cookie]).collect::<Vec<_>>().join("; "));
        }
    }

    /// A program's request.
    async fn ask(&self, path: &str, body: &str) -> (u16, Value) {
        let request = Request::post(path).header(header::HOST, HOST).header(header::CONTENT_TYPE, "application/json");
        let response = self.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        let status = response.status().as_u16();
        (status, serde_json::from_str(&text(response).await).unwrap_or(Value::Null))
    }

    async fn look(&self, path: &str) -> Value {
        let request = Request::get(path).header(header::HOST, HOST).body(Body::empty()).unwrap();
        serde_json::from_str(&text(self.send(request).await).await).unwrap()
    }

    /// 資格審核.
    async fn check(&mut self, kind: &str, number: &str, birth: &str) -> String {
        self.post("/masks/check", &format!("kind={kind}&number={number}&birth={birth}")).await
    }

    /// From 資格審核 to 確定.
    async fn sell(&mut self, number: &str, birth: &str, adult: u32, child: u32) -> String {
        self.check("01", number, birth).await;
        self.post("/masks/buy", &format!("adult={adult}&child={child}")).await;
        self.post("/masks/confirm", "").await
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The page's words without its tags, blanks joined.
fn words(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
