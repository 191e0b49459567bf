//! Who may ask, and how every answer is hardened (RELIABILITY T14).

use super::*;

#[tokio::test]
async fn a_wrong_host_is_421_and_a_foreign_page_403() {
    let browser = Browser::at(THURSDAY, &[]);
    let get = |host: &str| Request::get("/").header(header::HOST, host).body(Body::empty()).unwrap();
    assert_eq!(browser.send(get(HOST)).await.status(), 200);
    assert_eq!(browser.send(get("attacker.test:8750")).await.status(), 421);
    let post = |origin: &str| {
        let request = Request::post("/stock/arrive").header(header::HOST, HOST).header(header::CONTENT_TYPE, FORM);
        request.header(header::ORIGIN, origin).body(Body::from("programme=mask&adult=1")).unwrap()
    };
    for origin in ["http://attacker.test", "null"] {
        assert_eq!(browser.send(post(origin)).await.status(), 403, "{origin}");
    }
    assert_eq!(browser.look("/api/v1/status").await["ledger"]["entries"], 0, "nothing was changed");
    assert_eq!(browser.send(post(&format!("http://{HOST}"))).await.status(), 303);
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let browser = Browser::at(THURSDAY, &[]);
    for path in ["/", "/masks", "/style.css", "/api/v1/status", "/nowhere", "/api/v1/sell"] {
        let response = browser.send(Request::get(path).header(header::HOST, HOST).body(Body::empty()).unwrap()).await;
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(
            (&headers[header::X_CONTENT_TYPE_OPTIONS], &headers[header::CACHE_CONTROL]),
            (&"nosniff".parse().unwrap(), &"no-store".parse().unwrap()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn pages_carry_no_script_and_no_inline_style() {
    let mut browser = Browser::ready().await;
    for path in ["/", "/masks", "/masks?entering=1", "/stock", "/recent"] {
        let page = browser.get(path).await;
        assert!(
            !page.contains("<script")
                && !page.contains(" style=")
                && !page.contains(" onclick")
                && !page.contains(" onload"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_too_long_is_turned_away() {
    let mut browser = Browser::ready().await;
    let long = "x".repeat(super::super::BODY_BYTES_MAX + 1);
    let (status, answer) = browser.ask("/api/v1/sell", &long).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("body")));
    assert_eq!(browser.post_only("/masks/check", &long).await.status(), 400);
    assert_eq!(browser.post_only("/masks/check", "number=1").await.status(), 400, "a field is missing");
}

#[tokio::test]
async fn the_cookie_is_for_this_site_only() {
    let browser = Browser::at(THURSDAY, &[]);
    let response = browser.send(Request::get("/masks").header(header::HOST, HOST).body(Body::empty()).unwrap()).await;
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("SameSite=Strict") && cookie.contains("HttpOnly"));
}
