//! `/healthz`, `/readyz`, `/metrics`: for whoever watches machines.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Web, answer, status};
use crate::uplink::LineState;

/// Answers by class since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    fine: AtomicU64,
    callers_fault: AtomicU64,
    own_fault: AtomicU64,
}

impl Metrics {
    /// One answer more.
    pub(super) fn count(&self, status: StatusCode) {
        let class = match status.as_u16() {
            0..400 => &self.fine,
            400..500 => &self.callers_fault,
            500.. => &self.own_fault,
        };
        class.fetch_add(1, Ordering::Relaxed);
    }
}

/// The process runs.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The node answers and sells.
pub(super) async fn readyz(State(web): State<Arc<Web>>) -> Response {
    match web.desk.sells().await {
        Ok(true) => "ready\n".into_response(),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "the node does not sell any more: restart it\n").into_response(),
        Err(fault) => answer::unwell(&fault),
    }
}

/// Prometheus' text format.
pub(super) async fn metrics(State(web): State<Arc<Web>>) -> Response {
    let whole = match status::whole(&web).await {
        Ok(whole) => whole,
        Err(fault) => return answer::unwell(&fault),
    };
    let connected = u64::from(whole.line.state == LineState::Connected);
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let plain = [
        ("atoll_edge_entries", whole.node.entries),
        ("atoll_edge_unsent", whole.unsent()),
        ("atoll_edge_quarantined", count(whole.node.quarantined)),
        ("atoll_edge_over", count(whole.node.over)),
        ("atoll_edge_watermark", whole.node.watermark),
        ("atoll_edge_connected", connected),
        ("atoll_edge_http_fine", load(&web.metrics.fine)),
        ("atoll_edge_http_callers_fault", load(&web.metrics.callers_fault)),
        ("atoll_edge_http_own_fault", load(&web.metrics.own_fault)),
    ];
    let mut text = String::new();
    for (name, value) in plain {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} {value}");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
